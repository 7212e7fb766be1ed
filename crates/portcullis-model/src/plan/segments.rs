//! Which steps share a transaction.

use super::{Plan, Segment, SegmentKind, Step};
use crate::sql::{Dialect, effects, statements};

pub(super) fn segments(steps: Vec<Step>, dialect: Dialect) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::new();
    for step in steps {
        let kind = segment_kind(&step, dialect);
        match segments.last_mut() {
            Some(last)
                if kind == SegmentKind::Transaction
                    && last.kind == kind
                    && !last
                        .steps
                        .last()
                        .is_some_and(|before| must_be_committed(before, dialect)) =>
            {
                last.steps.push(step)
            }
            _ => segments.push(Segment { kind, steps: vec![step] }),
        }
    }
    segments
}

/// Whether what a step does can be used only after its commit: PostgreSQL's new values of an
/// enum.
pub fn must_be_committed(step: &Step, dialect: Dialect) -> bool {
    dialect == Dialect::Postgres
        && statements(&step.sql, dialect).iter().any(|statement| {
            statement.has_keywords(0, &["alter", "type"])
                && (2..statement.len()).any(|at| statement.has_keywords(at, &["add", "value"]))
        })
}

impl Plan {
    /// The same work in shorter transactions, for a database that has nothing to lose: a
    /// thousand new tables in one transaction run a PostgreSQL server out of locks.
    #[must_use]
    pub fn in_shorter_transactions(mut self) -> Self {
        self.segments = self.segments.into_iter().flat_map(shorter).collect();
        self
    }
}

fn shorter(segment: Segment) -> Vec<Segment> {
    let kind = segment.kind;
    let mut segments: Vec<Segment> = Vec::new();
    let mut room = 0_usize;
    for step in segment.steps {
        let needed = statements(&step.sql, Dialect::Postgres).len();
        match segments.last_mut() {
            Some(last) if needed <= room => {
                last.steps.push(step);
                room -= needed;
            }
            _ => {
                segments.push(Segment { kind, steps: vec![step] });
                room = AT_ONCE.saturating_sub(needed);
            }
        }
    }
    segments
}

/// How many statements on a new database share a transaction: few enough for the locks of a
/// server as it is delivered (64 a connection, and a new table takes five), enough that
/// commits cost nothing.
const AT_ONCE: usize = 500;

/// What a step runs in.
pub fn segment_kind(step: &Step, dialect: Dialect) -> SegmentKind {
    if dialect == Dialect::Postgres {
        return if step.run_in_transaction {
            SegmentKind::Transaction
        } else {
            SegmentKind::NoTransaction
        };
    }
    let effects = effects(&step.sql, dialect);
    if !step.run_in_transaction && effects.refuses_transaction {
        return SegmentKind::NoTransaction;
    }
    // `PRAGMA foreign_keys` does nothing inside a transaction; whoever writes it there
    // means the documented procedure.
    if effects.sets_foreign_keys || effects.rebuilds().next().is_some() {
        return SegmentKind::Rebuild;
    }
    // SQLite runs every other statement in a transaction just as well, asked for or not,
    // and only there can it be undone by a rollback.
    SegmentKind::Transaction
}
