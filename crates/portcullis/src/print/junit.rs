//! What the tests of migrations found, as the XML that CI servers read.

use std::io;

use portcullis_test::{EngineReport, MigrationReport, Outcome, Problem};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

/// Writes a suite for each engine, a test for each case, and for each migration's other
/// proofs one each.
pub(crate) fn junit(reports: &[EngineReport], into: impl io::Write) -> io::Result<()> {
    let mut report = Report::new("test-migration");
    for engine in reports {
        let mut suite = TestSuite::new(engine.engine.name());
        suite.set_time(engine.took);
        suite.add_test_cases(engine.migrations.iter().flat_map(tests));
        if let Some(stopped) = &engine.stopped {
            suite.add_test_case(test("migrations", "all can be applied", failed(stopped)));
        }
        report.add_test_suite(suite);
    }
    report.serialize(into).map_err(io::Error::other)
}

fn tests(migration: &MigrationReport) -> Vec<TestCase> {
    let name = &migration.directory;
    let cases = migration.cases.iter().map(|case| {
        let status = match &case.outcome {
            Outcome::Held(_) => TestCaseStatus::success(),
            Outcome::Skipped => TestCaseStatus::skipped(),
            Outcome::Failed(problem) => failed(problem),
        };
        let mut test = test(name, &case.name, status);
        test.set_assertions(case.outcome.records()).set_time(case.took);
        test
    });
    let trip = migration.round_trip.iter().map(|trip| {
        let status = trip.as_ref().map_or_else(failed, |_| TestCaseStatus::success());
        test(name, "up·down·up", status)
    });
    let others = migration.problems.iter();
    let others = others.map(|problem| test(name, "has a case", failed(problem)));
    let messy = migration.messy.iter().map(|messy| {
        let mut status = TestCaseStatus::success();
        if let Some(first) = messy.problems.first() {
            status = failed(first);
        } else if messy.accepted() == 0 && !messy.tables.is_empty() {
            status = TestCaseStatus::skipped();
            status.set_message("no table took a row");
        }
        test(name, "messy data", status)
    });
    cases.chain(trip).chain(messy).chain(others).collect()
}

fn test(migration: &str, name: &str, status: TestCaseStatus) -> TestCase {
    let mut test = TestCase::new(name, status);
    test.set_classname(migration);
    test
}

fn failed(problem: &Problem) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_message(format!(
        "{}: {}",
        problem.at,
        problem.what.lines().next().unwrap_or_default()
    ));
    status
        .set_description(format!("{}\n{}\nnext: {}", problem.at, problem.what, problem.next_step));
    status
}
