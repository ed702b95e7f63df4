//! A response as scripts see it. Its parts become JavaScript values only when they are asked for.

use std::rc::Rc;
use std::time::Duration;

use rquickjs::class::Trace;
use rquickjs::function::{Opt, This};
use rquickjs::{Array, ArrayBuffer, Class, Ctx, IntoJs, JsLifetime, Object, Result, Value};

use super::{About, page};
use super::request::Refusal;
use crate::api::http::{HttpResponse, ResponseType};
use crate::cookies::parse_set_cookie;
use crate::vm::error::throw;
use crate::vm::state::VuState;

/// k6's number for "no expiry": the zero of its clock, squeezed into nanoseconds, in milliseconds.
const NO_EXPIRY_MS: f64 = -6_795_364_578_871.0;

#[derive(Trace, JsLifetime)]
#[rquickjs::class]
pub(crate) struct Response<'js> {
    #[qjs(skip_trace)]
    about: Option<About>,
    #[qjs(skip_trace)]
    inner: HttpResponse,
    /// The whole body as JSON, once it has been parsed.
    json: Option<Value<'js>>,
}

impl Response<'_> {
    pub(crate) fn new(about: &About, inner: HttpResponse) -> Self {
        Self { about: Some(about.clone()), inner, json: None }
    }

    /// For a request that was not made.
    pub(crate) fn refused(_state: &Rc<VuState>, refusal: &Refusal) -> Self {
        let inner =
            HttpResponse { error: refusal.message.clone(), error_code: refusal.code, ..HttpResponse::default() };
        Self { about: None, inner, json: None }
    }

    fn has_body(&self) -> bool {
        self.inner.status != 0 && self.about.as_ref().is_some_and(|a| a.response_type != ResponseType::None)
    }

    /// The URL relative links start from.
    pub(crate) fn base_url(&self) -> &str {
        &self.inner.url
    }

    /// The body as text, for those who need one.
    pub(crate) fn text<'js>(&self, ctx: &Ctx<'js>, what: &str) -> Result<String> {
        if self.has_body() {
            return Ok(String::from_utf8_lossy(&self.inner.body).into_owned());
        }
        let why = format!(
            "the body is null so we can't transform it to {what} - this likely was because of a request error \
             getting the response"
        );
        Err(throw(ctx, &why))
    }
}

#[rquickjs::methods]
impl<'js> Response<'js> {
    #[qjs(get, enumerable)]
    fn status(&self) -> u16 {
        self.inner.status
    }

    #[qjs(get, enumerable)]
    fn status_text(&self) -> &str {
        &self.inner.status_text
    }

    #[qjs(get, enumerable)]
    fn url(&self) -> &str {
        &self.inner.url
    }

    #[qjs(get, enumerable)]
    fn proto(&self) -> &str {
        &self.inner.proto
    }

    #[qjs(get, enumerable)]
    fn remote_ip(&self) -> &str {
        &self.inner.remote_ip
    }

    #[qjs(get, enumerable)]
    fn remote_port(&self) -> u16 {
        self.inner.remote_port
    }

    #[qjs(get, enumerable)]
    fn error(&self) -> &str {
        &self.inner.error
    }

    #[qjs(get, enumerable)]
    fn error_code(&self) -> u16 {
        self.inner.error_code
    }

    #[qjs(get, enumerable)]
    fn tls_version(&self) -> &str {
        &self.inner.tls_version
    }

    #[qjs(get, enumerable)]
    fn tls_cipher_suite(&self) -> &str {
        &self.inner.tls_cipher_suite
    }

