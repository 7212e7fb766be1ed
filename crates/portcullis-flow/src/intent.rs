//! What a run means to do, committed to the database before anything is applied: all
//! that the next run has, if this one dies.

use portcullis_model::digest::Digest;
use portcullis_model::plan::{Direction, Plan, Step};
use portcullis_model::sql::{Dialect, effects};
use portcullis_receipt::Action;
use serde::{Deserialize, Serialize};

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
}

/// A step, with what is needed to note it as done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IntendedStep {
    pub(crate) version: String,
    pub(crate) directory: String,
    pub(crate) direction: Direction,
    pub(crate) fingerprint: Digest,
    pub(crate) down_sql: Option<String>,
    /// Whether running it again is harmless.
    pub(crate) repeatable: bool,
}

impl IntendedStep {
    fn of(step: &Step) -> Self {
        Self {
            version: step.version.clone(),
            directory: step.directory.clone(),
            direction: step.direction,
            fingerprint: step.fingerprint,
            down_sql: step.down_sql.clone(),
            repeatable: !effects(&step.sql, Dialect::Sqlite).unrepeatable,
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
        }
    }
}

pub(crate) fn steps(plan: &Plan) -> Vec<IntendedStep> {
    plan.steps().map(IntendedStep::of).collect()
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

/// Decides what became of a run, from its intent and what the database says now.
pub(crate) fn fate(intent: &Intent, entering: Option<&str>, applied: &[String]) -> Fate {
    if intent.action == Action::Restore {
        // Its intent comes with the restored database: where it is, the restore was done.
        return Fate::Completed;
    }
    if let Some(version) = entering {
        let Some(step) = intent.steps.iter().find(|step| step.version == version) else {
            return Fate::Unclear(version.to_owned());
        };
        let recorded = applied.contains(&step.version);
        return match (recorded == (step.direction == Direction::Up), step.repeatable) {
            (true, _) => Fate::StepFinished(step.clone()),
            (false, true) => Fate::StepRepeatable,
            (false, false) => Fate::Unclear(step.directory.clone()),
        };
    }
    if applied == intent.applied_after && intent.applied_after != intent.applied_before {
        Fate::Completed
    } else if applied == intent.applied_before {
        Fate::NothingApplied
    } else {
        Fate::PartWay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intent(repeatable: bool) -> Intent {
        let step = |version: &str| IntendedStep {
            version: version.to_owned(),
            directory: format!("{version}_x"),
            direction: Direction::Up,
            fingerprint: Digest::of(version.as_bytes()),
            down_sql: None,
            repeatable,
        };
        Intent {
            action: Action::Migrate,
            started: String::new(),
            reason: None,
            plan: Digest::of(b""),
            applied_before: vec!["1".into()],
            applied_after: vec!["1".into(), "2".into(), "3".into()],
            schema_before: Digest::of(b""),
            backup: String::new(),
            steps: vec![step("2"), step("3")],
        }
    }

    #[test]
    fn the_database_tells_what_became_of_a_run() {
        let cases: &[(Option<&str>, bool, &[&str], &str)] = &[
            (None, false, &["1"], "NothingApplied"),
            (None, false, &["1", "2"], "PartWay"),
            (None, false, &["1", "2", "3"], "Completed"),
            (Some("2"), false, &["1"], "Unclear"),
            (Some("2"), true, &["1"], "StepRepeatable"),
            (Some("2"), false, &["1", "2"], "StepFinished"),
            (Some("(transaction)"), true, &["1"], "Unclear"),
        ];
        for (entering, repeatable, applied, expected) in cases {
            let applied: Vec<String> =
                applied.iter().map(|version| (*version).to_owned()).collect();
            let found = format!("{:?}", fate(&intent(*repeatable), *entering, &applied));
            assert!(found.starts_with(expected), "{entering:?} {applied:?}: {found}");
        }
    }
}
