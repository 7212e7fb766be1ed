//! Telling a person how far a run is, without knowing how it is shown.

use std::time::{Duration, Instant};

use portcullis_receipt::Timing;

/// Sees a run's stages as they end.
pub trait Observer {
    /// A stage is done: its name, what came of it, how long it took.
    fn stage(&mut self, name: &'static str, detail: &str, took: Duration);

    /// Long work goes on: done and total, in bytes or steps.
    fn progress(&mut self, name: &'static str, done: u64, total: u64);
}

/// Takes the stages' times, for the receipt and for the person.
pub(crate) struct Clock<'a> {
    observer: &'a mut dyn Observer,
    since: Instant,
    pub(crate) timings: Vec<Timing>,
}

impl<'a> Clock<'a> {
    pub(crate) fn new(observer: &'a mut dyn Observer) -> Self {
        Self { observer, since: Instant::now(), timings: Vec::new() }
    }

    /// Ends the stage that has run since the last one ended.
    pub(crate) fn stage(&mut self, name: &'static str, detail: &str) {
        let took = self.since.elapsed();
        self.since = Instant::now();
        self.timings.push(Timing { stage: name.to_owned(), milliseconds: took.as_millis() as u64 });
        self.observer.stage(name, detail, took);
    }

    pub(crate) fn progress(&mut self, name: &'static str, done: u64, total: u64) {
        self.observer.progress(name, done, total);
    }
}
