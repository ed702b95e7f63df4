//! Every refusal that a client can meet, as one closed list and one JSON envelope: `{"error": "…"}`.
//!
//! A 5xx body never says what went wrong inside; the log does, once, where the response is made.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tracing::{error, warn};
use utoipa::ToSchema;

use crate::store::StoreError;
use crate::throttle::Throttle;
use crate::todo::input::Invalid;

/// The body of every refusal.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// What is wrong, for a person.
    #[schema(example = "title is required")]
    pub error: String,
}

#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error("Todo not found")]
    TodoNotFound,
    #[error("not found")]
    NotFound,
    #[error("method not allowed")]
    MethodNotAllowed,
    #[error("send the todo as JSON, with the header Content-Type: application/json")]
    NotJson,
    #[error("the body is larger than the limit of {limit_bytes} bytes")]
    BodyTooLarge { limit_bytes: usize },
    #[error("the body could not be read to its end")]
    BodyBroken,
    #[error("the request took too long; try again")]
    TimedOut,
    #[error("internal error")]
    Panicked,
    #[error("{}", store_text(.0))]
    Store(#[from] StoreError),
}

fn store_text(error: &StoreError) -> &'static str {
    match error {
        StoreError::Busy => "the service is busy; try again in a moment",
        StoreError::Unavailable(_) => "the database is unavailable; try again in a moment",
        StoreError::Failed(_) => "internal error",
    }
}

impl ApiError {
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Invalid(_) | Self::BodyBroken => StatusCode::BAD_REQUEST,
            Self::TodoNotFound | Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TimedOut | Self::Store(StoreError::Busy | StoreError::Unavailable(_)) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Panicked | Self::Store(StoreError::Failed(_)) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Each kind at most once a second: during an outage every request fails alike.
    fn log(&self) {
        static UNAVAILABLE: Throttle = Throttle::new();
        static BUSY: Throttle = Throttle::new();
        static TIMED_OUT: Throttle = Throttle::new();
        match self {
            Self::Store(StoreError::Failed(cause)) => {
                error!(%cause, "the database refused a statement, answered 500")
            }
            Self::Panicked => error!("a request handler panicked, answered 500"),
            Self::Store(StoreError::Unavailable(cause)) => {
                if let Some(left_out) = UNAVAILABLE.pass() {
                    warn!(%cause, left_out, "database unavailable, answered 503");
                }
            }
            Self::Store(StoreError::Busy) => {
                if let Some(left_out) = BUSY.pass() {
                    warn!(left_out, "every database connection is busy, answered 503");
                }
            }
            Self::TimedOut => {
                if let Some(left_out) = TIMED_OUT.pass() {
                    warn!(left_out, "a request took too long, answered 503");
                }
            }
            Self::Invalid(_)
            | Self::TodoNotFound
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::NotJson
            | Self::BodyTooLarge { .. }
            | Self::BodyBroken => {}
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.log();
        let status = self.status();
        let mut body = serde_json::to_vec(&ErrorBody { error: self.to_string() }).unwrap_or_default();
        body.push(b'\n');
        let mut response =
            (status, [(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
