//! A branch's own migrations, in the order in which they are to run.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_model::migration::{name_of, version_of};
use portcullis_model::sum::Line;

use super::Engine;
use super::lines::place_in;

/// One of the branch's own migrations, wherever it is: with each engine, and its cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Own<'a> {
    /// What it is called, by version. It has several names where a rebase died.
    names: BTreeSet<(String, &'a str)>,
    /// The places it is in: the engines, by number, and one more for the cases.
    places: BTreeSet<usize>,
}

impl<'a> Own<'a> {
    /// The name that sorts last.
    pub(super) fn newest(&self) -> &'a str {
        self.names.last().map_or("", |(_, name)| name)
    }

    /// What gives it this name everywhere.
    pub(super) fn renames(&self, wanted: &str) -> Vec<(String, String)> {
        let others = self.names.iter().filter(|(_, name)| *name != wanted);
        others.map(|(_, name)| ((*name).to_owned(), wanted.to_owned())).collect()
    }

    fn is_called(&self, name: &str) -> bool {
        self.names.iter().any(|(_, own)| *own == name)
    }

    /// Whether it and what is called so may be one migration, half renamed: each place has
    /// but one of the two.
    fn may_be(&self, name: &str, places: &BTreeSet<usize>) -> bool {
        is_same_name(self.newest(), name) && self.places.is_disjoint(places)
    }
}

/// Whether two directories differ in their versions only.
pub(super) fn is_same_name(a: &str, b: &str) -> bool {
    !name_of(a).is_empty() && name_of(a) == name_of(b)
}

/// The branch's own: first those that are accepted, as they stand in the sum, then the
/// drafts by their versions. (Where git replays commits one by one, a fresh version sorts
/// after those that are still to come.)
pub(super) fn own<'a>(
    engines: &'a [Engine<'a>],
    written: &[Vec<Line>],
    cases: &'a BTreeSet<String>,
) -> Vec<Own<'a>> {
    let is_others =
        |name: &str| engines.iter().any(|engine| engine.others.directories.contains(name));
    let mut places: BTreeMap<(String, &str), BTreeSet<usize>> = BTreeMap::new();
    let migrations = engines.iter().enumerate().flat_map(|(place, engine)| {
        engine.working.migrations.iter().map(move |one| (place, one.directory.as_str()))
    });
    let cases = cases.iter().map(|case| (engines.len(), case.as_str()));
    for (place, name) in migrations.chain(cases).filter(|(_, name)| !is_others(name)) {
        places.entry((version_of(name), name)).or_default().insert(place);
    }
    let mut own: Vec<Own<'a>> = Vec::new();
    for (name, places) in places {
        match own.iter_mut().find(|one| one.may_be(name.1, &places)) {
            Some(one) => {
                one.names.insert(name);
                one.places.extend(places);
            }
            None => own.push(Own { names: BTreeSet::from([name]), places }),
        }
    }
    // A case without a migration is nobody's.
    own.retain(|one| one.places.iter().any(|place| *place < engines.len()));
    let place = |one: &Own<'_>| {
        let listed = engines.iter().zip(written).flat_map(|(engine, written)| {
            let its = engine.working.migrations.iter().filter(|it| one.is_called(&it.directory));
            its.filter_map(|it| place_in(engine, written, it))
        });
        listed.min()
    };
    own.sort_by_cached_key(|one| {
        let place = place(one);
        (place.is_none(), place, one.names.first().cloned())
    });
    own
}
