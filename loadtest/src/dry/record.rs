//! The VU's other ear: checks are counted, everything else is dropped, and the clock only seems to move.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use loadtest_js::{LogLevel, MetricDef, Recorder, SampleTags, TestStatus};

/// About what the interpreter needs between two readings of the clock.
const BETWEEN_READINGS: Duration = Duration::from_micros(100);

#[derive(Debug)]
pub(super) struct Ear {
    clock: Cell<Duration>,
    pub(super) failed_checks: RefCell<BTreeSet<String>>,
    options: Arc<str>,
}

impl Ear {
    pub(super) fn new(options: Arc<str>) -> Self {
        Self { clock: Cell::default(), failed_checks: RefCell::default(), options }
    }
}

impl Recorder for Ear {
    fn now(&self) -> Duration {
        self.clock.set(self.clock.get() + BETWEEN_READINGS);
        self.clock.get()
    }
    fn unix_now(&self) -> Duration {
        Duration::ZERO
    }
    fn check(&self, name: &str, passed: bool, _: SampleTags<'_>) {
        if !passed {
            self.failed_checks.borrow_mut().insert(name.to_owned());
        }
    }
    fn sample(&self, _: &Rc<MetricDef>, _: f64, _: SampleTags<'_>) {}
    fn group(&self, _: Duration, _: SampleTags<'_>) {}
    fn log(&self, _: LogLevel, _: &str, _: &str) {}
    fn fail_test(&self, _: &str) {}
    fn status(&self) -> TestStatus {
        TestStatus::default()
    }
    fn options(&self) -> Arc<str> {
        Arc::clone(&self.options)
    }
}
