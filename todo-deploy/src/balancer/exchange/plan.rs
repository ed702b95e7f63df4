//! A request, made ready to go to any target.

use tokio::time::Instant;

use super::Connection;
use super::body::Rest;
use super::record::Noted;
use crate::balancer::buffer::{Output, SIZE};
use crate::balancer::clock;
use crate::balancer::http::request::{self, Known, Request};
use crate::balancer::http::rewrite::{self, Hop};
use crate::balancer::http::scan::Field;
use crate::balancer::http::{Framing, Reject};
use crate::balancer::settings::ListenerKind;
use crate::balancer::sticky;
use crate::deployment::HashKey;
use crate::pick::Choice;
use crate::pick::hash::hash_bytes;

#[derive(Debug)]
pub(super) struct Plan {
    /// What goes to the target: the head, and the body if it was all there.
    pub(super) head: Output,
    /// The body that is still to be read from the client.
    pub(super) rest: Rest,
    /// Body bytes were taken from the client for a target: they cannot be sent to another.
    pub(super) consumed: bool,
    pub(super) is_head: bool,
    pub(super) idempotent: bool,
    pub(super) old: bool,
    pub(super) keep_alive: bool,
    pub(super) upgrade: bool,
    pub(super) expects_continue: bool,
    pub(super) ambiguous: Option<&'static str>,
    pub(super) choice: Choice,
    pub(super) started: Instant,
    /// Bytes read from the client for this request.
    pub(super) received: u64,
    pub(super) noted: Noted,
    /// Where a redirecting listener sends the client: a whole line.
    pub(super) location: Vec<u8>,
}

impl Plan {
    /// Takes the request's head, and a small body, from the connection's input.
    pub(super) fn of(connection: &mut Connection, request: &Request) -> Result<Self, Reject> {
        let started = clock::now();
        let worker = &connection.worker;
        let settings = &connection.settings;
        let mut head = Output { bytes: worker.buffers.vector(), sent: 0 };
        let data = connection.input.data();
        let fields = worker.fields.borrow();
        let trace_id = trace_id(worker.draw(), worker.draw());
        let trace = std::str::from_utf8(&trace_id).unwrap_or_default();
        let local = connection.entrance.name.as_str();
        let hop = Hop {
            client: &connection.client,
            protocol: if matches!(connection.entrance.kind, ListenerKind::Https(_)) {
                "https"
            } else {
                "http"
            },
            port: connection.entrance.address.port(),
            local,
            forwarded_for: settings.forwarded_for,
            forwarded_max: settings.limits.forwarded,
            trace,
        };
        rewrite::request(&mut head.bytes, data, request, &fields, &hop)?;
        let method = &data[request.method.clone()];
        let hash = settings.hash_key().map(|key| hash(key, connection, request, &fields));
        let sticky = sticky::named(&settings.stickiness, data, &fields);
        let choice = Choice {
            hash: hash.unwrap_or_default(),
            draw: worker.draw(),
            sticky: sticky.and_then(|key| worker.hub.fleet.slot_of(key)),
        };
        let mut plan = Self {
            is_head: method == b"HEAD",
            idempotent: request::is_idempotent(method),
            rest: Rest::of(request.framing),
            consumed: false,
            old: request.old,
            keep_alive: request.keep_alive && request.ambiguous.is_none(),
            upgrade: request.upgrade,
            expects_continue: request.expects_continue,
            ambiguous: request.ambiguous,
            choice,
            started,
            received: request.length as u64,
            noted: Noted::of(connection, data, request, trace_id),
            location: location(connection, request),
            head,
        };
        drop(fields);
        connection.input.consume(request.length);
        // A small body that is all there goes with the head: one write, and it can be sent again.
        if let Framing::Length(length) = request.framing
            && length <= connection.input.len() as u64
            && length <= SIZE as u64
        {
            let length = usize::try_from(length).unwrap_or(SIZE);
            plan.head.bytes.extend_from_slice(&connection.input.data()[..length]);
            connection.input.consume(length);
            plan.received += length as u64;
            plan.rest = Rest::Length(0);
        }
        Ok(plan)
    }
}

/// The line that names the same host and path on another port, by HTTPS.
fn location(connection: &Connection, request: &Request) -> Vec<u8> {
    let ListenerKind::Redirect(port) = connection.entrance.kind else { return Vec::new() };
    let data = connection.input.data();
    let host = request.host.as_ref().map_or(connection.entrance.name.as_bytes(), |host| &data[host.clone()]);
    // The port is what follows the last colon, unless that belongs to an IPv6 address.
    let colon = memchr::memrchr(b':', host).filter(|&colon| !host[colon..].contains(&b']'));
    let mut line = b"Location: https://".to_vec();
    line.extend_from_slice(&host[..colon.unwrap_or(host.len())]);
    if port != 443 {
        line.extend_from_slice(format!(":{port}").as_bytes());
    }
    if request.needs_slash {
        line.push(b'/');
    }
    line.extend_from_slice(&data[request.path.clone()]);
    line.extend_from_slice(b"\r\n");
    line
}

/// What consistent hashing looks at.
fn hash(key: &HashKey, connection: &Connection, request: &Request, fields: &[Field]) -> u64 {
    let data = connection.input.data();
    match key {
        HashKey::Path => {
            let path = &data[request.path.clone()];
            let end = path.iter().position(|&byte| byte == b'?').unwrap_or(path.len());
            hash_bytes(&path[..end])
        }
        HashKey::ClientAddress => hash_bytes(connection.client.as_bytes()),
        HashKey::Header(name) => {
            let named = fields.iter().find(|field| field.name(data).eq_ignore_ascii_case(name.as_bytes()));
            hash_bytes(named.map_or(connection.client.as_bytes(), |field| field.value(data)))
        }
        HashKey::Cookie(name) => {
            let cookies = fields.iter().filter(|field| field.known == Known::Cookie);
            let named = cookies.filter_map(|field| sticky::cookie(field.value(data), name.as_bytes())).next();
            hash_bytes(named.unwrap_or(connection.client.as_bytes()))
        }
    }
}

/// `1-` the seconds since 1970 `-` 96 random bits, in hexadecimal.
fn trace_id(first: u64, second: u64) -> [u8; 35] {
    let mut id = *b"1-00000000-000000000000000000000000";
    let seconds = clock::wall().as_secs();
    hex(&mut id[2..10], seconds);
    hex(&mut id[11..27], first);
    hex(&mut id[27..35], second);
    id
}

/// The low digits of `value`, as many as there is room for.
pub(in crate::balancer) fn hex(room: &mut [u8], mut value: u64) {
    for place in room.iter_mut().rev() {
        *place = b"0123456789abcdef"[usize::try_from(value & 15).unwrap_or(0)];
        value >>= 4;
    }
}
