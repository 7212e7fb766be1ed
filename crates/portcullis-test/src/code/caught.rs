//! Where a case panicked: what catches a panic is told the words only.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};

thread_local! {
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// From now on the place of a panic is noted, before it is printed as ever.
pub(super) fn note_places() {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string);
        // A thread that is being torn down has nobody to tell it.
        let _ = PLACE.try_with(|last| last.replace(place));
        print(panic);
    }));
}

/// Runs a case; a panic is one more way to fail.
pub(super) fn caught(run: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let place = PLACE.with(|last| last.take()).map(|place| format!("{place}: "));
        Err(format!("{}{}", place.unwrap_or_default(), words(panic.as_ref())))
    })
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked")
}
