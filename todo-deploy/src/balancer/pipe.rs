//! Bytes both ways, whatever they are, until both sides have ended, or both are silent too long.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::AsyncWrite as _;
use tokio::net::TcpStream;

use super::buffer::{Buffers, Input};
use super::clock::{self, Deadline};
use super::fleet::Target;
use super::stream::{Stream, poll_fill};

pub(super) struct Pipe<'a> {
    pub(super) client: &'a mut Stream,
    pub(super) upstream: &'a mut TcpStream,
    /// What was read and not written yet; never more than a buffer.
    pub(super) up: &'a mut Input,
    pub(super) down: &'a mut Input,
    pub(super) buffers: &'a Buffers,
}

/// What one direction has come to.
#[derive(Debug, Default)]
struct Way {
    /// Bytes written.
    count: u64,
    ended: bool,
    /// The end was passed on.
    shut: bool,
}

impl Pipe<'_> {
    /// Carries bytes; gives how many went up and down, and whether both ends were clean.
    pub(super) async fn run(
        mut self,
        timer: &mut Deadline,
        target: &Target,
        idle: Duration,
    ) -> (u64, u64, bool) {
        let (mut up, mut down) = (Way::default(), Way::default());
        let (mut last, mut moved) = (clock::now(), false);
        let clean = std::future::poll_fn(|cx| {
            loop {
                match self.step(&mut up, &mut down, cx) {
                    Ok(true) => moved = true,
                    Ok(false) => break,
                    Err(_) => return Poll::Ready(false),
                }
            }
            if up.shut && down.shut {
                return Poll::Ready(true);
            }
            if target.is_cut() {
                return Poll::Ready(false);
            }
            if std::mem::take(&mut moved) {
                last = clock::now();
            }
            timer.poll_passed(cx, last + idle).map(|()| false)
        });
        let clean = clean.await;
        for input in [self.up, self.down] {
            input.consume(usize::MAX);
            input.rest(self.buffers);
        }
        (up.count, down.count, clean)
    }

    /// Moves what can be moved; false when nothing could.
    fn step(&mut self, up: &mut Way, down: &mut Way, cx: &mut Context<'_>) -> io::Result<bool> {
        let mut moved = false;
        if self.up.is_empty() && !up.ended {
            match self.client.poll_fill(cx, self.up, self.buffers) {
                Poll::Ready(more) => (moved, up.ended) = (true, !more?),
                Poll::Pending => {}
            }
        }
        if !self.up.is_empty() {
            if let Poll::Ready(count) = Pin::new(&mut *self.upstream).poll_write(cx, self.up.data()) {
                moved |= written(count?, self.up, up)?;
            }
        } else if up.ended && !up.shut {
            up.shut = Pin::new(&mut *self.upstream).poll_shutdown(cx).is_ready();
        }
        if self.down.is_empty() && !down.ended {
            match poll_fill(self.upstream, cx, self.down, self.buffers) {
                Poll::Ready(more) => (moved, down.ended) = (true, !more?),
                Poll::Pending => {}
            }
        }
        if !self.down.is_empty() {
            if let Poll::Ready(count) = self.client.poll_write(cx, self.down.data()) {
                moved |= written(count?, self.down, down)?;
            }
        } else if down.ended && !down.shut {
            down.shut = self.client.poll_shutdown(cx).is_ready();
        } else {
            let _ = self.client.poll_flush(cx);
        }
        Ok(moved)
    }
}

fn written(count: usize, input: &mut Input, way: &mut Way) -> io::Result<bool> {
    if count == 0 {
        return Err(io::ErrorKind::WriteZero.into());
    }
    input.consume(count);
    way.count += count as u64;
    Ok(true)
}
