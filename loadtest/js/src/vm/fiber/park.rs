//! Several stacks in one interpreter.
//!
//! QuickJS keeps a pointer to the innermost frame of the code that runs (`rt->current_stack_frame`), in which each
//! frame points to the one below it; frames lie on the stack that called. When stacks take turns, that pointer has
//! to be right again whenever a stack goes on. There is no function to set it, but a native function made with
//! `JS_NewCFunctionData` has a frame, and on its return `js_call_c_function_data` sets the pointer to the frame
//! below, by an address that it kept on its own stack. So the rule is: **every suspension happens inside a call of
//! such a function**, [`park`]. Whatever other stacks did meanwhile, when `park` returns the pointer is what it was
//! before the call. What rquickjs makes callable has no frame of its own, hence the detour.
//!
//! A VU's lowest frame, too, points to whatever was current when it was pushed. That must be no frame of another
//! VU, which may be gone by the time that somebody walks down the chain (`Error.stack` does). So an interpreter has
//! one more stack, the [`Anchor`], which stands in a `park` of its own for as long as the interpreter lives.
//! [`Anchor::reset`] lets this `park` return and calls it again at once: now the anchor's frame is current, and a
//! VU that begins is on top of it. The anchor's frame has the same address each time, which is asserted.
//!
//! What else belongs to the runtime rather than to a stack: the stack limit, set again after each `park`
//! ([`Gate::limit_stack`]), and a pending exception, which is taken along ([`Gate::call`]). The interpreter itself
//! belongs to the anchor's stack: it is made there, the anchor holds rquickjs's lock on it, and it is freed there.

use std::cell::{Cell, RefCell};
use std::ffi::{c_int, c_void};
use std::ptr::NonNull;
use std::rc::Rc;

use rquickjs::{Context, Ctx, Object, Promise, Runtime, Value, qjs};

use super::{Bytecode, Fiber, Port, SCRIPT_STACK_BYTES};
use crate::VuError;

/// What [`park`]'s frame is called in stacks of errors. No function of a script has such a name.
pub(crate) const PARK: &str = "#park";

/// What a call of [`park`] has to do.
struct Parcel<'a>(&'a mut dyn FnMut());

thread_local! {
    /// Handed to [`park`]; set only on the few steps from [`Gate::call`] to there.
    static PARCEL: Cell<Option<NonNull<c_void>>> = const { Cell::new(None) };
}

