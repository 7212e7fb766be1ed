//! What a run means to do, committed to the database before anything is applied: all
//! that the next run has, if this one dies.

use portcullis_model::digest::Digest;
use portcullis_model::plan::{Applied, Direction, Plan, Step};
use portcullis_model::sql::{Dialect, effects};
use portcullis_model::sum::Tested;
use portcullis_receipt::{Action, Arrival};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The intent of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Intent {
    pub(crate) action: Action,
    pub(crate) started: String,
    pub(crate) reason: Option<String>,
    pub(crate) plan: Digest,
    pub(crate) applied_before: Vec<String>,
    pub(crate) applied_after: Vec<String>,
    pub(crate) schema_before: Digest,
    /// The backup's file, whether or not it came to be.
    pub(crate) backup: String,
    pub(crate) steps: Vec<IntendedStep>,
    /// How the database came under the gate; older versions didn't say.
    #[serde(default)]
    pub(crate) arrival: Option<Arrival>,
    /// What the run takes as it is.
    #[serde(default)]
    pub(crate) drift: Vec<String>,
}

/// A step, with what is needed to note it as done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IntendedStep {
    pub(crate) version: String,
    pub(crate) directory: String,
    pub(crate) direction: Direction,
    pub(crate) fingerprint: Digest,
    pub(crate) down_sql: Option<String>,
    #[serde(default)]
    pub(crate) accepted: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tested: Option<Tested>,
    /// Whether running it again is harmless.
    pub(crate) repeatable: bool,
    /// The text of a step outside a transaction: what it has done can then be looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) alone: Option<String>,
}

impl IntendedStep {
    fn of(step: &Step, dialect: Dialect) -> Self {
        Self {
            version: step.version.clone(),
            directory: step.directory.clone(),
            direction: step.direction,
            fingerprint: step.fingerprint,
            down_sql: step.down_sql.clone(),
            accepted: step.accepted,
            tested: step.tested,
            repeatable: !effects(&step.sql, dialect).unrepeatable,
            alone: (!step.run_in_transaction).then(|| step.sql.clone()),
        }
    }

    /// The step, without the text that ran.
    pub(crate) fn to_step(&self) -> Step {
        Step {
            version: self.version.clone(),
            directory: self.directory.clone(),
            direction: self.direction,
            run_in_transaction: false,
            fingerprint: self.fingerprint,
            sql: String::new(),
            down_sql: self.down_sql.clone(),
            accepted: self.accepted,
            tested: self.tested,
        }
    }

    /// Whether a run has done this step, going by what is applied. What it has applied
    /// again after undoing it, it has undone.
    pub(crate) fn is_done(&self, run: Uuid, applied: &[Applied]) -> bool {
        let applied = applied.iter().find(|applied| applied.version == self.version);
        let by_run =
            applied.is_some_and(|one| one.noted.as_ref().is_some_and(|noted| noted.run == run));
        by_run || (self.direction == Direction::Down && applied.is_none())
    }
}

pub(crate) fn steps(plan: &Plan, dialect: Dialect) -> Vec<IntendedStep> {
    plan.steps().map(|step| IntendedStep::of(step, dialect)).collect()
}

/// What became of a run that died.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// All of it is committed; only the record is missing.
    Completed,
    /// Nothing of it is committed.
    NothingApplied,
    /// Some of its segments are committed.
    PartWay,
    /// The step outside a transaction finished, but wasn't noted.
    StepFinished(IntendedStep),
    /// The step outside a transaction may or may not have run; running it again is
    /// harmless.
    StepRepeatable,
    /// Nobody can tell how far a step outside a transaction got.
    Unclear(String),
}

/// What the database says of a run that died.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now<'a> {
    pub(crate) run: Uuid,
    /// The version that it was working on outside a transaction.
    pub(crate) entering: Option<&'a str>,
    pub(crate) applied: &'a [Applied],
    /// The newest run that has committed something.
    pub(crate) head: Option<Uuid>,
}

/// Decides what became of a run, from its intent and what the database says now.
pub(crate) fn fate(intent: &Intent, now: Now<'_>) -> Fate {
    if intent.action == Action::Restore {
        // Its intent comes with the restored database: where it is, the restore was done.
        return Fate::Completed;
    }
    if let Some(version) = now.entering {
        return fate_outside(intent, version, now.applied);
    }
    let done = intent.steps.iter().filter(|step| step.is_done(now.run, now.applied)).count();
    let as_planned =
        now.applied.iter().map(|applied| &applied.version).eq(intent.applied_after.iter());
    // A run without a step only takes the database on: its head is all it does.
    let committed = !intent.steps.is_empty() || now.head == Some(now.run);
    if done == intent.steps.len() && as_planned && committed {
        Fate::Completed
    } else if done == 0 {
        Fate::NothingApplied
    } else {
        Fate::PartWay
    }
}

/// The one step outside a transaction that a run can have been at, where it wasn't both undone
/// and applied again.
pub(crate) fn cut_off<'a>(intent: &'a Intent, version: &str) -> Option<&'a IntendedStep> {
    let mut steps = intent.steps.iter().filter(|step| step.version == version);
    steps.next().filter(|step| step.alone.is_some() && steps.next().is_none())
}

