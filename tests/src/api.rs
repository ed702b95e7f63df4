//! A small HTTP client: one connection per request, no cookies, no redirects, nothing retried.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::http::request::Builder;
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::within;

/// Longest a request may take, so that a test that hangs says where.
const PATIENCE: Duration = Duration::from_secs(60);

/// A service at an address.
#[derive(Debug, Clone, Copy)]
pub struct Api {
    pub address: SocketAddr,
}

/// A whole response.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Api {
    pub async fn get(&self, path: &str) -> Answer {
        self.bodiless("GET", path).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.bodiless("DELETE", path).await
    }

    /// Any method, without a body.
    pub async fn bodiless(&self, method: &str, path: &str) -> Answer {
        self.send(self.request(method, path), "").await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.json("POST", path, body.to_string()).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.json("PUT", path, body.to_string()).await
    }

    /// A body that claims to be JSON.
    pub async fn json(&self, method: &str, path: &str, body: impl Into<Bytes>) -> Answer {
        self.send(self.request(method, path).header(CONTENT_TYPE, "application/json"), body).await
    }

    /// The beginning of a request to this service, for [`Api::send`] or [`Api::open`].
    pub fn request(&self, method: &str, path: &str) -> Builder {
        Request::builder().method(method).uri(path).header(HOST, self.address.to_string())
    }

    /// # Panics
    /// When there is no whole response, as all of the above.
    pub async fn send(&self, request: Builder, body: impl Into<Bytes>) -> Answer {
        self.try_send(request, body).await.unwrap_or_else(|error| panic!("no whole response: {error:#}"))
    }

    /// # Errors
    /// When the service cannot be reached, or its response breaks off.
    pub async fn try_send(&self, request: Builder, body: impl Into<Bytes>) -> anyhow::Result<Answer> {
        let whole = async {
            let (head, body) = self.open(request, body).await?.into_parts();
            let body = body.collect().await.context("reading the body")?.to_bytes();
            Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
        };
        within("a whole response", PATIENCE, whole).await
    }

    /// A response whose body is still to be read.
    ///
    /// # Errors
    /// When the service cannot be reached or answers no HTTP.
    pub async fn open(&self, request: Builder, body: impl Into<Bytes>) -> anyhow::Result<Response<Incoming>> {
        let request = request.body(Full::new(body.into())).context("the request is no HTTP")?;
        let stream = TcpStream::connect(self.address).await.context("connecting")?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.context("connecting")?;
        tokio::spawn(connection);
        sender.send_request(request).await.context("sending the request")
    }

    /// Sends bytes as they are and reads until the service closes the connection.
    pub async fn raw(&self, bytes: &[u8]) -> String {
        self.exchange(bytes, false).await
    }

    /// Sends bytes as they are and then no more, and reads until the service closes the connection.
    pub async fn raw_to_the_end(&self, bytes: &[u8]) -> String {
        self.exchange(bytes, true).await
    }

    async fn exchange(&self, bytes: &[u8], end: bool) -> String {
        let answer = async {
            let mut stream = TcpStream::connect(self.address).await.expect("the service accepts connections");
            // The service may answer and close before it has read everything; what it said is still there to read.
            let _ = stream.write_all(bytes).await;
            if end {
                let _ = stream.shutdown().await;
            }
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            String::from_utf8_lossy(&answer).into_owned()
        };
        within("the end of the connection", PATIENCE, answer).await
    }
}

impl Answer {
    /// The answer itself, once its status is as expected.
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self}");
        self
    }

    /// The body as JSON, once it is declared as such.
    #[track_caller]
    pub fn value(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/json", "{self}");
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {self}"))
    }

    /// A refusal with this status: the contract's JSON envelope, and who answered what.
    #[track_caller]
    pub fn refused(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self}");
        let body = self.value();
        let fields = body.as_object().unwrap_or_else(|| panic!("no envelope: {self}"));
        let told = fields.get("error").and_then(Value::as_str).is_some_and(|text| !text.is_empty());
        assert!(told && fields.len() == 1, "{self}");
        self
    }

    /// A header as text, empty where it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap_or("?"))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let status =
            StatusCode::from_u16(self.status).map_or_else(|_| self.status.to_string(), |s| s.to_string());
        let shown: String = self.text().chars().take(500).collect();
        write!(f, "{status} {:?} {shown}", self.headers)
    }
}
