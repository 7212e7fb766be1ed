//! `--override`: what the queries gave becomes what the cases expect.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use portcullis_flow::Stop;
use portcullis_model::exit::Exit;
use portcullis_model::redact;
use portcullis_test::{DIRECTORY, EngineReport, agreed, corrected};
use portcullis_workspace::files;

use super::usage;

/// Writes the files that change, all of them or none; which they are.
pub(super) fn write(root: &Path, reports: &[EngineReport]) -> Result<Vec<PathBuf>, Stop> {
    let cases = reports.iter().flat_map(|report| &report.migrations).flat_map(|migration| {
        migration.cases.iter().map(|case| (&*migration.directory, &*case.name))
    });
    let mut changed = Vec::new();
    for (migration, name) in cases.collect::<BTreeSet<_>>() {
        let path = Path::new(DIRECTORY).join(migration).join(format!("{name}.slt"));
        let rows = rows(reports, (migration, name), &path)?;
        if rows.is_empty() {
            continue;
        }
        let text = std::fs::read_to_string(root.join(&path)).map_err(|error| {
            usage(&redact::path(&path), &format!("it can't be read: {error}"), "see the cause")
        })?;
        changed.push((path, corrected(&text, &rows)));
    }
    let absolute: Vec<(PathBuf, String)> =
        changed.iter().map(|(path, text)| (root.join(path), text.clone())).collect();
    files::write(&absolute)?;
    Ok(changed.into_iter().map(|(path, _)| path).collect())
}

fn rows(
    reports: &[EngineReport],
    (migration, name): (&str, &str),
    path: &Path,
) -> Result<BTreeMap<u32, String>, Stop> {
    let given = reports.iter().flat_map(|report| {
        let migrations = report.migrations.iter().filter(|one| one.directory == migration);
        let cases = migrations.flat_map(|migration| &migration.cases);
        cases.filter(|case| case.name == name).map(|case| case.given.as_slice())
    });
    agreed(given).map_err(|disagreement| Stop {
        exit: Exit::Refused,
        ..usage(
            &format!("{}:{}", redact::path(path), disagreement.line),
            "the engines don't give the same rows; no file was written",
            "write one query for each, with onlyif sqlite and onlyif postgres above it",
        )
    })
}
