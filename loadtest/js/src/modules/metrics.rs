//! What `k6/metrics` is made of: declaring metrics and adding to them.

use std::rc::Rc;

use rquickjs::function::Opt;
use rquickjs::{Coerced, Ctx, Object, Result, Value};

use super::tags::tags_of;
use super::text::{Text, string_of};
use super::{NativeModule, add};
use crate::api::host::{MetricDef, MetricKind};
use crate::api::tags::SampleTags;
use crate::vm::error::throw;
use crate::vm::state::{Phase, VuState};

pub(crate) struct Metrics;

impl NativeModule for Metrics {
    const NAMES: &'static [&'static str] = &["record", "declare"];

    fn build<'js>(ctx: &Ctx<'js>, state: &Rc<VuState>) -> Result<Object<'js>> {
        let object = Object::new(ctx.clone())?;
        let s = Rc::clone(state);
        add(&object, "declare", move |ctx: Ctx<'js>, kind: u8, name: Text, is_time: bool| {
            declare(&ctx, &s, kind, name.0, is_time)
        })?;
        let s = Rc::clone(state);
        add(
            &object,
            "record",
            move |ctx: Ctx<'js>, name: String, value: Opt<Value<'js>>, tags: Opt<Value<'js>>| {
                record(&ctx, &s, &name, value.0, tags.0)
            },
        )?;
        Ok(object)
    }
}

use MetricKind::{Counter, Gauge, Rate, Trend};

/// k6's own metrics that a script may get hold of, and whether they measure time.
const BUILT_IN: &[(&str, MetricKind, bool)] = &[
    ("vus", Gauge, false),
    ("vus_max", Gauge, false),
    ("iterations", Counter, false),
    ("iteration_duration", Trend, true),
    ("dropped_iterations", Counter, false),
    ("checks", Rate, false),
    ("group_duration", Trend, true),
    ("http_reqs", Counter, false),
    ("http_req_failed", Rate, false),
    ("http_req_duration", Trend, true),
    ("http_req_blocked", Trend, true),
    ("http_req_connecting", Trend, true),
    ("http_req_tls_handshaking", Trend, true),
    ("http_req_sending", Trend, true),
    ("http_req_waiting", Trend, true),
    ("http_req_receiving", Trend, true),
];

/// Bytes of a metric's name after its first letter, at most.
const NAME_MAX: usize = 128;

fn declare(ctx: &Ctx<'_>, state: &VuState, kind: u8, name: String, is_time: bool) -> Result<String> {
    if state.phase.get() != Phase::Init {
        return Err(throw(ctx, "metrics must be declared in the init context"));
    }
    let kind = [Counter, Gauge, Rate, Trend][usize::from(kind.min(3))];
    let mut letters = name.chars();
    let valid = letters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && letters.all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.len() <= NAME_MAX + 1;
    if !valid {
        let why = format!(
            "Invalid metric name: '{name}'. Metric names must only include up to {NAME_MAX} ASCII letters, numbers, or \
             underscores and start with a letter or an underscore."
        );
        return Err(throw(ctx, &why));
    }
    let built_in = BUILT_IN.iter().find(|(n, ..)| *n == name).map(|&(_, kind, is_time)| (kind, is_time));
    let mut metrics = state.metrics.borrow_mut();
    let old = metrics.get(&name).map(|m| (m.kind, m.is_time)).or(built_in);
    if let Some((old, old_time)) = old {
        if old != kind {
            let why = format!(
                "metric '{name}' already exists but with type {}, instead of {}",
                word(old),
                word(kind)
            );
            return Err(throw(ctx, &why));
        }
        if old_time != is_time {
            let word = |time| if time { "time" } else { "default" };
            let why = format!(
                "metric '{name}' already exists but with a value type {}, instead of {}",
                word(old_time),
                word(is_time)
            );
            return Err(throw(ctx, &why));
        }
    }
    metrics.entry(name.clone()).or_insert_with(|| Rc::new(MetricDef { name: name.clone(), kind, is_time }));
    Ok(name)
}

fn word(kind: MetricKind) -> &'static str {
    match kind {
        Counter => "counter",
        Gauge => "gauge",
        Rate => "rate",
        Trend => "trend",
    }
}

fn record<'js>(
    ctx: &Ctx<'js>,
    state: &VuState,
    name: &str,
    value: Option<Value<'js>>,
    tags: Option<Value<'js>>,
) -> Result<bool> {
    if state.phase.get() == Phase::Init {
        return Err(throw(ctx, "Adding to metrics in the init context is not supported"));
    }
    let refuse = |why: String| {
        if state.config.throw {
            return Err(throw(ctx, &why));
        }
        state.warn(&why);
        Ok(false)
    };
    let Some(value) = value else {
        return refuse(format!(
            "no value was provided for metric '{name}', a number or a boolean value is expected"
        ));
    };
    let mut number = if value.is_null() { f64::NAN } else { value.get::<Coerced<f64>>()?.0 };
    if number == 0.0 && super::k6::truthy(&value) {
        number = 1.0;
    }
    if number.is_nan() {
        let shown = limited(&string_of(&value)?);
        return refuse(format!(
            "'{shown}' is an invalid value for metric '{name}', a number or a boolean value is expected"
        ));
    }
    let extra = tags_of(ctx, tags).map_err(|error| match error.is_exception() {
        true => {
            let why = crate::vm::error::take(ctx, &error).message;
            let why = why.trim_start_matches("GoError: ");
            throw(ctx, &format!("cannot add tags for the '{name}' custom metric: {why}"))
        }
        false => error,
    })?;
    let metric = state.metrics.borrow().get(name).cloned();
    if let Some(metric) = metric {
        state.recorder.sample(&metric, number, SampleTags { context: &state.context(), extra: &extra });
    }
    Ok(true)
}

/// Characters of a bad value that are shown.
const SHOWN_MAX: usize = 100;

fn limited(text: &str) -> String {
    let count = text.chars().count();
    if count < SHOWN_MAX {
        return text.to_owned();
    }
    let head: String = text.chars().take(SHOWN_MAX / 2).collect();
    let tail: String = text.chars().skip(count - SHOWN_MAX / 2).collect();
    format!("{head}... omitting {} characters ...{tail}", count - SHOWN_MAX)
}
