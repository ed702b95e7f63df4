//! What is remembered of a request, for the counters and the access log.
//!
//! The log's line has the fields of an Application Load Balancer's access log, in its order, with `-` for what
//! only AWS has: type, end, balancer, client, target, three processing times, two statuses, bytes in and out,
//! request, user agent, TLS cipher and protocol, target group, trace id, name and certificate, rule, start,
//! action, redirect, error reason, targets, their statuses, classification and its reason.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Connection;
use super::plan::Plan;
use crate::balancer::clock;
use crate::balancer::fleet::Target;
use crate::balancer::http::Reject;
use crate::balancer::http::request::Request;
use crate::balancer::http::rewrite::number;
use crate::balancer::settings::{AccessLog, ListenerKind};
use crate::balancer::stats::Tally;

/// Longest part of a request or user agent that is logged.
const TEXT_MAX: usize = 8 << 10;

/// What the log line will need when the head is long gone. Without a log it holds nothing.
#[derive(Debug, Default)]
pub(super) struct Noted {
    /// Bytes written to the client.
    pub(super) sent: u64,
    /// Request and user agent, ready for the line.
    text: Vec<u8>,
    request: usize,
    trace: Option<[u8; 35]>,
    target: Option<Arc<Target>>,
    target_status: u16,
    /// When the request went to the target, and when the answer's head was there.
    pub(super) dispatched: Option<Instant>,
    answered: Option<Instant>,
    classification: Option<&'static str>,
}

impl Noted {
    pub(super) fn of(connection: &Connection, data: &[u8], request: &Request, trace: [u8; 35]) -> Self {
        if connection.settings.access_log == AccessLog::Off {
            return Self::default();
        }
        let mut text = connection.worker.buffers.vector();
        let of = |range: &Range<usize>| &data[range.clone()];
        escape(&mut text, of(&request.method));
        text.push(b' ');
        text.extend_from_slice(protocol(connection).as_bytes());
        text.extend_from_slice(b"://");
        escape(&mut text, request.host.as_ref().map_or(connection.entrance.name.as_bytes(), of));
        escape(&mut text, of(&request.path));
        text.extend_from_slice(if request.old { b" HTTP/1.0" } else { b" HTTP/1.1" });
        let end = text.len();
        escape(&mut text, request.user_agent.as_ref().map_or(&b"-"[..], of));
        Self { text, request: end, trace: Some(trace), classification: request.ambiguous, ..Self::default() }
    }

    /// The target's answer has begun.
    pub(super) fn answered(&mut self, status: u16) {
        self.target_status = status;
        self.answered = Some(clock::now());
    }

    /// The target had the request and did not answer it.
    pub(super) fn failed(&mut self, target: &Arc<Target>) {
        self.target = Some(Arc::clone(target));
    }
}

/// Quotes, backslashes and what is not printable would break the line.
fn escape(out: &mut Vec<u8>, text: &[u8]) {
    let text = &text[..text.len().min(TEXT_MAX)];
    if text.iter().all(|&byte| (0x20..0x7f).contains(&byte) && byte != b'"' && byte != b'\\') {
        return out.extend_from_slice(text);
    }
    for &byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0x20..0x7f => out.push(byte),
            _ => {
                let mut digits = *b"\\x00";
                super::hex(&mut digits[2..], u64::from(byte));
                out.extend_from_slice(&digits);
            }
        }
    }
}

fn protocol(connection: &Connection) -> &'static str {
    if matches!(connection.entrance.kind, ListenerKind::Https(_)) { "https" } else { "http" }
}

/// A request was answered, or came to its end otherwise.
pub(super) fn finished(
    connection: &Connection,
    plan: &mut Plan,
    status: u16,
    target: Option<&Arc<Target>>,
    reason: &str,
) {
    let now = clock::now();
    let tally = Tally {
        status,
        bytes_in: plan.received,
        bytes_out: plan.noted.sent,
        latency: now.duration_since(plan.started),
    };
    connection.worker.hub.total.count(&tally);
    let target = target.or(plan.noted.target.as_ref());
    if let Some(target) = target {
        target.counters.count(&tally);
    }
    if connection.settings.access_log == AccessLog::Off {
        return;
    }
    let noted = &plan.noted;
    let between = |from: Option<Instant>, to: Option<Instant>| Some(to?.duration_since(from?));
    let line = Line {
        kind: match (plan.upgrade && noted.target_status == 101, protocol(connection)) {
            (true, "https") => "wss",
            (true, _) => "ws",
            (false, protocol) => protocol,
        },
        target: target.map(|target| target.name.as_str()),
        times: [
            between(Some(plan.started), noted.dispatched),
            between(noted.dispatched, noted.answered),
            between(noted.answered, Some(now)),
        ],
        status,
        target_status: noted.target_status,
        received: plan.received,
        sent: noted.sent,
        request: &noted.text[..noted.request],
        agent: &noted.text[noted.request..],
        trace: noted.trace.as_ref().map_or(b"-", |trace| trace),
        took: tally.latency,
        action: "forward",
        reason,
        classification: noted.classification.map(|why| ("Ambiguous", why)),
    };
    write(connection, &line);
    connection.worker.buffers.give_vector(std::mem::take(&mut plan.noted.text));
}

