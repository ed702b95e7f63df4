//! Connections: how many, how long, and how they end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Source;
use super::answers::{Body, Shared, answer};

/// Connections at once; further ones wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 64;
/// Those among them that may stay for events.
const STREAMS_MAX: usize = 32;
/// For the head of a request, and between two requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest request head in bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// A connection is closed after this, whatever it does: a reader that took nothing for so long would otherwise keep
/// its place for ever. A page reconnects by itself.
const LIFE: Duration = Duration::from_secs(3600);
/// When the server stops, answers under way have this long.
const DRAIN: Duration = Duration::from_secs(1);
/// After an accept failed for lack of descriptors, until the next.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves the page, `/status.json`, `/timeline.json` and `/events` until `shutdown` completes. Anyone who can reach the
/// listener can read: bind it to the loopback address ([`super::ADDRESS`]) unless that is wanted.
///
/// # Errors
/// None at present; a failing `accept` is tried again.
pub async fn serve(
    listener: TcpListener,
    source: Source,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let (stop, stopping) = watch::channel(false);
    let shared = Shared { source, streams: Arc::new(Semaphore::new(STREAMS_MAX)), stopping };
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &slots) => accepted,
            () = &mut shutdown => break,
        };
        // Those that ended are forgotten here, so that the set does not grow.
        while connections.try_join_next().is_some() {}
        let Some((stream, slot)) = accepted else { continue };
        let shared = shared.clone();
        connections.spawn(async move {
            // Timed out or ended early: the client's doing, and nobody is there to be told.
            let _ = timeout(LIFE, connection(stream, shared)).await;
            drop(slot);
        });
    }
    drop(listener);
    let _ = stop.send(true);
    let all = async { while connections.join_next().await.is_some() {} };
    let _ = timeout(DRAIN, all).await;
    connections.shutdown().await;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "pauses after the system ran out of descriptors")]
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, slot)),
        Err(_) => {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

async fn connection(stream: TcpStream, shared: Shared) -> Result<(), hyper::Error> {
    // Each status is written whole: waiting for more would only delay it.
    let _ = stream.set_nodelay(true);
    let mut stopping = shared.stopping.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let response: Response<Body> = answer(&request, &shared);
        async move { Ok::<_, std::convert::Infallible>(response) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(HEAD_BYTES_MAX);
    let mut connection = std::pin::pin!(http.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        served = connection.as_mut() => return served,
        _ = stopping.wait_for(|stopping| *stopping) => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}
