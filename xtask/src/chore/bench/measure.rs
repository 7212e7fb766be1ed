//! Running both sides in turns, and what comes of it.

use std::ffi::OsStr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use xshell::cmd;

use super::Bench;

/// One run: how long it took, and the most memory that it held.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sample {
    pub(super) took: Duration,
    pub(super) peak_kib: u64,
}

impl Sample {
    /// This run, and another one after it.
    pub(super) fn then(self, next: Self) -> Self {
        Self { took: self.took + next.took, peak_kib: self.peak_kib.max(next.peak_kib) }
    }
}

/// Runs a program, where the shell is, to its good end; returns what it printed, too.
pub(super) fn run<S: AsRef<OsStr>>(
    bench: &Bench<'_>,
    command: &[S],
) -> anyhow::Result<(Sample, String)> {
    run_to(bench, command, 0)
}

/// Runs a program to the end that is expected of it, by its exit code.
///
/// What earlier runs have written reaches the disk first, so that nobody waits for it
/// here. `time` asks the kernel for the peak; starting it takes less than a millisecond,
/// and both sides have it.
pub(super) fn run_to<S: AsRef<OsStr>>(
    bench: &Bench<'_>,
    command: &[S],
    code: i32,
) -> anyhow::Result<(Sample, String)> {
    let (shell, directory) = (bench.shell, &bench.directory);
    cmd!(shell, "sync -f {directory}").quiet().run()?;
    let report = directory.join("peak.txt");
    let shown = command.first().map(|program| program.as_ref().display().to_string());
    let command = command.iter().map(AsRef::as_ref);
    let timed = cmd!(shell, "time -f %M -o {report} {command...}").quiet().ignore_status();
    let started = Instant::now();
    let ended = timed.output()?;
    let took = started.elapsed();
    anyhow::ensure!(
        ended.status.code() == Some(code),
        "{} ended with {}, not with {code}:\n{}",
        shown.unwrap_or_default(),
        ended.status,
        String::from_utf8_lossy(&ended.stderr)
    );
    let printed = String::from_utf8(ended.stdout)?.trim_end().to_owned();
    Ok((Sample { took, peak_kib: read_peak(&report)? }, printed))
}

/// Above it `time` remarks that a program ended badly.
fn read_peak(report: &Path) -> anyhow::Result<u64> {
    let text = std::fs::read_to_string(report)?;
    let last = text.lines().last().unwrap_or_default();
    last.parse().with_context(|| format!("time printed {text:?} instead of kibibytes"))
}

/// Runs of both sides: the first of one belongs to the first of the other.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    ours: Vec<Sample>,
    theirs: Vec<Sample>,
}

impl Pairs {
    pub(super) fn take(
        rounds: u32,
        warm_up: bool,
        mut ours: impl FnMut() -> anyhow::Result<Sample>,
        mut theirs: impl FnMut() -> anyhow::Result<Sample>,
    ) -> anyhow::Result<Self> {
        if warm_up {
            ours()?;
            theirs()?;
        }
        let mut pairs = Self::default();
        for _ in 0..rounds {
            pairs.ours.push(ours()?);
            pairs.theirs.push(theirs()?);
        }
        Ok(pairs)
    }

    /// The median times, ours and theirs, in seconds.
    pub(super) fn medians(&self) -> (f64, f64) {
        let of = |samples: &[Sample]| median(samples.iter().map(|run| run.took.as_secs_f64()));
        (of(&self.ours), of(&self.theirs))
    }

    /// Ours by theirs, pair by pair: least, median, most.
    pub(super) fn ratios(&self) -> [f64; 3] {
        let ratios: Vec<f64> = (self.ours.iter().zip(&self.theirs))
            .map(|(ours, theirs)| ours.took.as_secs_f64() / theirs.took.as_secs_f64())
            .collect();
        let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let most = ratios.iter().copied().fold(0.0, f64::max);
        [least, median(ratios), most]
    }

    /// The most memory that any run held, ours and theirs, in kibibytes.
    pub(super) fn peaks(&self) -> (u64, u64) {
        let of = |samples: &[Sample]| samples.iter().map(|run| run.peak_kib).max().unwrap_or(0);
        (of(&self.ours), of(&self.theirs))
    }
}

fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_of_a_pair_and_the_median_of_what_is_in_the_middle() {
        let sample = |millis| Sample { took: Duration::from_millis(millis), peak_kib: millis };
        let mut ours = [90, 1, 3, 20].map(sample).into_iter();
        let mut theirs = [1, 2, 2, 10].map(sample).into_iter();
        let pairs =
            Pairs::take(3, true, || Ok(ours.next().unwrap()), || Ok(theirs.next().unwrap()))
                .unwrap();
        assert_eq!(pairs.ratios(), [0.5, 1.5, 2.0]);
        assert_eq!(pairs.medians(), (0.003, 0.002));
        assert_eq!(pairs.peaks(), (20, 10));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}
