//! Tags as scripts give them.

use rquickjs::{Ctx, Result, Value};

use crate::vm::error::throw;

/// One tag's value as text; only strings, numbers and booleans can be one.
pub(crate) fn tag_value<'js>(ctx: &Ctx<'js>, name: &str, value: &Value<'js>) -> Result<String> {
    if value.is_string() || value.is_number() || value.is_bool() || value.is_symbol() {
        return super::text::string_of(value);
    }
    let why = format!(
        "invalid value for metric tag '{name}': only String, Boolean and Number types are accepted as a metric tag \
         values"
    );
    Err(throw(ctx, &why))
}

/// The tags in an object.
pub(crate) fn tags_of<'js>(ctx: &Ctx<'js>, value: Option<Value<'js>>) -> Result<Vec<(String, String)>> {
    let Some(value) = super::given(value) else { return Ok(Vec::new()) };
    let Some(object) = value.as_object() else { return Ok(Vec::new()) };
    let mut tags = Vec::new();
    for entry in object.props::<String, Value>() {
        let (name, value) = entry?;
        let value = tag_value(ctx, &name, &value)?;
        tags.push((name, value));
    }
    Ok(tags)
}
