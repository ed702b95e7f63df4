//! Modifiers: `@name` or `@name:argument` make another text of one.

use std::borrow::Cow;
use std::collections::HashMap;

use super::scan::{self, Values};
use super::value::{Found, quoted};
use super::{DEPTH_MAX, MADE_MAX, get};

const NAMES: &[&str] = &[
    "dig", "flatten", "fromstr", "group", "join", "keys", "pretty", "reverse", "this", "tostr", "ugly",
    "valid", "values",
];

/// Whether a path begins with a modifier.
pub(super) fn is_named(path: &str) -> bool {
    path.strip_prefix('@').is_some_and(|path| {
        let end = path.find(['.', '|', ':']).unwrap_or(path.len());
        NAMES.contains(&&path[..end])
    })
}

/// What the modifier makes of `text` that `path` begins with, and what follows it in the path.
pub(super) fn run<'t, 'p>(text: &'t str, path: &'p str, depth: usize) -> Option<(Cow<'t, str>, &'p str)> {
    if !is_named(path) {
        return None;
    }
    let path = &path[1..];
    let (name, rest) = path.split_at(path.find(['.', '|', ':']).unwrap_or(path.len()));
    let (argument, rest) = match rest.strip_prefix(':') {
        Some(rest) => rest.split_at(argument_end(rest)),
        None => ("", rest),
    };
    Some((apply(text, name, argument, depth), rest))
}

fn argument_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    let end_at = |at: usize| match bytes[at] {
        b'"' => scan::string_end(bytes, at),
        _ => scan::bracket_end(bytes, at),
    };
    if text.starts_with(['{', '[', '"']) {
        return end_at(0);
    }
    let mut i = 0;
    while let Some(byte) = bytes.get(i) {
        match byte {
            b'|' => return i,
            b'{' | b'[' | b'"' | b'(' => i = end_at(i),
            _ => i += 1,
        }
    }
    bytes.len()
}

fn apply<'t>(text: &'t str, name: &str, argument: &str, depth: usize) -> Cow<'t, str> {
    let value = Found::parse(text);
    match name {
        "keys" => keys(&value),
        "values" if value.is_array() => text.into(),
        "values" => listed(members(&value).map(|(_, value)| value.raw)).into(),
        "flatten" if value.is_array() => {
            let deep = option(argument, "deep").is_some_and(|deep| deep.is_true());
            flat(&value.raw, deep, depth).into()
        }
        "reverse" if value.is_array() => {
            let mut all: Vec<_> = Values::of(&value.raw).map(|value| value.raw).collect();
            all.reverse();
            listed(all.into_iter()).into()
        }
        "reverse" if value.is_object() => {
            let mut all: Vec<_> = members(&value).collect();
            all.reverse();
            object_of(all.iter().map(|(key, value)| (&*key.raw, &*value.raw))).into()
        }
        "join" if value.is_array() => joined(&value, argument),
        "group" => group(&value),
        "dig" => {
            let mut all = Vec::new();
            dig(&value, argument, depth, &mut all);
            listed(all.into_iter().map(Cow::Owned)).into()
        }
        "tostr" => quoted(text).into(),
        "fromstr" if gjson::valid(text) => value.shown().into(),
        "valid" if gjson::valid(text) => text.into(),
        "fromstr" | "valid" => "".into(),
        "ugly" => dense(text).into(),
        "pretty" if gjson::valid(text) => pretty(text, argument).into(),
        _ => text.into(),
    }
}

/// An option of a modifier.
fn option<'a>(argument: &'a str, name: &str) -> Option<Found<'a>> {
    let options = Found::parse(argument);
    members(&options).filter(|(key, _)| key.text() == name).last().map(|(_, value)| value.into_owned())
}

/// Keys and values of an object; of another value, itself with no key.
fn members<'a>(value: &'a Found<'_>) -> impl Iterator<Item = (Found<'a>, Found<'a>)> {
    let is_object = value.is_object();
    let mut values = if is_object { Values::of(&value.raw) } else { Values::of("") };
    let single = (!is_object && value.exists())
        .then(|| (Found::default(), Found { kind: value.kind, raw: Cow::Borrowed(&value.raw) }));
    std::iter::from_fn(move || Some((values.next()?, values.next()?))).chain(single)
}

