//! A server with a database, and a directory for backups.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use portcullis_cluster::{Binaries, Cache, Cluster, Options};
use portcullis_model::config::{Password, Place as At, Retention, Server, Target};
use tempfile::TempDir;
use uuid::Uuid;

use super::super::{Source, with_tools};
use crate::postgres::backup::scratch::server_of;
use crate::postgres::backup::tools::{self, Tools};
use crate::postgres::identity::{self, Identity};
use crate::postgres::link::conn::Conn;
use crate::postgres::link::connect::{self, Purpose};
use crate::seam::BackupRequest;
use crate::{Result, VerifiedBackup, files};

pub(super) struct Place {
    pub(super) server: Server,
    pub(super) conn: Conn,
    pub(super) identity: Identity,
    pub(super) tools: Tools,
    pub(super) cluster: Cluster,
    pub(super) directory: TempDir,
}

/// Tables that belong together, with everything that a schema tends to have.
pub(super) const TABLES: &str = "
    CREATE TABLE account (id bigserial PRIMARY KEY, name text NOT NULL UNIQUE,
        kind varchar(9) CHECK (kind IN ('a', 'b')), gone int, balance numeric NOT NULL DEFAULT 0);
    ALTER TABLE account DROP COLUMN gone;
    CREATE TABLE entry (id bigserial PRIMARY KEY, account bigint NOT NULL REFERENCES account);
    CREATE INDEX entry_account ON entry (account) WHERE account > 0;
    CREATE SCHEMA more;
    CREATE TABLE more.part (day date NOT NULL, note text) PARTITION BY RANGE (day);
    CREATE TABLE more.part_1 PARTITION OF more.part FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
    CREATE VIEW rich AS SELECT name FROM account WHERE kind IN ('a', 'b') AND balance > 10;
    CREATE MATERIALIZED VIEW counts AS SELECT count(*) FROM entry;
    INSERT INTO account (name, kind) SELECT 'n' || i, 'a' FROM generate_series(1, 1000) i;
    INSERT INTO entry (account) SELECT id FROM account;
    INSERT INTO more.part SELECT date '2025-01-01' + i, md5(i::text) FROM generate_series(1, 200) i";

impl Place {
    /// A database with [`TABLES`].
    pub(super) fn new() -> Self {
        let mut place = Self::empty(Cache::Usual);
        place.conn.run(TABLES).unwrap();
        place
    }

    pub(super) fn empty(cache: Cache) -> Self {
        let options = Options { cache, ..Options::default() };
        let cluster = Cluster::start(&options).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let password = directory.path().join("password");
        files::write_private(&password, cluster.password().as_bytes()).unwrap();
        let mut server = server_of(&cluster, password);
        connect::connect(&server, Purpose::Change).unwrap().run("CREATE DATABASE app").unwrap();
        server.database = "app".to_owned();
        server.restore_max = 1 << 30;
        server.lock_timeout = Duration::from_secs(2);
        let mut conn = crate::postgres::test_server::application(&server);
        let identity = identity::examine(&mut conn, &server).unwrap();
        let tools = tools::find(&identity.version).unwrap();
        Self { server, conn, identity, tools, cluster, directory }
    }

    pub(super) fn backups(&self) -> PathBuf {
        self.directory.path().join("backups")
    }

    /// The names in the directory for backups.
    pub(super) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.backups()).into_iter().flatten();
        let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
        entries.map(|entry| name(entry.unwrap())).collect()
    }

    /// A connection of somebody else's.
    pub(super) fn other(&self) -> Conn {
        crate::postgres::test_server::application(&self.server)
    }

    /// A connection of the superuser's, whoever backs up.
    pub(super) fn admin(&self) -> Conn {
        let user = self.cluster.user().to_owned();
        crate::postgres::test_server::application(&Server { user, ..self.server.clone() })
    }

    /// The server with a new role, as another target would have it.
    pub(super) fn helper(&mut self, rights: &str) -> Server {
        let user = format!("helper_{}", Uuid::new_v4().simple());
        let sql = format!("CREATE ROLE {user} LOGIN PASSWORD 'hunter2' {rights}");
        self.admin().run(&sql).unwrap();
        let file = self.directory.path().join(&user);
        files::write_private(&file, b"hunter2").unwrap();
        Server { user, password: Password::File(file), ..self.server.clone() }
    }

    pub(super) fn back_up(&mut self, name: &str) -> Result<VerifiedBackup> {
        let directory = self.backups();
        self.back_up_into(&directory, name, |_| {})
    }

    /// With something done as soon as the dump has begun.
    pub(super) fn back_up_into(
        &mut self,
        directory: &Path,
        name: &str,
        mut meanwhile: impl FnMut(u64),
    ) -> Result<VerifiedBackup> {
        let target = self.target(directory);
        let request = BackupRequest { directory, name, run: Uuid::new_v4() };
        let mut source = Source {
            conn: &mut self.conn,
            target: &target,
            server: &self.server,
            identity: &self.identity,
        };
        super::super::prepare(request)?;
        with_tools(&mut source, &self.tools, request, &mut |done, _| meanwhile(done))
    }

    /// As a run does it: the target says how.
    pub(super) fn back_up_as_configured(&mut self, name: &str) -> Result<VerifiedBackup> {
        let directory = self.backups();
        let target = self.target(&directory);
        let request = BackupRequest { directory: &directory, name, run: Uuid::new_v4() };
        let source = Source {
            conn: &mut self.conn,
            target: &target,
            server: &self.server,
            identity: &self.identity,
        };
        super::super::back_up(source, request, &mut |_, _| {})
    }

    pub(super) fn target(&self, directory: &Path) -> Target {
        Target {
            name: "app".to_owned(),
            place: At::Server(Box::new(self.server.clone())),
            migrations: PathBuf::new(),
            protected: false,
            identity: None,
            identity_record: PathBuf::new(),
            backups: directory.to_owned(),
            receipts: PathBuf::new(),
            smoke: Vec::new(),
            hold_writes_max: 0,
            lock_wait: Duration::from_secs(1),
            retention: Retention { keep_last: 1, keep_for: Duration::ZERO },
        }
    }

    /// The same programs, but for one: a script, in which `$REAL` is what it replaces.
    pub(super) fn replace(&mut self, program: &str, script: &str) {
        let real = self.tools.binaries.clone();
        let fake = tempfile::tempdir_in(self.directory.path()).unwrap().keep();
        for name in ["postgres", "initdb", "pg_ctl", "pg_dump", "pg_restore", "psql"] {
            if name != program {
                std::os::unix::fs::symlink(real.program(name), fake.join(name)).unwrap();
            }
        }
        let path = fake.join(program);
        let real = real.program(program);
        let text = format!("#!/bin/sh\nPATH=/usr/bin:/bin\nREAL={}\n{script}\n", real.display());
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        self.tools = Tools { binaries: Binaries::at(&fake).unwrap(), ..self.tools.clone() };
    }
}
