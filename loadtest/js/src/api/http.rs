//! What a script asks of HTTP and what it gets back, as plain values.
//!
//! Nothing here opens a connection: the engine reads a [`HttpRequest`], does it (redirects, cookies of each
//! hop, authentication rounds and metrics included) and answers with a [`HttpResponse`].

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;

use crate::api::tags::TagContext;
use crate::cookies::CookieJar;

/// One HTTP request as the script asked for it; redirects are not followed yet.
#[derive(Debug, Clone)]
pub struct HttpRequest {
    /// Upper case, such as `GET`.
    pub method: String,
    /// As the script wrote it; a URL, as [`Address`](crate::Address) reads it. It may be relative, or use a scheme
    /// that is not HTTP: answering that with an error is the engine's part.
    pub url: String,
    /// What the `name` tag is when the script did not set one itself: the template of `http.url` (with
    /// `${}` for the values), or the URL with a masked password. `None`: the URL.
    pub name: Option<String>,
    /// In the script's order, names as the script wrote them; no two names differ only in case. `Host`
    /// replaces the host of the URL. Without `User-Agent` the engine sends the option's.
    pub headers: Vec<(String, String)>,
    /// `None`: no body at all. Not compressed yet, see `compression`.
    pub body: Option<Bytes>,
    /// Encodings to apply to the body, in this order; the engine also sends `Content-Encoding`.
    pub compression: Vec<Compression>,
    /// Cookies of this request alone; see [`CookieJar::merged`] for how they meet the jar's.
    pub cookies: Vec<RequestCookie>,
    /// The VU's jar, or the one the script passed. A shared handle: the engine stores what comes back.
    pub jar: CookieJar,
    /// `None`: the option `maxRedirects`. 0: the redirect itself is the response.
    pub redirects_max: Option<u32>,
    /// For everything from connecting to the last byte of the body, redirects included. k6's default is 60 s.
    pub timeout: Duration,
    /// What happens to the body.
    pub response_type: ResponseType,
    /// From `params.auth`, or from the URL.
    pub auth: Option<Auth>,
    /// A failure becomes an exception of the script, so that it need not be logged.
    pub throws: bool,
    /// Which answers are not failures.
    pub expected: Expected,
    /// The VU's group and tags when the request was made.
    pub context: Rc<TagContext>,
    /// Tags of this request alone, over those of `context`. May hold `name`.
    pub tags: Vec<(String, String)>,
    /// What the script may look at; the rest of the answer can be left out.
    pub reads: Reads,
}

/// Parts of an answer that cost something to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reads {
    /// All of `headers`; otherwise only those that say where a redirect leads, set cookies, or ask for credentials.
    pub headers: bool,
    /// The body. Encoded bodies are decoded all the same, so that broken ones are errors.
    pub body: bool,
    /// What was sent, `status_text` and `remote_ip`.
    pub rest: bool,
}

impl Reads {
    /// Everything.
    pub const ALL: Self = Self { headers: true, body: true, rest: true };
}

/// An encoding of a request's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// `gzip`
    Gzip,
    /// `deflate`: zlib's format.
    Deflate,
    /// `zstd`
    Zstd,
    /// `br`
    Brotli,
}

/// A cookie that belongs to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestCookie {
    /// The cookie's name.
    pub name: String,
    /// The cookie's value.
    pub value: String,
    /// Leave out the jar's cookie of the same name.
    pub replace: bool,
}

/// What becomes of a response's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseType {
    /// A JavaScript string; bytes that are not UTF-8 are replaced.
    Text,
    /// An `ArrayBuffer`.
    Binary,
    /// Read and dropped; the script sees `null`. The engine should not keep it.
    None,
}

/// Credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Auth {
    /// How they are sent.
    pub scheme: AuthScheme,
    /// Percent-decoded.
    pub user: String,
    /// Percent-decoded.
    pub password: String,
}

/// How credentials are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthScheme {
    /// In the first request's `Authorization`.
    Basic,
    /// RFC 7616: a first request without, then one that answers the challenge.
    Digest,
    /// Microsoft's challenge and response.
    Ntlm,
}

/// The response callback: which statuses count as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// `null`: `expected_response` is not tagged and `http_req_failed` gets no sample.
    Unjudged,
    /// Inclusive ranges; a single status is a range of one. k6's default is 200..=399.
    Statuses(Rc<[(u16, u16)]>),
}

impl Expected {
    /// Whether `status` (0: no answer) is expected; `None` when responses are not judged.
    #[must_use]
    pub fn judge(&self, status: u16) -> Option<bool> {
        match self {
            Self::Unjudged => None,
            Self::Statuses(ranges) => Some(ranges.iter().any(|&(low, high)| (low..=high).contains(&status))),
        }
    }
}

impl Default for Expected {
    fn default() -> Self {
        Self::Statuses(Rc::new([(200, 399)]))
    }
}

/// What came back, or why nothing did.
#[derive(Debug, Clone, Default)]
pub struct HttpResponse {
    /// 0 when there was no answer.
    pub status: u16,
    /// As on the status line with the number, such as `404 Not Found`.
    pub status_text: String,
    /// Of the last hop.
    pub url: Rc<str>,
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub proto: &'static str,
    /// Of the peer of the last hop.
    pub remote_ip: String,
    /// Of the peer of the last hop.
    pub remote_port: u16,
    /// As received, repeats included, names as received.
    pub headers: Vec<(String, String)>,
    /// Decoded. Empty when `response_type` is `None`, the script reads none, or there was an error.
    pub body: Bytes,
    /// Of the last hop.
    pub timings: Timings,
    /// Empty without an error, otherwise k6's text.
    pub error: String,
    /// 0, or k6's code (1000 to 1999; 1400 and more are 1000 + the status).
    pub error_code: u16,
    /// `tls1.3` and the like; empty without TLS.
    pub tls_version: &'static str,
    /// Such as `TLS_AES_128_GCM_SHA256`; empty without TLS.
    pub tls_cipher_suite: String,
    /// What was really sent first. `None`: the script sees the request as it asked for it.
    pub sent: Option<SentRequest>,
}

/// The first request that was sent, for `response.request`.
#[derive(Debug, Clone, Default)]
pub struct SentRequest {
    /// As sent.
    pub method: String,
    /// As sent.
    pub url: String,
    /// Those of the script, the options and the jar, by name.
    pub headers: Vec<(String, String)>,
    /// As sent, as text.
    pub body: Bytes,
    /// Those of the header.
    pub cookies: Vec<RequestCookie>,
}

/// Where the time of one hop went. `duration` is `sending + waiting + receiving`, as k6 counts.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Timings {
    /// Waiting for a connection, the making of one included.
    pub blocked: Duration,
    /// TCP connect; 0 when reused.
    pub connecting: Duration,
    /// TLS handshake; 0 when reused.
    pub tls_handshaking: Duration,
    /// Connection ready to request written.
    pub sending: Duration,
    /// Request written to first byte.
    pub waiting: Duration,
    /// First byte to last.
    pub receiving: Duration,
}

impl Timings {
    /// `http_req_duration`.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.sending + self.waiting + self.receiving
    }
}
