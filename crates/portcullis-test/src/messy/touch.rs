//! Which columns and tables a migration means to change, as far as its text shows it. What it
//! doesn't show is taken for meant.

use std::collections::BTreeSet;

use portcullis_database::scratch::shape::Shape;
use portcullis_model::sql::{Dialect, Effects, Statement, TokenKind, effects, fold, statements};

use super::items::{Item, items, names};

/// What is meant to change. Names are folded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Touched {
    /// Table and column, by the names that they have afterwards.
    columns: BTreeSet<(String, String)>,
    /// Tables of which anything may change, and rows may go.
    tables: BTreeSet<String>,
    /// Tables that the migration writes.
    written: BTreeSet<String>,
    /// Tables whose values a trigger or a function may change.
    by_code: BTreeSet<String>,
    /// Everything may change.
    everything: bool,
    effects: Effects,
}

/// Reads a migration; `code` is what triggers and functions say.
pub(crate) fn touched(sql: &str, dialect: Dialect, shapes: &[Shape], code: &[&str]) -> Touched {
    let mut found = Touched { effects: effects(sql, dialect), ..Touched::default() };
    let mut runs_code = false;
    for statement in statements(sql, dialect) {
        if !statement.is_trigger() {
            runs_code |= found.see(&statement, shapes);
        }
    }
    for text in code.iter().filter(|_| runs_code) {
        let words = words(text);
        let has = |all: &[&str]| all.iter().any(|one| words.contains(*one));
        // A trigger runs when its table is written, a function whenever it is called.
        if has(&["trigger"]) && !has(&["function"]) && words.is_disjoint(&found.written) {
            continue;
        }
        if has(&["insert", "update", "delete", "truncate", "execute"]) {
            found.mentioned(text, shapes);
        }
        // What a trigger sets in the row itself, it doesn't name.
        if has(&["trigger"]) {
            found.by_code.extend(found.written.iter().cloned());
        }
    }
    for table in found.by_code.clone() {
        let after = found.name_after(&table).to_owned();
        found.by_code.insert(after);
    }
    found
}

