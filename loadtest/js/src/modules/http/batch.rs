//! `http.batch`: many requests at once.

use std::rc::Rc;

use rquickjs::function::Opt;
use rquickjs::{Array, Coerced, Ctx, Object, Result, Value};

use super::request::{self, Refusal};
use super::{Response, about, answer, only_running};
use crate::api::host::{HostCall, Reply};
use crate::api::http::HttpRequest;
use crate::modules::{add, given, text_of};
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
    let Some(object) = requests.as_object().filter(|o| !o.is_function()) else {
        return Err(throw(ctx, "invalid http.batch() argument type"));
    };
    let keys = match object.as_array() {
        Some(array) => (0..array.len()).map(|i| i.to_string()).collect(),
        None => object.keys::<String>().collect::<Result<Vec<_>>>()?,
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
            Err(refusal) => return refused(ctx, state, results, key, &refusal),
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

/// The whole batch is given up; only the request at fault has a response, which says so.
fn refused<'js>(
    ctx: &Ctx<'js>,
    state: &Rc<VuState>,
    results: Object<'js>,
    key: &str,
    refusal: &Refusal,
) -> Result<Value<'js>> {
    if state.config.throw {
        return Err(throw(ctx, &refusal.message));
    }
    state.warn(&format!("A batch request failed error=\"{}\"", refusal.message));
    results.set(key, Response::refused(refusal).into_value(ctx, state)?)?;
    Ok(results.into_value())
}

/// A URL, `[method, url, body, params]` or `{ method, url, body, params }`.
fn one<'js>(ctx: &Ctx<'js>, state: &Rc<VuState>, key: &str, entry: Value<'js>) -> Result<Parsed> {
    if let Some(parts) = entry.as_array() {
        if parts.len() < 2 {
            return Ok(Err(Refusal::new("invalid batch request")));
        }
        let method: Value = parts.get(0)?;
        let Some(method) = text_of(&method) else {
            return Ok(Err(Refusal::new(format!(
                "invalid method type '{}'",
                method.get::<Coerced<String>>()?.0
            ))));
        };
        return request::parse(ctx, state, &method, parts.get(1)?, parts.get(2)?, parts.get(3)?);
    }
    // What `http.url` makes is an object too, but one that is a URL.
    let described = entry.as_object().filter(|o| !(o.contains_key("clean_url").unwrap_or(false)));
    let Some(object) = described else { return request::parse(ctx, state, "GET", Some(entry), None, None) };
    if !object.contains_key("url")? {
        return Ok(Err(Refusal::new(format!("batch request {key} doesn't have a url key"))));
    }
    let mut body: Option<Value> = object.get("body")?;
    let method = match given(object.get("method")?) {
        None => "GET".to_owned(),
        Some(value) => match text_of(&value) {
            None => return Ok(Err(Refusal::new("invalid method type"))),
            Some(text) => {
                let method = text.to_uppercase();
                if method == "GET" || method == "HEAD" {
                    body = None;
                }
                method
            }
        },
    };
    request::parse(ctx, state, &method, object.get("url")?, body, object.get("params")?)
}
