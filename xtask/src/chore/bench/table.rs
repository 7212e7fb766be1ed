//! The figures as a table.

use super::measure::Pairs;

/// One figure, as it is printed.
#[derive(Debug)]
pub(super) struct Line([String; 6]);

const HEAD: [&str; 6] = ["figure", "ours", "theirs", "ratio (min–max)", "goal", "verdict"];

impl Line {
    /// Time, which may be at most this many times theirs.
    pub(super) fn time(figure: &str, pairs: &Pairs, goal: f64) -> Self {
        let (ours, theirs) = pairs.medians();
        let [least, median, most] = pairs.ratios();
        Self([
            figure.to_owned(),
            seconds(ours),
            seconds(theirs),
            format!("{median:.2} ({least:.2}–{most:.2})"),
            format!("≤ {goal}"),
            verdict(median <= goal),
        ])
    }

    /// A ratio of ratios, which may be at most this.
    pub(super) fn ratio(figure: &str, ratio: f64, goal: f64) -> Self {
        Self([
            figure.to_owned(),
            String::new(),
            String::new(),
            format!("{ratio:.2}"),
            format!("≤ {goal}"),
            verdict(ratio <= goal),
        ])
    }

    /// Memory, of which there must be less than this.
    pub(super) fn peak(figure: &str, pairs: &Pairs, goal_mib: u64) -> Self {
        let (ours, theirs) = pairs.peaks();
        Self([
            format!("{figure}, peak memory"),
            mebibytes(ours),
            mebibytes(theirs),
            String::new(),
            format!("< {goal_mib} MiB"),
            verdict(ours < goal_mib * 1024),
        ])
    }
}

fn verdict(met: bool) -> String {
    if met { "met" } else { "missed" }.to_owned()
}

fn seconds(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.0} ms", seconds * 1e3) } else { format!("{seconds:.2} s") }
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn mebibytes(kibibytes: u64) -> String {
    format!("{:.1} MiB", kibibytes as f64 / 1024.0)
}

#[expect(clippy::print_stdout, reason = "chores speak to developers directly")]
pub(super) fn print(lines: &[Line]) {
    let head = Line(HEAD.map(str::to_owned));
    let all: Vec<&Line> = std::iter::once(&head).chain(lines).collect();
    let width = |column: usize| {
        all.iter().map(|line| line.0[column].chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    println!();
    for Line(cells) in all {
        let padded: Vec<String> =
            cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        println!("{}", padded.join("  ").trim_end());
    }
}
