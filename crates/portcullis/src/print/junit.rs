//! What the tests of migrations found, as JUnit XML: what CI reads.

use portcullis_model::redact;
use portcullis_test::{EngineReport, FieldReport, MigrationReport, Problem, Report};
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

/// The document; characters that XML can't hold are written as escapes.
pub(crate) fn junit(report: &Report) -> Result<String, String> {
    let mut document = quick_junit::Report::new("test-migration");
    if !report.uncovered.is_empty() {
        let mut suite = TestSuite::new("migrations");
        suite.add_test_cases(report.uncovered.iter().map(|uncovered| {
            case(&uncovered.directory, &first_line(&uncovered.problem), Err(&uncovered.problem))
        }));
        document.add_test_suite(suite);
    }
    for engine in &report.engines {
        document.add_test_suite(suite(engine));
    }
    document.set_time(report.engines.iter().map(|engine| engine.took).max().unwrap_or_default());
    document.to_string().map_err(|error| error.to_string())
}

/// The same of real data: a test for each migration, and each problem in it.
pub(crate) fn field_junit(report: &FieldReport) -> Result<String, String> {
    const NAME: &str = "real data";
    let mut document = quick_junit::Report::new("test-migration");
    let mut suite = TestSuite::new(report.engine.name());
    for migration in &report.migrations {
        let directory = &migration.directory;
        let mut cases: Vec<TestCase> =
            migration.problems.iter().map(|found| case(directory, NAME, Err(found))).collect();
        if cases.is_empty() {
            cases.push(case(directory, NAME, Ok(())));
        }
        let open = migration.not_judged.iter().map(|open| format!("not judged: {}", safe(open)));
        let open: Vec<String> = open.collect();
        if let Some(first) = cases.first_mut() {
            first.set_time(migration.took);
            if !open.is_empty() {
                first.set_system_out(open.join("\n"));
            }
        }
        suite.add_test_cases(cases);
    }
    suite.add_test_cases(report.not_tried.iter().map(|directory| {
        let mut skipped = case(directory, NAME, Ok(()));
        skipped.status = TestCaseStatus::skipped();
        skipped.status.set_message("one before it can't be applied");
        skipped
    }));
    suite.set_time(report.took);
    document.set_time(report.took);
    document.add_test_suite(suite);
    document.to_string().map_err(|error| error.to_string())
}

fn suite(report: &EngineReport) -> TestSuite {
    let mut suite = TestSuite::new(report.engine.name());
    suite.set_time(report.took);
    suite.add_test_cases(report.migrations.iter().flat_map(of_migration));
    if let Some(problem) = &report.stopped {
        suite.add_test_case(case("migrations", "every migration is applied", Err(problem)));
    }
    suite
}

fn of_migration(migration: &MigrationReport) -> Vec<TestCase> {
    let directory = &migration.directory;
    let mut cases: Vec<TestCase> = migration
        .problems
        .iter()
        .map(|problem| case(directory, &first_line(problem), Err(problem)))
        .collect();
    cases.extend(migration.cases.iter().map(|one| {
        let mut written = case(directory, &one.name, one.outcome.as_ref().map(|_| ()));
        if one.skipped {
            written.status = TestCaseStatus::skipped();
            written.status.set_message("nothing that it asserts is meant for this engine");
        }
        if let Ok(records) = one.outcome {
            written.set_assertions(records);
        }
        written.set_time(one.took);
        written
    }));
    cases.extend(migration.round_trip.iter().map(|trip| {
        let mut written = case(directory, "up·down·up", trip.as_ref().map(|_| ()));
        written.set_time(migration.round_trip_took);
        written
    }));
    cases.extend(migration.messy.iter().map(|messy| {
        let outcome = messy.problems.first().map_or(Ok(()), Err);
        let mut written = case(directory, "messy data", outcome);
        if messy.problems.is_empty() && messy.accepted() == 0 && !messy.tables.is_empty() {
            written.status = TestCaseStatus::skipped();
            written.status.set_message("no table took a row");
        }
        written.set_time(migration.messy_took);
        written
    }));
    cases
}

fn case(directory: &str, name: &str, outcome: Result<(), &Problem>) -> TestCase {
    let status = match outcome {
        Ok(()) => TestCaseStatus::success(),
        Err(problem) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(first_line(problem));
            status.set_description(text(problem));
            status
        }
    };
    let mut case = TestCase::new(safe(name), status);
    case.set_classname(safe(directory));
    case
}

fn first_line(problem: &Problem) -> String {
    safe(problem.what.lines().next().unwrap_or_default())
}

/// All that a person is told.
fn text(problem: &Problem) -> String {
    let lines = std::iter::once(problem.at.as_str()).chain(problem.what.lines());
    let mut lines: Vec<String> = lines.map(safe).collect();
    lines.push(format!("next: {}", safe(&problem.next_step)));
    lines.join("\n")
}

fn safe(text: &str) -> String {
    redact::printable(&redact::urls(text)).into_owned()
}
