//! A response as scripts see it. Its parts become JavaScript values only when they are asked for.

use std::time::Duration;

use rquickjs::class::{JsClass, Trace, Writable};
use rquickjs::function::{Constructor, Opt, This};
use rquickjs::object::{Accessor, Property};
use rquickjs::{
    Array, ArrayBuffer, Class, Ctx, Function, IntoJs, JsLifetime, Object, Persistent, Result, Value,
};

use super::request::Refusal;
use super::{About, page};
use crate::api::http::{HttpRequest, HttpResponse, ResponseType};
use crate::cookies::parse_set_cookie;
use crate::modules::json::select;
use crate::modules::text::Text;
use crate::modules::{add, bytes_of};
use crate::vm::error::throw;
use crate::vm::state::{VuState, state};

/// k6's number for "no expiry": the zero of its clock, squeezed into nanoseconds, in milliseconds.
const NO_EXPIRY_MS: f64 = -6_795_364_578_871.0;

#[derive(Trace, JsLifetime)]
pub(crate) struct Response<'js> {
    #[qjs(skip_trace)]
    about: Option<About>,
    #[qjs(skip_trace)]
    inner: HttpResponse,
    /// The whole body as JSON, once it has been parsed.
    json: Option<Value<'js>>,
}

impl<'js> Response<'js> {
    /// The response as a script gets it. Where the script could tell, its parts are its own properties, as in k6:
    /// first the fields, then the methods.
    pub(crate) fn into_value(self, ctx: &Ctx<'js>, state: &VuState) -> Result<Value<'js>> {
        let response = Class::instance(ctx.clone(), self)?;
        if !state.lists_members {
            return Ok(response.into_value());
        }
        let parts = state.response_parts.borrow().clone();
        let (define, parts) = match parts {
            Some((define, parts)) => (define.restore(ctx)?, parts.restore(ctx)?),
            None => {
                let (define, parts) = parts_of(&response)?;
                let kept = (Persistent::save(ctx, define.clone()), Persistent::save(ctx, parts.clone()));
                *state.response_parts.borrow_mut() = Some(kept);
                (define, parts)
            }
        };
        define.call((response, parts))
    }
}

/// `Object.defineProperties` and the descriptors of all parts of responses, which share their functions.
fn parts_of<'js>(response: &Class<'js, Response<'js>>) -> Result<(Function<'js>, Object<'js>)> {
    let ctx = response.ctx();
    let object: Object = ctx.globals().get("Object")?;
    let describe: Function = object.get("getOwnPropertyDescriptors")?;
    let parts: Object = describe.call((response.get_prototype(),))?;
    parts.remove("toJSON")?;
    Ok((object.get("defineProperties")?, parts))
}

/// What the console shows of a response: everything, and what the script has added to it.
pub(crate) fn shown<'js>(value: &Object<'js>) -> Result<Option<Object<'js>>> {
    let Some(response) = Class::<Response>::from_object(value) else { return Ok(None) };
    let ctx = value.ctx();
    let shown = fields(&response, ctx)?;
    let function: Value = value.get("toJSON")?;
    for name in METHODS {
        shown.set(*name, function.clone())?;
    }
    for entry in value.props::<String, Value>() {
        let (name, value) = entry?;
        shown.set(name, value)?;
    }
    Ok(Some(shown))
}

/// Every field, whether the script mentions it or not, with what the script has made of it.
fn fields<'js>(response: &Class<'js, Response<'js>>, ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    for (name, getter) in GETTERS {
        let value: Value = match response.contains_key(*name)? {
            true => response.get(*name)?,
            false => getter(&response.borrow(), ctx)?,
        };
        object.set(*name, value)?;
    }
    Ok(object)
}

/// What a script reads of a field. An object is made once, so that what the script changes in it stays.
fn read<'js>(
    response: &Class<'js, Response<'js>>,
    ctx: &Ctx<'js>,
    (name, getter): (&str, Getter),
) -> Result<Value<'js>> {
    let value = getter(&response.borrow(), ctx)?;
    if value.is_object() {
        keep(response, name, value.clone())?;
    }
    Ok(value)
}

/// A field that a script assigns to; `json()` and `html()` read the body that it has put there.
fn write<'js>(response: &Class<'js, Response<'js>>, name: &str, value: Value<'js>) -> Result<()> {
    if name == "body" {
        let bytes = match value.as_string() {
            Some(text) => Some(text.to_string()?.into_bytes()),
            None => bytes_of(&value),
        };
        let mut response = response.borrow_mut();
        response.json = None;
        response.inner.body = bytes.unwrap_or_default().into();
    }
    keep(response, name, value)
}

