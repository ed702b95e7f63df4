//! The only unsafe code of the crate: a VU's own stack, the way out of the middle of the interpreter, and the few
//! calls of the engine that Rust cannot check.
//!
//! A VU has either a runtime of its own that lives and dies on the VU's stack, so that QuickJS's notion of the
//! current frame is right whenever that stack runs and nothing of the engine is shared between two stacks; or a
//! runtime together with other VUs, whose stacks are suspended as [`park`] says. A suspended stack is never unwound
//! (that would skip the interpreter's clean-up): [`Fiber`]'s drop lets the script end, and leaks the stack in the
//! case that it does not, with what its body has taken in: the interpreter, where that is shared.

#![expect(unsafe_code, reason = "coroutine switches and a few engine calls, each with its argument")]

use std::cell::Cell;
use std::ptr::NonNull;
use std::rc::Rc;

use corosensei::stack::{DefaultStack, Stack};
use corosensei::{Coroutine, CoroutineResult, Yielder};
use rquickjs::context::{Intrinsic, intrinsic};
use rquickjs::{ArrayBuffer, Ctx, Error, Exception, Module, TypedArray, Value, module::Declared, qjs};

use crate::vm::intrinsics::Part;

pub(crate) mod park;

use park::Gate;

/// Address space of one VU's stack in bytes; a page counts only once it is used. A guard page below it turns
/// what no limit foresaw into a fault instead of a corruption.
pub(crate) const STACK_BYTES: usize = 1024 * 1024;

/// What scripts may use of it before they get a `RangeError`; the rest is for the functions of the host, which
/// do not check.
pub(crate) const SCRIPT_STACK_BYTES: usize = STACK_BYTES - 256 * 1024;

/// The smallest page that a system has; a bigger one only makes [`Port::trim`] refuse.
const PAGE_BYTES: usize = 4096;

/// Left alone below the frame that trims.
const TRIM_MARGIN_BYTES: usize = 4096;

/// How often a script may call the host while it is being ended.
const FAREWELLS_MAX: usize = 1000;

/// A stack of its own on which `body` runs, exchanging `Out`s for `In`s.
pub(crate) struct Fiber<In: 'static, Out: 'static> {
    coroutine: Option<Coroutine<In, Out, ()>>,
    port: Rc<Port<In, Out>>,
    farewell: fn() -> In,
    /// Called before and after each turn.
    around: Option<Box<dyn Fn()>>,
}

/// The inner end of a [`Fiber`].
pub(crate) struct Port<In: 'static, Out: 'static> {
    yielder: Cell<Option<NonNull<Yielder<In, Out>>>>,
    running: Cell<bool>,
    /// The lowest address of the stack, which is that of its guard page.
    stack_limit: usize,
    /// Its highest address.
    stack_top: usize,
    /// In a shared interpreter: the way to be suspended.
    gate: Cell<Option<Gate>>,
}

impl<In: 'static, Out: 'static> Fiber<In, Out> {
    /// Makes the stack; nothing runs yet. `farewell` is what the body gets, again and again, when it has to end.
    pub(crate) fn new(
        farewell: fn() -> In,
        body: impl FnOnce(&Rc<Port<In, Out>>, In) + 'static,
    ) -> std::io::Result<Self> {
        let stack = DefaultStack::new(STACK_BYTES)?;
        let port = Rc::new(Port {
            yielder: Cell::new(None),
            running: Cell::new(false),
            stack_limit: stack.limit().get(),
            stack_top: stack.base().get(),
            gate: Cell::new(None),
        });
        let inner = Rc::clone(&port);
        let coroutine = Coroutine::with_stack(stack, move |yielder, first| {
            inner.yielder.set(Some(NonNull::from(yielder)));
            body(&inner, first);
            inner.yielder.set(None);
        });
        Ok(Self { coroutine: Some(coroutine), port, farewell, around: None })
    }

    /// Has `around` called before and after each turn that the stack gets.
    pub(crate) fn around(mut self, around: impl Fn() + 'static) -> Self {
        self.around = Some(Box::new(around));
        self
    }

