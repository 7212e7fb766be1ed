//! `kill -9` inside a restore, and inside the undo of a run. See `kill::points` for which
//! system calls are tried.

use std::fs;
use std::path::PathBuf;

use crate::kill::for_each;
use crate::kill::points::{End, Point, can_trace, kill_at, points, run_alone, sample};
use crate::support::{Workspace, sha256};

const SAMPLE: usize = 12;

struct Scenario {
    name: &'static str,
    template: Workspace,
    /// Of the backup, and of before the restore with all migrations applied.
    then: String,
    migrated: String,
    receipts: Vec<serde_json::Value>,
    files: Vec<(String, String)>,
}

impl Scenario {
    /// The backup is that of the second run, as RESTORE.txt would name it; a third run and
    /// rows came later.
    fn new(name: &'static str, mode: &str, destroyed: bool) -> Self {
        let template = Workspace::with_family();
        template.migrate();
        template.execute(&format!(
            "PRAGMA journal_mode = {mode};
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
             INSERT INTO parent SELECT i + 10, 'parent ' || i FROM n"
        ));
        let then = template.content();
        template.migration("02_b", "CREATE TABLE b(x);\n", "DROP TABLE b;\n");
        template.migrate();
        let migrated = template.content();
        template.migration("03_c", "CREATE TABLE c(x);\n", "DROP TABLE c;\n");
        template.migrate();
        let scenario = Self {
            name,
            then,
            migrated,
            receipts: template.receipts(),
            files: receipt_files(&template),
            template,
        };
        fs::remove_dir_all(scenario.template.path().join("migrations/sqlite/03_c")).unwrap();
        if destroyed {
            fs::File::options()
                .write(true)
                .open(scenario.template.database())
                .unwrap()
                .set_len(5000)
                .unwrap();
        }
        scenario
    }

    fn survives(&self) {
        if !can_trace() {
            return;
        }
        let command = |workspace: &Workspace| vec!["restore".to_owned(), the_backup(workspace)];
        let traced = self.template.copy();
        let all = points(&traced, &borrowed(&command(&traced)), 0);
        let sample = sample(&all, SAMPLE);
        for_each(&sample, |_, point: &Point| {
            let workspace = self.template.copy();
            let arguments = command(&workspace);
            let killed = matches!(kill_at(&workspace, &borrowed(&arguments), point), End::Killed);
            self.restores(&workspace, &arguments)
                .map_err(|why| format!("{}, killed at {point:?} ({killed}): {why}", self.name))
        });
        println!("{}: killed at {} of {} points, all held", self.name, sample.len(), all.len());
    }

    fn restores(&self, workspace: &Workspace, arguments: &[String]) -> Result<(), String> {
        let ran = run_alone(workspace, &borrowed(arguments));
        let mut wrong = Vec::new();
        let mut hold = |held: bool, what: String| {
            if !held {
                wrong.push(what);
            }
        };
        hold(ran.code == 0, format!("the next restore: exit {}\n{}", ran.code, ran.stderr));
        hold(workspace.content() == self.then, "other content than the backup's".to_owned());
        hold(workspace.value("PRAGMA integrity_check") == "ok", "damaged".to_owned());
        let list = run_alone(workspace, &["receipt", "list", "--format", "json"]);
        hold(list.code == 0, format!("receipt list: {}", list.stderr));
        if list.code == 0 {
            let receipts = list.json()["receipts"].as_array().unwrap().clone();
            hold(
                receipts.starts_with(&self.receipts),
                format!("of {} receipts not all were carried over", self.receipts.len()),
            );
        }
        let files = receipt_files(workspace);
        hold(
            self.files.iter().all(|file| files.contains(file)),
            "the file of an earlier receipt was changed".to_owned(),
        );
        let ran = run_alone(workspace, &["migrate"]);
        hold(ran.code == 0, format!("the next migrate: exit {}\n{}", ran.code, ran.stderr));
        hold(workspace.content() == self.migrated, "other content after migrate".to_owned());
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
    }
}

/// The backup that the second run took.
fn the_backup(workspace: &Workspace) -> String {
    let mut found: Vec<PathBuf> = fs::read_dir(workspace.backup_directory())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .filter(|path| {
            let json: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
            json["applied"] == serde_json::json!(["01"])
        })
        .collect();
    found.sort();
    found[0].with_extension("").to_str().unwrap().to_owned()
}

