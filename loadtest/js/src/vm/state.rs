//! What a VU's host functions share: who it is, where its side effects go, and how to reach the engine.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rquickjs::{Ctx, Error, Function, JsLifetime, Object, Persistent, Value};

use crate::api::host::{
    AsyncOp, HostCall, Iteration, LogLevel, MetricDef, OpId, Recorder, Reply, Step, Task, TestStatus,
};
use crate::api::http::{Expected, Reads, ResponseType};
use crate::api::tags::{SampleTags, TagContext};
use crate::cookies::CookieJar;
use crate::script::Script;
use crate::vm::error::throw;
use crate::vm::fiber::{Port, throw_uncatchable};
use crate::{VuConfig, VuError};

/// How long a script computes before it lets other VUs run.
const TIME_SLICE: Duration = Duration::from_millis(10);

/// What the outside tells a VU's stack.
pub(crate) enum In {
    /// Begin a task.
    Run(Task),
    /// The answer to a call.
    Reply(Reply),
    /// End whatever runs, then the stack itself.
    Shutdown,
}

/// What a VU's stack tells the outside.
pub(crate) enum Out {
    /// The init code has run.
    Ready(Result<(), VuError>),
    /// See [`Step`].
    Step(Step),
}

/// Where in its life a VU is: some functions are only there before, some only after the init code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Init,
    Running,
}

