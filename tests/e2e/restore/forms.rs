//! Page sizes and journal modes, of the backup and of what it is restored over.

use super::{person, restore, same_file, take};
use crate::support::Workspace;

/// Nobody is here to be waited for.
const WAIT: &str = "lock-wait = \"1s\"\n";

/// A family in this form, migrated.
fn family(page_size: u32, mode: &str) -> Workspace {
    let workspace = Workspace::with_family();
    workspace.configure_target(WAIT);
    std::fs::create_dir(workspace.path().join("var")).unwrap();
    workspace
        .execute(&format!("PRAGMA page_size = {page_size}; PRAGMA journal_mode = {mode}; VACUUM"));
    workspace.run(&["migrate", "--enrol"]).expect(0);
    assert_eq!(form(&workspace), (page_size.to_string(), mode.to_owned()));
    workspace.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
         INSERT INTO parent SELECT i + 10, hex(randomblob(40)) FROM n",
    );
    workspace
}

fn form(workspace: &Workspace) -> (String, String) {
    (workspace.value("PRAGMA page_size"), workspace.value("PRAGMA journal_mode"))
}

fn change(workspace: &Workspace, page_size: u32, mode: &str) {
    // Not in WAL mode: there the page size can't change.
    workspace.execute(&format!(
        "PRAGMA journal_mode = delete; PRAGMA page_size = {page_size}; VACUUM; PRAGMA journal_mode = {mode};
         DELETE FROM parent WHERE id > 500; INSERT INTO child VALUES (99, 1)"
    ));
    assert_eq!(form(workspace), (page_size.to_string(), mode.to_owned()));
}

#[test]
fn every_page_size_and_journal_mode_comes_back() {
    let forms: Vec<(u32, &str)> = [512, 4096, 65536]
        .into_iter()
        .flat_map(|size| ["delete", "wal"].map(|mode| (size, mode)))
        .collect();
    let mut failures = Vec::new();
    for (size, mode) in &forms {
        let template = family(*size, mode);
        let taken = take(&template);
        let then = template.content();
        for (later_size, later_mode) in &forms {
            let workspace = template.copy();
            let backup = same_file(&workspace, &taken);
            change(&workspace, *later_size, later_mode);
            let told = format!("{size} {mode} over {later_size} {later_mode}");
            let ran = restore(&workspace, &backup);
            if ran.code != 0 {
                failures.push(format!("{told}: exit {}\n{}", ran.code, ran.stderr));
                continue;
            }
            if workspace.content() != then {
                failures.push(format!("{told}: other content"));
            }
            if form(&workspace) != (size.to_string(), (*mode).to_owned()) {
                failures.push(format!("{told}: {:?}", form(&workspace)));
            }
            if workspace.value("PRAGMA integrity_check") != "ok" {
                failures.push(format!("{told}: damaged"));
            }
            if workspace.receipts().len() != 2 {
                failures.push(format!("{told}: {} receipts", workspace.receipts().len()));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The undo of a run uses the same way, over what the run itself has changed. If it says
/// that it can't prove that nobody else has written, that must be why, and the steps that
/// it gives must lead to the same end.
fn is_undone(workspace: &Workspace, then: &str, told: &str) {
    let before = form(workspace);
    let ran = workspace.run(&["migrate"]);
    match ran.code {
        3 => assert!(ran.stderr.contains("the backup was restored"), "{told}: {}", ran.stderr),
        4 => {
            assert!(
                !ran.stderr.contains("another program has written"),
                "{told}: nobody else has written\n{}",
                ran.stderr
            );
            person::follow_the_steps(workspace).expect(0);
        }
        code => panic!("{told}: exit {code}\n{}", ran.stderr),
    }
    assert_eq!(workspace.content(), then, "{told}");
    assert_eq!(form(workspace), before, "{told}");
    assert_eq!(workspace.value("PRAGMA integrity_check"), "ok", "{told}");
    workspace.receipts();
}

#[test]
fn a_new_journal_mode_is_undone() {
    for (size, mode, other) in
        [(512, "delete", "WAL"), (4096, "wal", "DELETE"), (65536, "delete", "WAL")]
    {
        let workspace = family(size, mode);
        let then = workspace.content();
        person::fail_after_the_commit(&workspace, WAIT);
        workspace.migration_without_transaction(
            "03_mode",
            &format!("PRAGMA journal_mode = {other};\n"),
            "SELECT 1;\n",
        );
        is_undone(&workspace, &then, &format!("{size} {mode}"));
    }
}

#[test]
fn a_vacuum_is_undone() {
    for mode in ["delete", "wal"] {
        let workspace = family(4096, mode);
        let then = workspace.content();
        person::fail_after_the_commit(&workspace, WAIT);
        workspace.migration_without_transaction("03_vacuum", "VACUUM;\n", "SELECT 1;\n");
        is_undone(&workspace, &then, mode);
        assert_eq!(workspace.last_receipt()["outcome"]["code"], 3, "a VACUUM is no doubt");
    }
}

#[test]
fn a_new_page_size_is_undone() {
    let workspace = family(4096, "delete");
    let then = workspace.content();
    person::fail_after_the_commit(&workspace, WAIT);
    workspace.migration_without_transaction("03_size", "PRAGMA page_size = 8192;\n", "SELECT 1;\n");
    workspace.migration_without_transaction("04_vacuum", "VACUUM;\n", "SELECT 1;\n");
    is_undone(&workspace, &then, "page size");
}
