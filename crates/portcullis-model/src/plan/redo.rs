//! Back in line with the disk: what was applied otherwise is undone by the text that was
//! kept when it was applied, and the disk is applied again.

use super::segments;
use super::{
    Applied, Direction, Goal, Plan, Refusal, Standing, Step, accepted, find_goal, standing,
};
use crate::config::like;
use crate::migration::MigrationSet;
use crate::sql::{Dialect, effects, statements};

/// The oldest applied version that has to be undone: one that was edited or is gone from
/// the disk, one that runs after something that isn't applied yet, or the one that is named.
/// None if there is nothing to undo.
///
/// # Errors
/// The one that is named isn't applied, or isn't there at all.
pub fn oldest_to_undo<'a>(
    set: &MigrationSet,
    applied: &'a [Applied],
    from: Option<&str>,
) -> Result<Option<&'a str>, Refusal> {
    let named = from.map(|name| named(set, applied, name)).transpose()?;
    let differs = |applied: &&Applied| {
        matches!(standing(set, applied), Standing::Missing | Standing::Edited(_))
    };
    let differing = applied.iter().filter(differs).map(|applied| applied.version.as_str());
    let is_pending = |version: &&str| applied.iter().all(|applied| applied.version != *version);
    let on_disk = set.migrations.iter().map(|migration| migration.version.as_str());
    let pending = on_disk.filter(is_pending).min();
    let after_pending = applied.iter().map(|applied| applied.version.as_str());
    let after_pending =
        after_pending.filter(|version| pending.is_some_and(|early| early < *version));
    Ok(differing.chain(after_pending).chain(named).min())
}

fn named<'a>(set: &MigrationSet, applied: &'a [Applied], name: &str) -> Result<&'a str, Refusal> {
    let by_name = |applied: &&Applied| applied.version == name || applied.name() == name;
    if let Some(found) = applied.iter().find(by_name) {
        return Ok(&found.version);
    }
    let on_disk = find_goal(set, name).map_err(|refusal| match refusal {
        Refusal::UnknownGoal { goal, suggestion: None } => {
            let names: Vec<&str> = applied.iter().map(Applied::name).collect();
            Refusal::UnknownGoal { suggestion: like(name, &names).map(str::to_owned), goal }
        }
        other => other,
    })?;
    let found = applied.iter().find(|applied| applied.version == on_disk);
    found
        .map(|applied| applied.version.as_str())
        .ok_or_else(|| Refusal::NotApplied { directory: name.to_owned() })
}

/// The plan of a redo: down to the oldest, and up again.
pub(super) fn plan(
    set: &MigrationSet,
    applied: &[Applied],
    from: Option<&str>,
    dialect: Dialect,
) -> Result<Plan, Vec<Refusal>> {
    let newest = applied.iter().map(|applied| applied.version.clone()).max();
    let Some(oldest) = oldest_to_undo(set, applied, from).map_err(|refusal| vec![refusal])? else {
        let applied_after = applied.iter().map(|applied| applied.version.clone()).collect();
        return Ok(Plan {
            direction: Direction::Up,
            from: newest.clone(),
            to: newest,
            segments: Vec::new(),
            applied_after,
        });
    };
    let (kept, mut undone): (Vec<Applied>, Vec<Applied>) =
        applied.iter().cloned().partition(|applied| applied.version.as_str() < oldest);
    undone.sort_by(|a, b| b.version.cmp(&a.version));
    let sum = accepted(set);
    let (mut steps, mut refusals) = (Vec::new(), Vec::new());
    for applied in undone {
        let line = sum
            .line(applied.name())
            .filter(|line| Some(line.digests.fingerprint) == applied.fingerprint());
        match undo(applied, dialect) {
            Ok(step) => {
                let tested = line.and_then(|line| line.tested);
                steps.push(Step { accepted: line.is_some(), tested, ..step });
            }
            Err(refusal) => refusals.push(refusal),
        }
    }
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let up = super::plan(set, &kept, &Goal::Latest, dialect)?;
    steps.extend(up.segments.into_iter().flat_map(|segment| segment.steps));
    Ok(Plan {
        direction: Direction::Up,
        from: newest,
        to: up.to,
        segments: segments::segments(steps, dialect),
        applied_after: up.applied_after,
    })
}

/// The step that undoes a migration by the text that was kept.
fn undo(applied: Applied, dialect: Dialect) -> Result<Step, Refusal> {
    let nothing = Refusal::NothingUndoes { migration: applied.name().to_owned() };
    let Some(noted) = applied.noted else { return Err(nothing) };
    let Some(sql) = noted.down_sql.filter(|sql| !statements(sql, dialect).is_empty()) else {
        return Err(nothing);
    };
    let effects = effects(&sql, dialect);
    Ok(Step {
        version: applied.version,
        directory: noted.directory,
        direction: Direction::Down,
        // Whether it asked for a transaction wasn't kept: it gets one wherever one works.
        run_in_transaction: effects.sets_foreign_keys || !effects.refuses_transaction,
        fingerprint: noted.fingerprint,
        sql,
        down_sql: None,
        accepted: false,
        tested: None,
    })
}
