use std::path::PathBuf;

use super::*;
use crate::migration::{File, Metadata};

fn migration(directory: &str, up: &str) -> Migration {
    Migration {
        path: PathBuf::from(directory),
        directory: directory.to_owned(),
        version: directory.split('_').next().unwrap().replace('-', ""),
        up: File::Read(up.into()),
        down: File::Read(b"DROP TABLE x".to_vec()),
        metadata_file: File::Missing,
        metadata: if up.starts_with("VACUUM") {
            Metadata::Explicit(false)
        } else {
            Metadata::Absent
        },
        others: Vec::new(),
    }
}

fn set(migrations: &[(&str, &str)]) -> MigrationSet {
    MigrationSet {
        root: PathBuf::new(),
        migrations: migrations.iter().map(|(directory, up)| migration(directory, up)).collect(),
        strays: Vec::new(),
        sum_file: File::Missing,
    }
}

const SIMPLE: &[(&str, &str)] = &[("1_a", "A"), ("2_b", "B"), ("3_c", "C"), ("4_d", "D")];

fn applied(set: &MigrationSet, versions: &[&str]) -> Vec<Applied> {
    versions
        .iter()
        .map(|version| Applied {
            version: (*version).to_owned(),
            noted: set.by_version(version).map(|migration| Noted {
                directory: migration.directory.clone(),
                fingerprint: migration.fingerprint(),
                down_sql: migration.down.text().map(str::to_owned),
                run: Uuid::nil(),
            }),
        })
        .collect()
}

fn goal(name: &str) -> Goal {
    if name.is_empty() { Goal::Latest } else { Goal::Version(name.to_owned()) }
}

#[test]
fn the_goal_decides_direction_and_steps() {
    type Case<'a> = (&'a [&'a str], &'a str, Direction, &'a [&'a str], &'a [&'a str]);
    let cases: &[Case<'_>] = &[
        (&[], "", Direction::Up, &["1", "2", "3", "4"], &["1", "2", "3", "4"]),
        (&["1", "2"], "", Direction::Up, &["3", "4"], &["1", "2", "3", "4"]),
        (&["1"], "3", Direction::Up, &["2", "3"], &["1", "2", "3"]),
        (&["1", "2", "3"], "1_a", Direction::Down, &["3", "2"], &["1"]),
        (&["1", "2"], "2", Direction::Up, &[], &["1", "2"]),
        (&["1", "2", "3", "4"], "", Direction::Up, &[], &["1", "2", "3", "4"]),
    ];
    let set = set(SIMPLE);
    for (before, to, direction, steps, after) in cases {
        let plan = plan(&set, &applied(&set, before), &goal(to), Dialect::Sqlite).unwrap();
        assert_eq!(plan.direction, *direction, "{before:?} to {to}");
        assert_eq!(plan.steps().map(|step| step.version.as_str()).collect::<Vec<_>>(), *steps);
        assert_eq!(plan.applied_after, *after);
        assert_eq!(plan.to.as_deref(), after.last().copied());
    }
}

#[test]
fn an_empty_directory_plans_nothing() {
    let plan = plan(&set(&[]), &[], &Goal::Latest, Dialect::Sqlite).unwrap();
    assert!(plan.is_empty());
    assert_eq!((plan.from, plan.to), (None, None));
}

#[test]
fn history_that_does_not_fit_is_refused_with_every_reason() {
    let set = set(SIMPLE);
    let mut history = applied(&set, &["1", "3"]);
    assert_eq!(
        plan(&set, &history, &Goal::Latest, Dialect::Sqlite),
        Err(vec![Refusal::OutOfOrder { directory: "2_b".to_owned(), newest: "3".to_owned() }])
    );
    history[0].noted.as_mut().unwrap().fingerprint = Digest::of(b"other");
    history.push(Applied { version: "9".to_owned(), noted: None });
    assert_eq!(
        plan(&set, &history, &Goal::Latest, Dialect::Sqlite),
        Err(vec![
            Refusal::Edited { directory: "1_a".to_owned() },
            Refusal::MissingOnDisk { version: "9".to_owned() }
        ])
    );
    // What something else applied has no fingerprint to differ from.
    let foreign = [Applied { version: "1".to_owned(), noted: None }];
    assert!(plan(&set, &foreign, &Goal::Latest, Dialect::Sqlite).is_ok());
    let unknown = plan(&set, &[], &goal("3_x"), Dialect::Sqlite).unwrap_err();
    let next = unknown[0].next_step(Protection::Unprotected);
    assert!(next.contains("3_c"), "{next}");
}

