//! Data that well-behaved tests forget: generated, inserted, migrated; and of what breaks it the
//! fewest rows that do.

mod circles;
pub(crate) mod contents;
mod facts;
mod fill;
mod generate;
mod hints;
mod items;
mod judge;
mod order;
mod rng;
mod row;
mod shrink;
pub(crate) mod touch;
mod values;

use std::collections::BTreeSet;

use portcullis_database::scratch::shape::Shape;
use portcullis_database::scratch::{Refused, Scratch};
use portcullis_database::slt::case::Case;
use portcullis_model::catalog::{Catalog, Object, ObjectKind};
use portcullis_model::plan::{Direction, Step, segment_kind};
use portcullis_model::sql::Dialect;

use self::generate::{Character, Wanted, generate};
use self::judge::{Found, Kind, Trial, Way};
use self::row::{Row, script};
use self::shrink::{Chosen, shrink};
use self::touch::{touched, words};
use crate::report::{MessyReport, MessyTable, Problem};
use crate::round_trip::seed;

/// How much is generated, and from what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Messy {
    /// The same seed makes the same rows.
    pub seed: u64,
    /// How many rows a table.
    pub rows: usize,
}

impl Default for Messy {
    fn default() -> Self {
        Self { seed: 1, rows: 100 }
    }
}

/// How often a migration is tried to find the fewest rows that break it: on a database of its
/// own each time, on PostgreSQL a tenth of a second.
const TRIES: usize = 150;
const TRIES_ON_COPIES: usize = 25;

/// After how many of them PostgreSQL's files are swept.
const SWEPT: usize = 4;

/// How many findings of one migration are told.
const TOLD: usize = 6;

/// What the rounds are like.
const ROUNDS: [Character; 5] =
    [Character::Full, Character::Plain, Character::Twins, Character::Tiny, Character::Strays];

/// A migration to try.
pub(crate) struct Subject<'a> {
    pub(crate) up: &'a Step,
    /// Where it can be undone.
    pub(crate) down: Option<&'a Step>,
    pub(crate) cases: &'a [&'a Case],
    /// Whether both go into a transaction that is rolled back.
    pub(crate) in_transaction: bool,
}

/// Why a try didn't come to its end.
enum Broken {
    /// The database refuses what it may not.
    Refused(Refused),
    /// It is gone.
    Database(portcullis_database::Error),
}

impl From<Refused> for Broken {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<portcullis_database::Error> for Broken {
    fn from(error: portcullis_database::Error) -> Self {
        Self::Database(error)
    }
}

/// Tries a migration on generated rows. The database is afterwards as it was.
pub(crate) fn go(
    database: &mut dyn Scratch,
    subject: &Subject<'_>,
    messy: Messy,
) -> portcullis_database::Result<MessyReport> {
    match rounds(database, subject, messy) {
        Ok(report) => Ok(report),
        Err(Broken::Database(error)) => Err(error),
        Err(Broken::Refused(refused)) => {
            database.roll_back()?;
            let problem = Problem {
                at: subject.up.directory.clone(),
                what: format!("it can't be tried on messy data: {}", refused.message),
                next_step: "see the cause".to_owned(),
            };
            Ok(MessyReport { tables: Vec::new(), problems: vec![problem] })
        }
    }
}

fn rounds(
    database: &mut dyn Scratch,
    subject: &Subject<'_>,
    messy: Messy,
) -> Result<MessyReport, Broken> {
    let dialect = database.dialect();
    let shapes = database.shapes()?;
    let mut report = MessyReport {
        tables: shapes.iter().map(|one| MessyTable::of(&one.sql)).collect(),
        problems: Vec::new(),
    };
    if shapes.is_empty() {
        return Ok(report);
    }
    let catalog = database.catalog()?;
    let code = code(&catalog, subject.up);
    let touched = touched(&subject.up.sql, dialect, &shapes, &code);
    let mut bench = Bench {
        attempts: 0,
        database,
        subject,
        shapes: &shapes,
        trial: Trial {
            up: subject.up,
            down: subject.down,
            before: &shapes,
            touched: &touched,
            after: None,
            back: None,
        },
    };
    let mut told: Vec<Kind> = Vec::new();
    for (round, character) in ROUNDS.into_iter().enumerate() {
        if character == Character::Strays && dialect == Dialect::Postgres {
            continue;
        }
        let seed = messy.seed.wrapping_add(round as u64);
        let rows = generate(&shapes, Wanted { character, rows: messy.rows, seed, dialect });
        let offered: Chosen = (0..rows.len()).collect();
        let with_cases = character == Character::Full;
        let (taken, found) = bench.attempt(&rows, &offered, with_cases)?;
        for row in rows.iter().filter(|row| row.values().is_some()) {
            report.tables[row.table].offered += 1;
        }
        for row in taken.iter().map(|at| &rows[*at]).filter(|row| row.values().is_some()) {
            report.tables[row.table].accepted += 1;
        }
        for found in found {
            if told.len() < TOLD && !told.contains(&found.kind) {
                report.problems.extend(bench.told(&rows, &taken, &found, with_cases)?);
                told.push(found.kind);
            }
        }
    }
    Ok(report)
}

/// What triggers and functions say: those that there are, and the migration's own.
pub(crate) fn code<'a>(catalog: &'a Catalog, up: &'a Step) -> Vec<&'a str> {
    let is_code =
        |object: &&Object| matches!(object.kind, ObjectKind::Function | ObjectKind::Trigger);
    let there = catalog.objects().iter().filter(is_code).map(|object| object.sql.as_str());
    there.chain(own_code(up)).collect()
}

/// What the migration's own triggers and functions say.
fn own_code(up: &Step) -> Option<&str> {
    let text = up.sql.to_ascii_lowercase();
    (text.contains("trigger") || text.contains("function")).then_some(up.sql.as_str())
}

struct Bench<'a> {
    /// How many there were.
    attempts: usize,
    database: &'a mut dyn Scratch,
    subject: &'a Subject<'a>,
    shapes: &'a [Shape],
    trial: Trial<'a>,
}

