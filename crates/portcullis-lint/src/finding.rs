//! What a rule found, and where.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use crate::excerpt::Excerpt;
use crate::{Input, Rule};

/// How bad a finding is. Errors come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It breaks a run or loses data.
    Error,
    /// It works, and not as people expect.
    Warning,
}

impl Severity {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// A place in a file, as editors count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The id of the rule.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The file or directory, relative to what the set was read from.
    #[serde(serialize_with = "lossy")]
    pub file: PathBuf,
    /// The bytes of the file that it is about; none if it is about all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub span: Option<Range<usize>>,
    /// Where the span begins.
    #[serde(flatten)]
    pub position: Option<Position>,
    /// Where the span ends: behind its last character.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<Position>,
    /// What is there, and why it hurts.
    pub message: String,
    /// What to do.
    pub help: String,
    /// How the file differs from what it should be, as a unified diff.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
    /// The line to draw, if it can be drawn.
    #[serde(skip)]
    pub(crate) excerpt: Option<Excerpt>,
}

/// Serde refuses a path that isn't UTF-8, but such a name is a finding of its own.
pub(crate) fn lossy<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// Collects the findings of a rule.
#[derive(Debug)]
pub struct Findings {
    rule: &'static Rule,
    found: Vec<Finding>,
}

impl Findings {
    /// What the rule finds in the input.
    pub(crate) fn of(rule: &'static Rule, input: &Input<'_>) -> Vec<Finding> {
        let mut findings = Self { rule, found: Vec::new() };
        (rule.check)(input, &mut findings);
        findings.found
    }

    /// Something about a whole file or directory.
    pub fn on(&mut self, file: PathBuf, message: impl Into<String>, help: impl Into<String>) {
        self.add(file, None, message.into(), help.into());
    }

    /// Something about these bytes of a file.
    pub fn at(
        &mut self,
        file: PathBuf,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.add(file, Some(span), message.into(), help.into());
    }

    /// What was found last shows how the file differs from what it should be.
    pub fn with_diff(&mut self, diff: String) {
        if let Some(last) = self.found.last_mut() {
            last.diff = Some(diff);
        }
    }

    fn add(&mut self, file: PathBuf, span: Option<Range<usize>>, message: String, help: String) {
        self.found.push(Finding {
            rule: self.rule.id,
            severity: self.rule.severity,
            file,
            span,
            position: None,
            end: None,
            message,
            help,
            diff: None,
            excerpt: None,
        });
    }
}

/// By file, then by place (what is about a whole file first), then by rule.
pub(crate) fn sort(findings: &mut [Finding]) {
    let start = |finding: &Finding| finding.span.as_ref().map(|span| (span.start, span.end));
    findings.sort_by(|a, b| (&a.file, start(a), a.rule).cmp(&(&b.file, start(b), b.rule)));
}
