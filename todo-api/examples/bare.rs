//! The yardstick of `tests/bench/service.py`: a bare axum handler that answers the bytes of one todo from memory.
//!
//! `cargo run --release -p todo-api --example bare -- 127.0.0.1:6409 BODY`

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let address = args.next().unwrap_or_else(|| String::from("127.0.0.1:6409"));
    let body: &'static str = args.next().unwrap_or_else(|| String::from("{}")).leak();
    let handler = move || async move { ([(CONTENT_TYPE, "application/json")], body) };
    let router = Router::new().route("/api/v1/todos/{id}", get(handler));
    let listener = tokio::net::TcpListener::bind(address).await?;
    Ok(axum::serve(listener, router).await?)
}
