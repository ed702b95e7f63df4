//! What a script finds in its global scope besides the language.

use std::collections::BTreeMap;
use std::rc::Rc;

use rquickjs::{Ctx, Object, Result};

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
    if has("__ENV") {
        set_env(ctx, state, &BTreeMap::new())?;
    }
    if has("__VU") {
        globals.set("__VU", state.config.id)?;
    }
    if has("GoError") {
        globals.set("GoError", crate::vm::error::go_error(ctx)?)?;
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

/// Makes `__ENV` anew: the script's variables with the scenario's over them.
pub(crate) fn set_env(ctx: &Ctx<'_>, state: &VuState, scenario: &BTreeMap<String, String>) -> Result<()> {
    let env = Object::new(ctx.clone())?;
    for (key, value) in state.script.env().iter().chain(scenario) {
        env.set(key.as_str(), value.as_str())?;
    }
    ctx.globals().set("__ENV", env)
}
