//! The JSON schema of a receipt, made from its types and kept in `docs`.

use std::path::Path;

/// As [`portcullis_model::smoke::Check`] is written.
#[derive(schemars::JsonSchema)]
#[expect(dead_code, reason = "only its schema is wanted")]
pub(crate) struct Check {
    /// What was checked.
    name: String,
    /// How it ended.
    result: CheckResult,
    /// What there is to know.
    detail: Option<String>,
    /// How long it took.
    milliseconds: u64,
}

#[derive(schemars::JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is wanted")]
enum CheckResult {
    Passed,
    Noted,
    Skipped,
    Failed,
}

#[derive(schemars::JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is wanted")]
pub(crate) enum Direction {
    Up,
    Down,
}

/// As [`portcullis_model::sum::Tested`] is written.
#[derive(schemars::JsonSchema)]
#[schemars(rename_all = "camelCase")]
#[expect(dead_code, reason = "only its schema is wanted")]
pub(crate) struct Tested {
    /// Its cases.
    cases: usize,
    /// Whether it went up, down and up, and everything came back.
    round_trip: bool,
    /// The rows of messy data that it was applied over.
    messy_rows: usize,
}

#[test]
fn the_schema_in_the_documentation_is_that_of_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/receipt.schema.json");
    let schema =
        serde_json::to_string_pretty(&schemars::schema_for!(crate::Receipt)).unwrap() + "\n";
    if std::env::var_os("PORTCULLIS_UPDATE_DOCS").is_some() {
        std::fs::write(&path, &schema).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(there, schema, "run: cargo xtask docs");
}
