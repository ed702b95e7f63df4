//! One request at one target: bytes up, bytes down, both at once, as one state machine of one task.
//!
//! Each direction holds at most one buffer: what the other side does not take is not read. The client is
//! watched while the target works, so that what nobody waits for any more is given up.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::AsyncWrite as _;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::Connection;
use super::body::Rest;
use super::plan::Plan;
use crate::balancer::buffer::Input;
use crate::balancer::clock;
use crate::balancer::fleet::{Lease, Target};
use crate::balancer::http::Framing;
use crate::balancer::http::response::{self, Response};
use crate::balancer::http::rewrite::{self, After, Body};
use crate::balancer::settings::ListenerKind;
use crate::balancer::sticky;
use crate::balancer::stream::poll_read;

/// A client that has ended its side may still wait for an answer, or be gone: nothing tells. So long, without
/// anything moving, its request goes on.
const HALF_CLOSED: Duration = Duration::from_millis(500);
/// Interim answers to one request.
const INTERIM_MAX: u32 = 16;

/// How a request's stay at a target ended well.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) status: u16,
    /// The connection to the target can be used again.
    pub(super) reusable: bool,
    /// The client's connection goes on.
    pub(super) keeps: bool,
    /// Both agreed to speak something else from here on.
    pub(super) tunnel: bool,
    /// What the target has said beyond the head of that agreement.
    pub(super) early: Input,
}

