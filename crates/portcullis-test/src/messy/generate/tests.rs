use portcullis_database::scratch::shape::{Column, Kind, Unique};
use proptest::prelude::*;

use super::*;

const CHARACTERS: [Character; 5] =
    [Character::Full, Character::Plain, Character::Twins, Character::Tiny, Character::Strays];

fn column(number: usize, kind: Kind, nullable: bool) -> Column {
    let name = format!("c{number}");
    let declared = String::new();
    Column { sql: name.clone(), name, declared, kind, nullable, filled: Filled::Given, loose: true }
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Integer(32)),
        Just(Kind::Text(None)),
        (1_usize..5).prop_map(|limit| Kind::Text(Some(limit))),
        Just(Kind::Bool),
        Just(Kind::Uuid),
        (1_u32..9, 0_i32..4).prop_map(|(whole, scale)| {
            Kind::Numeric(Some((whole + scale.unsigned_abs(), scale)))
        }),
    ]
}

/// Up to six tables with a key of one or two columns; each column after the key may refer to
/// another table's key of one column, in circles, too.
fn schemas() -> impl Strategy<Value = Vec<Shape>> {
    let table = (1_usize..3, prop::collection::vec((kinds(), any::<bool>()), 2..6), any::<u8>());
    prop::collection::vec(table, 1..6).prop_map(|tables| {
        let single: Vec<usize> = (0..tables.len()).filter(|table| tables[*table].0 == 1).collect();
        let shape = |(at, (width, columns, refers)): (usize, &(usize, Vec<(Kind, bool)>, u8))| {
            let columns: Vec<Column> = columns
                .iter()
                .enumerate()
                .map(|(number, (kind, nullable))| {
                    column(number, kind.clone(), *nullable && number >= *width)
                })
                .collect();
            let parent = single.get(usize::from(*refers) % single.len().max(1));
            let keys = parent.filter(|_| columns.len() > *width).map(|parent| ForeignKey {
                columns: vec![*width],
                parent: format!("t{parent}"),
                referenced: vec!["c0".to_owned()],
            });
            let primary = Unique { columns: (0..*width).collect(), plain: true, primary: true };
            let name = format!("t{at}");
            Shape {
                sql: name.clone(),
                name,
                columns,
                uniques: vec![primary],
                keys: keys.into_iter().collect(),
                checks: vec![],
            }
        };
        tables.iter().enumerate().map(shape).collect()
    })
}

proptest! {
    /// The same seed makes the same rows, keys hold once only, and who refers to a row stands
    /// behind it and says what it says.
    #[test]
    fn rows_are_what_the_schema_asks_for(
        shapes in schemas(),
        seed in any::<u64>(),
        rows in 1_usize..40,
        character in prop::sample::select(CHARACTERS.to_vec()),
        dialect in prop::sample::select(vec![Dialect::Sqlite, Dialect::Postgres]),
    ) {
        let wanted = Wanted { character, rows, seed, dialect };
        let made = generate(&shapes, wanted);
        prop_assert_eq!(&made, &generate(&shapes, wanted));
        let mut taken: BTreeSet<(usize, Vec<String>)> = BTreeSet::new();
        for (at, row) in made.iter().enumerate() {
            prop_assert!(row.parents.iter().all(|parent| *parent < at));
            let Some(values) = row.values().filter(|_| !row.stray) else { continue };
            let shape = &shapes[row.table];
            let key: Vec<String> =
                shape.uniques[0].columns.iter().map(|column| values[*column].clone()).collect();
            prop_assert!(!key.contains(&NULL.to_owned()));
            prop_assert!(taken.insert((row.table, key)), "{}: {values:?}", shape.name);
            for (column, value) in shape.columns.iter().zip(values) {
                prop_assert!(column.nullable || value != NULL);
            }
            for key in &shape.keys {
                let said = &values[key.columns[0]];
                let is_there = made[..=at].iter().any(|other| {
                    format!("t{}", other.table) == key.parent
                        && other.values().is_some_and(|values| values[0] == *said)
                });
                prop_assert!(said == NULL || is_there, "{said}");
            }
        }
    }
}

#[test]
fn every_oddity_finds_its_way_into_enough_rows() {
    let shape = Shape {
        name: "a".to_owned(),
        sql: "a".to_owned(),
        columns: vec![
            column(0, Kind::Integer(64), false),
            column(1, Kind::Text(None), true),
            column(2, Kind::Real(64), false),
        ],
        uniques: vec![Unique { columns: vec![0], plain: true, primary: true }],
        ..Shape::default()
    };
    let shapes = [shape];
    let dialect = Dialect::Postgres;
    let made =
        generate(&shapes, Wanted { character: Character::Full, rows: 100, seed: 1, dialect });
    let values: BTreeSet<&str> =
        made.iter().filter_map(Row::values).flatten().map(String::as_str).collect();
    let long = "repeat('x', 10000)";
    for odd in [
        NULL,
        "''",
        "' '",
        "'NaN'",
        "'-Infinity'",
        "E'line\\u000aline'",
        "'Zoë'",
        "E'Zoe\\u0308'",
        long,
    ] {
        assert!(values.contains(odd), "{odd}");
    }
    assert_eq!(made.len(), 100);
    let other =
        generate(&shapes, Wanted { character: Character::Full, rows: 100, seed: 2, dialect });
    assert_ne!(made, other);
}
