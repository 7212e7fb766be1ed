//! What a migration did to rows that nobody may see: by their number and by the sums of their
//! columns.

use std::collections::BTreeSet;

use portcullis_database::scratch::Sums;
use portcullis_database::scratch::shape::Shape;
use portcullis_model::words::count;

use super::contents::Contents;
use crate::messy::contents::common;
use crate::messy::touch::Touched;

/// What is known of the state before.
pub(super) struct Before<'a> {
    pub(super) shapes: &'a [Shape],
    pub(super) contents: &'a Contents,
    pub(super) touched: &'a Touched,
    /// Whether the migration takes rows from a partition or a view: then it isn't known whose.
    pub(super) through_others: bool,
}

/// What a comparison found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Judged {
    /// Each in words.
    pub(super) broken: Vec<String>,
    /// The tables that these are of, as SQL.
    pub(super) tables: BTreeSet<String>,
    /// What can't be told, and why.
    pub(super) not_judged: Vec<String>,
}

impl Judged {
    fn broken(&mut self, shape: &Shape, what: String) {
        self.tables.insert(shape.sql.clone());
        self.broken.push(what);
    }

    fn open(&mut self, what: &str, why: &str) {
        self.not_judged.push(format!("{what}: {why}"));
    }
}

impl Before<'_> {
    /// After up: rows lost, and values changed, that the migration says nothing of.
    pub(super) fn up(&self, after: &[Shape], now: &Contents) -> Judged {
        let mut judged = Judged::default();
        for shape in self.shapes {
            let Some(sums) = self.sums(shape, &mut judged) else { continue };
            let heir = self.touched.heir(shape, after);
            let left = heir.map(|heir| (heir, now.get(&heir.sql).and_then(Option::as_ref)));
            match left {
                None if self.may_lose(shape) => {}
                None => judged.broken(shape, self.gone(shape, sums)),
                Some((_, None)) => judged.open(&shape.sql, "it can't be read after up"),
                Some((heir, Some(left))) => self.rows(&mut judged, (shape, sums), (heir, left)),
            }
        }
        judged
    }

    fn may_lose(&self, shape: &Shape) -> bool {
        self.through_others || self.touched.may_lose(&shape.name)
    }

    fn rows(
        &self,
        judged: &mut Judged,
        (shape, sums): (&Shape, &Sums),
        (heir, left): (&Shape, &Sums),
    ) {
        let table = &shape.sql;
        if left.rows < sums.rows && !self.may_lose(shape) {
            let what = format!(
                "{table} had {} rows and now has {}, but no statement of the migration deletes \
                 from it{}",
                sums.rows,
                left.rows,
                self.with_whom(shape)
            );
            return judged.broken(shape, what);
        }
        if left.rows != sums.rows {
            let why = format!(
                "it had {} and now has {}, so that its values can't be compared",
                count(usize::try_from(sums.rows).unwrap_or(usize::MAX), "row"),
                left.rows
            );
            return judged.open(table, &why);
        }
        if self.touched.is_by_code(&heir.name) {
            let why = "a trigger, a function or a statement that can't be read may change it";
            return judged.open(table, why);
        }
        let pairs = common(shape, heir);
        for (at, column) in shape.columns.iter().enumerate() {
            let meant = self.touched.has(&heir.name, &column.name);
            let other = pairs.iter().find(|(own, _)| *own == at).map(|(_, other)| *other);
            let name = format!("{table}.{}", column.sql);
            match other {
                _ if meant => {}
                None if common(shape, shape).iter().all(|(own, _)| *own != at) => {}
                None => judged.open(&name, "it has another type now, or is gone"),
                Some(other) if left.columns.get(other) != sums.columns.get(at) => {
                    let what = format!(
                        "values of {name} aren't what they were, and no statement of the \
                         migration assigns them"
                    );
                    judged.broken(shape, what);
                }
                Some(_) => {}
            }
        }
    }

    /// After up and down: whatever isn't as it was. What is said of up isn't said again.
    pub(super) fn back(&self, after: &[Shape], now: &Contents, said: &BTreeSet<String>) -> Judged {
        let mut judged = Judged::default();
        for shape in self.shapes.iter().filter(|shape| !said.contains(&shape.sql)) {
            let known = self.contents.get(&shape.sql).and_then(Option::as_ref);
            let Some(sums) = known.filter(|sums| sums.rows > 0) else { continue };
            let heir = after.iter().find(|one| one.sql == shape.sql);
            // The schema says that it isn't back.
            let Some(heir) = heir else { continue };
            let Some(left) = now.get(&heir.sql).and_then(Option::as_ref) else {
                judged.open(&shape.sql, "it can't be read after up and down");
                continue;
            };
            if left.rows > sums.rows {
                let why = format!(
                    "it has {} rows after up and down, of {}, so that its values can't be compared",
                    left.rows, sums.rows
                );
                judged.open(&shape.sql, &why);
                continue;
            }
            if left.rows < sums.rows {
                let what = format!(
                    "{} has {} rows after up and down, of {}",
                    shape.sql, left.rows, sums.rows
                );
                judged.broken(shape, what);
                continue;
            }
            let other = common(shape, heir).into_iter();
            let other =
                other.filter(|(at, other)| left.columns.get(*other) != sums.columns.get(*at));
            let names: Vec<&str> = other.map(|(at, _)| shape.columns[at].sql.as_str()).collect();
            if names.is_empty() {
                continue;
            }
            let names = names.join(", ");
            // A trigger notes that it went up and down, such as when a row was changed last.
            if self.touched.is_by_code(&shape.name) {
                let why =
                    "after up and down it isn't what it was, which a trigger or a function may do";
                judged.open(&format!("{}.{names}", shape.sql), why);
                continue;
            }
            let what =
                format!("after up and down values of {} aren't what they were: {names}", shape.sql);
            judged.broken(shape, what);
        }
        judged
    }

    /// What a table held, if there is something to judge.
    fn sums(&self, shape: &Shape, judged: &mut Judged) -> Option<&Sums> {
        let Some(sums) = self.contents.get(&shape.sql).and_then(Option::as_ref) else {
            judged.open(&shape.sql, "it can't be read");
            return None;
        };
        (sums.rows > 0).then_some(sums)
    }

    fn gone(&self, shape: &Shape, sums: &Sums) -> String {
        let rows = count(usize::try_from(sums.rows).unwrap_or(usize::MAX), "row");
        format!("{} is gone with {rows}, but no statement of the migration drops it", shape.sql)
    }

    /// The tables whose rows took these with them.
    fn with_whom(&self, shape: &Shape) -> String {
        let mut parents: Vec<&str> = Vec::new();
        for key in &shape.keys {
            let parent = self.shapes.iter().find(|one| one.sql.eq_ignore_ascii_case(&key.parent));
            if parent.is_some_and(|parent| self.touched.takes_from(&parent.name)) {
                parents.push(&key.parent);
            }
        }
        match parents.as_slice() {
            [] => String::new(),
            parents => format!(": they went with the rows of {}", parents.join(", ")),
        }
    }
}
