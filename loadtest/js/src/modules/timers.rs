//! `setTimeout` and its kin.

use std::rc::Rc;
use std::time::Duration;

use rquickjs::function::{Opt, Rest};
use rquickjs::{Coerced, Ctx, Function, Object, Persistent, Result, Value};

use super::{NativeModule, add};

use crate::api::host::{AsyncOp, HostCall, OpId, Reply};
use crate::vm::error::{throw, throw_type};
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

/// What the functions of the global scope and of `k6/timers` are made of.
pub(crate) struct Timers;

impl NativeModule for Timers {
    const NAMES: &'static [&'static str] = &["clearInterval", "clearTimeout", "setInterval", "setTimeout"];

    fn build<'js>(ctx: &Ctx<'js>, state: &Rc<VuState>) -> Result<Object<'js>> {
        let object = Object::new(ctx.clone())?;
        for (name, repeats) in [("setTimeout", false), ("setInterval", true)] {
            let s = Rc::clone(state);
            add(
                &object,
                name,
                move |ctx: Ctx<'js>,
                      function: Opt<Value<'js>>,
                      ms: Opt<Coerced<f64>>,
                      args: Rest<Value<'js>>| {
                    let Some(function) = function.0.and_then(Value::into_function) else {
                        return Err(throw_type(
                            &ctx,
                            &format!("{name}'s callback isn't a callable function"),
                        ));
                    };
                    let ms = ms.0.map_or(0.0, |ms| ms.0);
                    let time = Duration::try_from_secs_f64(ms / 1000.0).unwrap_or(Duration::ZERO);
                    // An interval of nothing would never let anything else happen.
                    let time = if repeats { time.max(Duration::from_millis(1)) } else { time };
                    let pending = Pending::Timer {
                        callback: Persistent::save(&ctx, function),
                        args: args.0.into_iter().map(|arg| Persistent::save(&ctx, arg)).collect(),
                        every: repeats.then_some(time),
                    };
                    s.start(&ctx, AsyncOp::Timer(time), pending)
                },
            )?;
        }
        for name in ["clearTimeout", "clearInterval"] {
            let s = Rc::clone(state);
            add(&object, name, move |ctx: Ctx<'js>, id: Opt<Coerced<f64>>| -> Result<()> {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "the cast saturates"
                )]
                let id = id.0.map_or(0.0, |id| id.0) as OpId;
                let is_timer = matches!(s.pending.borrow().get(&id), Some(Pending::Timer { .. }));
                if is_timer {
                    s.pending.borrow_mut().remove(&id);
                    s.call(&ctx, HostCall::Cancel(id))?;
                }
                Ok(())
            })?;
        }
        Ok(object)
    }
}

/// The functions' names.
pub(crate) const NAMES: &[&str] = Timers::NAMES;

/// Puts the timers into the global scope.
pub(crate) fn install(ctx: &Ctx<'_>, state: &Rc<VuState>) -> Result<()> {
    let timers = Timers::build(ctx, state)?;
    for name in Timers::NAMES {
        if state.script.mentions(name) {
            ctx.globals().set(*name, timers.get::<_, Value>(*name)?)?;
        }
    }
    Ok(())
}