/// Makes `value` the response's own, in place of what it has from its prototype.
fn keep<'js>(response: &Class<'js, Response<'js>>, name: &str, value: Value<'js>) -> Result<()> {
    response.prop(name, Property::from(value).writable().enumerable().configurable())
}

impl Response<'_> {
    pub(crate) fn new(about: &About, inner: HttpResponse) -> Self {
        Self { about: Some(about.clone()), inner, json: None }
    }

    /// For a request that was not made.
    pub(crate) fn refused(refusal: &Refusal) -> Self {
        let inner = HttpResponse {
            error: refusal.message.clone(),
            error_code: refusal.code,
            ..HttpResponse::default()
        };
        Self { about: None, inner, json: None }
    }

    fn has_body(&self) -> bool {
        !matches!(self.inner.status, 0 | 204 | 304)
            && self.about.as_ref().is_some_and(|a| a.response_type != ResponseType::None)
    }

    /// The URL relative links start from.
    pub(crate) fn base_url(&self) -> &str {
        &self.inner.url
    }

    /// The body as text, for those who need one.
    pub(crate) fn text<'js>(&self, ctx: &Ctx<'js>, what: &str) -> Result<String> {
        if self.has_body() || self.about.is_none() {
            return Ok(text_from(&self.inner.body));
        }
        let why = format!(
            "the body is null so we can't transform it to {what} - this likely was because of a request error \
             getting the response"
        );
        Err(throw(ctx, &why))
    }
}

/// What scripts can read of a response, in k6's order.
const GETTERS: &[(&str, Getter)] = &[
    ("remote_ip", |r, ctx| r.inner.remote_ip.as_str().into_js(ctx)),
    ("remote_port", |r, ctx| r.inner.remote_port.into_js(ctx)),
    ("url", |r, ctx| r.inner.url.into_js(ctx)),
    ("status", |r, ctx| r.inner.status.into_js(ctx)),
    ("status_text", |r, ctx| r.inner.status_text.as_str().into_js(ctx)),
    ("proto", |r, ctx| r.inner.proto.into_js(ctx)),
    ("headers", |r, ctx| r.headers(ctx)),
    ("cookies", |r, ctx| r.cookies(ctx)),
    ("body", |r, ctx| r.body(ctx)),
    ("timings", |r, ctx| r.timings(ctx)),
    ("tls_version", |r, ctx| r.inner.tls_version.into_js(ctx)),
    ("tls_cipher_suite", |r, ctx| r.inner.tls_cipher_suite.as_str().into_js(ctx)),
    ("ocsp", |_, ctx| ocsp(ctx)),
    ("error", |r, ctx| r.inner.error.as_str().into_js(ctx)),
    ("error_code", |r, ctx| r.inner.error_code.into_js(ctx)),
    ("request", |r, ctx| r.request(ctx)),
];

/// What scripts can ask of a response, in k6's order.
const METHODS: &[&str] = &["clickLink", "html", "json", "submitForm"];

type Getter = for<'js> fn(&Response<'js>, &Ctx<'js>) -> Result<Value<'js>>;

impl<'js> JsClass<'js> for Response<'js> {
    const NAME: &'static str = "Response";
    type Mutable = Writable;

    /// Holds only what the script mentions: each function would cost every VU memory. In k6 all of it belongs to
    /// the response itself; see [`Response::into_value`].
    fn prototype(ctx: &Ctx<'js>) -> Result<Option<Object<'js>>> {
        let state = state(ctx);
        let prototype = Object::new(ctx.clone())?;
        for &(name, getter) in GETTERS.iter().filter(|(name, _)| state.script.mentions_member(name)) {
            let get = move |this: This<Class<'js, Self>>, ctx: Ctx<'js>| read(&this.0, &ctx, (name, getter));
            if state.script.assigns_member(name) {
                let set = move |this: This<Class<'js, Self>>, value: Value<'js>| write(&this.0, name, value);
                prototype.prop(name, Accessor::new(get, set).enumerable().configurable())?;
            } else {
                prototype.prop(name, Accessor::new_get(get).enumerable().configurable())?;
            }
        }
        for name in METHODS.iter().filter(|name| state.script.mentions_member(name)) {
            method(&prototype, name)?;
        }
        let to_json = |this: This<Class<'js, Self>>, ctx: Ctx<'js>| fields(&this.0, &ctx);
        let to_json = Function::new(ctx.clone(), to_json)?.with_name("toJSON")?;
        // k6 has no such property, so that nothing may list it.
        prototype.prop("toJSON", Property::from(to_json).writable().configurable())?;
        Ok(Some(prototype))
    }

    fn constructor(_: &Ctx<'js>) -> Result<Option<Constructor<'js>>> {
        Ok(None)
    }
}

fn method<'js>(prototype: &Object<'js>, name: &'static str) -> Result<()> {
    let call = move |this: This<Class<'js, Response<'js>>>, ctx: Ctx<'js>, argument: Opt<Value<'js>>| {
        let selector = || argument.0.clone().map(|v| v.get::<Text>().map(|text| text.0)).transpose();
        match name {
            "json" => {
                let selector = selector()?;
                this.0.borrow_mut().json(&ctx, selector)
            }
            "html" => {
                let (text, url) = {
                    let response = this.0.borrow();
                    (response.text(&ctx, "HTML")?, response.inner.url.clone())
                };
                page::html(&ctx, &text, &url, selector()?)
            }
            "submitForm" => page::follow(&ctx, &this.0, "formRequest", argument.0),
            _ => page::follow(&ctx, &this.0, "linkRequest", argument.0),
        }
    };
    add(prototype, name, call)
}

