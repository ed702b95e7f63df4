//! What `k6/execution` is made of: who the VU is, and how the test stands.

use std::rc::Rc;

use rquickjs::function::Opt;
use rquickjs::{Ctx, IntoJs, Object, Result, Value};

use super::tags::tag_value;
use super::text::string_of;
use super::{NativeModule, add, given};
use crate::vm::error::{throw, throw_type};
use crate::vm::state::{Phase, VuState};

pub(crate) struct Execution;

impl NativeModule for Execution {
    const NAMES: &'static [&'static str] =
        &["abort", "fail", "info", "keys", "options", "read", "remove", "write"];

    fn build<'js>(ctx: &Ctx<'js>, state: &Rc<VuState>) -> Result<Object<'js>> {
        let object = Object::new(ctx.clone())?;
        let s = Rc::clone(state);
        add(&object, "info", move |ctx: Ctx<'js>, what: String| info(&ctx, &s, &what))?;
        let s = Rc::clone(state);
        add(&object, "abort", move |ctx: Ctx<'js>, why: Opt<Value<'js>>| -> Result<()> {
            let reason = reason("test aborted", why.0)?;
            *s.abort.borrow_mut() = Some(reason);
            s.cut.set(true);
            Err(s.cut_error(&ctx))
        })?;
        let s = Rc::clone(state);
        add(&object, "fail", move |ctx: Ctx<'js>, why: Opt<Value<'js>>| {
            if s.phase.get() == Phase::Init {
                return Err(throw(&ctx, "execution.test.fail() called outside of VU context"));
            }
            s.recorder.fail_test(&reason("test marked as failed", why.0)?);
            Ok(())
        })?;
        let s = Rc::clone(state);
        add(&object, "options", move |ctx: Ctx<'js>| {
            running(&ctx, &s, "getting test options")?;
            ctx.json_parse(s.recorder.options().as_bytes())
        })?;
        tags(&object, state)?;
        Ok(object)
    }
}

fn reason(prefix: &str, why: Option<Value<'_>>) -> Result<String> {
    match given(why) {
        None => Ok(prefix.to_owned()),
        Some(why) => Ok(format!("{prefix}: {}", string_of(&why)?)),
    }
}

fn running(ctx: &Ctx<'_>, state: &VuState, what: &str) -> Result<()> {
    match state.phase.get() {
        Phase::Running => Ok(()),
        Phase::Init => Err(throw(ctx, &format!("{what} in the init context is not supported"))),
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn info<'js>(ctx: &Ctx<'js>, state: &VuState, what: &str) -> Result<Value<'js>> {
    let subject = match what.split_once('.') {
        Some(("scenario", _)) => "getting scenario information outside of the VU context is not supported",
        Some(("vu", _)) => "getting VU information in the init context is not supported",
        _ => "getting instance information in the init context is not supported",
    };
    if state.phase.get() == Phase::Init {
        return Err(throw(ctx, subject));
    }
    let status = || state.recorder.status();
    let number = match what {
        "instance.currentTestRunDuration" => status().elapsed.as_secs_f64() * 1000.0,
        "instance.iterationsCompleted" => status().iterations_completed as f64,
        "instance.iterationsInterrupted" => status().iterations_interrupted as f64,
        "instance.vusActive" => status().vus_active as f64,
        "instance.vusInitialized" => status().vus_initialized as f64,
        "vu.idInInstance" => state.id.get() as f64,
        "vu.idInTest" => state.id_in_test.get() as f64,
        "vu.iterationInInstance" => state.iter.get().max(0) as f64,
        "vu.tags" => return Ok(Value::new_undefined(ctx.clone())),
        "vu.iterationInScenario" => state.iteration.borrow().as_ref().map_or(0.0, |i| i.in_scenario as f64),
        _ => return scenario(ctx, state, what, subject),
    };
    number.into_js(ctx)
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn scenario<'js>(ctx: &Ctx<'js>, state: &VuState, what: &str, subject: &str) -> Result<Value<'js>> {
    let iteration = state.iteration.borrow().clone();
    let Some(iteration) = iteration else { return Err(throw(ctx, subject)) };
    match what {
        "scenario.name" => iteration.scenario.name.as_ref().into_js(ctx),
        "scenario.executor" => iteration.scenario.executor.as_str().into_js(ctx),
        "scenario.startTime" => iteration.scenario.start_unix_ms.into_js(ctx),
        "scenario.progress" => state.recorder.status().scenario_progress.into_js(ctx),
        "scenario.iterationInInstance" => (iteration.in_instance as f64).into_js(ctx),
        "scenario.iterationInTest" => (iteration.in_test as f64).into_js(ctx),
        _ => Err(throw(ctx, &format!("there is no {what}"))),
    }
}

/// Reading and writing the VU's tags and metadata; `metadata` says which.
fn tags<'js>(object: &Object<'js>, state: &Rc<VuState>) -> Result<()> {
    let s = Rc::clone(state);
    add(object, "read", move |metadata: bool, name: String| {
        let context = s.context();
        let found = if metadata { context.metadata.get(&name) } else { context.tags.get(&name) };
        match (found, name.as_str(), metadata) {
            (Some(value), ..) => Some(value.clone()),
            (None, "group", false) => Some(context.group.to_string()),
            (None, "scenario", false) if !context.scenario.is_empty() => Some(context.scenario.to_string()),
            _ => None,
        }
    })?;
    let s = Rc::clone(state);
    add(object, "write", move |ctx: Ctx<'js>, metadata: bool, name: String, value: Value<'js>| {
        let text = match tag_value(&ctx, &name, &value) {
            Ok(text) => text,
            Err(error) => {
                let why = crate::vm::error::take(&ctx, &error).message;
                let why = why.trim_start_matches("GoError: ");
                let why = if metadata {
                    why.replace(" tag values", " metadata value").replace(" tag", " metadata")
                } else {
                    why.to_owned()
                };
                return Err(throw_type(&ctx, &why));
            }
        };
        s.set_tags(|t| match name.as_str() {
            _ if metadata => drop(t.metadata.insert(name, text)),
            "group" => t.group = text.as_str().into(),
            "scenario" => t.scenario = text.as_str().into(),
            _ => drop(t.tags.insert(name, text)),
        });
        Ok(())
    })?;
    let s = Rc::clone(state);
    add(object, "remove", move |metadata: bool, name: String| {
        s.set_tags(|t| match name.as_str() {
            _ if metadata => drop(t.metadata.remove(&name)),
            "scenario" => t.scenario = "".into(),
            _ => drop(t.tags.remove(&name)),
        });
    })?;
    let s = Rc::clone(state);
    add(object, "keys", move |metadata: bool| -> Vec<String> {
        let context = s.context();
        if metadata {
            return context.metadata.keys().cloned().collect();
        }
        let mut keys: Vec<String> = context.tags.keys().cloned().collect();
        keys.extend(
            ["group", "scenario"]
                .iter()
                .filter(|k| **k != "scenario" || !context.scenario.is_empty())
                .map(ToString::to_string),
        );
        keys
    })
}
