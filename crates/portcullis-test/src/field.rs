//! Real data: the pending migrations on a copy of it, each up, down and up again, judged by
//! what can be counted. No value of it leaves the copy.

mod contents;
mod judge;
mod report;
mod words;

use std::time::{Duration, Instant};

use portcullis_database::scratch::shape::Shape;
use portcullis_database::scratch::{Refused, Scratch, Sums};
use portcullis_model::catalog::{Catalog, Difference, ObjectKind, diff};
use portcullis_model::config::{Engine, TestMigration};
use portcullis_model::plan::{Plan, SegmentKind, Step};
use portcullis_model::sql::Dialect;

use self::contents::{Contents, contents};
use self::judge::{Before, Judged};
use self::words::Known;
use crate::messy;
use crate::messy::touch::{Touched, touched};
use crate::report::Problem;
use crate::round_trip::{self, Apply, no_way_back};
use crate::suite::{Progress, Watch, aside, undo};

/// How PostgreSQL says that a right is missing.
const FORBIDDEN: &str = "(42501)";

/// How the gate itself says that keys dangle.
const STRAYS: &str = " rows reference rows that don't exist any more";

pub use report::{Back, FieldMigration, FieldReport, FieldTable};

/// Which migrations are tried on a copy.
#[derive(Debug, Clone, Copy)]
pub struct Field<'a> {
    /// Those that the copy lacks.
    pub plan: &'a Plan,
    /// Which of them are excused from what.
    pub exceptions: &'a TestMigration,
}

/// Tries them, and leaves them applied as far as they can be.
///
/// # Errors
/// The copy is gone.
pub fn on_field_data(
    copy: &mut dyn Scratch,
    field: &Field<'_>,
    watch: Watch<'_>,
) -> portcullis_database::Result<FieldReport> {
    let started = Instant::now();
    let engine = match copy.dialect() {
        Dialect::Sqlite => Engine::Sqlite,
        Dialect::Postgres => Engine::Postgres,
    };
    let mut report = FieldReport {
        engine,
        tables: Vec::new(),
        migrations: Vec::new(),
        not_tried: Vec::new(),
        took: Duration::ZERO,
    };
    let segments = field.plan.segments.iter();
    let steps: Vec<_> =
        segments.flat_map(|one| one.steps.iter().map(move |step| (step, one.kind))).collect();
    let total = steps.len();
    for (done, (step, kind)) in steps.iter().enumerate() {
        watch(Progress { engine, done, total });
        let trying = Instant::now();
        let returns = !field.exceptions.irreversible.include(&step.directory);
        let bench = match Bench::read(copy, step) {
            Ok(bench) => bench,
            Err(refused) => {
                copy.roll_back()?;
                report.migrations.push(unreadable(step, &refused));
                report.not_tried = rest(&steps[done + 1..]);
                break;
            }
        };
        if done == 0 {
            report.tables = bench.tables();
        }
        let mut found = bench.look(copy, returns)?;
        let applied = copy.apply(step, *kind);
        if let Err(refused) = &applied {
            // Where up failed before, it has been said.
            if found.back != Back::NotTried || found.problems.is_empty() {
                found.problems.push(bench.of_up(bench.refused("up fails", refused)));
            }
        }
        found.took = trying.elapsed();
        report.migrations.push(found);
        if applied.is_err() {
            report.not_tried = rest(&steps[done + 1..]);
            break;
        }
    }
    watch(Progress { engine, done: total, total });
    report.took = started.elapsed();
    Ok(report)
}

/// The migrations that nobody comes to.
fn rest(steps: &[(&Step, SegmentKind)]) -> Vec<String> {
    steps.iter().map(|(step, _)| step.directory.clone()).collect()
}

/// What is said where even the state before can't be read.
fn unreadable(step: &Step, refused: &Refused) -> FieldMigration {
    let said = Known::of(&Catalog::default(), step).tell(&refused.message);
    let problem = Problem {
        at: step.directory.clone(),
        what: format!("what the copy holds can't be read: {said}"),
        next_step: "see the cause".to_owned(),
    };
    FieldMigration { problems: vec![problem], ..FieldMigration::of(step) }
}

/// The state before a migration, and what may be said of it.
struct Bench<'a> {
    step: &'a Step,
    state: State,
    touched: Touched,
    known: Known,
}

impl<'a> Bench<'a> {
    fn read(copy: &mut dyn Scratch, step: &'a Step) -> Result<Self, Refused> {
        let state = State::read(copy)?;
        let code = messy::code(&state.catalog, step);
        let touched = touched(&step.sql, copy.dialect(), &state.shapes, &code);
        let known = Known::of(&state.catalog, step);
        Ok(Self { step, touched, known, state })
    }

    fn tables(&self) -> Vec<FieldTable> {
        let table = |(name, sums): (&String, &Option<Sums>)| FieldTable {
            name: name.clone(),
            rows: sums.as_ref().map(|sums| sums.rows),
        };
        self.state.contents.iter().map(table).collect()
    }

    /// Whether it takes rows from a partition or a view: from what is no table of its own.
    fn through_others(&self) -> bool {
        let shapes = &self.state.shapes;
        let is_own = |name: &str| shapes.iter().any(|one| one.sql == name || one.name == name);
        self.state.catalog.objects().iter().any(|object| {
            matches!(object.kind, ObjectKind::Table | ObjectKind::View)
                && !is_own(&object.name)
                && self.touched.takes_from(&object.name)
        })
    }

