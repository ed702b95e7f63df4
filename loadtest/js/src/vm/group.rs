//! An interpreter for several VUs of one thread. Each has a stack of its own and an instance of the script's module
//! of its own, and so all that the script can change; the language, the host's functions and our own modules are
//! there once. Only scripts that cannot tell the difference are run so; see `shareable`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use rquickjs::Ctx;

use crate::api::host::Recorder;
use crate::script::{Code, Script};
use crate::vm::fiber::park::{self, Anchor, Plan};
use crate::vm::fiber::{self, Fiber};
use crate::vm::state::{In, Out, Own, VuState};
use crate::vm::{Vu, body, error};
use crate::{VuConfig, VuError};

/// VUs of one interpreter, at most: what they share costs each of them little by then.
const MEMBERS_MAX: usize = 128;

/// And that many in any case.
const MEMBERS_MIN: usize = 4;

/// Bytes of the engine's heap beyond which an interpreter takes no more VUs: the search for garbage in cycles looks at
/// all of it at once, at about a megabyte in a millisecond.
const HEAP_BYTES: u64 = 1024 * 1024;

/// Bytes of garbage in cycles before the engine looks for it.
const GARBAGE_BYTES: u64 = 256 * 1024;

/// Makes the VUs of one thread, several to an interpreter.
#[derive(Debug)]
pub struct VuPool {
    script: Script,
    /// Where there may still be room.
    group: RefCell<Option<Rc<Group>>>,
}

impl VuPool {
    /// Of a script that is [shareable](Script::shareable).
    #[must_use]
    pub fn new(script: &Script) -> Self {
        Self { script: script.clone(), group: RefCell::default() }
    }

    /// Makes a VU and runs the script's init code for it. It does what [`Vu::new`] would make do.
    ///
    /// # Errors
    /// See there.
    pub fn vu(&self, config: VuConfig, recorder: Rc<dyn Recorder>) -> Result<Vu, VuError> {
        if config.random_seed.is_some() {
            return Vu::new(&self.script, config, recorder);
        }
        let known = self.group.borrow().clone().filter(|group| group.takes(&config));
        let group = match known {
            Some(group) => group,
            None => {
                let group = Rc::new(Group::new(&self.script, config.clone())?);
                *self.group.borrow_mut() = Some(Rc::clone(&group));
                group
            }
        };
        Vu::begun(group.vu(&config, recorder)?)
    }
}

struct Group {
    anchor: Anchor,
    state: Rc<VuState>,
    /// VUs so far. Their modules stay until the interpreter goes, so that a place is used once.
    made: Cell<usize>,
    room: Cell<usize>,
    /// Bytes of the heap with the first VU, which has brought in what all share.
    common: Cell<u64>,
}

impl std::fmt::Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Group").field("made", &self.made).field("room", &self.room).finish_non_exhaustive()
    }
}

impl Group {
    fn new(script: &Script, config: VuConfig) -> Result<Self, VuError> {
        let state = Rc::new(VuState::shared(script.clone(), config));
        let [maker, preparer, interrupted, released] = std::array::from_fn(|_| Rc::clone(&state));
        let anchor = Anchor::new(Plan {
            make: Box::new(move || body::engine(&maker)),
            prepare: Box::new(move |ctx| body::prepare(ctx, &preparer)),
            interrupt: Box::new(move || interrupted.interrupt()),
            release: Box::new(move || released.release()),
        })?;
        Ok(Self { anchor, state, made: Cell::new(0), room: Cell::new(MEMBERS_MAX), common: Cell::new(0) })
    }

    fn takes(&self, config: &VuConfig) -> bool {
        let own = &self.state.config;
        self.made.get() < self.room.get()
            && *own == VuConfig { id: own.id, id_in_test: own.id_in_test, ..config.clone() }
    }

