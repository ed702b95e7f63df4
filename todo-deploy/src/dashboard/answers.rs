//! What is answered to which request. Everything is read-only: there is nothing here that a stranger could do.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HOST, HeaderName, HeaderValue,
    IF_NONE_MATCH, REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::{Source, host, page};

pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Nothing but our own files may run, nothing may be sent anywhere else, and nobody may frame the page.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
);
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
/// A silent stream is told so often that it is alive, so that both ends notice when the other is gone.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// What all connections of one server share.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) source: Source,
    /// Streams of `/events` that may be open; further readers poll.
    pub(super) streams: Arc<Semaphore>,
    /// Becomes true when the server stops.
    pub(super) stopping: watch::Receiver<bool>,
}

pub(super) fn answer<B>(request: &Request<B>, shared: &Shared) -> Response<Body> {
    let mut response = choose(request, shared);
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn choose<B>(request: &Request<B>, shared: &Shared) -> Response<Body> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok());
    if !host.is_some_and(host::is_ours) || hosts.next().is_some() {
        let why = "This dashboard answers to localhost and to plain addresses only, so that no other site can read it.\n";
        return text(StatusCode::MISDIRECTED_REQUEST, why);
    }
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "This dashboard is read-only.\n");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    match request.uri().path() {
        "/status.json" => json(shared.source.published.borrow().json()),
        "/timeline.json" => json(serde_json::to_vec(&shared.source.recording()).unwrap_or_default().into()),
        "/events" => events(shared),
        path => match page::at(path) {
            Some(file) => self::file(file, request.headers().get(IF_NONE_MATCH)),
            None => text(
                StatusCode::NOT_FOUND,
                "Nothing is here; there are /, /status.json, /timeline.json and /events.\n",
            ),
        },
    }
}

fn file(file: &'static page::File, known: Option<&HeaderValue>) -> Response<Body> {
    let is_known = known.and_then(|known| known.to_str().ok());
    let is_known = is_known.is_some_and(|tags| tags.split(',').any(|tag| tag.trim() == file.tag));
    let mut response = match is_known {
        true => full(StatusCode::NOT_MODIFIED, file.content_type, Bytes::new()),
        false => full(StatusCode::OK, file.content_type, Bytes::from_static(file.content.as_bytes())),
    };
    let headers = response.headers_mut();
    // A few kilobytes that change with the program: asking again each time is cheap, a stale script is not.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&file.tag) {
        headers.insert(ETAG, tag);
    }
    response
}

/// Server-sent events: the newest status now, and again whenever it changes. What a reader is too slow for, it never
/// gets: there is one buffer, the newest status.
fn events(shared: &Shared) -> Response<Body> {
    let Ok(permit) = Arc::clone(&shared.streams).try_acquire_owned() else {
        let mut response = text(StatusCode::SERVICE_UNAVAILABLE, "Too many readers; ask for /status.json.\n");
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
        return response;
    };
    let stream = Events {
        published: shared.source.published.clone(),
        stopping: shared.stopping.clone(),
        is_first: true,
        _permit: permit,
    };
    let frames = stream::unfold(stream, |mut stream| async move {
        let text = stream.next().await?;
        Some((Ok::<_, Infallible>(Frame::data(text)), stream))
    });
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response
}

struct Events {
    published: watch::Receiver<Arc<super::Published>>,
    stopping: watch::Receiver<bool>,
    is_first: bool,
    _permit: OwnedSemaphorePermit,
}

impl Events {
    /// None ends the stream.
    async fn next(&mut self) -> Option<Bytes> {
        if !std::mem::take(&mut self.is_first) {
            let stopped = self.stopping.wait_for(|stopping| *stopping);
            let changed = tokio::select! {
                changed = tokio::time::timeout(HEARTBEAT, self.published.changed()) => changed,
                _ = stopped => return None,
            };
            match changed {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return None,
                Err(_) => return Some(Bytes::from_static(b": still here\n\n")),
            }
        }
        let json = self.published.borrow_and_update().json();
        // JSON holds no line break, so that one line is the whole of it.
        Some([&b"retry: 1000\ndata: "[..], &json, b"\n\n"].concat().into())
    }
}

fn json(json: Bytes) -> Response<Body> {
    full(StatusCode::OK, JSON, json)
}

fn text(status: StatusCode, text: &'static str) -> Response<Body> {
    full(status, TEXT, Bytes::from_static(text.as_bytes()))
}

fn full(status: StatusCode, content_type: &'static str, content: Bytes) -> Response<Body> {
    let mut response = Response::new(Full::new(content).boxed_unsync());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
