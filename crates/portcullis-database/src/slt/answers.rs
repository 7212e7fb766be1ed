//! A case whose records were asked beforehand: they are held to answers that are there.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use portcullis_model::sql::Dialect;
use sqllogictest::{DBOutput, DefaultColumnType, Runner};

use super::case::{Case, Part, asked};
use super::{cell, same};
use crate::scratch::{Move, Refused, Rows};

/// What was answered to a record.
pub type Answer = Result<Rows, Refused>;

impl Case {
    /// What a part asks of this engine, in order; none if it can't be asked beforehand.
    pub fn moves(&self, part: Part, dialect: Dialect) -> Option<Vec<Move<'_>>> {
        let asked = self.records(part).iter().filter_map(|record| asked(record, dialect));
        asked
            .map(|asked| match (asked.transaction_control(dialect), asked.fails) {
                (Some(_), _) => None,
                (None, true) => Some(Move::AskInVain(asked.sql)),
                (None, false) => Some(Move::Ask(asked.sql)),
            })
            .collect()
    }

    /// Holds a part to the answers to its [`moves`](Self::moves), which are taken. How many
    /// records held; none if one doesn't.
    pub fn held(
        &self,
        part: Part,
        dialect: Dialect,
        answers: &mut VecDeque<Answer>,
    ) -> Option<usize> {
        let answers = Mutex::new(answers);
        let mut runner = Runner::new(|| async { Ok(Answered { answers: &answers, dialect }) });
        runner.with_normalizer(String::clone);
        runner.with_validator(same);
        let mut held = 0;
        for record in self.records(part) {
            held += usize::from(asked(record, dialect).is_some());
            runner.run(record.clone()).ok()?;
        }
        Some(held)
    }
}

#[derive(Debug, thiserror::Error)]
enum AnswerError {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("nothing was asked")]
    Missing,
}

struct Answered<'a, 'b> {
    answers: &'a Mutex<&'b mut VecDeque<Answer>>,
    dialect: Dialect,
}

impl sqllogictest::DB for Answered<'_, '_> {
    type Error = AnswerError;
    type ColumnType = DefaultColumnType;

    fn run(&mut self, _: &str) -> Result<DBOutput<DefaultColumnType>, AnswerError> {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = answers.pop_front().ok_or(AnswerError::Missing)??;
        let rows: Vec<Vec<String>> =
            rows.into_iter().map(|row| row.into_iter().map(cell).collect()).collect();
        let types = vec![DefaultColumnType::Any; rows.first().map_or(0, Vec::len)];
        Ok(DBOutput::Rows { types, rows })
    }

    fn engine_name(&self) -> &str {
        self.dialect.name()
    }
}
