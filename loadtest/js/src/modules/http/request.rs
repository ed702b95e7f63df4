//! From what a script hands over to an [`HttpRequest`].

use std::rc::Rc;
use std::time::Duration;

use rquickjs::{Class, Coerced, Ctx, Object, Result, Value};

use super::body;
use super::expected::ExpectedStatuses;
use super::jar::JarObject;
use crate::address::Address;
use crate::api::http::{Auth, AuthScheme, Compression, Expected, HttpRequest, RequestCookie, ResponseType};
use crate::modules::tags::tags_of;
use crate::modules::text::{go_type, string_of};
use crate::modules::{given, text_of};
use crate::vm::state::VuState;

/// k6's default for `timeout`.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Why a request cannot be made, as k6 says it, and k6's code.
pub(crate) struct Refusal {
    pub(crate) message: String,
    pub(crate) code: u16,
}

impl Refusal {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 0 }
    }
}

/// The request and whether failures throw. The outer error is an exception of the script's own code.
type Parsed = std::result::Result<(HttpRequest, bool), Refusal>;

pub(crate) fn parse<'js>(
    ctx: &Ctx<'js>,
    state: &Rc<VuState>,
    method: &str,
    url: Option<Value<'js>>,
    body: Option<Value<'js>>,
    params: Option<Value<'js>>,
) -> Result<Parsed> {
    let target = match target(url)? {
        Ok(target) => target,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let mut request = HttpRequest {
        method: if method.is_empty() { "GET".to_owned() } else { method.to_owned() },
        url: target.url,
        name: target.name,
        headers: Vec::new(),
        body: None,
        compression: Vec::new(),
        cookies: Vec::new(),
        jar: state.jar(),
        redirects_max: None,
        timeout: TIMEOUT,
        response_type: state.response_type(),
        auth: target.auth,
        throws: false,
        expected: state.expected.borrow().clone(),
        context: state.context(),
        tags: Vec::new(),
        reads: state.reads,
    };
    if let Some(body) = given(body) {
        match body::encode(state, &body)? {
            Ok(encoded) => {
                request.headers.extend(encoded.content_type.map(|t| ("Content-Type".to_owned(), t)));
                request.body = Some(encoded.bytes);
            }
            Err(refusal) => return Ok(Err(refusal)),
        }
    }
    let mut throws = state.config.throw;
    if let Some(params) = given(params).and_then(|p| p.into_object()) {
        for entry in params.props::<String, Value>() {
            let (key, value) = entry?;
            if key == "throw" {
                throws = crate::modules::k6::truthy(&value);
            } else if let Err(refusal) = param(ctx, &mut request, &key, value)? {
                return Ok(Err(refusal));
            }
        }
    }
    request.throws = throws;
    Ok(Ok((request, throws)))
}

struct Target {
    url: String,
    name: Option<String>,
    auth: Option<Auth>,
}

fn target(url: Option<Value<'_>>) -> Result<std::result::Result<Target, Refusal>> {
    let refused =
        |shown: &str| Ok(Err(Refusal { message: format!("invalid URL: '#{shown}'"), code: INVALID_URL }));
    let Some(url) = given(url) else { return refused("<nil>") };
    let (url, name) = if let Some(text) = text_of(&url) {
        (text, None)
    } else if let Some((url, name)) = templated(&url)? {
        (url, Some(name))
    } else if url.is_array() {
        return refused("[]");
    } else if url.is_object() && !url.is_function() {
        return refused("map[]");
    } else {
        return refused(&string_of(&url)?);
    };
    if Address::is_plain(&url) {
        return Ok(Ok(Target { url, name, auth: None }));
    }
    let address = match Address::parse(&url) {
        Ok(address) => address,
        Err(why) => {
            return Ok(Err(Refusal { message: format!("invalid URL: {why}"), code: INVALID_URL }));
        }
    };
    let auth = address.user.map(|(user, password)| Auth {
        scheme: AuthScheme::Basic,
        user,
        password: password.unwrap_or_default(),
    });
    Ok(Ok(Target { url, name, auth }))
}

/// k6's code for a URL that cannot be one.
const INVALID_URL: u16 = 1020;

/// What `http.url` made.
fn templated(value: &Value<'_>) -> Result<Option<(String, String)>> {
    let Some(object) = value.as_object() else { return Ok(None) };
    let url: Value = object.get("url")?;
    let name: Value = object.get("name")?;
    Ok(text_of(&url).zip(text_of(&name)))
}

/// The object behind a value, whose own properties are what it holds.
fn object_of<'js>(ctx: &Ctx<'js>, value: Value<'js>) -> Result<Option<Object<'js>>> {
    match given(Some(value)) {
        None => Ok(None),
        Some(value) if value.is_object() => Ok(value.into_object()),
        Some(value) => ctx.globals().get::<_, rquickjs::Function>("Object")?.call((value,)),
    }
}

/// One entry of `params`.
fn param<'js>(
    ctx: &Ctx<'js>,
    request: &mut HttpRequest,
    key: &str,
    value: Value<'js>,
) -> Result<std::result::Result<(), Refusal>> {
    let text = |value: &Value<'js>| string_of(value);
    match key {
        "headers" => headers(request, object_of(ctx, value)?)?,
        "cookies" => cookies(request, object_of(ctx, value)?)?,
        "tags" => match tags_of(ctx, Some(value)) {
            Ok(tags) => request.tags = tags,
            Err(error) if error.is_exception() => {
                let why = crate::vm::error::take(ctx, &error).message;
                let why = why.trim_start_matches("GoError: ");
                return Ok(Err(Refusal::new(format!("invalid HTTP request metric tags: {why}"))));
            }
            Err(error) => return Err(error),
        },
        "jar" => {
            if let Some(jar) = value.as_object().and_then(Class::<JarObject>::from_object) {
                request.jar = jar.borrow().jar();
            }
        }
        "redirects" => {
            let redirects = value.get::<Coerced<f64>>()?.0;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
            let redirects = redirects as u32;
            request.redirects_max = Some(redirects);
        }
        "timeout" => match timeout(&value)? {
            Ok(timeout) => request.timeout = timeout,
            Err(refusal) => return Ok(Err(refusal)),
        },
        "auth" => {
            if let Some(scheme) = scheme(&text(&value)?) {
                let nobody = || Auth { scheme, user: String::new(), password: String::new() };
                request.auth.get_or_insert_with(nobody).scheme = scheme;
            }
        }
        "compression" => match compression(&text(&value)?) {
            Ok(list) => request.compression = list,
            Err(refusal) => return Ok(Err(refusal)),
        },
        "responseType" => match response_type(&text(&value)?) {
            Some(kind) => request.response_type = kind,
            None => {
                let why = format!("{} does not belong to ResponseType values", text(&value)?);
                return Ok(Err(Refusal::new(why)));
            }
        },
        "responseCallback" => match callback(&value) {
            Some(expected) => request.expected = expected,
            None => return Ok(Err(Refusal::new("unsupported responseCallback"))),
        },
        _ => {}
    }
    Ok(Ok(()))
}

