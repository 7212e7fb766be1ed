//! Reading only what a transaction may have changed: what it takes doesn't grow with the
//! schema.

use std::collections::BTreeSet;

use portcullis_model::catalog::Catalog;
use portcullis_model::plan::Step;
use portcullis_model::sql::{Dialect, statements};

use super::{OBJECTS, objects};
use crate::postgres::link::conn::{Conn, Failure, Row};

const FUNCTION: &str = include_str!("touched.sql");

/// Relations as the server's function takes and gives them.
pub(crate) type Locks = BTreeSet<u64>;

/// What a transaction may have changed.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    pub(crate) locks: Locks,
    pub(crate) catalog: Catalog,
}

/// Statements that change relations and rows, and nothing else of a schema.
const TELLING: [&[&str]; 16] = [
    &["create", "table"],
    &["create", "unlogged", "table"],
    &["create", "index"],
    &["create", "unique", "index"],
    &["create", "view"],
    &["create", "or", "replace", "view"],
    &["create", "sequence"],
    &["alter", "table"],
    &["alter", "index"],
    &["alter", "view"],
    &["alter", "sequence"],
    &["drop", "table"],
    &["drop", "index"],
    &["drop", "view"],
    &["insert"],
    &["update"],
];

/// Whether the server's locks say all that a step may have changed.
pub(crate) fn tells_all(step: &Step) -> bool {
    let text = step.sql.to_ascii_lowercase();
    let tells = |keywords: &&[&str], statement: &portcullis_model::sql::Statement<'_>| {
        statement.has_keywords(0, keywords)
    };
    // Whoever names the server's own tables may write into them; and whose a sequence is, two
    // relations say.
    !text.contains("pg_")
        && !text.contains("owned")
        && statements(&step.sql, Dialect::Postgres).iter().all(|statement| {
            TELLING.iter().any(|keywords| tells(keywords, statement))
                || statement.has_keywords(0, &["delete"])
                || statement.has_keywords(0, &["comment"])
        })
}

/// What isn't read of a changed schema: something else has written there, if anything has.
const ELSEWHERE: [&str; 6] =
    ["pg_proc", "pg_enum", "pg_range", "pg_extension", "pg_namespace", "pg_aggregate"];
/// What makes a relation.
const RELATIONS: [&str; 12] = [
    "pg_class",
    "pg_attribute",
    "pg_attrdef",
    "pg_constraint",
    "pg_index",
    "pg_trigger",
    "pg_rewrite",
    "pg_policy",
    "pg_inherits",
    "pg_sequence",
    "pg_type",
    "pg_depend",
];

/// Has the server know how. It lies where no schema of the application's is.
pub(crate) fn prepare(conn: &mut Conn) -> Result<(), Failure> {
    let (head, _) = OBJECTS.split_once("-- rest").unwrap_or((OBJECTS, ""));
    let objects = head.replace("-- only", "AND c.oid = ANY (those)");
    let writes = ELSEWHERE.iter().chain(&RELATIONS).flat_map(|table| {
        // What a relation's own row keeps of its triggers and indexes stays when they go.
        let ways = if *table == "pg_class" { &WAYS[..2] } else { &WAYS };
        let count = move |way| format!("pg_stat_get_xact_tuples_{way}('{table}'::regclass)");
        ways.iter().map(count)
    });
    let writes = writes.collect::<Vec<_>>().join(", ");
    conn.run(&FUNCTION.replace("/* objects */", &objects).replace("/* writes */", &writes))
}

const WAYS: [&str; 3] = ["inserted", "deleted", "updated"];

/// Asks how often something was written.
pub(crate) const WRITES: &str = "SELECT pg_catalog.portcullis_writes()";

/// How often this connection has written into each of the server's own tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Writes(Vec<i64>);

impl Writes {
    /// The answer to [`WRITES`]; none if it makes no sense.
    pub(crate) fn read(rows: Vec<Row>) -> Option<Self> {
        let text = rows.into_iter().next()?.into_iter().next()??;
        text.split(',').map(|count| count.parse().ok()).collect::<Option<_>>().map(Self)
    }

    /// What came on top of it.
    pub(crate) fn until(&self, later: &Self) -> Self {
        Self(later.0.iter().zip(&self.0).map(|(later, earlier)| later - earlier).collect())
    }

    /// Whether nothing was written that isn't read of a changed schema.
    pub(crate) fn are_of_relations(&self) -> bool {
        self.0.iter().take(ELSEWHERE.len() * WAYS.len()).all(|count| *count == 0)
    }
}

/// The question.
pub(crate) fn question(also: &Locks, besides: &Locks) -> String {
    let list = |locks: &Locks| locks.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
    let (also, besides) = (list(also), list(besides));
    format!("SELECT * FROM pg_catalog.portcullis_touched('{{{also}}}', '{{{besides}}}')")
}

/// Asks nothing; its answer reads as that of a transaction that has touched nothing.
pub(crate) const NO_QUESTION: &str = "SELECT '', '', ''";

/// The answer; none if it makes no sense.
pub(crate) fn read(mut rows: Vec<Row>) -> Option<Touched> {
    if rows.is_empty() {
        return None;
    }
    let [_, locks, _] = <[Option<String>; 3]>::try_from(rows.remove(0)).ok()?;
    let locks = locks?;
    let numbers = locks.split(',').filter(|number| !number.is_empty());
    let locks = numbers.map(|number| number.parse().ok()).collect::<Option<Locks>>()?;
    Some(Touched { locks, catalog: objects(rows) })
}

#[cfg(test)]
mod tests;
