//! What a VU has of its own where several share an interpreter.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::{In, Out, Phase};
use crate::VuConfig;
use crate::api::host::{Iteration, LogLevel, MetricDef, OpId, Recorder, TestStatus};
use crate::api::http::Expected;
use crate::api::tags::{SampleTags, TagContext};
use crate::cookies::CookieJar;
use crate::vm::fiber::Port;

/// What each VU of a shared interpreter has of its own. It lies with the VU while another one runs, and in the
/// interpreter's [`VuState`](super::VuState) while the VU itself runs: host functions see the VU that called them.
pub(crate) struct Own {
    pub(crate) id: Cell<u64>,
    pub(crate) id_in_test: Cell<u64>,
    /// Only while it lies with the VU; see [`Relay`].
    recorder: RefCell<Rc<dyn Recorder>>,
    pub(super) port: RefCell<Option<Rc<Port<In, Out>>>>,
    pub(crate) phase: Cell<Phase>,
    /// Set once the task has to end: every host call fails from then on.
    pub(crate) cut: Cell<bool>,
    /// Why, when the script itself wanted it.
    pub(crate) abort: RefCell<Option<String>>,
    pub(crate) shutdown: Cell<bool>,
    pub(super) slice_start: Cell<Option<Duration>>,
    pub(crate) tags: RefCell<Rc<TagContext>>,
    jar: RefCell<CookieJar>,
    pub(crate) expected: RefCell<Expected>,
    pub(crate) iteration: RefCell<Option<Iteration>>,
    /// Iterations begun by this VU, minus one; -1 before the first.
    pub(crate) iter: Cell<i64>,
    /// Metrics declared so far, by name.
    pub(crate) metrics: RefCell<HashMap<String, Rc<MetricDef>>>,
    pub(super) next_op: Cell<OpId>,
}

impl Own {
    pub(crate) fn new(config: &VuConfig, recorder: Rc<dyn Recorder>) -> Self {
        Self {
            id: Cell::new(config.id),
            id_in_test: Cell::new(config.id_in_test.unwrap_or(config.id)),
            recorder: RefCell::new(recorder),
            port: RefCell::default(),
            phase: Cell::new(Phase::Init),
            cut: Cell::new(false),
            abort: RefCell::default(),
            shutdown: Cell::new(false),
            slice_start: Cell::new(None),
            tags: RefCell::default(),
            jar: RefCell::default(),
            expected: RefCell::default(),
            iteration: RefCell::default(),
            iter: Cell::new(-1),
            metrics: RefCell::default(),
            next_op: Cell::new(0),
        }
    }

    pub(crate) fn set_port(&self, port: &Rc<Port<In, Out>>) {
        *self.port.borrow_mut() = Some(Rc::clone(port));
    }

    /// Swaps all of it with what `other` has; `relay` gets the other's recorder.
    ///
    /// # Panics
    /// Unless one of the two is a VU's and the other is nobody's.
    pub(super) fn exchange(&self, other: &Self, relay: Option<&Relay>) {
        let is_in = self.port.borrow().is_some();
        assert_ne!(is_in, other.port.borrow().is_some(), "one VU of an interpreter runs at a time");
        if let Some(relay) = relay {
            relay.0.swap(&other.recorder);
        }
        self.id.swap(&other.id);
        self.id_in_test.swap(&other.id_in_test);
        self.port.swap(&other.port);
        self.phase.swap(&other.phase);
        self.cut.swap(&other.cut);
        self.abort.swap(&other.abort);
        self.shutdown.swap(&other.shutdown);
        self.slice_start.swap(&other.slice_start);
        self.tags.swap(&other.tags);
        self.jar.swap(&other.jar);
        self.expected.swap(&other.expected);
        self.iteration.swap(&other.iteration);
        self.iter.swap(&other.iter);
        self.metrics.swap(&other.metrics);
        self.next_op.swap(&other.next_op);
    }

    /// The VU's cookies; a handle.
    pub(crate) fn jar(&self) -> CookieJar {
        self.jar.borrow().clone()
    }
}

/// The recorder of whichever VU runs.
pub(super) struct Relay(pub(super) RefCell<Rc<dyn Recorder>>);

impl Relay {
    fn to(&self) -> Rc<dyn Recorder> {
        Rc::clone(&self.0.borrow())
    }
}

impl Recorder for Relay {
    fn now(&self) -> Duration {
        self.to().now()
    }
    fn unix_now(&self) -> Duration {
        self.to().unix_now()
    }
    fn check(&self, name: &str, passed: bool, tags: SampleTags<'_>) {
        self.to().check(name, passed, tags);
    }
    fn sample(&self, metric: &Rc<MetricDef>, value: f64, tags: SampleTags<'_>) {
        self.to().sample(metric, value, tags);
    }
    fn group(&self, duration: Duration, tags: SampleTags<'_>) {
        self.to().group(duration, tags);
    }
    fn log(&self, level: LogLevel, message: &str, source: &str) {
        self.to().log(level, message, source);
    }
    fn fail_test(&self, reason: &str) {
        self.to().fail_test(reason);
    }
    fn status(&self) -> TestStatus {
        self.to().status()
    }
    fn options(&self) -> Arc<str> {
        self.to().options()
    }
}
