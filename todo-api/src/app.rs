//! What every request shares, and all routes and layers on one screen.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::HeaderValue;
use tower_http::services::ServeDir;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::envelope::EnvelopeLayer;
use crate::lifecycle::Phase;
use crate::metrics::Metrics;
use crate::routes::{docs, health, page, refusals, todos};
use crate::store::Store;
use crate::todo::Moment;

/// The service without its sockets. Nothing in here outlives a request but the [`Store`].
#[derive(Debug)]
pub struct App {
    pub store: Store,
    /// The only clock that a todo's dates come from.
    pub clock: fn() -> Moment,
    /// Sent as `X-Instance-Id` with every response.
    pub instance_id: HeaderValue,
    pub request_timeout: Duration,
    pub body_limit_bytes: usize,
    /// Served at `/` instead of the built-in page.
    pub static_dir: Option<PathBuf>,
    pub phase: Phase,
    pub metrics: Metrics,
}

/// The whole public HTTP surface.
pub fn router(app: Arc<App>) -> Router {
    let (api, document) = api().split_for_parts();
    let router = api.with_state(Arc::clone(&app)).merge(docs::router(document));
    let router = match &app.static_dir {
        Some(dir) => router.fallback_service(ServeDir::new(dir).fallback(refusals::router())),
        None => router.merge(page::router()).fallback_service(refusals::router()),
    };
    router.method_not_allowed_fallback(refusals::method_not_allowed).layer(EnvelopeLayer::new(app))
}

/// The documented routes: one declaration is both the route and its OpenAPI entry.
pub fn api() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(docs::document())
        .routes(routes!(todos::list::list, todos::create::create))
        .routes(routes!(todos::get::get, todos::update::update, todos::delete::delete))
        .routes(routes!(health::health))
        .routes(routes!(health::live))
}
