//! Which files `diesel.toml` asks for.

use std::path::{Component, Path, PathBuf};

use portcullis_model::config::Target;
use toml::{Table, Value};

/// The file's name, at the root of a workspace.
pub(super) const FILE: &str = "diesel.toml";

/// A file that `diesel print-schema` keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PrintSchema {
    /// What the `diesel` program calls it.
    pub(super) key: String,
    /// From the root of the workspace.
    pub(super) file: PathBuf,
    pub(super) scope: Scope,
}

/// What of a database a file is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Every table.
    All,
    /// Those that a filter lets pass; only Diesel knows which.
    Filtered,
}

/// The files for a target; none if there is no `diesel.toml`, or if it is about another
/// directory of migrations.
pub(super) fn read(root: &Path, target: &Target) -> Result<Vec<PrintSchema>, String> {
    let text = match std::fs::read_to_string(root.join(FILE)) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(format!("it can't be read: {error}")),
    };
    parse(&text, &target.migrations)
}

fn parse(text: &str, migrations: &Path) -> Result<Vec<PrintSchema>, String> {
    let config: Table = text
        .parse()
        .map_err(|error: toml::de::Error| format!("it is no TOML: {}", error.message()))?;
    let directory = config.get("migrations_directory").and_then(|table| table.get("dir"));
    if let Some(directory) = directory.and_then(Value::as_str)
        && plain(Path::new(directory)) != plain(migrations)
    {
        return Ok(Vec::new());
    }
    let Some(section) = config.get("print_schema").and_then(Value::as_table) else {
        return Ok(Vec::new());
    };
    let named = section.iter().filter_map(|(key, value)| file(key, value.as_table()?));
    Ok(file("default", section).into_iter().chain(named).collect())
}

fn file(key: &str, table: &Table) -> Option<PrintSchema> {
    let file = table.get("file")?.as_str()?.into();
    let scope = if table.contains_key("filter") { Scope::Filtered } else { Scope::All };
    Some(PrintSchema { key: key.to_owned(), file, scope })
}

/// The path without `.`: `./migrations/` is `migrations`.
fn plain(path: &Path) -> PathBuf {
    path.components().filter(|component| *component != Component::CurDir).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_and_other_migrations_are_left_alone() {
        let cases: &[(&str, Result<&[(&str, &str, Scope)], ()>)] = &[
            ("", Ok(&[])),
            ("[print_schema]\nfile = \"a.rs\"", Ok(&[("default", "a.rs", Scope::All)])),
            (
                "[print_schema.one]\nfile = \"a.rs\"\n[print_schema.two]\nfile = \"b.rs\"\nfilter = { only_tables = [\"t\"] }",
                Ok(&[("one", "a.rs", Scope::All), ("two", "b.rs", Scope::Filtered)]),
            ),
            ("[print_schema]\nschema = \"x\"", Ok(&[])),
            (
                "[print_schema]\nfile = \"a.rs\"\n[migrations_directory]\ndir = \"./migrations/sqlite/\"",
                Ok(&[("default", "a.rs", Scope::All)]),
            ),
            ("[print_schema]\nfile = \"a.rs\"\n[migrations_directory]\ndir = \"other\"", Ok(&[])),
            ("[print_schema", Err(())),
        ];
        for (text, expected) in cases {
            let found = parse(text, Path::new("migrations/sqlite")).map_err(drop);
            let expected = expected.map(|files| {
                let one = |(key, file, scope): &(&str, &str, Scope)| PrintSchema {
                    key: (*key).to_owned(),
                    file: file.into(),
                    scope: *scope,
                };
                files.iter().map(one).collect()
            });
            assert_eq!(found, expected, "{text}");
        }
    }
}
