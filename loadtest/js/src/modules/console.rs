//! The global `console`.

use std::rc::Rc;

use rquickjs::function::Rest;
use rquickjs::{Array, Ctx, Object, Result, Value};

use super::add;
use super::text::string_of;
use crate::api::host::LogLevel;
use crate::vm::state::VuState;

pub(crate) fn install(ctx: &Ctx<'_>, state: &Rc<VuState>) -> Result<()> {
    let console = Object::new(ctx.clone())?;
    for (name, level) in [
        ("debug", LogLevel::Debug),
        ("error", LogLevel::Error),
        ("info", LogLevel::Info),
        ("log", LogLevel::Info),
        ("warn", LogLevel::Warn),
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
    if let Some(whole) = whole(object)? {
        out.push_str(&whole);
    } else if seen.len() >= DEPTH_MAX {
        out.push_str("[...]");
    } else if seen.contains(object) {
        out.push_str("[Circular]");
    } else {
        seen.push(object.clone());
        let response = super::http::shown(object)?;
        let result = contents(out, response.as_ref().unwrap_or(object), seen);
        seen.pop();
        result?;
    }
    Ok(())
}

/// What is shown without looking at its properties one by one.
fn whole(object: &Object<'_>) -> Result<Option<String>> {
    if object.is_function() {
        return Ok(Some("[object Function]".to_owned()));
    }
    if object.is_error() {
        return string_of(object.as_value()).map(Some);
    }
    if let Some(bytes) = super::buffer_bytes(object.as_value()) {
        let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let (hex, length) = (hex.join(" "), bytes.len());
        return Ok(Some(format!("ArrayBuffer {{ [Uint8Contents]: <{hex}>, byteLength: {length} }}")));
    }
    let Some((name, items)) = typed_array(object)? else { return Ok(None) };
    let inside = if items.is_empty() { String::new() } else { format!(" {} ", items.join(", ")) };
    Ok(Some(format!("{name}({}) [{inside}]", items.len())))
}

fn contents<'js>(out: &mut String, object: &Object<'js>, seen: &mut Vec<Object<'js>>) -> Result<()> {
    if is_array(object)? {
        let length: usize = object.get("length")?;
        out.push('[');
        for i in 0..length {
            out.push_str(if i > 0 { ", " } else { " " });
            inner(out, &object.get(i.to_string())?, seen)?;
        }
        out.push_str(if length == 0 { "]" } else { " ]" });
        return Ok(());
    }
    let mut empty = true;
    for key in object.keys::<rquickjs::String>() {
        let key = key?;
        out.push_str(if empty { "{ " } else { ", " });
        out.push_str(&super::text::lossy(&key)?);
        out.push_str(": ");
        inner(out, &object.get(key)?, seen)?;
        empty = false;
    }
    if !empty {
        out.push_str(" }");
        return Ok(());
    }
    out.push_str(&date(object).unwrap_or_else(|| "{}".to_owned()));
    Ok(())
}

/// A date has no properties of its own; one that is no date cannot be written so.
fn date(object: &Object<'_>) -> Option<String> {
    let text = object.get::<_, Option<rquickjs::Function>>("toISOString").and_then(|to_iso| match to_iso {
        Some(to_iso) => to_iso.call::<_, String>((rquickjs::function::This(object.clone()),)).map(Some),
        None => Ok(None),
    });
    match text {
        Ok(text) => text.map(|text| format!("\"{text}\"")),
        Err(error) => {
            if error.is_exception() {
                drop(object.ctx().catch());
            }
            None
        }
    }
}

/// An array, or what stands for one such as a `SharedArray`.
fn is_array(object: &Object<'_>) -> Result<bool> {
    if object.is_array() {
        return Ok(true);
    }
    let Some(own) = object.get_prototype() else { return Ok(false) };
    Ok(Array::new(object.ctx().clone())?.get_prototype().is_some_and(|array| array == own))
}

/// A value inside another one: strings are quoted as they are, and what is not there is `null`.
fn inner<'js>(out: &mut String, value: &Value<'js>, seen: &mut Vec<Object<'js>>) -> Result<()> {
    if value.is_undefined() || value.is_null() {
        out.push_str("null");
    } else if let Some(object) = value.as_object() {
        nested(out, object, seen)?;
    } else if value.is_string() || value.is_symbol() {
        out.push_str(&format!("\"{}\"", string_of(value)?));
    } else {
        out.push_str(&string_of(value)?);
    }
    Ok(())
}

/// The type and the elements of a typed array.
fn typed_array(object: &Object<'_>) -> Result<Option<(String, Vec<String>)>> {
    // What has no bytes per element is none; asked first, as it is cheap.
    let Ok(Some(_)) = object.get::<_, Option<u32>>("BYTES_PER_ELEMENT") else {
        drop(object.ctx().catch());
        return Ok(None);
    };
    let buffer: Value = object.get("buffer")?;
    if super::buffer_bytes(&buffer).is_none() || object.contains_key("getInt8")? {
        return Ok(None);
    }
    let name = string_of(&object.get::<_, Object>("constructor")?.get("name")?)?;
    let length: usize = object.get("length")?;
    let items = (0..length).map(|i| string_of(&object.get(i.to_string())?)).collect::<Result<_>>()?;
    Ok(Some((name, items)))
}
