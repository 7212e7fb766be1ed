//! How far the tests are, where a person is watching.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use portcullis_model::config::Engine;
use portcullis_test::Progress;

use crate::command::Format;

/// How long the tests must have gone on before a bar is worth showing.
const PATIENCE: Duration = Duration::from_millis(400);

/// A line for each engine, gone at the end.
pub(crate) struct Bars {
    bars: Vec<(Engine, ProgressBar)>,
    since: Instant,
}

impl Bars {
    pub(crate) fn new(format: Format, engines: &[Engine]) -> Self {
        let watched = format == Format::Human && std::io::stderr().is_terminal();
        let target = match watched {
            true => ProgressDrawTarget::stderr_with_hz(10),
            false => ProgressDrawTarget::hidden(),
        };
        let all = MultiProgress::with_draw_target(target);
        let bars = engines.iter().map(|engine| (*engine, all.add(new_bar(*engine)))).collect();
        Self { bars, since: Instant::now() }
    }

    /// Shows how far one is.
    pub(crate) fn show(&self, progress: Progress) {
        if self.since.elapsed() < PATIENCE {
            return;
        }
        if let Some((_, bar)) = self.bars.iter().find(|(engine, _)| *engine == progress.engine) {
            bar.set_length(progress.total as u64);
            bar.set_position(progress.done as u64);
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        for (_, bar) in &self.bars {
            bar.finish_and_clear();
        }
    }
}

fn new_bar(engine: Engine) -> ProgressBar {
    // Until it is one of several it would draw a line of its own.
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    let template = "{prefix:>9}  {wide_bar} {pos}/{len} migrations";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_prefix(engine.name());
    bar
}
