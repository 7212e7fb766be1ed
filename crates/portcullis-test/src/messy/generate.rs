//! Rows that well-behaved tests forget, for every table of a schema. The same seed makes the
//! same rows.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use portcullis_database::scratch::shape::{Filled, ForeignKey, Shape};
use portcullis_model::sql::Dialect;

use super::facts::{Facts, Target, facts, targets};
use super::hints::{Hints, hints};
use super::order::{Order, order};
use super::rng::Rng;
use super::row::{Content, Row};
use super::values::{NULL, oddities, regular, twin};

/// What the rows are like together: one oddity's error would hide another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Character {
    /// Many rows, half of them with something odd.
    Full,
    /// Nothing odd but NULL and duplicates.
    Plain,
    /// Everything looks alike.
    Twins,
    /// One row in some tables, none in the others, NULL wherever it may be.
    Tiny,
    /// Children whose parents aren't there.
    Strays,
}

/// How many times a row is made anew if a key has its values already.
const ATTEMPTS: usize = 6;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// What they are like.
    pub(crate) character: Character,
    /// How many a table.
    pub(crate) rows: usize,
    /// What they follow from.
    pub(crate) seed: u64,
    /// The SQL they are written in.
    pub(crate) dialect: Dialect,
}

/// Makes them: parents before children.
pub(crate) fn generate(shapes: &[Shape], wanted: Wanted) -> Vec<Row> {
    let order = order(shapes);
    let mut maker = Maker {
        shapes,
        wanted,
        rng: Rng::new(wanted.seed),
        hints: shapes.iter().map(|shape| hints(shape, wanted.dialect)).collect(),
        facts: shapes.iter().map(|shape| facts(shape, wanted)).collect(),
        targets: Rc::new(shapes.iter().map(|shape| targets(shape, shapes)).collect()),
        rows: Vec::new(),
        of: vec![Vec::new(); shapes.len()],
        sound: vec![Vec::new(); shapes.len()],
        taken: BTreeMap::new(),
        number: 0,
    };
    for table in &order.tables {
        maker.fill(*table, &order);
    }
    maker.link(&order);
    if wanted.character == Character::Strays {
        maker.stray();
    }
    maker.rows
}

pub(super) struct Maker<'a> {
    pub(super) shapes: &'a [Shape],
    wanted: Wanted,
    rng: Rng,
    hints: Vec<Vec<Hints>>,
    facts: Vec<Vec<Facts>>,
    targets: Rc<Vec<Vec<Option<Target>>>>,
    pub(super) rows: Vec<Row>,
    /// The rows of each table.
    pub(super) of: Vec<Vec<usize>>,
    /// Those that nothing is known against: others refer to them.
    sound: Vec<Vec<usize>>,
    /// What unique keys hold already, by table and key.
    taken: BTreeMap<(usize, usize), BTreeSet<Vec<String>>>,
    /// Counts rows, for what must be distinct.
    pub(super) number: usize,
}

/// One value that is to be odd: the column and the value.
type Odd = Option<(usize, String)>;

impl<'a> Maker<'a> {
    fn fill(&mut self, table: usize, order: &Order) {
        let count = match self.wanted.character {
            Character::Tiny => self.rng.below(3).min(1),
            Character::Strays | Character::Twins => self.wanted.rows.min(12),
            Character::Plain => self.wanted.rows.min(25),
            Character::Full => self.wanted.rows,
        };
        let mut odds = Vec::new();
        if self.wanted.character == Character::Full {
            odds = self.odds(table);
            odds.truncate(count - count * 2 / 5);
            // What may be refused stands together, column by column.
            odds.sort_by_key(|(at, value)| self.doubt(table, *at, value));
        }
        for _ in odds.len()..count {
            self.add(table, &None, order);
        }
        for odd in odds {
            self.add(table, &Some(odd), order);
        }
        // Where nothing forbids it, a row twice.
        let shape = &self.shapes[table];
        if shape.uniques.is_empty()
            && count > 1
            && let Some(first) = self.of[table].first().copied()
        {
            let twin = self.rows[first].clone();
            self.keep(table, twin);
        }
    }

    /// The oddities of every column by turns: each of the most telling, then the others by
    /// chance.
    fn odds(&mut self, table: usize) -> Vec<(usize, String)> {
        const TELLING: usize = 4;
        let shape = &self.shapes[table];
        let refers: BTreeSet<usize> =
            shape.keys.iter().flat_map(|key| key.columns.iter().copied()).collect();
        let mut by_column = Vec::new();
        for (at, column) in shape.columns.iter().enumerate() {
            if column.filled == Filled::Computed || refers.contains(&at) {
                continue;
            }
            let mut values = oddities(column, self.wanted.dialect);
            if column.nullable {
                values.insert(0, NULL.to_owned());
            }
            let telling = TELLING.min(values.len());
            self.rng.shuffle(&mut values[telling..]);
            by_column.push(values.into_iter().map(move |value| (at, value)));
        }
        let mut all = Vec::new();
        while !by_column.is_empty() {
            by_column.retain_mut(|values| values.next().map(|odd| all.push(odd)).is_some());
        }
        all
    }

    /// The column for which a row with something odd in it may be refused.
    fn doubt(&self, table: usize, at: usize, value: &str) -> Option<usize> {
        (value != NULL && self.facts[table][at].checked).then_some(at)
    }

    fn add(&mut self, table: usize, odd: &Odd, order: &Order) {
        for _ in 0..ATTEMPTS {
            self.number += 1;
            if let Some(row) = self.row(table, odd, order)
                && self.is_free(table, &row, odd.is_some())
            {
                self.keep(table, row);
                return;
            }
        }
    }

