//! Databases of every page size, with a rollback journal or a WAL.

use std::path::Path;

use crate::support::{Workspace, content};

fn shaped(page: u32, journal: &str) -> Workspace {
    let workspace = Workspace::with_family();
    workspace.write("var/dev.db", "");
    workspace.execute(&format!(
        "PRAGMA page_size = {page}; PRAGMA journal_mode = {journal}; PRAGMA auto_vacuum = FULL; VACUUM;"
    ));
    workspace.migrate();
    workspace
}

#[test]
fn every_page_size_and_journal_succeeds_fails_and_is_restored() {
    for journal in ["delete", "wal"] {
        for page in [512, 1024, 4096, 8192, 65536] {
            let shape = format!("{page} bytes, {journal}");
            let workspace = shaped(page, journal);
            workspace.migration(
                "02_data",
                "CREATE TABLE data(x);\nINSERT INTO data VALUES (randomblob(300000)), (NULL), (1.5);\n",
                "DROP TABLE data;\n",
            );
            workspace.migrate();
            let before = workspace.content();

            workspace.migration(
                "03_fails",
                "DELETE FROM data;\nSELECT * FROM nowhere;\n",
                "SELECT 1;\n",
            );
            workspace.stops(&["migrate"], 3);
            assert_eq!(workspace.content(), before, "{shape}");
            let receipt = workspace.last_receipt();
            let backup = Path::new(receipt["backup"]["file"].as_str().unwrap());
            assert_eq!(content(backup), before, "{shape}: the backup is what was there");

            // Committed, found bad afterwards, and put back.
            workspace.migration(
                "03_fails",
                "DELETE FROM data;\nCREATE VIEW late AS SELECT json(CASE WHEN total_changes() > 1 THEN '1' ELSE name END) AS j FROM parent;\n",
                "SELECT 1;\n",
            );
            let ran = workspace.stops(&["migrate"], 3);
            assert!(ran.stderr.contains("the backup was restored"), "{shape}\n{}", ran.stderr);
            assert_eq!(workspace.content(), before, "{shape}");
            assert_eq!(workspace.value("PRAGMA page_size"), page.to_string(), "{shape}");
            assert_eq!(workspace.value("PRAGMA journal_mode"), journal, "{shape}");
            assert_eq!(workspace.value("PRAGMA integrity_check"), "ok", "{shape}");

            workspace.migration("03_fails", "DELETE FROM data;\n", "SELECT 1;\n");
            workspace.migrate();
            assert_eq!(workspace.value("SELECT count(*) FROM data"), "0", "{shape}");
        }
    }
}

#[test]
fn a_database_that_is_copied_before_the_lock_fails_and_succeeds_alike() {
    for journal in ["delete", "wal"] {
        let workspace = shaped(4096, journal);
        workspace.configure(
            "[targets.dev]\nengine = \"sqlite\"\npath = \"var/dev.db\"\nhold-writes-max = \"1KiB\"\n",
        );
        let before = workspace.content();
        workspace.migration(
            "02_more",
            "CREATE TABLE more(x);\nSELECT * FROM nowhere;\n",
            "SELECT 1;\n",
        );
        workspace.stops(&["migrate"], 3);
        assert_eq!(workspace.content(), before, "{journal}");
        workspace.migration(
            "02_more",
            "CREATE VIEW late AS SELECT json(CASE WHEN total_changes() > 1 THEN '1' ELSE name END) AS j FROM parent;\n",
            "SELECT 1;\n",
        );
        workspace.stops(&["migrate"], 3);
        assert_eq!(workspace.content(), before, "{journal}");
        workspace.migration("02_more", "CREATE TABLE more(x);\n", "DROP TABLE more;\n");
        workspace.migrate();
        let receipt = workspace.last_receipt();
        assert_eq!(receipt["backup"]["underWriteLock"], false, "{receipt}");
    }
}
