//! `setTimeout` and its kin.

use std::rc::Rc;
use std::time::Duration;

use rquickjs::{Ctx, Function, Persistent, Result, Value};

use crate::api::host::{AsyncOp, HostCall, OpId, Reply};
use crate::vm::error::throw;
use crate::vm::state::{Pending, VuState};

/// Calls a timer's function, and starts the next round of an interval.
pub(crate) fn fire<'js>(
    ctx: &Ctx<'js>,
    state: &Rc<VuState>,
    id: OpId,
    callback: Persistent<Function<'static>>,
    args: Vec<Persistent<Value<'static>>>,
    every: Option<Duration>,
) -> Result<()> {
    let function = callback.clone().restore(ctx)?;
    let mut call = rquickjs::function::Args::new(ctx.clone(), args.len());
    for arg in &args {
        call.push_arg(arg.clone().restore(ctx)?)?;
    }
    if let Some(every) = every {
        // Before the call, so that the function may clear its own interval.
        state.pending.borrow_mut().insert(id, Pending::Timer { callback, args, every: Some(every) });
        match state.call(ctx, HostCall::Start(id, AsyncOp::Timer(every)))? {
            Reply::Done => {}
            _ => return Err(throw(ctx, "the engine did not start a timer")),
        }
    }
    function.call_arg(call)
}
