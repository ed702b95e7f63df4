//! The accept loop and one task per connection.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::task::TaskTracker;
use tower::Service;
use tracing::{debug, warn};

use super::guarded::{Activity, Guarded};
use super::lazy_timer::RequestTimer;
use crate::lifecycle::Phase;

/// What bounds connections and their clients.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub connections: usize,
    /// An idle connection is closed after this.
    pub idle: Duration,
    /// From a request's first byte to the end of its head.
    pub header: Duration,
    /// Longest time without progress while writing a response.
    pub write: Duration,
    /// After draining has begun, requests in flight have this long.
    pub drain: Duration,
}

/// Largest request head in bytes, as much as an Application Load Balancer forwards; a larger one is answered 431.
const HEAD_BYTES_MAX: usize = 64 * 1024;
const HEADERS_MAX: usize = 100;
/// Connections that the kernel completes while we are busy; it caps this at `net.core.somaxconn`.
const BACKLOG: i32 = 4096;
/// After an accept failed for lack of descriptors, until the next.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Binds an address. Port 0 takes a free one.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for the old connections' TIME_WAIT.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Serves until `phase` drains, then finishes what is in flight. The result says whether all of it could be finished
/// within the deadline.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    phase: Phase,
    connected: impl Fn() -> Box<dyn Send> + Send,
) -> bool {
    let slots = Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS)));
    let connections = TaskTracker::new();
    let mut draining = std::pin::pin!(phase.draining());
    loop {
        let stream = tokio::select! {
            stream = accept(&listener, &slots) => stream,
            () = &mut draining => break,
        };
        let Some((stream, slot)) = stream else { continue };
        let (router, phase, gauge) = (router.clone(), phase.clone(), connected());
        connections.spawn(async move {
            connection(stream, router, limits, &phase).await;
            drop((slot, gauge));
        });
    }
    drop(listener);
    connections.close();
    let finished = timeout(limits.drain, connections.wait()).await.is_ok();
    if !finished {
        warn!(connections = connections.len(), "the shutdown deadline cut requests off");
    }
    finished
}

#[expect(clippy::disallowed_methods, reason = "pauses after the system ran out of descriptors")]
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => {
            // Responses are written whole: waiting for more would only delay them. A client that is gone already is
            // noticed by the first read.
            let _ = stream.set_nodelay(true);
            Some((stream, slot))
        }
        Err(error) => {
            if !matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
                warn!(%error, "cannot accept connections; is the limit of open files too low?");
                sleep_until(Instant::now() + ACCEPT_PAUSE).await;
            }
            None
        }
    }
}

async fn connection(stream: TcpStream, router: Router, limits: Limits, phase: &Phase) {
    let activity = Arc::new(Activity::default());
    let io = TokioIo::new(Guarded::new(stream, limits, Arc::clone(&activity)));
    let timer = RequestTimer::new();
    let service = service_fn(move |mut request: Request<Incoming>| {
        let busy = activity.begin();
        request.extensions_mut().insert(timer.clone());
        let mut router = router.clone();
        async move {
            let response: Result<Response<_>, _> = router.call(request).await;
            drop(busy);
            response
        }
    });
    let mut http = http1::Builder::new();
    // The guard has its own: hyper's would count an idle connection as one that sends its head slowly.
    http.header_read_timeout(None).max_buf_size(HEAD_BYTES_MAX).max_headers(HEADERS_MAX);
    let mut connection = std::pin::pin!(http.serve_connection(io, service));
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = phase.draining() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        // The client's doing: it went away, or sent what is no HTTP and was told so.
        debug!(%error, "connection ended early");
    }
}