#[test]
fn what_cannot_share_a_transaction_is_a_segment_of_its_own() {
    use SegmentKind::*;
    let rebuild = "CREATE TABLE n(a); DROP TABLE x; ALTER TABLE n RENAME TO x;";
    let set = set(&[
        ("1_a", "A"),
        ("2_b", "B"),
        ("3_c", rebuild),
        ("4_d", "VACUUM"),
        ("5_e", "E"),
        ("6_f", "F"),
    ]);
    let plan = plan(&set, &[], &Goal::Latest, Dialect::Sqlite).unwrap();
    let shape: Vec<_> =
        plan.segments.iter().map(|segment| (segment.kind, segment.steps.len())).collect();
    assert_eq!(shape, [(Transaction, 2), (Rebuild, 1), (NoTransaction, 1), (Transaction, 2)]);
}

#[test]
fn a_new_database_gets_a_bounded_number_of_statements_a_transaction() {
    let sql = |statements: usize| "SELECT 1;".repeat(statements);
    let texts = [sql(300), sql(200), sql(1), sql(900), sql(1)];
    let names = ["1_a", "2_b", "3_c", "4_d", "5_e"];
    let named: Vec<(&str, &str)> =
        names.into_iter().zip(texts.iter().map(String::as_str)).collect();
    let plan = plan(&set(&named), &[], &Goal::Latest, Dialect::Postgres).unwrap();
    let plan = plan.in_shorter_transactions();
    let shape: Vec<usize> = plan.segments.iter().map(|segment| segment.steps.len()).collect();
    assert_eq!(shape, [2, 1, 1, 1]);
}

#[test]
fn sqlite_has_a_transaction_wherever_one_works() {
    use SegmentKind::*;
    let rebuild = "CREATE TABLE n(a); DROP TABLE x; ALTER TABLE n RENAME TO x;";
    let foreign_keys = "PRAGMA foreign_keys = OFF; DROP TABLE x";
    // The text, whether a transaction is asked for, what it gets on each.
    let cases = [
        ("CREATE INDEX i ON x(a)", true, Transaction, Transaction),
        ("CREATE INDEX i ON x(a)", false, Transaction, NoTransaction),
        ("UPDATE x SET a = 'PRAGMA'; -- VACUUM", false, Transaction, NoTransaction),
        ("PRAGMA journal_mode = WAL", false, NoTransaction, NoTransaction),
        ("PRAGMA user_version = 3", true, Transaction, Transaction),
        ("VACUUM", false, NoTransaction, NoTransaction),
        ("BEGIN; DROP TABLE x; COMMIT", false, NoTransaction, NoTransaction),
        (rebuild, true, Rebuild, Transaction),
        (rebuild, false, Rebuild, NoTransaction),
        (foreign_keys, true, Rebuild, Transaction),
        (foreign_keys, false, NoTransaction, NoTransaction),
    ];
    for (sql, asked, sqlite, postgres) in cases {
        let mut set = set(&[("1_a", sql)]);
        set.migrations[0].metadata = Metadata::Explicit(asked);
        for (dialect, expected) in [(Dialect::Sqlite, sqlite), (Dialect::Postgres, postgres)] {
            let plan = plan(&set, &[], &Goal::Latest, dialect).unwrap();
            assert_eq!(plan.segments[0].kind, expected, "{sql} {asked} {dialect:?}");
        }
    }
}

#[test]
fn a_missing_down_is_named() {
    let mut set = set(SIMPLE);
    set.migrations[3].down = File::Missing;
    let history = applied(&set, &["1", "2", "3", "4"]);
    assert_eq!(
        plan(&set, &history, &goal("2"), Dialect::Sqlite),
        Err(vec![Refusal::NoText { directory: "4_d".to_owned(), direction: Direction::Down }])
    );
}

