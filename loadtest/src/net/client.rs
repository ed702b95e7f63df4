//! The connections of one VU and the sending of one request over one of them.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::connect::{self, Network, Steps};
use super::h1::{self, Marks, now};
use super::io::{Stream, Traffic};
use super::proxy::Proxy;
use super::{Hop, NetError, Origin, Reply, Timings, TlsInfo, Want, h2};

/// Idle connections that a VU keeps; the oldest is closed beyond it.
const IDLE_MAX: usize = 64;

/// One VU's side of the network. Connections are never shared between VUs.
#[derive(Debug)]
pub struct Client {
    network: Arc<Network>,
    pub traffic: Rc<Traffic>,
    idle: RefCell<Vec<Idle>>,
    shared: RefCell<Vec<Shared>>,
    /// Close after each request.
    pub no_reuse: bool,
    /// Where it calls from; `None`: as the system likes.
    local: Option<IpAddr>,
}

/// A connection that waits for its next request.
#[derive(Debug)]
struct Idle {
    origin: Rc<Origin>,
    stream: Stream,
    remote: SocketAddr,
    tls: Option<Box<TlsInfo>>,
}

/// An HTTP/2 connection.
#[derive(Debug, Clone)]
struct Shared {
    origin: Rc<Origin>,
    handle: h2::Handle,
    remote: SocketAddr,
    tls: Option<Box<TlsInfo>>,
}

/// One request as it goes over the wire.
#[derive(Debug, Clone, Copy)]
pub struct Wire<'a> {
    pub origin: &'a Rc<Origin>,
    pub method: &'a str,
    /// Path and query.
    pub target: &'a str,
    /// In order, `Host` included.
    pub headers: &'a [(String, String)],
    /// The head for HTTP/1.1 where the caller has it ready; made from `headers` otherwise.
    pub head: Option<&'a [u8]>,
    pub body: &'a Bytes,
    pub want: Want,
    /// When to give up.
    pub deadline: Instant,
}

/// How far a request got.
#[derive(Debug, Default)]
struct Progress {
    steps: Steps,
    /// A connection was there.
    ready: Option<Instant>,
    marks: Marks,
    proto: &'static str,
    remote: Option<SocketAddr>,
    tls: Option<Box<TlsInfo>>,
}

enum Link {
    Own(Idle),
    Shared(Shared),
}

impl Client {
    pub fn new(network: Arc<Network>, no_reuse: bool) -> Self {
        Self {
            network,
            traffic: Rc::default(),
            idle: RefCell::default(),
            shared: RefCell::default(),
            no_reuse,
            local: None,
        }
    }

    /// Calls from an address of this machine.
    pub fn from(self, local: Option<IpAddr>) -> Self {
        Self { local, ..self }
    }

    /// Closes what is idle.
    pub fn close_idle(&self) {
        self.idle.borrow_mut().clear();
        self.shared.borrow_mut().clear();
    }

    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Sends one request and reads its response; never fails without saying how long it took.
    pub async fn hop(&self, wire: Wire<'_>) -> Hop {
        let begin = now();
        let mut progress = Progress::default();
        let result =
            match tokio::time::timeout_at(wire.deadline.into(), self.attempts(wire, &mut progress)).await {
                Ok(result) => result,
                Err(_) => Err(NetError::timeout()),
            };
        let end = now();
        let mut timings = Timings {
            looking_up: progress.steps.looking_up,
            connecting: progress.steps.connecting,
            tls_handshaking: progress.steps.tls_handshaking,
            ..Timings::default()
        };
        if let Some(ready) = progress.ready {
            timings.blocked = ready - begin;
            let written = progress.marks.written.unwrap_or(end);
            timings.sending = written.saturating_duration_since(ready);
            let first = progress.marks.first_byte.unwrap_or(end);
            timings.waiting = first.saturating_duration_since(written);
            timings.receiving = end.saturating_duration_since(first.max(written));
        }
        let proto = if result.is_ok() { progress.proto } else { "" };
        Hop { result, timings, proto, remote: progress.remote, tls: progress.tls }
    }

    /// As Go's client, tries once more where a kept connection turns out to be closed before any answer.
    async fn attempts(&self, wire: Wire<'_>, progress: &mut Progress) -> Result<Reply, NetError> {
        if let Some(idle) = self.take(wire.origin) {
            let result = self.over(Link::Own(idle), wire, progress).await;
            let unanswered = progress.marks.first_byte.is_none();
            let repeatable = matches!(wire.method, "GET" | "HEAD" | "OPTIONS" | "TRACE");
            if result.is_ok() || !unanswered || !repeatable {
                return result;
            }
            *progress = Progress::default();
        } else if let Some(shared) = self.take_shared(wire.origin) {
            return Box::pin(self.over(Link::Shared(shared), wire, progress)).await;
        }
        // Boxed: a VU makes a connection seldom, and its state is large.
        Box::pin(async {
            let link = self.connect(wire.origin, progress).await?;
            self.over(link, wire, progress).await
        })
        .await
    }

