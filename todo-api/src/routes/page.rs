//! The built-in page: plain files in the binary, nothing from outside.

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::IntoResponse;
use axum::routing::get;

/// Nothing but our own files may run, and nobody may frame the page.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
);

pub fn router() -> Router {
    Router::new()
        .route("/", get(|| async { file("text/html; charset=utf-8", include_str!("page/index.html")) }))
        .route("/app.css", get(|| async { file("text/css; charset=utf-8", include_str!("page/app.css")) }))
        .route(
            "/app.js",
            get(|| async { file("text/javascript; charset=utf-8", include_str!("page/app.js")) }),
        )
        .route("/favicon.svg", get(|| async { file("image/svg+xml", include_str!("page/favicon.svg")) }))
}

fn file(content_type: &'static str, content: &'static str) -> impl IntoResponse {
    // A few kilobytes that change with the binary: asking again each time is cheap, a stale script is not.
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (headers, content)
}
