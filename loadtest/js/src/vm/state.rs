//! What a VU's host functions share: who it is, where its side effects go, and how to reach the engine.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use rquickjs::{Ctx, Error, Function, JsLifetime, Object, Persistent, Value};

use crate::api::host::{AsyncOp, HostCall, LogLevel, OpId, Recorder, Reply, Step, Task};
use crate::api::http::{Reads, ResponseType};
use crate::api::tags::{SampleTags, TagContext};
use crate::script::Script;
use crate::vm::error::throw;
use crate::vm::fiber::{Port, throw_uncatchable};
use crate::{VuConfig, VuError};

mod own;

pub(crate) use own::Own;
use own::Relay;

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
    /// The class of the errors of k6's own functions. None before the first.
    pub(crate) go_error: RefCell<Option<Persistent<Object<'static>>>>,
    /// CommonJS modules that have run or are running: their `module`.
    pub(crate) required: RefCell<HashMap<String, Persistent<Object<'static>>>>,
    /// Those that are running, the innermost last.
    pub(crate) requiring: RefCell<Vec<String>>,
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
        // An id that no VU has, should anybody ask for it here.
        let config = VuConfig { id: u64::MAX, id_in_test: None, ..config };
        Self::with(script, config, Rc::<Relay>::clone(&relay), Some(relay))
    }

    fn with(script: Script, config: VuConfig, recorder: Rc<dyn Recorder>, relay: Option<Rc<Relay>>) -> Self {
        Self {
            reads_iter: script.mentions("__ITER"),
            has_async: script.mentions("async"),
            lists_members: script.mentions_any_member(),
            reads: reads(&script),
            script,
            own: Own::new(&config, Rc::clone(&recorder)),
            config,
            recorder,
            relay,
            pending: RefCell::default(),
            rejections: RefCell::default(),
            response_parts: RefCell::default(),
            environments: RefCell::default(),
            go_error: RefCell::new(None),
            required: RefCell::default(),
            requiring: RefCell::default(),
        }
    }

    /// Puts a VU in, or takes it out again.
    pub(crate) fn exchange(&self, other: &Own) {
        self.own.exchange(other, self.relay.as_deref());
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

    /// Whether what ends now is still measured: not what somebody else cut, but what the script itself ends by aborting
    /// the test, as in k6.
    pub(crate) fn still_measures(&self) -> bool {
        !self.cut.get() || self.abort.borrow().is_some()
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