    fn row(&mut self, table: usize, odd: &Odd, order: &Order) -> Option<Row> {
        let shape = &self.shapes[table];
        let mut values = Vec::with_capacity(shape.columns.len());
        for at in 0..shape.columns.len() {
            let value = match odd {
                Some((column, value)) if *column == at => value.clone(),
                _ => self.value(table, at),
            };
            values.push(value);
        }
        let doubt = odd.as_ref().and_then(|(at, value)| self.doubt(table, *at, value));
        let mut row =
            Row { table, content: Content::Values(values), parents: vec![], stray: false, doubt };
        let mut set = BTreeSet::new();
        for (number, key) in shape.keys.iter().enumerate() {
            let late = order.late.contains(&(table, number));
            self.refer(&mut row, (number, key), &mut set, late)?;
        }
        Some(row)
    }

    pub(super) fn value(&mut self, table: usize, at: usize) -> String {
        let shape = &self.shapes[table];
        let column = &shape.columns[at];
        let Facts { distinct, primary, .. } = self.facts[table][at];
        let is_null = match self.wanted.character {
            Character::Tiny => true,
            Character::Plain => self.rng.once_in(3),
            _ => self.rng.once_in(8),
        };
        if column.nullable && is_null && !primary {
            return NULL.to_owned();
        }
        let dialect = self.wanted.dialect;
        if self.wanted.character == Character::Twins
            && !distinct
            && self.hints[table][at] == Hints::default()
        {
            let number = self.rng.below(7);
            if let Some(value) = twin(column, number, dialect) {
                return value;
            }
        }
        let hints = &self.hints[table][at];
        regular(column, hints, (self.number, distinct), &mut self.rng, dialect)
    }

    /// Has a row refer to a parent; none if it must and there is none.
    fn refer(
        &mut self,
        row: &mut Row,
        (number, key): (usize, &ForeignKey),
        set: &mut BTreeSet<usize>,
        late: bool,
    ) -> Option<()> {
        let shape = &self.shapes[row.table];
        let nullable =
            key.columns.iter().find(|at| shape.columns[**at].nullable && !set.contains(at));
        let to_null = late || (nullable.is_some() && self.rng.once_in(6));
        let target = self.targets.clone();
        let chosen = match target[row.table].get(number).and_then(Option::as_ref) {
            Some(target) if !to_null => self.parent(row, key, target, set),
            _ => None,
        };
        let values = row.values_mut()?;
        match (chosen, nullable) {
            (Some((parent, referred)), _) => {
                for (at, value) in key.columns.iter().zip(referred) {
                    values[*at] = value;
                    set.insert(*at);
                }
                row.parents.extend(parent);
            }
            (None, Some(at)) => {
                values[*at] = NULL.to_owned();
                set.insert(*at);
            }
            (None, None) => return None,
        }
        Some(())
    }

    /// A row to refer to, and what to say for it: mostly the first of all, so that a few have
    /// most of the children.
    fn parent(
        &mut self,
        row: &Row,
        key: &ForeignKey,
        Target { table: parent, columns: referenced }: &Target,
        set: &BTreeSet<usize>,
    ) -> Option<(Option<usize>, Vec<String>)> {
        let parent = *parent;
        let fits = |candidate: &Row, own: &[String]| {
            let there = candidate.values()?;
            let values: Vec<String> = referenced.iter().map(|at| there[*at].clone()).collect();
            let agrees = key
                .columns
                .iter()
                .zip(&values)
                .all(|(at, value)| value != NULL && (!set.contains(at) || own[*at] == *value));
            agrees.then_some(values)
        };
        let own = row.values()?;
        // A row may refer to itself.
        if parent == row.table && (self.of[parent].is_empty() || self.rng.once_in(10)) {
            return fits(row, own).map(|values| (None, values));
        }
        let is_alone = self.shapes[row.table]
            .uniques
            .iter()
            .any(|unique| unique.columns.iter().any(|at| key.columns.contains(at)));
        let rows = &self.sound[parent];
        if rows.is_empty() {
            return None;
        }
        let skewed =
            !is_alone && (self.wanted.character == Character::Twins || !self.rng.once_in(3));
        let start = if skewed { 0 } else { self.rng.below(rows.len()) };
        (0..rows.len()).map(|step| rows[(start + step) % rows.len()]).find_map(|candidate| {
            fits(&self.rows[candidate], own).map(|values| (Some(candidate), values))
        })
    }

    /// Whether no key has its values already. What is odd may try its luck with a key that
    /// isn't for every row, or not for the values as they are.
    fn is_free(&mut self, table: usize, row: &Row, odd: bool) -> bool {
        let Some(values) = row.values() else { return false };
        let mut found = Vec::new();
        for (number, unique) in self.shapes[table].uniques.iter().enumerate() {
            let loose = odd || self.wanted.character == Character::Twins;
            if unique.columns.is_empty() || (!unique.plain && loose) {
                continue;
            }
            let key: Vec<String> = unique.columns.iter().map(|at| values[*at].clone()).collect();
            if key.iter().any(|value| value == NULL) {
                continue;
            }
            if self.taken.get(&(table, number)).is_some_and(|taken| taken.contains(&key)) {
                return false;
            }
            found.push((number, key));
        }
        for (number, key) in found {
            self.taken.entry((table, number)).or_default().insert(key);
        }
        true
    }

    pub(super) fn keep(&mut self, table: usize, row: Row) {
        self.of[table].push(self.rows.len());
        if row.doubt.is_none() {
            self.sound[table].push(self.rows.len());
        }
        self.rows.push(row);
    }
}

#[cfg(test)]
mod tests;