    async fn over(&self, link: Link, wire: Wire<'_>, progress: &mut Progress) -> Result<Reply, NetError> {
        progress.ready = Some(now());
        match link {
            Link::Own(idle) => self.over_h1(idle, wire, progress).await,
            Link::Shared(shared) => {
                progress.remote = Some(shared.remote);
                progress.tls.clone_from(&shared.tls);
                let request = (wire.method, wire.target);
                let (headers, body, marks) = (wire.headers, wire.body, &mut progress.marks);
                let exchanged = Box::pin(h2::exchange(
                    &shared.handle,
                    wire.origin,
                    request,
                    headers,
                    body,
                    wire.want,
                    marks,
                ));
                let result = exchanged.await;
                progress.proto = "HTTP/2.0";
                if result.is_err() || self.no_reuse {
                    self.shared.borrow_mut().retain(|other| other.origin != shared.origin);
                }
                result
            }
        }
    }

    async fn over_h1(
        &self,
        mut idle: Idle,
        wire: Wire<'_>,
        progress: &mut Progress,
    ) -> Result<Reply, NetError> {
        progress.remote = Some(idle.remote);
        let made;
        let proxy = if wire.origin.tls { None } else { self.network.proxies.of(wire.origin) };
        let head = match wire.head.filter(|_| proxy.is_none()) {
            Some(head) => head,
            None => {
                made = head_of(wire, proxy)?;
                &made
            }
        };
        let no_body = wire.method == "HEAD";
        let answer =
            h1::exchange(&mut idle.stream, head, wire.body, wire.want, no_body, &mut progress.marks).await;
        progress.tls.clone_from(&idle.tls);
        let answer = answer?;
        progress.proto = if answer.http10 { "HTTP/1.0" } else { "HTTP/1.1" };
        if answer.keep_alive && !self.no_reuse && answer.reply.status != 101 {
            self.put_back(idle);
        }
        Ok(answer.reply)
    }

    /// The most recently used connection to an origin that is still open.
    fn take(&self, origin: &Rc<Origin>) -> Option<Idle> {
        let mut idle = self.idle.borrow_mut();
        loop {
            let at =
                idle.iter().rposition(|idle| Rc::ptr_eq(&idle.origin, origin) || idle.origin == *origin)?;
            let found = idle.swap_remove(at);
            if !found.stream.is_stale() {
                return Some(found);
            }
        }
    }

    fn take_shared(&self, origin: &Rc<Origin>) -> Option<Shared> {
        self.shared.borrow().iter().find(|shared| shared.origin == *origin).cloned()
    }

    fn put_back(&self, idle: Idle) {
        let mut all = self.idle.borrow_mut();
        if all.len() >= IDLE_MAX {
            all.remove(0);
        }
        if all.capacity() == 0 {
            // Nearly every VU talks to one host: room for one, not for the four that a first push would take.
            all.reserve_exact(1);
        }
        all.push(idle);
    }

    async fn connect(&self, origin: &Rc<Origin>, progress: &mut Progress) -> Result<Link, NetError> {
        let traffic = Rc::clone(&self.traffic);
        let made = connect::connect(origin, &self.network, self.local, traffic, &mut progress.steps).await?;
        let origin = Rc::clone(origin);
        if !made.h2 {
            return Ok(Link::Own(Idle { origin, stream: made.stream, remote: made.remote, tls: made.tls }));
        }
        let handle = h2::start(made.stream).await?;
        let shared = Shared { origin, handle, remote: made.remote, tls: made.tls };
        if !self.no_reuse {
            self.shared.borrow_mut().push(shared.clone());
        }
        Ok(Link::Shared(shared))
    }
}

/// The head of a request over HTTP/1.1; a proxy is told where the request goes.
fn head_of(wire: Wire<'_>, proxy: Option<&Proxy>) -> Result<Vec<u8>, NetError> {
    let mut head = Vec::with_capacity(256);
    let Some(proxy) = proxy else {
        h1::write_head(&mut head, wire.method, wire.target, wire.headers)?;
        return Ok(head);
    };
    let target = format!("http://{}{}", wire.origin.authority(), wire.target);
    let mut headers = wire.headers.to_vec();
    headers.extend(proxy.authorization.iter().map(|who| ("Proxy-Authorization".to_owned(), who.clone())));
    h1::write_head(&mut head, wire.method, &target, &headers)?;
    Ok(head)
}