/// Something that a background operation will call when it ends.
pub(crate) enum Pending {
    /// A timer: the callback, its arguments, and the interval if it repeats.
    Timer {
        callback: Persistent<Function<'static>>,
        args: Vec<Persistent<Value<'static>>>,
        every: Option<Duration>,
    },
    /// A request: `resolve`, and what the response needs of the request.
    Http { resolve: Persistent<Function<'static>>, about: crate::modules::http::About },
}

type ResponseParts = (Persistent<Function<'static>>, Persistent<Object<'static>>);

type Environment = (Option<Rc<crate::Scenario>>, Persistent<Object<'static>>);

/// See the module.
pub(crate) struct VuState {
    pub(crate) script: Script,
    /// The options are those of every VU; who the VU is stands in [`Own::id`].
    pub(crate) config: VuConfig,
    pub(crate) recorder: Rc<dyn Recorder>,
    /// In a shared interpreter: where `recorder` leads to.
    relay: Option<Rc<Relay>>,
    own: Own,
    /// The script knows the global `__ITER`.
    pub(crate) reads_iter: bool,
    /// The script may have functions that are `async`.
    pub(crate) has_async: bool,
    /// The script may list the properties of a response, or ask which are its own.
    pub(crate) lists_members: bool,
    /// What the script may look at of a response.
    pub(crate) reads: Reads,
    /// Always empty in a shared interpreter, as is what follows.
    pub(crate) pending: RefCell<HashMap<OpId, Pending>>,
    /// Rejected promises that nobody handles yet, with what to say about them.
    pub(crate) rejections: RefCell<Vec<(Persistent<Value<'static>>, crate::ScriptException)>>,
    /// How responses get properties of their own: `Object.defineProperties` and what it needs. None before the
    /// first response.
    pub(crate) response_parts: RefCell<Option<ResponseParts>>,
    /// In a shared interpreter: `__ENV` of each scenario, and before any.
    pub(crate) environments: RefCell<Vec<Environment>>,
    /// CommonJS modules that have run or are running: their `module`.
    pub(crate) required: RefCell<HashMap<String, Persistent<Object<'static>>>>,
    /// Those that are running, the innermost last.
    pub(crate) requiring: RefCell<Vec<String>>,
}

/// What each VU of a shared interpreter has of its own. It lies with the VU while another one runs, and in the
/// interpreter's [`VuState`] while the VU itself runs: host functions see the VU that called them.
pub(crate) struct Own {
    pub(crate) id: Cell<u64>,
    /// Only while it lies with the VU; see [`VuState::relay`].
    recorder: RefCell<Rc<dyn Recorder>>,
    port: RefCell<Option<Rc<Port<In, Out>>>>,
    pub(crate) phase: Cell<Phase>,
    /// Set once the task has to end: every host call fails from then on.
    pub(crate) cut: Cell<bool>,
    /// Why, when the script itself wanted it.
    pub(crate) abort: RefCell<Option<String>>,
    pub(crate) shutdown: Cell<bool>,
    slice_start: Cell<Option<Duration>>,
    pub(crate) tags: RefCell<Rc<TagContext>>,
    jar: RefCell<CookieJar>,
    pub(crate) expected: RefCell<Expected>,
    pub(crate) iteration: RefCell<Option<Iteration>>,
    /// Iterations begun by this VU, minus one; -1 before the first.
    pub(crate) iter: Cell<i64>,
    /// Metrics declared so far, by name.
    pub(crate) metrics: RefCell<HashMap<String, Rc<MetricDef>>>,
    next_op: Cell<OpId>,
}

impl Own {
    pub(crate) fn new(id: u64, recorder: Rc<dyn Recorder>) -> Self {
        Self {
            id: Cell::new(id),
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

    /// The VU's cookies; a handle.
    pub(crate) fn jar(&self) -> CookieJar {
        self.jar.borrow().clone()
    }
}

/// The recorder of whichever VU runs.
struct Relay(RefCell<Rc<dyn Recorder>>);

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

impl std::ops::Deref for VuState {
    type Target = Own;

    fn deref(&self) -> &Own {
        &self.own
    }
}

/// How host functions find the state of the VU they run in.
#[derive(JsLifetime)]
pub(crate) struct Handle(pub(crate) Rc<VuState>);

/// The state of the VU that `ctx` belongs to.
pub(crate) fn state(ctx: &Ctx<'_>) -> Rc<VuState> {
    let handle = ctx.userdata::<Handle>().expect("every context is given its state before any code runs");
    Rc::clone(&handle.0)
}

impl VuState {
    /// Of a VU that has its interpreter for itself.
    pub(crate) fn new(
        script: Script,
        config: VuConfig,
        recorder: Rc<dyn Recorder>,
        port: &Rc<Port<In, Out>>,
    ) -> Self {
        let state = Self::with(script, config, recorder, None);
        state.set_port(port);
        state
    }

    /// Of an interpreter for several VUs; nobody's until [`Self::exchange`] puts a VU in.
    pub(crate) fn shared(script: Script, config: VuConfig) -> Self {
        let nobody: Rc<dyn Recorder> = Rc::new(crate::Unrecorded::default());
        let relay = Rc::new(Relay(RefCell::new(nobody)));
        Self::with(script, config, Rc::<Relay>::clone(&relay), Some(relay))
    }

    fn with(script: Script, config: VuConfig, recorder: Rc<dyn Recorder>, relay: Option<Rc<Relay>>) -> Self {
        Self {
            reads_iter: script.mentions("__ITER"),
            has_async: script.mentions("async"),
            lists_members: script.mentions_any_member(),
            reads: reads(&script),
            script,
            own: Own::new(config.id, Rc::clone(&recorder)),
            config,
            recorder,
            relay,
            pending: RefCell::default(),
            rejections: RefCell::default(),
            response_parts: RefCell::default(),
            environments: RefCell::default(),
            required: RefCell::default(),
            requiring: RefCell::default(),
        }
    }

    /// Puts a VU in, or takes it out again.
    pub(crate) fn exchange(&self, other: &Own) {
        let own = &self.own;
        let is_in = own.port.borrow().is_some();
        assert_ne!(is_in, other.port.borrow().is_some(), "one VU of an interpreter runs at a time");
        if let Some(relay) = &self.relay {
            relay.0.swap(&other.recorder);
        }
        own.id.swap(&other.id);
        own.port.swap(&other.port);
        own.phase.swap(&other.phase);
        own.cut.swap(&other.cut);
        own.abort.swap(&other.abort);
        own.shutdown.swap(&other.shutdown);
        own.slice_start.swap(&other.slice_start);
        own.tags.swap(&other.tags);
        own.jar.swap(&other.jar);
        own.expected.swap(&other.expected);
        own.iteration.swap(&other.iteration);
        own.iter.swap(&other.iter);
        own.metrics.swap(&other.metrics);
        own.next_op.swap(&other.next_op);
    }

    pub(crate) fn is_shared(&self) -> bool {
        self.relay.is_some()
    }

    /// Where the VU that runs can be suspended.
    pub(crate) fn port(&self) -> Rc<Port<In, Out>> {
        Rc::clone(self.own.port.borrow().as_ref().expect("code of a script only runs for a VU"))
    }

    /// Suspends the VU until the engine has done `call`.
    pub(crate) fn call(&self, ctx: &Ctx<'_>, call: HostCall) -> rquickjs::Result<Reply> {
        if self.cut.get() {
            return Err(self.cut_error(ctx));
        }
        if self.phase.get() == Phase::Init {
            return Err(throw(ctx, "this program cannot wait in the init context: no timers or requests"));
        }
        match self.suspend(call) {
            Some(reply) => Ok(reply),
            None => Err(self.cut_error(ctx)),
        }
    }

    /// Suspends the VU; `None` when the task has to end.
    fn suspend(&self, call: HostCall) -> Option<Reply> {
        let input = self.port().suspend(Out::Step(Step::Call(call)));
        self.slice_start.set(None);
        match input {
            In::Reply(Reply::Interrupt) | In::Run(_) => {}
            In::Shutdown => self.shutdown.set(true),
            In::Reply(reply) => return Some(reply),
        }
        self.cut.set(true);
        None
    }

    /// Called by the interpreter every few thousand jumps and calls; true stops the script.
    pub(crate) fn interrupt(&self) -> bool {
        if self.cut.get() {
            return true;
        }
        let now = self.recorder.now();
        let start = self.slice_start.get().unwrap_or_else(|| {
            self.slice_start.set(Some(now));
            now
        });
        now.saturating_sub(start) >= TIME_SLICE && self.suspend(HostCall::Yield).is_none()
    }

    pub(crate) fn begin_slice(&self) {
        self.slice_start.set(None);
    }

    /// Ends the task for good, past any `catch`.
    pub(crate) fn cut_error(&self, ctx: &Ctx<'_>) -> Error {
        throw_uncatchable(ctx, "the iteration was interrupted")
    }

    /// Begins a background operation.
    pub(crate) fn start(&self, ctx: &Ctx<'_>, op: AsyncOp, pending: Pending) -> rquickjs::Result<OpId> {
        let id = self.next_op.get() + 1;
        self.next_op.set(id);
        self.pending.borrow_mut().insert(id, pending);
        if let Err(error) = self.call(ctx, HostCall::Start(id, op)) {
            self.pending.borrow_mut().remove(&id);
            return Err(error);
        }
        Ok(id)
    }

    /// The VU's tags, to be kept.
    pub(crate) fn context(&self) -> Rc<TagContext> {
        Rc::clone(&self.tags.borrow())
    }

    /// Changes the VU's tags.
    pub(crate) fn set_tags(&self, change: impl FnOnce(&mut TagContext)) {
        let mut tags = TagContext::clone(&self.tags.borrow());
        change(&mut tags);
        *self.tags.borrow_mut() = Rc::new(tags);
    }

    pub(crate) fn record_check(
        &self,
        name: &str,
        passed: bool,
        context: &Rc<TagContext>,
        extra: &[(String, String)],
    ) {
        self.recorder.check(name, passed, SampleTags { context, extra });
    }

    pub(crate) fn warn(&self, message: &str) {
        self.recorder.log(LogLevel::Warn, message, "");
    }

    pub(crate) fn response_type(&self) -> ResponseType {
        if self.config.discard_response_bodies { ResponseType::None } else { ResponseType::Text }
    }

    pub(crate) fn unix_now_s(&self) -> i64 {
        i64::try_from(self.recorder.unix_now().as_secs()).unwrap_or(i64::MAX)
    }

    /// Lets go of everything that belongs to the interpreter, before that goes.
    pub(crate) fn release(&self) {
        self.pending.borrow_mut().clear();
        self.rejections.borrow_mut().clear();
        self.response_parts.borrow_mut().take();
        self.environments.borrow_mut().clear();
        self.required.borrow_mut().clear();
    }
}

/// Parts of responses that no word of the script can get hold of need not be kept.
fn reads(script: &Script) -> Reads {
    // These look at all of a response without naming its parts.
    let whole = ["stringify", "setup", "console"].iter().any(|word| script.mentions(word));
    let any = |names: &[&str]| whole || names.iter().any(|name| script.mentions_member(name));
    Reads {
        headers: any(&["headers"]),
        body: any(&["body", "json", "html", "submitForm", "clickLink"]),
        rest: any(&["request", "status_text", "remote_ip"]),
    }
}
