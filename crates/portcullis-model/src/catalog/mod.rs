//! A schema as the database describes it, and its fingerprint.
//!
//! Tables of Diesel's and of ours stand outside it: they say how the schema came to be,
//! not what it is.

mod diff;
mod layout;

pub use diff::{Change, Difference, diff};

use crate::digest::{Digest, Hasher};
use crate::sql::{Dialect, TokenKind, fold, lex};

/// Names that begin so are the tool's own.
pub const OWN_PREFIX: &str = "__portcullis_";

/// Diesel's record of what is applied.
pub const DIESEL_TABLE: &str = "__diesel_schema_migrations";

/// Whether a table belongs to the record and not to the schema.
pub fn is_bookkeeping(table: &str) -> bool {
    table.starts_with(OWN_PREFIX) || table == DIESEL_TABLE
}

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectKind {
    /// A table.
    Table,
    /// A view.
    View,
    /// An index.
    Index,
    /// A trigger.
    Trigger,
    /// A materialised view.
    #[serde(rename = "materialized view")]
    MaterializedView,
    /// A sequence that is no identity column's.
    Sequence,
    /// An enum, a domain, a composite type or a range.
    Type,
    /// A function, procedure or aggregate.
    Function,
    /// A policy of row-level security.
    Policy,
    /// A rewrite rule.
    Rule,
    /// An extension.
    Extension,
    /// A schema, as a namespace.
    Schema,
}

impl ObjectKind {
    /// Every kind.
    pub const ALL: [ObjectKind; 12] = [
        ObjectKind::Table,
        ObjectKind::View,
        ObjectKind::Index,
        ObjectKind::Trigger,
        ObjectKind::MaterializedView,
        ObjectKind::Sequence,
        ObjectKind::Type,
        ObjectKind::Function,
        ObjectKind::Policy,
        ObjectKind::Rule,
        ObjectKind::Extension,
        ObjectKind::Schema,
    ];

    /// The kind of this [`name`](Self::name).
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            ObjectKind::Table => "table",
            ObjectKind::View => "view",
            ObjectKind::Index => "index",
            ObjectKind::Trigger => "trigger",
            ObjectKind::MaterializedView => "materialized view",
            ObjectKind::Sequence => "sequence",
            ObjectKind::Type => "type",
            ObjectKind::Function => "function",
            ObjectKind::Policy => "policy",
            ObjectKind::Rule => "rule",
            ObjectKind::Extension => "extension",
            ObjectKind::Schema => "schema",
        }
    }
}

/// A table, view, index or trigger.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    /// What it is.
    pub kind: ObjectKind,
    /// Its name.
    pub name: String,
    /// Its definition, normalised by [`normalise`]: what counts.
    pub definition: String,
    /// Its definition as the database has it: what people read.
    pub sql: String,
}

impl Object {
    /// An object as the database defines it.
    pub fn new(kind: ObjectKind, name: String, sql: String, dialect: Dialect) -> Self {
        Self { kind, name, definition: normalise(&sql, dialect), sql }
    }
}

/// A schema.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Catalog {
    objects: Vec<Object>,
}

impl Catalog {
    /// A schema of these objects, in any order; bookkeeping tables are left out.
    pub fn new(objects: impl IntoIterator<Item = Object>) -> Self {
        let mut objects: Vec<Object> =
            objects.into_iter().filter(|object| !is_bookkeeping(&object.name)).collect();
        objects.sort();
        Self { objects }
    }

    /// The objects, sorted by kind and name.
    pub fn objects(&self) -> &[Object] {
        &self.objects
    }

    /// The names of the objects of one kind.
    pub fn names(&self, kind: ObjectKind) -> impl Iterator<Item = &str> {
        self.objects
            .iter()
            .filter(move |object| object.kind == kind)
            .map(|object| object.name.as_str())
    }

    /// SHA-256 over every object.
    pub fn fingerprint(&self) -> Digest {
        let mut hasher = Hasher::new("portcullis-schema-v1");
        for object in &self.objects {
            hasher.field(object.kind.name().as_bytes());
            hasher.field(object.name.as_bytes());
            hasher.field(object.definition.as_bytes());
        }
        hasher.finish()
    }
}

/// A definition without comments, with single blanks, and with each quoted name folded:
/// SQLite quotes a table's name when it is renamed, which changes nothing.
pub fn normalise(sql: &str, dialect: Dialect) -> String {
    let mut out = String::with_capacity(sql.len());
    for token in lex(sql, dialect).iter().filter(|token| token.kind != TokenKind::Comment) {
        if !out.is_empty() {
            out.push(' ');
        }
        let text = &sql[token.span.clone()];
        match token.kind {
            // PostgreSQL quotes a name only where it must: there the quotes say something.
            TokenKind::QuotedName if dialect == Dialect::Postgres => out.push_str(text),
            TokenKind::Word | TokenKind::QuotedName => out.push_str(&fold(text)),
            _ => out.push_str(text),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_comments_and_blanks_change_nothing_but_text_does() {
        let normal = |sql: &str| normalise(sql, Dialect::Sqlite);
        assert_eq!(normal("CREATE TABLE \"X\"( a -- c\n INT)"), normal("create table x(a int)"));
        assert_ne!(normal("CHECK (a = 'X')"), normal("CHECK (a = 'x')"));
        let postgres = |sql: &str| normalise(sql, Dialect::Postgres);
        assert_ne!(postgres("CREATE TABLE t(\"A\" int)"), postgres("CREATE TABLE t(a int)"));
    }

    #[test]
    fn bookkeeping_is_no_part_of_a_schema() {
        let table = |name: &str| {
            Object::new(ObjectKind::Table, name.to_owned(), name.to_owned(), Dialect::Sqlite)
        };
        let with =
            Catalog::new([table("b"), table("a"), table(DIESEL_TABLE), table("__portcullis_head")]);
        assert_eq!(with, Catalog::new([table("a"), table("b")]));
        assert_eq!(with.fingerprint(), Catalog::new([table("a"), table("b")]).fingerprint());
        assert_ne!(with.fingerprint(), Catalog::new([table("a")]).fingerprint());
    }
}
