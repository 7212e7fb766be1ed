//! What differs between two schemas, object by object.

use std::collections::BTreeMap;

use similar::{Algorithm, DiffOp, capture_diff_slices, group_diff_ops};

use super::layout::{Line, Part, lines};
use super::{Catalog, Object, ObjectKind};
use crate::sql::Dialect;

/// How many unchanged lines are shown around a changed one.
const CONTEXT: usize = 3;

/// An object that isn't the same in both schemas.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// What it is.
    pub kind: ObjectKind,
    /// Its name.
    pub name: String,
    /// How it differs.
    pub change: Change,
    /// The change in words, one sentence each.
    pub words: Vec<String>,
    /// The lines of the definition: those that went begin with `-`, those that came with
    /// `+`.
    pub lines: Vec<String>,
}

/// How an object differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It came.
    Added,
    /// It went.
    Removed,
    /// It has another definition.
    Changed,
}

impl Difference {
    /// Whether the same lines stand in another order, as columns do that were dropped and
    /// added again.
    pub fn is_order_only(&self) -> bool {
        let sorted = |sign: &str| {
            let mut lines: Vec<&str> =
                self.lines.iter().filter_map(|line| line.strip_prefix(sign)).collect();
            lines.sort_unstable();
            lines
        };
        self.change == Change::Changed && !sorted("- ").is_empty() && sorted("- ") == sorted("+ ")
    }

    /// The object: `table customers`.
    pub fn object(&self) -> String {
        format!("{} {}", self.kind.name(), self.name)
    }
}

/// What has to be said of `now` by somebody who knows `before`. Empty exactly when the
/// fingerprints are equal.
pub fn diff(before: &Catalog, now: &Catalog, dialect: Dialect) -> Vec<Difference> {
    let key = |object: &Object| (object.kind, object.name.clone());
    let old: BTreeMap<_, _> = before.objects().iter().map(|object| (key(object), object)).collect();
    let new: BTreeMap<_, _> = now.objects().iter().map(|object| (key(object), object)).collect();
    let removed = old.iter().filter(|(key, _)| !new.contains_key(key));
    let removed = removed.map(|(_, object)| whole(object, Change::Removed, dialect));
    let rest = new.iter().filter_map(|(key, object)| match old.get(key) {
        None => Some(whole(object, Change::Added, dialect)),
        Some(old) if old.definition != object.definition => Some(changed(old, object, dialect)),
        Some(_) => None,
    });
    let mut differences: Vec<Difference> = removed.chain(rest).collect();
    differences.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
    differences
}

/// An object that is in only one of the schemas.
fn whole(object: &Object, change: Change, dialect: Dialect) -> Difference {
    let (sign, verb) = match change {
        Change::Removed => ('-', "removed"),
        Change::Added | Change::Changed => ('+', "added"),
    };
    let lines = lines(object, dialect);
    Difference {
        kind: object.kind,
        name: object.name.clone(),
        change,
        words: vec![format!("{} {} was {verb}", object.kind.name(), object.name)],
        lines: lines.iter().map(|line| format!("{sign} {}", line.text)).collect(),
    }
}

fn changed(old: &Object, new: &Object, dialect: Dialect) -> Difference {
    let (before, now) = (lines(old, dialect), lines(new, dialect));
    let keys = |lines: &[Line]| lines.iter().map(|line| line.key.clone()).collect::<Vec<_>>();
    let ops = capture_diff_slices(Algorithm::Myers, &keys(&before), &keys(&now));
    let went: Vec<&Line> = ops.iter().flat_map(|op| went(op, &before)).collect();
    let came: Vec<&Line> = ops.iter().flat_map(|op| came(op, &now)).collect();
    Difference {
        kind: new.kind,
        name: new.name.clone(),
        change: Change::Changed,
        words: words(new, &went, &came),
        lines: picture(ops, &before, &now),
    }
}

