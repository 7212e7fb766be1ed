//! A test case of a migration: records that seed and assert at the version before it, and
//! records that assert after it.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portcullis_model::redact;
use portcullis_model::sql::{Dialect, statements};
use sqllogictest::{
    Condition, DBOutput, DefaultColumnType, QueryExpect, Record, Runner, StatementExpect,
    TestError, TestErrorKind,
};

use super::{cell, same};
use crate::scratch::{Refused, Scratch};

/// What a case is made of.
type Line = Record<DefaultColumnType>;

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
}

/// What a query gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The line that its record begins at, from 1 on.
    pub line: u32,
    /// The rows, where they aren't those that are expected.
    pub rows: Option<String>,
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
                .map_err(|error| Mismatch {
                    at: error.location().to_string(),
                    what: error.kind().to_string(),
                })?;
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

    /// Whether a part asks this engine anything.
    pub fn asks(&self, part: Part, dialect: Dialect) -> bool {
        self.records(part).iter().any(|record| asked(record, dialect).is_some())
    }

    /// The statements and queries of a part, for this engine.
    fn records(&self, part: Part) -> &[Line] {
        let range = self.parts.iter().find(|(there, _)| *there == part);
        range.map_or(&[], |(_, range)| &self.records[range.clone()])
    }

    /// Runs one part; how many records held.
    ///
    /// # Errors
    /// The first record that doesn't hold.
    pub fn play(&self, part: Part, scratch: &mut dyn Scratch) -> Result<usize, Mismatch> {
        self.play_with(part, scratch, |_, error| {
            error.map_or(Ok(()), |error| Err(describe(&error)))
        })
    }

    /// Runs one part, and takes whatever its queries give for right.
    ///
    /// # Errors
    /// The first record that isn't only a matter of rows.
    pub fn play_noting(
        &self,
        part: Part,
        scratch: &mut dyn Scratch,
        given: &mut Vec<Given>,
    ) -> Result<usize, Mismatch> {
        self.play_with(part, scratch, |record, error| {
            let rows = match error.as_ref().map(TestError::kind) {
                None => None,
                Some(TestErrorKind::QueryResultMismatch { actual, .. }) => Some(actual),
                Some(_) => return error.map_or(Ok(()), |error| Err(describe(&error))),
            };
            if let Record::Query { loc, .. } = record {
                given.push(Given { line: loc.line(), rows });
            }
            Ok(())
        })
    }

    /// Runs one part; `hear` is told of each record how it ended, and says whether it held.
    fn play_with(
        &self,
        part: Part,
        scratch: &mut dyn Scratch,
        mut hear: impl FnMut(&Line, Option<TestError>) -> Result<(), Mismatch>,
    ) -> Result<usize, Mismatch> {
        let dialect = scratch.dialect();
        let within = scratch.is_in_transaction();
        let shared = Mutex::new(scratch);
        let mut runner = Runner::new(|| async { Ok(Played { scratch: &shared, dialect }) });
        runner.with_normalizer(String::clone);
        runner.with_validator(same);
        let mut held = 0;
        for record in self.records(part) {
            let Some(asked) = asked(record, dialect) else {
                runner.run(record.clone()).map_err(|error| describe(&error))?;
                continue;
            };
            let at = asked.location();
            if let Some(keywords) = asked.transaction_control(dialect) {
                let what = format!("a case may not {}", keywords.join(" ").to_uppercase());
                return Err(Mismatch { at, what });
            }
            // On PostgreSQL an error ends the transaction, also one that is expected; and of
            // several statements none stays, on either engine.
            let guarded = within && asked.fails;
            let around = |sql: &str| {
                lock(&shared)
                    .ask(sql)
                    .map_err(|error| Mismatch { at: at.clone(), what: error.to_string() })
            };
            if guarded {
                around("SAVEPOINT portcullis_record")?;
            }
            hear(record, runner.run(record.clone()).err())?;
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

fn said(at: String, what: &str) -> Mismatch {
    Mismatch { at, what: what.to_owned() }
}

fn lock<'a, 'b>(
    shared: &'a Mutex<&'b mut (dyn Scratch + 'b)>,
) -> MutexGuard<'a, &'b mut (dyn Scratch + 'b)> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A record that asks the database something.
struct Asked<'a> {
    record: &'a Line,
    sql: &'a str,
    /// Whether it is expected to fail.
    fails: bool,
}

impl Asked<'_> {
    fn location(&self) -> String {
        location(self.record)
    }

    fn transaction_control(&self, dialect: Dialect) -> Option<&'static [&'static str]> {
        statements(self.sql, dialect).iter().find_map(|statement| statement.transaction_control())
    }
}

/// What a record asks of this engine, if it does.
fn asked(record: &Line, dialect: Dialect) -> Option<Asked<'_>> {
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

fn location(record: &Line) -> String {
    match record {
        Record::Statement { loc, .. } | Record::Query { loc, .. } | Record::Subtest { loc, .. } => {
            loc.to_string()
        }
        _ => String::new(),
    }
}

/// A case is data: it asks its database, and does nothing else.
fn refuse_what_cases_may_not(name: &str, record: &Line) -> Result<(), Mismatch> {
    let refuse = |at: String, what: String| Err(Mismatch { at, what });
    match record {
        Record::Statement { expected: StatementExpect::Count(_), .. } => {
            refuse(location(record), "count rows by a query: engines count them differently".into())
        }
        Record::Statement { conditions, .. } | Record::Query { conditions, .. } => {
            let unknown = conditions.iter().find_map(|condition| {
                let (Condition::OnlyIf { label } | Condition::SkipIf { label }) = condition;
                (!["sqlite", "postgres"].contains(&label.as_str())).then_some(label)
            });
            match unknown {
                Some(label) => refuse(
                    location(record),
                    format!("there is no engine {label:?}: it is sqlite or postgres"),
                ),
                None => Ok(()),
            }
        }
        Record::Condition(_)
        | Record::Comment(_)
        | Record::Newline
        | Record::Subtest { .. }
        | Record::HashThreshold { .. }
        | Record::Control(_) => Ok(()),
        other => {
            let text = other.to_string();
            let word = text.split_whitespace().next().unwrap_or_default();
            let at = match other {
                Record::System { loc, .. }
                | Record::Include { loc, .. }
                | Record::Sleep { loc, .. }
                | Record::Halt { loc } => loc.to_string(),
                _ => name.to_owned(),
            };
            refuse(at, format!("a case may not use {}", redact::printable(word)))
        }
    }
}

fn parts(name: &str, records: &[Line]) -> Result<Vec<(Part, Range<usize>)>, Mismatch> {
    let mut parts: Vec<(Part, Range<usize>)> = Vec::new();
    for (index, record) in records.iter().enumerate() {
        let Record::Subtest { name: label, .. } = record else {
            let asks = matches!(record, Record::Statement { .. } | Record::Query { .. });
            if asks && parts.is_empty() {
                return Err(said(location(record), "it stands before `subtest before`"));
            }
            continue;
        };
        let at = location(record);
        let Some(part) = Part::ALL.into_iter().find(|part| part.name() == label) else {
            let what = format!(
                "there is no part {}: it is before, after or down",
                redact::printable(label)
            );
            return Err(Mismatch { at, what });
        };
        match parts.last_mut() {
            None if part != Part::Before => {
                return Err(said(at, "a case begins with `subtest before`"));
            }
            Some((last, _)) if *last >= part => {
                return Err(said(
                    at,
                    "the parts are before, after, down, in this order, each once",
                ));
            }
            Some((_, range)) => range.end = index,
            None => {}
        }
        parts.push((part, index + 1..records.len()));
    }
    let asserts = |part: Part| {
        parts.iter().any(|(there, range)| {
            *there == part
                && records[range.clone()]
                    .iter()
                    .any(|record| matches!(record, Record::Statement { .. } | Record::Query { .. }))
        })
    };
    if !asserts(Part::After) {
        return Err(said(
            name.to_owned(),
            "nothing is asserted after the migration: it needs a `subtest after` with a query",
        ));
    }
    Ok(parts)
}

/// Where and how a record failed, with what was expected and what was there.
fn describe(error: &TestError) -> Mismatch {
    Mismatch { at: error.location().to_string(), what: error.kind().display(false).to_string() }
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
