//! Values as SQL: those that tests think of, and those that they forget.

use portcullis_database::scratch::shape::{Column, Filled, Kind};
use portcullis_model::sql::Dialect;

use super::hints::Hints;
use super::rng::Rng;

pub(super) const NULL: &str = "NULL";

/// Where counted values begin: what a migration itself inserts is counted from 1.
const FIRST: usize = 1_000_001;

/// What people write into a text. Most have one blank, one has none, one has two.
const WORDS: [&str; 8] = [
    "Anna Berg",
    "Cher",
    "anna.berg@example.org",
    "Jan van Dijk",
    "10x15",
    "blue",
    "two, three",
    "42",
];

/// Texts that are one and the same to somebody: in case, blanks, Unicode's forms.
const TWINS: [&str; 7] = [
    "Anna Berg",
    "anna berg",
    "ANNA BERG",
    " Anna Berg ",
    "Zo\u{eb} Stra\u{df}e",
    "Zoe\u{308} Stra\u{df}e",
    "ZO\u{cb} STRASSE",
];

/// A text as SQL. A case ends a record at an empty line, and what can't be seen can't be told
/// apart or pasted: both are written as numbers.
pub(super) fn text(value: &str, dialect: Dialect) -> String {
    let mut found = String::new();
    let mut escapes = false;
    for c in value.chars() {
        let number = u32::from(c);
        match (dialect, c) {
            (_, '\'') => found.push_str("''"),
            (Dialect::Postgres, '\\') => {
                escapes = true;
                found.push_str("\\\\");
            }
            (Dialect::Postgres, c) if is_unseen(c) => {
                escapes = true;
                found.push_str(&format!("\\u{number:04x}"));
            }
            (Dialect::Sqlite, c) if is_unseen(c) => {
                found.push_str(&format!("' || char({number}) || '"));
            }
            _ => found.push(c),
        }
    }
    format!("{}'{found}'", if escapes { "E" } else { "" })
}

/// Whether a character of the first plane shows as nothing, as a blank, or as a part of
/// another one.
fn is_unseen(c: char) -> bool {
    let marks = ['\u{300}'..='\u{36f}', '\u{200b}'..='\u{200f}', '\u{2028}'..='\u{202e}'];
    c.is_control()
        || (c.is_whitespace() && c != ' ')
        || c == '\u{feff}'
        || marks.iter().any(|range| range.contains(&c))
}

/// A value that nothing is odd about. No two that are `distinct` are the same.
pub(super) fn regular(
    column: &Column,
    hints: &Hints,
    (number, distinct): (usize, bool),
    rng: &mut Rng,
    dialect: Dialect,
) -> String {
    let chosen = if distinct { number } else { rng.below(5) };
    if !hints.texts.is_empty() && !matches!(column.kind, Kind::Enum(_)) {
        return hints.texts[chosen % hints.texts.len()].clone();
    }
    if let Some((low, high)) = hints.between {
        let span = usize::try_from(high.saturating_sub(low)).unwrap_or_default().saturating_add(1);
        let chosen = i64::try_from(chosen % span).unwrap_or_default();
        return low.saturating_add(chosen).to_string();
    }
    let first = match column.kind {
        Kind::Integer(16) => 10_001,
        _ => FIRST,
    };
    match &column.kind {
        Kind::Integer(_) if distinct => (first + number).to_string(),
        Kind::Integer(_) => (1 + chosen).to_string(),
        Kind::Real(_) => format!("{chosen}.5"),
        Kind::Numeric(limits) => decimal(chosen, *limits),
        Kind::Text(limit) => {
            let word = word((number, distinct), (*limit, hints.length), rng, dialect);
            if hints.is_lower { word.to_lowercase() } else { word }
        }
        Kind::Bytes => bytes(&format!("{chosen:08x}"), dialect),
        Kind::Bool => boolean(chosen % 2 == 0, dialect),
        Kind::Date => format!("'{}'", day(chosen)),
        Kind::Timestamp => format!("'{} 10:{:02}:00'", day(chosen), chosen % 60),
        Kind::Time => {
            format!("'{:02}:{:02}:{:02}'", chosen / 3600 % 24, chosen / 60 % 60, chosen % 60)
        }
        Kind::Interval => format!("'{chosen} minutes'"),
        Kind::Uuid => format!("'00000000-0000-4000-8000-{chosen:012x}'"),
        Kind::Json => format!("'{{\"a\": {chosen}}}'"),
        Kind::Enum(labels) if labels.is_empty() => NULL.to_owned(),
        Kind::Enum(labels) => text(&labels[chosen % labels.len()], dialect),
        Kind::Array => "'{}'".to_owned(),
        Kind::Other(name) => other(name, chosen),
    }
}

