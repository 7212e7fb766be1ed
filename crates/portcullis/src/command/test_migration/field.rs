//! `test-migration --from`: what is pending, on a copy of real data.

use std::path::Path;
use std::time::{Duration, Instant};

use portcullis_database::scratch::{LabOptions, open_copy};
use portcullis_flow::named::{OfTarget, of_any};
use portcullis_flow::{Observer as _, Stop, stage};
use portcullis_model::config::Config;
use portcullis_model::exit::Exit;
use portcullis_model::plan::{Goal, plan};
use portcullis_model::redact;
use portcullis_model::words::count;
use portcullis_test::{Field, on_field_data};

use super::Flags;
use crate::print;

/// How long a statement may take at least: real data is large.
const PATIENCE: Duration = Duration::from_secs(60 * 60);

pub(super) fn run(config: &Config, from: &Path, flags: &Flags) -> Result<Exit, Stop> {
    let mut stages = print::Stages::new(flags.format);
    let OfTarget { target, backup } = of_any(config, from, &mut stages)?;
    let set = stage::read(&config.root, target)?;
    let copying = Instant::now();
    let options =
        LabOptions { statement_timeout: config.test_migration.statement_timeout.max(PATIENCE) };
    let mut copy = open_copy(&backup, &options)?;
    let applied = copy.applied().map_err(|refused| {
        let (place, cause) = (redact::path(backup.path()), redact::printable(&refused.message));
        Stop::new(Exit::Refused, "read what is applied", place, cause, "see the cause")
    })?;
    let plan = plan(&set, &applied, &Goal::Latest, target.engine().dialect())
        .map_err(|refusals| Stop::refused_plan(target, &refusals))?;
    let pending = plan.steps().count();
    let applied = count(applied.len(), "migration");
    stages.stage("copy", &format!("{applied} applied, {pending} pending"), copying.elapsed());
    drop(stages);
    let bars = print::Bars::new(flags.format, &[target.engine()]);
    let field = Field { plan: &plan, exceptions: &config.test_migration };
    let report = on_field_data(copy.as_mut(), &field, &|progress| bars.show(progress))?;
    drop(bars);
    print::field(&report, &backup, flags.format);
    flags.write_junit(|| print::field_junit(&report))?;
    Ok(if report.problems().next().is_none() { Exit::Done } else { Exit::Refused })
}
