//! Smoke queries that can't be run, don't hold, or do more than read.

use crate::support::Workspace;

fn with_smoke(text: impl AsRef<[u8]>) -> Workspace {
    let workspace = Workspace::with_family();
    workspace.migrate();
    workspace.execute("INSERT INTO parent VALUES (7, 'geheim')");
    workspace.configure(
        "[targets.dev]\nengine = \"sqlite\"\npath = \"var/dev.db\"\nsmoke = [\"smoke.slt\"]\n",
    );
    workspace.write("smoke.slt", text);
    workspace.migration("02_more", "CREATE TABLE more(x);\n", "DROP TABLE more;\n");
    workspace
}

/// A smoke file, and a word of what must be said about it.
const REFUSED: &[(&[u8], &str)] = &[
    (b"query I\nSELECT count(*) FROM parent\n----\n4\n", "smoke.slt:1"),
    (b"\n\nquery I\nSELECT x FROM nowhere\n----\n1\n", "no such table: nowhere"),
    (b"query\n", "unexpected EOF"),
    (b"what is this\n", "smoke.slt:1"),
    (b"query I\nSELECT count(*) FROM parent\n", "smoke.slt"),
    (b"query T\nSELECT name FROM parent WHERE id = 1\n----\n a\n", "smoke.slt:1"),
    (b"\xff\xfe", "smoke.slt"),
    (b"system ok\ntouch made\n", "\"system\""),
    (b"statement ok\nINSERT INTO parent VALUES (9, 'x')\n", "may only read"),
    (b"statement ok\nDELETE FROM child\n", "may only read"),
    (b"query I\nDELETE FROM child RETURNING id\n----\n1\n2\n3\n", "may only read"),
    (b"statement ok\nCOMMIT\n", "may only read"),
    (b"statement ok\nROLLBACK\n", "may only read"),
    (b"statement ok\nATTACH 'made' AS made\n", "may only read"),
    (b"statement ok\nPRAGMA user_version = 5\n", "may only read"),
    (b"statement ok\nSELECT 1; DELETE FROM child\n", "smoke.slt:1"),
    (b"include other.slt\n", "smoke.slt"),
    (b"sleep 1s\n", "\"sleep\""),
];

#[test]
fn a_smoke_query_that_does_not_hold_or_does_not_only_read_rolls_the_run_back() {
    for (text, said) in REFUSED {
        let shown = String::from_utf8_lossy(text);
        let workspace = with_smoke(text);
        let before = workspace.content();
        let ran = workspace.stops(&["migrate"], 3);
        assert!(ran.stderr.contains(said), "no {said:?} for {shown}:\n{}", ran.stderr);
        assert!(ran.stderr.contains("smoke.slt"), "{shown}:\n{}", ran.stderr);
        assert_eq!(workspace.content(), before, "{shown}");
        assert!(!workspace.path().join("made").exists(), "{shown}");
        assert_eq!(workspace.last_receipt()["outcome"]["undo"], "rolled back", "{shown}");
        workspace.stops_in_json(&["migrate"], 3);
        assert_eq!(workspace.content(), before, "{shown}");
    }
}

#[test]
fn a_write_that_is_expected_to_fail_writes_nothing_either() {
    let workspace = with_smoke(
        "statement error\nDELETE FROM child\n\nquery I\nSELECT count(*) FROM child\n----\n3\n",
    );
    workspace.migrate();
    assert_eq!(workspace.value("SELECT count(*) FROM child"), "3");
}

#[test]
fn smoke_queries_that_hold_are_counted() {
    let workspace = with_smoke(
        "query IT\nSELECT id, name FROM parent ORDER BY id\n----\n1 a\n2 b\n7 geheim\n\n\
         query I\nSELECT count(*) FROM more\n----\n0\n\nhalt\n\nquery I\nSELECT 1\n----\n2\n",
    );
    workspace.migrate();
    let checks = workspace.last_receipt()["smokeAfterCommit"].clone();
    let ours = checks.as_array().unwrap().last().unwrap();
    assert_eq!(ours["detail"], "2 queries", "{checks}");
}

#[test]
fn a_receipt_of_a_smoke_query_that_failed_holds_no_row_and_no_sql() {
    let workspace = with_smoke("query T\nSELECT name FROM parent WHERE id = 7\n----\npublic\n");
    workspace.stops(&["migrate"], 3);
    let receipt = workspace.last_receipt().to_string();
    assert!(!receipt.contains("geheim"), "a row's value is in the receipt:\n{receipt}");
    assert!(!receipt.contains("SELECT name"), "SQL is in the receipt:\n{receipt}");
}

#[test]
fn a_smoke_file_that_is_missing_stops_the_run_with_nothing_applied() {
    let workspace = with_smoke("");
    std::fs::remove_file(workspace.path().join("smoke.slt")).unwrap();
    let before = workspace.content();
    let ran = workspace.run(&["migrate"]);
    assert!(matches!(ran.code, 2 | 3), "{}\n{}", ran.code, ran.stderr);
    ran.is_for_people();
    assert!(ran.stderr.contains("smoke.slt"), "{}", ran.stderr);
    assert_eq!(workspace.content(), before);
}

#[test]
fn smoke_files_of_a_directory_are_all_run() {
    let workspace = with_smoke("");
    std::fs::remove_file(workspace.path().join("smoke.slt")).unwrap();
    workspace.write("smoke.slt/a.slt", "query I\nSELECT 1\n----\n1\n");
    workspace.write("smoke.slt/b.slt", "query I\nSELECT 2\n----\n1\n");
    workspace.write("smoke.slt/notes.txt", "not a query");
    let ran = workspace.stops(&["migrate"], 3);
    assert!(ran.stderr.contains("b.slt:1"), "{}", ran.stderr);
    workspace.write("smoke.slt/b.slt", "query I\nSELECT 2\n----\n2\n");
    workspace.migrate();
}
