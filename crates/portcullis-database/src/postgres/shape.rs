//! What tables look like to somebody who wants to put rows into them.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::link::conn::{Conn, Failure};
use super::link::transaction::aside;
use crate::scratch::shape::{Column, Filled, ForeignKey, Kind, Shape, Unique};

const TABLES: &str = include_str!("shape.sql");

/// What the header of a variable length takes of a type's modifier.
const HEADER: i32 = 4;

#[derive(Deserialize)]
struct RawColumn {
    number: i64,
    name: String,
    sql: String,
    declared: String,
    r#type: String,
    category: String,
    r#mod: i32,
    notnull: bool,
    computed: bool,
    identity: String,
    default: Option<String>,
    labels: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct RawIndex {
    columns: Vec<i64>,
    text: String,
    plain: bool,
    primary: bool,
    own: Option<Vec<i64>>,
    width: usize,
}

#[derive(Deserialize)]
struct RawKey {
    columns: Vec<i64>,
    parent: String,
    referenced: Vec<String>,
}

/// Every table of the application that takes rows; of a partitioned one the parent.
pub(super) fn shapes(conn: &mut Conn) -> Result<Vec<Shape>, Failure> {
    let rows = aside(conn, |conn| {
        conn.run("SET LOCAL search_path = pg_catalog")?;
        conn.ask(TABLES)
    })?;
    rows.into_iter().map(shape).collect()
}

fn shape(row: Vec<Option<String>>) -> Result<Shape, Failure> {
    let cells: Vec<String> = row.into_iter().map(Option::unwrap_or_default).collect();
    let Ok([name, sql, columns, indexes, keys, checks]) = <[String; 6]>::try_from(cells) else {
        return Err(Failure::of("the server described a table in another way than it was asked"));
    };
    let raw: Vec<RawColumn> = read(&columns)?;
    let place = |number: &i64| raw.iter().position(|column| column.number == *number);
    let places = |numbers: &[i64]| numbers.iter().filter_map(place).collect::<Vec<usize>>();
    let unique = |index: RawIndex| Unique {
        columns: if index.plain {
            places(index.columns.get(..index.width).unwrap_or(&index.columns))
        } else {
            let own = index.own.unwrap_or_default();
            places(if own.is_empty() { &index.columns } else { &own })
        },
        plain: index.plain && !index.text.contains(" NULLS NOT DISTINCT"),
        primary: index.primary,
    };
    let key = |key: RawKey| ForeignKey {
        columns: places(&key.columns),
        parent: key.parent,
        referenced: key.referenced,
    };
    let uniques = read::<Vec<RawIndex>>(&indexes)?.into_iter().map(unique).collect();
    let keys = read::<Vec<RawKey>>(&keys)?.into_iter().map(key).collect();
    let checks = read(&checks)?;
    Ok(Shape { name, sql, columns: raw.into_iter().map(column).collect(), uniques, keys, checks })
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, Failure> {
    serde_json::from_str(text)
        .map_err(|error| Failure::of(&format!("the server's description can't be read: {error}")))
}

fn column(raw: RawColumn) -> Column {
    let counts = raw.default.as_deref().is_some_and(|text| text.contains("nextval("));
    let filled = match (raw.computed, raw.identity.as_str(), &raw.default) {
        (true, ..) => Filled::Computed,
        (_, "a", _) => Filled::CounterAlways,
        (_, "d", _) => Filled::Counter,
        _ if counts => Filled::Counter,
        (_, _, Some(_)) => Filled::Default,
        _ => Filled::Given,
    };
    Column {
        kind: kind(&raw),
        name: raw.name,
        sql: raw.sql,
        declared: raw.declared,
        nullable: !raw.notnull,
        filled,
        loose: false,
    }
}

fn kind(raw: &RawColumn) -> Kind {
    let modifier = (raw.r#mod >= HEADER).then(|| raw.r#mod - HEADER);
    match (raw.r#type.as_str(), raw.category.as_str()) {
        ("int2", _) => Kind::Integer(16),
        ("int4", _) => Kind::Integer(32),
        ("int8", _) => Kind::Integer(64),
        ("float4", _) => Kind::Real(32),
        ("float8", _) => Kind::Real(64),
        ("numeric", _) => Kind::Numeric(modifier.map(|packed| {
            // The scale is signed, of eleven bits.
            let scale = ((packed & 0x7ff) ^ 1024) - 1024;
            ((packed >> 16).unsigned_abs(), scale)
        })),
        ("text", _) => Kind::Text(None),
        ("varchar" | "bpchar", _) => {
            Kind::Text(modifier.and_then(|limit| usize::try_from(limit).ok()))
        }
        ("bytea", _) => Kind::Bytes,
        ("bool", _) => Kind::Bool,
        ("date", _) => Kind::Date,
        ("timestamp" | "timestamptz", _) => Kind::Timestamp,
        ("time" | "timetz", _) => Kind::Time,
        ("interval", _) => Kind::Interval,
        ("uuid", _) => Kind::Uuid,
        ("json" | "jsonb", _) => Kind::Json,
        (_, "E") => Kind::Enum(raw.labels.clone().unwrap_or_default()),
        (_, "A") => Kind::Array,
        // Of an extension, such as citext.
        (_, "S") => Kind::Text(None),
        (_, "R") => Kind::Other("range".to_owned()),
        (other, _) => Kind::Other(other.to_owned()),
    }
}
