//! What the rules look at: every file once, every SQL file split once.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::PathBuf;

use portcullis_model::migration::{File, Migration, MigrationSet};
use portcullis_model::sql::{Dialect, Statement, Token, TokenKind, lex, split};
use portcullis_model::sum::{self, Line, Problem, Sum};

use crate::directive::{Directive, Source, directives};
use crate::rust::{self, RustFile};
use crate::standing::standings;
use crate::suppress::Named;
use crate::{Context, Standing};

pub(crate) const UP: &str = "up.sql";
pub(crate) const DOWN: &str = "down.sql";
pub(crate) const METADATA: &str = "metadata.toml";
pub(crate) const BYTE_ORDER_MARK: &str = "\u{feff}";

/// A migration set, made ready for the rules.
#[derive(Debug)]
pub struct Input<'a> {
    /// The migrations, settled or not.
    pub set: &'a MigrationSet,
    /// Whose SQL they are written in.
    pub dialect: Dialect,
    /// What is known around them.
    pub context: &'a Context,
    sum: Result<Sum, Vec<Problem>>,
    standings: Vec<Standing>,
    migrations: Vec<&'a Migration>,
    files: Vec<SourceFile<'a>>,
    sql: Vec<SqlFile<'a>>,
    rust: Vec<RustFile<'a>>,
    directives: Vec<Directive>,
    used: BTreeSet<Named>,
}

impl<'a> Input<'a> {
    /// Reads and splits everything once. Settled migrations, those that were linted when
    /// they were accepted, are left out.
    pub fn new(set: &'a MigrationSet, dialect: Dialect, context: &'a Context) -> Self {
        let sum = set.sum();
        // Of a sum that has to be put right, what can be read counts meanwhile.
        let readable = || Sum { lines: sum::lines(set.sum_file.text().unwrap_or_default()).0 };
        let rest = if sum.is_err() { readable() } else { Sum::default() };
        let base = context.base.as_ref().map(|base| &base.sum);
        let standings = standings(set, dialect, sum.as_ref().unwrap_or(&rest), base);
        let is_settled = |(migration, standing): &(&Migration, &Standing)| {
            standing.is_settled(migration, base.is_some())
        };
        let migrations: Vec<&Migration> = set
            .migrations
            .iter()
            .zip(&standings)
            .filter(|pair| !is_settled(pair))
            .map(|(migration, _)| migration)
            .collect();
        let files: Vec<_> = migrations.iter().flat_map(|migration| files_of(migration)).collect();
        let sql: Vec<_> = files.iter().filter_map(|file| SqlFile::new(file, dialect)).collect();
        let rust = rust::files(&context.application);
        let sources = sql.iter().map(SqlFile::source);
        let sources = sources.chain(files.iter().filter_map(SourceFile::source));
        let sources = sources.chain(rust.iter().map(RustFile::source));
        let directives = sources.flat_map(|source| directives(&source)).collect();
        Self {
            set,
            dialect,
            context,
            sum,
            standings,
            migrations,
            files,
            sql,
            rust,
            directives,
            used: BTreeSet::new(),
        }
    }

    /// The sum of the directory; none where it can't be read.
    pub fn sum(&self) -> Option<&Sum> {
        self.sum.as_ref().ok()
    }

    /// What is wrong with the sum.
    pub fn problems(&self) -> &[Problem] {
        self.sum.as_ref().err().map_or(&[], Vec::as_slice)
    }

    /// Where the sum is, relative to what the set was read from.
    pub fn sum_path(&self) -> PathBuf {
        self.set.root.join(sum::FILE)
    }

    /// Where in the sum a line names its directory.
    pub(crate) fn name_in_sum(&self, line: &Line) -> Range<usize> {
        let text = self.set.sum_file.text().and_then(|text| text.get(line.span.clone()));
        let length = text.and_then(|text| text.find(" sha256:")).unwrap_or(line.span.len());
        line.span.start..line.span.start + length
    }

    /// Every migration with its standing, settled or not.
    pub fn standings(&self) -> impl Iterator<Item = (&'a Migration, Standing)> {
        self.set.migrations.iter().zip(self.standings.iter().copied())
    }

    /// The migrations that aren't settled.
    pub fn migrations(&self) -> &[&'a Migration] {
        &self.migrations
    }

    /// The application's files.
    pub(crate) fn rust(&self) -> &[RustFile<'a>] {
        &self.rust
    }

    /// Every comment that speaks to the linter.
    pub(crate) fn directives(&self) -> &[Directive] {
        &self.directives
    }

    /// What of them allowed something.
    pub(crate) fn used(&self) -> &BTreeSet<Named> {
        &self.used
    }

    /// Tells the rule that runs last.
    pub(crate) fn note_used(&mut self, used: BTreeSet<Named>) {
        self.used = used;
    }

