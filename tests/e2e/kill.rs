//! A run that dies: by `kill -9` at any system call, by Ctrl-C, by SIGTERM. The next run
//! brings the database to the new state.
//!
//! By default a sample of the system calls is tried; `PORTCULLIS_EXHAUSTIVE=1` tries them
//! all, which takes minutes.

pub(crate) mod points;
mod scenario;
mod signals;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use points::{End, Point, can_trace, exhaustive, kill_at, run_alone};
use scenario::Scenario;

/// How many points each scenario gets if not all are tried.
const SAMPLE: usize = 12;

/// Does something for each point on as many threads as there are cores. Every failure is
/// reported, not only the first.
pub(crate) fn for_each<T: Sync>(items: &[T], act: impl Fn(usize, &T) -> Result<(), String> + Sync) {
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(2, usize::from).max(2);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((index, item)) = Some(next.fetch_add(1, Ordering::Relaxed))
                    .and_then(|at| Some((at, items.get(at)?)))
                {
                    if let Err(failure) = act(index, item) {
                        failures.lock().unwrap().push(failure);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(
        failures.is_empty(),
        "{} of {} failed:\n\n{}",
        failures.len(),
        items.len(),
        failures.join("\n\n")
    );
}

/// Kills a run at each of the points; the next run must bring the new state.
fn survives(scenario: &Scenario) {
    if !can_trace() {
        return;
    }
    let all = scenario.points();
    let sample = points::sample(&all, SAMPLE);
    for_each(&sample, |index, point| {
        let workspace = scenario.before();
        // The end may come a few calls earlier or later than in the run that was traced.
        let killed = matches!(kill_at(&workspace, scenario.arguments(), point), End::Killed);
        let told =
            |why: String| format!("{}, killed at {point:?} ({killed}): {why}", scenario.name);
        // The recovery may die as well.
        if index % 4 == 0 {
            let second = &all[(index * 7919) % all.len()];
            let again = kill_at(&workspace, scenario.arguments(), second);
            let again = matches!(again, End::Killed);
            return scenario
                .recovers(&workspace)
                .map_err(|why| told(format!("and again at {second:?} ({again}): {why}")));
        }
        if index % 4 == 2 {
            scenario.is_settled(&workspace).map_err(|why| told(format!("recover: {why}")))?;
        }
        scenario.recovers(&workspace).map_err(told)
    });
    let beyond = if exhaustive() { goes_on_to_the_end(scenario, &all) } else { 0 };
    println!(
        "{}: killed at {} of {} points, all held; {beyond} more tried beyond the last ones",
        scenario.name,
        sample.len(),
        all.len()
    );
}

/// Beyond the last number of each call, until a run isn't killed any more: nothing was
/// missed because the traced run was a shorter one.
fn goes_on_to_the_end(scenario: &Scenario, all: &[Point]) -> usize {
    let mut last: std::collections::BTreeMap<&str, usize> = Default::default();
    for point in all {
        last.insert(&point.call, point.number);
    }
    let mut tried = 0;
    for (call, number) in last {
        for number in number + 1.. {
            tried += 1;
            let workspace = scenario.before();
            let point = Point { call: call.to_owned(), number };
            match kill_at(&workspace, scenario.arguments(), &point) {
                End::Killed => scenario.recovers(&workspace).unwrap(),
                End::Ran(ran) => {
                    ran.expect(0);
                    break;
                }
            }
        }
    }
    tried
}

#[test]
fn a_kill_in_delete_mode() {
    survives(&Scenario::existing("delete"));
}

#[test]
fn a_kill_in_wal_mode() {
    survives(&Scenario::existing("wal"));
}

#[test]
fn a_kill_while_a_database_is_made() {
    survives(&Scenario::fresh());
}

#[test]
fn a_kill_while_a_migration_changes_the_journal_mode() {
    survives(&Scenario::to_wal());
}

#[test]
fn a_kill_on_the_way_down() {
    survives(&Scenario::down());
}

#[test]
fn a_kill_in_a_redo() {
    survives(&Scenario::redo());
}

#[test]
fn a_kill_with_a_large_database() {
    survives(&Scenario::large());
}

/// What was wrong before the run isn't the run's fault, also not if it dies.
#[test]
fn a_kill_with_violations_that_were_there_before() {
    survives(&Scenario::with_old_violations());
}

/// The second run finds the first at work: it waits for nothing and touches nothing.
#[test]
fn a_run_that_was_killed_leaves_no_lock() {
    if !can_trace() {
        return;
    }
    let scenario = Scenario::existing("delete");
    let all = scenario.points();
    let workspace = scenario.before();
    let End::Killed = kill_at(&workspace, scenario.arguments(), &all[all.len() / 2]) else {
        panic!("it wasn't killed");
    };
    let ran = run_alone(&workspace, &["migrate"]).expect(0);
    assert!(ran.stdout.contains("an earlier run had died"), "{}", ran.stdout);
    assert!(run_alone(&workspace, &["migrate"]).expect(0).stdout.contains("up to date"));
}
