//! PostgreSQL in a container.

use std::time::Duration;

use anyhow::Context;
use testcontainers_modules::postgres::Postgres;
use testcontainers_modules::testcontainers::ImageExt;
use testcontainers_modules::testcontainers::runners::AsyncRunner;
use tokio::time::timeout;
use url::Url;

use super::Server;
use crate::Watchdog;

/// Longest start, the download of the image included.
const PATIENCE: Duration = Duration::from_secs(180);

pub(super) async fn start() -> anyhow::Result<Server> {
    let image = Postgres::default().with_tag("15").with_cmd([
        "postgres",
        "-c",
        "fsync=off",
        "-c",
        "max_connections=200",
    ]);
    let container = timeout(PATIENCE, image.start()).await.context("starting took too long")??;
    let watchdog = Watchdog::start("watch; docker rm --force --volumes \"$1\"", &[container.id()])?;
    let (host, port) = (container.get_host().await?, container.get_host_port_ipv4(5432).await?);
    // From here on the watchdog is the one to remove it: a static value is never dropped.
    std::mem::forget(container);
    let url = Url::parse(&format!("postgresql://postgres:postgres@{host}:{port}/postgres"))?;
    Ok(Server { url, ended_by: Some(watchdog) })
}
