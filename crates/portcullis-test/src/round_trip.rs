//! Up, down, up: what comes back, and what doesn't.

use portcullis_database::scratch::{Contents, Refused, Scratch};
use portcullis_database::slt::case::{Case, Part};
use portcullis_model::catalog::{Catalog, Difference, ObjectKind, diff};
use portcullis_model::plan::{Direction, Step};
use portcullis_model::sql::Dialect;

use crate::report::{Problem, RoundTrip};

/// How a step runs: in what is open, or in a transaction of its own.
pub(crate) type Apply<'a> = &'a dyn Fn(&mut dyn Scratch, &Step) -> Result<(), Refused>;

/// How many differences of one kind are shown.
const SHOWN: usize = 20;

/// Whether a schema is the one it was: if so, whether only the order of columns is another
/// one; if not, what differs.
pub(crate) fn comes_back(
    was: &Catalog,
    is: &Catalog,
    dialect: Dialect,
) -> Result<bool, Vec<Difference>> {
    let differences = diff(was, is, dialect);
    match differences.iter().all(Difference::is_order_only) {
        true => Ok(!differences.is_empty()),
        false => Err(differences),
    }
}

/// Goes up, down and up again where nothing stays of it. The rows that the cases seed go
/// with it.
pub(crate) fn go(
    scratch: &mut dyn Scratch,
    cases: &[&Case],
    (up, down): (&Step, &Step),
    apply: Apply<'_>,
) -> Result<RoundTrip, Problem> {
    let failed = |step: &Step, what: &str, refused: &Refused| Problem {
        at: format!("{}/{}", step.directory, file(step.direction)),
        what: format!("{what}: {}", refused.message),
        next_step: match step.direction {
            Direction::Up => "correct the migration".to_owned(),
            Direction::Down => no_way_back(step),
        },
    };
    let read = |refused: Refused| failed(up, "the schema can't be read", &refused);
    seed(scratch, cases);
    let before = scratch.catalog().map_err(read)?;
    let rows_before = rows(scratch, &before);
    apply(scratch, up).map_err(|refused| failed(up, "up fails", &refused))?;
    let after = scratch.catalog().map_err(read)?;
    apply(scratch, down).map_err(|refused| failed(down, "down fails", &refused))?;
    let back = scratch.catalog().map_err(read)?;
    let rows_back = rows(scratch, &before);
    let dialect = scratch.dialect();
    let there = comes_back(&before, &back, dialect);
    let mut found = Vec::new();
    if let Err(there) = &there {
        found.push(words("after up and down the schema isn't the one before", there));
    }
    found.extend(lost(&rows_before, &rows_back));
    // What didn't come back would only be in the way of the second time.
    if found.is_empty() {
        apply(scratch, up).map_err(|refused| failed(up, "up fails the second time", &refused))?;
        match comes_back(&after, &scratch.catalog().map_err(read)?, dialect) {
            Ok(again) => {
                let rows = rows_before.values().map(Vec::len).sum();
                return Ok(RoundTrip { order_only: there == Ok(true) || again, rows });
            }
            Err(again) => {
                found
                    .push(words("after up, down and up the schema isn't the one after up", &again));
            }
        }
    }
    Err(Problem {
        at: format!("{}/down.sql", up.directory),
        what: found.join("\n"),
        next_step: no_way_back(up),
    })
}

fn file(direction: Direction) -> &'static str {
    match direction {
        Direction::Up => "up.sql",
        Direction::Down => "down.sql",
    }
}

pub(crate) fn no_way_back(step: &Step) -> String {
    format!(
        "have down.sql bring back what up.sql took; if that can't be, say why in \
         portcullis.toml: [test-migration.irreversible] \"{}\" = \"…\"",
        step.directory
    )
}

/// What the cases seed, as far as it gets on together.
pub(crate) fn seed(scratch: &mut dyn Scratch, cases: &[&Case]) {
    let within = scratch.is_in_transaction();
    for case in cases {
        if !within {
            let _ = case.play(Part::Before, scratch);
            continue;
        }
        // Two cases may seed the same key: then the first one has it.
        let played = scratch
            .ask("SAVEPOINT portcullis_seed")
            .is_ok_and(|_| case.play(Part::Before, scratch).is_ok());
        let end = if played {
            "RELEASE SAVEPOINT portcullis_seed"
        } else {
            "ROLLBACK TO SAVEPOINT portcullis_seed; RELEASE SAVEPOINT portcullis_seed"
        };
        let _ = scratch.ask(end);
    }
}

/// What is in the tables of a schema, as far as it can be read.
fn rows(scratch: &mut dyn Scratch, schema: &Catalog) -> Contents {
    let mut contents = Contents::new();
    for table in schema.names(ObjectKind::Table) {
        if let Ok(mut rows) = scratch.rows_of(table)
            && !rows.is_empty()
        {
            rows.sort();
            contents.insert(table.to_owned(), rows);
        }
    }
    contents
}

/// Rows that aren't there any more as they were, in words.
pub(crate) fn lost(before: &Contents, back: &Contents) -> Option<String> {
    let mut words = Vec::new();
    for (table, rows) in before {
        let now = back.get(table).map_or(&[][..], Vec::as_slice);
        if now.len() < rows.len() {
            words.push(format!(
                "{table} has {} rows after up and down, of {}",
                now.len(),
                rows.len()
            ));
        } else if let Some(row) = rows.iter().find(|row| !now.contains(row)) {
            words.push(format!("{table} hasn't this row any more after up and down: {row}"));
        }
    }
    (!words.is_empty()).then(|| words.join("\n"))
}

/// Differences of schemas in words, but for the order of columns.
pub(crate) fn words(head: &str, differences: &[Difference]) -> String {
    let mut lines = vec![head.to_owned()];
    for difference in differences.iter().filter(|one| !one.is_order_only()) {
        lines.extend(difference.words.iter().take(SHOWN).map(|words| format!("  {words}")));
        lines.extend(difference.lines.iter().take(SHOWN).map(|line| format!("    {line}")));
    }
    lines.join("\n")
}
