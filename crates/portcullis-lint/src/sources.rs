//! Finds the bytes behind a finding, and counts lines in them.

use std::collections::HashMap;
use std::path::Path;

use portcullis_model::migration::{Migration, MigrationSet};
use portcullis_model::sum;

use crate::context::Application;
use crate::excerpt::Excerpt;
use crate::input::{DOWN, METADATA, UP};
use crate::{Finding, Position};

/// The files of a set by path.
pub(crate) struct Sources<'a> {
    migrations: HashMap<&'a Path, &'a Migration>,
    set: &'a MigrationSet,
    application: HashMap<&'a Path, &'a str>,
}

impl<'a> Sources<'a> {
    pub(crate) fn new(set: &'a MigrationSet, application: &'a Application) -> Self {
        let by_path = |migration: &'a Migration| (migration.path.as_path(), migration);
        let files = application.files.iter();
        Self {
            migrations: set.migrations.iter().map(by_path).collect(),
            set,
            application: files.map(|(path, text)| (path.as_path(), text.as_str())).collect(),
        }
    }

    /// The bytes of a file, if it was read.
    pub(crate) fn bytes(&self, file: &Path) -> Option<&'a [u8]> {
        if let Some(text) = self.application.get(file) {
            return Some(text.as_bytes());
        }
        let (directory, name) = (file.parent()?, file.file_name()?.to_str()?);
        if directory == self.set.root && name == sum::FILE {
            return self.set.sum_file.bytes();
        }
        let migration = self.migrations.get(directory)?;
        let file = match name {
            UP => &migration.up,
            DOWN => &migration.down,
            METADATA => &migration.metadata_file,
            _ => return None,
        };
        file.bytes()
    }
}

/// Fills in the places and the lines to draw. The findings are sorted, so each file is
/// walked once.
pub(crate) fn place(findings: &mut [Finding], sources: &Sources<'_>) {
    for group in findings.chunk_by_mut(|a, b| a.file == b.file) {
        let Some(bytes) = group.first().and_then(|first| sources.bytes(&first.file)) else {
            continue;
        };
        let mut walk = Walk::new(bytes);
        for finding in group {
            let Some(span) = &finding.span else { continue };
            finding.position = Some(walk.to(span.start));
            finding.end = Some(walk.clone().to(span.end));
            finding.excerpt = Excerpt::new(bytes, span);
        }
    }
}

/// Goes through a file once, however many positions are asked for.
#[derive(Clone)]
pub(crate) struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    position: Position,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, position: Position { line: 1, column: 1 } }
    }

    /// The position of an offset; it isn't before the one that was asked for last.
    pub(crate) fn to(&mut self, offset: usize) -> Position {
        let passed = self.bytes.get(self.at..offset).unwrap_or_default();
        // A character is a byte that doesn't continue one.
        let characters = |bytes: &[u8]| bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
        match passed.iter().rposition(|byte| *byte == b'\n') {
            Some(last) => {
                self.position.line += passed.iter().filter(|byte| **byte == b'\n').count();
                self.position.column = 1 + characters(&passed[last + 1..]);
            }
            None => self.position.column += characters(passed),
        }
        self.at += passed.len();
        self.position
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_characters() {
        let mut walk = Walk::new("aé b\n\n  ü🦀x".as_bytes());
        for (offset, line, column) in
            [(0, 1, 1), (3, 1, 3), (6, 2, 1), (7, 3, 1), (9, 3, 3), (15, 3, 5)]
        {
            assert_eq!(walk.to(offset), Position { line, column }, "{offset}");
        }
    }
}
