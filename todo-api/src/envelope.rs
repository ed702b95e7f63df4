//! What every request gets around its handler: an id, a time limit, protection from panics, a count and a duration.
//!
//! One hand-written layer rather than a stack of five: each layer of a stack costs an allocation and a clone per
//! request, which together would exceed what the whole todo lookup costs.
#![expect(clippy::disallowed_methods, reason = "measures how long requests take")]

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use axum::extract::MatchedPath;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tokio::time::Instant;
use tower::{Layer, Service};
use tracing::debug;

use crate::app::App;
use crate::error::ApiError;
use crate::net::RequestTimer;

pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
pub const X_INSTANCE_ID: HeaderName = HeaderName::from_static("x-instance-id");

/// Longest request id taken from a caller, in bytes.
const REQUEST_ID_MAX: usize = 128;

#[derive(Debug, Clone)]
pub struct EnvelopeLayer {
    app: Arc<App>,
    ids: Arc<RequestIds>,
}

impl EnvelopeLayer {
    pub fn new(app: Arc<App>) -> Self {
        Self { app, ids: Arc::new(RequestIds::new()) }
    }
}

impl<S> Layer<S> for EnvelopeLayer {
    type Service = Envelope<S>;

    fn layer(&self, inner: S) -> Envelope<S> {
        Envelope { inner, layer: self.clone() }
    }
}

#[derive(Debug, Clone)]
pub struct Envelope<S> {
    inner: S,
    layer: EnvelopeLayer,
}

impl<S, B> Service<Request<B>> for Envelope<S>
where
    S: Service<Request<B>, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let started = Instant::now();
        let app = Arc::clone(&self.layer.app);
        let id = sane_id(request.headers()).unwrap_or_else(|| self.layer.ids.next());
        let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
        let route = app.metrics.route(path);
        let method = request.method().clone();
        let timer = request.extensions().get::<RequestTimer>().cloned();
        let handled = AssertUnwindSafe(self.inner.call(request)).catch_unwind();
        Box::pin(async move {
            let in_flight = app.metrics.enter();
            let timer = timer.unwrap_or_else(RequestTimer::new);
            let mut response = match timer.by(started + app.request_timeout, handled).await {
                Some(Ok(Ok(response))) => response,
                Some(Err(_)) => ApiError::Panicked.into_response(),
                None => ApiError::TimedOut.into_response(),
            };
            drop(in_flight);
            let took = started.elapsed();
            app.metrics.count(route, &method, response.status(), took);
            log(&method, app.metrics.route_name(route), &response, &id, took.as_micros());
            response.headers_mut().insert(X_REQUEST_ID, id);
            response.headers_mut().insert(X_INSTANCE_ID, app.instance_id.clone());
            Ok(response)
        })
    }
}

fn log(method: &Method, route: &str, response: &Response, id: &HeaderValue, took_us: u128) {
    let status = response.status().as_u16();
    debug!(%method, route, status, took_us, request_id = ?id, "{method} {route} answered {status}");
}

/// The caller's own id, where it is short and harmless in a log.
fn sane_id(headers: &HeaderMap) -> Option<HeaderValue> {
    let id = headers.get(X_REQUEST_ID)?;
    let sane = |b: &u8| b.is_ascii_alphanumeric() || b"-_.:/+=@".contains(b);
    ((1..=REQUEST_ID_MAX).contains(&id.len()) && id.as_bytes().iter().all(sane)).then(|| id.clone())
}

/// Ids that no other process gives: a random start, then counting.
#[derive(Debug)]
struct RequestIds {
    process: u64,
    count: AtomicU64,
}

impl RequestIds {
    fn new() -> Self {
        Self { process: crate::random_u64(), count: AtomicU64::new(0) }
    }

    fn next(&self) -> HeaderValue {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let mut text = [b'-'; 25];
        hex(&mut text[..16], self.process);
        hex(&mut text[17..], count);
        // Hexadecimal digits and a dash: always a valid header value.
        HeaderValue::from_bytes(&text).unwrap_or_else(|_| HeaderValue::from_static("-"))
    }
}

/// The low digits of `value`, as many as fit.
fn hex(text: &mut [u8], mut value: u64) {
    for digit in text.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(value & 15) as usize];
        value >>= 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sane_ids_are_taken_over() {
        let taken = |id: &'static [u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(X_REQUEST_ID, HeaderValue::from_bytes(id).unwrap());
            sane_id(&headers).is_some()
        };
        assert!(taken(b"Root=1-5759e988-bd862e3fe1be46a994272793"));
        assert!(!taken(b""));
        assert!(!taken(b"a b"));
        assert!(!taken(b"<script>"));
        assert!(!taken(&[b'a'; 129]));
    }

    #[test]
    fn own_ids_differ() {
        let ids = RequestIds::new();
        assert_ne!(ids.next(), ids.next());
        assert_eq!(ids.next().len(), 25);
    }
}
