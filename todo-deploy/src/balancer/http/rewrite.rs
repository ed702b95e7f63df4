//! The heads that go on: every byte that stays is copied once, in runs as long as possible.

use std::io::Write as _;

use super::request::{Known, Request};
use super::response::Response;
use super::scan::{self, Field};
use super::{Framing, Reject, reject};
use crate::balancer::settings::ForwardedFor;

/// What this hop adds to a request.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Hop<'a> {
    pub(in super::super) client: &'a str,
    /// `http` or `https`.
    pub(in super::super) protocol: &'a str,
    /// The listener's port.
    pub(in super::super) port: u16,
    /// Where the client connected to: the `Host` of an old request that has none.
    pub(in super::super) local: &'a str,
    pub(in super::super) forwarded_for: ForwardedFor,
    /// Most addresses in `X-Forwarded-For`.
    pub(in super::super) forwarded_max: usize,
    /// A new trace id, `1-xxxxxxxx-xxxxxxxxxxxxxxxxxxxxxxxx`.
    pub(in super::super) trace: &'a str,
}

/// Collects what stays: neighbours are copied together.
struct Kept<'h> {
    head: &'h [u8],
    from: usize,
    to: usize,
}

impl Kept<'_> {
    fn keep(&mut self, field: &Field, out: &mut Vec<u8>) {
        if self.to != field.line.start {
            self.flush(out);
            self.from = field.line.start;
        }
        self.to = field.line.end;
    }

    fn flush(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head[self.from..self.to]);
        (self.from, self.to) = (0, 0);
    }
}

fn is_listed(head: &[u8], fields: &[Field], name: &[u8]) -> bool {
    let lists = fields.iter().filter(|field| field.known == Known::Connection);
    lists.flat_map(|field| scan::list(field.value(head))).any(|listed| listed.eq_ignore_ascii_case(name))
}

/// Writes the head for the target. 463 when too many addresses are in it.
pub(in super::super) fn request(
    out: &mut Vec<u8>,
    head: &[u8],
    request: &Request,
    fields: &[Field],
    hop: &Hop<'_>,
) -> Result<(), Reject> {
    out.extend_from_slice(&head[request.method.clone()]);
    out.push(b' ');
    let path = &head[request.path.clone()];
    if request.needs_slash {
        // RFC 9112 §3.2.4: `OPTIONS http://host` asks the server as a whole.
        let whole = path.is_empty() && &head[request.method.clone()] == b"OPTIONS";
        out.push(if whole { b'*' } else { b'/' });
    }
    out.extend_from_slice(path);
    out.extend_from_slice(b" HTTP/1.1\r\n");
    let mut kept = Kept { head, from: 0, to: 0 };
    let (mut addresses, mut traced, mut has_host) = (0, None, false);
    for field in fields {
        match field.known {
            Known::Connection | Known::HopByHop | Known::Upgrade | Known::Ours => continue,
            Known::ForwardedFor => {
                addresses += scan::list(field.value(head)).count();
                if addresses > hop.forwarded_max {
                    return Err(reject(463, "TooManyForwardedAddresses"));
                }
                if hop.forwarded_for != ForwardedFor::Preserve {
                    continue;
                }
            }
            Known::TraceId => {
                traced = Some(field.value(head));
                continue;
            }
            // As a plain number: `007` is octal to some.
            Known::ContentLength => {
                if let Framing::Length(length) = request.framing {
                    let _ = write!(out, "Content-Length: {length}\r\n");
                } else {
                    out.extend_from_slice(b"Content-Length: 0\r\n");
                }
                continue;
            }
            Known::Host => has_host = true,
            Known::Other
            | Known::TransferEncoding
            | Known::Expect
            | Known::Cookie
            | Known::UserAgent
            | Known::NearlyFraming => {}
        }
        if request.lists && is_listed(head, fields, field.name(head)) {
            continue;
        }
        kept.keep(field, out);
    }
    kept.flush(out);
    if !has_host {
        let host = request.host.as_ref().map_or(hop.local.as_bytes(), |host| &head[host.clone()]);
        line(out, b"Host: ", &[host]);
    }
    if hop.forwarded_for == ForwardedFor::Append {
        out.extend_from_slice(b"X-Forwarded-For: ");
        for field in fields.iter().filter(|field| field.known == Known::ForwardedFor) {
            let removed = request.lists && is_listed(head, fields, field.name(head));
            if !removed && !field.value.is_empty() {
                out.extend_from_slice(field.value(head));
                out.extend_from_slice(b", ");
            }
        }
        out.extend_from_slice(hop.client.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    line(out, b"X-Forwarded-Proto: ", &[hop.protocol.as_bytes()]);
    out.extend_from_slice(b"X-Forwarded-Port: ");
    number(out, u64::from(hop.port));
    out.extend_from_slice(b"\r\n");
    trace(out, traced, hop.trace);
    if request.upgrade {
        out.extend_from_slice(b"Connection: Upgrade\r\nUpgrade: websocket\r\n");
    } else if request.ambiguous.is_some() {
        out.extend_from_slice(b"Connection: close\r\n");
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// As AWS does it: a request that has a root gets our id beside it, others get our id as the root.
fn trace(out: &mut Vec<u8>, given: Option<&[u8]>, id: &str) {
    let id = id.as_bytes();
    match given {
        None => line(out, b"X-Amzn-Trace-Id: Root=", &[id]),
        Some(given) if given.windows(5).any(|five| five == b"Root=") => {
            line(out, b"X-Amzn-Trace-Id: Self=", &[id, b";", given]);
        }
        Some(given) => line(out, b"X-Amzn-Trace-Id: Root=", &[id, b";", given]),
    }
}

fn line(out: &mut Vec<u8>, name: &[u8], value: &[&[u8]]) {
    out.extend_from_slice(name);
    for part in value {
        out.extend_from_slice(part);
    }
    out.extend_from_slice(b"\r\n");
}

/// A decimal number: `write!` costs several times as much.
pub(in super::super) fn number(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(value % 10).unwrap_or(0);
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// How the client's connection goes on after a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum After {
    /// Said to HTTP/1.0 clients; the others assume it.
    Keep {
        say: bool,
    },
    Close,
    Upgrade,
}

/// Writes the head for the client. `extra`: whole lines that the balancer adds.
pub(in super::super) fn response(
    out: &mut Vec<u8>,
    head: &[u8],
    response: &Response,
    fields: &[Field],
    body: Body,
    after: After,
    extra: &[u8],
) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(&head[response.line.clone()]);
    if response.line.len() == 3 {
        out.push(b' ');
    }
    out.extend_from_slice(b"\r\n");
    let mut kept = Kept { head, from: 0, to: 0 };
    for field in fields {
        let stays = match field.known {
            Known::Connection | Known::HopByHop | Known::Upgrade => false,
            Known::TransferEncoding => body == Body::AsItComes && response.framing == Framing::Chunked,
            Known::ContentLength => response.status != 204,
            _ => !(response.lists && is_listed(head, fields, field.name(head))),
        };
        if stays {
            kept.keep(field, out);
        }
    }
    kept.flush(out);
    if body == Body::Chunk {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    }
    out.extend_from_slice(extra);
    out.extend_from_slice(match after {
        After::Keep { say: false } => b"\r\n",
        After::Keep { say: true } => b"Connection: keep-alive\r\n\r\n",
        After::Close => b"Connection: close\r\n\r\n",
        After::Upgrade => b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    });
}

/// How a response's body reaches the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Body {
    AsItComes,
    /// Of unknown length, to a client that knows chunks.
    Chunk,
    /// In chunks, to a client that does not.
    Unchunk,
}
