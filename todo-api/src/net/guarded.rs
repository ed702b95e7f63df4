//! A socket that does not wait for ever: idle, slow to send its head, or slow to take its response.
#![expect(clippy::disallowed_methods, reason = "socket timeouts are real time")]

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::Limits;
use super::lazy_timer::LazyTimer;

/// What the service tells the socket: how many requests have begun, and how many are being handled.
#[derive(Debug, Default)]
pub(super) struct Activity {
    begun: AtomicU32,
    busy: AtomicU32,
}

impl Activity {
    /// Marks a request as being handled until the guard is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Busy {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.busy.fetch_add(1, Ordering::Relaxed);
        Busy(Arc::clone(self))
    }
}

#[derive(Debug)]
pub(super) struct Busy(Arc<Activity>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug)]
pub(super) struct Guarded {
    stream: TcpStream,
    limits: Limits,
    activity: Arc<Activity>,
    /// Last time that bytes moved either way.
    moved: Instant,
    /// Requests begun when the head that is being read started, and when it did.
    head: Option<(u32, Instant)>,
    /// Since when the client has taken nothing.
    stalled: Option<Instant>,
    timer: LazyTimer,
}

impl Guarded {
    pub(super) fn new(stream: TcpStream, limits: Limits, activity: Arc<Activity>) -> Self {
        let now = Instant::now();
        // A new connection has not sent its head yet: it has the header timeout to do so.
        let head = Some((0, now));
        let timer = LazyTimer::new(now + limits.header);
        Self { stream, limits, activity, moved: now, head, stalled: None, timer }
    }

    fn read_deadline(&mut self) -> Option<Instant> {
        if self.activity.busy.load(Ordering::Relaxed) > 0 {
            // The request timeout covers the handler and the body that it reads.
            return None;
        }
        if self.head.is_some_and(|(begun, _)| begun != self.activity.begun.load(Ordering::Relaxed)) {
            self.head = None;
        }
        Some(match self.head {
            Some((_, since)) => since + self.limits.header,
            None => self.moved + self.limits.idle,
        })
    }

    /// Pending until `deadline`, then an error.
    fn poll_deadline(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<io::Result<()>> {
        self.timer.poll_passed(cx, deadline).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    /// While a request is handled no deadline counts, but the timer goes on: hyper does not read again when the
    /// response is written, so nothing else would look after the connection once it is idle.
    fn keep_watch(&mut self, cx: &mut Context<'_>) {
        self.timer.stay_set(cx, self.limits.idle);
    }

    fn wrote(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.moved = Instant::now();
            self.stalled = None;
            return written;
        }
        let since = *self.stalled.get_or_insert_with(Instant::now);
        self.poll_deadline(cx, since + self.limits.write).map_ok(|()| 0)
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if read.is_ready() {
            self.moved = Instant::now();
            let begun = self.activity.begun.load(Ordering::Relaxed);
            if self.head.is_none_or(|(before, _)| before != begun) {
                self.head = Some((begun, self.moved));
            }
            return read;
        }
        match self.read_deadline() {
            Some(deadline) => self.poll_deadline(cx, deadline),
            None => {
                self.keep_watch(cx);
                Poll::Pending
            }
        }
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.wrote(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
