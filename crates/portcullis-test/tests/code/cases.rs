//! The cases that are played: each the same on both engines.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Integer, Text};
use portcullis_test::code::{Case, case};

#[cfg(feature = "postgres")]
pub(crate) const ENGINES: &[&str] = &["sqlite", "postgres"];
#[cfg(not(feature = "postgres"))]
pub(crate) const ENGINES: &[&str] = &["sqlite"];

/// A case for each engine, and why it fails if it does.
pub(crate) const EACH: &[(&str, Option<&str>)] = &[
    ("02_length::keeps_letters", None),
    ("02_length::finds_nothing_of_another_case", None),
    ("02_length::goes_down_too", None),
    ("02_length::has_transactions_of_its_own", None),
    ("02_length::asserts", Some("cases.rs:")),
    ("02_length::panics_beside_the_others", Some("two names are there")),
    ("02_length::has_bad_luck", Some("after: no luck")),
    ("02_length::asks_for_what_is_not_there", Some("before: ")),
    ("02_length::leaves_a_transaction_open", Some("before: it left a transaction open")),
    ("02_length::leaves_one_of_diesels_open", Some("after: it left a transaction open")),
    ("02_length::fails_when_it_is_down", Some("down: still there")),
    ("03_unique::has_two_of_a_name", Some("03_unique/up.sql: ")),
    ("04_vacuum::runs_outside_a_transaction", None),
    ("04_vaccum::is_called_something_else", Some("is 04_vacuum meant?")),
    ("05_last::comes_after_the_others", None),
];

/// Cases that aren't as they should be.
pub(crate) const ODD: &[(&str, Option<&str>)] = &[
    ("02_length::has_no_engine", Some("it has no engine")),
    ("05_last::is_there_twice::sqlite", Some("another case has this name")),
    ("05_last::is_there_twice::sqlite", None),
    #[cfg(feature = "postgres")]
    ("05_last::loses_its_connection::postgres", Some("after: it lost its connection")),
];

#[derive(QueryableByName)]
struct Item {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Integer)]
    letters: i32,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

const COUNT: &str = "SELECT count(*) AS n FROM item";
const NAMES: [&str; 4] = ["", "Anna", "Zoë", "日本 太郎"];

/// The same closures on both engines: their types are the connections'.
macro_rules! on_both {
    ($case:expr, $before:expr, $after:expr) => {{
        let case = $case.sqlite($before, $after);
        #[cfg(feature = "postgres")]
        let case = case.postgres($before, $after);
        case
    }};
    ($case:expr, $before:expr, $after:expr, $down:expr) => {{
        let case = $case.sqlite_and_down($before, $after, $down);
        #[cfg(feature = "postgres")]
        let case = case.postgres_and_down($before, $after, $down);
        case
    }};
}

macro_rules! seeds {
    () => {
        |db| {
            for name in NAMES {
                sql_query(format!("INSERT INTO item (name) VALUES ('{name}')")).execute(db)?;
            }
            Ok(NAMES.map(str::to_owned).to_vec())
        }
    };
}

