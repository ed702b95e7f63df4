//! The first todos of an empty database, so that a list has something to do.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};

use super::http;

const PATIENCE: Duration = Duration::from_secs(30);

/// Creates so many todos by the service's own API where it has none; how many it created.
pub(super) async fn seed(instance: SocketAddr, count: u32) -> Result<u32> {
    if count == 0 {
        return Ok(0);
    }
    let list = http::ask(instance, "GET", "/api/v1/todos?limit=1", "", PATIENCE).await;
    let list = list.context("the todos cannot be listed")?;
    if list.trim() != "[]" {
        return Ok(0);
    }
    for number in 1..=count {
        let todo = format!(
            "{{\"title\":\"Todo {number}\",\"description\":\"One of {count} that make a list worth its name\"}}"
        );
        http::ask(instance, "POST", "/api/v1/todos", &todo, PATIENCE)
            .await
            .with_context(|| format!("todo {number} of {count} cannot be created"))?;
    }
    Ok(count)
}
