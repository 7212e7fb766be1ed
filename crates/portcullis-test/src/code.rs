//! Cases as code, for what SQL can't say: closures over a Diesel connection, before and after
//! a migration, which `cargo test` and nextest run as tests of their own.
//!
//! A case runs on a copy of the database as it is just before its migration, and the migration
//! runs as the gate runs it. Each closure has a connection of its own, which must be whole
//! afterwards, and no transaction open. What `before` returns is handed to `after`.
//!
//! The `diesel` of the tests must be of the release that this crate is built with.

mod caught;
mod play;
mod states;

use std::collections::BTreeSet;
use std::env;
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};
use portcullis_database::client::Handed;
#[cfg(feature = "postgres")]
pub use portcullis_database::client::PgConnection;
pub use portcullis_database::client::SqliteConnection;
use portcullis_model::config::Engine;

use self::caught::{caught, note_places};
use self::play::Stage;
use self::states::Workspace;

/// What a closure comes to. A panic is a failure too.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// All of a case on one engine.
type Play = Box<dyn FnOnce(&mut Stage) -> Result<(), String> + Send>;

/// A case of a migration, on one engine or both.
pub struct Case {
    migration: String,
    name: String,
    plays: Vec<(Engine, Play)>,
}

/// Begins a case: the directory of its migration, and its own name.
pub fn case(migration: &str, name: &str) -> Case {
    Case { migration: migration.to_owned(), name: name.to_owned(), plays: Vec::new() }
}

impl Case {
    /// What happens on SQLite: `before` seeds and asserts, then the migration is applied, and
    /// `after` asserts.
    pub fn sqlite<T: 'static>(
        self,
        before: impl FnOnce(&mut SqliteConnection) -> Outcome<T> + Send + 'static,
        after: impl FnOnce(&mut SqliteConnection, T) -> Outcome<()> + Send + 'static,
    ) -> Self {
        self.on::<SqliteConnection, _, _>(before, after, |_, ()| Ok(()))
    }

    /// The same; then the migration is undone, and `down` asserts, with what `after` returned.
    pub fn sqlite_and_down<T: 'static, U: 'static>(
        self,
        before: impl FnOnce(&mut SqliteConnection) -> Outcome<T> + Send + 'static,
        after: impl FnOnce(&mut SqliteConnection, T) -> Outcome<U> + Send + 'static,
        down: impl FnOnce(&mut SqliteConnection, U) -> Outcome<()> + Send + 'static,
    ) -> Self {
        self.on(before, after, undone(down))
    }

    /// What happens on PostgreSQL: as [`Case::sqlite`]. It comes with the feature `postgres`.
    #[cfg(feature = "postgres")]
    pub fn postgres<T: 'static>(
        self,
        before: impl FnOnce(&mut PgConnection) -> Outcome<T> + Send + 'static,
        after: impl FnOnce(&mut PgConnection, T) -> Outcome<()> + Send + 'static,
    ) -> Self {
        self.on::<PgConnection, _, _>(before, after, |_, ()| Ok(()))
    }

    /// As [`Case::sqlite_and_down`], on PostgreSQL.
    #[cfg(feature = "postgres")]
    pub fn postgres_and_down<T: 'static, U: 'static>(
        self,
        before: impl FnOnce(&mut PgConnection) -> Outcome<T> + Send + 'static,
        after: impl FnOnce(&mut PgConnection, T) -> Outcome<U> + Send + 'static,
        down: impl FnOnce(&mut PgConnection, U) -> Outcome<()> + Send + 'static,
    ) -> Self {
        self.on(before, after, undone(down))
    }

    fn on<C: Handed, T: 'static, U: 'static>(
        mut self,
        before: impl FnOnce(&mut C) -> Outcome<T> + Send + 'static,
        after: impl FnOnce(&mut C, T) -> Outcome<U> + Send + 'static,
        end: impl FnOnce(&mut Stage, U) -> Result<(), String> + Send + 'static,
    ) -> Self {
        let play = move |stage: &mut Stage| {
            let seeded = stage.part("before", before)?;
            stage.up()?;
            let kept = stage.part("after", |db: &mut C| after(db, seeded))?;
            end(stage, kept)
        };
        self.plays.push((C::ENGINE, Box::new(play)));
        self
    }
}

/// The end of a case that goes down as well.
fn undone<C: Handed, U>(
    down: impl FnOnce(&mut C, U) -> Outcome<()> + Send + 'static,
) -> impl FnOnce(&mut Stage, U) -> Result<(), String> + Send + 'static {
    move |stage, kept| {
        stage.down()?;
        stage.part("down", |db: &mut C| down(db, kept))
    }
}

/// Runs the cases that are asked for on the command line, each as a test that is called
/// `<migration>::<case>::<engine>`: the whole of a test target's `main`. The target says
/// `harness = false` in its `Cargo.toml`. The workspace is that of the directory in which cargo
/// runs it, or of a parent.
pub fn main(cases: Vec<Case>) -> ExitCode {
    let workspace = Arc::new(Workspace::around(env::current_dir()));
    let mut names = BTreeSet::new();
    let mut trials = Vec::new();
    for Case { migration, name, plays } in cases {
        if plays.is_empty() {
            let what = "it has no engine: say what happens on it, with .sqlite(before, after)";
            trials.push(failing(format!("{migration}::{name}"), what));
        }
        for (engine, play) in plays {
            let full = format!("{migration}::{name}::{}", engine.name());
            if !names.insert(full.clone()) {
                trials.push(failing(full, "another case has this name: give it one of its own"));
                continue;
            }
            let (workspace, migration) = (Arc::clone(&workspace), migration.clone());
            trials.push(Trial::test(full, move || {
                let run = || play(&mut workspace.before(engine, &migration)?);
                caught(run).map_err(Failed::from)
            }));
        }
    }
    // What remains of the workspace here would outlive the tests: a server of theirs.
    drop(workspace);
    note_places();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn failing(name: String, what: &'static str) -> Trial {
    Trial::test(name, move || Err(what.into()))
}
