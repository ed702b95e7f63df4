//! The five todo endpoints.

pub mod create;
pub mod delete;
pub mod get;
pub mod list;
pub mod update;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::todo::Todo;
use crate::todo::json::todo_body;

/// A todo as a response.
fn answer(status: StatusCode, todo: &Todo) -> Response {
    json(status, todo_body(todo.as_ref()))
}

fn json(status: StatusCode, body: impl Into<Body>) -> Response {
    (status, [(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body.into()).into_response()
}
