//! `redo`, where rows or the way on might be lost.

use crate::support::Workspace;

/// What stops between two commits would have taken rows with it.
#[test]
fn a_redo_that_fails_after_a_commit_loses_no_row() {
    let workspace = Workspace::with_family();
    workspace.migration("02_aa", "CREATE TABLE aa(t);\n", "DROP TABLE aa;\n");
    workspace.migration_without_transaction("03_vacuum", "VACUUM;\n", "SELECT 1;\n");
    workspace.migration("04_cc", "CREATE TABLE cc(x);\n", "DROP TABLE cc;\n");
    workspace.migrate();
    workspace.execute("INSERT INTO aa VALUES ('precious')");
    let before = workspace.content();
    workspace.migration("02_aa", "CREATE TABLE aa(t, u);\n", "DROP TABLE aa;\n");
    workspace.migration("04_cc", "CREATE TABLE cc(x REFERENCES nosuch( );\n", "DROP TABLE cc;\n");
    workspace.stops(&["redo"], 3);
    assert_eq!(workspace.content(), before);
    assert_eq!(workspace.value("SELECT t FROM aa"), "precious");
}

#[test]
fn what_comes_before_something_applied_is_a_redo() {
    let workspace = Workspace::with_family();
    workspace.migration(
        "03_mine",
        "ALTER TABLE parent ADD COLUMN mine;\n",
        "ALTER TABLE parent DROP COLUMN mine;\n",
    );
    workspace.migrate();
    workspace.execute("INSERT INTO parent (id, name) VALUES (77, 'kept')");
    workspace.migration(
        "02_theirs",
        "ALTER TABLE parent ADD COLUMN theirs;\n",
        "ALTER TABLE parent DROP COLUMN theirs;\n",
    );
    for command in [&["migrate"][..], &["migrate", "--plan"]] {
        let ran = workspace.stops(command, 1);
        assert!(ran.stderr.contains("cargo xtask redo applies it"), "{}", ran.stderr);
    }
    assert!(workspace.run(&["status"]).expect(0).stdout.contains("cargo xtask redo applies"));
    workspace.run(&["redo"]).expect(0);
    assert_eq!(workspace.applied(), ["01", "02", "03"]);
    assert_eq!(workspace.value("SELECT name FROM parent WHERE id = 77"), "kept");
    workspace.run(&["redo"]).expect(0);
}

#[test]
fn after_a_backup_is_back_and_the_rest_fails_that_is_what_is_said() {
    let workspace = Workspace::with_family();
    workspace.migrate();
    workspace.migration("02_aa", "CREATE TABLE aa(t);\n", "DROP TABLE aa;\n");
    workspace.migrate();
    workspace.execute("INSERT INTO aa VALUES ('precious')");
    let before = workspace.content();
    workspace.migration("02_aa", "CREATE TABLE aa(t REFERENCES, );\n", "DROP TABLE aa;\n");
    let ran = workspace.stops(&["redo", "--from-backup", "--yes"], 5);
    assert!(!ran.stderr.contains("as it was before (rolled back)"), "{}", ran.stderr);
    let back = ran.stderr.lines().find_map(|line| line.trim().strip_prefix("cargo xtask restore "));
    let back = back.unwrap_or_else(|| panic!("{}", ran.stderr)).to_owned();
    workspace.run(&["restore", &back]).expect(0);
    assert_eq!(workspace.content(), before);
}

/// Typed as it stands, advice reaches the target that was meant.
#[test]
fn advice_names_the_target() {
    let workspace = Workspace::with_family();
    workspace.configure(
        "[targets.dev]\nengine = \"sqlite\"\npath = \"var/dev.db\"\n\
         [targets.two]\nengine = \"sqlite\"\npath = \"var/two.db\"\n",
    );
    workspace.run(&["migrate", "--target", "two"]).expect(0);
    workspace.migration("01_family", "CREATE TABLE parent(x);\n", "DROP TABLE parent;\n");
    let status = workspace.run(&["status", "--target", "two"]).expect(0);
    assert!(status.stdout.contains("cargo xtask redo --target two"), "{}", status.stdout);
    let ran = workspace.stops(&["migrate", "--target", "two"], 1);
    assert!(ran.stderr.contains("cargo xtask redo --target two"), "{}", ran.stderr);
    let ran = workspace.stops(&["redo", "01_family", "--from-backup", "--target", "two"], 2);
    let advised = "cargo xtask redo --target two 01_family --from-backup --yes";
    assert!(ran.stderr.contains(advised), "{}", ran.stderr);
}

#[test]
fn what_was_accepted_is_not_undone_by_a_slip_of_the_finger() {
    let workspace = Workspace::with_family();
    workspace.migration("02_more", "CREATE TABLE more(x);\n", "DROP TABLE more;\n");
    workspace.accept();
    workspace.migration("03_draft", "CREATE TABLE draft(x);\n", "DROP TABLE draft;\n");
    workspace.migrate();
    workspace.execute("INSERT INTO more VALUES (1)");
    workspace.run(&["redo", "03_draft"]).expect(0);
    let ran = workspace.refuses(&["redo", "01_family"], 2);
    assert!(ran.stderr.contains("2 accepted migrations would be undone"), "{}", ran.stderr);
    assert!(ran.stderr.contains("cargo xtask redo 01_family --yes"), "{}", ran.stderr);
    assert_eq!(workspace.value("SELECT count(*) FROM more"), "1");
    workspace.run(&["redo", "01_family", "--yes"]).expect(0);
    assert_eq!(workspace.value("SELECT count(*) FROM more"), "0");
}

#[test]
fn the_rows_of_what_is_undone_are_told_with_where_they_are() {
    let workspace = Workspace::with_family();
    workspace.migration("02_more", "CREATE TABLE more(x);\n", "DROP TABLE more;\n");
    workspace.migrate();
    workspace.execute("INSERT INTO more VALUES (1), (2)");
    workspace.migration("02_more", "CREATE TABLE more(x, y);\n", "DROP TABLE more;\n");
    let ran = workspace.run(&["redo"]).expect(0);
    let told = "what was undone held rows (more 2): the backup has them";
    assert!(ran.stdout.contains(told), "{}", ran.stdout);
    workspace.execute("INSERT INTO more VALUES (1, 2)");
    workspace.migration("03_less", "DELETE FROM more;\n", "SELECT 1;\n");
    let ran = workspace.migrate();
    assert!(ran.stdout.contains("more: 1 row, 0 now"), "{}", ran.stdout);
}
