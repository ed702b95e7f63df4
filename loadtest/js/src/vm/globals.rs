//! What a script finds in its global scope besides the language.

use std::collections::BTreeMap;
use std::rc::Rc;

use rquickjs::object::Accessor;
use rquickjs::{Ctx, Exception, Object, Persistent, Result};

use crate::Scenario;
use crate::modules;
use crate::vm::state::VuState;

/// Globals of newer or other engines than k6's.
const NOT_IN_K6: &[&str] = &[
    "Atomics",
    "DOMException",
    "DisposableStack",
    "FinalizationRegistry",
    "Float16Array",
    "InternalError",
    "Iterator",
    "SharedArrayBuffer",
    "SuppressedError",
    "WeakRef",
    "performance",
    "queueMicrotask",
];

/// Sets the globals that the script may use.
pub(crate) fn install(ctx: &Ctx<'_>, state: &Rc<VuState>) -> Result<()> {
    let globals = ctx.globals();
    let has = |word: &str| state.script.mentions(word);
    if state.is_shared() {
        install_shared(ctx, state)?;
    } else {
        if has("__ENV") {
            set_env(ctx, state, &BTreeMap::new())?;
        }
        if has("__VU") {
            globals.set("__VU", state.id.get())?;
        }
    }
    if has("GoError") {
        globals.set("GoError", crate::vm::error::go_error_class(ctx)?)?;
    }
    // Parts of the language that k6's has not, so that a script that asks is told the same.
    for name in NOT_IN_K6.iter().filter(|name| has(name)) {
        globals.remove(*name)?;
    }
    if modules::timers::NAMES.iter().any(|name| has(name)) {
        modules::timers::install(ctx, state)?;
    }
    if has("console") {
        modules::console::install(ctx, state)?;
    }
    // k6's other name for the global object, which libraries look for.
    if has("global") {
        globals.set("global", globals.clone())?;
    }
    if let Some(seed) = state.config.random_seed {
        modules::random::seed(ctx, i64::from(seed))?;
    }
    modules::web::install(ctx, state)?;
    if has("open") || has("require") {
        modules::commonjs::install(ctx, state)?;
    }
    Ok(())
}

/// What differs from VU to VU is asked of the one that runs.
fn install_shared(ctx: &Ctx<'_>, state: &Rc<VuState>) -> Result<()> {
    let globals = ctx.globals();
    if state.script.mentions("__VU") {
        let s = Rc::clone(state);
        globals.prop("__VU", Accessor::from(move || s.id.get()))?;
    }
    if state.script.mentions("__ITER") {
        let s = Rc::clone(state);
        globals.prop("__ITER", Accessor::from(move |ctx| iteration_number(&ctx, &s)))?;
    }
    if state.script.mentions("__ENV") {
        let s = Rc::clone(state);
        globals.prop("__ENV", Accessor::from(move |ctx| shared_env(&ctx, &s)))?;
    }
    Ok(())
}

/// `__ITER`, which is not there before the first iteration.
fn iteration_number(ctx: &Ctx<'_>, state: &VuState) -> Result<i64> {
    match state.iter.get() {
        ..0 => Err(Exception::throw_reference(ctx, "__ITER is not defined")),
        iter => Ok(iter),
    }
}

/// `__ENV` of the VU that runs. The VUs of a scenario have the same one, which their script only reads.
fn shared_env<'js>(ctx: &Ctx<'js>, state: &VuState) -> Result<Object<'js>> {
    let scenario = state.iteration.borrow().as_ref().map(|iteration| Rc::clone(&iteration.scenario));
    let same =
        |other: &Option<Rc<Scenario>>| other.as_ref().map(Rc::as_ptr) == scenario.as_ref().map(Rc::as_ptr);
    let known = state.environments.borrow().iter().find(|(other, _)| same(other)).map(|(_, env)| env.clone());
    if let Some(env) = known {
        return env.restore(ctx);
    }
    let none = BTreeMap::new();
    let env = env(ctx, state, scenario.as_ref().map_or(&none, |scenario| &scenario.env))?;
    state.environments.borrow_mut().push((scenario, Persistent::save(ctx, env.clone())));
    Ok(env)
}

/// Makes `__ENV` anew: the script's variables with the scenario's over them.
pub(crate) fn set_env(ctx: &Ctx<'_>, state: &VuState, scenario: &BTreeMap<String, String>) -> Result<()> {
    ctx.globals().set("__ENV", env(ctx, state, scenario)?)
}

fn env<'js>(ctx: &Ctx<'js>, state: &VuState, scenario: &BTreeMap<String, String>) -> Result<Object<'js>> {
    let env = Object::new(ctx.clone())?;
    for (key, value) in state.script.env().iter().chain(scenario) {
        env.set(key.as_str(), value.as_str())?;
    }
    Ok(env)
}
