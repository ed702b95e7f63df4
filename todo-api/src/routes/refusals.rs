//! What is answered where no route is: the same JSON envelope as everywhere.

use axum::Router;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::error::ApiError;

/// Answers 404 to everything.
pub fn router() -> Router {
    Router::new().fallback(|| async { ApiError::NotFound })
}

/// A path that exists, asked with another method. The router adds the `Allow` header.
pub async fn method_not_allowed(method: Method) -> Response {
    if method == Method::OPTIONS {
        return StatusCode::OK.into_response();
    }
    ApiError::MethodNotAllowed.into_response()
}
