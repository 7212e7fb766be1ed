//! Dividing the migrations among walkers, each with a database of its own. A walker applies
//! straight what comes before its share, and proves its share.

use std::num::NonZeroUsize;
use std::ops::Range;

use portcullis_model::plan::Plan;
use portcullis_model::sql::Dialect;

use crate::cases::Cases;

/// What a walker's own database is worth in migrations that are only applied: a share that
/// costs less isn't divided.
const LEAST: usize = 60;

/// Shares that are done at the same time, of steps that cost as much to prove; applying one
/// costs one.
pub(crate) fn shares(costs: &[usize], jobs: NonZeroUsize) -> Vec<Range<usize>> {
    let all: usize = costs.iter().sum();
    let jobs = jobs.get().min(all / LEAST).max(1);
    // The least time in which that many walkers get through.
    let (mut too_short, mut enough) = (0, all + costs.len());
    while too_short + 1 < enough {
        let time = usize::midpoint(too_short, enough);
        match within(costs, time) {
            Some(shares) if shares.len() <= jobs => enough = time,
            _ => too_short = time,
        }
    }
    within(costs, enough).unwrap_or_else(|| std::iter::once(0..costs.len()).collect())
}

/// Shares of which none takes longer; none if a walker doesn't even get to its share by then.
fn within(costs: &[usize], time: usize) -> Option<Vec<Range<usize>>> {
    let mut shares = Vec::new();
    let mut start = 0;
    while start < costs.len() {
        let mut took = start;
        let fit = costs[start..].iter().take_while(|cost| {
            took += *cost + 1;
            took <= time
        });
        let end = start + fit.count();
        if end == start {
            return None;
        }
        shares.push(start..end);
        start = end;
    }
    Some(shares)
}

/// Whether walkers would meet: on PostgreSQL they share a server, and roles and the like are
/// the server's. What may name them is taken for it.
pub(crate) fn would_meet(plan: &Plan, cases: &Cases, dialect: Dialect) -> bool {
    let steps = plan.steps();
    let texts = steps.flat_map(|step| {
        let cases = cases.of(&step.directory).iter().map(|case| case.text.as_str());
        cases.chain([step.sql.as_str()]).chain(step.down_sql.as_deref())
    });
    dialect == Dialect::Postgres && texts.into_iter().any(is_the_servers)
}

fn is_the_servers(text: &str) -> bool {
    const WHAT: [&str; 9] = [
        "role",
        "user",
        "group",
        "tablespace",
        "database",
        "system",
        "subscription",
        "owned",
        "mapping",
    ];
    const DONE: [&str; 5] = ["create", "alter", "drop", "on", "reassign"];
    // A comment may stand between any two words.
    [text.to_ascii_lowercase(), without_comments(text).to_ascii_lowercase()].iter().any(|text| {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let words: Vec<&str> =
            text.split(|c| !is_part(c)).filter(|word| !word.is_empty()).collect();
        let named = words.windows(2).any(|pair| DONE.contains(&pair[0]) && WHAT.contains(&pair[1]));
        let granted = words.iter().enumerate().any(|(at, word)| {
            let mut rest = words[at + 1..].iter();
            matches!(*word, "grant" | "revoke")
                && rest.find(|word| matches!(**word, "on" | "to" | "from")) != Some(&"on")
        });
        let written = ["pg_authid", "pg_auth_members", "dblink", "replication"];
        named || granted || written.iter().any(|word| text.contains(word))
    })
}

fn without_comments(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("--").into_iter().chain(rest.find("/*")).min() {
        kept.push_str(&rest[..at]);
        kept.push(' ');
        let (end, length) = if rest[at..].starts_with("--") { ("\n", 1) } else { ("*/", 2) };
        rest = rest[at..].find(end).map_or("", |to| &rest[at + to + length..]);
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lasts(costs: &[usize], shares: &[Range<usize>]) -> Vec<usize> {
        let lasts = |share: &Range<usize>| share.end + costs[share.clone()].iter().sum::<usize>();
        shares.iter().map(lasts).collect()
    }

    #[test]
    fn shares_end_at_the_same_time_and_leave_nothing_out() {
        for (costs, jobs, expected) in [
            (vec![4; 300], 1, 1),
            (vec![4; 300], 3, 3),
            (vec![4; 10], 3, 1),
            (vec![0; 300], 3, 1),
            (Vec::new(), 3, 1),
            ([vec![0; 200], vec![50; 4]].concat(), 2, 2),
        ] {
            let shares = shares(&costs, NonZeroUsize::new(jobs).unwrap());
            let starts = std::iter::once(0).chain(shares.iter().map(|share| share.end));
            assert!(shares.iter().map(|share| share.start).eq(starts.take(shares.len())));
            assert_eq!(shares.last().map_or(0, |share| share.end), costs.len());
            assert!(shares.len() <= expected, "{shares:?}");
            let lasts = lasts(&costs, &shares);
            assert_eq!(lasts.len().max(1), expected, "{shares:?}");
            let most = lasts.iter().max().copied().unwrap_or_default();
            let last = lasts.last().copied().unwrap_or_default();
            assert!(last + 60 > most, "{lasts:?}");
        }
    }

    #[test]
    fn what_is_the_servers_is_known_wherever_it_stands() {
        for text in [
            "CREATE ROLE app",
            "create  /* a */ Role app",
            "DROP -- a\nUSER app",
            "DO $$ BEGIN EXECUTE 'CREATE ' || 'GROUP a'; END $$",
            "ALTER SYSTEM SET work_mem = '1MB'",
            "GRANT app TO other",
            "REVOKE ADMIN OPTION FOR app FROM other",
            "COMMENT ON ROLE app IS 'a'",
            "CREATE TABLESPACE a LOCATION '/a'",
            "DROP OWNED BY app",
        ] {
            assert!(is_the_servers(text), "{text}");
        }
        for text in [
            "CREATE TABLE role (user_role text)",
            "GRANT SELECT ON item TO app",
            "ALTER TABLE users OWNER TO app",
            "SELECT 1 -- to",
        ] {
            assert!(!is_the_servers(text), "{text}");
        }
    }
}
