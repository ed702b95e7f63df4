//! The protocol between a virtual user and the engine that drives it.
//!
//! A VU runs until it needs the outside world; then [`Step::Call`] says what for, and the engine answers with
//! the [`Reply`] that the call's documentation names. What needs no answer goes to the [`Recorder`].

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::api::http::{HttpRequest, HttpResponse};
use crate::api::tags::{SampleTags, TagContext};

/// What a VU does next.
#[derive(Debug)]
pub enum Step {
    /// The VU is suspended in the middle of the script until [`Vu::resume`](crate::Vu::resume).
    Call(HostCall),
    /// The task is over; the VU can be given the next.
    Done(TaskResult),
}

/// Something only the engine can do.
#[derive(Debug)]
pub enum HostCall {
    /// Answer with [`Reply::Http`].
    Http(Box<HttpRequest>),
    /// In parallel, within the options `batch` and `batchPerHost`. Answer with [`Reply::Batch`], as many and
    /// in the same order.
    Batch(Vec<HttpRequest>),
    /// Answer with [`Reply::Done`] when the time has passed.
    Sleep(Duration),
    /// Begin something in the background and answer [`Reply::Done`] at once. When it ends, tell the VU at its
    /// next [`HostCall::Wait`]; never before.
    Start(OpId, AsyncOp),
    /// Forget a timer that was started. Answer [`Reply::Done`] at once; it is never reported again.
    Cancel(OpId),
    /// The script has nothing to do until something begun with [`HostCall::Start`] ends; at least one has
    /// been started and not yet been reported. Answer with [`Reply::Event`], the one that ended first first.
    Wait,
    /// The script has been computing for a while. Let others run, then answer with [`Reply::Done`], or with
    /// [`Reply::Interrupt`] if it has to end.
    Yield,
}

/// Names a background operation within one VU.
pub type OpId = u64;

/// A background operation.
#[derive(Debug)]
pub enum AsyncOp {
    /// Ends with [`Event::Http`].
    Http(Box<HttpRequest>),
    /// Ends with [`Event::Timer`].
    Timer(Duration),
}

/// The engine's answer to a [`HostCall`].
#[derive(Debug)]
pub enum Reply {
    /// It is done and there is nothing to say.
    Done,
    /// A transport error is an answer too: status 0 and `error`.
    Http(Box<HttpResponse>),
    /// One per request.
    Batch(Vec<HttpResponse>),
    /// What ended.
    Event(OpId, Event),
    /// Fits every call: end the task. The script cannot catch it; the VU answers [`Outcome::Interrupted`]
    /// (rarely after one more call, which gets the same reply). The engine drops whatever was begun.
    Interrupt,
}

/// How a background operation ended.
#[derive(Debug)]
pub enum Event {
    /// The time has passed.
    Timer,
    /// The answer.
    Http(Box<HttpResponse>),
}

/// What a VU is asked to run.
#[derive(Debug, Clone)]
pub enum Task {
    /// The exported function of a scenario, once.
    Iteration(Iteration),
    /// The exported `setup`; its return value comes back as JSON.
    Setup,
    /// The exported `teardown`, with what `setup` returned.
    Teardown {
        /// JSON; `None`: there was no `setup`, or it returned nothing.
        setup_data: Option<Arc<str>>,
    },
    /// The exported `handleSummary`; a map of file names to contents comes back.
    HandleSummary {
        /// JSON.
        data: Arc<str>,
    },
}

/// One iteration.
#[derive(Debug, Clone)]
pub struct Iteration {
    /// The same `Rc` for all iterations of a scenario: a VU that sees another one re-reads tags and env.
    pub scenario: Rc<Scenario>,
    /// How many iterations this VU has begun in this scenario, from 0.
    pub in_scenario: u64,
    /// The scenario's number of this iteration over all VUs of this run, from 0.
    pub in_instance: u64,
    /// As above, over all runs that share the test by segments.
    pub in_test: u64,
    /// JSON; parsed once per VU as long as it is the same `Arc`.
    pub setup_data: Option<Arc<str>>,
}

