//! What linting comes to.

use std::path::PathBuf;

use portcullis_model::sum::Verdict;
use serde::Serialize;

use crate::finding::lossy;
use crate::{Finding, Position, Severity};

/// What was found, and what a comment allows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Every finding, sorted by file, place and rule.
    pub findings: Vec<Finding>,
    /// What would be a finding, had nobody said why it is meant.
    pub allowed: Vec<Allowed>,
}

/// A finding, or several of one rule, that a comment allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Allowed {
    /// The directory's name of the migration; none in the application's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub migration: Option<String>,
    /// The id of the rule.
    pub rule: &'static str,
    /// Why, in the words of the comment.
    pub reason: String,
    /// The file with the comment, relative to what the set was read from.
    #[serde(serialize_with = "lossy")]
    pub file: PathBuf,
    /// Where the comment stands.
    #[serde(flatten)]
    pub position: Position,
}

impl Report {
    /// How many findings there are of each severity.
    pub fn verdict(&self) -> Verdict {
        let is_error = |finding: &&Finding| finding.severity == Severity::Error;
        let errors = self.findings.iter().filter(is_error).count();
        Verdict { errors, warnings: self.findings.len() - errors }
    }
}