    /// `up.sql`, `down.sql` and `metadata.toml` of these migrations, also where missing.
    pub fn files(&self) -> &[SourceFile<'a>] {
        &self.files
    }

    /// Every `up.sql` and `down.sql` of theirs that is plain text.
    pub fn sql(&self) -> &[SqlFile<'a>] {
        &self.sql
    }

    /// The statements of every SQL file, each with its file.
    pub fn statements(&self) -> impl Iterator<Item = (&SqlFile<'a>, &Statement<'a>)> {
        self.sql.iter().flat_map(|file| file.statements.iter().map(move |found| (file, found)))
    }
}

/// A file of a migration, whatever became of reading it.
#[derive(Debug)]
pub struct SourceFile<'a> {
    /// Whose it is.
    pub migration: &'a Migration,
    /// The file's name.
    pub name: &'static str,
    /// What was read.
    pub file: &'a File,
    /// The text, if the file is plain: UTF-8 without NUL and byte order mark.
    pub text: Option<&'a str>,
}

impl<'a> SourceFile<'a> {
    /// The file's path, relative to what the set was read from.
    pub fn path(&self) -> PathBuf {
        self.migration.path.join(self.name)
    }

    /// The comments of a `metadata.toml`. Its lines are its statements.
    fn source(&self) -> Option<Source<'a>> {
        let text = self.text.filter(|_| self.name == METADATA)?;
        let (mut comments, mut statements, mut start) = (Vec::new(), Vec::new(), 0);
        for line in text.split_inclusive('\n') {
            if line.trim_start().starts_with('#') {
                comments.push((start, line));
            } else if !line.trim().is_empty() {
                statements.push(start..start + line.len());
            }
            start += line.len();
        }
        Some(source(self.path(), self.migration, text, comments, statements))
    }
}

fn source<'a>(
    file: PathBuf,
    migration: &Migration,
    text: &str,
    comments: Vec<(usize, &'a str)>,
    statements: Vec<Range<usize>>,
) -> Source<'a> {
    let migration = Some((migration.path.clone(), migration.directory.clone()));
    Source { file, migration, length: text.len(), comments, statements }
}

fn files_of(migration: &Migration) -> impl Iterator<Item = SourceFile<'_>> {
    let files =
        [(UP, &migration.up), (DOWN, &migration.down), (METADATA, &migration.metadata_file)];
    files.into_iter().map(move |(name, file)| {
        let is_plain = |text: &&str| !text.contains('\0') && !text.starts_with(BYTE_ORDER_MARK);
        SourceFile { migration, name, file, text: file.text().filter(is_plain) }
    })
}

/// An SQL file that is plain text.
#[derive(Debug)]
pub struct SqlFile<'a> {
    /// Whose it is.
    pub migration: &'a Migration,
    /// The file's name.
    pub name: &'static str,
    /// All of it.
    pub text: &'a str,
    /// Its tokens, with comments.
    pub tokens: Vec<Token>,
    /// Its statements, without comments.
    pub statements: Vec<Statement<'a>>,
}

impl<'a> SqlFile<'a> {
    fn new(file: &SourceFile<'a>, dialect: Dialect) -> Option<Self> {
        let text = file.text.filter(|_| file.name != METADATA)?;
        let tokens = lex(text, dialect);
        let statements = split(text, &tokens, dialect);
        Some(Self { migration: file.migration, name: file.name, text, tokens, statements })
    }

    /// The file's path, relative to what the set was read from.
    pub fn path(&self) -> PathBuf {
        self.migration.path.join(self.name)
    }

    fn source(&self) -> Source<'a> {
        let semicolons: Vec<usize> = self
            .tokens
            .iter()
            .filter(|token| token.kind == TokenKind::Semicolon)
            .map(|token| token.span.end)
            .collect();
        // A comment before its semicolon belongs to a statement too.
        let with_semicolon = |statement: &Statement<'_>| {
            let span = statement.span();
            let next = semicolons.partition_point(|end| *end <= span.end);
            span.start..semicolons.get(next).copied().unwrap_or(self.text.len())
        };
        let statements = self.statements.iter().map(with_semicolon).collect();
        source(self.path(), self.migration, self.text, self.comments().collect(), statements)
    }

    /// The comments: where each begins, and its text.
    pub fn comments(&self) -> impl Iterator<Item = (usize, &'a str)> {
        let comments = self.tokens.iter().filter(|token| token.kind == TokenKind::Comment);
        comments.map(|token| (token.span.start, &self.text[token.span.clone()]))
    }
}

/// Where a statement's first token stands: enough to point at it.
pub(crate) fn head(statement: &Statement<'_>) -> Range<usize> {
    statement.tokens().first().map_or(0..0, |token| token.span.clone())
}
