//! What a file's tables lack, or have too much, beside a database's.

use portcullis_database::seam::{Column, Table};
use portcullis_model::catalog::{Catalog, ObjectKind};

use super::config::Scope;
use super::table_macro::Declared;

/// What a table without a primary key has for Diesel.
const ROWID: &str = "rowid";

/// One sentence for each table and column that isn't in both, with the line to add.
pub(super) fn behind(
    declared: &[Declared],
    tables: &[Table],
    catalog: &Catalog,
    scope: Scope,
) -> Vec<String> {
    let mut said = Vec::new();
    for table in tables {
        match declared.iter().find(|declared| same(&declared.name, &table.name)) {
            Some(declared) => said.extend(columns(declared, table)),
            None if scope == Scope::All => said.push(format!("table {} is missing", table.name)),
            None => {}
        }
    }
    // A view, or a virtual table, may be declared by hand.
    let exists = |name: &str| {
        let mut names = catalog.names(ObjectKind::Table).chain(catalog.names(ObjectKind::View));
        names.any(|there| same(there, name))
    };
    let gone = declared.iter().filter(|declared| !exists(&declared.name));
    said.extend(gone.map(|declared| format!("table {} isn't in the database", declared.name)));
    said
}

fn columns(declared: &Declared, table: &Table) -> Vec<String> {
    let name = &table.name;
    let missing = table
        .columns
        .iter()
        .filter(|column| !declared.columns.iter().any(|declared| same(declared, &column.name)));
    let missing =
        missing.map(|column| format!("{name} lacks `{} -> {},`", column.name, diesel_type(column)));
    let gone = declared.columns.iter().filter(|column| {
        !same(column, ROWID) && !table.columns.iter().any(|there| same(&there.name, column))
    });
    missing.chain(gone.map(|column| format!("{name} has no {column} in the database"))).collect()
}

/// SQLite compares names so.
fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

/// The type that `diesel print-schema` gives a column.
fn diesel_type(column: &Column) -> String {
    let declared = column.declared.to_ascii_lowercase();
    let has = |word: &str| declared.contains(word);
    let name = match declared.split('(').next().unwrap_or_default().trim() {
        "boolean" | "bool" => "Bool",
        "int2" => "SmallInt",
        "int8" => "BigInt",
        _ if has("tiny") && has("int") => "Bool",
        _ if has("small") && has("int") => "SmallInt",
        _ if has("big") && has("int") => "BigInt",
        _ if has("int") => "Integer",
        _ if has("char") || has("clob") || has("text") => "Text",
        "" => "Binary",
        _ if has("blob") || has("binary") => "Binary",
        _ if has("float") || has("real") => "Float",
        _ if has("double") || has("num") || has("dec") => "Double",
        _ if has("datetime") || has("timestamp") => "Timestamp",
        _ if has("date") => "Date",
        _ if has("time") => "Time",
        _ => "Text",
    };
    if column.nullable { format!("Nullable<{name}>") } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_model::catalog::Object;
    use portcullis_model::sql::Dialect;

    #[test]
    fn what_is_in_only_one_of_them_is_named_with_the_line_to_add() {
        let column = |name: &str, declared: &str, nullable| Column {
            name: name.to_owned(),
            declared: declared.to_owned(),
            nullable,
        };
        let tables = [
            Table {
                name: "customers".into(),
                columns: vec![
                    column("id", "INTEGER", false),
                    column("Type", "VARCHAR(3)", false),
                    column("born", "DATE", true),
                ],
            },
            Table { name: "orders".into(), columns: vec![column("id", "INTEGER", false)] },
        ];
        let object =
            |kind, name: &str| Object::new(kind, name.into(), name.into(), Dialect::Sqlite);
        let catalog = Catalog::new([
            object(ObjectKind::Table, "customers"),
            object(ObjectKind::Table, "orders"),
            object(ObjectKind::View, "summary"),
        ]);
        let declared = |name: &str, columns: &[&str]| Declared {
            name: name.to_owned(),
            columns: columns.iter().map(|column| (*column).to_owned()).collect(),
        };
        let file = [
            declared("Customers", &["id", "type", "rowid", "nickname"]),
            declared("summary", &["total"]),
            declared("gone", &["id"]),
        ];
        let column_lines = [
            "customers lacks `born -> Nullable<Date>,`",
            "customers has no nickname in the database",
        ];
        let all = behind(&file, &tables, &catalog, Scope::All);
        assert_eq!(all[..2], column_lines);
        assert_eq!(all[2..], ["table orders is missing", "table gone isn't in the database"]);
        let filtered = behind(&file, &tables, &catalog, Scope::Filtered);
        assert_eq!(filtered[..2], column_lines);
        assert_eq!(filtered[2..], ["table gone isn't in the database"]);
    }
}
