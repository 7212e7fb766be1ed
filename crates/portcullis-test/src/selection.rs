//! Which migrations and cases are meant.

use std::collections::BTreeSet;

/// What somebody asked for.
#[derive(Debug, Clone, Copy)]
pub struct Selection<'a> {
    /// Only migrations, or cases of them as `migration::case`, whose name holds this.
    pub filter: Option<&'a str>,
    /// And only of these migrations.
    pub migrations: Which<'a>,
}

/// Which migrations.
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    /// Every one.
    All,
    /// Those of these directories.
    Of(&'a BTreeSet<String>),
}

impl Selection<'_> {
    /// Whether a case is meant; without a name, the migration itself.
    pub(crate) fn includes(&self, directory: &str, case: &str) -> bool {
        let holds = |filter: &str| format!("{directory}::{case}").contains(filter);
        self.migrations.includes(directory) && self.filter.is_none_or(holds)
    }
}

impl Which<'_> {
    pub(crate) fn includes(self, directory: &str) -> bool {
        match self {
            Which::All => true,
            Which::Of(directories) => directories.contains(directory),
        }
    }
}
