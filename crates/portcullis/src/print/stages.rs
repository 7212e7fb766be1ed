//! One line a stage, and a bar for long work where a person is watching.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use portcullis_flow::Observer;
use portcullis_model::{redact, words};

use super::{GOOD, QUIET, text};
use crate::command::Format;

/// How long work must have gone on before a bar is worth showing.
const PATIENCE: Duration = Duration::from_millis(400);

/// Prints stages as they end.
pub(crate) struct Stages {
    format: Format,
    bar: Option<(&'static str, ProgressBar)>,
    since: Instant,
}

impl Stages {
    pub(crate) fn new(format: Format) -> Self {
        Self { format, bar: None, since: Instant::now() }
    }

    fn clear(&mut self) {
        if let Some((_, bar)) = self.bar.take() {
            bar.finish_and_clear();
        }
        self.since = Instant::now();
    }
}

impl Observer for Stages {
    fn stage(&mut self, name: &'static str, detail: &str, took: Duration) {
        self.clear();
        if self.format == Format::Human {
            let detail = redact::urls(detail);
            let detail = redact::printable(&detail);
            let took = words::duration(took);
            text(&format!("{GOOD}{name:>9}{GOOD:#}  {detail}  {QUIET}{took}{QUIET:#}"));
        }
    }

    fn progress(&mut self, name: &'static str, done: u64, total: u64) {
        if self.format != Format::Human
            || !std::io::stderr().is_terminal()
            || self.since.elapsed() < PATIENCE
        {
            return;
        }
        let (_, bar) = self.bar.get_or_insert_with(|| (name, new_bar(name, total)));
        bar.set_length(total);
        bar.set_position(done);
    }
}

impl Drop for Stages {
    fn drop(&mut self) {
        self.clear();
    }
}

fn new_bar(name: &'static str, total: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(10));
    // Steps are counted, bytes are weighed.
    let template = if name == "apply" {
        "{prefix:>9}  {wide_bar} {pos}/{len}"
    } else {
        "{prefix:>9}  {wide_bar} {bytes}/{total_bytes}, {eta} left"
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_prefix(name);
    bar
}

/// Prints nothing.
pub(crate) struct Silent;

impl Observer for Silent {
    fn stage(&mut self, _name: &'static str, _detail: &str, _took: Duration) {}

    fn progress(&mut self, _name: &'static str, _done: u64, _total: u64) {}
}
