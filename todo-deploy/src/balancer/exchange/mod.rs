//! A client's connection: its requests, one after the other.
//!
//! One task carries it from the first byte to the last, and the connection to the target with it, so that a
//! request costs no hand-over between tasks: read, choose, write, read, write.

mod attempt;
mod body;
mod plan;
mod record;
mod transfer;
mod tunnel;

pub(super) use plan::hex;

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::Instant;

use super::buffer::{Input, Output};
use super::clock::{self, Deadline};
use super::http::request::{self, Request};
use super::http::{Reject, answer, reject};
use super::settings::Settings;
use super::stream::Stream;
use super::worker::{Entrance, Worker};
use plan::Plan;

/// A client's connection.
#[derive(Debug)]
struct Connection {
    worker: Rc<Worker>,
    settings: Arc<Settings>,
    entrance: Arc<Entrance>,
    peer: SocketAddr,
    /// The peer's address as text, for `X-Forwarded-For`.
    client: String,
    stream: Stream,
    input: Input,
    output: Output,
    timer: Deadline,
    opened: Instant,
}

/// What becomes of the connection after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Keep,
    /// Everything was said; the client may still be talking.
    Close,
    /// The client must see that something is missing.
    Cut,
}

/// How waiting for a head ended.
enum Arrived {
    Head(Request),
    Refused(Reject),
    /// Nothing more comes.
    Over,
}

pub(super) async fn serve(worker: Rc<Worker>, stream: TcpStream, peer: SocketAddr, entrance: Arc<Entrance>) {
    let waker = std::future::poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
    let _listed = worker.list(waker);
    let connection = Connection {
        settings: worker.settings(),
        worker,
        entrance,
        peer,
        client: peer.ip().to_canonical().to_string(),
        stream: Stream::Plain(stream),
        input: Input::default(),
        output: Output::default(),
        timer: Deadline::new(),
        opened: clock::now(),
    };
    connection.run().await;
}

impl Connection {
    async fn run(mut self) {
        let mut first = true;
        let next = loop {
            let request = match self.head(first).await {
                Arrived::Head(request) => request,
                Arrived::Refused(why) => {
                    self.refuse(why).await;
                    break Next::Close;
                }
                Arrived::Over => break Next::Keep,
            };
            first = false;
            match self.request(&request).await {
                Next::Keep => {}
                next => break next,
            }
        };
        self.input.rest(&self.worker.buffers);
        self.output.rest(&self.worker.buffers);
        match next {
            Next::Cut => self.stream.reset(),
            Next::Close => self.linger().await,
            Next::Keep => {}
        }
    }

    /// Waits for a request's head.
    async fn head(&mut self, first: bool) -> Arrived {
        self.settings = self.worker.settings();
        let timeouts = self.settings.timeouts;
        let begun = clock::now();
        // A fresh connection has as long as a head may take; a kept one may be silent until it is idle.
        let mut deadline = begun + if first { timeouts.header.min(timeouts.idle) } else { timeouts.idle };
        let last = self.opened + timeouts.keep_alive;
        let mut started = !self.input.is_empty();
        if started {
            deadline = begun + timeouts.header;
        }
        let mut looked = usize::MAX;
        std::future::poll_fn(|cx| {
            loop {
                if self.input.len() != looked && !self.input.is_empty() {
                    looked = self.input.len();
                    match self.parse() {
                        Ok(None) => {}
                        Ok(Some(request)) => return Poll::Ready(Arrived::Head(request)),
                        Err(why) => return Poll::Ready(Arrived::Refused(why)),
                    }
                    if !started {
                        started = true;
                        deadline = clock::now() + timeouts.header;
                    }
                }
                match self.poll_fill(cx) {
                    Poll::Ready(true) => {}
                    Poll::Ready(false) => {
                        let over = if started {
                            Arrived::Refused(reject(400, "ClosedInHead"))
                        } else {
                            Arrived::Over
                        };
                        return Poll::Ready(over);
                    }
                    Poll::Pending => break,
                }
            }
            if !started && self.worker.is_leaving() {
                return Poll::Ready(Arrived::Over);
            }
            let limit = if started { deadline } else { deadline.min(last) };
            ready!(self.timer.poll_passed(cx, limit));
            let over = if started { Arrived::Refused(reject(408, "HeadTimeout")) } else { Arrived::Over };
            Poll::Ready(over)
        })
        .await
    }

