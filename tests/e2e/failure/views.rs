//! Views that can't be read, from before a run or since it.

use crate::support::Workspace;

/// Views that can't be read: at all, or only once there is a row.
const BROKEN: &[&str] = &[
    "CREATE VIEW broken AS SELECT * FROM nowhere",
    "CREATE VIEW broken AS SELECT no_such_column FROM parent",
    "CREATE VIEW broken AS SELECT application_function(id) FROM parent",
    "CREATE VIEW broken AS SELECT json(name) AS j FROM parent",
    "CREATE VIEW broken AS SELECT abs(-9223372036854775807 - id) AS j FROM parent",
];

fn is_let_through(view: &str) {
    let workspace = Workspace::with_family();
    workspace.migrate();
    workspace.change_beside_the_gate(view);
    workspace.migration("02_more", "CREATE TABLE more(x);\n", "DROP TABLE more;\n");
    let ran = workspace.run(&["migrate"]);
    assert_eq!(ran.code, 0, "{view}\n{}", ran.stderr);
    let receipt = workspace.last_receipt();
    assert!(receipt.to_string().contains("1 couldn't be read before either"), "{receipt}");
}

#[test]
fn a_view_that_was_broken_before_stops_nothing() {
    BROKEN[..3].iter().for_each(|view| is_let_through(view));
}

#[test]
fn a_view_that_failed_on_its_first_row_before_stops_nothing() {
    BROKEN[3..].iter().for_each(|view| is_let_through(view));
}

#[test]
fn a_view_that_a_run_breaks_undoes_the_run() {
    let cases: Vec<String> = BROKEN
        .iter()
        .map(|view| format!("{view};\n"))
        .chain([
            // The view was there, and what it reads goes.
            "DROP TABLE seen;\n".to_owned(),
            "DROP TABLE seen;\nCREATE TABLE seen(other);\n".to_owned(),
        ])
        .collect();
    for up in cases {
        let workspace = Workspace::with_family();
        workspace.migration(
            "02_view",
            "CREATE TABLE seen(x);\nCREATE VIEW sees AS SELECT x FROM seen;\n",
            "DROP VIEW sees;\nDROP TABLE seen;\n",
        );
        workspace.migrate();
        let before = workspace.content();
        workspace.migration("03_breaks", &up, "SELECT 1;\n");
        let ran = workspace.stops(&["migrate"], 3);
        assert!(ran.stderr.contains("every table and view"), "{up}\n{}", ran.stderr);
        assert_eq!(workspace.content(), before, "{up}");
        workspace.stops_in_json(&["migrate"], 3);
        assert_eq!(workspace.content(), before, "{up}");
    }
}

#[test]
fn a_view_that_was_broken_before_can_be_repaired() {
    let workspace = Workspace::with_family();
    workspace.migrate();
    workspace.change_beside_the_gate(BROKEN[0]);
    workspace.migration(
        "02_repairs",
        "DROP VIEW broken;\nCREATE VIEW broken AS SELECT * FROM parent;\n",
        "SELECT 1;\n",
    );
    workspace.migrate();
    assert_eq!(workspace.value("SELECT count(*) FROM broken"), "2");
}
