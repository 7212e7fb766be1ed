//! A workspace with a database of one engine, and what a behaviour asks of both.

use std::fs;
use std::ops::Deref;
use std::process::Command;

use portcullis_cluster::{Cluster, Options};
use sha2::{Digest as _, Sha256};

use crate::postgres::server::{self, PASSWORD};
use crate::support::{Ran, Workspace};

/// An engine that is held to the behaviours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Engine::Sqlite => "sqlite",
            Engine::Postgres => "postgres",
        }
    }
}

/// A workspace with the target `dev` on an engine.
pub(crate) struct Bench {
    pub(crate) engine: Engine,
    workspace: Workspace,
    /// Of the server; PostgreSQL only.
    pub(crate) database: String,
    cluster: Option<&'static Cluster>,
}

impl Deref for Bench {
    type Target = Workspace;

    fn deref(&self) -> &Workspace {
        &self.workspace
    }
}

impl Bench {
    pub(crate) fn new(engine: Engine) -> Self {
        Self::on(match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(server::shared()),
        })
    }

    /// On a server that nobody else uses.
    pub(crate) fn alone(options: &Options) -> Self {
        let cluster = Cluster::start(options).unwrap_or_else(|error| panic!("{error:?}"));
        server::make_migrator(&cluster);
        Self::on(Some(Box::leak(Box::new(cluster))))
    }

    fn on(cluster: Option<&'static Cluster>) -> Self {
        let workspace = Workspace::new();
        let engine = if cluster.is_some() { Engine::Postgres } else { Engine::Sqlite };
        let database = cluster.map(server::new_database).unwrap_or_default();
        let bench = Self { engine, workspace, database, cluster };
        fs::create_dir_all(bench.path().join("migrations").join(engine.name())).unwrap();
        bench.configure_with("");
        bench
    }

    /// The server; PostgreSQL only.
    pub(crate) fn cluster(&self) -> &'static Cluster {
        self.cluster.expect("there is no server")
    }

    /// The target with more keys.
    pub(crate) fn configure_with(&self, lines: &str) {
        let engine = self.engine.name();
        let keys = match self.engine {
            Engine::Sqlite => "engine = \"sqlite\"\npath = \"var/dev.db\"\n".to_owned(),
            Engine::Postgres => server::keys(self.cluster(), &self.database),
        };
        self.configure(&format!(
            "[migrations]\n{engine} = \"migrations/{engine}\"\n[targets.dev]\n{keys}{lines}"
        ));
    }

    /// A migration for this engine.
    pub(crate) fn step(&self, name: &str, up: &str, down: &str) {
        self.files(name, up, down, true);
    }

    /// One that asks not to run in a transaction.
    pub(crate) fn step_alone(&self, name: &str, up: &str, down: &str) {
        self.files(name, up, down, false);
    }

    fn files(&self, name: &str, up: &str, down: &str, in_transaction: bool) {
        let directory = format!("migrations/{}/{name}", self.engine.name());
        self.write(&format!("{directory}/up.sql"), up);
        self.write(&format!("{directory}/down.sql"), down);
        let metadata = format!("run_in_transaction = {in_transaction}\n");
        self.write(&format!("{directory}/metadata.toml"), metadata);
    }

    /// The program, with the password where it looks for it.
    pub(crate) fn gate(&self, arguments: &[&str]) -> Command {
        let mut command = self.workspace.command(arguments);
        command.env("PORTCULLIS_DEV_PASSWORD", PASSWORD);
        if let Some(cluster) = self.cluster {
            // The clients that go with the server, whichever version it is.
            command.env(portcullis_cluster::binaries::VARIABLE, cluster.binaries().directory());
        }
        command
    }

    pub(crate) fn gated(&self, arguments: &[&str]) -> Ran {
        let ran = Ran::of(&self.gate(arguments).output().unwrap());
        ran.is_for_people();
        ran
    }

    /// One value, as text.
    #[track_caller]
    pub(crate) fn one(&self, sql: &str) -> String {
        match self.engine {
            Engine::Sqlite => self.workspace.value(sql),
            Engine::Postgres => server::ask(self.cluster(), &self.database, sql),
        }
    }

    /// Whether the server notices in the middle of a statement that its client is gone.
    pub(crate) fn notices_death(&self) -> bool {
        self.cluster().binaries().version().major >= 14
    }

    /// Where a SQLite file may be made by something else than the gate.
    pub(crate) fn make_room(&self) {
        fs::create_dir_all(self.path().join("var")).unwrap();
    }

    /// Changes the database beside the gate.
    #[track_caller]
    pub(crate) fn beside(&self, sql: &str) {
        match self.engine {
            Engine::Sqlite => self.workspace.execute(sql),
            Engine::Postgres => {
                let sql = format!("SET ROLE migrator; {sql}");
                server::ask(self.cluster(), &self.database, &sql);
            }
        }
    }

    /// What the application sees: equal exactly when schema and rows are.
    #[track_caller]
    pub(crate) fn seen(&self) -> String {
        match self.engine {
            Engine::Sqlite => self.workspace.content(),
            Engine::Postgres => postgres_content(self.cluster(), &self.database),
        }
    }

    /// The versions that Diesel's table lists.
    pub(crate) fn versions(&self) -> Vec<String> {
        let table = "__diesel_schema_migrations";
        let sql = match self.engine {
            Engine::Sqlite => return self.workspace.applied(),
            Engine::Postgres => format!("SELECT version FROM {table} ORDER BY version"),
        };
        self.one(&sql).lines().map(str::to_owned).collect()
    }

    /// The newest receipt's predicate; the program has verified the chain.
    #[track_caller]
    pub(crate) fn receipt(&self) -> serde_json::Value {
        let list = self.gated(&["receipt", "list", "--format", "json"]).expect(0).json();
        list["receipts"].as_array().unwrap().last().expect("no receipt")["predicate"].clone()
    }

    /// The backups, oldest first.
    #[track_caller]
    pub(crate) fn backup_files(&self) -> Vec<String> {
        let list = self.gated(&["backup", "list", "--format", "json"]).expect(0).json();
        let backups = list["backups"].as_array().unwrap();
        backups.iter().map(|one| one["file"].as_str().unwrap().to_owned()).collect()
    }
}