fn word(
    (number, distinct): (usize, bool),
    (limit, exact): (Option<usize>, Option<usize>),
    rng: &mut Rng,
    dialect: Dialect,
) -> String {
    let most = exact.or(limit).unwrap_or(usize::MAX);
    let mut value: String = match (distinct, exact) {
        (true, None) if most >= 12 => format!("Anna {number}"),
        (true, _) | (false, Some(_)) => {
            let number = if distinct { number } else { rng.below(5) };
            base36(number, exact.or(limit).unwrap_or(6).min(6))
        }
        (false, None) => rng.pick(&WORDS).copied().unwrap_or_default().to_owned(),
    };
    if let Some(length) = exact {
        while value.chars().count() < length {
            value.insert(0, '0');
        }
    }
    let value: String = value.chars().take(most).collect();
    text(&value, dialect)
}

fn base36(mut number: usize, digits: usize) -> String {
    let mut found = Vec::new();
    while found.is_empty() || (number > 0 && found.len() < digits) {
        let digit = u32::try_from(number % 36).unwrap_or_default();
        found.push(char::from_digit(digit, 36).unwrap_or('0'));
        number /= 36;
    }
    found.iter().rev().collect()
}

fn day(number: usize) -> String {
    format!("{:04}-{:02}-{:02}", 2001 + number / 336 % 1000, 1 + number / 28 % 12, 1 + number % 28)
}

fn decimal(number: usize, limits: Option<(u32, i32)>) -> String {
    match limits {
        Some((precision, scale)) => {
            let whole = u32::try_from(i64::from(precision) - i64::from(scale)).unwrap_or_default();
            let room = 10_usize.checked_pow(whole).unwrap_or(usize::MAX);
            let point = if scale > 0 { ".5" } else { "" };
            format!("{}{point}", number % room.max(1))
        }
        None => format!("{number}.25"),
    }
}

fn bytes(hex: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Sqlite => format!("x'{hex}'"),
        Dialect::Postgres => format!("'\\x{hex}'"),
    }
}

fn boolean(value: bool, dialect: Dialect) -> String {
    match (value, dialect) {
        (true, Dialect::Sqlite) => "1",
        (false, Dialect::Sqlite) => "0",
        (true, Dialect::Postgres) => "true",
        (false, Dialect::Postgres) => "false",
    }
    .to_owned()
}

fn other(name: &str, number: usize) -> String {
    let byte = number % 256;
    match name {
        "inet" | "cidr" => format!("'10.0.{}.{byte}'", number / 256 % 256),
        "macaddr" => format!("'08:00:2b:01:{:02x}:{byte:02x}'", number / 256 % 256),
        "range" => "'empty'".to_owned(),
        "tsvector" | "tsquery" | "hstore" | "ltree" => "'a'".to_owned(),
        "xml" => "'<a/>'".to_owned(),
        "money" | "oid" => number.to_string(),
        "point" => format!("'({number},1)'"),
        "bit" | "varbit" => "'1'".to_owned(),
        _ => NULL.to_owned(),
    }
}

/// Values that look alike.
pub(super) fn twin(column: &Column, number: usize, dialect: Dialect) -> Option<String> {
    Some(match &column.kind {
        Kind::Text(limit) => {
            let value = TWINS[number % TWINS.len()];
            text(&value.chars().take(limit.unwrap_or(usize::MAX)).collect::<String>(), dialect)
        }
        Kind::Integer(_) | Kind::Real(_) | Kind::Numeric(_) => ["0", "1", "-1"][number % 3].into(),
        _ => return None,
    })
}

