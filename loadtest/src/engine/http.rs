//! What a script asks of HTTP, done: cookies, redirects, authentication, compression, and the metrics of every hop.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::Instant;

use bytes::Bytes;
use loadtest_js::{
    Auth, AuthScheme, Compression, HttpRequest, HttpResponse, LogLevel, ResponseType, SentRequest,
};
use url::Url;

use super::digest;
use super::shared::{LogLine, Shared};
use crate::metrics::tags::{HttpTags, PlainTags};
use crate::net::client::{Client, Wire};
use crate::net::h1::now;
use crate::net::proxy::basic;
use crate::net::{Hop, NetError, Origin, Reply, Want, decode};

/// The request of the hop at hand; redirects change it.
struct Current {
    method: String,
    url: Url,
    origin: Rc<Origin>,
    headers: Vec<(String, String)>,
    body: Bytes,
    /// Answers a digest challenge.
    authorization: Option<String>,
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
    mut current: Current,
    deadline: Instant,
    mut first: Option<Hop>,
) -> HttpResponse {
    let redirects_max = request.redirects_max.unwrap_or(shared.options.max_redirects);
    let (mut redirects, mut challenged) = (0, false);
    loop {
        let headers = headers(shared, client, request, &current);
        let mut hop = match first.take() {
            Some(hop) => hop,
            None => one_hop(client, request, &current, &headers, deadline).await,
        };
        if let Ok(reply) = &mut hop.result
            && let Err(error) = decode_body(reply)
        {
            hop.result = Err(error);
        }
        let digest_round =
            !challenged && request.auth.as_ref().is_some_and(|auth| auth.scheme == AuthScheme::Digest);
        record(shared, request, &current, &hop, digest_round);
        let Ok(reply) = &hop.result else { return failed(shared, request, &current, &hop, headers) };
        let unix_now = (shared.clock.start_unix + shared.clock.elapsed()).as_secs();
        request.jar.store(current.url.as_str(), &reply.headers, i64::try_from(unix_now).unwrap_or(i64::MAX));
        if digest_round && reply.status == 401 {
            challenged = true;
            current.authorization = answer(shared, request, &current, reply);
            if current.authorization.is_some() {
                continue;
            }
        }
        match redirect(request, &current, reply) {
            Some(Ok(next)) if redirects < redirects_max => {
                redirects += 1;
                current = next;
            }
            Some(Err(error)) => {
                hop.result = Err(error);
                return failed(shared, request, &current, &hop, headers);
            }
            _ => return response(request, &current, hop, headers),
        }
    }
}

/// The URL that is really asked, after `--base-url`.
pub fn target(shared: &Shared, text: &str) -> Result<Url, NetError> {
    let mut url = Url::parse(text).map_err(|_| NetError::new(1020, "invalid URL"))?;
    if let Some(base) = &shared.base_url {
        // Setting the parts of an http URL to those of another http URL cannot fail.
        let _ = url.set_scheme(base.scheme());
        let _ = url.set_host(base.host_str());
        let _ = url.set_port(base.port());
    }
    Ok(url)
}

fn prepare(shared: &Shared, request: &HttpRequest) -> Result<Current, NetError> {
    let (url, origin) = shared.addresses.borrow_mut().get(shared, &request.url)?;
    let mut body = request.body.clone().unwrap_or_default();
    let mut headers = request.headers.clone();
    headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
    if !request.compression.is_empty() && request.body.is_some() {
        let names: Vec<&str> = request.compression.iter().map(compression).collect();
        let names = names.join(", ");
        body = decode::encode(body.to_vec(), &names).map_err(NetError::generic)?.into();
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-encoding")) {
            headers.push(("Content-Encoding".to_owned(), names));
        }
    }
    if let Some(Auth { scheme: AuthScheme::Ntlm, .. }) = &request.auth {
        return Err(NetError::generic("NTLM authentication is not supported; use basic or digest"));
    }
    Ok(Current { method: request.method.clone(), url, origin, headers, body, authorization: None })
}

/// URLs that were asked lately, taken apart. Most scripts ask few over and over.
#[derive(Debug, Default)]
pub struct Addresses(HashMap<String, (Url, Rc<Origin>)>);

impl Addresses {
    /// Beyond it, it begins anew.
    const MAX: usize = 256;

    fn get(&mut self, shared: &Shared, text: &str) -> Result<(Url, Rc<Origin>), NetError> {
        if let Some(known) = self.0.get(text) {
            return Ok(known.clone());
        }
        let url = target(shared, text)?;
        let origin = origin(&url)?;
        if self.0.len() >= Self::MAX {
            self.0.clear();
        }
        self.0.insert(text.to_owned(), (url.clone(), Rc::clone(&origin)));
        Ok((url, origin))
    }
}

