//! The receipt's content, as in-toto's Statement v1 has it.

use std::collections::BTreeMap;

use portcullis_model::digest::Digest;
use portcullis_model::exit::Exit;
use portcullis_model::smoke::{Check, SmokePassed};
use serde::{Deserialize, Serialize};

use crate::Facts;

/// in-toto's type of statement.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// What kind of predicate a receipt is.
pub const PREDICATE_TYPE: &str = "urn:portcullis:receipt:v1";

/// A receipt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Receipt {
    /// [`STATEMENT_TYPE`].
    #[serde(rename = "_type")]
    pub statement_type: String,
    /// The migrations whose effect stands, with their fingerprints.
    pub subject: Vec<Subject>,
    /// [`PREDICATE_TYPE`].
    #[serde(rename = "predicateType")]
    pub predicate_type: String,
    /// What happened.
    pub predicate: Predicate,
}

/// A thing that the receipt is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Subject {
    /// The migration's directory.
    pub name: String,
    /// `sha256`: its fingerprint.
    #[cfg_attr(test, schemars(with = "BTreeMap<String, String>"))]
    pub digest: BTreeMap<String, Digest>,
}

/// What happened in a run: the facts, and how it ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Predicate {
    /// The facts.
    #[serde(flatten)]
    pub facts: Facts,
    /// Checks before the commit.
    #[serde(rename = "smokeBeforeCommit")]
    #[cfg_attr(test, schemars(with = "Vec<crate::schema::Check>"))]
    pub smoke_before_commit: Vec<Check>,
    /// Checks after the last commit, on a fresh connection.
    #[serde(rename = "smokeAfterCommit")]
    #[cfg_attr(test, schemars(with = "Vec<crate::schema::Check>"))]
    pub smoke_after_commit: Vec<Check>,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Outcome {
    /// The exit code's name.
    #[cfg_attr(test, schemars(with = "String"))]
    pub exit: Exit,
    /// The exit code.
    pub code: u8,
    /// What state the database is in, in words.
    pub state: String,
    /// What failed.
    pub failure: Option<Failure>,
    /// How it was undone.
    pub undo: Option<String>,
}

/// What failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Failure {
    /// What was attempted.
    pub operation: String,
    /// Where.
    pub place: String,
    /// Why it failed.
    pub cause: String,
}

/// How a run that isn't done ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// The exit code; anything but [`Exit::Done`].
    pub exit: Exit,
    /// What failed.
    pub failure: Failure,
    /// What state the database is in.
    pub state: String,
    /// How it was undone.
    pub undo: Option<String>,
}

impl Receipt {
    /// The receipt of a run that is done: the smoke test after the last commit passed.
    pub fn applied(facts: Facts, before_commit: Vec<Check>, smoke: SmokePassed) -> Self {
        let state = match &facts.set.to {
            Some(version) => format!("healthy, at version {version}"),
            None => "healthy, no migration is applied".to_owned(),
        };
        let outcome =
            Outcome { exit: Exit::Done, code: Exit::Done.code(), state, failure: None, undo: None };
        Self::new(facts, before_commit, smoke.checks().to_vec(), outcome)
    }

    /// The receipt of a run that ended in any other way.
    pub fn failed(
        facts: Facts,
        before_commit: Vec<Check>,
        after_commit: Vec<Check>,
        failed: Failed,
    ) -> Self {
        let exit = if failed.exit == Exit::Done { Exit::Internal } else { failed.exit };
        let outcome = Outcome {
            exit,
            code: exit.code(),
            state: failed.state,
            failure: Some(failed.failure),
            undo: failed.undo,
        };
        Self::new(facts, before_commit, after_commit, outcome)
    }

    fn new(
        facts: Facts,
        before_commit: Vec<Check>,
        after_commit: Vec<Check>,
        outcome: Outcome,
    ) -> Self {
        let subject = facts
            .migrations
            .iter()
            .filter(|migration| migration.stands)
            .map(|migration| Subject {
                name: migration.directory.clone(),
                digest: BTreeMap::from([("sha256".to_owned(), migration.fingerprint)]),
            })
            .collect();
        Self {
            statement_type: STATEMENT_TYPE.to_owned(),
            subject,
            predicate_type: PREDICATE_TYPE.to_owned(),
            predicate: Predicate {
                facts,
                smoke_before_commit: before_commit,
                smoke_after_commit: after_commit,
                outcome,
            },
        }
    }

    /// The receipt's bytes: what is filed, hashed and, later, signed.
    ///
    /// # Errors
    /// Serialising failed, which these types don't allow for.
    pub fn to_bytes(&self) -> Result<String, serde_json::Error> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(text)
    }
}
