//! What an engine says, without a value of the data: only words that are known stay.

use std::collections::BTreeSet;

use portcullis_model::catalog::Catalog;
use portcullis_model::plan::Step;

/// What stands for what isn't known.
const HIDDEN: &str = "…";

/// Words that engines and the gate's comparison of schemas say. A message that has others
/// loses them.
const ENGINES: &str = "a able abort aborted access add added after again aggregate all already also alter always \
    ambiguous an and another any any_value are argument arguments array as at attribute autoincrement automatically \
    bad be because been before being belongs between bigint boolean both bound bounds by bytea byte bytes called can cancel \
    canceling cannot cascade case cast casting change changed changes character char check checked child circular \
    clause close code collation column columns combined comes command commands commit comparison composite compute \
    concurrent concurrently conflict conflicting conflicts connection constant constraint constraints contain contains \
    context conversion convert converted copy corrupt could couldn count create created current cursor cyclic data \
    database datatype date datetime deadlock decimal declared default deferrable deferred definition delete deleted depend \
    depends denied dependencies dependent detected did differ different disk division does doesn domain don double drop dropped \
    due duplicate each else empty ended enforce enum error events exceeded exceeds exclusion execute executed exist \
    existing exists expected expression extra failed failing fails false feature few field fields file first fkey float for \
    foreign format found from full function generate generated gone group grouping has have having idx if implemented implicitly in inconsistent index \
    inherit inherited inherits initially inner input insert insufficient integer interrupted interval into invalid is \
    it its join json jsonb key keyword kind large last leading left length less limit line list lock locked logic lost malformed many \
    map match matches matching maximum may memory mismatch missing mixed modified modify more much multiple must name named \
    names near negative nested new no non none not now nothing null number numeric object objects of off old on once one only \
    open operation operator option or order other out outer over overflow owner pages parameter parent parser parse parsed parsing \
    part partial partition partitioned path pending permission pkey policy positive precision prepared primary privilege procedure \
    query ran range read reached real recursive reference referenced references referencing referential refer relation \
    removed rename renamed replace require required requires reserved restrict result return returned returning returns role \
    rolled rolledback row rows rule same savepoint schema search security select self seq sequence serial \
    set should single size smallint some specified started statement stack still storage store stored strict string subquery such superuser supplied \
    support supported syntax system table tables temporary text than that the then there these this through time timeout \
    timestamp timestamptz to token too transaction trigger triggers true truncate type types unable unexpected union unique uniqueness unknown \
    unlimited unrecognized unsupported update updates use used user uses using uuid valid value values variable varchar varying version \
    view views violated violates violation virtual was were when where while window with without would write wrong you zero zone";

/// What may be said: the schema's words and the migration's, and those of engines.
pub(super) struct Known {
    own: BTreeSet<String>,
    engines: BTreeSet<String>,
}

impl Known {
    /// Of a schema before a migration, and of the migration.
    pub(super) fn of(schema: &Catalog, step: &Step) -> Self {
        let objects = schema.objects().iter();
        let texts = objects.flat_map(|object| [object.name.as_str(), object.sql.as_str()]);
        let own = [step.sql.as_str(), step.down_sql.as_deref().unwrap_or_default()];
        Self { own: all(texts.chain(own)), engines: all([ENGINES].into_iter()) }
    }

    /// The lines of a comparison, without what isn't known.
    pub(super) fn tell_lines(&self, text: &str) -> String {
        text.lines().map(|line| self.tell(line)).collect::<Vec<_>>().join("\n")
    }

    /// A message of an engine's, without what isn't known, on one line: a value may have more.
    pub(super) fn tell(&self, message: &str) -> String {
        let (said, state) = split_state(message);
        // What is wrong with a value, PostgreSQL says with the value.
        let said = match state {
            Some(state) if state.starts_with("22") => without_quoted(said),
            _ => said.to_owned(),
        };
        let indent = &said[..said.len() - said.trim_start().len()];
        let mut shown: Vec<&str> = Vec::new();
        for token in said.split_whitespace() {
            let token = if self.has(token, state) { token } else { HIDDEN };
            if token != HIDDEN || shown.last() != Some(&HIDDEN) {
                shown.push(token);
            }
        }
        let state = state.map(|state| format!(" ({state})")).unwrap_or_default();
        format!("{indent}{}{state}", shown.join(" "))
    }

