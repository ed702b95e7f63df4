//! What a script asks of HTTP, done: cookies, redirects, authentication, compression, and the metrics of every hop.

use std::borrow::Cow;
use std::rc::Rc;
use std::time::Instant;

use bytes::Bytes;
use loadtest_js::{AuthScheme, Compression, HttpRequest, HttpResponse, LogLevel, ResponseType, SentRequest};

mod auth;
mod headers;
mod target;

use auth::{Authorization, Rounds};
pub use headers::{Envelope, in_order};
use headers::{head, own_headers, sent_request};
use target::{Head, Target};
pub use target::{Targets, address};

use super::shared::{LogLine, Shared};
use super::wire_log::{self, WireLog};
use crate::metrics::tags::{HttpTags, PlainTags};
use crate::net::client::{Client, Wire};
use crate::net::h1::now;
use crate::net::{Hop, NetError, Reply, Want, decode};

/// The request of the hop at hand; redirects change it.
struct Current<'a> {
    method: Cow<'a, str>,
    target: Rc<Target>,
    /// The address as text.
    url: Rc<str>,
    headers: Cow<'a, [(String, String)]>,
    /// `None`: no body at all, which is not the same as an empty one.
    body: Option<Bytes>,
    authorization: Authorization,
}

/// Sends one request of a script and everything that follows from it.
pub async fn send(shared: &Shared, client: &Client, request: &HttpRequest) -> HttpResponse {
    let current = match prepare(shared, request) {
        Ok(current) => current,
        Err(error) => return refused(shared, request, &error),
    };
    if let Some(rate) = &client.network().rate {
        rate.wait().await;
    }
    let deadline = now() + request.timeout;
    rounds(shared, client, request, current, deadline, None).await
}

/// Goes on after a first hop that was made elsewhere and is not recorded yet.
pub async fn go_on(
    shared: &Shared,
    client: &Client,
    request: &HttpRequest,
    first: Hop,
    deadline: Instant,
) -> HttpResponse {
    match prepare(shared, request) {
        Ok(current) => rounds(shared, client, request, current, deadline, Some(first)).await,
        Err(error) => refused(shared, request, &error),
    }
}

async fn rounds(
    shared: &Shared,
    client: &Client,
    request: &HttpRequest,
    mut current: Current<'_>,
    deadline: Instant,
    mut first: Option<Hop>,
) -> HttpResponse {
    let redirects_max = request.redirects_max.unwrap_or(shared.options.max_redirects);
    let mut redirects = 0;
    let mut authentication = Rounds::new(request);
    let mut cookies = Vec::new();
    let mut sent = None;
    loop {
        if !authentication.is_further() {
            cookies = request.jar.merged(&current.url, &request.cookies, || unix_now(shared));
        }
        if request.reads.rest && (sent.is_none() || redirects == 0 && authentication.shows_answer(&current)) {
            sent = Some(sent_request(request, &current, &own_headers(shared, &current, &cookies)));
        }
        if !authentication.is_further() {
            current.authorization = authentication.opening();
            if is_digest(request) && current.target.address.user.is_some() {
                // From here on k6 has taken the credentials out of it.
                current.url = current.target.address.without_user().to_string().into();
            }
        }
        let make = || head(shared, client, &current, own_headers(shared, &current, &cookies));
        let head = if cookies.is_empty() && current.authorization == Authorization::Usual {
            let length = current.body.as_ref().map(Bytes::len);
            current.target.head(&current.method, &current.headers, length, make)
        } else {
            Rc::new(make())
        };
        let mut hop = match first.take() {
            Some(hop) => hop,
            None if request.timeout.is_zero() => Hop::failed(NetError::timeout()),
            None => one_hop(shared, client, request, &current, &head, deadline).await,
        };
        if let Ok(reply) = &mut hop.result
            && let Err(error) = decode_body(reply)
        {
            hop.result = Err(error);
            hop.proto = "";
        }
        let usually = request.expected.judge(hop.result.as_ref().map_or(0, |reply| reply.status));
        let expected = authentication.expects(hop.result.as_ref().ok(), usually);
        record(shared, request, &current, &hop, expected);
        if shared.options.wire_log != WireLog::Nothing {
            let line = (&*current.method, current.target.path.as_str());
            let (body, reply) = (current.body.as_deref().unwrap_or_default(), hop.result.as_ref().ok());
            wire_log::log(shared, request, line, &head.headers, body, reply);
        }
        if let Some(answer) = authentication.answer(shared, &current, &mut hop) {
            current.authorization = answer;
            continue;
        }
        if hop.result.is_err()
            && let Some(original) = authentication.fall_back()
        {
            hop = original;
        }
        let Ok(reply) = &hop.result else {
            return failed(shared, request, &current, &hop, sent, redirects > 0);
        };
        request.jar.store(&current.url, &reply.headers, || unix_now(shared));
        match redirect(request, &current, reply) {
            Some(Ok(next)) if redirects < redirects_max => {
                redirects += 1;
                authentication.redirected();
                current = next;
            }
            Some(Err(error)) => {
                hop.result = Err(error);
                hop.proto = "";
                return failed(shared, request, &current, &hop, sent, redirects > 0);
            }
            other => {
                if other.is_some() && request.redirects_max.is_none() {
                    let message = format!(
                        "Stopped after {} redirects and returned the redirection; pass {{ redirects: n }} in request \
                         params or set global maxRedirects to silence this",
                        redirects + 1
                    );
                    let fields = vec![("url", request.url.clone())];
                    shared.log_with(LogLine { fields, ..LogLine::plain(LogLevel::Warn, &message) });
                }
                return response(request, &current, hop, sent);
            }
        }
    }
}

