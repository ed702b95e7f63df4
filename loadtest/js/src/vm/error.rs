//! Exceptions on their way between Rust and scripts.

use rquickjs::function::{Opt, This};
use rquickjs::object::Property;
use rquickjs::{Ctx, Error, Exception, Function, Object, Persistent, Value};

use crate::api::host::ScriptException;
use crate::modules::text::{Text, string_of};
use crate::vm::fiber::park::PARK;
use crate::vm::state::state;

mod words;

/// Throws what k6 throws when one of its functions fails: an error whose text begins with `GoError: `.
pub(crate) fn throw(ctx: &Ctx<'_>, message: &str) -> Error {
    let made = Exception::from_message(ctx.clone(), message).and_then(|exception| {
        let object = exception.as_object();
        let class = go_error(ctx, object)?;
        object.set_prototype(Some(&class.get("prototype")?))?;
        let value = Object::new(ctx.clone())?;
        value.set_prototype(Some(&class.get(VALUE)?))?;
        value.prop("message", Property::from(message))?;
        // Anew, so that it is not listed.
        object.remove("message")?;
        object.prop("message", Property::from(message).writable().configurable())?;
        object.set("value", value)?;
        Ok(exception)
    });
    match made {
        Ok(exception) => exception.throw(),
        Err(error) => error,
    }
}

/// Where the class keeps what the values of its errors inherit.
const VALUE: &str = "of";

/// The class of these errors as scripts know it; `error` is any error. Made when it is needed, as it costs a VU memory.
fn go_error<'js>(ctx: &Ctx<'js>, error: &Object<'js>) -> rquickjs::Result<Object<'js>> {
    let state = state(ctx);
    if let Some(class) = state.go_error.borrow().clone() {
        return class.restore(ctx);
    }
    let prototype = Object::new(ctx.clone())?;
    prototype.set_prototype(error.get_prototype().as_ref())?;
    prototype.prop("name", Property::from("GoError").writable().configurable())?;
    let made = Function::new(ctx.clone(), |ctx: Ctx<'js>, message: Opt<Text>| -> rquickjs::Result<()> {
        Err(throw(&ctx, &message.0.unwrap_or_default().0))
    })?;
    let class = made.with_name("GoError")?;
    prototype.prop("constructor", Property::from(class.clone()).writable().configurable())?;
    let value = Object::new(ctx.clone())?;
    let text = |this: This<Object<'js>>| this.get::<_, String>("message");
    for name in ["error", "toString"] {
        let text = Function::new(ctx.clone(), text)?.with_name(name)?;
        value.prop(name, Property::from(text))?;
    }
    class.prop("prototype", Property::from(prototype))?;
    class.prop(VALUE, Property::from(value))?;
    let class = class.into_inner();
    *state.go_error.borrow_mut() = Some(Persistent::save(ctx, class.clone()));
    Ok(class)
}

/// The class for the global scope.
pub(crate) fn go_error_class<'js>(ctx: &Ctx<'js>) -> rquickjs::Result<Object<'js>> {
    let error = Exception::from_message(ctx.clone(), "")?;
    go_error(ctx, error.as_object())
}

/// Throws a `TypeError`.
pub(crate) fn throw_type(ctx: &Ctx<'_>, message: &str) -> Error {
    Exception::throw_type(ctx, message)
}

/// Takes the exception that `error` stands for, for whoever reads logs.
pub(crate) fn take(ctx: &Ctx<'_>, error: &Error) -> ScriptException {
    if error.is_exception() {
        describe(ctx, &ctx.catch())
    } else {
        ScriptException { message: error.to_string(), stack: String::new() }
    }
}

/// Any thrown value as text. Never throws.
pub(crate) fn describe<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> ScriptException {
    let message = text(ctx, value);
    let stack = value
        .as_object()
        .filter(|o| o.is_error())
        .and_then(|o| quietly(ctx, o.get::<_, Text>("stack")))
        .map_or_else(String::new, |s| without_park(s.0.trim_end()).to_owned());
    let (message, stack) = words::reword(message, &stack, |name| state(ctx).script.text_of(name));
    ScriptException { message, stack }
}

/// A stack without the frame that all others stand on in a shared interpreter.
fn without_park(stack: &str) -> &str {
    let own = |line: &str| {
        line.trim().strip_prefix("at ").is_some_and(|l| l.strip_prefix(PARK) == Some(" (native)"))
    };
    match stack.rsplit_once('\n') {
        Some((rest, last)) if own(last) => rest.trim_end(),
        None if own(stack) => "",
        _ => stack,
    }
}

/// `String(value)`, or JSON for plain objects, which say nothing as strings.
fn text<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> String {
    let plain = value.as_object().is_some_and(|o| !o.is_error() && !o.is_function());
    if plain && let Some(Some(json)) = quietly(ctx, ctx.json_stringify(value.clone())) {
        return quietly(ctx, json.to_string()).unwrap_or_default();
    }
    quietly(ctx, string_of(value)).unwrap_or_else(|| "an unprintable value".to_owned())
}

/// The value, or nothing and no pending exception.
fn quietly<T>(ctx: &Ctx<'_>, result: rquickjs::Result<T>) -> Option<T> {
    result.inspect_err(|_| drop(ctx.catch())).ok()
}
