//! Takes rows away as long as what is left still breaks the same.

use std::collections::BTreeSet;

use super::row::Row;

/// Rows, by their places among all.
pub(crate) type Chosen = BTreeSet<usize>;

/// The fewest rows found that still break it. `breaks` is asked at most `tries` times. The
/// tables that are `likely` to have to do with it save most of these.
pub(crate) fn shrink<E>(
    rows: &[Row],
    all: Chosen,
    likely: &BTreeSet<usize>,
    mut tries: usize,
    mut breaks: impl FnMut(&Chosen) -> Result<bool, E>,
) -> Result<Chosen, E> {
    let mut best = all;
    let mut attempt = |best: &mut Chosen, away: &[usize], tries: &mut usize| -> Result<bool, E> {
        if *tries == 0 {
            return Ok(false);
        }
        let kept = without(rows, best, away);
        if kept.len() == best.len() {
            return Ok(false);
        }
        *tries -= 1;
        let still = breaks(&kept)?;
        if still {
            *best = kept;
        }
        Ok(still)
    };
    let needed = with_parents(rows, &best, likely);
    let away: Vec<usize> = best.difference(&needed).copied().collect();
    attempt(&mut best, &away, &mut tries)?;
    // Whole tables then, children before parents: most have nothing to do with it.
    let tables: BTreeSet<usize> = best.iter().map(|at| rows[*at].table).collect();
    let mut tables: Vec<usize> = tables.into_iter().collect();
    tables.sort_by_key(|table| {
        std::cmp::Reverse(best.iter().rposition(|at| rows[*at].table == *table))
    });
    for size in halves(tables.len()) {
        for part in tables.chunks(size) {
            let is_part = |at: &usize| part.contains(&rows[*at].table);
            let away: Vec<usize> = best.iter().copied().filter(is_part).collect();
            attempt(&mut best, &away, &mut tries)?;
        }
    }
    // Then ever smaller parts, the last rows first: nobody refers to them.
    let mut size = best.len().div_ceil(2);
    while size > 0 && tries > 0 {
        let mut shrunk = false;
        let parts: Vec<usize> = best.iter().rev().copied().collect();
        for part in parts.chunks(size) {
            shrunk |= attempt(&mut best, part, &mut tries)?;
        }
        if size == 1 && !shrunk {
            break;
        }
        size = if size == 1 { 1 } else { size / 2 };
    }
    Ok(best)
}

/// Half of it, a quarter, and so on to one.
fn halves(all: usize) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(all.div_ceil(2)), |size| (*size > 1).then_some(size / 2))
        .filter(|size| *size > 0)
}

/// The rows of some tables, and those that they need.
fn with_parents(rows: &[Row], all: &Chosen, tables: &BTreeSet<usize>) -> Chosen {
    let mut kept = Chosen::new();
    // A row stands behind those that it needs.
    for at in all.iter().rev() {
        if tables.contains(&rows[*at].table) || kept.contains(at) {
            kept.insert(*at);
            kept.extend(&rows[*at].parents);
        }
    }
    kept
}

/// The rows without some, and without those that need them.
fn without(rows: &[Row], all: &Chosen, away: &[usize]) -> Chosen {
    let away: BTreeSet<usize> = away.iter().copied().collect();
    let mut kept = Chosen::new();
    // A row stands behind those that it needs.
    for at in all {
        if !away.contains(at) && rows[*at].parents.iter().all(|parent| kept.contains(parent)) {
            kept.insert(*at);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::super::row::Content;
    use super::*;

    fn row(table: usize, parents: &[usize]) -> Row {
        Row {
            table,
            content: Content::Values(vec![]),
            parents: parents.to_vec(),
            stray: false,
            doubt: None,
        }
    }

    #[test]
    fn what_breaks_it_is_left_with_its_parents() {
        // Ten parents, and ten children of the fourth.
        let mut rows: Vec<Row> = (0..10).map(|_| row(0, &[])).collect();
        rows.extend((0..10).map(|_| row(1, &[3])));
        let all: Chosen = (0..rows.len()).collect();
        let mut asked = 0;
        let none = BTreeSet::new();
        let left = shrink(&rows, all.clone(), &none, 100, |kept| {
            asked += 1;
            Ok::<_, ()>(kept.contains(&15) && kept.contains(&17))
        });
        assert_eq!(left, Ok(Chosen::from([3, 15, 17])));
        assert!(asked < 60, "{asked}");
        let mut asked = 0;
        let left = shrink(&rows, all, &none, 5, |_| {
            asked += 1;
            Ok::<_, ()>(false)
        });
        assert_eq!((left.map(|left| left.len()), asked), (Ok(20), 5));
    }

    #[test]
    fn likely_tables_save_tries() {
        // Forty tables of ten rows; two rows of the last but one, which refer to the first, do it.
        let mut rows: Vec<Row> = (0..400).map(|at| row(at / 10, &[])).collect();
        rows[380].parents = vec![4];
        let all: Chosen = (0..rows.len()).collect();
        let asked = |likely: &[usize]| {
            let mut asked = 0;
            let likely = likely.iter().copied().collect();
            let left = shrink(&rows, all.clone(), &likely, 150, |kept| {
                asked += 1;
                Ok::<_, ()>(kept.contains(&380) && kept.contains(&385))
            });
            assert_eq!(left, Ok(Chosen::from([4, 380, 385])), "{likely:?}");
            asked
        };
        let (told, misled, untold) = (asked(&[38]), asked(&[7]), asked(&[]));
        assert!(told < 25 && told < misled && told < untold, "{told} {misled} {untold}");
        assert!(misled < 60 && untold < 60, "{misled} {untold}");
    }
}
