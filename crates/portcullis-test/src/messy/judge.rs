//! Goes up, and down again, and says what that broke.

use portcullis_database::scratch::shape::Shape;
use portcullis_database::scratch::{Refused, Scratch};
use portcullis_model::plan::{Direction, Step};

use super::contents::{Changed, Contents, Missing, common, contents, missing};
use super::touch::Touched;
use crate::round_trip::Apply;

/// How many characters of a value are shown.
const SHOWN: usize = 60;

/// What a migration is judged by.
pub(super) struct Trial<'a> {
    pub(super) up: &'a Step,
    /// Where it can be undone.
    pub(super) down: Option<&'a Step>,
    /// The tables at the version before.
    pub(super) before: &'a [Shape],
    pub(super) touched: &'a Touched,
    /// The tables afterwards, once they are known.
    pub(super) after: Option<Vec<Shape>>,
    /// And after down.
    pub(super) back: Option<Vec<Shape>>,
}

/// Something broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// What tells it from others.
    pub(super) kind: Kind,
    /// In words.
    pub(super) what: String,
}

/// What is broken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A step is refused, for this.
    Refused(Way, String),
    /// Rows of this table are gone.
    Lost(String),
    /// Values of this column are others.
    Changed(String, String),
    /// Rows refer to nothing.
    Dangling,
    /// Rows of this table don't come back.
    NotBack(String),
}

/// Which way it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    Up,
    Down,
}

impl Kind {
    /// Whether down.sql is to be seen to.
    pub(super) fn direction(&self) -> Direction {
        match self {
            Kind::Refused(Way::Down, _) | Kind::NotBack(_) => Direction::Down,
            _ => Direction::Up,
        }
    }
}

impl Trial<'_> {
    /// Takes the steps on what is there.
    pub(super) fn run(
        &mut self,
        scratch: &mut dyn Scratch,
        apply: Apply<'_>,
    ) -> Result<Vec<Found>, Refused> {
        let before = contents(scratch, self.before);
        let dangling = scratch.dangling()?;
        if let Err(error) = apply(scratch, self.up) {
            return refused(Way::Up, error).map(|found| vec![found]);
        }
        let after = match self.after.take() {
            Some(after) => after,
            None => scratch.shapes()?,
        };
        let now = contents(scratch, &after);
        let mut found = self.compare(&before, &after, &now);
        self.after = Some(after);
        let left = scratch.dangling()?;
        if left > dangling {
            let what = format!("{} rows refer to rows that don't exist any more", left - dangling);
            found.push(Found { kind: Kind::Dangling, what });
        }
        let Some(down) = self.down else { return Ok(found) };
        if let Err(error) = apply(scratch, down) {
            found.push(refused(Way::Down, error)?);
            return Ok(found);
        }
        let back = match self.back.take() {
            Some(back) => back,
            None => scratch.shapes()?,
        };
        let now = contents(scratch, &back);
        found.extend(self.not_back(&before, &back, &now, &found));
        self.back = Some(back);
        Ok(found)
    }

    fn compare(&self, before: &Contents, after: &[Shape], now: &Contents) -> Vec<Found> {
        let mut found = Vec::new();
        for shape in self.before {
            let Some(rows) = before.get(&shape.sql) else { continue };
            let Some(heir) = self.touched.heir(shape, after) else { continue };
            let Some(left) = now.get(&heir.sql) else { continue };
            let may_lose = self.touched.may_lose(&shape.name);
            if left.len() < rows.len() && !may_lose {
                let what = format!(
                    "{} had {} rows and now has {}, but no statement of the migration deletes from it",
                    shape.sql,
                    rows.len(),
                    left.len()
                );
                found.push(Found { kind: Kind::Lost(shape.sql.clone()), what });
                continue;
            }
            let mut columns = common(shape, heir);
            columns.retain(|(_, at)| !self.touched.has(&heir.name, &heir.columns[*at].name));
            if columns.is_empty() {
                continue;
            }
            let Some(missing) = missing((shape, rows), left, &columns) else { continue };
            if may_lose && !missing.has_heir {
                continue;
            }
            let column = missing.changed.as_ref().map_or("", |changed| &changed.column).to_owned();
            let what = format!(
                "{}, which no statement of the migration assigns",
                changed_words(&shape.sql, &missing, "the migration")
            );
            found.push(Found { kind: Kind::Changed(shape.sql.clone(), column), what });
        }
        found
    }

    fn not_back(
        &self,
        before: &Contents,
        back: &[Shape],
        now: &Contents,
        known: &[Found],
    ) -> Vec<Found> {
        let mut found = Vec::new();
        for shape in self.before {
            let said = known.iter().any(|one| match &one.kind {
                Kind::Lost(table) | Kind::Changed(table, _) => *table == shape.sql,
                _ => false,
            });
            let heir = back.iter().find(|one| one.sql == shape.sql);
            let (Some(rows), Some(heir), false) = (before.get(&shape.sql), heir, said) else {
                continue;
            };
            let Some(left) = now.get(&heir.sql) else { continue };
            // A trigger notes that it went up and down, such as when a row was changed last.
            let noted = self.touched.is_by_code(&shape.name) && left.len() >= rows.len();
            let columns = common(shape, heir);
            let missing = missing((shape, rows), left, &columns);
            let Some(missing) = missing.filter(|_| !noted) else { continue };
            let what = if left.len() < rows.len() {
                format!(
                    "{} has {} rows after up and down, of {}",
                    shape.sql,
                    left.len(),
                    rows.len()
                )
            } else {
                changed_words(&shape.sql, &missing, "up and down")
            };
            found.push(Found { kind: Kind::NotBack(shape.sql.clone()), what });
        }
        found
    }
}

fn changed_words(table: &str, missing: &Missing, after: &str) -> String {
    match &missing.changed {
        Some(Changed { column, was, is: Some(is) }) => {
            format!("after {after} {table}.{column} is {}, and was {}", shown(is), shown(was))
        }
        Some(Changed { column, was, is: None }) => {
            format!("after {after} no row of {table} has {} in {column} any more", shown(was))
        }
        None => format!("after {after} a row of {table} isn't there as it was"),
    }
}

fn shown(value: &Option<String>) -> String {
    let Some(value) = value else { return "NULL".to_owned() };
    let value: String = value.escape_debug().collect();
    match value.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("[{}…]", &value[..end]),
        None => format!("[{value}]"),
    }
}

fn refused(step: Way, refused: Refused) -> Result<Found, Refused> {
    if refused.lost {
        return Err(refused);
    }
    let kind = Kind::Refused(step, gist(&refused.message));
    Ok(Found { kind, what: refused.message })
}

/// A message without what is different from row to row: what it quotes, and its numbers.
fn gist(message: &str) -> String {
    let mut quoted = None;
    let mut found = String::new();
    for c in message.chars() {
        match quoted {
            Some(quote) if c == quote => quoted = None,
            Some(_) => {}
            None if c == '"' => quoted = Some(c),
            None if c.is_ascii_digit() => {}
            None => found.push(c),
        }
    }
    found
}
