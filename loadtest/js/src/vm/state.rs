//! What a VU's host functions share: who it is, where its side effects go, and how to reach the engine.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use rquickjs::{Ctx, Error, Function, JsLifetime, Object, Persistent, Value};

use crate::api::host::{
    AsyncOp, HostCall, Iteration, LogLevel, MetricDef, OpId, Recorder, Reply, Step, Task,
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

/// See the module.
pub(crate) struct VuState {
    pub(crate) script: Script,
    pub(crate) config: VuConfig,
    pub(crate) recorder: Rc<dyn Recorder>,
    pub(crate) port: Rc<Port<In, Out>>,
    pub(crate) phase: Cell<Phase>,
    /// Set once the task has to end: every host call fails from then on.
    pub(crate) cut: Cell<bool>,
    /// Why, when the script itself wanted it.
    pub(crate) abort: RefCell<Option<String>>,
    pub(crate) shutdown: Cell<bool>,
    slice_start: Cell<Option<Duration>>,
    pub(crate) tags: RefCell<Rc<TagContext>>,
    pub(crate) jar: CookieJar,
    pub(crate) expected: RefCell<Expected>,
    pub(crate) iteration: RefCell<Option<Iteration>>,
    /// The script knows the global `__ITER`.
    pub(crate) reads_iter: bool,
    /// The script may have functions that are `async`.
    pub(crate) has_async: bool,
    /// The script may list the properties of a response, or ask which are its own.
    pub(crate) lists_members: bool,
    /// What the script may look at of a response.
    pub(crate) reads: Reads,
    /// Iterations begun by this VU, minus one; -1 before the first.
    pub(crate) iter: Cell<i64>,
    /// Metrics declared so far, by name.
    pub(crate) metrics: RefCell<HashMap<String, Rc<MetricDef>>>,
    pub(crate) pending: RefCell<HashMap<OpId, Pending>>,
    next_op: Cell<OpId>,
    /// Rejected promises that nobody handles yet, with what to say about them.
    pub(crate) rejections: RefCell<Vec<(Persistent<Value<'static>>, crate::ScriptException)>>,
    /// How responses get properties of their own: `Object.defineProperties` and what it needs. None before the
    /// first response.
    pub(crate) response_parts: RefCell<Option<ResponseParts>>,
    /// The class of the errors of k6's own functions. None before the first.
    pub(crate) go_error: RefCell<Option<Persistent<Object<'static>>>>,
    /// CommonJS modules that have run or are running: their `module`.
    pub(crate) required: RefCell<HashMap<String, Persistent<Object<'static>>>>,
    /// Those that are running, the innermost last.
    pub(crate) requiring: RefCell<Vec<String>>,
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
    pub(crate) fn new(
        script: Script,
        config: VuConfig,
        recorder: Rc<dyn Recorder>,
        port: Rc<Port<In, Out>>,
    ) -> Self {
        Self {
            reads_iter: script.mentions("__ITER"),
            has_async: script.mentions("async"),
            lists_members: script.mentions_any_member(),
            reads: reads(&script),
            script,
            config,
            recorder,
            port,
            phase: Cell::new(Phase::Init),
            cut: Cell::new(false),
            abort: RefCell::new(None),
            shutdown: Cell::new(false),
            slice_start: Cell::new(None),
            tags: RefCell::default(),
            jar: CookieJar::default(),
            expected: RefCell::default(),
            iteration: RefCell::new(None),
            iter: Cell::new(-1),
            metrics: RefCell::default(),
            pending: RefCell::default(),
            next_op: Cell::new(0),
            rejections: RefCell::default(),
            response_parts: RefCell::default(),
            go_error: RefCell::new(None),
            required: RefCell::default(),
            requiring: RefCell::default(),
        }
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
        let input = self.port.suspend(Out::Step(Step::Call(call)));
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
        self.go_error.borrow_mut().take();
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
