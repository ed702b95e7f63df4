use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::{answer, json};
use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::extract::TodoId;
use crate::todo::Todo;

/// Delete a todo
///
/// Answers the todo as it was. Deleting what is not there is no error: the answer is then an empty object.
#[utoipa::path(
    delete,
    path = "/api/v1/todos/{id}",
    tag = "todos",
    params(("id" = i64, Path, description = "The todo's id")),
    responses(
        (status = 200, description = "The todo that was deleted, or `{}` where there was none", body = Todo),
        (status = 404, description = "The id is no number", body = ErrorBody),
        (status = 503, description = "Overload, or the database is unavailable", body = ErrorBody),
    )
)]
pub async fn delete(State(app): State<Arc<App>>, TodoId(id): TodoId) -> Result<Response, ApiError> {
    Ok(match app.store.delete(id).await? {
        Some(todo) => answer(StatusCode::OK, &todo),
        None => json(StatusCode::OK, b"{}\n".to_vec()),
    })
}
