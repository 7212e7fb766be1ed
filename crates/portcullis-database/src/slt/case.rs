//! A test case of a migration: records that seed and assert at the version before it, and
//! records that assert after it.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portcullis_model::sql::{Dialect, statements};
use sqllogictest::{
    Condition, DBOutput, DefaultColumnType, QueryExpect, Record, RecordOutput, Runner,
    StatementExpect, Validator,
};

use super::describe::{describe, said};
use super::form::{parts, refuse_what_cases_may_not};
use super::{cell, same};
use crate::scratch::{Refused, Scratch};

/// What a case is made of.
pub(super) type Line = Record<DefaultColumnType>;

/// A part of a case, opened by `subtest` and its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// At the version before: it seeds, and says what is there.
    Before,
    /// The migration has been applied.
    After,
    /// And undone again.
    Down,
}

impl Part {
    /// Every part, in order.
    pub const ALL: [Part; 3] = [Part::Before, Part::After, Part::Down];

    /// Its name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Part::Before => "before",
            Part::After => "after",
            Part::Down => "down",
        }
    }
}

/// What is wrong with a case, or what it found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {what}")]
pub struct Mismatch {
    /// File and line.
    pub at: String,
    /// What was expected and what was there, as a diff where rows differ.
    pub what: String,
    /// Whether only the rows of a query are other ones: then the case may be what is wrong.
    pub rows_only: bool,
}

/// What a query answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The line of its record.
    pub line: u32,
    /// The rows, as a case has them.
    pub rows: Vec<String>,
}

/// A test case, read.
#[derive(Debug, Clone)]
pub struct Case {
    records: Vec<Line>,
    parts: Vec<(Part, Range<usize>)>,
}

impl Case {
    /// Reads a case; `name` is what errors call the file.
    ///
    /// # Errors
    /// It is malformed, has not the parts it must have, or wants to do what a case may not.
    pub fn parse(name: &str, text: &str) -> Result<Self, Mismatch> {
        let records =
            sqllogictest::parser::parse_with_name::<DefaultColumnType>(text, Arc::from(name))
                .map_err(|error| said(error.location().to_string(), error.kind().to_string()))?;
        for record in &records {
            refuse_what_cases_may_not(name, record)?;
        }
        let parts = parts(name, &records)?;
        Ok(Self { records, parts })
    }

    /// Whether it has this part.
    pub fn has(&self, part: Part) -> bool {
        self.parts.iter().any(|(there, _)| *there == part)
    }

    /// Whether a part asks an engine anything.
    pub fn asks(&self, part: Part, dialect: Dialect) -> bool {
        self.records(part).iter().any(|record| asked(record, dialect).is_some())
    }

    /// Whether the query at this line is asked of an engine.
    pub fn is_asked_at(&self, line: u32, dialect: Dialect) -> bool {
        self.records.iter().any(|record| {
            matches!(record, Record::Query { loc, .. } if loc.line() == line)
                && asked(record, dialect).is_some()
        })
    }

    /// The rows that the query at this line expects.
    pub fn expected_at(&self, line: u32) -> Option<&[String]> {
        self.records.iter().find_map(|record| match record {
            Record::Query { loc, expected: QueryExpect::Results { results, .. }, .. }
                if loc.line() == line =>
            {
                Some(results.as_slice())
            }
            _ => None,
        })
    }

    /// Everything that was read, with other rows expected by one query.
    pub(super) fn expecting(&self, answer: &Answer) -> Vec<Line> {
        let mut records = self.records.clone();
        for record in &mut records {
            if let Record::Query { loc, expected: QueryExpect::Results { results, .. }, .. } =
                record
                && loc.line() == answer.line
            {
                results.clone_from(&answer.rows);
            }
        }
        records
    }

    pub(super) fn all_records(&self) -> &[Line] {
        &self.records
    }

    /// The statements and queries of a part, for this engine.
    pub(super) fn records(&self, part: Part) -> &[Line] {
        let range = self.parts.iter().find(|(there, _)| *there == part);
        range.map_or(&[], |(_, range)| &self.records[range.clone()])
    }

    /// Runs one part; how many records held.
    ///
    /// # Errors
    /// The first record that doesn't hold.
    pub fn play(&self, part: Part, scratch: &mut dyn Scratch) -> Result<usize, Mismatch> {
        self.walk(part, scratch, same, &mut |_, _| ())
    }

    /// Runs one part whatever its queries answer, and keeps the answers, also those before a
    /// record that doesn't hold.
    ///
    /// # Errors
    /// The first record that doesn't hold whatever the rows are.
    pub fn answer(
        &self,
        part: Part,
        scratch: &mut dyn Scratch,
        answers: &mut Vec<Answer>,
    ) -> Result<usize, Mismatch> {
        self.walk(part, scratch, |_, _, _| true, &mut |record, output| {
            if let Record::Query { loc, expected: QueryExpect::Results { .. }, .. } = record
                && let RecordOutput::Query { rows, error: None, .. } = output
            {
                let rows = rows.iter().map(|row| row.join(" ")).collect();
                answers.push(Answer { line: loc.line(), rows });
            }
        })
    }