pub(crate) fn all() -> Vec<Case> {
    let nothing = "SELECT 1";
    let mut all = passing();
    all.extend([
        on_both!(case("02_length", "asserts"), seeds!(), |db, names| {
            let count: Count = sql_query(COUNT).get_result(db)?;
            assert_eq!(count.n as usize, names.len() + 1);
            Ok(())
        }),
        on_both!(case("02_length", "panics_beside_the_others"), |_| Ok(()), |_, ()| {
            panic!("two names are there")
        }),
        on_both!(case("02_length", "has_bad_luck"), |_| Ok(()), |_, ()| Err("no luck".into())),
        on_both!(
            case("02_length", "asks_for_what_is_not_there"),
            |db| {
                sql_query("SELECT 1 FROM nowhere").execute(db)?;
                Ok(())
            },
            |_, ()| Ok(())
        ),
        on_both!(
            case("02_length", "leaves_a_transaction_open"),
            |db| {
                sql_query("BEGIN").execute(db)?;
                Ok(())
            },
            |_, ()| Ok(())
        ),
        on_both!(case("02_length", "leaves_one_of_diesels_open"), |_| Ok(()), |db, ()| Ok(
            db.begin_test_transaction()?
        )),
        on_both!(
            case("02_length", "fails_when_it_is_down"),
            |_| Ok(()),
            |_, ()| Ok("still there"),
            |_, kept| Err(kept.into())
        ),
        on_both!(
            case("03_unique", "has_two_of_a_name"),
            |db| {
                sql_query("INSERT INTO item (name) VALUES ('a'), ('a')").execute(db)?;
                Ok(())
            },
            |_, ()| Ok(())
        ),
        on_both!(case("04_vaccum", "is_called_something_else"), |_| Ok(()), |_, ()| Ok(())),
        case("02_length", "has_no_engine"),
        case("05_last", "is_there_twice").sqlite(|_| Ok(()), |_, ()| Ok(())),
        case("05_last", "is_there_twice")
            .sqlite(move |db| Ok(sql_query(nothing).execute(db)?), |_, _| Ok(())),
    ]);
    #[cfg(feature = "postgres")]
    all.push(case("05_last", "loses_its_connection").postgres(
        |_| Ok(()),
        |db, ()| {
            let end = "SELECT pg_terminate_backend(pg_backend_pid())";
            assert!(sql_query(end).execute(db).is_err());
            Ok(())
        },
    ));
    all
}

fn passing() -> Vec<Case> {
    vec![
        on_both!(case("02_length", "keeps_letters"), seeds!(), |db, names| {
            let items: Vec<Item> = sql_query("SELECT name, letters FROM item").load::<Item>(db)?;
            assert_eq!(items.len(), names.len());
            for item in items {
                assert!(names.contains(&item.name));
                assert_eq!(item.letters as usize, item.name.chars().count());
            }
            Ok(())
        }),
        on_both!(
            case("02_length", "finds_nothing_of_another_case"),
            |db| {
                assert_eq!(sql_query(COUNT).get_result::<Count>(db)?.n, 0);
                Ok(())
            },
            |db, ()| {
                assert_eq!(sql_query(COUNT).get_result::<Count>(db)?.n, 0);
                Ok(())
            }
        ),
        on_both!(
            case("02_length", "goes_down_too"),
            seeds!(),
            |db, names| {
                sql_query("UPDATE item SET letters = 7").execute(db)?;
                Ok(names.len())
            },
            |db, length| {
                assert_eq!(sql_query(COUNT).get_result::<Count>(db)?.n as usize, length);
                assert!(sql_query("SELECT letters FROM item").execute(db).is_err());
                Ok(())
            }
        ),
        on_both!(
            case("02_length", "has_transactions_of_its_own"),
            |db| {
                db.transaction(|db| sql_query("INSERT INTO item VALUES ('in')").execute(db))?;
                sql_query("BEGIN").execute(db)?;
                sql_query("INSERT INTO item VALUES ('in too')").execute(db)?;
                sql_query("COMMIT").execute(db)?;
                Ok(())
            },
            |db, ()| {
                assert_eq!(sql_query(COUNT).get_result::<Count>(db)?.n, 2);
                // What fails is over, and nothing else is.
                assert!(sql_query("INSERT INTO nowhere VALUES (1)").execute(db).is_err());
                assert_eq!(sql_query(COUNT).get_result::<Count>(db)?.n, 2);
                Ok(())
            }
        ),
        on_both!(case("04_vacuum", "runs_outside_a_transaction"), seeds!(), |db, names| {
            assert_eq!(sql_query(COUNT).get_result::<Count>(db)?.n as usize, names.len());
            Ok(())
        }),
        on_both!(case("05_last", "comes_after_the_others"), seeds!(), |db, names| {
            sql_query("UPDATE item SET last = name").execute(db)?;
            let count: Count =
                sql_query("SELECT count(DISTINCT last) AS n FROM item").get_result(db)?;
            assert_eq!(count.n as usize, names.len());
            Ok(())
        }),
    ]
}
