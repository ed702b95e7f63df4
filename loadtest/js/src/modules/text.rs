//! Values of a script as texts, as k6 takes them.

use rquickjs::{Coerced, Ctx, FromJs, Object, Result, Value};

/// An argument that k6 takes as text: empty for `undefined` and `null`, otherwise what `String()` says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Text(pub(crate) String);

impl<'js> FromJs<'js> for Text {
    fn from_js(_: &Ctx<'js>, value: Value<'js>) -> Result<Self> {
        if value.is_undefined() || value.is_null() {
            return Ok(Self::default());
        }
        string_of(&value).map(Self)
    }
}

/// What `String(value)` says.
pub(crate) fn string_of(value: &Value<'_>) -> Result<String> {
    match value.as_string() {
        Some(string) => lossy(string),
        None if value.is_symbol() => {
            let description: Option<Value<'_>> = value.get::<rquickjs::Symbol>()?.description().ok();
            description.filter(|d| !d.is_undefined()).map_or_else(|| Ok(String::new()), |d| string_of(&d))
        }
        None => lossy(&value.get::<Coerced<rquickjs::String>>()?.0),
    }
}

/// A string as UTF-8: halves of pairs that stand alone become U+FFFD.
pub(crate) fn lossy(string: &rquickjs::String<'_>) -> Result<String> {
    if let Ok(text) = string.to_string() {
        return Ok(text);
    }
    let json = string.ctx().json_stringify(string.clone())?;
    Ok(unescaped(&json.map_or_else(|| Ok(String::new()), |json| json.to_string())?))
}

/// A JSON string as text. Only halves of pairs are left for it to write with `\u`, and control characters.
fn unescaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let inside = json.strip_prefix('"').and_then(|json| json.strip_suffix('"')).unwrap_or(json);
    let mut rest = inside.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        match rest.next() {
            Some('b') => text.push('\u{8}'),
            Some('f') => text.push('\u{c}'),
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('t') => text.push('\t'),
            Some('u') => {
                let hex: String = rest.by_ref().take(4).collect();
                let code = u32::from_str_radix(&hex, 16).ok().and_then(char::from_u32);
                text.push(code.unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            Some(other) => text.push(other),
            None => {}
        }
    }
    text
}

/// What k6 calls the type of an object that is nothing in particular.
pub(crate) const MAP: &str = "map[string]interface {}";

/// Whether a value is an instance of the global class `name`.
pub(crate) fn is_instance(value: &Value<'_>, name: &str) -> bool {
    let class = value.ctx().globals().get::<_, Option<Object>>(name).ok().flatten();
    class.zip(value.as_object()).is_some_and(|(class, object)| object.is_instance_of(class))
}

/// What k6 calls the type of a value in its messages.
pub(crate) fn go_type(value: &Value<'_>) -> &'static str {
    let instance = |name: &str| is_instance(value, name);
    match value {
        v if v.is_undefined() || v.is_null() => "<nil>",
        v if v.is_string() || v.is_symbol() => "string",
        v if v.is_bool() => "bool",
        v if v.is_int() || v.as_float().is_some_and(|n| n.fract() == 0.0 && n.abs() < 9e15) => "int64",
        v if v.is_number() => "float64",
        v if v.is_big_int() => "*big.Int",
        v if v.is_function() => "func(sobek.FunctionCall) sobek.Value",
        v if v.is_array() || instance("Set") => "[]interface {}",
        _ if instance("Map") => "[][2]interface {}",
        _ if instance("Date") => "time.Time",
        _ => TYPED_ARRAYS.iter().find(|(name, _)| instance(name)).map_or(MAP, |(_, go)| go),
    }
}

const TYPED_ARRAYS: &[(&str, &str)] = &[
    ("Uint8Array", "[]uint8"),
    ("Uint8ClampedArray", "[]uint8"),
    ("Int8Array", "[]int8"),
    ("Uint16Array", "[]uint16"),
    ("Int16Array", "[]int16"),
    ("Uint32Array", "[]uint32"),
    ("Int32Array", "[]int32"),
    ("Float32Array", "[]float32"),
    ("Float64Array", "[]float64"),
    ("BigInt64Array", "[]int64"),
    ("BigUint64Array", "[]uint64"),
    ("ArrayBuffer", "sobek.ArrayBuffer"),
];