fn origin(url: &Url) -> Result<Rc<Origin>, NetError> {
    let unsupported = || NetError::generic(format!("unsupported protocol scheme \"{}\"", url.scheme()));
    Origin::of(url).map(Rc::new).ok_or_else(unsupported)
}

fn compression(compression: &Compression) -> &'static str {
    match compression {
        Compression::Gzip => "gzip",
        Compression::Deflate => "deflate",
        Compression::Zstd => "zstd",
        Compression::Brotli => "br",
    }
}

/// All headers of a hop, in the order in which they are sent.
fn headers(
    shared: &Shared,
    client: &Client,
    request: &HttpRequest,
    current: &Current,
) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::with_capacity(current.headers.len() + 4);
    let set = |name: &str| current.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    // The script's own Host is for the host it named, unless the base URL replaces that.
    let host = set("host").filter(|_| shared.base_url.is_none());
    all.push((
        "Host".to_owned(),
        host.map_or_else(|| current.origin.authority(), |(_, value)| value.clone()),
    ));
    if set("user-agent").is_none() {
        all.push(("User-Agent".to_owned(), shared.options.user_agent.clone()));
    }
    all.extend(current.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("host")).cloned());
    let body_expected = matches!(current.method.as_str(), "POST" | "PUT" | "PATCH");
    if !current.body.is_empty() || body_expected {
        all.push(("Content-Length".to_owned(), current.body.len().to_string()));
    }
    let unix_now = (shared.clock.start_unix + shared.clock.elapsed()).as_secs();
    let unix_now = i64::try_from(unix_now).unwrap_or(i64::MAX);
    if let Some(cookies) = request.jar.header(current.url.as_str(), &request.cookies, unix_now) {
        all.retain(|(name, _)| !name.eq_ignore_ascii_case("cookie"));
        all.push(("Cookie".to_owned(), cookies));
    }
    if let Some(auth) = &request.auth
        && set("authorization").is_none()
        && auth.scheme == AuthScheme::Basic
    {
        all.push(("Authorization".to_owned(), basic(&auth.user, &auth.password)));
    }
    if let Some(authorization) = &current.authorization {
        all.push(("Authorization".to_owned(), authorization.clone()));
    }
    if client.no_reuse && set("connection").is_none() {
        all.push(("Connection".to_owned(), "close".to_owned()));
    }
    all
}

async fn one_hop(
    client: &Client,
    request: &HttpRequest,
    current: &Current,
    headers: &[(String, String)],
    deadline: Instant,
) -> Hop {
    let target = path_and_query(&current.url);
    let encoded_body = request.response_type != ResponseType::None;
    let want = Want {
        headers: request.reads.headers || request.reads.rest,
        body: encoded_body && request.reads.body,
        encoded_body,
    };
    let wire = Wire {
        origin: &current.origin,
        method: &current.method,
        target: &target,
        headers,
        head: None,
        body: &current.body,
        want,
        deadline,
    };
    client.hop(wire).await
}

/// What stands on the request line.
pub fn path_and_query(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}

fn decode_body(reply: &mut Reply) -> Result<(), NetError> {
    if reply.body.is_empty() {
        return Ok(());
    }
    let Some(encoding) = reply.header("content-encoding").map(str::to_owned) else { return Ok(()) };
    reply.body = decode::decode(std::mem::take(&mut reply.body), &encoding)?;
    Ok(())
}

/// Adds the metrics of one hop. `digest_round`: a 401 is what is expected of it.
fn record(shared: &Shared, request: &HttpRequest, current: &Current, hop: &Hop, digest_round: bool) {
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
    let expected = request.expected.judge(status);
    let tags = HttpTags {
        plain: PlainTags { context: &request.context, extra, system: shared.options.system_tags, own: &[] },
        method: &current.method,
        url: current.url.as_str(),
        status,
        proto: hop.proto,
        error,
        error_code,
        tls_version: hop.tls.as_ref().map_or("", |tls| tls.version),
        expected: if digest_round { expected.map(|_| status == 401) } else { expected },
        ip: hop.remote.map(|remote| remote.ip()),
    };
    let at_ns = shared.clock.now_ns();
    shared.recorder.borrow_mut().http(&tags, &hop.timings, at_ns);
}

