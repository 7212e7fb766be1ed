//! Migrations that no case proves: known without a database.

use std::collections::BTreeSet;

use portcullis_database::slt::case::Part;
use portcullis_model::config::{Engine, Exceptions};

use crate::cases::{Cases, Named};
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
    pub without_case: &'a Exceptions,
}

/// Every migration that no case proves on an engine, and every case whose `after` is meant for
/// no engine that has the migration.
pub fn uncovered(coverage: &Coverage<'_>) -> Vec<Uncovered> {
    let asked = coverage.engines.iter().filter(|(engine, _)| coverage.asked.contains(engine));
    let directories: BTreeSet<&String> = asked.flat_map(|(_, directories)| directories).collect();
    let mut found = Vec::new();
    for directory in directories {
        let mut add = |problem| found.push(Uncovered { directory: directory.clone(), problem });
        let cases = coverage.cases.of(directory);
        let having = coverage.engines.iter().filter(|(_, all)| all.contains(directory));
        let having: Vec<Engine> = having.map(|(engine, _)| *engine).collect();
        for named in cases.iter().filter(|one| coverage.selection.includes(directory, &one.name)) {
            if !having.iter().any(|engine| asks(named, *engine)) {
                add(Problem {
                    at: named.path.clone(),
                    what: format!(
                        "nothing after `subtest after` is meant for {}, which has this migration",
                        names(&having)
                    ),
                    next_step: "give it a query there, or remove the case".to_owned(),
                });
            }
        }
        if coverage.selection.includes(directory, "") && !coverage.without_case.include(directory) {
            let lacking = lacking(cases, having.iter().filter(|one| coverage.asked.contains(one)));
            // A case that proves nothing is told of by itself.
            let is_told = lacking.len() == having.len() && !cases.is_empty();
            if !lacking.is_empty() && !is_told {
                add(no_case(directory, cases, &lacking));
            }
        }
    }
    found
}

/// The engines on which no case asserts anything after the migration.
fn lacking<'a>(cases: &[Named], engines: impl Iterator<Item = &'a Engine>) -> Vec<Engine> {
    engines.filter(|engine| !cases.iter().any(|one| asks(one, **engine))).copied().collect()
}

/// Whether a case asserts something after the migration; one that can't be read might.
fn asks(named: &Named, engine: Engine) -> bool {
    named.case.as_ref().map_or(true, |case| case.asks(Part::After, engine.dialect()))
}

fn names(engines: &[Engine]) -> String {
    engines.iter().map(|engine| engine.name()).collect::<Vec<_>>().join(" or ")
}

fn no_case(directory: &str, cases: &[Named], lacking: &[Engine]) -> Problem {
    let what = if cases.is_empty() {
        "it has no case".to_owned()
    } else {
        format!("no case of it asserts anything on {} after it", names(lacking))
    };
    Problem {
        at: directory.to_owned(),
        what,
        next_step: format!(
            "write {}/{directory}/NAME.slt, or say in portcullis.toml why it needs none: \
             [test-migration.without-case]",
            crate::DIRECTORY
        ),
    }
}
