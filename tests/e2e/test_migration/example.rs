//! The example's own cases: mistakes in its migrations, each caught by the case that is there
//! for it, on the one engine where it is one.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::conformance::bench::Engine;
use crate::support::{Workspace, copy_directory};

struct Mistake {
    engine: Engine,
    migration: &'static str,
    written: &'static str,
    mistaken: &'static str,
    /// The case that catches it.
    case: &'static str,
}

const MISTAKES: &[Mistake] = &[
    // Only PostgreSQL compares by a language's rules unless told otherwise.
    Mistake {
        engine: Engine::Postgres,
        migration: "2024-01-08-090000_create_studios_and_customers",
        written: " COLLATE \"C\"",
        mistaken: "",
        case: "addresses_fold_case_byte_by_byte",
    },
    Mistake {
        engine: Engine::Postgres,
        migration: "2024-06-03-083000_unique_customer_emails",
        written: "ORDER BY created_at, id COLLATE \"C\")",
        mistaken: "ORDER BY created_at, id COLLATE \"en-x-icu\")",
        case: "of_one_age_the_smaller_identifier_stays",
    },
    // Only PostgreSQL takes a constraint that its rows don't keep.
    Mistake {
        engine: Engine::Postgres,
        migration: "2025-02-10-113000_tighten_customers",
        written: "SET email = NULLIF(lower(trim(email)), '')",
        mistaken: "SET email = email",
        case: "tidies_addresses_and_asks_nobody",
    },
    // Only SQLite keeps text in a column of integers.
    Mistake {
        engine: Engine::Sqlite,
        migration: "2024-04-02-090000_backfill_order_totals",
        written: "WHERE prints.order_id = orders.id\n);",
        mistaken: "WHERE prints.order_id = orders.id AND typeof(prints.quantity) = 'integer'\n);",
        case: "quantities_that_sqlite_kept_as_text",
    },
    // Only SQLite rebuilds a table to change it, and loses what hangs on it.
    Mistake {
        engine: Engine::Sqlite,
        migration: "2025-02-10-113000_tighten_customers",
        written: "CREATE INDEX customers_studio_id ON customers (studio_id);",
        mistaken: "",
        case: "keeps_what_hangs_on_customers",
    },
];

#[test]
fn the_cases_of_the_example_catch_what_is_a_mistake_on_one_engine_only() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for Mistake { engine, migration, written, mistaken, case } in MISTAKES {
        let workspace = Workspace::new();
        for directory in ["migrations", "tests/migrations"] {
            let to = workspace.path().join(directory);
            fs::create_dir_all(&to).unwrap();
            copy_directory(&repository.join(directory), &to);
        }
        let config = fs::read_to_string(repository.join("portcullis.toml")).unwrap();
        workspace.configure(&config);
        let file = format!("migrations/{}/{migration}/up.sql", engine.name());
        let text = fs::read_to_string(workspace.path().join(&file)).unwrap();
        assert!(text.contains(written), "{migration} isn't written like that any more");
        workspace.write(&file, text.replacen(written, mistaken, 1));
        let json =
            workspace.run(&["test-migration", migration, "--format", "json"]).expect(1).json();
        let mut caught = BTreeSet::new();
        for report in json["engines"].as_array().unwrap() {
            let cases = report["migrations"][0]["cases"].as_array().unwrap();
            let failed = cases.iter().filter(|case| !case["problem"].is_null());
            caught.extend(
                failed.map(|case| (report["engine"].to_string(), case["name"].to_string())),
            );
        }
        let expected = (format!("{:?}", engine.name()), format!("{case:?}"));
        assert!(caught.contains(&expected), "{migration}: not by {expected:?}, but by {caught:?}");
        assert!(caught.iter().all(|(on, _)| *on == expected.0), "{migration}: {caught:?}");
    }
}