fn went<'a>(op: &DiffOp, before: &'a [Line]) -> &'a [Line] {
    if matches!(op, DiffOp::Equal { .. }) { &[] } else { &before[op.old_range()] }
}

fn came<'a>(op: &DiffOp, now: &'a [Line]) -> &'a [Line] {
    if matches!(op, DiffOp::Equal { .. }) { &[] } else { &now[op.new_range()] }
}

fn picture(ops: Vec<DiffOp>, before: &[Line], now: &[Line]) -> Vec<String> {
    let mut out = Vec::new();
    for group in group_diff_ops(ops, CONTEXT) {
        if group.first().is_some_and(|op| op.new_range().start > 0) || !out.is_empty() {
            out.push("  …".to_owned());
        }
        for op in &group {
            if matches!(op, DiffOp::Equal { .. }) {
                out.extend(now[op.new_range()].iter().map(|line| format!("  {}", line.text)));
                continue;
            }
            out.extend(went(op, before).iter().map(|line| format!("- {}", line.text)));
            out.extend(came(op, now).iter().map(|line| format!("+ {}", line.text)));
        }
    }
    out
}

/// What a tired person wants to read first.
fn words(object: &Object, went: &[&Line], came: &[&Line]) -> Vec<String> {
    let name = &object.name;
    let column = |line: &&&Line| match &line.part {
        Part::Column(column) => Some(column.clone()),
        Part::Constraint | Part::Other => None,
    };
    let (gone, new): (Vec<String>, Vec<String>) = (
        went.iter().filter_map(|line| column(&line)).collect(),
        came.iter().filter_map(|line| column(&line)).collect(),
    );
    let mut words = Vec::new();
    for column in &gone {
        if !new.contains(column) {
            words.push(format!("column {column} was removed from {name}"));
        }
    }
    for column in &new {
        words.push(if gone.contains(column) {
            format!("column {column} of {name} was changed")
        } else {
            format!("column {column} was added to {name}")
        });
    }
    let constraints =
        |lines: &[&Line]| lines.iter().filter(|line| line.part == Part::Constraint).count();
    match (constraints(went), constraints(came)) {
        (0, 0) => {}
        (0, _) => words.push(format!("a constraint was added to {name}")),
        (_, 0) => words.push(format!("a constraint was removed from {name}")),
        _ => words.push(format!("a constraint of {name} was changed")),
    }
    if words.is_empty() {
        words.push(format!("{} {name} was changed", object.kind.name()));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn object(kind: ObjectKind, name: &str, sql: &str) -> Object {
        Object::new(kind, name.to_owned(), sql.to_owned(), Dialect::Sqlite)
    }

    fn of(before: Vec<Object>, now: Vec<Object>) -> Vec<Difference> {
        diff(&Catalog::new(before), &Catalog::new(now), Dialect::Sqlite)
    }

    fn table(sql: &str) -> Vec<Object> {
        vec![object(ObjectKind::Table, "customers", sql)]
    }

    #[test]
    fn a_changed_table_is_told_in_words_and_lines() {
        let before = "CREATE TABLE customers(id INTEGER PRIMARY KEY, name TEXT, -- who\n  size DECIMAL(1, 2), UNIQUE(name))";
        // What is in the place of `before`, the words, the lines that changed.
        let cases: &[(&str, &[&str], &[&str])] = &[
            (
                "CREATE TABLE \"customers\"(id INTEGER PRIMARY KEY, name TEXT, size DECIMAL(1, 2), nickname TEXT, UNIQUE(name))",
                &["column nickname was added to customers"],
                &["+     nickname TEXT"],
            ),
            (
                "CREATE TABLE customers(id INTEGER PRIMARY KEY, size DECIMAL(1, 2), UNIQUE(name))",
                &["column name was removed from customers"],
                &["-     name TEXT"],
            ),
            (
                "CREATE TABLE customers(id INTEGER PRIMARY KEY, Name TEXT NOT NULL, size DECIMAL(1, 2), UNIQUE(name))",
                &["column name of customers was changed"],
                &["-     name TEXT", "+     Name TEXT NOT NULL"],
            ),
            (
                "CREATE TABLE customers(id INTEGER PRIMARY KEY, name TEXT, size DECIMAL(1, 2))",
                &["a constraint was removed from customers"],
                &["-     UNIQUE(name)"],
            ),
            (
                "CREATE TABLE customers(id INTEGER PRIMARY KEY, name TEXT, size DECIMAL(1, 2), UNIQUE(name)) STRICT",
                &["table customers was changed"],
                &["- )", "+ ) STRICT"],
            ),
        ];
        for (now, words, lines) in cases {
            let found = of(table(before), table(now));
            assert_eq!(found.len(), 1, "{now}");
            assert_eq!(found[0].words, *words, "{now}");
            let changed: Vec<&String> =
                found[0].lines.iter().filter(|line| !line.starts_with("  ")).collect();
            assert_eq!(changed, *lines, "{now}");
        }
    }

    #[test]
    fn what_came_and_went_is_shown_whole() {
        let view = object(ObjectKind::View, "v", "CREATE VIEW v AS\n  SELECT 1 -- one\n  AS x");
        let index = object(ObjectKind::Index, "i", "CREATE INDEX i ON customers(name)");
        let found = of(vec![index.clone()], vec![view.clone()]);
        assert_eq!(found[0].words, ["view v was added"]);
        assert_eq!(found[0].lines, ["+ CREATE VIEW v AS", "+ SELECT 1", "+ AS x"]);
        assert_eq!(found[1].words, ["index i was removed"]);
        assert_eq!(found[1].lines, ["- CREATE INDEX i ON customers(name)"]);
    }

    /// Broken definitions must not stop a comparison.
    #[test]
    fn any_text_is_laid_out() {
        for sql in ["", "CREATE TABLE t", "CREATE TABLE t(", "((", "))", ",(,)", "CREATE TABLE t(a"]
        {
            let found = of(table(sql), table("CREATE TABLE customers(a)"));
            assert_eq!(found.len(), 1, "{sql}");
        }
    }

    fn catalogs() -> impl Strategy<Value = Vec<Object>> {
        let kind = prop::sample::select(ObjectKind::ALL.to_vec());
        let sql = prop::sample::select(vec![
            "CREATE TABLE x(a INT, b TEXT)",
            "create table \"x\" (a int,b text)",
            "CREATE TABLE x(a INT, b TEXT, c)",
            "CREATE VIEW x AS SELECT 1",
            "CREATE VIEW x AS SELECT '1'",
        ]);
        let one = (kind, prop::sample::select(vec!["a", "b", "c"]), sql);
        prop::collection::vec(one, 0..8).prop_map(|objects| {
            let unique: BTreeMap<(ObjectKind, &str), &str> =
                objects.into_iter().map(|(kind, name, sql)| ((kind, name), sql)).collect();
            unique.into_iter().map(|((kind, name), sql)| object(kind, name, sql)).collect()
        })
    }

    proptest! {
        #[test]
        fn it_names_exactly_the_objects_that_differ(before in catalogs(), now in catalogs()) {
            let found = of(before.clone(), now.clone());
            let same = Catalog::new(before.clone()).fingerprint() == Catalog::new(now.clone()).fingerprint();
            prop_assert_eq!(found.is_empty(), same);
            let of_name = |objects: &[Object], kind, name: &str| {
                let found = objects.iter().find(|object| object.kind == kind && object.name == name);
                found.map(|object| object.definition.clone())
            };
            for kind in ObjectKind::ALL {
                for name in ["a", "b", "c"] {
                    let differs = of_name(&before, kind, name) != of_name(&now, kind, name);
                    let named = found.iter().filter(|one| one.kind == kind && one.name == name).count();
                    prop_assert_eq!(named, usize::from(differs));
                }
            }
            prop_assert!(of(now.clone(), now).is_empty());
        }
    }
}
