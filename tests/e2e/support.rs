//! A workspace of its own for each test, and what a test asks of it.

mod accept;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

/// The program under test.
pub(crate) const GATE: &str = env!("CARGO_BIN_EXE_gate");

/// A workspace in a temporary directory, with the target `dev` at `var/dev.db`.
pub(crate) struct Workspace {
    directory: TempDir,
}

/// What a run printed and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            // A process that a signal ended has no code.
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Fails the test with everything that was printed unless the exit code is this one.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

impl Workspace {
    /// An empty one: no migration yet.
    pub(crate) fn new() -> Self {
        let workspace = Self { directory: tempfile::tempdir().unwrap() };
        fs::create_dir_all(workspace.path().join("migrations/sqlite")).unwrap();
        workspace.configure("[targets.dev]\nengine = \"sqlite\"\npath = \"var/dev.db\"\n");
        workspace
    }

    /// With parents, children that reference them with ON DELETE CASCADE, and rows.
    pub(crate) fn with_family() -> Self {
        let workspace = Self::new();
        workspace.migration(
            "01_family",
            "CREATE TABLE parent(id INTEGER PRIMARY KEY, name TEXT);\n\
             CREATE TABLE child(id INTEGER PRIMARY KEY, parent INTEGER NOT NULL REFERENCES parent(id) ON DELETE CASCADE);\n\
             INSERT INTO parent VALUES (1, 'a'), (2, 'b');\n\
             INSERT INTO child VALUES (1, 1), (2, 1), (3, 2);\n",
            "DROP TABLE child;\nDROP TABLE parent;\n",
        );
        workspace
    }

