//! What runs on a VU's stack: the engine is set up, the init code runs, then task after task.

use std::cell::RefCell;
use std::rc::Rc;

use rquickjs::{Context, Ctx, Function, Module, Object, Persistent, Promise, Runtime};

use rquickjs::context::intrinsic;
use rquickjs::promise::PromiseState;

use crate::api::host::{MetricDef, Recorder, Step};
use crate::script::Script;
use crate::vm::fiber::{Port, SCRIPT_STACK_BYTES};
use crate::vm::state::{Handle, In, Out, Phase, VuState};
use crate::vm::{error, fiber, globals, intrinsics, loader, tasks};
use crate::{VuConfig, VuError};

/// What a VU is made for.
pub(crate) enum Mode {
    /// To run tasks.
    Run,
    /// To find out what the script is; notes go into the cell.
    Inspect(Rc<RefCell<Inspection>>),
}

/// What the init code showed.
#[derive(Default)]
pub(crate) struct Inspection {
    /// `options` as JSON.
    pub(crate) options: Option<String>,
    /// Names of the exported functions.
    pub(crate) functions: Vec<String>,
    /// In order of declaration.
    pub(crate) metrics: Vec<MetricDef>,
}

/// What modules cannot do without.
type Core = (intrinsic::Eval, intrinsic::Promise);

/// Bytes of garbage in cycles before the engine looks for it. Everything else is freed at once.
const GARBAGE_BYTES: u64 = 64 * 1024;

pub(crate) fn run(
    script: Script,
    config: VuConfig,
    recorder: Rc<dyn Recorder>,
    port: &Rc<Port<In, Out>>,
    mode: &Mode,
) {
    let state = Rc::new(VuState::new(script, config, recorder, port));
    match engine(&state) {
        Ok((runtime, context)) => {
            let interrupted = Rc::clone(&state);
            runtime.set_interrupt_handler(Some(Box::new(move || interrupted.interrupt())));
            context.with(|ctx| live(&ctx, &state, mode));
            drop(context);
            drop(runtime);
        }
        Err(e) => drop(port.suspend(Out::Ready(Err(VuError::Engine(e.to_string()))))),
    }
}

/// An interpreter with what of the language the script may use.
pub(crate) fn engine(state: &Rc<VuState>) -> rquickjs::Result<(Runtime, Context)> {
    let runtime = Runtime::new()?;
    runtime.set_max_stack_size(SCRIPT_STACK_BYTES);
    let (resolver, source) = loader::loader(&state.script);
    runtime.set_loader(resolver, source);
    let tracked = Rc::clone(state);
    runtime.set_host_promise_rejection_tracker(Some(Box::new(move |ctx, promise, reason, is_handled| {
        let promise = Persistent::save(&ctx, promise);
        let mut rejections = tracked.rejections.borrow_mut();
        if is_handled {
            rejections.retain(|(p, _)| *p != promise);
        } else {
            drop(rejections);
            let mut exception = error::describe(&ctx, &reason);
            exception.message.insert_str(0, "Uncaught (in promise) ");
            tracked.rejections.borrow_mut().push((promise, exception));
        }
    })));
    let context = Context::custom::<Core>(&runtime)?;
    context.with(|ctx| {
        fiber::add_parts(&ctx, &intrinsics::parts(&state.script));
        intrinsics::prune(&ctx, &state.script)
    })?;
    Ok((runtime, context))
}

fn live(ctx: &Ctx<'_>, state: &Rc<VuState>, mode: &Mode) {
    let port = state.port();
    let ready = prepare(ctx, state).and_then(|()| {
        let entry = state.script.entry();
        if state.script.entry_is_common_js() {
            crate::modules::commonjs::require(ctx, state, &entry).map(rquickjs::Value::into_object)
        } else {
            import(ctx, &entry).map(Some)
        }
    });
    let exports = match initialised(ctx, state, ready) {
        Ok(exports) => exports,
        Err(e) => {
            state.release();
            drop(port.suspend(Out::Ready(Err(e))));
            return;
        }
    };
    if let Mode::Inspect(notes) = mode {
        let result = inspect(ctx, state, &exports, &mut notes.borrow_mut());
        state.release();
        drop(port.suspend(Out::Ready(result)));
        return;
    }
    ctx.run_gc();
    fiber::set_garbage_threshold(ctx, GARBAGE_BYTES);
    serve(ctx, state, exports);
    state.release();
}