fn is_digest(request: &HttpRequest) -> bool {
    request.auth.as_ref().is_some_and(|auth| auth.scheme == AuthScheme::Digest)
}

fn unix_now(shared: &Shared) -> i64 {
    let now = (shared.clock.start_unix + shared.clock.elapsed()).as_secs();
    i64::try_from(now).unwrap_or(i64::MAX)
}

fn prepare<'a>(shared: &Shared, request: &'a HttpRequest) -> Result<Current<'a>, NetError> {
    let target = shared.targets.borrow_mut().get(shared, &request.url)?;
    let mut body = request.body.clone();
    let mut headers = Cow::Borrowed(request.headers.as_slice());
    if !request.compression.is_empty()
        && let Some(plain) = &body
    {
        let names: Vec<&str> = request.compression.iter().map(compression).collect();
        let names = names.join(", ");
        body = Some(decode::encode(plain.to_vec(), &names).map_err(NetError::generic)?.into());
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-encoding")) {
            headers.to_mut().push(("Content-Encoding".to_owned(), names));
        }
    }
    if let Some((_, length)) = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
        let real = body.as_ref().map_or(0, Bytes::len);
        if length.parse() != Ok(real) {
            let message = format!(
                "The specified Content-Length header {length:?} in the {} request for {} doesn't match the actual \
                 request body length of {real}, so it will be ignored!",
                request.method, request.url
            );
            shared.log(LogLevel::Warn, &message, "");
        }
    }
    let url = Rc::clone(&target.url);
    let method = Cow::Borrowed(request.method.as_str());
    Ok(Current { method, target, url, headers, body, authorization: Authorization::Usual })
}

fn compression(compression: &Compression) -> &'static str {
    match compression {
        Compression::Gzip => "gzip",
        Compression::Deflate => "deflate",
        Compression::Zstd => "zstd",
        Compression::Brotli => "br",
    }
}

/// The end of a body that is sent in chunks, of which there are none.
const NO_CHUNKS: &[u8] = b"0\r\n\r\n";

async fn one_hop(
    shared: &Shared,
    client: &Client,
    request: &HttpRequest,
    current: &Current<'_>,
    head: &Head,
    deadline: Instant,
) -> Hop {
    let (origin, text) = match (&current.target.origin, &head.text) {
        (Ok(origin), Ok(text)) => (origin, text),
        (Err(error), _) | (_, Err(error)) => return Hop::failed(error.clone()),
    };
    let encoded_body = request.response_type != ResponseType::None;
    let logged = shared.options.wire_log != WireLog::Nothing;
    let want = Want {
        headers: request.reads.headers || request.reads.rest || logged,
        body: encoded_body && (request.reads.body || logged),
        encoded_body,
    };
    let body = match &current.body {
        Some(body) if body.is_empty() && chunked(&head.headers) => Bytes::from_static(NO_CHUNKS),
        body => body.clone().unwrap_or_default(),
    };
    let wire = Wire {
        origin,
        method: &current.method,
        target: &current.target.path,
        headers: &head.headers,
        head: Some(text),
        body: &body,
        want,
        deadline,
    };
    client.hop(wire).await
}