    /// The example application's migrations.
    pub(crate) fn with_example() -> Self {
        let workspace = Self::new();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations/sqlite");
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                continue;
            }
            let to = workspace.path().join("migrations/sqlite").join(entry.file_name());
            fs::create_dir(&to).unwrap();
            for file in fs::read_dir(entry.path()).unwrap() {
                let file = file.unwrap();
                fs::copy(file.path(), to.join(file.file_name())).unwrap();
            }
        }
        workspace
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path().join("var/dev.db")
    }

    pub(crate) fn configure(&self, text: &str) {
        fs::write(self.path().join("portcullis.toml"), text).unwrap();
    }

    pub(crate) fn migration(&self, name: &str, up: &str, down: &str) {
        let directory = self.path().join("migrations/sqlite").join(name);
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("up.sql"), up).unwrap();
        fs::write(directory.join("down.sql"), down).unwrap();
    }

    /// A migration that asks not to run in a transaction.
    pub(crate) fn migration_without_transaction(&self, name: &str, up: &str, down: &str) {
        self.migration(name, up, down);
        let file = self.path().join("migrations/sqlite").join(name).join("metadata.toml");
        fs::write(file, "run_in_transaction = false\n").unwrap();
    }

    /// The program with these arguments, in this workspace, in an environment of its own.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(GATE);
        self.prepare(&mut command);
        command.args(arguments);
        command
    }

    /// Another program in this workspace and its environment.
    pub(crate) fn prepare(&self, command: &mut Command) {
        command
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path())
            .stdin(Stdio::null());
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(&self.command(arguments).output().unwrap())
    }

    /// A copy of this workspace, as it is now, in a directory of its own.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self { directory: tempfile::tempdir().unwrap() };
        copy_directory(self.path(), copy.path());
        copy
    }

    /// An empty one in a directory whose name needs quoting everywhere.
    pub(crate) fn with_odd_name() -> Self {
        let directory = tempfile::Builder::new().prefix("it's $(a) `\"b\"` ").tempdir().unwrap();
        let workspace = Self { directory };
        fs::create_dir_all(workspace.path().join("migrations/sqlite")).unwrap();
        workspace.configure_target("");
        workspace
    }

    /// The target `dev` with these lines besides its engine and path.
    pub(crate) fn configure_target(&self, lines: &str) {
        self.configure(&format!(
            "[targets.dev]\nengine = \"sqlite\"\npath = \"var/dev.db\"\n{lines}"
        ));
    }

    /// The content of a backup, without touching it.
    pub(crate) fn backup_content(&self, backup: &Path) -> String {
        let copy = tempfile::tempdir().unwrap();
        let file = copy.path().join("copy.db");
        fs::copy(backup, &file).unwrap();
        content(&file)
    }

    /// The directory of the backups.
    pub(crate) fn backup_directory(&self) -> PathBuf {
        self.path().join("var/backups/dev")
    }

    /// `migrate`, which must succeed.
    #[track_caller]
    pub(crate) fn migrate(&self) -> Ran {
        self.run(&["migrate"]).expect(0)
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.database()).unwrap()
    }

    /// One value of the database, as text.
    pub(crate) fn value(&self, sql: &str) -> String {
        self.connect()
            .query_row(sql, [], |row| Ok(text(row.get_ref(0)?)))
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    pub(crate) fn execute(&self, sql: &str) {
        self.connect().execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Changes the schema beside the gate, which then takes it as it is.
    #[track_caller]
    pub(crate) fn change_beside_the_gate(&self, sql: &str) {
        self.execute(sql);
        self.run(&["migrate", "--enrol"]).expect(0);
    }

    /// SHA-256 over the schema and every row, the tool's own tables left out: equal
    /// exactly when the application sees the same database.
    pub(crate) fn content(&self) -> String {
        content(&self.database())
    }

    /// The versions that Diesel's table lists.
    pub(crate) fn applied(&self) -> Vec<String> {
        let conn = self.connect();
        let mut statement = conn
            .prepare("SELECT version FROM __diesel_schema_migrations ORDER BY version")
            .unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    }

    /// The receipts, oldest first, with their chain verified by the program.
    #[track_caller]
    pub(crate) fn receipts(&self) -> Vec<serde_json::Value> {
        let ran = self.run(&["receipt", "list", "--format", "json"]).expect(0);
        ran.json()["receipts"].as_array().unwrap().clone()
    }

    /// The newest receipt's predicate.
    #[track_caller]
    pub(crate) fn last_receipt(&self) -> serde_json::Value {
        self.receipts().last().expect("no receipt")["predicate"].clone()
    }

    /// The backups' files, oldest first.
    #[track_caller]
    pub(crate) fn backups(&self) -> Vec<PathBuf> {
        let ran = self.run(&["backup", "list", "--format", "json"]).expect(0);
        let list = ran.json()["backups"].as_array().unwrap().clone();
        list.iter().map(|backup| PathBuf::from(backup["file"].as_str().unwrap())).collect()
    }

    /// Writes a file of the workspace, with the directories on the way.
    pub(crate) fn write(&self, file: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// A command that stops with this code and says operation, place, cause and next step.
    #[track_caller]
    pub(crate) fn stops(&self, arguments: &[&str], code: i32) -> Ran {
        let ran = self.run(arguments).expect(code);
        ran.is_for_people();
        for label in
            ["error: couldn't ", "\n  where  ", "\n    why  ", "\n   next  ", "\n   exit  "]
        {
            let said = ran.stderr.split_once(label).and_then(|(_, rest)| rest.lines().next());
            assert!(
                said.is_some_and(|said| !said.trim().is_empty()),
                "no {label:?}:\n{}",
                ran.stderr
            );
        }
        ran
    }

    /// The same with `--format json`: one document, whose code is the exit code.
    #[track_caller]
    pub(crate) fn stops_in_json(&self, arguments: &[&str], code: i32) -> serde_json::Value {
        let ran = self.run(&[arguments, &["--format", "json"]].concat()).expect(code);
        ran.is_for_people();
        let document = ran.json();
        assert_eq!(document["code"], code, "{document}");
        for key in ["operation", "place", "cause", "nextStep"] {
            assert!(
                document[key].as_str().is_some_and(|said| !said.is_empty()),
                "{key}: {document}"
            );
        }
        document
    }

    /// Stops with this code in both formats, and neither makes nor changes a byte of the
    /// database. (Reading the bytes drops the locks that this process holds on the file.)
    #[track_caller]
    pub(crate) fn refuses(&self, arguments: &[&str], code: i32) -> Ran {
        let before = fs::read(self.database()).ok();
        let ran = self.stops(arguments, code);
        self.stops_in_json(arguments, code);
        assert!(fs::read(self.database()).ok() == before, "the database was made or changed");
        ran
    }
}

impl Ran {
    /// Fails if anything was printed that only a programmer understands, or a secret.
    #[track_caller]
    pub(crate) fn is_for_people(&self) {
        for word in [
            "hunter2",
            "panicked",
            "internal error",
            "backtrace",
            "BACKTRACE",
            "SqliteFailure",
            "Error {",
            "Error(",
            "Some(",
            "\u{1b}",
        ] {
            for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
                assert!(!text.contains(word), "{word:?} in {name}:\n{text}");
            }
        }
    }
}

pub(crate) fn copy_directory(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir_all(&target).unwrap();
            fs::set_permissions(&target, entry.metadata().unwrap().permissions()).unwrap();
            copy_directory(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}

/// SHA-256 of a file, as hexadecimal digits.
pub(crate) fn sha256(path: &Path) -> String {
    hex(&Sha256::digest(fs::read(path).unwrap()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// See [`Workspace::content`].
pub(crate) fn content(database: &Path) -> String {
    let conn = Connection::open(database).unwrap();
    let mut hasher = Sha256::new();
    let names = |sql: &str| -> Vec<(String, String)> {
        let mut statement = conn.prepare(sql).unwrap();
        statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap()
    };
    let objects = names(
        "SELECT name, coalesce(sql, '') FROM sqlite_schema
         WHERE tbl_name NOT LIKE '\\_\\_portcullis%' ESCAPE '\\' AND tbl_name <> '__diesel_schema_migrations'
         ORDER BY type, name",
    );
    for (name, sql) in &objects {
        hasher.update(format!("{name}\0{sql}\0"));
    }
    let tables = names(
        "SELECT name, type FROM sqlite_schema WHERE type = 'table'
         AND name NOT LIKE '\\_\\_portcullis%' ESCAPE '\\' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
         AND name <> '__diesel_schema_migrations' ORDER BY name",
    );
    for (table, _) in &tables {
        let mut statement =
            conn.prepare(&format!("SELECT * FROM \"{table}\" ORDER BY rowid")).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                hasher.update(format!("{}\0", text(row.get_ref(column).unwrap())));
            }
        }
    }
    // When Diesel applied a version isn't what the application sees; which, is.
    if conn.table_exists(None, "__diesel_schema_migrations").unwrap() {
        for (version, _) in
            names("SELECT version, '' FROM __diesel_schema_migrations ORDER BY version")
        {
            hasher.update(version);
        }
    }
    hex(&hasher.finalize())
}

fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(bytes) => format!("{bytes:?}"),
    }
}
