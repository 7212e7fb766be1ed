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

    /// Whether it was made, whatever came of it.
    pub fn was_made(&self) -> bool {
        !matches!(self.verdict, Verdict::Skipped(_))
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

/// Why a smoke test isn't passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotPassed {
    /// A check failed.
    Failed(Vec<Check>),
    /// Nothing failed, but a check was left out that no earlier phase made either.
    Unchecked(Vec<Check>),
}

impl NotPassed {
    /// The checks, however they ended.
    pub fn into_checks(self) -> Vec<Check> {
        match self {
            NotPassed::Failed(checks) | NotPassed::Unchecked(checks) => checks,
        }
    }
}

/// Takes checks for a passed smoke test. One that was left out must have been made in the
/// phase before.
///
/// # Errors
/// The checks themselves: one failed, one was never made, or there are none.
pub fn passed(before: &[Check], checks: Vec<Check>) -> Result<SmokePassed, NotPassed> {
    if checks.is_empty() || checks.iter().any(|check| check.failure().is_some()) {
        return Err(NotPassed::Failed(checks));
    }
    let made_before =
        |name: &str| before.iter().any(|check| check.name == name && check.was_made());
    if checks.iter().all(|check| check.was_made() || made_before(&check.name)) {
        Ok(SmokePassed { checks })
    } else {
        Err(NotPassed::Unchecked(checks))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_checks_that_ran_and_did_not_fail_are_a_pass() {
        let check = |verdict: Result<Verdict, String>| Check::run("x", || verdict);
        let (well, left_out) =
            (check(Ok(Verdict::Passed)), check(Ok(Verdict::Skipped("busy".into()))));
        let failed = check(Err("no".into()));
        assert!(passed(&[], vec![]).is_err());
        assert!(passed(&[], vec![well.clone()]).is_ok());
        assert!(matches!(passed(&[], vec![left_out.clone()]), Err(NotPassed::Unchecked(_))));
        assert!(passed(std::slice::from_ref(&well), vec![left_out]).is_ok());
        assert!(matches!(passed(&[], vec![well, failed]), Err(NotPassed::Failed(_))));
    }
}