    fn walk(
        &self,
        part: Part,
        scratch: &mut dyn Scratch,
        validator: Validator,
        seen: &mut dyn FnMut(&Line, &RecordOutput<DefaultColumnType>),
    ) -> Result<usize, Mismatch> {
        let dialect = scratch.dialect();
        let within = scratch.is_in_transaction();
        let shared = Mutex::new(scratch);
        let mut runner = Runner::new(|| async { Ok(Played { scratch: &shared, dialect }) });
        runner.with_normalizer(String::clone);
        runner.with_validator(validator);
        let mut held = 0;
        for record in self.records(part) {
            let Some(asked) = asked(record, dialect) else {
                runner.run(record.clone()).map_err(|error| describe(&error))?;
                continue;
            };
            let at = asked.location();
            if let Some(keywords) = asked.transaction_control(dialect) {
                let what = format!("a case may not {}", keywords.join(" ").to_uppercase());
                return Err(said(at, what));
            }
            // On PostgreSQL an error ends the transaction, also one that is expected; and of
            // several statements none stays, on either engine.
            let guarded = within && asked.fails;
            let around = |sql: &str| {
                lock(&shared).ask(sql).map_err(|error| said(at.clone(), error.to_string()))
            };
            if guarded {
                around("SAVEPOINT portcullis_record")?;
            }
            let output = runner.run(record.clone()).map_err(|error| describe(&error))?;
            if let Some(refused) = refused(&output).filter(|refused| refused.late || refused.lost) {
                // Not what anybody expects of an error.
                return Err(said(at, refused.message.clone()));
            }
            seen(record, &output);
            if guarded {
                around("ROLLBACK TO portcullis_record; RELEASE portcullis_record")?;
            }
            match (within, lock(&shared).is_in_transaction()) {
                (true, false) => return Err(said(at, "it ended the transaction of the test")),
                (false, true) => return Err(said(at, "it left a transaction open")),
                _ => held += 1,
            }
        }
        Ok(held)
    }
}

/// What the engine refused, where that was expected.
fn refused(output: &RecordOutput<DefaultColumnType>) -> Option<&Refused> {
    match output {
        RecordOutput::Statement { error: Some(error), .. }
        | RecordOutput::Query { error: Some(error), .. } => {
            error.downcast_ref::<QueryError>().map(|error| &error.0)
        }
        _ => None,
    }
}

fn lock<'a, 'b>(
    shared: &'a Mutex<&'b mut (dyn Scratch + 'b)>,
) -> MutexGuard<'a, &'b mut (dyn Scratch + 'b)> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A record that asks the database something.
pub(super) struct Asked<'a> {
    record: &'a Line,
    pub(super) sql: &'a str,
    /// Whether it is expected to fail.
    pub(super) fails: bool,
}

impl Asked<'_> {
    fn location(&self) -> String {
        location(self.record)
    }

    pub(super) fn transaction_control(&self, dialect: Dialect) -> Option<&'static [&'static str]> {
        statements(self.sql, dialect).iter().find_map(|statement| statement.transaction_control())
    }
}

/// What a record asks of this engine, if it does.
pub(super) fn asked(record: &Line, dialect: Dialect) -> Option<Asked<'_>> {
    let (conditions, sql, fails) = match record {
        Record::Statement { conditions, sql, expected, .. } => {
            (conditions, sql, matches!(expected, StatementExpect::Error(_)))
        }
        Record::Query { conditions, sql, expected, .. } => {
            (conditions, sql, matches!(expected, QueryExpect::Error(_)))
        }
        _ => return None,
    };
    let is_meant = conditions.iter().all(|condition| match condition {
        Condition::OnlyIf { label } => label == dialect.name(),
        Condition::SkipIf { label } => label != dialect.name(),
    });
    is_meant.then_some(Asked { record, sql, fails })
}

pub(super) fn location(record: &Line) -> String {
    match record {
        Record::Statement { loc, .. } | Record::Query { loc, .. } | Record::Subtest { loc, .. } => {
            loc.to_string()
        }
        _ => String::new(),
    }
}

#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct QueryError(#[from] Refused);

struct Played<'a, 'b> {
    scratch: &'a Mutex<&'b mut (dyn Scratch + 'b)>,
    dialect: Dialect,
}

impl sqllogictest::DB for Played<'_, '_> {
    type Error = QueryError;
    type ColumnType = DefaultColumnType;

    fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, QueryError> {
        let rows: Vec<Vec<String>> = lock(self.scratch)
            .ask(sql)?
            .into_iter()
            .map(|row| row.into_iter().map(cell).collect())
            .collect();
        let types = vec![DefaultColumnType::Any; rows.first().map_or(0, Vec::len)];
        Ok(DBOutput::Rows { types, rows })
    }

    fn engine_name(&self) -> &str {
        self.dialect.name()
    }
}
