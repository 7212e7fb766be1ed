//! `migrations.sum`: which migrations of a directory were accepted, in order.
//!
//! One line a migration, appended in the order of the versions. The lines of two branches
//! that each add a migration stand at the same place, so that git reports a conflict: their
//! order has to be decided. A blank line after each keeps git from reporting one where the
//! order isn't concerned.

mod text;

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, Hasher};
use crate::migration::{Migration, MigrationSet};
use crate::sql::{Dialect, TokenKind, lex};
use crate::words::count;

pub use text::{Problem, ProblemKind, lines, parse};

/// The file's name, in each migrations directory. Diesel ignores it.
pub const FILE: &str = "migrations.sum";

/// The format that is written, and the only one that is read.
pub const FORMAT: u32 = 1;

/// The accepted migrations, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sum {
    /// One for each migration.
    pub lines: Vec<Line>,
}

/// One accepted migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The directory's name.
    pub directory: String,
    /// What was accepted.
    pub digests: Digests,
    /// What the linter said.
    pub verdict: Verdict,
    /// What it would have said, had a comment not allowed it.
    pub allowed: Vec<Allow>,
    /// How it was tested; none if it was accepted without.
    pub tested: Option<Tested>,
    /// What accepted it: name and version.
    pub tool: String,
    /// Where the line stands in the file; empty if it wasn't read from one.
    pub span: Range<usize>,
}

/// What identifies a migration's content, from the whole to what matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digests {
    /// [`Migration::fingerprint`]: line endings don't count.
    pub fingerprint: Digest,
    /// The beginning of a SHA-256 over the statements: comments and blanks don't count.
    pub statements: u64,
    /// The beginning of a SHA-256 over the bytes of the SQL files.
    pub bytes: u64,
}

/// How many findings there were when it was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verdict {
    /// Only migrations that were there before the gate have any.
    pub errors: usize,
    /// Findings that don't stop a run.
    pub warnings: usize,
}

/// A finding that a comment allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allow {
    /// The rule's id.
    pub rule: String,
    /// Why, as the comment says.
    pub reason: String,
}

/// How much a migration was tested with, and passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tested {
    /// Its cases.
    pub cases: usize,
    /// Whether it went up, down and up, and everything came back.
    pub round_trip: bool,
    /// The rows of messy data that it was applied over.
    pub messy_rows: usize,
}

impl Tested {
    /// In words.
    pub fn words(&self) -> String {
        let mut parts = vec![count(self.cases, "case")];
        if self.round_trip {
            parts.push("up·down·up".to_owned());
        }
        if self.messy_rows > 0 {
            parts.push(count(self.messy_rows, "messy row"));
        }
        parts.join(", ")
    }
}

/// What of a migration differs from what was accepted. Each kind holds those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Nothing.
    Nothing,
    /// Only how lines end; the fingerprint is the same.
    LineEndings,
    /// Only comments and blanks.
    Comments,
    /// What runs, or whether it runs in a transaction.
    Sql,
}

/// How a migration stands to its directory's sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acceptance {
    /// It isn't listed: free to edit.
    Draft,
    /// It is listed, and is what was accepted (but for line endings).
    Accepted,
    /// It is listed, and is something else now.
    Changed(Change),
}

impl Digests {
    /// All digests of a migration.
    pub fn of(migration: &Migration, dialect: Dialect) -> Self {
        Self {
            fingerprint: migration.fingerprint(),
            statements: statements(migration, dialect),
            bytes: bytes(migration),
        }
    }

    /// What of a migration differs from these. Of one that is unchanged no statement is
    /// looked at.
    pub fn change(&self, migration: &Migration, dialect: Dialect) -> Change {
        if migration.fingerprint() == self.fingerprint {
            return if bytes(migration) == self.bytes {
                Change::Nothing
            } else {
                Change::LineEndings
            };
        }
        if statements(migration, dialect) == self.statements {
            Change::Comments
        } else {
            Change::Sql
        }
    }
}

/// Version, transaction, and the tokens of both files without comments.
fn statements(migration: &Migration, dialect: Dialect) -> u64 {
    let mut hasher = Hasher::new("portcullis-statements-v1");
    hasher.field(migration.version.as_bytes());
    hasher.field(&[u8::from(migration.metadata.run_in_transaction())]);
    for file in [&migration.up, &migration.down] {
        match (file.text(), file.bytes()) {
            (Some(text), _) => {
                hasher.field(b"text");
                for token in lex(text, dialect) {
                    if token.kind != TokenKind::Comment {
                        // Line endings inside a quoted text count no more than elsewhere.
                        let token = &text[token.span];
                        hasher.field(token.replace("\r\n", "\n").as_bytes());
                    }
                }
            }
            (None, bytes) => hasher.field(bytes.unwrap_or_default()),
        }
    }
    beginning(hasher.finish())
}

fn bytes(migration: &Migration) -> u64 {
    let mut hasher = Hasher::new("portcullis-bytes-v1");
    for file in [&migration.up, &migration.down] {
        hasher.field(file.bytes().unwrap_or_default());
    }
    beginning(hasher.finish())
}

fn beginning(digest: Digest) -> u64 {
    digest.as_bytes().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

impl Sum {
    /// The line of a directory.
    pub fn line(&self, directory: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.directory == directory)
    }

    /// How a migration was tested, if it is what was accepted.
    pub fn tested(&self, migration: &Migration, dialect: Dialect) -> Option<Tested> {
        let is_accepted = self.acceptance(migration, dialect) == Acceptance::Accepted;
        self.line(&migration.directory).filter(|_| is_accepted)?.tested
    }

    /// How a migration stands to this sum.
    pub fn acceptance(&self, migration: &Migration, dialect: Dialect) -> Acceptance {
        match self.line(&migration.directory).map(|line| line.digests.change(migration, dialect)) {
            None => Acceptance::Draft,
            Some(Change::Nothing | Change::LineEndings) => Acceptance::Accepted,
            Some(change) => Acceptance::Changed(change),
        }
    }
}

impl MigrationSet {
    /// The sum of this directory; empty where there is no file. A file that is no text has
    /// a problem at its beginning.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn sum(&self) -> Result<Sum, Vec<Problem>> {
        use crate::migration::File;
        match (&self.sum_file, self.sum_file.text()) {
            (File::Missing, _) => Ok(Sum::default()),
            (_, Some(text)) => parse(text),
            (_, None) => Err(vec![Problem { span: 0..0, kind: ProblemKind::NotText }]),
        }
    }
}

#[cfg(test)]
mod tests;