fn redo(from: &str) -> Goal {
    Goal::Redo { from: (!from.is_empty()).then(|| from.to_owned()) }
}

fn shown(plan: &Plan) -> Vec<String> {
    let sign = |step: &Step| if step.direction == Direction::Up { '+' } else { '-' };
    plan.steps().map(|step| format!("{}{}", sign(step), step.directory)).collect()
}

#[test]
fn a_redo_goes_down_to_the_oldest_that_differs_and_up_again() {
    type Edit = fn(&mut MigrationSet);
    // What happened to the disk, what is named, the steps.
    let cases: &[(Edit, &str, &[&str])] = &[
        (|_| (), "", &[]),
        (|_| (), "3_c", &["-3_c", "+3_c", "+4_d"]),
        (|_| (), "3", &["-3_c", "+3_c", "+4_d"]),
        (
            |set| set.migrations[1].up = File::Read(b"BB".to_vec()),
            "",
            &["-3_c", "-2_b", "+2_b", "+3_c", "+4_d"],
        ),
        (
            |set| set.migrations[1].down = File::Missing,
            "3_c",
            &["-3_c", "-2_b", "+2_b", "+3_c", "+4_d"],
        ),
        (|set| drop(set.migrations.remove(2)), "", &["-3_c", "+4_d"]),
        // Merged from elsewhere with an older version.
        (
            |set| set.migrations.insert(1, migration("1-5_m", "M")),
            "",
            &["-3_c", "-2_b", "+1-5_m", "+2_b", "+3_c", "+4_d"],
        ),
        // Renamed to run last, as `rebase` does.
        (
            |set| {
                set.migrations.remove(1);
                set.migrations.push(migration("5_b", "B"));
            },
            "",
            &["-3_c", "-2_b", "+3_c", "+4_d", "+5_b"],
        ),
    ];
    let before = set(SIMPLE);
    let history = applied(&before, &["1", "2", "3"]);
    for (edit, from, expected) in cases {
        let mut now = before.clone();
        edit(&mut now);
        let plan = plan(&now, &history, &redo(from), Dialect::Sqlite).unwrap();
        assert_eq!(shown(&plan), *expected, "{from}");
        // What undoes is the text of then, not that on disk now.
        assert!(
            plan.steps().all(|step| step.direction == Direction::Up || step.sql == "DROP TABLE x")
        );
        assert!(plan.segments.len() <= 1, "they share a transaction");
        let mut after: Vec<&str> = history.iter().map(|applied| applied.version.as_str()).collect();
        for step in plan.steps() {
            match step.direction {
                Direction::Up => after.push(&step.version),
                Direction::Down => after.retain(|version| *version != step.version),
            }
        }
        assert_eq!(plan.applied_after, after);
    }
}

#[test]
fn a_redo_needs_what_undoes_and_a_name_that_is_applied() {
    let set = set(SIMPLE);
    let history = applied(&set, &["1", "2", "3"]);
    let refusals = |history: &[Applied], from: &str| {
        plan(&set, history, &redo(from), Dialect::Sqlite).unwrap_err()
    };
    for down in [None, Some(""), Some("-- nothing\n;")] {
        let mut history = history.clone();
        history[1].noted.as_mut().unwrap().down_sql = down.map(str::to_owned);
        assert_eq!(
            refusals(&history, "1_a"),
            [Refusal::NothingUndoes { migration: "2_b".to_owned() }],
            "{down:?}"
        );
    }
    let mut foreign = history.clone();
    foreign[0].noted = None;
    assert_eq!(refusals(&foreign, "1"), [Refusal::NothingUndoes { migration: "1".to_owned() }]);
    assert_eq!(refusals(&history, "4_d"), [Refusal::NotApplied { directory: "4_d".to_owned() }]);
    let unknown = refusals(&history, "3_x");
    assert!(unknown[0].next_step(Protection::Unprotected).contains("3_c"), "{unknown:?}");
}
