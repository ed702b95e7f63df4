//! The date that a service in this process sees.

use std::cell::Cell;

use todo_api::todo::{Moment, deadline};

thread_local! {
    static NOW: Cell<Option<Moment>> = const { Cell::new(None) };
}

/// From now on it is `text` (ISO 8601) for every [`crate::Service`] of this thread; a test with the default,
/// single-threaded runtime so has a clock of its own.
///
/// # Panics
/// When `text` is no date and time.
pub fn set_clock(text: &str) {
    let moment = deadline::parse(text).expect("an ISO 8601 date and time");
    NOW.set(Some(moment));
}

/// What [`set_clock`] set, otherwise the system's clock.
pub fn test_clock() -> Moment {
    NOW.get().unwrap_or_else(todo_api::system_clock)
}
