use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::answer;
use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::extract::JsonBytes;
use crate::todo::{Todo, input};

/// What a new todo is made of; any other field is refused. Read by [`input::new_todo`], declared here for the document.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewTodo)]
#[expect(dead_code, reason = "documents the body, which the parser reads with the contract's own rules")]
pub struct NewTodoBody {
    #[schema(min_length = 1, max_length = 80, example = "Watch the lecture")]
    title: String,
    #[schema(max_length = 120, example = "Distributed Systems II")]
    description: Option<String>,
    #[schema(default = false)]
    completed: Option<bool>,
    /// ISO 8601; naive is UTC, an offset is converted.
    #[schema(example = "2023-03-31T14:00:00")]
    deadline_at: Option<String>,
}

/// Add a todo
#[utoipa::path(
    post,
    path = "/api/v1/todos",
    tag = "todos",
    request_body(content = NewTodoBody),
    responses(
        (status = 201, description = "The todo as it is stored; it is durable", body = Todo),
        (status = 400, description = "The body is not a valid todo", body = ErrorBody),
        (status = 413, description = "The body is too large", body = ErrorBody),
        (status = 415, description = "The body is not declared as JSON", body = ErrorBody),
        (status = 503, description = "Overload, or the database is unavailable", body = ErrorBody),
    )
)]
pub async fn create(State(app): State<Arc<App>>, JsonBytes(body): JsonBytes) -> Result<Response, ApiError> {
    let new = input::new_todo(&body)?;
    let todo = app.store.insert(new, (app.clock)()).await?;
    Ok(answer(StatusCode::CREATED, &todo))
}
