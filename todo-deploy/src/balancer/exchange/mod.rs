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
pub(super) use record::Dates;

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
use super::entrance::Entrance;
use super::http::request::{self, Request};
use super::http::{Reject, answer, reject};
use super::settings::{ListenerKind, Settings};
use super::stream::Stream;
use super::worker::Worker;
use plan::Plan;

/// A client's connection.
#[derive(Debug)]
struct Connection {
    worker: Rc<Worker>,
    settings: Arc<Settings>,
    entrance: Arc<Entrance>,
    /// The peer's address as text, for `X-Forwarded-For`.
    client: String,
    /// The same with the port, for the log.
    client_port: String,
    stream: Stream,
    input: Input,
    output: Output,
    timer: Deadline,
    opened: Instant,
}

/// When the balancer ends, a client that has just connected has so long from then on to say what it wants.
const GREETING: Duration = Duration::from_secs(1);

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
    let Some(stream) = open(&worker, stream, &entrance).await else { return };
    let connection = Connection {
        settings: worker.settings(),
        worker,
        entrance,
        client: peer.ip().to_canonical().to_string(),
        client_port: peer.to_string(),
        stream,
        input: Input::default(),
        output: Output::default(),
        timer: Deadline::new(),
        opened: clock::now(),
    };
    connection.run().await;
}

/// Shakes hands where the listener speaks TLS.
async fn open(worker: &Worker, stream: TcpStream, entrance: &Entrance) -> Option<Stream> {
    let Some(acceptor) = entrance.acceptor() else { return Some(Stream::Plain(stream)) };
    let begun = clock::now();
    let (deadline, mut timer) = (begun + worker.settings().timeouts.header, Deadline::new());
    let mut shaking = std::pin::pin!(clock::by(deadline, acceptor.accept(stream)));
    let shaken = std::future::poll_fn(|cx| match shaking.as_mut().poll(cx) {
        Poll::Pending if worker.is_leaving() => timer.poll_passed(cx, begun + GREETING).map(|()| None),
        shaken => shaken,
    });
    Some(Stream::Tls(Box::new(shaken.await?.ok()?)))
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
        self.worker.refresh(&mut self.settings);
        let timeouts = self.settings.timeouts;
        let begun = clock::now();
        // A fresh connection has as long as a head may take; a kept one may be silent until it is idle.
        let mut deadline = begun + if first { timeouts.header.min(timeouts.idle) } else { timeouts.idle };
        let last = self.opened + timeouts.keep_alive;
        let mut started = false;
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
                    // A left-over empty line is no start of anything.
                    if !started && !self.input.is_empty() {
                        started = true;
                        deadline = clock::now() + timeouts.header;
                    }
                }
                if !self.input.is_empty() {
                    // One byte more than a head may have, so that one that is too long shows.
                    let limits = &self.settings.limits;
                    self.input.grow(limits.request_head + limits.request_line + 1, &self.worker.buffers);
                }
                match self.poll_fill(cx) {
                    Poll::Ready(Ok(true)) => {}
                    Poll::Ready(Ok(false) | Err(_)) => {
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
            // Who waits holds no memory.
            self.input.rest(&self.worker.buffers);
            if self.output.is_empty() {
                self.output.rest(&self.worker.buffers);
            }
            if !started && self.worker.is_leaving() {
                if !first {
                    return Poll::Ready(Arrived::Over);
                }
                deadline = deadline.min(self.opened + GREETING);
            }
            let limit = if started { deadline } else { deadline.min(last) };
            ready!(self.timer.poll_passed(cx, limit));
            let over = if started { Arrived::Refused(reject(408, "HeadTimeout")) } else { Arrived::Over };
            Poll::Ready(over)
        })
        .await
    }

    /// Reads what the client sends; never more than a buffer, and nothing while that is full. False: nothing
    /// more comes.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        self.stream.poll_fill(cx, &mut self.input, &self.worker.buffers)
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
                let next = match self.entrance.kind {
                    ListenerKind::Redirect(_) => self.redirect(&mut plan).await,
                    ListenerKind::Http | ListenerKind::Https(_) | ListenerKind::Tcp => {
                        self.attempts(&mut plan).await
                    }
                };
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
                heard += self.input.len();
                self.input.consume(usize::MAX);
                match self.poll_fill(cx) {
                    Poll::Ready(Ok(true)) => {}
                    Poll::Ready(Ok(false) | Err(_)) => return Poll::Ready(()),
                    Poll::Pending => return self.timer.poll_passed(cx, deadline),
                }
            }
            Poll::Ready(())
        })
        .await;
        self.input.rest(&worker.buffers);
    }
}