/// Certificates' states are not asked for.
fn ocsp<'js>(ctx: &Ctx<'js>) -> Result<Value<'js>> {
    let ocsp = Object::new(ctx.clone())?;
    for name in ["produced_at", "this_update", "next_update", "revoked_at"] {
        ocsp.set(name, 0)?;
    }
    ocsp.set("revocation_reason", "")?;
    ocsp.set("status", "")?;
    Ok(ocsp.into_value())
}

impl<'js> Response<'js> {
    fn body(&self, ctx: &Ctx<'js>) -> Result<Value<'js>> {
        match self.about.as_ref().map(|a| a.response_type) {
            // Of a request that was never made k6 has an empty list.
            None => Ok(Array::new(ctx.clone())?.into_value()),
            Some(ResponseType::Binary) if self.has_body() => {
                Ok(ArrayBuffer::new_copy(ctx.clone(), &self.inner.body)?.into_value())
            }
            Some(ResponseType::Text) if self.has_body() => text_from(&self.inner.body).into_js(ctx),
            _ => Ok(Value::new_null(ctx.clone())),
        }
    }

    fn headers(&self, ctx: &Ctx<'js>) -> Result<Value<'js>> {
        let headers = Object::new(ctx.clone())?;
        for (name, value) in joined(&self.inner.headers) {
            headers.set(name, value)?;
        }
        Ok(headers.into_value())
    }

    fn cookies(&self, ctx: &Ctx<'js>) -> Result<Value<'js>> {
        let cookies = Object::new(ctx.clone())?;
        let set = self.inner.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
        for cookie in set.filter_map(|(_, value)| parse_set_cookie(value)) {
            let object = Object::new(ctx.clone())?;
            object.set("name", cookie.name.as_str())?;
            object.set("value", cookie.value)?;
            object.set("domain", cookie.domain)?;
            object.set("path", cookie.path)?;
            object.set("http_only", cookie.http_only)?;
            object.set("secure", cookie.secure)?;
            #[expect(clippy::cast_precision_loss, reason = "ages and dates are far below 2^53")]
            let (age, expires) = (
                cookie.max_age.unwrap_or(0) as f64,
                cookie.expires.map_or(NO_EXPIRY_MS, |s| s as f64 * 1000.0),
            );
            object.set("max_age", age)?;
            object.set("expires", expires)?;
            let list: Array = match cookies.get::<_, Option<Array>>(cookie.name.as_str())? {
                Some(list) => list,
                None => Array::new(ctx.clone())?,
            };
            list.set(list.len(), object)?;
            cookies.set(cookie.name, list)?;
        }
        Ok(cookies.into_value())
    }

    fn timings(&self, ctx: &Ctx<'js>) -> Result<Value<'js>> {
        let t = &self.inner.timings;
        let timings = Object::new(ctx.clone())?;
        for (name, value) in [
            ("duration", t.duration()),
            ("blocked", t.blocked),
            ("looking_up", Duration::ZERO),
            ("connecting", t.connecting),
            ("tls_handshaking", t.tls_handshaking),
            ("sending", t.sending),
            ("waiting", t.waiting),
            ("receiving", t.receiving),
        ] {
            timings.set(name, value.as_secs_f64() * 1000.0)?;
        }
        Ok(timings.into_value())
    }

    fn request(&self, ctx: &Ctx<'js>) -> Result<Value<'js>> {
        match self.about.as_ref().and_then(|about| about.request.as_ref()) {
            Some(asked) => request_object(ctx, asked, &self.inner),
            None => Ok(Value::new_null(ctx.clone())),
        }
    }

    fn json(&mut self, ctx: &Ctx<'js>, selector: Option<String>) -> Result<Value<'js>> {
        if selector.is_none()
            && let Some(json) = &self.json
        {
            return Ok(json.clone());
        }
        let text = self.text(ctx, "JSON")?;
        if let Some(selector) = selector {
            return select(ctx, &text, &selector);
        }
        let value = parse_json(ctx, &text)?;
        self.json = Some(value.clone());
        Ok(value)
    }
}

fn request_object<'js>(ctx: &Ctx<'js>, asked: &HttpRequest, response: &HttpResponse) -> Result<Value<'js>> {
    let (method, url, headers, body) = match &response.sent {
        Some(sent) => (&sent.method, &sent.url, &sent.headers, &sent.body),
        None => (&asked.method, &asked.url, &asked.headers, asked.body.as_ref().unwrap_or(&NO_BYTES)),
    };
    let object = Object::new(ctx.clone())?;
    object.set("method", method.as_str())?;
    object.set("url", url.as_str())?;
    let lists = Object::new(ctx.clone())?;
    for (name, value) in headers {
        let name = canonical(name);
        let mut values: Vec<String> = lists.get::<_, Option<Vec<String>>>(name.as_str())?.unwrap_or_default();
        values.push(value.clone());
        lists.set(name, values)?;
    }
    object.set("headers", lists)?;
    object.set("body", String::from_utf8_lossy(body).as_ref())?;
    let cookies = Object::new(ctx.clone())?;
    for cookie in response.sent.as_ref().map_or(&asked.cookies, |sent| &sent.cookies) {
        let one = Object::new(ctx.clone())?;
        one.set("name", cookie.name.as_str())?;
        one.set("value", cookie.value.as_str())?;
        one.set("replace", cookie.replace)?;
        let list: Array = match cookies.get::<_, Option<Array>>(cookie.name.as_str())? {
            Some(list) => list,
            None => Array::new(ctx.clone())?,
        };
        list.set(list.len(), one)?;
        cookies.set(cookie.name.as_str(), list)?;
    }
    object.set("cookies", cookies)?;
    Ok(object.into_value())
}

static NO_BYTES: bytes::Bytes = bytes::Bytes::new();

/// Bytes as text: each that belongs to no character becomes U+FFFD of its own.
fn text_from(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

/// Names in the form `Content-Type`, repeated headers as one with commas; in the order of arrival.
fn joined(headers: &[(String, String)]) -> Vec<(String, String)> {
    let mut joined: Vec<(String, String)> = Vec::with_capacity(headers.len());
    // What the connection is about is no part of the answer.
    let own =
        |name: &str| !name.eq_ignore_ascii_case("transfer-encoding") && !name.eq_ignore_ascii_case("trailer");
    for (name, value) in headers.iter().filter(|(name, _)| own(name)) {
        let name = canonical(name);
        match joined.iter_mut().find(|(n, _)| *n == name) {
            Some((_, all)) => {
                all.push_str(", ");
                all.push_str(value);
            }
            None => joined.push((name, value.clone())),
        }
    }
    joined
}

/// `content-type` as `Content-Type`; what is no name of a header stays as it is, in the manner of Go.
#[must_use]
pub fn canonical(name: &str) -> String {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !name.bytes().all(token) {
        return name.to_owned();
    }
    let mut upper = true;
    name.chars()
        .map(|c| {
            let c = if upper { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
            upper = c == '-';
            c
        })
        .collect()
}

fn parse_json<'js>(ctx: &Ctx<'js>, text: &str) -> Result<Value<'js>> {
    let error = match ctx.json_parse(text) {
        Ok(value) => return Ok(value),
        Err(error) => crate::vm::error::take(ctx, &error),
    };
    let (line, column, why) = match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Err(at) if at.is_eof() => (at.line(), at.column(), "unexpected end of JSON input".to_owned()),
        Err(at) => {
            let line = text.lines().nth(at.line().saturating_sub(1)).unwrap_or_default();
            let found = line.as_bytes().get(at.column().saturating_sub(1)).copied().unwrap_or_default();
            let found = char::from(found).escape_default();
            (at.line(), at.column(), format!("invalid character '{found}' looking for beginning of value"))
        }
        Ok(_) => (1, 1, error.message),
    };
    let message =
        format!("cannot parse json due to an error at line {line}, character {column} , error: {why}");
    Err(throw(ctx, &message))
}