impl Bench<'_> {
    /// Rows that were rolled back stay in PostgreSQL's files, and the same keys again and again
    /// would each time be looked for among more of them.
    fn sweep(&mut self) -> Result<(), Refused> {
        let tables: Vec<&str> = self.shapes.iter().map(|shape| shape.sql.as_str()).collect();
        self.database.ask(&format!("VACUUM {}", tables.join(", "))).map(|_| ())
    }

    /// Puts rows where nothing stays of them, and the migration through; which rows were taken,
    /// and what is broken.
    fn attempt(
        &mut self,
        rows: &[Row],
        chosen: &Chosen,
        with_cases: bool,
    ) -> Result<(Chosen, Vec<Found>), Broken> {
        let cases = if with_cases { self.subject.cases } else { &[] };
        let (shapes, trial) = (self.shapes, &mut self.trial);
        let dialect = self.database.dialect();
        let mut work = |scratch: &mut dyn Scratch| {
            seed(scratch, cases);
            let taken = fill::fill(scratch, shapes, rows, chosen)?;
            let found = trial.run(scratch, &|scratch, step| {
                if scratch.is_in_transaction() {
                    scratch.run_step(step)
                } else {
                    scratch.apply(step, segment_kind(step, dialect))
                }
            })?;
            Ok((taken, found))
        };
        // On SQLite a row that refers to nothing can only be there before a transaction begins.
        if self.subject.in_transaction && dialect == Dialect::Postgres {
            self.database.begin()?;
            let worked = work(self.database);
            self.database.roll_back()?;
            self.attempts += 1;
            if self.attempts.is_multiple_of(SWEPT) {
                self.sweep()?;
            }
            return worked;
        }
        let mut copy = self.database.copy()?;
        work(copy.as_mut())
    }

    /// A finding with the fewest rows; none if it needs none, and so isn't theirs: up.sql that is
    /// refused whatever there is ends the run.
    fn told(
        &mut self,
        rows: &[Row],
        taken: &Chosen,
        found: &Found,
        with_cases: bool,
    ) -> Result<Option<Problem>, Broken> {
        let dialect = self.database.dialect();
        let is_copied = dialect == Dialect::Postgres && !self.subject.in_transaction;
        let tries = if is_copied { TRIES_ON_COPIES } else { TRIES };
        let mut last = found.clone();
        let mut breaks = |bench: &mut Self, kept: &Chosen, with_cases: bool| {
            let (_, again) = bench.attempt(rows, kept, with_cases)?;
            let same = again.into_iter().find(|one| one.kind == found.kind);
            let is_same = same.is_some();
            last = same.unwrap_or(last.clone());
            Ok::<bool, Broken>(is_same)
        };
        let needs_cases = with_cases && !breaks(self, taken, false)?;
        let likely = self.named();
        let fewest =
            shrink(rows, taken.clone(), &likely, tries, |kept| breaks(self, kept, needs_cases))?;
        let fewest: Vec<&Row> = fewest.iter().map(|at| &rows[*at]).collect();
        if fewest.is_empty() && !needs_cases && matches!(found.kind, Kind::Refused(Way::Up, _)) {
            return Ok(None);
        }
        let lines = script(self.shapes, &fewest, dialect);
        let seeds = if needs_cases { ", beside those that its cases seed" } else { "" };
        let head = match fewest.len() {
            0 => format!("no row is needed for it{seeds}"),
            1 => format!("this row is enough for it{seeds}:"),
            _ => format!("these rows are enough for it{seeds}:"),
        };
        let mut what = vec![last.what, head];
        what.extend(lines.iter().map(|line| format!("  {line}")));
        Ok(Some(self.problem(&found.kind, what.join("\n"))))
    }

    /// The tables that the migration names.
    fn named(&self) -> BTreeSet<usize> {
        let down = self.subject.down.map_or("", |down| down.sql.as_str());
        let words = words(&format!("{} {down}", self.subject.up.sql));
        let is_named = |shape: &Shape| words.contains(&shape.name.to_ascii_lowercase());
        (0..self.shapes.len()).filter(|at| is_named(&self.shapes[*at])).collect()
    }

    fn problem(&self, kind: &Kind, what: String) -> Problem {
        let directory = &self.subject.up.directory;
        let (file, correct) = match kind.direction() {
            Direction::Up => ("up.sql", "correct the migration".to_owned()),
            Direction::Down => (
                "down.sql",
                format!(
                    "have down.sql bring back what up.sql took, or say why it can't: \
                     [test-migration.irreversible] \"{directory}\" = \"…\""
                ),
            ),
        };
        Problem {
            at: format!("{directory}/{file}"),
            what,
            next_step: format!(
                "{correct}, and put the rows into a case of it; if such rows can't be, say why in \
                 portcullis.toml: [test-migration.without-messy] \"{directory}\" = \"…\""
            ),
        }
    }
}
