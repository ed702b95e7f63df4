//! What the VUs of one thread share, and what all threads share.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use loadtest_js::{LogLevel, TestStatus};
use tokio::sync::mpsc;
use url::Url;

use super::http::Targets;
use crate::config::Options;
use crate::metrics::recorder::Recorder;
use crate::net::connect::Network;

/// Where time zero of the test is, on both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    pub start: Instant,
    /// Since 1970.
    pub start_unix: Duration,
}

impl Clock {
    /// A clock that starts now.
    #[expect(clippy::disallowed_methods, reason = "the one place where the test's time zero is read")]
    pub fn start() -> Self {
        let unix = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Self { start: Instant::now(), start_unix: unix }
    }

    pub fn elapsed(&self) -> Duration {
        crate::net::h1::now() - self.start
    }

    /// Nanoseconds from the start to now.
    pub fn now_ns(&self) -> u64 {
        self.ns(crate::net::h1::now())
    }

    /// Nanoseconds from the start to an instant.
    pub fn ns(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.start).as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Counters that progress and `exec.instance` read while the test runs.
#[derive(Debug, Default)]
pub struct Live {
    pub active: AtomicU64,
    pub initialized: AtomicU64,
    pub completed: AtomicU64,
    pub interrupted: AtomicU64,
    pub scenarios: Vec<ScenarioLive>,
}

/// Counters of one scenario.
#[derive(Debug, Default)]
pub struct ScenarioLive {
    pub active: AtomicU64,
    /// Iterations begun; hands out their numbers.
    pub begun: AtomicU64,
    /// Iterations that several VUs share and that somebody has claimed. Not counted: each VU's first one,
    /// so that none goes without because another was quicker.
    pub claimed: AtomicU64,
    pub completed: AtomicU64,
    /// VUs that an open scenario may still add.
    pub extra_vus: AtomicU64,
}

impl Live {
    pub fn new(scenarios: usize) -> Self {
        Self { scenarios: (0..scenarios).map(|_| ScenarioLive::default()).collect(), ..Self::default() }
    }

    /// A VU begins to run a scenario's iterations.
    pub fn enter(&self, scenario: usize) {
        self.active.fetch_add(1, Ordering::Relaxed);
        self.scenarios[scenario].active.fetch_add(1, Ordering::Relaxed);
    }

