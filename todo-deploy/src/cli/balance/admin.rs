//! The admin address: a few questions and orders over HTTP, on this machine only.
//!
//! One request per connection, read by the balancer's own strict parser. A request that a browser sends on
//! behalf of a page (it has an `Origin`), or that names another host than this machine, is refused: otherwise
//! any page could deregister targets.
#![expect(clippy::disallowed_methods, reason = "waits for the system to have room again; this is the edge")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::roster::{Registered, Roster};
use super::spec::TargetSpec;
use crate::balancer::TargetStatus;
use crate::balancer::message::{Message, read};
use crate::pick::TargetState;

/// Connections at a time, and how long one may take.
const CONNECTIONS_MAX: usize = 32;
const PATIENCE: Duration = Duration::from_secs(10);
/// After the system refused a connection to us, for want of file descriptors: it would refuse the next one as well.
const PAUSE: Duration = Duration::from_millis(50);
/// Longest request, body included.
const REQUEST_MAX: usize = 16 << 10;

/// Listens in a task of this runtime; gives the address.
pub(super) async fn start(address: SocketAddr, roster: Roster) -> Result<SocketAddr> {
    let listener = TcpListener::bind(address).await;
    let listener = listener.with_context(|| format!("cannot listen on {address} for admin"))?;
    let address = listener.local_addr()?;
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    tokio::spawn(async move {
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let Ok((stream, _)) = listener.accept().await else {
                sleep(PAUSE).await;
                continue;
            };
            let roster = roster.clone();
            tokio::spawn(async move {
                let _ = tokio::time::timeout(PATIENCE, serve(stream, &roster)).await;
                drop(place);
            });
        }
    });
    Ok(address)
}

async fn serve(mut stream: TcpStream, roster: &Roster) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    let answer = loop {
        match read(&bytes, REQUEST_MAX) {
            Ok(Some(message)) => break answer(&message, roster),
            Err(status) => {
                break Answer::new(status, json!({"error": "the request is malformed or too long"}));
            }
            Ok(None) => {}
        }
        let mut piece = [0; 4096];
        let count = stream.read(&mut piece).await?;
        if count == 0 {
            return Ok(());
        }
        bytes.extend_from_slice(&piece[..count]);
    };
    let Answer { status, kind, body } = answer;
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} \r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

struct Answer {
    status: u16,
    kind: &'static str,
    body: String,
}

impl Answer {
    #[expect(clippy::needless_pass_by_value, reason = "callers make the value for this")]
    fn new(status: u16, body: Value) -> Self {
        Self { status, kind: "application/json", body: format!("{body:#}\n") }
    }

    fn wrong(status: u16, why: &str) -> Self {
        Self::new(status, json!({ "error": why }))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Registration {
    address: String,
    #[serde(default = "one")]
    weight: u32,
}

const fn one() -> u32 {
    1
}

fn answer(message: &Message<'_>, roster: &Roster) -> Answer {
    if message.origin || !message.local {
        return Answer::wrong(403, "only programs of this machine may ask here");
    }
    let path = message.path.split('?').next().unwrap_or_default();
    let target = path.strip_prefix("/targets/");
    match (message.method, path, target) {
        ("GET" | "HEAD", "/targets", _) => Answer::new(200, Value::Array(listed(roster))),
        ("GET" | "HEAD", "/health", _) => Answer::new(200, json!({"status": "running"})),
        ("GET" | "HEAD", "/metrics", _) => {
            Answer { status: 200, kind: "text/plain; version=0.0.4", body: roster.handle().metrics() }
        }
        ("POST", "/targets", _) => register(message.body, roster),
        ("DELETE", _, Some(address)) => deregister(address, roster),
        (_, "/targets" | "/health" | "/metrics", _) | (_, _, Some(_)) => Answer::wrong(
            405,
            "GET /targets, POST /targets, DELETE /targets/ADDRESS, GET /metrics, GET /health",
        ),
        _ => Answer::wrong(404, "there are /targets, /metrics and /health"),
    }
}

fn listed(roster: &Roster) -> Vec<Value> {
    roster.handle().targets().iter().map(shown).collect()
}

fn shown(target: &TargetStatus) -> Value {
    let state = match target.state {
        TargetState::Initial => "initial",
        TargetState::Healthy => "healthy",
        TargetState::Unhealthy => "unhealthy",
        TargetState::Draining => "draining",
    };
    json!({
        "address": target.address.to_string(),
        "weight": target.weight,
        "state": state,
        "ejected": target.ejected,
        "routable": target.routable,
        "in_flight": target.in_flight,
    })
}

fn register(body: &[u8], roster: &Roster) -> Answer {
    let given: Registration = match serde_json::from_slice(body) {
        Ok(given) => given,
        Err(error) => {
            return Answer::wrong(
                400,
                &format!("send {{\"address\": \"HOST:PORT\", \"weight\": 1}}: {error}"),
            );
        }
    };
    let target = match format!("{},weight={}", given.address, given.weight).parse::<TargetSpec>() {
        Ok(target) => target,
        Err(why) => return Answer::wrong(400, &why),
    };
    let status = if roster.register(&target) == Registered::New { 201 } else { 200 };
    roster.find(target.address).map_or_else(
        || Answer::wrong(409, "it was deregistered meanwhile"),
        |target| Answer::new(status, shown(&target)),
    )
}

fn deregister(address: &str, roster: &Roster) -> Answer {
    let Ok(address) = address.parse() else {
        return Answer::wrong(400, "name the target as /targets/HOST:PORT, as GET /targets shows it");
    };
    if roster.deregister(address) {
        Answer::new(202, json!({"address": address.to_string(), "state": "draining"}))
    } else {
        Answer::wrong(404, "no such target is registered, or it is leaving already")
    }
}