/// What became of a step outside a transaction.
fn fate_outside(intent: &Intent, version: &str, applied: &[Applied]) -> Fate {
    let step = |direction| {
        intent.steps.iter().find(|step| step.version == version && step.direction == direction)
    };
    let applied = applied.iter().find(|applied| applied.version == version);
    let (step, finished) = match (step(Direction::Down), step(Direction::Up)) {
        (None, None) => return Fate::Unclear(version.to_owned()),
        (Some(down), None) => (down, applied.is_none()),
        (None, Some(up)) => (up, applied.is_some()),
        // Undone and applied again. What is applied is noted only after it ran.
        (Some(down), Some(up)) => match applied {
            Some(applied) if applied.noted.is_none() => (up, true),
            Some(_) => (down, false),
            // Either it is undone, or it was being applied again: if that may be repeated,
            // both go on alike.
            None if up.repeatable => (down, true),
            None => (up, false),
        },
    };
    match (finished, step.repeatable) {
        (true, _) => Fate::StepFinished(step.clone()),
        (false, true) => Fate::StepRepeatable,
        (false, false) => Fate::Unclear(step.directory.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_model::plan::Noted;

    const RUN: Uuid = Uuid::from_u128(1);
    const OTHER: Uuid = Uuid::from_u128(2);

    fn step(way: &str, repeatable: bool) -> IntendedStep {
        let version = way[1..].to_owned();
        IntendedStep {
            directory: format!("{version}_x"),
            direction: if way.starts_with('+') { Direction::Up } else { Direction::Down },
            fingerprint: Digest::of(version.as_bytes()),
            version,
            down_sql: None,
            accepted: false,
            tested: None,
            repeatable,
            alone: None,
        }
    }

    fn intent(steps: &[&str], after: &[&str], repeatable: bool) -> Intent {
        Intent {
            action: Action::Migrate,
            started: String::new(),
            reason: None,
            plan: Digest::of(b""),
            applied_before: Vec::new(),
            applied_after: after.iter().map(|version| (*version).to_owned()).collect(),
            schema_before: Digest::of(b""),
            backup: String::new(),
            steps: steps.iter().map(|way| step(way, repeatable)).collect(),
            arrival: None,
            drift: Vec::new(),
        }
    }

    /// `1`: another run applied it; `1!`: this one did; `1?`: it isn't noted.
    fn applied(text: &str) -> Applied {
        let version = text.trim_end_matches(['!', '?']).to_owned();
        let noted = |run| Noted {
            directory: format!("{version}_x"),
            fingerprint: Digest::of(b""),
            down_sql: None,
            run,
        };
        let noted = match text.chars().last() {
            Some('!') => Some(noted(RUN)),
            Some('?') => None,
            _ => Some(noted(OTHER)),
        };
        Applied { version, noted }
    }

    #[test]
    fn the_database_tells_what_became_of_a_run() {
        let up: (&[&str], &[&str]) = (&["+2", "+3"], &["1", "2", "3"]);
        let down: (&[&str], &[&str]) = (&["-3", "-2"], &["1"]);
        let redo: (&[&str], &[&str]) = (&["-3", "-2", "+2", "+3"], &["1", "2", "3"]);
        let none: (&[&str], &[&str]) = (&[], &["1"]);
        // The run, what it was entering, whether that may be repeated, what is applied.
        let cases: &[((&[&str], &[&str]), Option<&str>, bool, &[&str], &str)] = &[
            (up, None, false, &["1"], "NothingApplied"),
            (up, None, false, &["1", "2!"], "PartWay"),
            (up, None, false, &["1", "2!", "3!"], "Completed"),
            (up, Some("2"), false, &["1"], "Unclear"),
            (up, Some("2"), true, &["1"], "StepRepeatable"),
            (up, Some("2"), false, &["1", "2?"], "StepFinished"),
            (up, Some("(transaction)"), true, &["1"], "Unclear"),
            (down, None, false, &["1", "2", "3"], "NothingApplied"),
            (down, None, false, &["1", "2"], "PartWay"),
            (down, None, false, &["1"], "Completed"),
            (redo, None, false, &["1", "2", "3"], "NothingApplied"),
            (redo, None, false, &["1", "2"], "PartWay"),
            (redo, None, false, &["1", "2!"], "PartWay"),
            (redo, None, false, &["1", "2!", "3!"], "Completed"),
            (redo, Some("3"), false, &["1", "2", "3"], "Unclear"),
            (redo, Some("3"), true, &["1", "2", "3"], "StepRepeatable"),
            (redo, Some("3"), false, &["1", "2!"], "Unclear"),
            (redo, Some("3"), true, &["1", "2!"], "StepFinished"),
            (redo, Some("3"), false, &["1", "2!", "3?"], "StepFinished"),
            (none, None, false, &["1"], "NothingApplied"),
        ];
        for ((steps, after), entering, repeatable, now, expected) in cases {
            let applied: Vec<Applied> = now.iter().map(|text| applied(text)).collect();
            let state = Now { run: RUN, entering: *entering, applied: &applied, head: None };
            let found = format!("{:?}", fate(&intent(steps, after, *repeatable), state));
            assert!(found.starts_with(expected), "{steps:?} {entering:?} {now:?}: {found}");
        }
        let state = Now { run: RUN, entering: None, applied: &[applied("1")], head: Some(RUN) };
        assert_eq!(fate(&intent(&[], &["1"], false), state), Fate::Completed);
    }
}