    /// A stack that begins with the init code.
    fn vu(self: &Rc<Self>, config: &VuConfig, recorder: Rc<dyn Recorder>) -> Result<Fiber<In, Out>, VuError> {
        // Its lowest frame will point to what is current now.
        self.anchor.reset();
        self.made.set(self.made.get() + 1);
        let inner = Rc::clone(self);
        let fiber =
            Fiber::new(|| In::Shutdown, move |port, _| inner.anchor.enter(port, |ctx| inner.live(ctx)))
                .map_err(|e| VuError::Stack(e.to_string()))?;
        let own = Own::new(config, recorder);
        own.set_port(fiber.port());
        // Keeps the interpreter for as long as there is the stack.
        let group = Rc::clone(self);
        Ok(fiber.around(move || group.state.exchange(&own)))
    }

    fn live(&self, ctx: &Ctx<'_>) {
        let state = &self.state;
        let port = state.port();
        // Modules are only loaded here, before any code of the script runs, and so before another VU can.
        state.instance.set(Some(self.made.get()));
        let exports = state
            .script
            .code(&state.script.entry())
            .map_err(|why| error::throw(ctx, &why))
            .and_then(|code| match &*code {
                Code::Bytecode(code) => park::instance(ctx, code),
                Code::Source(_) => Err(error::throw(ctx, "the script has not been compiled")),
            })
            .and_then(|(exports, promise)| {
                body::await_module(ctx, &promise)?;
                promise.result::<rquickjs::Value>().transpose()?;
                Ok(Some(exports))
            });
        match body::initialised(ctx, state, exports) {
            Ok(exports) => {
                self.measure(ctx);
                body::serve(ctx, state, exports);
            }
            Err(e) => {
                state.rejections.borrow_mut().clear();
                drop(port.suspend(Out::Ready(Err(e))));
            }
        }
    }

    /// Looks now and then how much room there is; each look goes over the whole heap.
    fn measure(&self, ctx: &Ctx<'_>) {
        let made = self.made.get();
        if !made.is_power_of_two() {
            return;
        }
        ctx.run_gc();
        let alive = fiber::set_garbage_threshold(ctx, GARBAGE_BYTES);
        if made == 1 {
            return self.common.set(alive);
        }
        let common = self.common.get();
        let each = alive.saturating_sub(common) / (made as u64 - 1);
        let room = 1 + HEAP_BYTES.saturating_sub(common) / each.max(1);
        self.room.set(usize::try_from(room).unwrap_or(MEMBERS_MAX).clamp(MEMBERS_MIN, MEMBERS_MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::host::{HostCall, Step};
    use crate::{Source, Unrecorded};

    fn group() -> Rc<Group> {
        let text = "export default function () {}".to_owned();
        let source = Source::Text { text, name: "k6.js".to_owned(), directory: "/".into() };
        let script = Script::load(source, Default::default(), Rc::new(Unrecorded::default())).expect("loads");
        Rc::new(Group::new(&script, VuConfig::default()).expect("an interpreter"))
    }

    #[test]
    fn a_vu_that_cannot_be_ended_keeps_its_interpreter() {
        let group = group();
        let weak = Rc::downgrade(&group);
        let inner = Rc::clone(&group);
        group.anchor.reset();
        let mut stubborn = Fiber::new(
            || In::Shutdown,
            move |port, _| {
                inner.anchor.enter(port, |_| {
                    loop {
                        drop(port.suspend(Out::Step(Step::Call(HostCall::Yield))));
                    }
                });
            },
        )
        .expect("a stack");
        assert!(stubborn.resume(In::Shutdown).is_some());
        drop(stubborn);
        // Others go on, and come, as if nothing had happened.
        let recorder = || Rc::new(Unrecorded::default());
        let vu =
            |id| Vu::begun(group.vu(&VuConfig { id, ..VuConfig::default() }, recorder()).expect("a stack"));
        let (first, second) = (vu(1).expect("a VU"), vu(2).expect("a VU"));
        drop((first, second, group));
        assert!(weak.upgrade().is_some(), "its frames are still in use");
    }

    #[test]
    fn an_interpreter_goes_with_its_last_vu() {
        let group = group();
        let weak = Rc::downgrade(&group);
        let recorder = Rc::new(Unrecorded::default());
        let vu = Vu::begun(group.vu(&VuConfig::default(), recorder).expect("a stack")).expect("a VU");
        drop(group);
        assert!(weak.upgrade().is_some());
        drop(vu);
        assert!(weak.upgrade().is_none());
    }
}
