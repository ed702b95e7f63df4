//! `http.batch`: many requests at once.

use std::rc::Rc;

use rquickjs::function::Opt;
use rquickjs::{Array, Ctx, Object, Result, Value};

use super::request::{self, Refusal};
use super::{Response, about, answer, only_running};
use crate::api::host::{HostCall, Reply};
use crate::api::http::HttpRequest;
use crate::modules::text::{MAP, go_type, is_instance, string_of};
use crate::modules::{add, text_of};
use crate::vm::error::throw;
use crate::vm::state::VuState;

pub(crate) fn install<'js>(object: &Object<'js>, state: &Rc<VuState>) -> Result<()> {
    let s = Rc::clone(state);
    add(object, "batch", move |ctx: Ctx<'js>, requests: Opt<Value<'js>>, more: Opt<Value<'js>>| {
        only_running(&ctx, &s, "Using batch")?;
        if more.0.is_some() {
            return Err(throw(&ctx, "http.batch() accepts only an array or an object of requests"));
        }
        match requests.0 {
            Some(requests) => batch(&ctx, &s, &requests),
            None => Err(throw(&ctx, "no argument was provided to http.batch()")),
        }
    })
}

type Parsed = std::result::Result<(HttpRequest, bool), Refusal>;

fn batch<'js>(ctx: &Ctx<'js>, state: &Rc<VuState>, requests: &Value<'js>) -> Result<Value<'js>> {
    let kind = go_type(requests);
    let listed;
    let object = match requests.as_object() {
        Some(set) if is_instance(requests, "Set") => {
            let from: rquickjs::Function = ctx.globals().get::<_, Object>("Array")?.get("from")?;
            listed = from.call::<_, Object>((set.clone(),))?;
            &listed
        }
        Some(object) if object.is_array() || kind == MAP => object,
        _ => return Err(throw(ctx, &format!("invalid http.batch() argument type {kind}"))),
    };
    let keys = match object.as_array() {
        Some(array) => (0..array.len()).map(|i| i.to_string()).collect(),
        None => {
            let mut keys = object.keys::<String>().collect::<Result<Vec<_>>>()?;
            // As k6 gives them back.
            keys.sort();
            keys
        }
    };
    let results =
        if object.is_array() { Array::new(ctx.clone())?.into_object() } else { Object::new(ctx.clone())? };
    let mut abouts = Vec::new();
    let mut calls = Vec::new();
    for key in &keys {
        match one(ctx, state, key, object.get(key.as_str())?)? {
            Ok((request, throws)) => {
                abouts.push(about(state, &request, throws));
                calls.push(request);
            }
            Err(refusal) => return refused(ctx, state, results, (&keys, key), &refusal),
        }
    }
    if calls.is_empty() {
        return Ok(results.into_value());
    }
    let Reply::Batch(responses) = state.call(ctx, HostCall::Batch(calls))? else {
        return Err(throw(ctx, "the engine gave no responses to a batch"));
    };
    if responses.len() != keys.len() {
        return Err(throw(ctx, "the engine gave the wrong number of responses to a batch"));
    }
    for ((key, about), response) in keys.iter().zip(&abouts).zip(responses) {
        results.set(key.as_str(), answer(ctx, state, about, response)?)?;
    }
    Ok(results.into_value())
}

/// The whole batch is given up; only the request at fault has a response that says so, those of the others are empty.
fn refused<'js>(
    ctx: &Ctx<'js>,
    state: &Rc<VuState>,
    results: Object<'js>,
    (keys, key): (&[String], &str),
    refusal: &Refusal,
) -> Result<Value<'js>> {
    if state.config.throw {
        return Err(throw(ctx, &refusal.message));
    }
    state.warn(&format!("A batch request failed error={}", refusal.message));
    let nothing = Refusal::new("");
    for other in keys {
        let refusal = if other == key { refusal } else { &nothing };
        results.set(other.as_str(), Response::refused(refusal).into_value(ctx, state)?)?;
    }
    Ok(results.into_value())
}

/// A URL, `[method, url, body, params]` or `{ method, url, body, params }`.
fn one<'js>(ctx: &Ctx<'js>, state: &Rc<VuState>, key: &str, entry: Value<'js>) -> Result<Parsed> {
    if let Some(parts) = entry.as_array() {
        if parts.len() < 2 {
            let shown = parts.iter::<Value>().map(|part| string_of(&part?)).collect::<Result<Vec<_>>>()?;
            let shown: Vec<String> = shown.iter().map(|part| format!("{part:?}")).collect();
            let shown = shown.join(", ");
            return Ok(Err(Refusal::new(format!("invalid batch request '[]interface {{}}{{{shown}}}'"))));
        }
        let method: Value = parts.get(0)?;
        let Some(method) = text_of(&method) else {
            return Ok(Err(Refusal::new(format!("invalid method type '{}'", shown(&method)?))));
        };
        return request::parse(ctx, state, &method, parts.get(1)?, parts.get(2)?, parts.get(3)?);
    }
    // What `http.url` makes is an object too, but one that is a URL.
    let described =
        entry.as_object().filter(|o| !o.is_function() && !o.contains_key("clean_url").unwrap_or(false));
    let Some(object) = described else { return request::parse(ctx, state, "GET", Some(entry), None, None) };
    if !object.contains_key("url")? {
        return Ok(Err(Refusal::new(format!("batch request {key} doesn't have a url key"))));
    }
    let mut body: Option<Value> = object.get("body")?;
    let method: Value = object.get("method")?;
    let method = match text_of(&method) {
        None if !object.contains_key("method")? => "GET".to_owned(),
        None => return Ok(Err(Refusal::new(format!("invalid method type '{}'", shown(&method)?)))),
        Some(text) => {
            let method = text.to_uppercase();
            if method == "GET" || method == "HEAD" {
                body = None;
            }
            method
        }
    };
    request::parse(ctx, state, &method, object.get("url")?, body, object.get("params")?)
}

fn shown(value: &Value<'_>) -> Result<String> {
    if value.is_null() || value.is_undefined() { Ok("<nil>".to_owned()) } else { string_of(value) }
}