    /// Reads what the client sends. False: nothing more comes.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        ready!(self.stream.poll_readable(cx));
        let buffers = &self.worker.buffers;
        // One byte more than a head may have, so that one that is too long shows.
        self.input.grow(self.settings.limits.request_head + self.settings.limits.request_line + 1, buffers);
        match self.stream.poll_read(cx, self.input.room(buffers)) {
            Poll::Ready(Ok(0) | Err(_)) => Poll::Ready(false),
            Poll::Ready(Ok(count)) => {
                self.input.filled(count);
                Poll::Ready(true)
            }
            Poll::Pending => {
                self.input.rest(buffers);
                Poll::Pending
            }
        }
    }

    /// As [`Self::poll_fill`], but tells an end from an error, and never takes more than a buffer.
    fn poll_watch(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        ready!(self.stream.poll_readable(cx));
        let buffers = &self.worker.buffers;
        let room = self.input.room(buffers);
        if room.is_empty() {
            return Poll::Pending;
        }
        match self.stream.poll_read(cx, room) {
            Poll::Ready(count) => {
                let count = count?;
                self.input.filled(count);
                self.input.rest(buffers);
                Poll::Ready(Ok(count > 0))
            }
            Poll::Pending => {
                self.input.rest(buffers);
                Poll::Pending
            }
        }
    }

    fn parse(&mut self) -> Result<Option<Request>, Reject> {
        // RFC 9112 §2.2: an empty line before a request is a left-over of the one before.
        while self.input.data().starts_with(b"\r\n") {
            self.input.consume(2);
        }
        if self.input.is_empty() {
            return Ok(None);
        }
        let mut fields = self.worker.fields.borrow_mut();
        request::parse(self.input.data(), &self.settings.limits, &mut fields)
    }

    async fn request(&mut self, request: &Request) -> Next {
        match Plan::of(self, request) {
            Ok(mut plan) => {
                let next = self.attempts(&mut plan).await;
                plan.head.rest(&self.worker.buffers);
                next
            }
            Err(why) => {
                self.refuse(why).await;
                Next::Close
            }
        }
    }

    /// Answers what is no request, or not one for us.
    async fn refuse(&mut self, why: Reject) {
        record::refused(self, why);
        answer::write(&mut self.output.bytes, why.status, false, false, b"");
        self.send().await;
    }

    /// Writes all output, as long as the client takes it.
    async fn send(&mut self) -> bool {
        let deadline = clock::now() + self.settings.timeouts.idle;
        let sent = std::future::poll_fn(|cx| {
            while !self.output.is_empty() {
                match self.stream.poll_write(cx, self.output.pending()) {
                    Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(false),
                    Poll::Ready(Ok(count)) => self.output.sent += count,
                    Poll::Pending => return self.timer.poll_passed(cx, deadline).map(|()| false),
                }
            }
            self.stream.poll_flush(cx).map(|flushed| flushed.is_ok())
        });
        let sent = sent.await;
        if sent {
            self.output.rewind();
        }
        sent
    }

    /// Says goodbye, and hears the client out for a moment: closing while it still sends would reset the
    /// connection, and the answer with it.
    async fn linger(mut self) {
        const PATIENCE: Duration = Duration::from_secs(2);
        const MOST: usize = 1 << 20;
        let deadline = clock::now() + PATIENCE;
        let (worker, mut heard) = (Rc::clone(&self.worker), 0);
        let mut said = false;
        std::future::poll_fn(|cx| {
            if !said {
                said = self.stream.poll_shutdown(cx).is_ready();
            }
            while heard < MOST && !worker.is_leaving() {
                self.input.consume(usize::MAX);
                match self.stream.poll_read(cx, self.input.room(&worker.buffers)) {
                    Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(()),
                    Poll::Ready(Ok(count)) => heard += count,
                    Poll::Pending => return self.timer.poll_passed(cx, deadline),
                }
            }
            Poll::Ready(())
        })
        .await;
        self.input.rest(&worker.buffers);
    }
}