/// The function that gives suspensions a frame.
unsafe extern "C" fn park(
    _: *mut qjs::JSContext,
    _: qjs::JSValue,
    _: c_int,
    _: *mut qjs::JSValue,
    _: c_int,
    _: *mut qjs::JSValue,
) -> qjs::JSValue {
    if let Some(parcel) = PARCEL.take() {
        // SAFETY: only `Gate::call` sets the pointer, to a parcel in its own frame, which is below this one.
        let parcel = unsafe { parcel.cast::<Parcel<'_>>().as_mut() };
        (parcel.0)();
    }
    qjs::JS_UNDEFINED
}

/// How a stack of a shared interpreter is suspended.
#[derive(Clone, Copy)]
pub(crate) struct Gate {
    context: NonNull<qjs::JSContext>,
    park: qjs::JSValue,
    /// The lowest address that scripts may use of the stack that this gate is for.
    limit: usize,
}

impl Gate {
    /// The same for another stack, which ends at `limit`, its lowest address, and has the given size.
    fn of_stack<In, Out>(self, port: &Port<In, Out>) -> Self {
        Self { limit: port.stack_top - SCRIPT_STACK_BYTES, ..self }
    }

    /// Does `body` in a frame of the interpreter.
    pub(super) fn call<T>(self, body: impl FnOnce() -> T) -> T {
        let mut body = Some(body);
        let mut result = None;
        let mut once = || result = body.take().map(|body| body());
        let mut parcel = Parcel(&mut once);
        let context = self.context.as_ptr();
        // SAFETY: the context is alive, as whoever has a gate keeps its anchor. The function has no parameters, so
        // that it is called without a check of the stack; and its call polls `interrupt` at most, which does
        // nothing while there is a parcel. So it cannot fail, and runs the parcel. An exception that is pending
        // here is this stack's own and must not be seen by others.
        unsafe {
            let pending = qjs::JS_GetException(context);
            PARCEL.set(Some(NonNull::from(&mut parcel).cast()));
            qjs::JS_Call(context, self.park, qjs::JS_UNDEFINED, 0, std::ptr::null_mut());
            self.limit_stack();
            qjs::JS_Throw(context, pending);
        }
        result.expect("a call of the parking function does what it is given")
    }

    /// Tells the interpreter where the stack ends that runs now.
    fn limit_stack(self) {
        let here = 0u8;
        let here = std::ptr::from_ref(&here).addr();
        // SAFETY: these set numbers of a living runtime: the limit becomes the address of the stack's top, which
        // is about here, less the size, which is this stack's rest; a few hundred bytes more or less do not count.
        // A host function may be beyond the limit already; the engine's arithmetic wraps as ours does. 0 would be
        // no limit.
        unsafe {
            let runtime = qjs::JS_GetRuntime(self.context.as_ptr());
            qjs::JS_UpdateStackTop(runtime);
            qjs::JS_SetMaxStackSize(runtime, here.wrapping_sub(self.limit).max(1) as _);
        }
    }
}

/// Called by the interpreter now and then; true stops the script.
unsafe extern "C" fn interrupt(_: *mut qjs::JSRuntime, handler: *mut c_void) -> c_int {
    if PARCEL.get().is_some() {
        return 0;
    }
    // SAFETY: `stand` gives the engine this pointer, to a handler in its own frame, and takes it away before the
    // frame ends.
    let handler = unsafe { &*handler.cast::<Box<dyn Fn() -> bool>>() };
    c_int::from(handler())
}

enum Nudge {
    Reset,
    End,
}

/// An interpreter for several stacks, and the stack that everything else stands on.
pub(crate) struct Anchor {
    fiber: RefCell<Fiber<Nudge, Result<Gate, VuError>>>,
    gate: Gate,
}

type Prepare = Box<dyn FnOnce(&Ctx<'_>) -> rquickjs::Result<()>>;

/// What an [`Anchor`] is made of.
pub(crate) struct Plan {
    /// Makes the interpreter.
    pub(crate) make: Box<dyn FnOnce() -> rquickjs::Result<(Runtime, Context)>>,
    /// Prepares it, before any script runs.
    pub(crate) prepare: Prepare,
    /// Asked now and then while a script runs; true stops it. It may suspend.
    pub(crate) interrupt: Box<dyn Fn() -> bool>,
    /// Lets go of what belongs to the interpreter, before that goes.
    pub(crate) release: Box<dyn FnOnce()>,
}

impl Anchor {
    /// Makes the interpreter on a stack of its own.
    pub(crate) fn new(plan: Plan) -> Result<Self, VuError> {
        let mut fiber = Fiber::new(|| Nudge::End, move |port, _| stand(plan, port))
            .map_err(|e| VuError::Stack(e.to_string()))?;
        match fiber.resume(Nudge::Reset) {
            Some(made) => made.map(|gate| Self { fiber: RefCell::new(fiber), gate }),
            None => Err(VuError::Engine("it ended before it was ready".to_owned())),
        }
    }

    /// Makes the anchor's own frame the current one; a stack that runs nothing yet may begin now.
    pub(crate) fn reset(&self) {
        let stands = self.fiber.borrow_mut().resume(Nudge::Reset);
        assert!(matches!(stands, Some(Ok(_))), "an anchor stands until it is dropped");
    }

    /// Runs `body` with the interpreter on the stack of `port`, all of whose suspensions are parked from now on.
    /// The anchor has to have been reset, and to be kept until `body` has returned.
    pub(crate) fn enter<In, Out, R>(&self, port: &Port<In, Out>, body: impl FnOnce(&Ctx<'_>) -> R) -> R {
        let gate = self.gate.of_stack(port);
        gate.limit_stack();
        port.gate.set(Some(gate));
        // SAFETY: the context is alive and this thread has its lock, which the anchor holds; the lifetime ends with
        // `body`, which is general in it.
        let ctx = unsafe { Ctx::from_raw(gate.context) };
        body(&ctx)
    }
}

/// The life of an anchor's stack.
fn stand(plan: Plan, port: &Rc<Port<Nudge, Result<Gate, VuError>>>) {
    let failed = |e: rquickjs::Error| {
        let _end = port.suspend(Err(VuError::Engine(e.to_string())));
    };
    let (runtime, context) = match (plan.make)() {
        Ok(made) => made,
        Err(e) => return failed(e),
    };
    let handler = plan.interrupt;
    context.with(|ctx| {
        let raw = ctx.as_raw();
        // SAFETY: the context is alive; the name is a C string.
        let park = unsafe {
            qjs::JS_NewCFunctionData2(
                raw.as_ptr(),
                Some(park),
                c"#park".as_ptr(),
                0,
                0,
                0,
                std::ptr::null_mut(),
            )
        };
        let gate = Gate { context: raw, park, limit: 0 }.of_stack(port);
        match (plan.prepare)(&ctx) {
            Ok(()) => {
                let pointer = std::ptr::from_ref(&handler).cast_mut().cast::<c_void>();
                // SAFETY: the handler is alive until this function ends, and is taken away below.
                unsafe {
                    qjs::JS_SetInterruptHandler(qjs::JS_GetRuntime(raw.as_ptr()), Some(interrupt), pointer)
                };
                stay(gate, port);
                // SAFETY: the runtime is alive.
                unsafe {
                    qjs::JS_SetInterruptHandler(qjs::JS_GetRuntime(raw.as_ptr()), None, std::ptr::null_mut())
                };
            }
            Err(e) => failed(e),
        }
        (plan.release)();
        // SAFETY: the value is ours, and no stack is left that could park.
        unsafe { qjs::JS_FreeValue(raw.as_ptr(), park) };
    });
    drop(context);
    drop(runtime);
}

/// Stands in [`park`] but for the moment of a reset. One loop with one call, so that the frame is always at the same
/// place: VUs' lowest frames point to it.
#[inline(never)]
fn stay(gate: Gate, port: &Port<Nudge, Result<Gate, VuError>>) {
    let mut place = None;
    loop {
        let nudge = gate.call(|| {
            let here = 0u8;
            let here = std::ptr::from_ref(&here).addr();
            assert_eq!(*place.get_or_insert(here), here, "the anchor's frame has moved");
            port.switch(Ok(gate))
        });
        if matches!(nudge, Nudge::End) {
            return;
        }
    }
}

/// Runs a module anew, whatever has run under its name, and gives what it exports. Its imports are those that other
/// instances have.
pub(crate) fn instance<'js>(
    ctx: &Ctx<'js>,
    code: &Bytecode,
) -> rquickjs::Result<(Object<'js>, Promise<'js>)> {
    let context = ctx.as_raw().as_ptr();
    let flags = (qjs::JS_READ_OBJ_BYTECODE | qjs::JS_READ_OBJ_ROM_DATA).cast_signed();
    // SAFETY: a `Bytecode` is what this build of the engine wrote in this process. The engine keeps every module
    // until the context goes; what reading gives is one more reference, which evaluating takes. Each value that
    // is made into a `Value` is ours alone, and no exception.
    unsafe {
        let value = qjs::JS_ReadObject(context, code.0.as_ptr(), code.0.len() as _, flags);
        if qjs::JS_IsException(value) || qjs::JS_ResolveModule(context, value) < 0 {
            return Err(rquickjs::Error::Exception);
        }
        let module = qjs::JS_VALUE_GET_PTR(value).cast::<qjs::JSModuleDef>();
        let promise = qjs::JS_EvalFunction(context, value);
        if qjs::JS_IsException(promise) {
            return Err(rquickjs::Error::Exception);
        }
        let promise = Value::from_raw(ctx.clone(), promise);
        let exports = qjs::JS_GetModuleNamespace(context, module);
        if qjs::JS_IsException(exports) {
            return Err(rquickjs::Error::Exception);
        }
        let exports = Value::from_raw(ctx.clone(), exports);
        Ok((exports.get()?, promise.get()?))
    }
}