/// What was no request, or not one for us.
pub(super) fn refused(connection: &Connection, why: Reject) {
    let input = connection.input.data();
    let tally =
        Tally { status: why.status, bytes_in: input.len() as u64, bytes_out: 0, latency: Duration::ZERO };
    connection.worker.hub.total.count(&tally);
    if connection.settings.access_log == AccessLog::Off {
        return;
    }
    let end = input.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(input.len()).min(256);
    let mut request = Vec::new();
    escape(&mut request, if end == 0 { b"-" } else { &input[..end] });
    let severe = why.status == 400 || why.status == 501;
    let line = Line {
        kind: protocol(connection),
        target: None,
        times: [None; 3],
        status: why.status,
        target_status: 0,
        received: tally.bytes_in,
        sent: 0,
        request: &request,
        agent: b"-",
        trace: b"-",
        took: Duration::ZERO,
        action: "-",
        reason: why.reason,
        classification: severe.then_some(("Severe", why.reason)),
    };
    write(connection, &line);
}

struct Line<'a> {
    kind: &'a str,
    target: Option<&'a str>,
    times: [Option<Duration>; 3],
    status: u16,
    target_status: u16,
    received: u64,
    sent: u64,
    request: &'a [u8],
    agent: &'a [u8],
    trace: &'a [u8],
    took: Duration,
    action: &'a str,
    reason: &'a str,
    classification: Option<(&'a str, &'a str)>,
}

fn write(connection: &Connection, line: &Line<'_>) {
    let worker = &connection.worker;
    let mut page = worker.page.borrow_mut();
    let out = &mut *page;
    let ended = clock::wall();
    let text = |out: &mut Vec<u8>, text: &str| out.extend_from_slice(text.as_bytes());
    let quoted = |out: &mut Vec<u8>, text: &[u8]| {
        out.extend_from_slice(b" \"");
        out.extend_from_slice(if text.is_empty() { b"-" } else { text });
        out.push(b'"');
    };
    let spaced = |out: &mut Vec<u8>, value: u64| {
        out.push(b' ');
        number(out, value);
    };
    let status = |out: &mut Vec<u8>, status: u16| match status {
        0 => out.push(b'-'),
        status => number(out, u64::from(status)),
    };
    text(out, line.kind);
    out.push(b' ');
    worker.dates.borrow_mut().write(out, ended);
    text(out, " todo-deploy ");
    text(out, &connection.client_port);
    out.push(b' ');
    text(out, line.target.unwrap_or("-"));
    for time in line.times {
        seconds(out, time);
    }
    out.push(b' ');
    status(out, line.status);
    out.push(b' ');
    status(out, line.target_status);
    spaced(out, line.received);
    spaced(out, line.sent);
    quoted(out, line.request);
    quoted(out, line.agent);
    text(out, " - - - \"");
    if line.trace.len() > 1 {
        text(out, "Root=");
    }
    out.extend_from_slice(line.trace);
    text(out, "\" \"-\" \"-\" 0 ");
    worker.dates.borrow_mut().write(out, ended.saturating_sub(line.took));
    quoted(out, line.action.as_bytes());
    text(out, " \"-\"");
    quoted(out, line.reason.as_bytes());
    quoted(out, line.target.unwrap_or("-").as_bytes());
    text(out, " \"");
    status(out, line.target_status);
    out.push(b'"');
    let (class, why) = line.classification.unwrap_or(("-", "-"));
    quoted(out, class.as_bytes());
    quoted(out, why.as_bytes());
    out.push(b'\n');
    if out.len() >= crate::balancer::log::PAGE {
        worker.hub.log.page(out);
    }
}

/// A blank and seconds with milliseconds, or -1.
fn seconds(out: &mut Vec<u8>, time: Option<Duration>) {
    let Some(time) = time else { return out.extend_from_slice(b" -1") };
    out.push(b' ');
    number(out, time.as_secs());
    let millis = time.subsec_millis();
    let digit = |value: u32| b'0' + u8::try_from(value % 10).unwrap_or(0);
    out.extend_from_slice(&[b'.', digit(millis / 100), digit(millis / 10), digit(millis)]);
}

/// Writes moments as `2026-01-02T03:04:05.123456Z`; the part up to the second is made once a second.
#[derive(Debug, Default)]
pub(in crate::balancer) struct Dates {
    second: u64,
    text: String,
}

impl Dates {
    fn write(&mut self, out: &mut Vec<u8>, moment: Duration) {
        if self.text.is_empty() || self.second != moment.as_secs() {
            self.second = moment.as_secs();
            let stamp = jiff::Timestamp::from_second(i64::try_from(self.second).unwrap_or(0));
            self.text = stamp.map(|stamp| stamp.to_string()).unwrap_or_default();
            self.text.truncate(self.text.len().saturating_sub(1));
        }
        out.extend_from_slice(self.text.as_bytes());
        let mut digits = *b".000000Z";
        let mut micros = moment.subsec_micros();
        for place in digits[1..7].iter_mut().rev() {
            *place = b'0' + u8::try_from(micros % 10).unwrap_or(0);
            micros /= 10;
        }
        out.extend_from_slice(&digits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_escapes() {
        let (mut dates, mut out) = (Dates::default(), Vec::new());
        dates.write(&mut out, Duration::from_micros(1_530_570_180_186_641));
        out.push(b' ');
        escape(&mut out, b"a\"b\\c\n\xff");
        assert_eq!(String::from_utf8_lossy(&out), "2018-07-02T22:23:00.186641Z a\\\"b\\\\c\\x0a\\xff");
    }
}
