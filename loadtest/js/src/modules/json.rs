//! `response.json(selector)`: a part of a JSON text by a path in the syntax of gjson, as k6 reads it. Paths are
//! forgiving: what is no well-formed query or multipath is a key, and texts that modifiers make need not be JSON.

use std::borrow::Cow;

use rquickjs::{Array, Ctx, IntoJs, Object, Result, Value};

use crate::vm::error::throw;
use value::{Found, Kind};

mod literal;
mod modify;
mod multipath;
mod query;
mod scan;
mod step;
mod value;
mod walk;

/// Arrays and objects within each other that a selector looks through; a VU's stack is small.
const NESTING_MAX: usize = 500;

/// Paths within each other (multipaths, queries, components) that are followed; deeper ones find nothing.
const DEPTH_MAX: usize = 100;

/// Bytes of what modifiers and multipaths make; more is taken for nothing. `@tostr` can double its text.
const MADE_MAX: usize = 64 * 1024 * 1024;

/// The part of `text` that `selector` names; `undefined` if there is none or the text is not JSON.
///
/// # Errors
/// The text is nested too deeply.
pub(crate) fn select<'js>(ctx: &Ctx<'js>, text: &str, selector: &str) -> Result<Value<'js>> {
    if nesting(text) > NESTING_MAX {
        return Err(throw(ctx, &format!("the JSON is nested more than {NESTING_MAX} deep")));
    }
    if !gjson::valid(text) {
        return Ok(Value::new_undefined(ctx.clone()));
    }
    let found = get(text, selector, 0);
    if found.exists() { into_js(ctx, &found, 0) } else { Ok(Value::new_undefined(ctx.clone())) }
}

/// An upper bound of the depth of a JSON text: brackets in strings count too.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// What `path` finds in `text`, `depth` paths within others.
fn get<'t>(text: &'t str, path: &str, depth: usize) -> Found<'t> {
    if depth > DEPTH_MAX {
        return Found::default();
    }
    let (mut found, mut rest) = part(text, path, depth);
    while let Some(path) = rest {
        if found.raw.len() > MADE_MAX {
            return Found::default();
        }
        let (next, after) = part(&found.raw, path, depth);
        (found, rest) = (next.into_owned(), after);
    }
    found
}

/// What the path up to its first pipe finds, and what is to be applied to it.
fn part<'t, 'p>(text: &'t str, path: &'p str, depth: usize) -> (Found<'t>, Option<&'p str>) {
    let mut path = path;
    if path.len() > 1 {
        let made = match path.as_bytes()[0] {
            b'@' => modify::run(text, path, depth),
            b'!' => literal::read(path).map(|(made, rest)| (Cow::Owned(made.to_owned()), rest)),
            _ => None,
        };
        if let Some((made, rest)) = made {
            return match rest.strip_prefix(['|', '.']) {
                Some(rest) => (Found { kind: Kind::Json, raw: made }, Some(rest)),
                None => (Found::parse(made), None),
            };
        }
        if path.starts_with(['[', '{']) {
            match multipath::split(path) {
                Some((subs, rest)) if rest.is_empty() || rest.starts_with(['|', '.']) => {
                    let made = multipath::collect(text, path.as_bytes()[0], &subs, depth);
                    return (Found { kind: Kind::Json, raw: made.into() }, rest.get(1..));
                }
                // Not what it looked like: what follows is taken for the path.
                Some((_, rest)) => path = rest,
                None => path = "",
            }
        }
    }
    walk::walk(text, path, depth)
}

fn into_js<'js>(ctx: &Ctx<'js>, found: &Found<'_>, depth: usize) -> Result<Value<'js>> {
    match found.kind {
        Kind::Null => Ok(Value::new_null(ctx.clone())),
        Kind::False => Ok(Value::new_bool(ctx.clone(), false)),
        Kind::True => Ok(Value::new_bool(ctx.clone(), true)),
        Kind::Number => found.number().into_js(ctx),
        Kind::Text => found.text().as_ref().into_js(ctx),
        Kind::Json if gjson::valid(&found.raw) => ctx.json_parse(found.raw.as_ref()),
        Kind::Json => lenient(ctx, &found.raw, depth),
    }
}

/// What can be made of a text that a selector has put together and that is not quite JSON.
fn lenient<'js>(ctx: &Ctx<'js>, raw: &str, depth: usize) -> Result<Value<'js>> {
    let mut parts = scan::Values::of(raw);
    if depth > DEPTH_MAX {
        return Ok(Value::new_null(ctx.clone()));
    }
    if raw.trim_start().starts_with('[') {
        let array = Array::new(ctx.clone())?;
        for (index, part) in parts.enumerate() {
            array.set(index, into_js(ctx, &part, depth + 1)?)?;
        }
        return Ok(array.into_value());
    }
    let object = Object::new(ctx.clone())?;
    while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
        let key = if key.kind == Kind::Text { key.text() } else { "".into() };
        object.set(key.as_ref(), into_js(ctx, &value, depth + 1)?)?;
    }
    Ok(object.into_value())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::get;

    proptest! {
        #[test]
        fn no_selector_is_too_odd(selector in r#"([a-c0-2.|#()\[\]{}*?\\"!@:,=<>%~é ]|@tostr|@fromstr|@dig:|\.\.|@keys|#\()*"#) {
            for text in [r#"{"a":[1,{"b":"é\\"},null],"b":{"c":true},"":"\u00e9\ud800"}"#, "[[1],[[2]]]", "\"x\""] {
                let _ = get(text, &selector, 0);
            }
        }
    }
}
