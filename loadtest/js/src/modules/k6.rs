//! The module `k6`: check, fail, group, randomSeed, sleep.

use std::rc::Rc;
use std::time::Duration;

use rquickjs::function::Opt;
use rquickjs::{Coerced, Ctx, Object, Result, Value};

use super::tags::tags_of;
use super::text::Text;
use super::{NativeModule, add, given};
use crate::api::host::HostCall;
use crate::api::tags::SampleTags;
use crate::vm::error::{throw, throw_type};
use crate::vm::state::{Phase, VuState};

/// Separates the names of nested groups, so no name may hold it.
const SEPARATOR: &str = "::";

pub(crate) struct K6;

impl NativeModule for K6 {
    const NAMES: &'static [&'static str] = &["check", "fail", "group", "randomSeed", "sleep"];

    fn build<'js>(ctx: &Ctx<'js>, state: &Rc<VuState>) -> Result<Object<'js>> {
        let object = Object::new(ctx.clone())?;
        // Only what the script mentions is made: each function costs every VU memory.
        for name in Self::NAMES.iter().filter(|name| state.script.mentions_member(name)) {
            install(&object, name, Rc::clone(state))?;
        }
        Ok(object)
    }
}

fn install<'js>(object: &Object<'js>, name: &str, s: Rc<VuState>) -> Result<()> {
    match name {
        "check" => add(
            object,
            name,
            move |ctx: Ctx<'js>, value: Opt<Value<'js>>, sets: Opt<Value<'js>>, tags: Opt<Value<'js>>| {
                check(&ctx, &s, value.0, sets.0, tags.0)
            },
        ),
        "fail" => add(object, name, |ctx: Ctx<'js>, message: Opt<Text>| -> Result<()> {
            Err(throw(&ctx, &message.0.unwrap_or_default().0))
        }),
        "group" => add(object, name, move |ctx: Ctx<'js>, name: Opt<Text>, function: Opt<Value<'js>>| {
            group(&ctx, &s, &name.0.unwrap_or_default().0, function.0)
        }),
        "randomSeed" => add(object, name, |ctx: Ctx<'js>, seed: Opt<Coerced<f64>>| {
            random_seed(&ctx, seed.0.map_or(0.0, |s| s.0))
        }),
        _ => add(object, name, move |ctx: Ctx<'js>, seconds: Opt<Coerced<f64>>| {
            sleep(&ctx, &s, seconds.0.map_or(0.0, |s| s.0))
        }),
    }
}

/// What the asynchronous check of the helpers reports through.
pub(crate) struct Report;

impl NativeModule for Report {
    const NAMES: &'static [&'static str] = &["report"];

    fn build<'js>(ctx: &Ctx<'js>, state: &Rc<VuState>) -> Result<Object<'js>> {
        let object = Object::new(ctx.clone())?;
        let s = Rc::clone(state);
        add(&object, "report", move |ctx: Ctx<'js>, name: String, passed: bool, tags: Opt<Value<'js>>| {
            let extra = tags_of(&ctx, tags.0)?;
            s.record_check(&name, passed, &s.context(), &extra);
            Ok::<_, rquickjs::Error>(())
        })?;
        Ok(object)
    }
}

/// Years that are as good as for ever, in seconds.
const SLEEP_MAX_S: f64 = 1e9;

fn sleep(ctx: &Ctx<'_>, state: &VuState, seconds: f64) -> Result<()> {
    // In init code it would only delay the start of every VU.
    if seconds > 0.0 && state.phase.get() != Phase::Init {
        let time = Duration::from_secs_f64(seconds.min(SLEEP_MAX_S));
        state.call(ctx, HostCall::Sleep(time))?;
    }
    Ok(())
}

fn check<'js>(
    ctx: &Ctx<'js>,
    state: &VuState,
    value: Option<Value<'js>>,
    sets: Option<Value<'js>>,
    tags: Option<Value<'js>>,
) -> Result<bool> {
    if state.phase.get() == Phase::Init {
        return Err(throw(ctx, "Using check() in the init context is not supported"));
    }
    let Some(sets) = sets else { return Err(throw(ctx, "no checks provided to `check`")) };
    if sets.is_undefined() || sets.is_null() {
        return Err(throw_type(ctx, "Cannot convert undefined or null to object"));
    }
    let context = state.context();
    let extra = tags_of(ctx, tags)?;
    let value = value.unwrap_or_else(|| Value::new_undefined(ctx.clone()));
    let mut all = true;
    let Some(sets) = sets.as_object() else { return Ok(true) };
    for set in sets.props::<String, Value>() {
        let (name, test) = set?;
        if name.contains(SEPARATOR) {
            return Err(throw(ctx, "group and check names may not contain '::'"));
        }
        if is_async(state, &test)? {
            return Err(throw(
                ctx,
                "the built-in check() does not support async functions as arguments. Use the JavaScript utils \
                 library as a replacement. Refer to \
                 https://grafana.com/docs/k6/latest/javascript-api/jslib/utils/check/ for more info",
            ));
        }
        let result = match test.as_function() {
            Some(function) => function.call::<_, Value>((value.clone(),)),
            None => Ok(test),
        };
        let passed = result.as_ref().is_ok_and(truthy);
        if state.still_measures() {
            state.record_check(&name, passed, &context, &extra);
        }
        result?;
        all &= passed;
    }
    Ok(all)
}

fn group<'js>(
    ctx: &Ctx<'js>,
    state: &VuState,
    name: &str,
    function: Option<Value<'js>>,
) -> Result<Value<'js>> {
    if state.phase.get() == Phase::Init {
        return Err(throw(ctx, "Using group() in the init context is not supported"));
    }
    let function = given(function).and_then(|f| f.into_function());
    let Some(function) = function else {
        return Err(throw(ctx, "group() requires a callback as a second argument"));
    };
    if is_async(state, &function)? {
        return Err(throw(
            ctx,
            "group() does not support async functions as arguments, please see \
             https://grafana.com/docs/k6/latest/javascript-api/k6/group/ for more info",
        ));
    }
    if name.contains(SEPARATOR) {
        return Err(throw(ctx, "group and check names may not contain '::'"));
    }
    let outer = Rc::clone(&state.tags.borrow().group);
    let inner: Rc<str> = format!("{outer}{SEPARATOR}{name}").into();
    state.set_tags(|tags| tags.group = Rc::clone(&inner));
    let start = state.recorder.now();
    let result = function.call::<_, Value>(());
    if state.still_measures() {
        let duration = state.recorder.now().saturating_sub(start);
        state.recorder.group(duration, SampleTags { context: &state.context(), extra: &[] });
    }
    state.set_tags(|tags| tags.group = outer);
    result
}

/// Whether a function is declared `async`, as its constructor says.
fn is_async<'js>(state: &VuState, value: &Value<'js>) -> Result<bool> {
    let Some(function) = value.as_function() else { return Ok(false) };
    if !state.has_async {
        return Ok(false);
    }
    let Some(constructor) = function.get::<_, Option<Object>>("constructor")? else { return Ok(false) };
    Ok(constructor.get::<_, Option<Coerced<String>>>("name")?.is_some_and(|n| n.0 == "AsyncFunction"))
}

/// JavaScript's idea of truth.
pub(crate) fn truthy(value: &Value<'_>) -> bool {
    value.get::<Coerced<bool>>().is_ok_and(|b| b.0)
}

/// Whole numbers only; `NaN` counts as 0.
fn random_seed(ctx: &Ctx<'_>, seed: f64) -> Result<()> {
    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
    let seed = seed as i64;
    super::random::seed(ctx, seed)
}
