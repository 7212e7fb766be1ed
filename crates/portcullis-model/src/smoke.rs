//! Smoke tests as values: checks, and the proof that all of them passed.

use serde::{Deserialize, Serialize};

/// When checks ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// Inside the transaction, where a rollback still undoes everything.
    BeforeCommit,
    /// On a fresh connection, after the last commit.
    AfterCommit,
}

/// How one check ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "result", content = "detail")]
pub enum Verdict {
    /// It passed.
    Passed,
    /// It passed, and there is something to know.
    Noted(String),
    /// It was left out, and why.
    Skipped(String),
    /// It failed, and how.
    Failed(String),
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was checked.
    pub name: String,
    /// How it ended.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// How long it took.
    pub milliseconds: u64,
}

impl Check {
    /// Runs one check and takes its time. An error is a failure with the error's text.
    pub fn run<E: std::fmt::Display>(
        name: impl Into<String>,
        check: impl FnOnce() -> Result<Verdict, E>,
    ) -> Self {
        let started = std::time::Instant::now();
        let verdict = check().unwrap_or_else(|error| Verdict::Failed(error.to_string()));
        Self { name: name.into(), verdict, milliseconds: started.elapsed().as_millis() as u64 }
    }

    /// The failure, if it failed.
    pub fn failure(&self) -> Option<&str> {
        match &self.verdict {
            Verdict::Failed(detail) => Some(detail),
            _ => None,
        }
    }
}

/// Proof that a smoke test ran after the last commit and that nothing in it failed. Only
/// [`passed`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmokePassed {
    checks: Vec<Check>,
}

impl SmokePassed {
    /// What was checked.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }
}

/// Takes checks for a passed smoke test.
///
/// # Errors
/// The checks themselves, if one failed or if there are none.
pub fn passed(checks: Vec<Check>) -> Result<SmokePassed, Vec<Check>> {
    if checks.is_empty() || checks.iter().any(|check| check.failure().is_some()) {
        return Err(checks);
    }
    Ok(SmokePassed { checks })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_checks_that_ran_and_did_not_fail_are_a_pass() {
        let check = |verdict: Result<Verdict, String>| Check::run("x", || verdict);
        assert!(passed(vec![]).is_err());
        assert!(
            passed(vec![check(Ok(Verdict::Passed)), check(Ok(Verdict::Skipped("large".into())))])
                .is_ok()
        );
        assert!(passed(vec![check(Ok(Verdict::Passed)), check(Err("no".into()))]).is_err());
    }
}