fn listed<'a>(values: impl Iterator<Item = Cow<'a, str>>) -> String {
    let mut made = String::from("[");
    for value in values {
        if made.len() > MADE_MAX {
            break;
        }
        if made.len() > 1 {
            made.push(',');
        }
        made.push_str(&value);
    }
    made.push(']');
    made
}

fn object_of<'a>(members: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let members: Vec<_> = members.map(|(key, value)| format!("{key}:{value}")).collect();
    format!("{{{}}}", members.join(","))
}

fn keys<'t>(value: &Found<'_>) -> Cow<'t, str> {
    if value.is_array() {
        return listed(Values::of(&value.raw).map(|_| "null".into())).into();
    }
    let of_object = value.is_object();
    listed(members(value).map(|(key, _)| if of_object { key.raw } else { "null".into() })).into()
}

/// What stands between the brackets of an array or object.
fn inside(raw: &str) -> &str {
    let raw = raw.trim_matches(|c: char| c <= ' ');
    if raw.len() >= 2 && raw.starts_with(['[', '{']) { &raw[1..raw.len() - 1] } else { raw }
}

fn flat(array: &str, deep: bool, depth: usize) -> String {
    let parts = Values::of(array).map(|value| {
        if !value.is_array() {
            return value.raw;
        }
        let inner =
            if deep && depth < DEPTH_MAX { flat(&value.raw, deep, depth + 1).into() } else { value.raw };
        Cow::Owned(inside(&inner).trim().to_owned())
    });
    listed(parts.filter(|part: &Cow<'_, str>| !part.is_empty()))
}

fn joined<'t>(array: &Found<'_>, argument: &str) -> Cow<'t, str> {
    let objects: Vec<_> = Values::of(&array.raw).filter(Found::is_object).collect();
    if option(argument, "preserve").is_some_and(|preserve| preserve.is_true()) {
        let parts: Vec<_> = objects.iter().map(|object| inside(&object.raw)).collect();
        return format!("{{{}}}", parts.join(",")).into();
    }
    let (mut order, mut last) = (Vec::new(), HashMap::new());
    for (key, value) in objects.iter().flat_map(members) {
        let name = key.text().into_owned();
        if last.insert(name.clone(), value).is_none() {
            order.push((name, key));
        }
    }
    object_of(order.iter().map(|(name, key)| (&*key.raw, &*last[name].raw))).into()
}

/// Of an object of arrays, an array of objects.
fn group<'t>(value: &Found<'_>) -> Cow<'t, str> {
    if !value.is_object() {
        return "".into();
    }
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (key, list) in members(value).filter(|(_, list)| list.is_array()) {
        for (index, value) in Values::of(&list.raw).enumerate() {
            if index == rows.len() {
                rows.push(Vec::new());
            }
            rows[index].push(format!("{}:{}", key.raw, value.raw));
        }
    }
    listed(rows.into_iter().map(|row| format!("{{{}}}", row.join(",")).into())).into()
}

/// What `path` finds in the value and in all that is in it.
fn dig(value: &Found<'_>, path: &str, depth: usize, all: &mut Vec<String>) {
    let found = get(&value.raw, path, depth + 1);
    if found.exists() {
        all.push(found.raw.into_owned());
    }
    if depth > DEPTH_MAX {
        return;
    }
    if value.is_array() {
        Values::of(&value.raw).for_each(|value| dig(&value, path, depth + 1, all));
    } else if value.is_object() {
        members(value).for_each(|(_, value)| dig(&value, path, depth + 1, all));
    }
}

/// Without white space.
fn dense(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut made, mut i) = (String::with_capacity(text.len()), 0);
    while i < bytes.len() {
        let end = if bytes[i] == b'"' {
            scan::string_end(bytes, i)
        } else {
            bytes[i..].iter().position(|&b| b == b'"' || b <= b' ').map_or(bytes.len(), |n| i + n)
        };
        made.push_str(&text[i..end]);
        i = end + bytes[end..].iter().take_while(|&&b| b <= b' ').count();
    }
    made
}

fn pretty(text: &str, argument: &str) -> String {
    let path = if gjson::valid(argument) { format!("@pretty:{argument}") } else { "@pretty".to_owned() };
    let prefix: String =
        option(argument, "prefix").map(|prefix| prefix.text().into_owned()).unwrap_or_default();
    let prefix = prefix.replace(|c| !matches!(c, ' ' | '\t' | '\r' | '\n'), "");
    format!("{prefix}{}\n", gjson::get(text, &path).json().trim_end())
}
