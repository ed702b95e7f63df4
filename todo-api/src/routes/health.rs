//! Two questions that are easily mixed up.
//!
//! *Should this instance get requests?* `/api/v1/health` answers for a load balancer: does this process reach its
//! database right now? *Should this process be restarted?* `/api/v1/live` answers for a supervisor: does it still
//! serve at all? A supervisor that asked the first would restart every instance whenever the database is away, which
//! helps nobody.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use serde::Serialize;
use tracing::debug;
use utoipa::ToSchema;

use crate::app::App;

#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok` or `unavailable`
    #[schema(example = "ok")]
    status: &'static str,
}

/// Whether this instance should get requests
///
/// 200 when the database answers this process within two seconds, on a connection of its own; 503 otherwise, and
/// while the instance is shutting down. For load balancers.
#[utoipa::path(
    get,
    path = "/api/v1/health",
    tag = "health",
    responses(
        (status = 200, description = "The database answers", body = Health, example = json!({"status": "ok"})),
        (status = 503, description = "It does not, or the instance is shutting down", body = Health,
         example = json!({"status": "unavailable"})),
    )
)]
pub async fn health(State(app): State<Arc<App>>) -> impl IntoResponse {
    let healthy = !app.phase.is_stopping() && {
        let outcome = app.store.healthy().await;
        if let Err(error) = &outcome {
            debug!(%error, "health check failed");
        }
        outcome.is_ok()
    };
    match healthy {
        true => status(StatusCode::OK, "ok"),
        false => status(StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    }
}

/// Whether this process should be left alone
///
/// 200 whenever the process serves requests at all, whatever the database does. For supervisors that restart.
#[utoipa::path(
    get,
    path = "/api/v1/live",
    tag = "health",
    responses((status = 200, description = "The process serves", body = Health, example = json!({"status": "ok"})))
)]
pub async fn live() -> impl IntoResponse {
    status(StatusCode::OK, "ok")
}

fn status(code: StatusCode, status: &'static str) -> impl IntoResponse {
    (code, [(CACHE_CONTROL, "no-store")], Json(Health { status }))
}
