//! Whether a restored database is what was dumped.

use std::collections::BTreeMap;

use portcullis_model::catalog::{Catalog, Object, ObjectKind};
use portcullis_model::digest::{Digest, Hasher};

/// How exactly two servers write the same definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writing {
    /// Of one major version: alike, but for casts and parentheses.
    Alike,
    /// Each in its own words: only the names of objects can be compared.
    Different,
}

/// The first object that differs, and how.
pub(crate) fn schema(before: &Catalog, after: &Catalog, writing: Writing) -> Option<String> {
    let (before, after) = (by_name(before), by_name(after));
    let shown = |(kind, name): &(ObjectKind, &str)| format!("{} {name}", kind.name());
    if let Some(missing) = before.keys().find(|key| !after.contains_key(key)) {
        return Some(format!("{} is missing", shown(missing)));
    }
    if let Some(new) = after.keys().find(|key| !before.contains_key(key)) {
        return Some(format!("{} wasn't there before", shown(new)));
    }
    if writing == Writing::Different {
        return None;
    }
    let same = |key, object: &Object| {
        let restored = after.get(key).map_or("", |other| other.sql.as_str());
        bare(&object.sql) == bare(restored)
    };
    let changed = before.iter().find(|(key, object)| !same(*key, object));
    changed.map(|(key, _)| format!("{} has another definition", shown(key)))
}

/// Objects that a dump holds: an index that a failed `CONCURRENTLY` left is in none.
fn by_name(catalog: &Catalog) -> BTreeMap<(ObjectKind, &str), &Object> {
    let valid = |object: &&Object| {
        object.kind != ObjectKind::Index || !object.sql.trim_end().ends_with(" INVALID")
    };
    let objects = catalog.objects().iter().filter(valid);
    objects.map(|object| ((object.kind, object.name.as_str()), object)).collect()
}

/// The first table that has other rows.
pub(crate) fn rows(
    before: &BTreeMap<String, u64>,
    after: &BTreeMap<String, u64>,
) -> Option<String> {
    before.iter().find_map(|(table, rows)| match after.get(table) {
        None => Some(format!("table {table} is missing")),
        Some(restored) if restored != rows => {
            Some(format!("table {table} has {restored} rows and had {rows}"))
        }
        Some(_) => None,
    })
}

/// A fingerprint that a restored schema has, too.
pub(crate) fn essence(catalog: &Catalog) -> Digest {
    let mut hasher = Hasher::new("portcullis-schema-essence-v1");
    for ((kind, name), object) in by_name(catalog) {
        hasher.field(kind.name().as_bytes());
        hasher.field(name.as_bytes());
        hasher.field(bare(&object.sql).as_bytes());
    }
    hasher.finish()
}

/// A definition without casts, parentheses and blanks. A server that reads a definition of
/// its own writes `'a'::text` for `('a'::character varying)::text`, and means the same.
fn bare(definition: &str) -> String {
    let mut out = String::with_capacity(definition.len());
    let mut rest = definition;
    while let Some((before, after)) = rest.split_once("::") {
        out.push_str(before);
        rest = after_type(after);
    }
    out.push_str(rest);
    out.retain(|c| !c.is_whitespace() && !"()[]".contains(c));
    out
}

/// Types whose names have several words; of two that begin alike the longer comes first.
const LONG_TYPES: [&str; 7] = [
    "character varying",
    "bit varying",
    "double precision",
    "timestamp with time zone",
    "timestamp without time zone",
    "time with time zone",
    "time without time zone",
];

/// What follows the name of a type, and its length.
fn after_type(text: &str) -> &str {
    let text = text.trim_start();
    let long = LONG_TYPES.iter().find_map(|name| text.strip_prefix(name));
    let rest = long.unwrap_or_else(|| {
        let part = |c: char| c.is_alphanumeric() || "_.\"$".contains(c);
        text.trim_start_matches(part)
    });
    let Some(length) = rest.trim_start().strip_prefix('(') else { return rest };
    match length.split_once(')') {
        Some((digits, after)) if digits.chars().all(|c| c.is_ascii_digit() || " ,".contains(c)) => {
            after
        }
        _ => rest,
    }
}

#[cfg(test)]
mod tests {
    use portcullis_model::sql::Dialect;

    use super::*;

    fn catalog(objects: &[(ObjectKind, &str, &str)]) -> Catalog {
        Catalog::new(objects.iter().map(|(kind, name, sql)| {
            Object::new(*kind, (*name).to_owned(), (*sql).to_owned(), Dialect::Postgres)
        }))
    }

    #[test]
    fn what_means_the_same_is_the_same() {
        let first = "CHECK (((a)::text = ANY ((ARRAY['x'::character varying, 'y'::character varying])::text[])))";
        let again = "CHECK (((a)::text = ANY (ARRAY[('x'::character varying)::text, ('y'::character varying)::text])))";
        let table = |check: &str| format!("CREATE TABLE t (a character varying(9), {check})");
        let of = |sql: &str| catalog(&[(ObjectKind::Table, "t", sql)]);
        let found = |one: &str, other: &str| schema(&of(one), &of(other), Writing::Alike);
        assert_eq!(found(&table(first), &table(again)), None);
        let other = table(&again.replace("'y'", "'z'"));
        assert_eq!(found(&table(first), &other).as_deref(), Some("table t has another definition"));
        // A column's own type is no cast.
        let wider = table(first).replace("varying(9)", "varying(8)");
        assert!(found(&table(first), &wider).is_some());
        assert_eq!(schema(&of(first), &of("x"), Writing::Different), None);
    }

    #[test]
    fn every_object_must_be_there_but_an_index_that_is_none() {
        let table = (ObjectKind::Table, "t", "CREATE TABLE t ()");
        let view = (ObjectKind::View, "v", "CREATE VIEW v");
        let broken = (ObjectKind::Index, "i", "CREATE INDEX i ON t (a) INVALID");
        let found = |a: &[_], b: &[_]| schema(&catalog(a), &catalog(b), Writing::Different);
        assert_eq!(found(&[table, broken], &[table]), None);
        assert_eq!(found(&[table, view], &[table]).as_deref(), Some("view v is missing"));
        assert_eq!(found(&[table], &[table, view]).as_deref(), Some("view v wasn't there before"));
    }

    #[test]
    fn a_table_with_other_rows_is_named() {
        let of = |pairs: &[(&str, u64)]| {
            pairs
                .iter()
                .map(|(table, rows)| ((*table).to_owned(), *rows))
                .collect::<BTreeMap<_, _>>()
        };
        assert_eq!(rows(&of(&[("a", 1)]), &of(&[("a", 1), ("b", 2)])), None);
        let fewer = rows(&of(&[("a", 1), ("b", 3)]), &of(&[("a", 1), ("b", 2)]));
        assert_eq!(fewer.as_deref(), Some("table b has 2 rows and had 3"));
        assert_eq!(rows(&of(&[("a", 1)]), &of(&[])).as_deref(), Some("table a is missing"));
    }
}
