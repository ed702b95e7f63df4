//! A new connection to a target.

use std::io;
use std::sync::atomic::Ordering;

use tokio::net::TcpStream;

use super::clock;
use super::fleet::Lease;
use super::worker::Worker;

/// Why no connection came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unconnected {
    /// Refused, or the target's host cannot be reached.
    Refused,
    TimedOut,
    /// Our own system has no file descriptor or port left: the target has no part in that.
    Ours,
}

/// Connects; a target that does not accept is left out until a check passes.
pub(super) async fn connect(worker: &Worker, lease: &Lease) -> Result<TcpStream, Unconnected> {
    let deadline = clock::now() + worker.settings().timeouts.connect;
    let connected = match clock::by(deadline, TcpStream::connect(lease.target.address)).await {
        Some(Err(error)) if is_ours(&error) && worker.pool.clear() => {
            // That closed some: now there may be one.
            clock::by(deadline, TcpStream::connect(lease.target.address)).await
        }
        connected => connected,
    };
    let why = match connected {
        Some(Ok(stream)) => {
            let _ = stream.set_nodelay(true);
            return Ok(stream);
        }
        Some(Err(error)) if is_ours(&error) => return Err(Unconnected::Ours),
        Some(Err(_)) => Unconnected::Refused,
        None => Unconnected::TimedOut,
    };
    lease.target.counters.connects_failed.fetch_add(1, Ordering::Relaxed);
    worker.hub.total.connects_failed.fetch_add(1, Ordering::Relaxed);
    worker.eject(lease.target.id);
    Err(why)
}

/// Errors that say something about this system, and nothing about the target.
fn is_ours(error: &io::Error) -> bool {
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    let exhausted = matches!(error.raw_os_error(), Some(EMFILE | ENFILE));
    exhausted || matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::OutOfMemory)
}