/// How it ended otherwise.
#[derive(Debug)]
pub(super) enum Failure {
    /// The target's connection ended before a byte of an answer. `written`: some of the request went out.
    Lost {
        written: bool,
    },
    /// The client gets this instead.
    Answer(u16, &'static str),
    /// Too late for an answer: the client's connection is cut. The status that was sent, or would have been.
    Cut(u16, &'static str),
    ClientGone,
}

pub(super) struct Transfer<'a> {
    connection: &'a mut Connection,
    plan: &'a mut Plan,
    upstream: &'a mut TcpStream,
    target: &'a Target,
    /// Body bytes at the front of the client's input that may go out.
    up_ready: usize,
    /// The target takes no more of the body.
    up_closed: bool,
    input: Input,
    /// Body bytes at the front of `input` that may go out.
    down_ready: usize,
    answer: Option<Answer>,
    interim: u32,
    /// The client's side has ended; since when nothing moved.
    half_closed: bool,
    last: Instant,
    moved: bool,
}

/// The response whose head has gone on.
struct Answer {
    response: Response,
    rest: Rest,
    body: Body,
    keeps: bool,
}

type Progress = Result<bool, Failure>;

impl<'a> Transfer<'a> {
    pub(super) async fn run(
        connection: &'a mut Connection,
        plan: &'a mut Plan,
        upstream: &'a mut TcpStream,
        lease: &'a Lease,
    ) -> Result<Finished, Failure> {
        let last = clock::now();
        plan.noted.dispatched = Some(last);
        let mut transfer = Self {
            connection,
            plan,
            upstream,
            target: &lease.target,
            up_ready: 0,
            up_closed: false,
            input: Input::default(),
            down_ready: 0,
            answer: None,
            interim: 0,
            half_closed: false,
            last,
            moved: true,
        };
        let ended = std::future::poll_fn(|cx| transfer.poll(cx)).await;
        let buffers = &transfer.connection.worker.buffers;
        if ended.is_err() {
            let left = transfer.input.len();
            transfer.input.consume(left);
            // What was read of the body and did not go out any more is no start of the client's next request.
            let unsent = std::mem::take(&mut transfer.up_ready);
            transfer.connection.input.consume(unsent);
        }
        transfer.input.rest(buffers);
        ended
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Finished, Failure>> {
        loop {
            match self.step(cx) {
                Err(failure) => return Poll::Ready(Err(failure)),
                Ok(_) if self.is_finished() => match self.connection.stream.poll_flush(cx) {
                    Poll::Ready(Ok(())) => return Poll::Ready(Ok(self.finish())),
                    Poll::Ready(Err(_)) => return Poll::Ready(Err(Failure::ClientGone)),
                    // TLS records that the socket does not take yet.
                    Poll::Pending => break,
                },
                Ok(true) => self.moved = true,
                Ok(false) => break,
            }
        }
        if self.target.is_cut() {
            return Poll::Ready(Err(self.broken(502, "TargetRemoved")));
        }
        self.poll_patience(cx).map(Err)
    }

    /// Moves what can be moved; false when nothing could.
    fn step(&mut self, cx: &mut Context<'_>) -> Progress {
        let mut moved = self.write_upstream(cx)?;
        moved |= self.read_body(cx)?;
        moved |= self.read_upstream(cx)?;
        moved |= self.write_client(cx)?;
        if !moved && !self.is_finished() {
            moved = self.watch_client(cx)?;
        }
        Ok(moved)
    }

    fn upload_done(&self) -> bool {
        self.up_closed || (self.plan.rest.is_done() && self.up_ready == 0 && self.plan.head.is_empty())
    }

    fn is_finished(&self) -> bool {
        let Some(answer) = &self.answer else { return false };
        answer.rest.is_done() && self.down_ready == 0 && self.connection.output.is_empty()
    }

    /// What a failure of the target's side means for the client.
    fn broken(&self, status: u16, reason: &'static str) -> Failure {
        match &self.answer {
            None if self.plan.noted.sent == 0 => Failure::Answer(status, reason),
            None => Failure::Cut(status, reason),
            Some(answer) => Failure::Cut(answer.response.status, reason),
        }
    }

    fn write_upstream(&mut self, cx: &mut Context<'_>) -> Progress {
        if self.up_closed {
            return Ok(false);
        }
        let bytes = match self.plan.head.pending() {
            [] if self.up_ready == 0 => return Ok(false),
            [] => &self.connection.input.data()[..self.up_ready],
            head => head,
        };
        match Pin::new(&mut *self.upstream).poll_write(cx, bytes) {
            Poll::Pending => Ok(false),
            Poll::Ready(Ok(count)) if count > 0 => {
                if self.plan.head.is_empty() {
                    self.connection.input.consume(count);
                    self.up_ready -= count;
                } else {
                    self.plan.head.sent += count;
                }
                Ok(true)
            }
            // It may have answered before it closed; reading tells.
            Poll::Ready(_) => {
                self.up_closed = true;
                Ok(true)
            }
        }
    }

    /// Reads the request's body, as far as the target took what was read before.
    fn read_body(&mut self, cx: &mut Context<'_>) -> Progress {
        if self.up_ready > 0 || self.plan.rest.is_done() || self.up_closed {
            return Ok(false);
        }
        if self.connection.input.is_empty() {
            match self.connection.poll_fill(cx) {
                Poll::Pending => return Ok(false),
                Poll::Ready(Ok(true)) => {}
                Poll::Ready(Ok(false) | Err(_)) => return Err(self.broken(400, "ClosedInBody")),
            }
        }
        match self.plan.rest.take(self.connection.input.data()) {
            Ok(count) => self.up_ready = count,
            Err(why) => return Err(self.broken(why.status, why.reason)),
        }
        self.plan.received += self.up_ready as u64;
        self.plan.consumed = true;
        Ok(true)
    }

    fn read_upstream(&mut self, cx: &mut Context<'_>) -> Progress {
        if self.down_ready > 0 || !self.connection.output.is_empty() {
            return Ok(false);
        }
        if self.answer.as_ref().is_some_and(|answer| answer.rest.is_done()) {
            return Ok(false);
        }
        let buffers = &self.connection.worker.buffers;
        if self.answer.is_none() {
            self.input.grow(self.connection.settings.limits.response_head + 1, buffers);
        }
        match poll_read(self.upstream, cx, self.input.room(buffers)) {
            Poll::Pending => {
                self.input.rest(buffers);
                Ok(false)
            }
            Poll::Ready(Ok(0)) => self.upstream_ended(None).map(|()| true),
            Poll::Ready(Err(error)) => self.upstream_ended(Some(&error)).map(|()| true),
            Poll::Ready(Ok(count)) => {
                self.input.filled(count);
                self.arrived()?;
                Ok(true)
            }
        }
    }

    fn upstream_ended(&mut self, error: Option<&io::Error>) -> Result<(), Failure> {
        match &mut self.answer {
            None if !self.input.is_empty() => Err(self.broken(502, "ClosedInResponseHead")),
            None => Err(Failure::Lost { written: self.plan.head.sent > 0 }),
            Some(answer) if matches!(answer.rest, Rest::Close) && error.is_none() => {
                // The end of the connection was the end of the body.
                answer.rest = Rest::Length(0);
                if answer.body == Body::Chunk {
                    self.connection.output.bytes.extend_from_slice(b"0\r\n\r\n");
                }
                Ok(())
            }
            Some(_) => Err(self.broken(502, "ClosedInResponseBody")),
        }
    }

    /// Bytes came from the target.
    fn arrived(&mut self) -> Result<(), Failure> {
        while self.answer.is_none() {
            let parsed = {
                let mut fields = self.connection.worker.fields.borrow_mut();
                let limits = &self.connection.settings.limits;
                response::parse(self.input.data(), self.plan.is_head, limits, &mut fields)
            };
            match parsed {
                Err(why) => return Err(self.broken(why.status, why.reason)),
                Ok(None) => return Ok(()),
                Ok(Some(response)) if response.status < 200 && response.status != 101 => {
                    self.interim(&response)?;
                }
                Ok(Some(response)) => self.begin(response)?,
            }
        }
        self.pass_on()
    }

    /// `100 Continue` goes to the client that asked for it; the others of its kind are dropped.
    fn interim(&mut self, response: &Response) -> Result<(), Failure> {
        self.interim += 1;
        if self.interim > INTERIM_MAX {
            return Err(self.broken(502, "TooManyInterimResponses"));
        }
        if response.status == 100 && self.plan.expects_continue && !self.plan.old && self.interim == 1 {
            self.connection.output.bytes.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        self.input.consume(response.length);
        Ok(())
    }

    /// Writes the head for the client.
    fn begin(&mut self, response: Response) -> Result<(), Failure> {
        let upgraded = response.status == 101;
        if upgraded && !(self.plan.upgrade && response.upgrade) {
            return Err(self.broken(502, "UnaskedUpgrade"));
        }
        let bodiless = response.framing == Framing::None;
        if bodiless && !upgraded && !self.plan.is_head && self.input.len() > response.length {
            return Err(self.broken(502, "BodyWhereNoneMayBe"));
        }
        let body = match response.framing {
            Framing::Close if !self.plan.old => Body::Chunk,
            Framing::Chunked if self.plan.old => Body::Unchunk,
            Framing::None | Framing::Length(_) | Framing::Chunked | Framing::Close => Body::AsItComes,
        };
        // Without a length, an old client learns the end of the body from the end of the connection.
        let ends = self.plan.old && matches!(response.framing, Framing::Chunked | Framing::Close);
        let keeps = self.plan.keep_alive && !ends && !self.connection.worker.is_leaving();
        // A request that was not read to its end leaves the connection nowhere.
        let keeps = keeps && self.upload_done() && !self.up_closed;
        let after = match (upgraded, keeps) {
            (true, _) => After::Upgrade,
            (false, true) => After::Keep { say: self.plan.old },
            (false, false) => After::Close,
        };
        let fields = self.connection.worker.fields.borrow();
        let mut extra = self.connection.worker.buffers.vector();
        let secure = matches!(self.connection.entrance.kind, ListenerKind::Https(_));
        let head = self.input.data();
        let stickiness = &self.connection.settings.stickiness;
        sticky::set(&mut extra, stickiness, self.target.key, head, &fields, secure);
        let out = &mut self.connection.output.bytes;
        rewrite::response(out, head, &response, &fields, body, after, &extra);
        drop(fields);
        self.connection.worker.buffers.give_vector(extra);
        self.input.consume(response.length);
        self.plan.noted.answered(response.status);
        self.answer = Some(Answer { rest: Rest::of(response.framing), response, body, keeps });
        Ok(())
    }

    /// Makes the body bytes that have arrived ready for the client.
    fn pass_on(&mut self) -> Result<(), Failure> {
        let Some(answer) = &mut self.answer else { return Ok(()) };
        let out = &mut self.connection.output.bytes;
        match (answer.body, &mut answer.rest) {
            (Body::AsItComes, rest) => {
                let Ok(count) = rest.take(self.input.data()) else {
                    return Err(self.broken(502, "BadResponseChunk"));
                };
                if out.is_empty() {
                    self.down_ready = count;
                } else {
                    // With the head, in one write.
                    out.extend_from_slice(&self.input.data()[..count]);
                    self.input.consume(count);
                }
            }
            (Body::Chunk, _) => {
                let data = self.input.data();
                if !data.is_empty() {
                    use std::io::Write as _;
                    let _ = write!(out, "{:x}\r\n", data.len());
                    out.extend_from_slice(data);
                    out.extend_from_slice(b"\r\n");
                    self.input.consume(usize::MAX);
                }
            }
            (Body::Unchunk, Rest::Chunked(decoder)) => {
                while !self.input.is_empty() && !decoder.is_done() {
                    let Ok(step) = decoder.step(self.input.data()) else {
                        return Err(self.broken(502, "BadResponseChunk"));
                    };
                    out.extend_from_slice(step.data);
                    let used = step.used;
                    self.input.consume(used);
                }
            }
            (Body::Unchunk, _) => {}
        }
        Ok(())
    }

    fn write_client(&mut self, cx: &mut Context<'_>) -> Progress {
        let connection = &mut *self.connection;
        let bytes = match connection.output.pending() {
            [] if self.down_ready == 0 => return Ok(false),
            [] => &self.input.data()[..self.down_ready],
            head => head,
        };
        match connection.stream.poll_write(cx, bytes) {
            Poll::Pending => Ok(false),
            Poll::Ready(Ok(count)) if count > 0 => {
                self.plan.noted.sent += count as u64;
                if connection.output.is_empty() {
                    self.input.consume(count);
                    self.down_ready -= count;
                } else {
                    connection.output.sent += count;
                    if connection.output.is_empty() {
                        connection.output.rewind();
                    }
                }
                Ok(true)
            }
            Poll::Ready(_) => Err(Failure::ClientGone),
        }
    }

    /// Looks whether the client is still there. What it sends meanwhile is its next request, and waits.
    fn watch_client(&mut self, cx: &mut Context<'_>) -> Progress {
        let room = self.connection.input.len() < crate::balancer::buffer::SIZE;
        if self.half_closed || !room || !(self.upload_done() || self.up_ready > 0) {
            // TLS needs a flush now and then; plain connections have none.
            let _ = self.connection.stream.poll_flush(cx);
            return Ok(false);
        }
        let _ = self.connection.stream.poll_flush(cx);
        match self.connection.poll_fill(cx) {
            Poll::Pending => Ok(false),
            Poll::Ready(Ok(true)) => Ok(true),
            Poll::Ready(Ok(false)) => {
                self.half_closed = true;
                Ok(true)
            }
            Poll::Ready(Err(_)) => Err(Failure::ClientGone),
        }
    }

    /// Nothing moves: how long may it stay so?
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<Failure> {
        if std::mem::take(&mut self.moved) {
            self.last = clock::now();
        }
        let idle = self.connection.settings.timeouts.idle;
        let patience = if self.half_closed { HALF_CLOSED.min(idle) } else { idle };
        std::task::ready!(self.connection.timer.poll_passed(cx, self.last + patience));
        Poll::Ready(if self.half_closed {
            Failure::ClientGone
        } else if self.answer.is_none()
            && !self.upload_done()
            && self.up_ready == 0
            && self.plan.head.is_empty()
        {
            self.broken(408, "BodyTimeout")
        } else {
            self.broken(504, "TargetTimeout")
        })
    }

    fn finish(&mut self) -> Finished {
        let Some(answer) = &self.answer else {
            return Finished {
                status: 0,
                reusable: false,
                keeps: false,
                tunnel: false,
                early: Input::default(),
            };
        };
        let uploaded = self.upload_done() && !self.up_closed;
        let tunnel = answer.response.status == 101;
        Finished {
            status: answer.response.status,
            reusable: answer.response.keep_alive && uploaded && self.input.is_empty(),
            keeps: answer.keeps && uploaded && !self.half_closed,
            tunnel,
            early: if tunnel { std::mem::take(&mut self.input) } else { Input::default() },
        }
    }
}
