//! A virtual user: an interpreter of its own on a stack of its own.

pub(crate) mod body;
pub(crate) mod error;
pub(crate) mod fiber;
mod globals;
mod group;
pub(crate) mod intrinsics;
mod loader;
pub(crate) mod state;
mod tasks;

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::api::host::{HostCall, Recorder, Reply, Step, Task};
use crate::script::Script;
use fiber::Fiber;
pub use group::VuPool;
use state::{In, Out};

/// Who a VU is, and the options that its functions need.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VuConfig {
    /// `__VU` and `exec.vu.idInInstance`; 0 for the VU that runs setup, teardown or handleSummary.
    pub id: u64,
    /// `exec.vu.idInTest` where it differs from `id`: in a segment of a test.
    pub id_in_test: Option<u64>,
    /// The option `throw`: failed requests throw.
    pub throw: bool,
    /// The option `discardResponseBodies`.
    pub discard_response_bodies: bool,
    /// The option `noCookiesReset`: the jar survives the iteration.
    pub no_cookies_reset: bool,
    /// The option `tags`, for what setup and teardown measure; scenarios bring theirs.
    pub tags: BTreeMap<String, String>,
    /// `systemTags` has `vu`: samples carry the VU's id as metadata.
    pub tag_vu: bool,
    /// `systemTags` has `iter`: samples carry the number of the VU's iteration as metadata.
    pub tag_iter: bool,
    /// Makes `Math.random` repeatable, as `randomSeed` of the module `k6` does.
    pub random_seed: Option<u32>,
}

/// Why a VU could not be made.
#[derive(Debug, Clone, thiserror::Error)]
pub enum VuError {
    /// No memory for its stack, or too many mappings (`vm.max_map_count`).
    #[error("cannot reserve the stack of a virtual user: {0}")]
    Stack(String),
    /// The engine could not be set up.
    #[error("cannot start a JavaScript engine: {0}")]
    Engine(String),
    /// The script's init code threw; k6's exit code 107.
    #[error("{}", .0.message)]
    Init(crate::ScriptException),
    /// The init code began something asynchronous that failed, and nobody waited for it; exit code 255, as in k6.
    #[error("{}", .0.message)]
    Unhandled(crate::ScriptException),
    /// `exec.test.abort()` in the init code; exit code 108.
    #[error("{reason}")]
    Aborted {
        /// `test aborted`, with the script's message.
        reason: String,
    },
    /// The init code runs for ever.
    #[error("the init code ran for more than {} s", INIT_SLICES_MAX / 100)]
    Endless,
}

/// Time slices of 10 ms that the init code may use.
const INIT_SLICES_MAX: usize = 6_000;

/// A virtual user. Belongs to the thread that made it.
#[derive(Debug)]
pub struct Vu {
    fiber: Fiber<In, Out>,
    busy: bool,
}

impl Vu {
    /// Makes a VU and runs the script's init code for it.
    ///
    /// # Errors
    /// When there is no memory for it, or the init code fails.
    pub fn new(script: &Script, config: VuConfig, recorder: Rc<dyn Recorder>) -> Result<Self, VuError> {
        Self::with_mode(script, config, recorder, body::Mode::Run)
    }

    pub(crate) fn with_mode(
        script: &Script,
        config: VuConfig,
        recorder: Rc<dyn Recorder>,
        mode: body::Mode,
    ) -> Result<Self, VuError> {
        let script = script.clone();
        let fiber =
            Fiber::new(|| In::Shutdown, move |port, _| body::run(script, config, recorder, port, &mode))
                .map_err(|e| VuError::Stack(e.to_string()))?;
        Self::begun(fiber)
    }

    /// Lets the init code run.
    fn begun(mut fiber: Fiber<In, Out>) -> Result<Self, VuError> {
        let mut input = In::Reply(Reply::Done);
        for _ in 0..INIT_SLICES_MAX {
            match fiber.resume(input) {
                Some(Out::Ready(result)) => return result.map(|()| Self { fiber, busy: false }),
                Some(Out::Step(Step::Call(HostCall::Yield))) => input = In::Reply(Reply::Done),
                Some(Out::Step(_)) => input = In::Reply(Reply::Interrupt),
                None => return Err(VuError::Engine("it ended before it was ready".to_owned())),
            }
        }
        Err(VuError::Endless)
    }

    /// Begins a task.
    ///
    /// # Panics
    /// When the VU is in the middle of another one.
    pub fn start(&mut self, task: Task) -> Step {
        assert!(!self.busy, "a virtual user does one thing at a time");
        self.go(In::Run(task))
    }

    /// Goes on with the answer to the last [`Step::Call`].
    ///
    /// # Panics
    /// When the VU did not ask anything.
    pub fn resume(&mut self, reply: Reply) -> Step {
        assert!(self.busy, "the virtual user waits for no answer");
        self.go(In::Reply(reply))
    }

    /// Whether it is in the middle of a task.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.busy
    }

    fn go(&mut self, input: In) -> Step {
        let step = match self.fiber.resume(input) {
            Some(Out::Step(step)) => step,
            Some(Out::Ready(_)) | None => {
                unreachable!("a ready virtual user answers with steps until it is dropped")
            }
        };
        self.busy = matches!(step, Step::Call(_));
        step
    }
}

/// For the first run of a script, which is only to look at it.
pub(crate) fn inspect_mode(notes: &Rc<std::cell::RefCell<body::Inspection>>) -> body::Mode {
    body::Mode::Inspect(Rc::clone(notes))
}