    /// Tries it where nothing stays of it.
    fn look(
        &self,
        copy: &mut dyn Scratch,
        returns: bool,
    ) -> portcullis_database::Result<FieldMigration> {
        let down = undo(self.step);
        let down = returns.then_some(&down);
        let rows = self.state.contents.values().flatten().map(|sums| sums.rows).sum();
        let mut found = FieldMigration { rows, ..FieldMigration::of(self.step) };
        let went = aside(copy, (self.step, down), |scratch, apply| {
            self.go(scratch, down, apply, &mut found)
        })?;
        found.problems.extend(went.err());
        Ok(found)
    }

    /// Up, down and up; the first thing that can't go on is the error.
    fn go(
        &self,
        scratch: &mut dyn Scratch,
        down: Option<&Step>,
        apply: Apply<'_>,
        found: &mut FieldMigration,
    ) -> Result<(), Problem> {
        let up = self.step;
        let up_fails = |what: &str, refused: &Refused| self.of_up(self.refused(what, refused));
        let down_fails = |what: &str, refused: &Refused| self.of_down(self.refused(what, refused));
        let unread = |refused: Refused| up_fails("the state after up can't be read", &refused);
        let started = Instant::now();
        apply(scratch, up).map_err(|refused| up_fails("up fails", &refused))?;
        found.up_took = started.elapsed();
        let after = State::read(scratch).map_err(unread)?;
        let before = Before {
            shapes: &self.state.shapes,
            contents: &self.state.contents,
            touched: &self.touched,
            through_others: self.through_others(),
        };
        let Judged { mut broken, tables, not_judged } = before.up(&after.shapes, &after.contents);
        broken.extend(self.strays(after.dangling, "the migration"));
        found.not_judged.extend(not_judged);
        found.problems.extend(broken.into_iter().map(|what| self.of_up(what)));
        let Some(down) = down else {
            found.back = Back::Irreversible;
            return Ok(());
        };
        found.back = Back::Broken;
        apply(scratch, down).map_err(|refused| down_fails("down fails", &refused))?;
        let unread = |refused: Refused| down_fails("the state after down can't be read", &refused);
        let back = State::read(scratch).map_err(unread)?;
        let dialect = scratch.dialect();
        let judged = before.back(&back.shapes, &back.contents, &tables);
        let head = "after up and down the schema isn't the one before";
        let mut broken = judged.broken;
        broken.extend(self.other(head, &diff(&self.state.catalog, &back.catalog, dialect)));
        broken.extend(self.strays(back.dangling, "up and down"));
        found.not_judged.extend(judged.not_judged);
        if broken.is_empty() {
            // What didn't come back would only be in the way of the second time.
            let second = "up fails the second time";
            apply(scratch, up).map_err(|refused| down_fails(second, &refused))?;
            let again = scratch.catalog().map_err(unread)?;
            let head = "after up, down and up the schema isn't the one after up";
            broken.extend(self.other(head, &diff(&after.catalog, &again, dialect)));
        }
        if broken.is_empty() {
            found.back = Back::Whole;
        }
        found.problems.extend(broken.into_iter().map(|what| self.of_down(what)));
        Ok(())
    }

    /// How schemas differ, if they do in more than the order of columns.
    fn other(&self, head: &str, differences: &[Difference]) -> Option<String> {
        let differ = differences.iter().any(|one| !one.is_order_only());
        let said = || self.known.tell_lines(&round_trip::words("", differences));
        differ.then(|| format!("{head}{}", said()))
    }

    /// Rows that refer to nothing and didn't before.
    fn strays(&self, now: u64, after: &str) -> Option<String> {
        let more = now.checked_sub(self.state.dangling).filter(|more| *more > 0)?;
        Some(format!("after {after} {more} rows refer to rows that don't exist any more"))
    }

    /// What an engine refused, without a value.
    fn refused(&self, what: &str, refused: &Refused) -> String {
        let is_count = |said: &str| said.parse::<u64>().is_ok();
        let said = match refused.message.strip_suffix(STRAYS) {
            _ if refused.late => "a statement took longer than it may".to_owned(),
            Some(rows) if is_count(rows) => refused.message.clone(),
            _ => self.known.tell(&refused.message),
        };
        let hint = if said.ends_with(FORBIDDEN) {
            "; on the copy nobody is a superuser: it may be allowed where it is from"
        } else {
            ""
        };
        format!("{what}: {said}{hint}")
    }

    fn of_up(&self, what: String) -> Problem {
        Problem {
            at: format!("{}/up.sql", self.step.directory),
            what,
            next_step: "correct the migration, and put such rows into a case of it".to_owned(),
        }
    }

    fn of_down(&self, what: String) -> Problem {
        Problem {
            at: format!("{}/down.sql", self.step.directory),
            what,
            next_step: no_way_back(self.step),
        }
    }
}

/// What there is at one time.
struct State {
    shapes: Vec<Shape>,
    catalog: Catalog,
    contents: Contents,
    dangling: u64,
}

impl State {
    fn read(scratch: &mut dyn Scratch) -> Result<Self, Refused> {
        let shapes = scratch.shapes()?;
        let catalog = scratch.catalog()?;
        let contents = contents(scratch, &shapes)?;
        Ok(Self { dangling: scratch.dangling()?, shapes, catalog, contents })
    }
}