/// What a script can know of the scenario it runs in.
#[derive(Debug, Clone, Default)]
pub struct Scenario {
    /// As in `options.scenarios`; `default` for the short forms.
    pub name: Rc<str>,
    /// Such as `ramping-vus`.
    pub executor: String,
    /// The exported function to call.
    pub exec: String,
    /// When it began, milliseconds since 1970.
    pub start_unix_ms: f64,
    /// The scenario's `env`, over the script's.
    pub env: BTreeMap<String, String>,
    /// The run's and the scenario's `tags`.
    pub tags: BTreeMap<String, String>,
}

/// How a task ended.
#[derive(Debug, Clone)]
pub struct TaskResult {
    /// How.
    pub outcome: Outcome,
    /// What it returned.
    pub value: TaskValue,
    /// Of `handleSummary`: what it left of the data it was given, as JSON. None if that cannot be written as JSON.
    pub data: Option<Arc<str>>,
    /// The VU's tags as the script left them.
    pub tags: Rc<TagContext>,
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The function returned and its event loop is empty.
    Completed,
    /// An exception left the function; k6 logs it and counts the iteration as complete.
    Threw(ScriptException),
    /// The engine cut it; it counts as interrupted.
    Interrupted,
    /// `exec.test.abort()` was called; the whole test ends (exit code 108).
    Aborted {
        /// `test aborted`, with the script's message.
        reason: String,
    },
}

/// An exception that nothing caught.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptException {
    /// With the error's name, such as `TypeError: x is not a function`.
    pub message: String,
    /// One frame per line; may be empty.
    pub stack: String,
}

/// What a task returned.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum TaskValue {
    /// Nothing of interest, or `undefined`.
    #[default]
    None,
    /// Of `setup`, as JSON.
    Json(Arc<str>),
    /// Of `handleSummary`: file name (`stdout` and `stderr` too) to contents.
    Files(Vec<(String, Vec<u8>)>),
}

/// A metric that a script declared.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MetricDef {
    /// Valid by k6's rules: a letter or underscore, then up to 127 letters, digits, underscores.
    pub name: String,
    /// What it counts.
    pub kind: MetricKind,
    /// A trend of milliseconds rather than of plain numbers.
    pub is_time: bool,
}

/// The four kinds of metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MetricKind {
    /// A sum.
    Counter,
    /// The last value.
    Gauge,
    /// The share of values that are not zero.
    Rate,
    /// Statistics over all values.
    Trend,
}

/// How loud a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// `console.debug`
    Debug,
    /// `console.log` and `console.info`
    Info,
    /// `console.warn` and k6's own warnings
    Warn,
    /// `console.error` and k6's own errors
    Error,
}

/// The state of the whole test, for `exec.instance` and `exec.scenario.progress`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct TestStatus {
    /// Since the test began.
    pub elapsed: Duration,
    /// Complete iterations.
    pub iterations_completed: u64,
    /// Interrupted iterations.
    pub iterations_interrupted: u64,
    /// VUs that are running iterations.
    pub vus_active: u64,
    /// VUs that exist.
    pub vus_initialized: u64,
    /// Of the VU's scenario, 0 to 1.
    pub scenario_progress: f64,
}

/// Where a VU's side effects go. One per VU or one for all of a thread; called while the VU runs, so it must
/// not call back into the VU.
pub trait Recorder {
    /// A clock that never goes back, from any origin. Read for group durations and time slices.
    fn now(&self) -> Duration;
    /// The time since 1970, for the expiry of cookies.
    fn unix_now(&self) -> Duration;
    /// One sample of `checks`.
    fn check(&self, name: &str, passed: bool, tags: SampleTags<'_>);
    /// One sample of a metric of the script.
    fn sample(&self, metric: &Rc<MetricDef>, value: f64, tags: SampleTags<'_>);
    /// One sample of `group_duration`; `tags.context.group` is the group.
    fn group(&self, duration: Duration, tags: SampleTags<'_>);
    /// `console`, and what k6 itself would log. `source` is `console` for the former.
    fn log(&self, level: LogLevel, message: &str, source: &str);
    /// `exec.test.fail()`: the test goes on, but ends with exit code 110.
    fn fail_test(&self, reason: &str);
    /// Read by `exec.instance` and `exec.scenario.progress`.
    fn status(&self) -> TestStatus;
    /// `exec.test.options`: the resolved options as JSON.
    fn options(&self) -> Arc<str>;
}