    fn has(&self, token: &str, state: Option<&str>) -> bool {
        let harmless = |c: char| is_part(c) || c.is_ascii_punctuation() || c == '…';
        // What a function raises are its words, and values.
        let raised = state.is_some_and(|state| state.starts_with("P0"));
        let has = |word: &str| self.own.contains(word) || (!raised && self.engines.contains(word));
        token.chars().all(harmless)
            && words(token).all(|word| {
                let word = word.to_lowercase();
                has(&word) || word.split('_').all(has)
            })
    }
}

/// Every word of some texts, and the parts of those that have parts.
fn all<'a>(texts: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for word in texts.flat_map(words) {
        let word = word.to_lowercase();
        found.extend(word.split('_').map(str::to_owned));
        found.insert(word);
    }
    found
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c| !is_part(c)).filter(|word| !word.is_empty())
}

fn is_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// A message, and the SQLSTATE that it ends with.
fn split_state(message: &str) -> (&str, Option<&str>) {
    let found = message.strip_suffix(')').and_then(|rest| rest.rsplit_once(" ("));
    let is_state = |state: &str| {
        let standard = state.starts_with(|c: char| c.is_ascii_digit())
            || ["P0", "XX", "F0", "HV"].iter().any(|class| state.starts_with(class));
        let plain = |c: char| c.is_ascii_digit() || c.is_ascii_uppercase();
        state.len() == 5 && standard && state.chars().all(plain)
    };
    match found {
        Some((said, state)) if is_state(state) => (said, Some(state)),
        _ => (message, None),
    }
}

/// From the first quote to the last one: a value may hold quotes.
fn without_quoted(said: &str) -> String {
    match (said.find('"'), said.rfind('"')) {
        (Some(first), Some(last)) => {
            let after = if last > first { &said[last + 1..] } else { "" };
            format!("{}{HIDDEN}{after}", &said[..first])
        }
        _ => said.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use portcullis_model::catalog::{Catalog, Object, ObjectKind};
    use portcullis_model::digest::Digest;
    use portcullis_model::plan::{Direction, Step};
    use portcullis_model::sql::Dialect;

    use super::Known;

    fn known() -> Known {
        let sql = "CREATE TABLE item (id integer, title text)".to_owned();
        let item = Object::new(ObjectKind::Table, "item".to_owned(), sql, Dialect::Postgres);
        let step = Step {
            version: "1".to_owned(),
            directory: "1_x".to_owned(),
            direction: Direction::Up,
            run_in_transaction: true,
            fingerprint: Digest::of(b""),
            sql: "ALTER TABLE item ADD UNIQUE (title); SELECT 'bad address'".to_owned(),
            down_sql: None,
            accepted: false,
            tested: None,
        };
        Known::of(&Catalog::new([item]), &step)
    }

    #[test]
    fn names_are_told_and_values_are_not() {
        let known = known();
        for (said, told) in [
            (
                "could not create unique index \"item_title_key\" (23505)",
                "could not create unique index \"item_title_key\" (23505)",
            ),
            ("UNIQUE constraint failed: item.title", "UNIQUE constraint failed: item.title"),
            ("NOT NULL constraint failed: item.title", "NOT NULL constraint failed: item.title"),
            (
                "column \"title\" of relation \"item\" contains null values (23502)",
                "column \"title\" of relation \"item\" contains null values (23502)",
            ),
            (
                "invalid input syntax for type integer: \"title\" (22P02)",
                "invalid input syntax for type integer: … (22P02)",
            ),
            (
                "invalid input syntax for type integer: \"a\" hunter \"b\" (22P02)",
                "invalid input syntax for type integer: … (22P02)",
            ),
            ("bad address: ana@example.org (P0001)", "bad address: … (P0001)"),
            ("bad address: May (P0001)", "bad address: … (P0001)"),
            ("Key (title)=(Ana Bond) already exists", "Key … already exists"),
            ("value 4711 is out of bounds (22003)", "value … is out of bounds (22003)"),
            ("no such column: hunter2", "no such column: …"),
            ("relation \"secret\" does not exist (42P01)", "relation … does not exist (42P01)"),
            ("hunter2 (hunte)", "…"),
            ("\u{1b}[31m item", "… item"),
            ("invalid: \"may\nitem\" (22P02)", "invalid: … (22P02)"),
        ] {
            assert_eq!(known.tell(said), told);
        }
        assert_eq!(known.tell_lines("\n  + item\n  - hunter2"), "\n  + item\n  - …");
    }
}
