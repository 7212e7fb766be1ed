//! Trying moves in few messages: what costs is the way to the server, not what it does there.

use portcullis_model::plan::{Direction, Step};
use portcullis_model::sql::{Dialect, Statement, lex, statements};

use crate::postgres::apply;
use crate::postgres::catalog::touched::{self, Locks, WRITES, Writes};
use crate::postgres::link::conn::{Conn, Failure, Row, literal};
use crate::scratch::{Contents, Move, Refused, Rows, Trip};

/// A message of many statements, of which some are asked for their answers.
struct Message {
    sql: String,
    /// How many statements each piece has, and whether its answer is wanted.
    pieces: Vec<(usize, bool)>,
}

/// What a message led to: the answers, and why it didn't go on after them.
struct Answers {
    wanted: Vec<Rows>,
    /// Every piece was done.
    whole: bool,
    failure: Option<Failure>,
}

impl Message {
    fn new() -> Self {
        Self { sql: String::new(), pieces: Vec::new() }
    }

    fn add(&mut self, sql: &str, wanted: bool) {
        self.sql.push_str(sql);
        // It may end with a comment.
        self.sql.push_str("\n;");
        self.pieces.push((statements(sql, Dialect::Postgres).len(), wanted));
    }

    /// Something on the side.
    fn then(mut self, sql: &str) -> Self {
        self.add(sql, false);
        self
    }

    fn ask(mut self, sql: &str) -> Self {
        self.add(sql, true);
        self
    }

    /// What Diesel's harness does for a migration.
    fn step(mut self, conn: &Conn, step: &Step) -> Self {
        // Whatever was set by what came before.
        self.add(&conn.application_path(), false);
        self.add(&step.sql, false);
        let version = literal(&step.version);
        self.add(
            &match step.direction {
                Direction::Up => {
                    format!("INSERT INTO __diesel_schema_migrations (version) VALUES ({version})")
                }
                Direction::Down => {
                    format!("DELETE FROM __diesel_schema_migrations WHERE version = {version}")
                }
            },
            false,
        );
        if !apply::sets_nothing(step) {
            let (settings, path) = (conn.settings(), conn.application_path());
            self.add(&format!("{}; {settings} {path}", apply::RESET), false);
        }
        self
    }

    fn send(self, conn: &mut Conn) -> Answers {
        let (done, failure) = conn.ask_each(&self.sql);
        let mut done = done.into_iter();
        let mut wanted = Vec::new();
        for (statements, is_wanted) in self.pieces {
            let mut rows: Option<Vec<Row>> = None;
            for _ in 0..statements {
                match done.next() {
                    Some(some) => rows = some.or(rows),
                    None => return Answers { wanted, whole: false, failure },
                }
            }
            if is_wanted {
                wanted.push(rows.unwrap_or_default());
            }
        }
        // More than was asked for is as bad as less.
        let whole = done.next().is_none();
        Answers { wanted, whole, failure }
    }
}

/// Whether a text says as one of many in a message what it says alone. Its statements must be
/// counted right and end where it ends, none may end the transaction or read from the client,
/// and none may hang on how the message is read or when it came.
pub(super) fn fits(sql: &str) -> bool {
    const OF_A_MESSAGE: [&str; 7] = [
        "standard_conforming_strings",
        "backslash_quote",
        "client_encoding",
        "statement_timestamp",
        "current_query",
        "pg_stat_activity",
        "portcullis_",
    ];
    let text = sql.to_ascii_lowercase();
    let is_plain = |statement: &Statement<'_>| {
        statement.transaction_control().is_none()
            && !statement.has_keywords(0, &["copy"])
            && !(statement.has_keywords(0, &["set"]) && statement_has(statement, "names"))
    };
    is_closed(sql)
        && !OF_A_MESSAGE.iter().any(|word| text.contains(word))
        && statements(sql, Dialect::Postgres).iter().all(is_plain)
}

fn statement_has(statement: &Statement<'_>, keyword: &str) -> bool {
    (1..statement.len()).any(|at| statement.has_keywords(at, &[keyword]))
}

/// Whether no quote and no comment of a text goes on into what follows it.
fn is_closed(sql: &str) -> bool {
    let tokens = lex(&format!("{sql}\n;"), Dialect::Postgres);
    tokens.last().is_some_and(|last| last.span == (sql.len() + 1..sql.len() + 2))
}

/// A migration in a transaction of its own.
pub(super) fn apply_at_once(conn: &mut Conn, step: &Step) -> Result<(), Failure> {
    let message = Message::new().then("BEGIN").step(conn, step).then("COMMIT");
    conn.run(&message.sql)
}

const IN_VAIN: &str = "SAVEPOINT portcullis_record";
const AFTER_IT: &str =
    "ROLLBACK TO SAVEPOINT portcullis_record; RELEASE SAVEPOINT portcullis_record";
/// What was deferred until the commit would be in the way of ALTER TABLE.
const IMMEDIATE: &str = "SET CONSTRAINTS ALL IMMEDIATE";