    /// Certificates' states are not asked for.
    #[qjs(get, enumerable)]
    fn ocsp(&self, ctx: Ctx<'js>) -> Result<Object<'js>> {
        let ocsp = Object::new(ctx)?;
        for name in ["produced_at", "this_update", "next_update", "revoked_at"] {
            ocsp.set(name, 0)?;
        }
        ocsp.set("revocation_reason", "")?;
        ocsp.set("status", "")?;
        Ok(ocsp)
    }

    #[qjs(get, enumerable)]
    fn body(&self, ctx: Ctx<'js>) -> Result<Value<'js>> {
        match self.about.as_ref().map(|a| a.response_type) {
            Some(ResponseType::Binary) if self.has_body() => {
                Ok(ArrayBuffer::new_copy(ctx, &self.inner.body)?.into_value())
            }
            Some(ResponseType::Text) if self.has_body() => {
                String::from_utf8_lossy(&self.inner.body).as_ref().into_js(&ctx)
            }
            _ => Ok(Value::new_null(ctx)),
        }
    }

    #[qjs(get, enumerable)]
    fn headers(&self, ctx: Ctx<'js>) -> Result<Object<'js>> {
        let headers = Object::new(ctx)?;
        for (name, value) in joined(&self.inner.headers) {
            headers.set(name, value)?;
        }
        Ok(headers)
    }

    #[qjs(get, enumerable)]
    fn cookies(&self, ctx: Ctx<'js>) -> Result<Object<'js>> {
        let cookies = Object::new(ctx.clone())?;
        for (name, value) in &self.inner.headers {
            if !name.eq_ignore_ascii_case("set-cookie") {
                continue;
            }
            let Some(cookie) = parse_set_cookie(value) else { continue };
            let object = Object::new(ctx.clone())?;
            object.set("name", cookie.name.as_str())?;
            object.set("value", cookie.value)?;
            object.set("domain", cookie.domain)?;
            object.set("path", cookie.path)?;
            object.set("http_only", cookie.http_only)?;
            object.set("secure", cookie.secure)?;
            #[expect(clippy::cast_precision_loss, reason = "ages and dates are far below 2^53")]
            let (age, expires) =
                (cookie.max_age.unwrap_or(0) as f64, cookie.expires.map_or(NO_EXPIRY_MS, |s| s as f64 * 1000.0));
            object.set("max_age", age)?;
            object.set("expires", expires)?;
            let list: Array = match cookies.get::<_, Option<Array>>(cookie.name.as_str())? {
                Some(list) => list,
                None => Array::new(ctx.clone())?,
            };
            list.set(list.len(), object)?;
            cookies.set(cookie.name, list)?;
        }
        Ok(cookies)
    }

    #[qjs(get, enumerable)]
    fn timings(&self, ctx: Ctx<'js>) -> Result<Object<'js>> {
        let t = &self.inner.timings;
        let timings = Object::new(ctx)?;
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
        Ok(timings)
    }

    #[qjs(get, enumerable)]
    fn request(&self, ctx: Ctx<'js>) -> Result<Value<'js>> {
        match &self.about {
            Some(about) => request_object(ctx, about, &self.inner),
            None => Ok(Value::new_null(ctx)),
        }
    }

    fn json(&mut self, ctx: Ctx<'js>, selector: Opt<String>) -> Result<Value<'js>> {
        if selector.0.is_none()
            && let Some(json) = &self.json
        {
            return Ok(json.clone());
        }
        let text = self.text(&ctx, "JSON")?;
        if let Some(selector) = selector.0 {
            return select(&ctx, &text, &selector);
        }
        let value = parse_json(&ctx, &text)?;
        self.json = Some(value.clone());
        Ok(value)
    }

    fn html(&self, ctx: Ctx<'js>, selector: Opt<String>) -> Result<Value<'js>> {
        page::html(&ctx, &self.text(&ctx, "HTML")?, &self.inner.url, selector.0)
    }

    #[qjs(rename = "submitForm")]
    fn submit_form(this: This<Class<'js, Self>>, ctx: Ctx<'js>, options: Opt<Value<'js>>) -> Result<Value<'js>> {
        page::follow(&ctx, &this.0, "formRequest", options.0)
    }

    #[qjs(rename = "clickLink")]
    fn click_link(this: This<Class<'js, Self>>, ctx: Ctx<'js>, options: Opt<Value<'js>>) -> Result<Value<'js>> {
        page::follow(&ctx, &this.0, "linkRequest", options.0)
    }

    /// All that scripts can read, as k6 writes it.
    #[qjs(rename = "toJSON")]
    fn to_json(&self, ctx: Ctx<'js>) -> Result<Object<'js>> {
        let object = Object::new(ctx.clone())?;
        object.set("remote_ip", self.remote_ip())?;
        object.set("remote_port", self.remote_port())?;
        object.set("url", self.url())?;
        object.set("status", self.status())?;
        object.set("status_text", self.status_text())?;
        object.set("proto", self.proto())?;
        object.set("headers", self.headers(ctx.clone())?)?;
        object.set("cookies", self.cookies(ctx.clone())?)?;
        object.set("body", self.body(ctx.clone())?)?;
        object.set("timings", self.timings(ctx.clone())?)?;
        object.set("tls_version", self.tls_version())?;
        object.set("tls_cipher_suite", self.tls_cipher_suite())?;
        object.set("ocsp", self.ocsp(ctx.clone())?)?;
        object.set("error", self.error())?;
        object.set("error_code", self.error_code())?;
        object.set("request", self.request(ctx)?)?;
        Ok(object)
    }
}

fn request_object<'js>(ctx: Ctx<'js>, about: &About, response: &HttpResponse) -> Result<Value<'js>> {
    let asked = &about.request;
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
    for cookie in &asked.cookies {
        let one = Object::new(ctx.clone())?;
        one.set("name", cookie.name.as_str())?;
        one.set("value", cookie.value.as_str())?;
        one.set("replace", cookie.replace)?;
        cookies.set(cookie.name.as_str(), vec![one])?;
    }
    object.set("cookies", cookies)?;
    Ok(object.into_value())
}

static NO_BYTES: bytes::Bytes = bytes::Bytes::new();

/// Names in the form `Content-Type`, repeated headers as one with commas; in the order of arrival.
fn joined(headers: &[(String, String)]) -> Vec<(String, String)> {
    let mut joined: Vec<(String, String)> = Vec::with_capacity(headers.len());
    for (name, value) in headers {
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

/// `content-type` as `Content-Type`, in the manner of Go.
fn canonical(name: &str) -> String {
    let mut upper = true;
    name.chars()
        .map(|c| {
            let c = if upper { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
            upper = c == '-';
            c
        })
        .collect()
}

/// A part of a JSON text by a path in the syntax of gjson; `undefined` if there is none or it is not JSON.
pub(crate) fn select<'js>(ctx: &Ctx<'js>, text: &str, selector: &str) -> Result<Value<'js>> {
    if !gjson::valid(text) {
        return Ok(Value::new_undefined(ctx.clone()));
    }
    let found = gjson::get(text, selector);
    if !found.exists() {
        return Ok(Value::new_undefined(ctx.clone()));
    }
    ctx.json_parse(found.json())
}

fn parse_json<'js>(ctx: &Ctx<'js>, text: &str) -> Result<Value<'js>> {
    let error = match ctx.json_parse(text) {
        Ok(value) => return Ok(value),
        Err(error) => crate::vm::error::take(ctx, &error),
    };
    let (line, column) = match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Err(at) => (at.line(), at.column()),
        Ok(_) => (1, 1),
    };
    let message =
        format!("cannot parse json due to an error at line {line}, character {column} , error: {}", error.message);
    Err(throw(ctx, &message))
}
