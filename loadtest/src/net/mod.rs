//! The thin HTTP client: connections owned by one VU, no shared pool, timestamps taken where bytes move.
//!
//! [`client`] sends one request and reads one response (a hop); redirects, cookies and authentication are built on
//! top of it in `engine::http`. An idle connection holds no buffer: reads go to one buffer per thread.

pub mod client;
pub mod connect;
pub mod decode;
pub mod dns;
pub mod error;
pub mod h1;
mod h1_reader;
pub mod h2;
pub mod io;
pub mod proxy;
pub mod tls;

use std::net::SocketAddr;
use std::time::Duration;

pub use error::NetError;

/// Where the time of one request went; the names and meanings are k6's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timings {
    /// From asking for a connection to having it: DNS, TCP and TLS for a new one.
    pub blocked: Duration,
    pub looking_up: Duration,
    pub connecting: Duration,
    pub tls_handshaking: Duration,
    /// From connection ready to request written.
    pub sending: Duration,
    /// From request written to the first byte of the response, or to the failure.
    pub waiting: Duration,
    /// From the first byte to the last.
    pub receiving: Duration,
}

impl Timings {
    /// What `http_req_duration` measures: without DNS, connecting, TLS and queueing before.
    pub fn duration(&self) -> Duration {
        self.sending + self.waiting + self.receiving
    }
}

impl Hop {
    /// A request that was refused before anything was sent.
    pub fn failed(error: NetError) -> Self {
        Self { result: Err(error), timings: Timings::default(), proto: "", remote: None, tls: None }
    }
}

/// Scheme, host and port: what a connection is made to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    pub tls: bool,
    /// Without brackets for IPv6.
    pub host: String,
    pub port: u16,
}

impl Origin {
    /// `None` when the URL is neither http nor https, or has no host.
    pub fn of(url: &url::Url) -> Option<Self> {
        let tls = match url.scheme() {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']').to_owned();
        Some(Self { tls, host, port: url.port_or_known_default()? })
    }

    /// Where an address leads.
    ///
    /// # Errors
    /// When it is neither http nor https, or names no host or no port.
    pub fn at(address: &loadtest_js::Address) -> Result<Self, NetError> {
        let tls = match address.scheme.as_str() {
            "http" => false,
            "https" => true,
            other => return Err(NetError::generic(format!("unsupported protocol scheme {other:?}"))),
        };
        if address.host.is_empty() {
            return Err(NetError::generic("http: no Host in request URL"));
        }
        let (_, port) = address.host_and_port();
        let number = port.map_or(Ok(if tls { 443 } else { 80 }), str::parse);
        let bad =
            |_| NetError::new(1210, format!("dial tcp: address {}: invalid port", port.unwrap_or_default()));
        let header = address.host_header();
        let host = match header.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, _)) => host,
            None => header.split(':').next().unwrap_or_default(),
        };
        Ok(Self { tls, host: host.to_ascii_lowercase(), port: number.map_err(bad)? })
    }

    /// The value of the `Host` header: the port only when it is not the scheme's own.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.tls, self.port) {
            (false, 80) | (true, 443) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}

/// What was negotiated on an encrypted connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsInfo {
    /// `tls1.2` or `tls1.3`, as k6 writes them.
    pub version: &'static str,
    pub cipher_suite: String,
}

/// What the caller wants to keep of a response. What is not wanted is read and dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Want {
    pub headers: bool,
    pub body: bool,
    /// An encoded body even where `body` is false: a broken one is an error.
    pub encoded_body: bool,
}

/// A complete response. `headers` has names as received; where they were not wanted, only those that the client
/// itself acts on (redirects, cookies, encodings, challenges).
#[derive(Debug, Clone, Default)]
pub struct Reply {
    pub status: u16,
    pub reason: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    /// The first header of that name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// The outcome of one request on one connection, with its times.
#[derive(Debug)]
pub struct Hop {
    pub result: Result<Reply, NetError>,
    pub timings: Timings,
    /// `HTTP/1.1`, `HTTP/1.0` or `HTTP/2.0`; empty when nothing was received.
    pub proto: &'static str,
    pub remote: Option<SocketAddr>,
    pub tls: Option<Box<TlsInfo>>,
}
