//! The module `k6/http`.

use std::rc::Rc;

use rquickjs::function::{Opt, Rest};
use rquickjs::{Ctx, Function, Object, Persistent, Result, Value};

use super::text::Text;
use super::{NativeModule, add};
use crate::address::Address;
use crate::api::host::{AsyncOp, HostCall, Reply};
use crate::api::http::{HttpRequest, HttpResponse, ResponseType};
use crate::vm::error::throw;
use crate::vm::state::{Pending, Phase, VuState};

mod batch;
mod body;
mod expected;
mod jar;
mod page;
mod request;
mod response;

pub use response::canonical;
pub(crate) use response::{Response, shown};

/// What a response has to know of its request.
#[derive(Clone)]
pub(crate) struct About {
    pub(crate) response_type: ResponseType,
    pub(crate) throw: bool,
    /// Only kept where failures throw.
    pub(crate) method: String,
    /// Only kept where the script may ask for it.
    pub(crate) request: Option<Rc<HttpRequest>>,
    /// Of the promise, where failures throw.
    pub(crate) reject: Option<Persistent<Function<'static>>>,
}

/// Only what the script mentions is really made: each function costs every VU memory.
pub(crate) struct Http;

impl NativeModule for Http {
    const NAMES: &'static [&'static str] = &[
        "CookieJar",
        "asyncRequest",
        "batch",
        "cookieJar",
        "del",
        "expectedStatuses",
        "file",
        "get",
        "head",
        "options",
        "patch",
        "post",
        "put",
        "request",
        "setResponseCallback",
        "url",
    ];

    fn build<'js>(ctx: &Ctx<'js>, state: &Rc<VuState>) -> Result<Object<'js>> {
        let object = Object::new(ctx.clone())?;
        let mentions = |names: &[&str]| names.iter().any(|name| state.script.mentions_member(name));
        requests(&object, state)?;
        if mentions(&["batch"]) {
            batch::install(&object, state)?;
        }
        if mentions(&["file"]) {
            body::install(&object, state)?;
        }
        if mentions(&["expectedStatuses", "setResponseCallback"]) {
            expected::install(&object, state)?;
        }
        if mentions(&["CookieJar", "cookieJar"]) {
            jar::install(&object, state)?;
        }
        if mentions(&["url"]) {
            add(&object, "url", |ctx: Ctx<'js>, parts: Opt<Vec<String>>, values: Rest<Value<'js>>| {
                template(&ctx, &parts.0.unwrap_or_default(), &values.0)
            })?;
        }
        for (name, value) in CONSTANTS.iter().filter(|(name, _)| mentions(&[name])) {
            object.prop(*name, rquickjs::object::Property::from(*value).enumerable())?;
        }
        Ok(object)
    }
}

/// Names of TLS versions and of states of certificates.
const CONSTANTS: &[(&str, &str)] = &[
    ("TLS_1_0", "tls1.0"),
    ("TLS_1_1", "tls1.1"),
    ("TLS_1_2", "tls1.2"),
    ("TLS_1_3", "tls1.3"),
    ("OCSP_STATUS_GOOD", "good"),
    ("OCSP_STATUS_REVOKED", "revoked"),
    ("OCSP_STATUS_SERVER_FAILED", "server_failed"),
    ("OCSP_STATUS_UNKNOWN", "unknown"),
    ("OCSP_REASON_UNSPECIFIED", "unspecified"),
    ("OCSP_REASON_KEY_COMPROMISE", "key_compromise"),
    ("OCSP_REASON_CA_COMPROMISE", "ca_compromise"),
    ("OCSP_REASON_AFFILIATION_CHANGED", "affiliation_changed"),
    ("OCSP_REASON_SUPERSEDED", "superseded"),
    ("OCSP_REASON_CESSATION_OF_OPERATION", "cessation_of_operation"),
    ("OCSP_REASON_CERTIFICATE_HOLD", "certificate_hold"),
    ("OCSP_REASON_REMOVE_FROM_CRL", "remove_from_crl"),
    ("OCSP_REASON_PRIVILEGE_WITHDRAWN", "privilege_withdrawn"),
    ("OCSP_REASON_AA_COMPROMISE", "aa_compromise"),
];

fn requests<'js>(object: &Object<'js>, state: &Rc<VuState>) -> Result<()> {
    for (name, method) in [("get", "GET"), ("head", "HEAD")] {
        if !state.script.mentions_member(name) {
            continue;
        }
        let s = Rc::clone(state);
        add(
            object,
            name,
            move |ctx: Ctx<'js>, url: Opt<Value<'js>>, params: Opt<Value<'js>>, more: Opt<Value<'js>>| {
                if more.0.is_some() {
                    s.warn(&format!(
                        "http.{name} only accepts a url and a params argument (2 arguments), but 3 were given"
                    ));
                }
                request(&ctx, &s, method, url.0, None, params.0)
            },
        )?;
    }
    let methods =
        [("post", "POST"), ("put", "PUT"), ("patch", "PATCH"), ("del", "DELETE"), ("options", "OPTIONS")];
    for (name, method) in methods.into_iter().filter(|(name, _)| state.script.mentions_member(name)) {
        let s = Rc::clone(state);
        add(
            object,
            name,
            move |ctx: Ctx<'js>, url: Opt<Value<'js>>, body: Opt<Value<'js>>, params: Opt<Value<'js>>| {
                request(&ctx, &s, method, url.0, body.0, params.0)
            },
        )?;
    }
    for name in ["request", "asyncRequest"].into_iter().filter(|name| state.script.mentions_member(name)) {
        let s = Rc::clone(state);
        add(
            object,
            name,
            move |ctx: Ctx<'js>,
                  method: Opt<Text>,
                  url: Opt<Value<'js>>,
                  body: Opt<Value<'js>>,
                  params: Opt<Value<'js>>| {
                let ask = if name == "request" { request } else { async_request };
                ask(&ctx, &s, &method.0.unwrap_or_default().0, url.0, body.0, params.0)
            },
        )?;
    }
    Ok(())
}

