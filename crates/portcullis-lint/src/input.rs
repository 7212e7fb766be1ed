//! What the rules look at: every file once, every SQL file split once.

use std::ops::Range;
use std::path::PathBuf;

use portcullis_model::migration::{File, Migration, MigrationSet};
use portcullis_model::sql::{Dialect, Statement, Token, TokenKind, lex, split};

pub(crate) const UP: &str = "up.sql";
pub(crate) const DOWN: &str = "down.sql";
pub(crate) const METADATA: &str = "metadata.toml";
pub(crate) const BYTE_ORDER_MARK: &str = "\u{feff}";

/// A migration set, made ready for the rules.
#[derive(Debug)]
pub struct Input<'a> {
    /// The migrations.
    pub set: &'a MigrationSet,
    /// Whose SQL they are written in.
    pub dialect: Dialect,
    files: Vec<SourceFile<'a>>,
    sql: Vec<SqlFile<'a>>,
}

impl<'a> Input<'a> {
    /// Reads and splits everything once.
    pub fn new(set: &'a MigrationSet, dialect: Dialect) -> Self {
        let files: Vec<_> = set.migrations.iter().flat_map(files_of).collect();
        let sql = files.iter().filter_map(|file| SqlFile::new(file, dialect)).collect();
        Self { set, dialect, files, sql }
    }

    /// `up.sql`, `down.sql` and `metadata.toml` of every migration, also where missing.
    pub fn files(&self) -> &[SourceFile<'a>] {
        &self.files
    }

    /// Every `up.sql` and `down.sql` that is plain text.
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

impl SourceFile<'_> {
    /// The file's path, relative to what the set was read from.
    pub fn path(&self) -> PathBuf {
        self.migration.path.join(self.name)
    }
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