    pub(crate) fn port(&self) -> &Rc<Port<In, Out>> {
        &self.port
    }

    /// Runs the body until its next [`Port::suspend`]; `None` when it has returned.
    pub(crate) fn resume(&mut self, input: In) -> Option<Out> {
        let coroutine = self.coroutine.as_mut()?;
        let around = || self.around.iter().for_each(|around| around());
        around();
        self.port.running.set(true);
        let result = coroutine.resume(input);
        self.port.running.set(false);
        around();
        match result {
            CoroutineResult::Yield(out) => Some(out),
            CoroutineResult::Return(()) => {
                self.coroutine = None;
                None
            }
        }
    }
}

impl<In: 'static, Out: 'static> Drop for Fiber<In, Out> {
    fn drop(&mut self) {
        if self.coroutine.as_ref().is_some_and(|c| !c.started()) || std::thread::panicking() {
            std::mem::forget(self.coroutine.take().filter(Coroutine::started));
            return;
        }
        for _ in 0..FAREWELLS_MAX {
            if self.resume((self.farewell)()).is_none() {
                return;
            }
        }
        std::mem::forget(self.coroutine.take());
    }
}

impl<In: 'static, Out: 'static> std::fmt::Debug for Fiber<In, Out> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fiber").field("done", &self.coroutine.is_none()).finish_non_exhaustive()
    }
}

impl<In: 'static, Out: 'static> Port<In, Out> {
    /// Gives the part of the stack below the caller's frame back to the system, which will hand out fresh pages if
    /// it is needed again. Running the init code goes deeper than most of what follows.
    #[inline(never)]
    pub(crate) fn trim(&self) {
        assert!(self.running.get(), "a VU's stack is trimmed from itself");
        let here = 0u8;
        let top = (std::ptr::from_ref(&here).addr() & !(PAGE_BYTES - 1)) - TRIM_MARGIN_BYTES;
        let bottom = self.stack_limit.next_multiple_of(PAGE_BYTES);
        #[cfg(target_os = "linux")]
        if let Some(length) = top.checked_sub(bottom).filter(|length| *length > 0) {
            // SAFETY: the range lies in this fiber's own stack, between its lowest page and some pages below this
            // frame, which is the innermost of the running coroutine: nothing in there is alive. The margin
            // leaves room for the call itself.
            unsafe { libc::madvise(bottom as *mut libc::c_void, length, libc::MADV_DONTNEED) };
        }
    }

    /// Gives `out` to whoever resumed the fiber and comes back with the next input.
    ///
    /// # Panics
    /// When called from outside the fiber.
    pub(crate) fn suspend(&self, out: Out) -> In {
        match self.gate.get() {
            Some(gate) => gate.call(|| self.switch(out)),
            None => self.switch(out),
        }
    }

    /// The switch itself.
    fn switch(&self, out: Out) -> In {
        assert!(self.running.get(), "a VU can only be suspended from its own stack");
        let yielder = self.yielder.get().expect("a running fiber has a yielder");
        // SAFETY: the yielder lives in the frame of the coroutine's first function, which sets the cell on entry
        // and clears it on return, so a pointer in the cell is alive. `running` says that this very coroutine
        // has been resumed and has neither suspended nor returned; as `Port` is not `Send`, we are in it.
        unsafe { yielder.as_ref() }.suspend(out)
    }
}

/// Loads a module from what `Module::write` of this same build of the engine made.
pub(crate) fn load_bytecode<'js>(ctx: &Ctx<'js>, code: &Bytecode) -> rquickjs::Result<Module<'js, Declared>> {
    // SAFETY: a `Bytecode` is only made by `compile` below in this process, and its bytes are private.
    unsafe { Module::load(ctx.clone(), &code.0) }
}

/// A compiled module; shared by the VUs of all threads.
pub(crate) struct Bytecode(Box<[u8]>);

