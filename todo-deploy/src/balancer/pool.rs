//! A worker's idle connections to targets: a stack for each, the one used last on top.

use std::cell::RefCell;
use std::collections::HashMap;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::timeline::InstanceId;

#[derive(Debug)]
struct Idle {
    stream: TcpStream,
    since: Instant,
}

#[derive(Debug, Default)]
pub(super) struct Pool {
    idle: RefCell<HashMap<InstanceId, Vec<Idle>>>,
}

/// An idle connection has nothing to say: bytes are an answer to nothing, an end is an end.
fn is_quiet(stream: &TcpStream) -> bool {
    // Costs no system call while the driver has seen nothing; a readiness that is left over costs one.
    match stream.poll_read_ready(&mut Context::from_waker(Waker::noop())) {
        Poll::Pending => true,
        Poll::Ready(_) => {
            matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
        }
    }
}

impl Pool {
    /// The freshest connection that still stands. `asks`: the kernel is asked whether it does, and not only
    /// what was last heard of it.
    pub(super) fn take(&self, id: InstanceId, asks: bool) -> Option<TcpStream> {
        let mut idle = self.idle.borrow_mut();
        let stack = idle.get_mut(&id)?;
        while let Some(Idle { stream, .. }) = stack.pop() {
            let stands = if asks {
                let peeked = socket2::SockRef::from(&stream).peek(&mut [std::mem::MaybeUninit::uninit()]);
                matches!(peeked, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
            } else {
                is_quiet(&stream)
            };
            if stands {
                return Some(stream);
            }
        }
        None
    }

    pub(super) fn give(&self, id: InstanceId, stream: TcpStream, now: Instant, most: usize) {
        let mut idle = self.idle.borrow_mut();
        let stack = idle.entry(id).or_default();
        if stack.len() < most {
            stack.push(Idle { stream, since: now });
        }
    }

    /// Closes all connections to a target.
    pub(super) fn forget(&self, id: InstanceId) {
        self.idle.borrow_mut().remove(&id);
    }

    /// Closes what has been idle for `limit`, or was closed by the target.
    pub(super) fn sweep(&self, now: Instant, limit: Duration) {
        for stack in self.idle.borrow_mut().values_mut() {
            stack.retain(|idle| now.duration_since(idle.since) < limit && is_quiet(&idle.stream));
        }
    }

    /// Closes everything: file descriptors are needed elsewhere. True when there was anything.
    pub(super) fn clear(&self) -> bool {
        let mut idle = self.idle.borrow_mut();
        let any = idle.values().any(|stack| !stack.is_empty());
        idle.clear();
        any
    }
}