/// The next hop where the reply is a redirect. `Err`: its address is unusable.
fn redirect(request: &HttpRequest, current: &Current, reply: &Reply) -> Option<Result<Current, NetError>> {
    let keep = match reply.status {
        301..=303 => false,
        307 | 308 => true,
        _ => return None,
    };
    let location = reply.header("location").filter(|location| !location.is_empty())?;
    let bad = |_| NetError::generic(format!("failed to parse Location header {location:?}"));
    let next =
        current.url.join(location).map_err(bad).and_then(|url| origin(&url).map(|origin| (url, origin)));
    let (url, origin) = match next {
        Ok(next) => next,
        Err(error) => return Some(Err(error)),
    };
    let get = !keep && current.method != "GET" && current.method != "HEAD";
    let mut headers = current.headers.clone();
    let same_host = url.host_str() == current.url.host_str()
        || url
            .host_str()
            .zip(current.url.host_str())
            .is_some_and(|(to, from)| to.ends_with(&format!(".{from}")));
    let private = ["authorization", "www-authenticate", "cookie", "host"];
    headers.retain(|(name, _)| {
        let name = name.to_ascii_lowercase();
        name != "host" && (same_host || !private.contains(&name.as_str()))
    });
    let drop_body = get || !keep;
    if drop_body {
        let about_body = ["content-type", "content-encoding", "content-length"];
        headers.retain(|(name, _)| !about_body.iter().any(|drop| name.eq_ignore_ascii_case(drop)));
    }
    // The script's own stands for all hops; else each hop names the one before it.
    let is_referer = |(name, _): &(String, String)| name.eq_ignore_ascii_case("referer");
    let downgrade = current.url.scheme() == "https" && url.scheme() == "http";
    if !request.headers.iter().any(is_referer) {
        headers.retain(|header| !is_referer(header));
        if !downgrade {
            headers.push(("Referer".to_owned(), current.url.as_str().to_owned()));
        }
    }
    Some(Ok(Current {
        method: if get { "GET".to_owned() } else { current.method.clone() },
        url,
        origin,
        headers,
        body: if drop_body { Bytes::new() } else { current.body.clone() },
        authorization: None,
    }))
}

/// The header that answers a digest challenge.
fn answer(shared: &Shared, request: &HttpRequest, current: &Current, reply: &Reply) -> Option<String> {
    let auth = request.auth.as_ref()?;
    let challenge = reply.header("www-authenticate")?;
    // The client's nonce only has to differ between requests.
    let nonce = format!("{:016x}", shared.clock.now_ns() ^ u64::from(std::process::id()) << 32);
    let who = (auth.user.as_str(), auth.password.as_str());
    digest::authorization(challenge, who, &current.method, &path_and_query(&current.url), &nonce)
}

/// A request that could not even be sent: no metrics, as in k6.
fn refused(shared: &Shared, request: &HttpRequest, error: &NetError) -> HttpResponse {
    warn(shared, &request.method, &request.url, error);
    HttpResponse {
        url: request.url.clone(),
        error: error.message.to_string(),
        error_code: error.code,
        ..HttpResponse::default()
    }
}

fn warn(shared: &Shared, method: &str, url: &str, error: &NetError) {
    let place = format!("{method} {url}");
    let at_ns = shared.clock.now_ns();
    let worth_a_line = shared.recorder.borrow_mut().error("warning", &error.message, &place, at_ns);
    if worth_a_line {
        let fields = vec![("error", format!("{place}: {error}"))];
        shared.log_with(LogLine { fields, ..LogLine::plain(LogLevel::Warn, "Request Failed") });
    }
}

fn failed(
    shared: &Shared,
    request: &HttpRequest,
    current: &Current,
    hop: &Hop,
    sent: Vec<(String, String)>,
) -> HttpResponse {
    let error = hop.result.as_ref().err().cloned().unwrap_or_else(NetError::eof);
    warn(shared, &current.method, current.url.as_str(), &error);
    let mut answer = base(request, current, hop, sent);
    answer.url.clone_from(&request.url);
    answer.error = error.message.to_string();
    answer.error_code = error.code;
    answer
}

fn response(request: &HttpRequest, current: &Current, hop: Hop, sent: Vec<(String, String)>) -> HttpResponse {
    let mut answer = base(request, current, &hop, sent);
    if let Ok(reply) = hop.result {
        answer.status = reply.status;
        if request.reads.rest {
            answer.status_text = format!("{} {}", reply.status, reply.reason).trim_end().to_owned();
        }
        answer.error_code = if reply.status >= 400 { 1000 + reply.status } else { 0 };
        answer.headers = reply.headers;
        if request.response_type != ResponseType::None && request.reads.body {
            answer.body = reply.body.into();
        }
    }
    answer
}

fn base(request: &HttpRequest, current: &Current, hop: &Hop, sent: Vec<(String, String)>) -> HttpResponse {
    let timings = hop.timings;
    let rest = request.reads.rest;
    HttpResponse {
        url: current.url.as_str().to_owned(),
        proto: hop.proto.to_owned(),
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
        tls_version: hop.tls.as_ref().map(|tls| tls.version.to_owned()).unwrap_or_default(),
        tls_cipher_suite: hop.tls.as_ref().map(|tls| tls.cipher_suite.clone()).unwrap_or_default(),
        sent: rest.then(|| SentRequest {
            method: current.method.clone(),
            url: current.url.as_str().to_owned(),
            headers: sent,
            body: current.body.clone(),
        }),
        ..HttpResponse::default()
    }
}