/// Compiles a module, resolving its imports with the runtime's loader, and keeps the result as bytecode.
pub(crate) fn compile<'js>(
    ctx: &Ctx<'js>,
    name: &str,
    source: &str,
    options: rquickjs::WriteOptions,
) -> rquickjs::Result<(Module<'js, Declared>, Bytecode)> {
    let module = Module::declare(ctx.clone(), name, source)?;
    let code = Bytecode(module.write(options)?.into_boxed_slice());
    Ok((module, code))
}

/// Throws what no `catch` of a script sees.
pub(crate) fn throw_uncatchable(ctx: &Ctx<'_>, message: &str) -> Error {
    match Exception::from_message(ctx.clone(), message) {
        Ok(exception) => {
            let value = exception.into_value();
            // SAFETY: `value` is an error object of this context, as the function asks; it only sets a flag
            // on the object.
            unsafe { qjs::JS_SetUncatchableError(ctx.as_raw().as_ptr(), value.as_raw()) };
            ctx.throw(value)
        }
        Err(error) => error,
    }
}

/// Lets `bytes` of garbage in cycles gather beyond what is alive now before the engine searches for it.
/// Gives how many bytes are alive.
pub(crate) fn set_garbage_threshold(ctx: &Ctx<'_>, bytes: u64) -> u64 {
    // SAFETY: `ctx` belongs to a living runtime that this thread has locked; the calls read and set numbers.
    unsafe {
        let runtime = qjs::JS_GetRuntime(ctx.as_raw().as_ptr());
        let mut usage = std::mem::MaybeUninit::<qjs::JSMemoryUsage>::zeroed();
        qjs::JS_ComputeMemoryUsage(runtime, usage.as_mut_ptr());
        let alive = u64::try_from(usage.assume_init().malloc_size).unwrap_or(0);
        qjs::JS_SetGCThreshold(runtime, alive + bytes);
        alive
    }
}

/// A copy of the bytes of an `ArrayBuffer` or a `Uint8Array`; nothing for other values.
pub(crate) fn bytes_of(value: &Value<'_>) -> Option<Vec<u8>> {
    let object = value.as_object()?;
    // SAFETY: it only looks at the object's class. Asked for its bytes, an object of another class would leave an
    // exception behind for whoever calls the engine next.
    if unsafe { qjs::JS_IsArrayBuffer(value.as_raw()) } {
        let buffer = ArrayBuffer::from_object(object.clone())?;
        // SAFETY: no script runs between the borrow and the copy.
        return unsafe { buffer.as_bytes() }.map(<[u8]>::to_vec);
    }
    let array = TypedArray::<u8>::from_object(object.clone()).ok()?;
    // SAFETY: as above.
    unsafe { array.as_bytes() }.map(<[u8]>::to_vec)
}

/// A copy of the bytes of an `ArrayBuffer`; nothing for other values.
pub(crate) fn buffer_bytes(value: &Value<'_>) -> Option<Vec<u8>> {
    let buffer = ArrayBuffer::from_object(value.as_object()?.clone())?;
    // SAFETY: as above.
    unsafe { buffer.as_bytes() }.map(<[u8]>::to_vec)
}

/// Adds parts of the language to a new context.
pub(crate) fn add_parts(ctx: &Ctx<'_>, parts: &[Part]) {
    let raw = ctx.as_raw();
    for part in parts {
        // SAFETY: the context is alive and locked, and each part is added once, before any code runs.
        unsafe {
            match part {
                Part::Date => intrinsic::Date::add_intrinsic(raw),
                Part::RegExp => {
                    intrinsic::RegExpCompiler::add_intrinsic(raw);
                    intrinsic::RegExp::add_intrinsic(raw);
                }
                Part::Json => intrinsic::Json::add_intrinsic(raw),
                Part::Proxy => intrinsic::Proxy::add_intrinsic(raw),
                Part::MapSet => intrinsic::MapSet::add_intrinsic(raw),
                Part::TypedArrays => intrinsic::TypedArrays::add_intrinsic(raw),
                Part::Performance => intrinsic::Performance::add_intrinsic(raw),
                Part::WeakRef => intrinsic::WeakRef::add_intrinsic(raw),
                Part::DomException => intrinsic::DOMException::add_intrinsic(raw),
            }
        }
    }
}