/// Does the tasks that the VU is given.
pub(crate) fn serve<'js>(ctx: &Ctx<'js>, state: &Rc<VuState>, exports: Object<'js>) {
    let port = state.port();
    state.phase.set(Phase::Running);
    let mut runner = tasks::Runner::new(ctx, state, exports);
    port.trim();
    let mut input = port.suspend(Out::Ready(Ok(())));
    while let In::Run(task) = input {
        state.begin_slice();
        let result = runner.run(&task);
        if state.shutdown.get() {
            break;
        }
        input = port.suspend(Out::Step(Step::Done(result)));
    }
}

/// What comes before any code of the script.
pub(crate) fn prepare(ctx: &Ctx<'_>, state: &Rc<VuState>) -> rquickjs::Result<()> {
    if ctx.store_userdata(Handle(Rc::clone(state))).is_err() {
        unreachable!("nothing reads a new context's userdata yet");
    }
    globals::install(ctx, state)
}

/// The end of the init code, which gave `exports`.
pub(crate) fn initialised<'js>(
    ctx: &Ctx<'js>,
    state: &Rc<VuState>,
    exports: rquickjs::Result<Option<Object<'js>>>,
) -> Result<Object<'js>, VuError> {
    let fail = |e: rquickjs::Error| match state.abort.borrow_mut().take() {
        Some(reason) => VuError::Aborted { reason },
        None if state.cut.get() => VuError::Endless,
        None => VuError::Init(error::take(ctx, &e)),
    };
    let exports = exports.map_err(fail)?;
    // Functions that the init code began and did not wait for belong to it.
    while ctx.execute_pending_job() {}
    if state.cut.get() || state.abort.borrow().is_some() {
        return Err(fail(rquickjs::Error::Exception));
    }
    let unhandled = state.rejections.borrow_mut().pop();
    if let Some((_, exception)) = unhandled {
        return Err(VuError::Unhandled(exception));
    }
    exports.ok_or_else(|| {
        VuError::Init(crate::ScriptException {
            message: "module.exports is not an object".to_owned(),
            stack: String::new(),
        })
    })
}

/// Imports a module that does not wait for anything outside.
pub(crate) fn import<'js>(ctx: &Ctx<'js>, name: &str) -> rquickjs::Result<Object<'js>> {
    let promise: Promise<'js> = Module::import(ctx, name)?;
    await_module(ctx, &promise)?;
    match promise.result::<Object<'js>>() {
        Some(result) => result,
        None => Err(error::throw(ctx, "a module did not finish")),
    }
}

/// Lets a module finish.
pub(crate) fn await_module<'js>(ctx: &Ctx<'js>, promise: &Promise<'js>) -> rquickjs::Result<()> {
    while promise.state() == PromiseState::Pending {
        if !ctx.execute_pending_job() {
            return Err(error::throw(ctx, "a module waits for something that only happens during the test"));
        }
    }
    Ok(())
}

fn inspect<'js>(
    ctx: &Ctx<'js>,
    state: &VuState,
    exports: &Object<'js>,
    notes: &mut Inspection,
) -> Result<(), VuError> {
    let mut look = || -> rquickjs::Result<()> {
        let options: rquickjs::Value = exports.get("options")?;
        if !options.is_undefined() {
            notes.options = ctx.json_stringify(options)?.map(|s| s.to_string()).transpose()?;
        }
        for key in exports.keys::<String>() {
            let key = key?;
            if exports.get::<_, Option<Function>>(key.as_str()).is_ok_and(|f| f.is_some()) {
                notes.functions.push(key);
            }
            ctx.catch();
        }
        Ok(())
    };
    look().map_err(|e| VuError::Init(error::take(ctx, &e)))?;
    let mut metrics: Vec<MetricDef> = state.metrics.borrow().values().map(|m| MetricDef::clone(m)).collect();
    metrics.sort_by(|a, b| a.name.cmp(&b.name));
    notes.metrics = metrics;
    Ok(())
}
