//! Prepared states, and what a database must be like after a run that died and the next.

use std::collections::BTreeSet;
use std::fs;

use super::points::{Point, points, run_alone};
use crate::support::{Ran, Workspace, sha256};

pub(super) struct Scenario {
    pub(super) name: String,
    arguments: Vec<&'static str>,
    /// Copied for each run.
    template: Workspace,
    /// Of an undisturbed run.
    expected: String,
    journal_mode: &'static str,
    /// The receipts that are there before, as JSON.
    receipts: Vec<serde_json::Value>,
    violations: usize,
}

/// Rows that fill some pages, always the same.
const ROWS: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)\n";

impl Scenario {
    fn new(name: &str, template: Workspace, arguments: &[&'static str]) -> Self {
        let fresh = !template.database().exists();
        let undisturbed = template.copy();
        run_alone(&undisturbed, arguments).expect(0);
        let mode = undisturbed.value("PRAGMA journal_mode");
        Self {
            name: name.to_owned(),
            arguments: arguments.to_vec(),
            expected: undisturbed.content(),
            journal_mode: if mode == "wal" { "wal" } else { "delete" },
            receipts: if fresh { Vec::new() } else { template.receipts() },
            violations: violations(&undisturbed),
            template,
        }
    }

    /// A database with rows, in this journal mode, and pending migrations of every kind.
    pub(super) fn existing(mode: &str) -> Self {
        let template = existing(mode);
        pending(&template);
        Self::new(&format!("existing, {mode}"), template, &["migrate"])
    }

    /// Nothing but the migrations.
    pub(super) fn fresh() -> Self {
        let template = Workspace::with_family();
        pending(&template);
        Self::new("fresh", template, &["migrate"])
    }

    /// From a rollback journal to WAL, by a migration.
    pub(super) fn to_wal() -> Self {
        let template = existing("delete");
        template.migration("02_a", "CREATE TABLE a(x);\n", "DROP TABLE a;\n");
        template.migration_without_transaction(
            "03_wal",
            "PRAGMA journal_mode = WAL;\n",
            "PRAGMA journal_mode = DELETE;\n",
        );
        template.migration("04_b", "CREATE TABLE b AS SELECT * FROM child;\n", "DROP TABLE b;\n");
        Self::new("to WAL", template, &["migrate"])
    }

    /// Everything up, then back to the first.
    pub(super) fn down() -> Self {
        let template = existing("delete");
        pending(&template);
        template.migrate();
        Self::new("down", template, &["migrate", "--to", "01", "--reason", "back"])
    }

    /// Everything up; then the second was edited.
    pub(super) fn redo() -> Self {
        let template = existing("delete");
        pending(&template);
        template.migrate();
        template.migration(
            "02_notes",
            "CREATE TABLE note(id INTEGER PRIMARY KEY, text TEXT);\nINSERT INTO note VALUES (1, 'new');\n",
            "DROP TABLE note;\n",
        );
        Self::new("redo", template, &["redo"])
    }

    /// Too large to be read while writers wait.
    pub(super) fn large() -> Self {
        let template = existing("delete");
        pending(&template);
        template.configure(
            "[targets.dev]\nengine = \"sqlite\"\npath = \"var/dev.db\"\nhold-writes-max = \"1KiB\"\n",
        );
        Self::new("large", template, &["migrate"])
    }

    /// A child whose parent doesn't exist, since before the run.
    pub(super) fn with_old_violations() -> Self {
        let template = existing("delete");
        template.execute("PRAGMA foreign_keys = OFF; INSERT INTO child VALUES (9001, 9002)");
        template.migration("02_a", "CREATE TABLE a(x);\n", "DROP TABLE a;\n");
        Self::new("old violations", template, &["migrate"])
    }

    pub(super) fn arguments(&self) -> &[&'static str] {
        &self.arguments
    }

    /// The state before the run.
    pub(super) fn before(&self) -> Workspace {
        self.template.copy()
    }

    /// The points of an undisturbed run.
    pub(super) fn points(&self) -> Vec<Point> {
        points(&self.before(), &self.arguments, 0)
    }

    /// The next run, and what the database is like after it.
    pub(super) fn recovers(&self, workspace: &Workspace) -> Result<(), String> {
        let ran = run_alone(workspace, &self.arguments);
        hold(ran.code == 0, || format!("the next run ended with {}\n{}", ran.code, told(&ran)))?;
        hold(workspace.content() == self.expected, || {
            format!("other content than after an undisturbed run\n{}", told(&ran))
        })?;
        self.is_well(workspace)?;
        self.record_is_complete(workspace)?;
        backups_are_whole(workspace)
    }

    /// `recover` begins no run, and leaves nothing for the next one to settle.
    pub(super) fn is_settled(&self, workspace: &Workspace) -> Result<(), String> {
        let ran = run_alone(workspace, &["recover", "--format", "json"]);
        if !workspace.database().exists() {
            return hold(ran.code == 1, || {
                format!("without a database it ended with {}", ran.code)
            });
        }
        hold(ran.code == 0, || format!("recover ended with {}\n{}", ran.code, told(&ran)))?;
        // One that died before its intent has left nothing at all.
        let receipts = run_alone(workspace, &["receipt", "list", "--format", "json"]).json();
        if receipts["receipts"].as_array().is_some_and(|receipts| !receipts.is_empty()) {
            self.is_quiet(workspace)?;
        }
        let again = run_alone(workspace, &["recover"]);
        hold(again.stdout.contains("nothing to recover"), || told(&again))?;
        // Half a redo that is settled is a migration to apply.
        if ran.json()["next"] == "cargo xtask migrate" && self.arguments == ["redo"] {
            let ran = run_alone(workspace, &["migrate"]);
            hold(ran.code == 0, || told(&ran))?;
        }
        Ok(())
    }

    fn is_well(&self, workspace: &Workspace) -> Result<(), String> {
        let mode = workspace.value("PRAGMA journal_mode");
        hold(mode == self.journal_mode, || format!("journal mode {mode}"))?;
        self.is_quiet(workspace)
    }

    /// No damage, no open run, no lock.
    fn is_quiet(&self, workspace: &Workspace) -> Result<(), String> {
        let checked = workspace.value("PRAGMA integrity_check");
        hold(checked == "ok", || format!("integrity: {checked}"))?;
        let violations = violations(workspace);
        hold(violations == self.violations, || format!("{violations} violations"))?;
        let open = workspace.value(
            "SELECT count(*) FROM __portcullis_run WHERE NOT closed OR entering IS NOT NULL",
        );
        hold(open == "0", || format!("{open} open runs"))?;
        let drift = run_alone(workspace, &["drift"]);
        hold(drift.code == 0, || format!("drift\n{}", told(&drift)))?;
        // Nobody holds a lock: SQLite's, or the runner's.
        let conn = workspace.connect();
        conn.busy_timeout(std::time::Duration::ZERO).unwrap();
        conn.execute_batch("BEGIN EXCLUSIVE; ROLLBACK").map_err(|error| error.to_string())?;
        let lock = fs::File::open(workspace.path().join("var/dev.db.portcullis-lock")).unwrap();
        lock.try_lock().map_err(|error| format!("the runner's lock: {error}"))
    }

    /// The chain verifies, the receipts of before are its beginning, the last one says
    /// that the run is done, and each is there as a file too.
    fn record_is_complete(&self, workspace: &Workspace) -> Result<(), String> {
        let ran = run_alone(workspace, &["receipt", "list", "--format", "json"]);
        hold(ran.code == 0, || format!("receipt list: {}", told(&ran)))?;
        let receipts = ran.json()["receipts"].as_array().unwrap().clone();
        hold(receipts.starts_with(&self.receipts), || "earlier receipts changed".to_owned())?;
        hold(receipts.len() > self.receipts.len(), || "no receipt of the run".to_owned())?;
        let last = &receipts[receipts.len() - 1]["predicate"]["outcome"]["code"];
        hold(last == 0, || format!("the last receipt says {last}"))?;
        let files: BTreeSet<String> = fs::read_dir(workspace.path().join("var/receipts/dev"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| !path.file_name().unwrap().to_string_lossy().starts_with('.'))
            .map(|path| sha256(&path))
            .collect();
        let conn = workspace.connect();
        let mut statement = conn.prepare("SELECT digest FROM __portcullis_receipt").unwrap();
        let stored: BTreeSet<String> = statement
            .query_map([], |row| row.get::<_, String>(0))
            .unwrap()
            .map(|digest| digest.unwrap().trim_start_matches("sha256:").to_owned())
            .collect();
        hold(files == stored, || format!("files {files:?}, database {stored:?}"))
    }
}

/// What is counted as a backup is one, to the last bit.
fn backups_are_whole(workspace: &Workspace) -> Result<(), String> {
    let ran = run_alone(workspace, &["backup", "list", "--format", "json"]);
    hold(ran.code == 0, || format!("backup list: {}", told(&ran)))?;
    for backup in ran.json()["backups"].as_array().unwrap() {
        let file = backup["file"].as_str().unwrap();
        let recorded = backup["sidecar"]["sha256"].as_str().unwrap();
        let found = sha256(file.as_ref());
        hold(recorded.ends_with(&found), || format!("{file} is {found}, not {recorded}"))?;
        hold(file.ends_with(".db"), || format!("{file} counts as a backup"))?;
    }
    Ok(())
}

fn violations(workspace: &Workspace) -> usize {
    let conn = workspace.connect();
    let mut statement = conn.prepare("PRAGMA foreign_key_check").unwrap();
    let mut rows = statement.query([]).unwrap();
    let mut count = 0;
    while rows.next().unwrap().is_some() {
        count += 1;
    }
    count
}

fn hold(condition: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if condition { Ok(()) } else { Err(otherwise()) }
}

fn told(ran: &Ran) -> String {
    format!("{}{}", ran.stdout, ran.stderr)
}

/// A family that was migrated, with more rows, in this journal mode.
fn existing(mode: &str) -> Workspace {
    let workspace = Workspace::with_family();
    workspace.migrate();
    workspace.execute(&format!(
        "PRAGMA journal_mode = {mode};
         {ROWS} INSERT INTO parent SELECT i + 10, 'parent ' || i FROM n;
         {ROWS} INSERT INTO child SELECT i + 10, i + 10 FROM n"
    ));
    workspace
}

/// A transaction of two, a rebuild of a table that is referenced, one without a
/// transaction, and a transaction again.
fn pending(workspace: &Workspace) {
    workspace.migration(
        "02_notes",
        &format!(
            "CREATE TABLE note(id INTEGER PRIMARY KEY, child INTEGER REFERENCES child(id), text TEXT);\n\
             {ROWS} INSERT INTO note SELECT i, (SELECT max(id) FROM child), 'note ' || i FROM n;\n"
        ),
        "DROP TABLE note;\n",
    );
    workspace.migration(
        "03_ages",
        "ALTER TABLE child ADD COLUMN age INTEGER;\nUPDATE child SET age = id % 50;\n\
         CREATE INDEX child_age ON child(age);\n",
        "DROP INDEX child_age;\nALTER TABLE child DROP COLUMN age;\n",
    );
    workspace.migration(
        "04_rebuild",
        "CREATE TABLE new_parent(id INTEGER PRIMARY KEY, name TEXT NOT NULL CHECK (name <> ''));\n\
         INSERT INTO new_parent SELECT id, name FROM parent;\n\
         DROP TABLE parent;\nALTER TABLE new_parent RENAME TO parent;\n",
        "CREATE TABLE new_parent(id INTEGER PRIMARY KEY, name TEXT);\n\
         INSERT INTO new_parent SELECT id, name FROM parent;\n\
         DROP TABLE parent;\nALTER TABLE new_parent RENAME TO parent;\n",
    );
    workspace.migration_without_transaction("05_vacuum", "VACUUM;\n", "VACUUM;\n");
    workspace.migration(
        "06_view",
        "CREATE VIEW families AS SELECT p.name, count(*) AS children FROM parent p JOIN child c ON c.parent = p.id GROUP BY p.id;\n",
        "DROP VIEW families;\n",
    );
}