/// Makes a request and waits for the answer.
pub(crate) fn request<'js>(
    ctx: &Ctx<'js>,
    state: &Rc<VuState>,
    method: &str,
    url: Option<Value<'js>>,
    body: Option<Value<'js>>,
    params: Option<Value<'js>>,
) -> Result<Value<'js>> {
    only_running(ctx, state, "Making http requests")?;
    let (request, throws) = match request::parse(ctx, state, method, url, body, params)? {
        Ok(parsed) => parsed,
        Err(refusal) => return refused(ctx, state, &refusal),
    };
    let about = about(state, &request, throws);
    match state.call(ctx, HostCall::Http(Box::new(request)))? {
        Reply::Http(response) => answer(ctx, state, &about, *response),
        _ => Err(throw(ctx, "the engine gave no response to a request")),
    }
}

fn async_request<'js>(
    ctx: &Ctx<'js>,
    state: &Rc<VuState>,
    method: &str,
    url: Option<Value<'js>>,
    body: Option<Value<'js>>,
    params: Option<Value<'js>>,
) -> Result<Value<'js>> {
    only_running(ctx, state, "Making http requests")?;
    let (promise, resolve, reject) = ctx.promise()?;
    match request::parse(ctx, state, method, url, body, params)? {
        Ok((request, throws)) => {
            let mut about = about(state, &request, throws);
            about.reject = throws.then(|| Persistent::save(ctx, reject));
            let pending = Pending::Http { resolve: Persistent::save(ctx, resolve), about };
            state.start(ctx, AsyncOp::Http(Box::new(request)), pending)?;
        }
        Err(refusal) => match refused(ctx, state, &refusal) {
            Ok(response) => resolve.call::<_, ()>((response,))?,
            Err(_) if state.cut.get() => return Err(state.cut_error(ctx)),
            Err(_) => reject.call::<_, ()>((ctx.catch(),))?,
        },
    }
    Ok(promise.into_value())
}

/// The end of an asynchronous request.
pub(crate) fn settle<'js>(
    ctx: &Ctx<'js>,
    state: &Rc<VuState>,
    resolve: Persistent<Function<'static>>,
    about: &About,
    response: HttpResponse,
) -> Result<()> {
    match answer(ctx, state, about, response) {
        Ok(value) => resolve.restore(ctx)?.call((value,)),
        Err(error) => match &about.reject {
            Some(reject) => reject.clone().restore(ctx)?.call((ctx.catch(),)),
            None => Err(error),
        },
    }
}

fn about(state: &VuState, request: &HttpRequest, throw: bool) -> About {
    let kept = state.reads.rest.then(|| Rc::new(request.clone()));
    About {
        response_type: request.response_type,
        throw,
        method: if throw { request.method.clone() } else { String::new() },
        request: kept,
        reject: None,
    }
}

/// The script's view of an answer, or an exception where failures throw.
fn answer<'js>(
    ctx: &Ctx<'js>,
    state: &Rc<VuState>,
    about: &About,
    response: HttpResponse,
) -> Result<Value<'js>> {
    // Others are logged where they are sent.
    if response.error_code != 0 && response.status == 0 && about.throw {
        let (first, rest) = about.method.split_at_checked(1).unwrap_or((&about.method, ""));
        let (rest, url) = (rest.to_lowercase(), &response.url);
        return Err(throw(ctx, &format!("{first}{rest} \"{url}\": {}", response.error)));
    }
    Response::new(about, response).into_value(ctx, state)
}

/// A request that could not even be made. k6 answers with a response that says so.
fn refused<'js>(ctx: &Ctx<'js>, state: &Rc<VuState>, refusal: &request::Refusal) -> Result<Value<'js>> {
    if state.config.throw {
        return Err(throw(ctx, &refusal.message));
    }
    state.warn(&format!("Request Failed error={}", refusal.message));
    Response::refused(refusal).into_value(ctx, state)
}

fn only_running(ctx: &Ctx<'_>, state: &VuState, what: &str) -> Result<()> {
    match state.phase.get() {
        Phase::Running => Ok(()),
        Phase::Init => Err(throw(ctx, &format!("{what} in the init context is not supported"))),
    }
}

/// The template tag `http.url`: the URL, and a name in which `${}` stands for each value.
fn template<'js>(ctx: &Ctx<'js>, parts: &[String], values: &[Value<'js>]) -> Result<Object<'js>> {
    let (mut url, mut name) = (String::new(), String::new());
    for (i, part) in parts.iter().enumerate() {
        url.push_str(part);
        name.push_str(part);
        if let Some(value) = values.get(i) {
            url.push_str(&value.get::<Text>()?.0);
            name.push_str("${}");
        }
    }
    let address = match Address::parse(&url) {
        Ok(address) => address,
        Err(why) => return Err(throw(ctx, &format!("invalid URL: {why}"))),
    };
    let clean = if address.user.is_some() { address.masked() } else { url.clone() };
    let object = Object::new(ctx.clone())?;
    object.set("name", name)?;
    object.set("url", url)?;
    object.set("clean_url", clean.as_str())?;
    Ok(object)
}