fn chunked(headers: &[(String, String)]) -> bool {
    headers.iter().any(|(name, _)| name == "Transfer-Encoding")
}

fn decode_body(reply: &mut Reply) -> Result<(), NetError> {
    if reply.body.is_empty() {
        return Ok(());
    }
    let Some(encoding) = reply.header("content-encoding").map(str::to_owned) else { return Ok(()) };
    reply.body = decode::decode(std::mem::take(&mut reply.body), &encoding)?;
    Ok(())
}

/// Adds the metrics of one hop. `expected`: whether its status was, if anybody judges that.
fn record(shared: &Shared, request: &HttpRequest, current: &Current<'_>, hop: &Hop, expected: Option<bool>) {
    let status = hop.result.as_ref().map_or(0, |reply| reply.status);
    let named;
    let has_name = request.tags.iter().any(|(key, _)| key == "name");
    let extra: &[(String, String)] = match &request.name {
        Some(name) if !has_name && shared.options.system_tags.has("name") => {
            let mut tags = request.tags.clone();
            tags.push(("name".to_owned(), name.clone()));
            named = tags;
            &named
        }
        _ => &request.tags,
    };
    let (error, error_code) = match &hop.result {
        Err(error) => (error.message.as_ref(), error.code),
        Ok(reply) if reply.status >= 400 => ("", 1000 + reply.status),
        Ok(_) => ("", 0),
    };
    let tags = HttpTags {
        plain: PlainTags { context: &request.context, extra, system: shared.options.system_tags, own: &[] },
        method: &current.method,
        url: if current.target.address.user.is_none() || is_digest(request) {
            &current.url
        } else {
            &current.target.shown
        },
        status,
        proto: hop.proto,
        error,
        error_code,
        tls_version: hop.tls.as_ref().map_or("", |tls| tls.version),
        expected,
        ip: hop.remote.map(|remote| remote.ip()),
    };
    let at_ns = shared.clock.now_ns();
    shared.recorder.borrow_mut().http(&tags, &hop.timings, at_ns);
}

/// The next hop where the reply is a redirect. `Err`: its address is unusable.
fn redirect<'a>(
    request: &HttpRequest,
    current: &Current<'a>,
    reply: &Reply,
) -> Option<Result<Current<'a>, NetError>> {
    let keep = match reply.status {
        301..=303 => false,
        307 | 308 => true,
        _ => return None,
    };
    let location = reply.header("location").filter(|location| !location.is_empty())?;
    let before = &current.target.address;
    let before = if is_digest(request) { &before.without_user() } else { before };
    let target = match before.join(location) {
        Ok(address) => Target::of(address),
        Err(why) => {
            let why = format!("failed to parse Location header {location:?}: {why}");
            return Some(Err(NetError::generic(why)));
        }
    };
    let address = &target.address;
    let get = !keep && current.method != "GET" && current.method != "HEAD";
    let mut headers = current.headers.to_vec();
    let (to, from) = (address.host_and_port().0, before.host_and_port().0);
    let same_host = to == from || to.ends_with(&format!(".{from}"));
    let private = ["authorization", "www-authenticate", "cookie", "host"];
    headers.retain(|(name, _)| {
        let name = name.to_ascii_lowercase();
        name != "host" && (same_host || !private.contains(&name.as_str()))
    });
    // A script's own Host stays where the address names no other.
    if !location.contains("//")
        && let Some(host) = current.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"))
    {
        headers.push(host.clone());
    }
    let drop_body = get || !keep;
    if drop_body {
        let about_body = ["content-type", "content-encoding", "content-length"];
        headers.retain(|(name, _)| !about_body.iter().any(|drop| name.eq_ignore_ascii_case(drop)));
    }
    // The script's own stands for all hops; else each hop names the one before it.
    let is_referer = |(name, _): &(String, String)| name.eq_ignore_ascii_case("referer");
    let downgrade = before.scheme == "https" && address.scheme == "http";
    if !request.headers.iter().any(is_referer) {
        headers.retain(|header| !is_referer(header));
        if !downgrade {
            headers.push(("Referer".to_owned(), before.without_user().to_string()));
        }
    }
    Some(Ok(Current {
        method: if get { Cow::Borrowed("GET") } else { current.method.clone() },
        url: Rc::clone(&target.url),
        target: Rc::new(target),
        headers: headers.into(),
        body: if drop_body { None } else { current.body.clone() },
        authorization: Authorization::Usual,
    }))
}