fn borrowed(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

fn receipt_files(workspace: &Workspace) -> Vec<(String, String)> {
    let mut files: Vec<_> = fs::read_dir(workspace.path().join("var/receipts/dev"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), sha256(&path)))
        .collect();
    files.sort();
    files
}

#[test]
fn a_kill_inside_a_restore_in_delete_mode() {
    Scenario::new("restore, delete", "delete", false).survives();
}

#[test]
fn a_kill_inside_a_restore_in_wal_mode() {
    Scenario::new("restore, wal", "wal", false).survives();
}

#[test]
fn a_kill_inside_a_restore_over_a_destroyed_database() {
    Scenario::new("restore, destroyed", "delete", true).survives();
}

/// Whoever runs `migrate` after a restore that died gets a healthy database, too, and no
/// receipt is lost.
#[test]
fn migrate_after_a_restore_that_was_killed() {
    if !can_trace() {
        return;
    }
    let scenario = Scenario::new("migrate after restore", "delete", false);
    scenario.template.migration("03_c", "CREATE TABLE c(x);\n", "DROP TABLE c;\n");
    let traced = scenario.template.copy();
    let all = points(&traced, &["restore", &the_backup(&traced)], 0);
    for_each(&sample(&all, SAMPLE), |_, point| {
        let workspace = scenario.template.copy();
        kill_at(&workspace, &["restore", &the_backup(&workspace)], point);
        let mut wrong = Vec::new();
        let ran = run_alone(&workspace, &["migrate"]);
        if ran.code != 0 {
            wrong.push(format!("the next migrate: exit {}\n{}", ran.code, ran.stderr));
        }
        if workspace.value("PRAGMA integrity_check") != "ok" {
            wrong.push("damaged".to_owned());
        }
        if workspace.applied() != ["01", "02", "03"] {
            wrong.push(format!("applied: {:?}", workspace.applied()));
        }
        let list = run_alone(&workspace, &["receipt", "list", "--format", "json"]);
        let receipts = if list.code == 0 {
            list.json()["receipts"].as_array().unwrap().clone()
        } else {
            wrong.push(format!("receipt list: {}", list.stderr));
            Vec::new()
        };
        if !receipts.starts_with(&scenario.receipts) {
            wrong.push("not all receipts were carried over".to_owned());
        }
        let files = receipt_files(&workspace);
        if !scenario.files.iter().all(|file| files.contains(file)) {
            wrong.push("the file of an earlier receipt was changed".to_owned());
        }
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(format!("killed at {point:?}: {}", wrong.join("; ")))
        }
    });
}

/// A run that is being undone dies: the next run, or the steps that it gives, lead to the
/// state of before.
#[test]
fn a_kill_inside_the_undo_of_a_run() {
    if !can_trace() {
        return;
    }
    let template = Workspace::with_family();
    template.migrate();
    let before = template.content();
    template.configure_target("smoke = [\"late.slt\"]\n");
    fs::write(template.path().join("late.slt"), "query I\nSELECT total_changes() > 2\n----\n1\n")
        .unwrap();
    template.migration("02_new", "CREATE TABLE new(x);\n", "DROP TABLE new;\n");
    let all = points(&template.copy(), &["migrate"], 3);
    for_each(&sample(&all, SAMPLE), |_, point| {
        let workspace = template.copy();
        kill_at(&workspace, &["migrate"], point);
        let ran = run_alone(&workspace, &["migrate"]);
        let mut wrong = Vec::new();
        match ran.code {
            3 => {}
            4 => {
                let backup = the_backup(&workspace);
                let restored = run_alone(&workspace, &["restore", &backup]);
                if restored.code != 0 {
                    wrong.push(format!("restore: exit {}\n{}", restored.code, restored.stderr));
                }
            }
            code => wrong.push(format!("exit {code}\n{}", ran.stderr)),
        }
        if workspace.content() != before {
            wrong.push(format!("not as before (exit {})", ran.code));
        }
        if run_alone(&workspace, &["receipt", "list"]).code != 0 {
            wrong.push("the chain is broken".to_owned());
        }
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(format!("killed at {point:?}: {}", wrong.join("; ")))
        }
    });
}