/// See [`crate::scratch::Scratch::rehearse`]. Something may be left open.
pub(super) fn rehearse(conn: &mut Conn, moves: &[Move<'_>]) -> Option<Vec<Result<Rows, Refused>>> {
    let mut answers = Vec::new();
    let mut message = Message::new().then("BEGIN");
    for one in moves {
        message = match one {
            Move::Ask(sql) => message.ask(sql),
            Move::Step(step) => message.then(IMMEDIATE).step(conn, step),
            Move::AskInVain(sql) => {
                answers.extend(all(message.then(IN_VAIN).send(conn))?.into_iter().map(Ok));
                let refused = Refused::from(Message::new().ask(sql).send(conn).failure?);
                if refused.late || refused.lost {
                    return None;
                }
                answers.push(Err(refused));
                Message::new().then(AFTER_IT)
            }
        };
    }
    answers.extend(all(message.then("ROLLBACK").send(conn))?.into_iter().map(Ok));
    Some(answers)
}

/// Tables whose rows this transaction may have changed.
const WRITTEN: &str = "SELECT * FROM pg_catalog.portcullis_written() ORDER BY 1";

const BACK: &str = "ROLLBACK TO SAVEPOINT portcullis_before";

/// When the schema is read on a trip.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reads {
    /// Before, and after up and down. Where that is the same, and the second time up writes as
    /// often as the first one, it comes by the same.
    Ends,
    /// At each stop.
    All,
}

/// See [`crate::scratch::Scratch::rehearse_trip`]. Something may be left open.
pub(super) fn trip(conn: &mut Conn, seeds: &[&str], steps: (&Step, &Step)) -> Option<Trip> {
    let (trip, is_same) = go(conn, seeds, steps, Reads::Ends)?;
    if is_same && trip.before == trip.back {
        return Some(trip);
    }
    go(conn, seeds, steps, Reads::All).map(|(trip, _)| trip)
}

/// The trip, and whether both times up wrote as often.
fn go(
    conn: &mut Conn,
    seeds: &[&str],
    (up, down): (&Step, &Step),
    reads: Reads,
) -> Option<(Trip, bool)> {
    let none = Locks::new();
    let between = |also: &Locks, besides: &Locks| match reads {
        Reads::All => touched::question(also, besides),
        Reads::Ends => touched::NO_QUESTION.to_owned(),
    };
    let mut message = Message::new().then("BEGIN");
    for sql in seeds {
        message.add(sql, false);
    }
    let there = message
        .then("SAVEPOINT portcullis_before")
        .ask(WRITES)
        .then(IMMEDIATE)
        .step(conn, up)
        .ask(WRITES)
        .ask(&between(&none, &none))
        .then(IMMEDIATE)
        .step(conn, down)
        .ask(WRITES)
        .ask(&touched::question(&none, &none))
        .ask(WRITTEN);
    let [at_first, at_top, after, at_back, back, written] =
        all(there.send(conn))?.try_into().ok()?;
    let (after, back) = (touched::read(after)?, touched::read(back)?);
    let tables: Vec<String> =
        written.into_iter().filter_map(|row| row.into_iter().next()?).collect();
    let rows = rows_of(&tables);
    // What only the way down has touched, the second way up leaves as it finds it.
    let only_down: Locks = back.locks.difference(&after.locks).copied().collect();
    let again = Message::new()
        .ask(&rows)
        .then(IMMEDIATE)
        .step(conn, up)
        .ask(WRITES)
        .ask(&between(&none, &only_down))
        .then(BACK)
        .ask(&touched::question(&back.locks, &none))
        .ask(&rows)
        .then("ROLLBACK");
    let [rows_back, at_last, again, before, rows_before] =
        all(again.send(conn))?.try_into().ok()?;
    let [at_first, at_top, at_back, at_last] =
        [at_first, at_top, at_back, at_last].map(Writes::read);
    let (at_first, at_top, at_back, at_last) = (at_first?, at_top?, at_back?, at_last?);
    if !at_first.until(&at_last).are_of_relations() {
        return None;
    }
    let trip = Trip {
        before: touched::read(before)?.catalog,
        after: after.catalog,
        back: back.catalog,
        again: touched::read(again)?.catalog,
        rows_before: contents(rows_before)?,
        rows_back: contents(rows_back)?,
    };
    Some((trip, at_first.until(&at_top) == at_back.until(&at_last)))
}

/// The answers to a message of which everything was done, and nothing else.
fn all(answers: Answers) -> Option<Vec<Rows>> {
    (answers.whole && answers.failure.is_none()).then_some(answers.wanted)
}

/// The names of a JSON object have an order of their own.
fn rows_of(tables: &[String]) -> String {
    let one = |table: &String| {
        let label = literal(table.strip_prefix("public.").unwrap_or(table));
        format!("SELECT {label}, pg_catalog.to_jsonb(t)::pg_catalog.text FROM ONLY {table} t")
    };
    match tables {
        [] => "SELECT '', '' LIMIT 0".to_owned(),
        tables => tables.iter().map(one).collect::<Vec<_>>().join(" UNION ALL "),
    }
}

fn contents(rows: Rows) -> Option<Contents> {
    let mut contents = Contents::new();
    for row in rows {
        let [table, row] = <[Option<String>; 2]>::try_from(row).ok()?;
        contents.entry(table?).or_default().push(row?);
    }
    contents.values_mut().for_each(|rows| rows.sort());
    Some(contents)
}