/// A request that could not even be sent: no metrics, as in k6.
fn refused(shared: &Shared, request: &HttpRequest, error: &NetError) -> HttpResponse {
    warn(shared, &request.method, &request.url, error);
    HttpResponse {
        url: request.url.as_str().into(),
        error: error.message.to_string(),
        error_code: error.code,
        ..HttpResponse::default()
    }
}

fn warn(shared: &Shared, method: &str, url: &str, error: &NetError) {
    let at_ns = shared.clock.now_ns();
    let place = format!("{method} {url}");
    let worth_a_line = shared.recorder.borrow_mut().error("warning", &error.message, &place, at_ns);
    if worth_a_line {
        let (first, rest) = method.split_at_checked(1).unwrap_or((method, ""));
        let operation = format!("{first}{}", rest.to_lowercase());
        let fields = vec![("error", format!("{operation} \"{url}\": {error}"))];
        shared.log_with(LogLine { fields, ..LogLine::plain(LogLevel::Warn, "Request Failed") });
    }
}

fn failed(
    shared: &Shared,
    request: &HttpRequest,
    current: &Current<'_>,
    hop: &Hop,
    sent: Option<SentRequest>,
    redirected: bool,
) -> HttpResponse {
    let error = hop.result.as_ref().err().cloned().unwrap_or_else(NetError::eof);
    // What is thrown is not logged.
    if !request.throws {
        warn(shared, &current.method, &current.url, &error);
    }
    let mut answer = base(request, current, hop, sent);
    if !redirected {
        answer.url = request.url.as_str().into();
    }
    answer.error = error.message.to_string();
    answer.error_code = error.code;
    answer
}

fn response(
    request: &HttpRequest,
    current: &Current<'_>,
    hop: Hop,
    sent: Option<SentRequest>,
) -> HttpResponse {
    let mut answer = base(request, current, &hop, sent);
    if let Ok(reply) = hop.result {
        answer.status = reply.status;
        if request.reads.rest {
            answer.status_text = format!("{} {}", reply.status, reply.reason);
        }
        answer.error_code = if reply.status >= 400 { 1000 + reply.status } else { 0 };
        answer.headers = reply.headers;
        if request.response_type != ResponseType::None && request.reads.body {
            answer.body = reply.body.into();
        }
    }
    answer
}

fn base(request: &HttpRequest, current: &Current<'_>, hop: &Hop, sent: Option<SentRequest>) -> HttpResponse {
    let timings = hop.timings;
    let rest = request.reads.rest;
    HttpResponse {
        url: Rc::clone(&current.url),
        proto: hop.proto,
        remote_ip: hop.remote.filter(|_| rest).map(|remote| remote.ip().to_string()).unwrap_or_default(),
        remote_port: hop.remote.map(|remote| remote.port()).unwrap_or_default(),
        timings: loadtest_js::Timings {
            blocked: timings.blocked,
            connecting: timings.connecting,
            tls_handshaking: timings.tls_handshaking,
            sending: timings.sending,
            waiting: timings.waiting,
            receiving: timings.receiving,
        },
        tls_version: hop.tls.as_ref().map_or("", |tls| tls.version),
        tls_cipher_suite: hop.tls.as_ref().map(|tls| tls.cipher_suite.clone()).unwrap_or_default(),
        sent,
        ..HttpResponse::default()
    }
}
