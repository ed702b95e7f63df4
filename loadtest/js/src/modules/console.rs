//! The global `console`.

use std::rc::Rc;

use rquickjs::function::Rest;
use rquickjs::{Coerced, Ctx, Object, Result, Value};

use super::add;
use crate::api::host::LogLevel;
use crate::vm::state::VuState;

pub(crate) fn install(ctx: &Ctx<'_>, state: &Rc<VuState>) -> Result<()> {
    let console = Object::new(ctx.clone())?;
    for (name, level) in [
        ("log", LogLevel::Info),
        ("info", LogLevel::Info),
        ("debug", LogLevel::Debug),
        ("warn", LogLevel::Warn),
        ("error", LogLevel::Error),
    ] {
        method(&console, state, name, level)?;
    }
    ctx.globals().set("console", console)
}

fn method<'js>(console: &Object<'js>, state: &Rc<VuState>, name: &str, level: LogLevel) -> Result<()> {
    let state = Rc::clone(state);
    add(console, name, move |values: Rest<Value<'js>>| -> Result<()> {
        let mut message = String::new();
        for (i, value) in values.0.iter().enumerate() {
            if i > 0 {
                message.push(' ');
            }
            write(&mut message, value)?;
        }
        state.recorder.log(level, &message, "console");
        Ok(())
    })
}

/// Objects within objects that are shown; a VU's stack is small.
const DEPTH_MAX: usize = 64;

/// A value at the top level: as `String()` says, but objects with their contents.
fn write<'js>(out: &mut String, value: &Value<'js>) -> Result<()> {
    match value.as_object() {
        Some(object) => nested(out, object, &mut Vec::new()),
        None => {
            out.push_str(&string_of(value)?);
            Ok(())
        }
    }
}

fn nested<'js>(out: &mut String, object: &Object<'js>, seen: &mut Vec<Object<'js>>) -> Result<()> {
    if object.is_function() {
        out.push_str("[object Function]");
    } else if seen.len() >= DEPTH_MAX {
        out.push_str("[...]");
    } else if seen.contains(object) {
        out.push_str("[Circular]");
    } else if object.is_error() {
        out.push_str(&string_of(object.as_value())?);
    } else if let Some(bytes) = super::bytes_of(object.as_value()) {
        binary(out, object, &bytes)?;
    } else {
        seen.push(object.clone());
        let response = super::http::shown(object)?;
        let result = contents(out, response.as_ref().unwrap_or(object), seen);
        seen.pop();
        result?;
    }
    Ok(())
}

fn contents<'js>(out: &mut String, object: &Object<'js>, seen: &mut Vec<Object<'js>>) -> Result<()> {
    if let Some(array) = object.as_array() {
        out.push('[');
        for (i, item) in array.iter::<Value>().enumerate() {
            out.push_str(if i > 0 { ", " } else { " " });
            inner(out, &item?, seen)?;
        }
        out.push_str(if array.is_empty() { "]" } else { " ]" });
        return Ok(());
    }
    let mut empty = true;
    for entry in object.props::<String, Value>() {
        let (key, value) = entry?;
        out.push_str(if empty { "{ " } else { ", " });
        out.push_str(&key);
        out.push_str(": ");
        inner(out, &value, seen)?;
        empty = false;
    }
    if !empty {
        out.push_str(" }");
        return Ok(());
    }
    // A date has no properties of its own.
    match object.get::<_, Option<rquickjs::Function>>("toISOString") {
        Ok(Some(to_iso)) => {
            let text: String = to_iso.call((rquickjs::function::This(object.clone()),))?;
            out.push('"');
            out.push_str(&text);
            out.push('"');
        }
        _ => out.push_str("{}"),
    }
    Ok(())
}

/// A value inside another one: strings are quoted, and what is not there is `null`.
fn inner<'js>(out: &mut String, value: &Value<'js>, seen: &mut Vec<Object<'js>>) -> Result<()> {
    if value.is_undefined() || value.is_null() {
        out.push_str("null");
    } else if let Some(object) = value.as_object() {
        nested(out, object, seen)?;
    } else if let Some(text) = super::text_of(value) {
        out.push_str(&serde_json::Value::from(text).to_string());
    } else {
        out.push_str(&string_of(value)?);
    }
    Ok(())
}

fn binary(out: &mut String, object: &Object<'_>, bytes: &[u8]) -> Result<()> {
    let name: Coerced<String> = object.get::<_, Object>("constructor")?.get("name")?;
    let list: Vec<String> = bytes.iter().map(u8::to_string).collect();
    out.push_str(&format!("{} [ {} ]", name.0, list.join(", ")));
    Ok(())
}

fn string_of(value: &Value<'_>) -> Result<String> {
    if value.is_symbol() {
        return Ok("Symbol()".to_owned());
    }
    Ok(value.get::<Coerced<String>>()?.0)
}