/// What tests forget, the most telling first.
pub(super) fn oddities(column: &Column, dialect: Dialect) -> Vec<String> {
    let plain = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    let quoted = |values: &[&str]| values.iter().map(|value| format!("'{value}'")).collect();
    let sqlite = dialect == Dialect::Sqlite;
    let mut found: Vec<String> = match &column.kind {
        Kind::Integer(bits) => integers(column, *bits),
        Kind::Real(_) | Kind::Numeric(None) if sqlite => {
            plain(&["0.0", "-1.5", "1e999", "-1e999", "0.1", "1e300", "1e-300", "-0.0"])
        }
        Kind::Real(bits) => {
            let (large, small) =
                if *bits == 32 { ("3e38", "1e-38") } else { ("1.7e308", "1e-307") };
            let mut values: Vec<String> =
                quoted(&["0", "-1.5", "NaN", "Infinity", "-Infinity", "-0"]);
            values.extend([large.to_owned(), small.to_owned(), "0.1".to_owned()]);
            values
        }
        Kind::Numeric(limits) => numerics(*limits),
        Kind::Text(limit) => texts(*limit, dialect),
        Kind::Bytes if sqlite => plain(&["x''", "x'00'", "x'ff'"]),
        Kind::Bytes => quoted(&["", "\\x00", "\\xff"]),
        Kind::Bool => Vec::new(),
        Kind::Date | Kind::Timestamp | Kind::Time if sqlite => quoted(&[
            "",
            "9999-12-31",
            "0001-01-01",
            "2024-02-30",
            "0000-00-00",
            "2024-02-29 23:59:60",
            "2024-03-31T02:30:00Z",
            "yesterday",
        ]),
        Kind::Date => quoted(&[
            "infinity",
            "-infinity",
            "0001-01-01",
            "9999-12-31",
            "4713-01-01 BC",
            "5874897-12-31",
            "1970-01-01",
            "2000-02-29",
        ]),
        Kind::Timestamp => quoted(&[
            "infinity",
            "-infinity",
            "0001-01-01 00:00:00",
            "9999-12-31 23:59:59.999999",
            "4713-01-01 00:00:00 BC",
            "294276-12-31 23:59:59.999999",
            "1970-01-01 00:00:00",
            "2024-03-31 02:30:00",
        ]),
        Kind::Time => quoted(&["00:00:00", "24:00:00", "23:59:59.999999"]),
        Kind::Interval => quoted(&["0", "-1 day", "178000000 years", "1 month -1 day"]),
        Kind::Uuid => quoted(&[
            "00000000-0000-0000-0000-000000000000",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
        ]),
        Kind::Json => quoted(&["null", "{}", "[]", "\"\"", "0", "{\"a\": null}", "[[[]]]"]),
        Kind::Enum(labels) => labels.iter().map(|label| text(label, dialect)).collect(),
        Kind::Array => quoted(&["{}", "{NULL}"]),
        Kind::Other(_) => Vec::new(),
    };
    let is_number = matches!(column.kind, Kind::Integer(_) | Kind::Real(_) | Kind::Numeric(_));
    if column.loose && (is_number || column.kind == Kind::Bool) {
        // SQLite keeps a text where the schema says INTEGER.
        found.splice(found.len().min(2)..found.len().min(2), ["'abc'".to_owned(), "''".to_owned()]);
        found.extend(plain(&["' 7 '", "1.5", "x'00ff'", "'1e3'"]));
    }
    if column.loose && matches!(column.kind, Kind::Text(_)) {
        found.extend(plain(&["x'ff'"]));
    }
    found
}

fn integers(column: &Column, bits: u32) -> Vec<String> {
    let greatest = i64::MAX >> (64 - bits.clamp(1, 64));
    // SQLite takes the digits of the least number for a number too large to be one.
    let least =
        if bits == 64 { "-9223372036854775807".to_owned() } else { (-greatest - 1).to_string() };
    let mut values = vec!["0".to_owned(), "-1".to_owned()];
    // A counter comes to the next numbers itself, and never beyond the greatest.
    if matches!(column.filled, Filled::Given | Filled::Default) {
        values.extend([greatest.to_string(), "1".to_owned()]);
    }
    values.push(least);
    values
}

fn numerics(limits: Option<(u32, i32)>) -> Vec<String> {
    let mut values: Vec<String> = ["0", "-1", "'NaN'", "0.5", "-0.5"].map(str::to_owned).into();
    match limits {
        Some((precision, scale)) => {
            let digits = usize::try_from(precision).unwrap_or_default();
            let behind = usize::try_from(scale).unwrap_or_default().min(digits);
            let nines = "9".repeat(digits - behind);
            let most =
                format!("{}.{}", if nines.is_empty() { "0" } else { &nines }, "9".repeat(behind));
            let most = most.trim_end_matches('.').to_owned();
            values.insert(1, format!("-{most}"));
            values.insert(1, most);
        }
        None => values.extend(["1e100", "1e-20", "12345678901234567890.5"].map(str::to_owned)),
    }
    values
}

fn texts(limit: Option<usize>, dialect: Dialect) -> Vec<String> {
    let most = limit.unwrap_or(usize::MAX);
    let long = limit.unwrap_or(10_000).min(10_000);
    let mut values: Vec<String> = [
        "",
        " ",
        "Cher",
        "a b  c",
        "ANNA BERG",
        "anna berg",
        "O'Brien \"Bo\"",
        "line\nline",
        "Zo\u{eb}",
        "Zoe\u{308}",
        "\t",
        " lead",
        "trail ",
        "0",
        "-1",
        "NULL",
        "00123",
        "1e3",
        "a,b;c",
        "a\\b",
        "100%_",
        "\u{130}I\u{131}",
        "\u{df}SS",
        "\u{1f980}",
        "\u{202e}abc",
        "anna@example.org",
        "Anna@Example.org ",
        "\u{a0}",
        "\u{200b}",
        "a\r\nb",
    ]
    .iter()
    .filter(|value| value.chars().count() <= most)
    .map(|value| text(value, dialect))
    .collect();
    values.insert(
        values.len().min(6),
        match dialect {
            Dialect::Sqlite => format!("replace(hex(zeroblob({long})), '00', 'x')"),
            Dialect::Postgres => format!("repeat('x', {long})"),
        },
    );
    values
}
