//! The example's own cases: mistakes in its migrations, each caught by the case that is there
//! for it, on the one engine where it is one.

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
    let workspace = Workspace::new();
    for directory in ["migrations", "tests/migrations"] {
        let to = workspace.path().join(directory);
        fs::create_dir_all(&to).unwrap();
        copy_directory(&repository.join(directory), &to);
    }
    workspace.configure(&fs::read_to_string(repository.join("portcullis.toml")).unwrap());
    for Mistake { engine, migration, written, mistaken, .. } in MISTAKES {
        let file = format!("migrations/{}/{migration}/up.sql", engine.name());
        let text = fs::read_to_string(workspace.path().join(&file)).unwrap();
        assert!(text.contains(written), "{migration} isn't written like that any more");
        workspace.write(&file, text.replacen(written, mistaken, 1));
    }
    let json = workspace.run(&["test-migration", "--format", "json"]).expect(1).json();
    let is_caught = |on: Engine, mistake: &Mistake| {
        let engines = json["engines"].as_array().unwrap();
        let report = engines.iter().find(|report| report["engine"] == on.name()).unwrap();
        let migrations = report["migrations"].as_array().unwrap();
        let migration = migrations.iter().find(|one| one["migration"] == mistake.migration);
        let cases = migration.unwrap()["cases"].as_array().unwrap();
        !cases.iter().find(|case| case["name"] == mistake.case).unwrap()["problem"].is_null()
    };
    for mistake in MISTAKES {
        let Mistake { engine, migration, case, .. } = mistake;
        for on in [Engine::Sqlite, Engine::Postgres] {
            let on_it = on.name() == engine.name();
            assert_eq!(is_caught(on, mistake), on_it, "{migration}::{case} on {}", on.name());
        }
    }
}
