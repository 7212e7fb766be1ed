//! Migrations that no case proves: known without a database.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_database::slt::case::Part;
use portcullis_model::config::Engine;

use crate::cases::Cases;
use crate::report::Problem;
use crate::selection::Selection;

/// The migrations of an engine, by their directories.
pub type EngineMigrations = (Engine, BTreeSet<String>);

/// A migration that isn't proved, or a case that proves nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uncovered {
    /// The migration's directory.
    pub directory: String,
    /// What is missing.
    pub problem: Problem,
}

/// What is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Coverage<'a> {
    /// The cases.
    pub cases: &'a Cases,
    /// What every engine has, whether it is asked or not.
    pub engines: &'a [EngineMigrations],
    /// Which engines' migrations are to be proved.
    pub asked: &'a [Engine],
    /// Which of these are meant.
    pub selection: Selection<'a>,
    /// Migrations that need no case, and why.
    pub without_case: &'a BTreeMap<String, String>,
}

/// Every migration without a case, and every case whose `after` is meant for no engine that
/// has the migration.
pub fn uncovered(coverage: &Coverage<'_>) -> Vec<Uncovered> {
    let asked = coverage.engines.iter().filter(|(engine, _)| coverage.asked.contains(engine));
    let directories: BTreeSet<&String> = asked.flat_map(|(_, directories)| directories).collect();
    let mut found = Vec::new();
    for directory in directories {
        let mut add = |problem| found.push(Uncovered { directory: directory.clone(), problem });
        let cases = coverage.cases.of(directory);
        if cases.is_empty()
            && coverage.selection.includes(directory, "")
            && !coverage.without_case.contains_key(directory)
        {
            add(no_case(directory));
        }
        let having: Vec<Engine> = coverage
            .engines
            .iter()
            .filter(|(_, directories)| directories.contains(directory))
            .map(|(engine, _)| *engine)
            .collect();
        for named in cases.iter().filter(|one| coverage.selection.includes(directory, &one.name)) {
            let Ok(case) = &named.case else { continue };
            if !having.iter().any(|engine| case.asks(Part::After, engine.dialect())) {
                let names: Vec<&str> = having.iter().map(|engine| engine.name()).collect();
                add(Problem {
                    at: named.path.clone(),
                    what: format!(
                        "nothing after `subtest after` is meant for {}, which has this migration",
                        names.join(" or ")
                    ),
                    next_step: "give it a query there, or remove the case".to_owned(),
                });
            }
        }
    }
    found
}

fn no_case(directory: &str) -> Problem {
    Problem {
        at: directory.to_owned(),
        what: "it has no case".to_owned(),
        next_step: format!(
            "write {}/{directory}/NAME.slt, or say in portcullis.toml why it needs none: \
             [test-migration.without-case]",
            crate::DIRECTORY
        ),
    }
}
