use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::json;
use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::extract::TodoId;
use crate::todo::Todo;

/// One todo
#[utoipa::path(
    get,
    path = "/api/v1/todos/{id}",
    tag = "todos",
    params(("id" = i64, Path, description = "The todo's id")),
    responses(
        (status = 200, description = "The todo", body = Todo),
        (status = 404, description = "There is no todo with this id", body = ErrorBody),
        (status = 503, description = "Overload, or the database is unavailable", body = ErrorBody),
    )
)]
pub async fn get(State(app): State<Arc<App>>, TodoId(id): TodoId) -> Result<Response, ApiError> {
    let text = app.store.get(id).await?.ok_or(ApiError::TodoNotFound)?;
    Ok(json(StatusCode::OK, text))
}
