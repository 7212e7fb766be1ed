//! What queries answered, taken over into the cases that expect something else.

use std::collections::BTreeSet;

use portcullis_database::slt::case::{Answer, Case};
use portcullis_database::slt::rewrite::rewrite;
use portcullis_model::config::Engine;

use crate::cases::{Cases, Named};
use crate::coverage::EngineMigrations;
use crate::report::{EngineReport, Problem};

/// What is written, and what isn't.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Adopted {
    /// Files with other rows.
    pub files: Vec<Rewritten>,
    /// Rows that can't be taken over.
    pub refused: Vec<Problem>,
}

/// A case with other rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewritten {
    /// The file, below the workspace's root.
    pub path: String,
    /// All of its text.
    pub text: String,
    /// Of how many queries the rows are other ones.
    pub queries: usize,
}

/// Decides what is written. A query's rows are one engine's as much as another's: they are
/// taken over only where every engine that is asked it answers the same.
pub fn adopt(cases: &Cases, reports: &[EngineReport], engines: &[EngineMigrations]) -> Adopted {
    let mut adopted = Adopted::default();
    for (directory, named) in cases.all() {
        let Ok(case) = &named.case else { continue };
        let having = engines.iter().filter(|(_, directories)| directories.contains(directory));
        let having: Vec<Engine> = having.map(|(engine, _)| *engine).collect();
        let answers = |engine| answers(reports, engine, directory, &named.name);
        let lines: BTreeSet<u32> = having
            .iter()
            .flat_map(|engine| answers(*engine))
            .filter(|answer| case.expected_at(answer.line) != Some(answer.rows.as_slice()))
            .map(|answer| answer.line)
            .collect();
        let mut taken = Vec::new();
        for line in lines {
            let at_line = |engine| answers(engine).iter().find(|answer| answer.line == line);
            match agreed(case, line, &having, reports, &at_line) {
                Ok(answer) => taken.push(answer),
                Err((what, next)) => adopted.refused.push(refused(named, line, &what, next)),
            }
        }
        if taken.is_empty() {
            continue;
        }
        match rewrite(&named.path, &named.text, &taken) {
            Ok(text) => {
                let (path, queries) = (named.path.clone(), taken.len());
                adopted.files.push(Rewritten { path, text, queries });
            }
            Err((line, why)) => {
                let next = "have the query answer in lines: replace(…), quote(…), coalesce(…)";
                adopted.refused.push(refused(named, line, why, next));
            }
        }
    }
    adopted
}

/// What every engine answers that is asked; or why that can't be known.
fn agreed<'a>(
    case: &Case,
    line: u32,
    having: &[Engine],
    reports: &[EngineReport],
    answer: &dyn Fn(Engine) -> Option<&'a Answer>,
) -> Result<Answer, (String, &'static str)> {
    let mut agreed: Option<&Answer> = None;
    for engine in having.iter().filter(|engine| case.is_asked_at(line, engine.dialect())) {
        if !reports.iter().any(|report| report.engine == *engine) {
            let next = "leave out --engine, or write the rows by hand";
            return Err((format!("{} is asked the same, and wasn't run", engine.name()), next));
        }
        match (answer(*engine), agreed) {
            (None, _) => {
                let next = "correct what fails there before it";
                return Err((format!("on {} it wasn't reached", engine.name()), next));
            }
            (Some(here), Some(there)) if here.rows != there.rows => {
                let next = "ask each engine by a query of its own: onlyif sqlite, onlyif postgres";
                return Err(("the engines answer differently".to_owned(), next));
            }
            (Some(here), _) => agreed = Some(here),
        }
    }
    agreed.cloned().ok_or_else(|| ("no engine is asked it".to_owned(), "remove it"))
}

fn answers<'a>(
    reports: &'a [EngineReport],
    engine: Engine,
    directory: &str,
    case: &str,
) -> &'a [Answer] {
    let report = reports.iter().find(|report| report.engine == engine);
    let migrations = report.into_iter().flat_map(|report| &report.migrations);
    let mut cases = migrations
        .filter(|migration| migration.directory == directory)
        .flat_map(|migration| &migration.cases);
    cases.find(|one| one.name == case).map_or(&[], |one| &one.answers)
}

fn refused(named: &Named, line: u32, what: &str, next: &str) -> Problem {
    Problem {
        at: format!("{}:{line}", named.path),
        what: format!("its rows aren't overridden: {what}"),
        next_step: next.to_owned(),
    }
}
