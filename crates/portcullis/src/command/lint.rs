//! `lint`: the migrations of every engine, without a database; in the working tree, as they
//! are staged, or as they are committed.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use portcullis_flow::Stop;
use portcullis_lint::Report;
use portcullis_model::config::FILE;
use portcullis_model::exit::Exit;
use portcullis_model::migration::File;
use portcullis_workspace::inspect::{History, inspect};
use portcullis_workspace::source::{Source, Wanted};

use super::Format;
use crate::print;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    cargo xtask lint\n  \
    cargo xtask lint --staged\n  \
    cargo xtask lint --since origin/main\n  \
    cargo xtask lint --format json\n  \
    cargo xtask lint --format github\n  \
    cargo xtask explain empty-down")]
pub struct Flags {
    /// Look at what is staged for the next commit, if that touches migrations
    #[arg(long, conflicts_with = "since")]
    staged: bool,
    /// Look at the commit that is checked out, against where it left REV [default: the
    /// default branch]
    #[arg(long, value_name = "REV")]
    since: Option<Option<String>>,
    /// How to print
    #[arg(long, value_enum, default_value_t = LintFormat::Human)]
    format: LintFormat,
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LintFormat {
    /// For people: each with a picture of the place.
    Human,
    /// One JSON document.
    Json,
    /// Annotations of the changed files, in a job of GitHub Actions.
    Github,
}

impl Flags {
    pub(super) fn format(&self) -> Format {
        match self.format {
            LintFormat::Human | LintFormat::Github => Format::Human,
            LintFormat::Json => Format::Json,
        }
    }
}

impl Flags {
    fn wanted(&self) -> Wanted<'_> {
        match &self.since {
            Some(revision) => Wanted::Since(revision.as_deref()),
            None if self.staged => Wanted::Staged,
            None => Wanted::WorkingTree,
        }
    }
}

pub(super) fn run(flags: Flags) -> Result<Exit, Stop> {
    let source = Source::open(&super::here()?, flags.wanted())?;
    let prefix = prefix(&source.config.root);
    // Most commits touch neither a migration nor code: they don't wait for the linter.
    if flags.staged && source.changed()?.is_some_and(|changed| !concerns(&source, changed)) {
        print::findings(&[], &prefix, flags.format);
        return Ok(Exit::Done);
    }
    let inspection = inspect(&source)?;
    // Where somebody accepts, it matters what nobody may change any more.
    let accepts = inspection.engines.iter().any(|one| one.set.sum_file != File::Missing);
    if inspection.history == History::Unknown && accepts {
        print::history_is_unknown(flags.format);
    }
    let reports: Vec<Report> = inspection.engines.into_iter().map(|one| one.report).collect();
    print::findings(&reports, &prefix, flags.format);
    let errors = reports.iter().any(|report| report.verdict().errors > 0);
    Ok(if errors { Exit::Refused } else { Exit::Done })
}

/// Whether one of these files is the linter's business.
fn concerns(source: &Source, changed: &[PathBuf]) -> bool {
    changed.iter().any(|path| {
        path.extension().is_some_and(|extension| extension == "rs")
            || path == Path::new(FILE)
            || source.config.migrations.iter().any(|one| path.starts_with(&one.path))
    })
}

/// The way from the top of the repository to the workspace; empty where there is none.
fn prefix(root: &Path) -> PathBuf {
    let top = root.ancestors().find(|directory| directory.join(".git").exists());
    let below = top.and_then(|top| root.strip_prefix(top).ok());
    below.map(Path::to_owned).unwrap_or_default()
}