/// The dump of the schema, and every row of every table in the order of its text.
fn postgres_content(cluster: &Cluster, database: &str) -> String {
    let mut dump = Command::new(cluster.binaries().program("pg_dump"));
    dump.args(["--schema-only", "--no-owner", "-T", "*.__portcullis_*", "-d"])
        .arg(format!(
            "host=localhost port={} user={} dbname={database} sslmode=verify-full sslrootcert='{}'",
            cluster.port(),
            cluster.user(),
            cluster.authority_file().display()
        ))
        .env_clear()
        .env("PGPASSWORD", cluster.password());
    let output = dump.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut hasher = Sha256::new();
    // A random word against injection is in each dump.
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().filter(|line| !line.contains("restrict ")).for_each(|line| hasher.update(line));
    let ask = |sql: &str| server::ask(cluster, database, sql);
    let tables = ask(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
         WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
           AND tablename NOT LIKE '\\_\\_portcullis\\_%' AND tablename <> '__diesel_schema_migrations' ORDER BY 1",
    );
    for table in tables.lines() {
        hasher.update(table);
        hasher.update(ask(&format!(
            "SELECT md5(string_agg(t::text, ';' ORDER BY t::text)) FROM {table} t"
        )));
    }
    if ask("SELECT to_regclass('__diesel_schema_migrations') IS NOT NULL") == "t" {
        hasher.update(ask(
            "SELECT string_agg(version, ',' ORDER BY version) FROM __diesel_schema_migrations",
        ));
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
