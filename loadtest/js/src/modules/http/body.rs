//! Bodies of requests: texts, bytes, forms, and forms with files.

use std::rc::Rc;

use bytes::Bytes;
use rquickjs::class::Trace;
use rquickjs::function::Opt;
use rquickjs::{Class, Ctx, JsLifetime, Object, Result, Value};
use sha2::{Digest, Sha256};

use super::request::Refusal;
use crate::modules::text::{MAP, Text, go_type, is_instance, string_of};
use crate::modules::{add, buffer_bytes, bytes_of};
use crate::vm::error::throw;
use crate::vm::state::VuState;

/// What `http.file` makes; the parts are properties of the object.
#[derive(Trace, JsLifetime, Default)]
#[rquickjs::class]
pub(crate) struct FileData {}

/// A body and what it is.
pub(crate) struct Encoded {
    pub(crate) bytes: Bytes,
    pub(crate) content_type: Option<String>,
}

pub(crate) fn install<'js>(object: &Object<'js>, state: &Rc<VuState>) -> Result<()> {
    let s = Rc::clone(state);
    let file = move |ctx: Ctx<'js>, data: Opt<Value<'js>>, filename: Opt<Text>, kind: Opt<Text>| {
        let data = data.0.unwrap_or_else(|| Value::new_undefined(ctx.clone()));
        if !data.is_string() && buffer_bytes(&data).is_none() {
            let kind = go_type(&data);
            return Err(throw(&ctx, &format!("invalid type {kind}, expected string or ArrayBuffer")));
        }
        let filename = filename.0.map_or_else(|| s.recorder.unix_now().as_nanos().to_string(), |n| n.0);
        let content_type = kind.0.map_or_else(|| "application/octet-stream".to_owned(), |k| k.0);
        let file = Class::instance(ctx, FileData::default())?;
        file.set("data", data)?;
        file.set("filename", filename)?;
        file.set("content_type", content_type)?;
        Ok(file)
    };
    add(object, "file", file)
}

/// Encodes a body that is there.
pub(crate) fn encode(state: &VuState, body: &Value<'_>) -> Result<std::result::Result<Encoded, Refusal>> {
    if body.is_string() || body.is_symbol() {
        return Ok(Ok(Encoded { bytes: string_of(body)?.into(), content_type: None }));
    }
    if let Some(bytes) = bytes_of(body) {
        return Ok(Ok(Encoded { bytes: bytes.into(), content_type: None }));
    }
    let kind = go_type(body);
    let Some(object) = body.as_object().filter(|_| kind == MAP) else {
        return Ok(Err(Refusal::new(format!("unknown request body type {kind}"))));
    };
    if ["String", "Number", "Boolean"].iter().any(|name| is_instance(body, name)) {
        return urlencoded(state, Vec::new()).map(Ok);
    }
    let fields = object.props::<String, Value>().collect::<Result<Vec<_>>>()?;
    let is_file = |value: &Value<'_>| value.as_object().is_some_and(|o| o.instance_of::<FileData>());
    if fields.iter().any(|(_, value)| is_file(value)) {
        multipart(state, &fields).map(Ok)
    } else {
        urlencoded(state, fields).map(Ok)
    }
}

/// By name, as k6 sends them.
fn urlencoded(state: &VuState, mut fields: Vec<(String, Value<'_>)>) -> Result<Encoded> {
    fields.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in &fields {
        match value.as_array() {
            Some(array) => {
                for item in array.iter::<Value>() {
                    form.append_pair(name, &field(state, &item?)?);
                }
            }
            None => {
                form.append_pair(name, &field(state, value)?);
            }
        }
    }
    // Go leaves `~` as it is and escapes `*`.
    let text = form.finish().replace('*', "%2A").replace("%7E", "~");
    Ok(Encoded { bytes: text.into(), content_type: Some("application/x-www-form-urlencoded".to_owned()) })
}

/// One value of a form as text; what has structure has none.
fn field(state: &VuState, value: &Value<'_>) -> Result<String> {
    if value.is_undefined() || value.is_null() {
        return Ok(String::new());
    }
    if value.is_object() {
        state.warn(&format!(
            "cannot urlencode a nested {} value in a request form body; encoding it as an empty value, use \
             JSON.stringify() to send structured data",
            go_type(value)
        ));
        return Ok(String::new());
    }
    string_of(value)
}

fn multipart(state: &VuState, fields: &[(String, Value<'_>)]) -> Result<Encoded> {
    let mut parts = Vec::new();
    for (name, value) in fields {
        let file = value.as_object().and_then(Class::<FileData>::from_object);
        let (more, content) = match file {
            Some(file) => {
                let data: Value = file.get("data")?;
                let content = match bytes_of(&data) {
                    Some(bytes) => bytes,
                    None => string_of(&data)?.into_bytes(),
                };
                let filename: Text = file.get("filename")?;
                let kind: Text = file.get("content_type")?;
                let more =
                    format!("; filename=\"{}\"\r\nContent-Type: {}", escape_quotes(&filename.0), kind.0);
                (more, content)
            }
            None => (String::new(), field(state, value)?.into_bytes()),
        };
        parts.push((
            format!("Content-Disposition: form-data; name=\"{}\"{more}", escape_quotes(name)),
            content,
        ));
    }
    let boundary = boundary(&parts);
    let mut bytes = Vec::new();
    for (head, content) in &parts {
        bytes.extend_from_slice(format!("--{boundary}\r\n{head}\r\n\r\n").as_bytes());
        bytes.extend_from_slice(content);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    let content_type = format!("multipart/form-data; boundary={boundary}");
    Ok(Encoded { bytes: bytes.into(), content_type: Some(content_type) })
}

/// As long as k6's, and derived from the contents, so that these cannot hold it by any sensible chance.
fn boundary(parts: &[(String, Vec<u8>)]) -> String {
    let mut hash = Sha256::new();
    for (head, content) in parts {
        hash.update(head);
        hash.update(content);
    }
    let hex: String = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
    hex[..60].to_owned()
}

fn escape_quotes(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