    pub fn leave(&self, scenario: usize) {
        self.active.fetch_sub(1, Ordering::Relaxed);
        self.scenarios[scenario].active.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A line for the log.
#[derive(Debug, Clone)]
pub struct LogLine {
    pub level: LogLevel,
    pub message: String,
    /// `console` for what a script wrote.
    pub source: String,
    /// What else there is to say, by name.
    pub fields: Vec<(&'static str, String)>,
}

impl LogLine {
    /// Without a source or fields.
    pub fn plain(level: LogLevel, message: &str) -> Self {
        Self { level, message: message.to_owned(), source: String::new(), fields: Vec::new() }
    }
}

/// What a thread tells the coordinator while the test runs.
#[derive(Debug)]
pub enum Notice {
    Log(LogLine),
    /// `exec.test.abort()`.
    Abort(String),
    /// `exec.test.fail()`.
    Fail(String),
}

/// Log lines that may wait to be written; more are counted and dropped, so that a chatty script cannot fill memory.
pub const LOG_MAX: usize = 10_000;

/// Shared by the VUs of one thread.
pub struct Shared {
    pub options: Arc<Options>,
    pub options_json: Arc<str>,
    pub network: Arc<Network>,
    /// Replaces scheme, host and port of every request.
    pub base_url: Option<Url>,
    pub clock: Clock,
    pub recorder: RefCell<Recorder>,
    pub targets: RefCell<Targets>,
    pub live: Arc<Live>,
    pub notices: mpsc::Sender<Notice>,
    pub lost_log_lines: Cell<u64>,
    /// How far a scenario is, from 0 to 1.
    pub progress: Arc<dyn Fn(usize) -> f64 + Send + Sync>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

impl Shared {
    /// Hands a line to the log.
    pub fn log(&self, level: LogLevel, message: &str, source: &str) {
        self.log_with(LogLine { source: source.to_owned(), ..LogLine::plain(level, message) });
    }

    /// As above, with fields.
    pub fn log_with(&self, line: LogLine) {
        self.notify(Notice::Log(line));
    }

    pub fn notify(&self, notice: Notice) {
        if self.notices.try_send(notice).is_err() {
            self.lost_log_lines.set(self.lost_log_lines.get() + 1);
        }
    }
}

/// The recorder that a VU's script writes to.
pub struct VuRecorder {
    pub shared: Rc<Shared>,
    /// Index of the scenario that the VU runs at the moment.
    pub scenario: Rc<Cell<usize>>,
}

impl std::fmt::Debug for VuRecorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VuRecorder").finish_non_exhaustive()
    }
}

impl loadtest_js::Recorder for VuRecorder {
    fn now(&self) -> Duration {
        self.shared.clock.elapsed()
    }

    fn unix_now(&self) -> Duration {
        self.shared.clock.start_unix + self.shared.clock.elapsed()
    }

    fn check(&self, name: &str, passed: bool, tags: loadtest_js::SampleTags<'_>) {
        let at_ns = self.shared.clock.now_ns();
        self.shared.recorder.borrow_mut().check(name, passed, tags.context, tags.extra, at_ns);
    }

    fn sample(&self, metric: &Rc<loadtest_js::MetricDef>, value: f64, tags: loadtest_js::SampleTags<'_>) {
        let mut recorder = self.shared.recorder.borrow_mut();
        let Some(id) = recorder.totals.registry.find(&metric.name) else { return };
        let tags_of = crate::metrics::tags::PlainTags {
            context: tags.context,
            extra: tags.extra,
            system: recorder.system,
            own: &[],
        };
        recorder.add(id, value, &tags_of, tags.context, self.shared.clock.now_ns());
    }

    fn group(&self, duration: Duration, tags: loadtest_js::SampleTags<'_>) {
        let at_ns = self.shared.clock.now_ns();
        let mut recorder = self.shared.recorder.borrow_mut();
        recorder.group_seen(&tags.context.group, at_ns);
        let tags_of = crate::metrics::tags::PlainTags {
            context: tags.context,
            extra: tags.extra,
            system: recorder.system,
            own: &[],
        };
        let ms = duration.as_nanos() as f64 / 1e6;
        recorder.add(crate::metrics::registry::GROUP_DURATION, ms, &tags_of, tags.context, at_ns);
    }

    fn log(&self, level: LogLevel, message: &str, source: &str) {
        // Of each warning of k6 itself a few lines are enough, as of failed requests.
        let at_ns = self.shared.clock.now_ns();
        let own = source.is_empty() && level == LogLevel::Warn;
        if own && !self.shared.recorder.borrow_mut().error("warning", message, "", at_ns) {
            return;
        }
        match message.split_once(" error=").filter(|_| own) {
            Some((what, error)) => {
                let fields = vec![("error", error.to_owned())];
                self.shared.log_with(LogLine { fields, ..LogLine::plain(level, what) });
            }
            None => self.shared.log(level, message, source),
        }
    }

    fn fail_test(&self, reason: &str) {
        self.shared.notify(Notice::Fail(reason.to_owned()));
    }

    fn status(&self) -> TestStatus {
        let live = &self.shared.live;
        TestStatus {
            elapsed: self.shared.clock.elapsed(),
            iterations_completed: live.completed.load(Ordering::Relaxed),
            iterations_interrupted: live.interrupted.load(Ordering::Relaxed),
            vus_active: live.active.load(Ordering::Relaxed),
            vus_initialized: live.initialized.load(Ordering::Relaxed),
            scenario_progress: (self.shared.progress)(self.scenario.get()),
        }
    }

    fn options(&self) -> Arc<str> {
        Arc::clone(&self.shared.options_json)
    }
}
