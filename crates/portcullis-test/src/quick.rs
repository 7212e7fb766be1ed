//! Proving a migration all at once. It only ever says that all is well: whatever else comes
//! out is found, and told, by going step by step.

use portcullis_database::scratch::{Move, Scratch};
use portcullis_database::slt::case::{Case, Part};
use portcullis_model::plan::Step;

use crate::report::RoundTrip;
use crate::round_trip::{comes_back, lost};

/// Plays a case; how many records held, where every one did. The steps must be such as go into
/// a transaction that is rolled back.
pub(crate) fn case(
    database: &mut dyn Scratch,
    case: &Case,
    (up, down): (&Step, Option<&Step>),
) -> portcullis_database::Result<Option<usize>> {
    let dialect = database.dialect();
    let parts = [(Part::Before, Some(up)), (Part::After, down), (Part::Down, None)];
    let moves = parts.map(|(part, step)| {
        let asks = case.moves(part, dialect)?;
        Some(asks.into_iter().chain(step.map(Move::Step)).collect::<Vec<_>>())
    });
    let Some(moves) = moves.into_iter().collect::<Option<Vec<_>>>() else { return Ok(None) };
    let Some(answers) = database.rehearse(&moves.concat())? else { return Ok(None) };
    let mut answers = answers.into();
    Ok(Part::ALL.into_iter().map(|part| case.held(part, dialect, &mut answers)).sum())
}

/// Goes up, down and up again. Cases that seed the same rows are no matter for it.
pub(crate) fn round_trip(
    database: &mut dyn Scratch,
    cases: &[&Case],
    (up, down): (&Step, &Step),
) -> portcullis_database::Result<Option<RoundTrip>> {
    let dialect = database.dialect();
    let seeds = cases.iter().map(|case| {
        let asks = case.moves(Part::Before, dialect)?;
        // What must fail seeds nothing.
        let seeds = asks.into_iter().filter_map(|one| match one {
            Move::Ask(sql) => Some(sql),
            Move::AskInVain(_) | Move::Step(_) => None,
        });
        Some(seeds.collect::<Vec<_>>())
    });
    let Some(seeds) = seeds.collect::<Option<Vec<_>>>() else { return Ok(None) };
    let Some(trip) = database.rehearse_trip(&seeds.concat(), up, down)? else { return Ok(None) };
    let there = comes_back(&trip.before, &trip.back, dialect);
    let again = comes_back(&trip.after, &trip.again, dialect);
    let (Ok(there), Ok(again)) = (there, again) else { return Ok(None) };
    Ok(lost(&trip.rows_before, &trip.rows_back).is_none().then(|| RoundTrip {
        order_only: there || again,
        rows: trip.rows_before.values().map(Vec::len).sum(),
    }))
}