fn headers(request: &mut HttpRequest, object: Option<Object<'_>>) -> Result<()> {
    let Some(object) = object else { return Ok(()) };
    for entry in object.props::<String, Value>() {
        let (name, value) = entry?;
        let value = string_of(&value)?;
        match request.headers.iter_mut().find(|(n, _)| n.eq_ignore_ascii_case(&name)) {
            Some(old) => *old = (name, value),
            None => request.headers.push((name, value)),
        }
    }
    Ok(())
}

fn cookies(request: &mut HttpRequest, object: Option<Object<'_>>) -> Result<()> {
    let Some(object) = object else { return Ok(()) };
    for entry in object.props::<String, Value>() {
        let (name, value) = entry?;
        let Some(value) = given(Some(value)) else { continue };
        let mut cookie = RequestCookie { name, value: String::new(), replace: false };
        match value.as_object().filter(|parts| !parts.is_array()) {
            Some(parts) => cookie_parts(&mut cookie, parts)?,
            None => cookie.value = string_of(&value)?,
        }
        request.cookies.push(cookie);
    }
    Ok(())
}

fn cookie_parts(cookie: &mut RequestCookie, parts: &Object<'_>) -> Result<()> {
    for entry in parts.props::<String, Value>() {
        let (key, value) = entry?;
        match key.to_ascii_lowercase().as_str() {
            "value" => cookie.value = string_of(&value)?,
            "replace" => cookie.replace = crate::modules::k6::truthy(&value),
            _ => {}
        }
    }
    Ok(())
}

/// A number of milliseconds, or a text such as `1m30s`.
fn timeout(value: &Value<'_>) -> Result<std::result::Result<Duration, Refusal>> {
    if let Some(ms) = value.as_number() {
        return Ok(Ok(Duration::try_from_secs_f64(ms / 1000.0).unwrap_or(Duration::ZERO)));
    }
    if !value.is_string() {
        let why = format!("invalid timeout value: unable to use type {} as a duration value", go_type(value));
        return Ok(Err(Refusal::new(why)));
    }
    let text = string_of(value)?;
    Ok(duration(&text)
        .ok_or_else(|| Refusal::new(format!("invalid timeout value: time: invalid duration \"{text}\""))))
}

/// k6's durations: numbers of `h`, `m`, `s`, `ms`, `us`, `ns`, days as `d` too; a bare number is milliseconds.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    if let Ok(ms) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(ms / 1000.0).ok();
    }
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let unit = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit);
        let factor = match unit {
            "d" => 86_400.0,
            "h" => 3_600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * factor;
        rest = tail;
    }
    Duration::try_from_secs_f64(seconds).ok().filter(|_| !text.is_empty())
}

fn scheme(name: &str) -> Option<AuthScheme> {
    match name {
        "basic" => Some(AuthScheme::Basic),
        "digest" => Some(AuthScheme::Digest),
        "ntlm" => Some(AuthScheme::Ntlm),
        _ => None,
    }
}

fn compression(names: &str) -> std::result::Result<Vec<Compression>, Refusal> {
    if names.trim().is_empty() {
        return Ok(Vec::new());
    }
    let one = |name: &str| match name.trim() {
        "gzip" => Ok(Compression::Gzip),
        "deflate" => Ok(Compression::Deflate),
        "zstd" => Ok(Compression::Zstd),
        "br" => Ok(Compression::Brotli),
        other => Err(Refusal::new(format!(
            "unknown compression algorithm {other}, supported algorithms are [gzip deflate zstd br]"
        ))),
    };
    names.split(',').map(one).collect()
}

fn response_type(name: &str) -> Option<ResponseType> {
    match name {
        "text" => Some(ResponseType::Text),
        "binary" => Some(ResponseType::Binary),
        "none" => Some(ResponseType::None),
        _ => None,
    }
}

/// What `responseCallback` may be; `None`: something else.
pub(crate) fn callback(value: &Value<'_>) -> Option<Expected> {
    if value.is_null() || value.is_undefined() {
        return Some(Expected::Unjudged);
    }
    let statuses = Class::<ExpectedStatuses>::from_object(value.as_object()?)?;
    let expected = statuses.borrow().expected();
    Some(expected)
}