/// The words of a text, folded.
pub(super) fn words(text: &str) -> BTreeSet<String> {
    let text = text.to_ascii_lowercase();
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.split(|c| !is_part(c)).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

impl Touched {
    /// Whether rows of a table, by the name before, may become fewer.
    pub(crate) fn may_lose(&self, table: &str) -> bool {
        let table = table.to_ascii_lowercase();
        let after = self.name_after(&table).to_owned();
        let rebuilt = self.effects.rebuilds().any(|rebuilt| rebuilt == table);
        let named =
            if rebuilt { &self.effects.deletes_from } else { &self.effects.removes_rows_of };
        self.everything
            || self.tables.contains(&table)
            || self.tables.contains(&after)
            || named.iter().any(|name| *name == table || *name == after)
    }

    /// Whether a column, by the names after, is meant to change.
    pub(crate) fn has(&self, table: &str, column: &str) -> bool {
        let (table, column) = (table.to_ascii_lowercase(), column.to_ascii_lowercase());
        self.is_by_code(&table) || self.columns.contains(&(table, column))
    }

    /// Whether triggers or functions may change anything in a table, by either name.
    pub(crate) fn is_by_code(&self, table: &str) -> bool {
        let table = table.to_ascii_lowercase();
        self.everything || self.tables.contains(&table) || self.by_code.contains(&table)
    }

    /// Whether the migration takes rows of a table away itself, if only to rebuild it: then
    /// what refers to them may go, too.
    pub(crate) fn takes_from(&self, table: &str) -> bool {
        let table = table.to_ascii_lowercase();
        let taken = &self.effects.removes_rows_of;
        taken.contains(&table) || taken.contains(self.name_after(&table))
    }

    /// What a table is called afterwards.
    pub(crate) fn name_after<'a>(&'a self, table: &'a str) -> &'a str {
        self.effects.name_after(table)
    }

    /// What a table is afterwards: the one that it was renamed to, or that took its name.
    pub(crate) fn heir<'s>(&self, shape: &Shape, after: &'s [Shape]) -> Option<&'s Shape> {
        let old = shape.name.to_ascii_lowercase();
        let new = self.name_after(&old);
        let same = || after.iter().find(|one| one.sql == shape.sql);
        if new == old {
            return same();
        }
        after.iter().find(|one| one.name.eq_ignore_ascii_case(new)).or_else(same)
    }

    fn touch(&mut self, table: &str, column: &str) {
        let after = self.name_after(table).to_owned();
        for table in [table.to_owned(), after] {
            self.columns.insert((table, column.to_owned()));
        }
    }

    fn touch_table(&mut self, table: &str) {
        let after = self.name_after(table).to_owned();
        self.tables.extend([table.to_owned(), after]);
    }

    /// Whatever a text that isn't understood mentions.
    fn mentioned(&mut self, text: &str, shapes: &[Shape]) {
        let words = words(text);
        self.everything |= words.contains("execute") && !words.contains("trigger");
        for shape in shapes {
            if words.contains(&shape.name.to_ascii_lowercase()) {
                self.touch_table(&shape.name.to_ascii_lowercase());
            }
        }
    }

    /// Reads a statement; whether it may have triggers and functions run.
    fn see(&mut self, statement: &Statement<'_>, shapes: &[Shape]) -> bool {
        const QUIET: [&str; 18] = [
            "create",
            "drop",
            "comment",
            "grant",
            "revoke",
            "set",
            "reset",
            "analyze",
            "vacuum",
            "reindex",
            "lock",
            "explain",
            "pragma",
            "begin",
            "commit",
            "end",
            "savepoint",
            "release",
        ];
        let keyword = statement.word(0).to_ascii_lowercase();
        match keyword.as_str() {
            "alter" => self.alter(statement, shapes),
            "select" | "values" | "table" => return true,
            "insert" | "update" | "delete" | "replace" | "with" | "truncate" => {
                self.writes(statement, shapes);
                return true;
            }
            _ if QUIET.contains(&keyword.as_str()) => {}
            _ => {
                self.mentioned(statement.text(), shapes);
                return true;
            }
        }
        false
    }

    fn alter(&mut self, statement: &Statement<'_>, shapes: &[Shape]) {
        if statement.has_keywords(1, &["type"]) || statement.has_keywords(1, &["domain"]) {
            // What every column of that type says.
            self.everything = true;
            return;
        }
        if !statement.has_keywords(1, &["table"]) {
            return;
        }
        let mut at = if statement.has_keywords(2, &["if", "exists"]) { 4 } else { 2 };
        at += usize::from(statement.has_keywords(at, &["only"]));
        let Some((table, mut at)) = statement.name_at(at) else { return };
        if ["attach", "detach", "inherit"].iter().any(|word| statement.has_keywords(at, &[word])) {
            self.mentioned(statement.text(), shapes);
        }
        while at < statement.len() {
            let column = |mut at: usize| {
                at += usize::from(statement.has_keywords(at, &["column"]));
                at += if statement.has_keywords(at, &["if", "exists"]) { 2 } else { 0 };
                statement.name_at(at)
            };
            let word = statement.word(at).to_ascii_lowercase();
            if ["alter", "drop", "add", "rename"].contains(&word.as_str())
                && let Some((name, next)) = column(at + 1)
            {
                let retyped = statement.has_keywords(next, &["type"])
                    || statement.has_keywords(next, &["set", "data", "type"]);
                if word != "alter" || retyped {
                    self.touch(&table, &name);
                }
                if word == "rename"
                    && let Some((to, _)) = statement.name_at(next + 1)
                {
                    self.touch(&table, &to);
                }
            }
            at += 1;
        }
    }

    fn writes(&mut self, statement: &Statement<'_>, shapes: &[Shape]) {
        let mut inserted: Option<String> = None;
        for at in 0..statement.len() {
            if statement.tokens()[at].kind != TokenKind::Word {
                continue;
            }
            if statement.has_keywords(at, &["do", "update", "set"]) {
                if let Some(table) = &inserted {
                    self.assigned(statement, table, at + 3, shapes);
                }
            } else if statement.has_keywords(at, &["update"]) {
                self.update(statement, at, shapes);
            } else if statement.has_keywords(at, &["into"]) {
                let Some((table, next)) = statement.name_at(at + 1) else { continue };
                self.written.insert(table.clone());
                if statement.has_keywords(at.saturating_sub(1), &["replace"]) {
                    self.touch_table(&table);
                } else {
                    self.insert(statement, &table, next, shapes);
                }
                inserted = Some(table);
            } else if statement.has_keywords(at, &["delete", "from"])
                && let Some((table, _)) = statement
                    .name_at(at + 2 + usize::from(statement.has_keywords(at + 2, &["only"])))
            {
                self.children(&table, shapes);
                self.written.insert(table);
            }
        }
    }

    /// What refers to a table may be set to NULL with its parents, as its key says.
    fn children(&mut self, table: &str, shapes: &[Shape]) {
        for child in shapes {
            let own = child.keys.iter().filter(|key| {
                let parent = key.parent.rsplit('.').next().unwrap_or(&key.parent);
                fold(parent) == table
            });
            let columns: Vec<usize> = own.flat_map(|key| key.columns.clone()).collect();
            for at in columns {
                let column = child.columns[at].name.to_ascii_lowercase();
                self.touch(&child.name.to_ascii_lowercase(), &column);
            }
        }
    }

    fn update(&mut self, statement: &Statement<'_>, mut at: usize, shapes: &[Shape]) {
        at += 1;
        at += if statement.has_keywords(at, &["or"]) { 2 } else { 0 };
        at += usize::from(statement.has_keywords(at, &["only"]));
        let Some((table, next)) = statement.name_at(at) else { return };
        // An alias may stand between.
        let set = (next..next + 4).find(|at| statement.has_keywords(*at, &["set"]));
        if let Some(set) = set {
            self.assigned(statement, &table, set + 1, shapes);
            self.written.insert(table);
        }
    }

    /// `a = …, (b, c) = …`
    fn assigned(&mut self, statement: &Statement<'_>, table: &str, at: usize, shapes: &[Shape]) {
        for item in items(statement, at, &["from", "where", "returning", "order", "limit"]) {
            let assigned = names(statement, item.start, item.end);
            for column in &assigned {
                self.touch(table, column);
            }
        }
        self.children(table, shapes);
    }

    /// `INSERT INTO new SELECT … FROM old`, where `new` takes the place of `old`.
    fn insert(&mut self, statement: &Statement<'_>, table: &str, at: usize, shapes: &[Shape]) {
        let last = self.name_after(table).to_owned();
        let Some(old) = shapes.iter().find(|shape| shape.name.eq_ignore_ascii_case(&last)) else {
            return;
        };
        let replaced = self.effects.drops.contains(&last)
            || self.effects.renames.iter().any(|(from, _)| *from == last);
        if !replaced {
            return;
        }
        let listed = statement.word(at) == "(" && !statement.has_keywords(at + 1, &["select"]);
        let (columns, at) = if listed {
            let columns = items(statement, at + 1, &[]);
            let end = columns.last().map_or(at + 1, |item| item.end);
            let first = columns.iter().filter_map(|item| statement.name_at(item.start));
            (Some(first.map(|(name, _)| name).collect::<Vec<_>>()), end + 1)
        } else {
            (None, at)
        };
        if !statement.has_keywords(at, &["select"]) {
            self.touch_table(&last);
            return;
        }
        let selected = items(statement, at + 1, &["from", "where", "order", "limit", "union"]);
        if selected.iter().any(|item| statement.word(item.end - 1) == "*") {
            return;
        }
        let columns = columns.unwrap_or_else(|| {
            old.columns.iter().map(|column| column.name.to_ascii_lowercase()).collect()
        });
        for (column, item) in columns.iter().zip(&selected) {
            if !is_bare(statement, item, column) {
                self.touch(&last, column);
            }
        }
    }
}

/// Whether an item of a SELECT is this column as it is.
fn is_bare(statement: &Statement<'_>, item: &Item, column: &str) -> bool {
    let is_name = match item.end - item.start {
        1 => true,
        3 => statement.word(item.start + 1) == ".",
        _ => false,
    };
    let last = item.end - 1;
    is_name
        && matches!(statement.tokens()[last].kind, TokenKind::Word | TokenKind::QuotedName)
        && fold(statement.word(last)) == *column
}

#[cfg(test)]
mod tests;
