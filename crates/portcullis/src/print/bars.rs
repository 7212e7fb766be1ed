//! How far the tests of each engine are, where a person is watching.

use std::io::IsTerminal as _;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use portcullis_model::config::Engine;

use crate::command::Format;

/// A bar for each engine; gone when it is dropped.
pub(crate) struct Bars(MultiProgress);

/// One engine's.
pub(crate) struct Bar(ProgressBar);

impl Bars {
    pub(crate) fn new(format: Format) -> Self {
        let is_watched = format == Format::Human && std::io::stderr().is_terminal();
        let target = if is_watched {
            ProgressDrawTarget::stderr_with_hz(10)
        } else {
            ProgressDrawTarget::hidden()
        };
        Self(MultiProgress::with_draw_target(target))
    }

    pub(crate) fn of(&self, engine: Engine) -> Bar {
        let bar = self.0.add(ProgressBar::no_length());
        if let Ok(style) = ProgressStyle::with_template("{prefix:>9}  {wide_bar} {pos}/{len}") {
            bar.set_style(style);
        }
        bar.set_prefix(engine.name());
        Bar(bar)
    }
}

impl Bar {
    pub(crate) fn is_at(&self, done: usize, total: usize) {
        self.0.set_length(total as u64);
        self.0.set_position(done as u64);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
