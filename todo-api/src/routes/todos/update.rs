use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{answer, json};
use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::extract::{JsonBytes, TodoId};
use crate::todo::{Todo, input};

/// The fields to change; those that are absent keep their value, any other field is refused. Read by
/// [`input::patch`], declared here for the document.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = TodoPatch)]
#[expect(dead_code, reason = "documents the body, which the parser reads with the contract's own rules")]
pub struct PatchBody {
    #[schema(min_length = 1, max_length = 80, nullable = false)]
    title: Option<String>,
    /// `null` clears it.
    #[schema(max_length = 120)]
    description: Option<String>,
    #[schema(nullable = false)]
    completed: Option<bool>,
    /// ISO 8601; naive is UTC, an offset is converted. `null` clears it.
    deadline_at: Option<String>,
}

/// Change a todo
#[utoipa::path(
    put,
    path = "/api/v1/todos/{id}",
    tag = "todos",
    params(("id" = i64, Path, description = "The todo's id")),
    request_body(content = PatchBody),
    responses(
        (status = 200, description = "The todo as it is now", body = Todo),
        (status = 400, description = "The body is not a valid change", body = ErrorBody),
        (status = 404, description = "There is no todo with this id", body = ErrorBody),
        (status = 413, description = "The body is too large", body = ErrorBody),
        (status = 415, description = "The body is not declared as JSON", body = ErrorBody),
        (status = 503, description = "Overload, or the database is unavailable", body = ErrorBody),
    )
)]
pub async fn update(
    State(app): State<Arc<App>>,
    TodoId(id): TodoId,
    JsonBytes(body): JsonBytes,
) -> Result<Response, ApiError> {
    let patch = input::patch(&body)?;
    if patch.is_empty() {
        // Changes nothing, `updated_at` included.
        let text = app.store.get(id).await?.ok_or(ApiError::TodoNotFound)?;
        return Ok(json(StatusCode::OK, text));
    }
    let todo = app.store.update(id, patch, (app.clock)()).await?.ok_or(ApiError::TodoNotFound)?;
    Ok(answer(StatusCode::OK, &todo))
}
