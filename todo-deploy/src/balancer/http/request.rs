//! A request's head: read strictly, then understood.

use std::ops::Range;

use super::scan::{self, Field};
use super::{Framing, Reject, content_length, host, reject};
use crate::balancer::settings::Limits;

/// Fields that the balancer knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Known {
    Other,
    Host,
    Connection,
    ContentLength,
    TransferEncoding,
    /// `Keep-Alive`, `Proxy-Connection`, `TE`, `HTTP2-Settings`: for this connection only.
    HopByHop,
    Upgrade,
    Expect,
    Cookie,
    UserAgent,
    ForwardedFor,
    /// `X-Forwarded-Proto`, `-Port` and other spellings of the names that the balancer sets: never passed.
    Ours,
    TraceId,
    /// Nearly `Content-Length` or `Transfer-Encoding`.
    NearlyFraming,
}

/// What a request's head says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Request {
    /// Bytes of the head, the empty line included.
    pub(in super::super) length: usize,
    /// The first line, without its end.
    pub(in super::super) line: Range<usize>,
    pub(in super::super) method: Range<usize>,
    /// What goes on: path and query of the target, or `*`.
    pub(in super::super) path: Range<usize>,
    /// The target was in absolute form without a path.
    pub(in super::super) needs_slash: bool,
    /// HTTP/1.0.
    pub(in super::super) old: bool,
    pub(in super::super) framing: Framing,
    pub(in super::super) host: Option<Range<usize>>,
    pub(in super::super) user_agent: Option<Range<usize>>,
    pub(in super::super) keep_alive: bool,
    /// `Connection` names fields that are to be removed.
    pub(in super::super) lists: bool,
    /// Asks for a WebSocket.
    pub(in super::super) upgrade: bool,
    pub(in super::super) expects_continue: bool,
    /// Could be read differently by the target: neither connection is used again.
    pub(in super::super) ambiguous: Option<&'static str>,
}

/// The method's properties that matter here.
pub(in super::super) fn is_idempotent(method: &[u8]) -> bool {
    const IDEMPOTENT: [&[u8]; 7] = [b"GET", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"PROPFIND", b"REPORT"];
    IDEMPOTENT.contains(&method)
}

/// Reads a head. `None`: it has not arrived whole. `fields` keeps its room between requests.
pub(in super::super) fn parse(
    bytes: &[u8],
    limits: &Limits,
    fields: &mut Vec<Field>,
) -> Result<Option<Request>, Reject> {
    let Some(line) = scan::line(bytes, 0).inspect_err(|_| fields.clear())? else {
        return if bytes.len() > limits.request_line {
            Err(reject(414, "RequestLineTooLong"))
        } else {
            started_well(bytes).map(|()| None)
        };
    };
    if line.len() > limits.request_line {
        return Err(reject(414, "RequestLineTooLong"));
    }
    let mut request = request_line(bytes, line)?;
    let from = request.line.end + 2;
    let Some(length) = scan::fields(bytes, from, limits.header, fields)? else {
        return if bytes.len() > limits.request_head { Err(reject(400, "HeadTooLong")) } else { Ok(None) };
    };
    if length > limits.request_head {
        return Err(reject(400, "HeadTooLong"));
    }
    request.length = length;
    understand(bytes, fields, &mut request)?;
    Ok(Some(request))
}

/// A first line that cannot become one is not waited for: what speaks TLS to this port learns it at once.
fn started_well(bytes: &[u8]) -> Result<(), Reject> {
    let method = bytes.iter().position(|&byte| byte == b' ').unwrap_or(bytes.len());
    let method = &bytes[..method];
    if !method.is_empty() && !scan::is_token(method) && method != b"\r" {
        return Err(reject(400, "BadMethod"));
    }
    Ok(())
}

fn request_line(bytes: &[u8], line: Range<usize>) -> Result<Request, Reject> {
    let text = &bytes[line.clone()];
    let bad = reject(400, "BadRequestLine");
    let first = memchr::memchr(b' ', text).ok_or(bad)?;
    let last = memchr::memrchr(b' ', text).filter(|&last| last > first).ok_or(bad)?;
    let (method, target, version) = (&text[..first], &text[first + 1..last], &text[last + 1..]);
    if !scan::is_token(method) || !scan::is_target(target) {
        return Err(bad);
    }
    let old = match version {
        b"HTTP/1.1" => false,
        b"HTTP/1.0" => true,
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            return Err(reject(505, "BadVersion"));
        }
        _ => return Err(bad),
    };
    if matches!(method, b"TRACE" | b"CONNECT") {
        return Err(reject(405, "MethodNotAllowed"));
    }
    let at = line.start + first + 1;
    let mut request = Request {
        length: 0,
        method: line.start..line.start + first,
        path: at..at + target.len(),
        line,
        needs_slash: false,
        old,
        framing: Framing::None,
        host: None,
        user_agent: None,
        keep_alive: !old,
        lists: false,
        upgrade: false,
        expects_continue: false,
        ambiguous: None,
    };
    match target {
        [b'/', ..] => {}
        b"*" if method == b"OPTIONS" => {}
        _ => absolute(target, at, method, &mut request)?,
    }
    if target.iter().any(|&byte| byte >= 0x80 || matches!(byte, b'#' | b'"' | b'<' | b'>' | b'\\')) {
        request.ambiguous = Some("AmbiguousUri");
    }
    Ok(request)
}

/// `http://host/path`: the path goes on; the host must be the `Host` field's, which [`understand`] checks.
fn absolute(target: &[u8], at: usize, method: &[u8], request: &mut Request) -> Result<(), Reject> {
    let bad = reject(400, "BadTarget");
    let scheme = target.windows(3).position(|three| three == b"://").ok_or(bad)?;
    if !target[..scheme].eq_ignore_ascii_case(b"http") && !target[..scheme].eq_ignore_ascii_case(b"https") {
        return Err(bad);
    }
    let authority = &target[scheme + 3..];
    let end = authority.iter().position(|byte| b"/?#".contains(byte)).unwrap_or(authority.len());
    if end == 0 || !host::is_host(&authority[..end]) {
        return Err(bad);
    }
    let start = at + scheme + 3;
    request.host = Some(start..start + end);
    request.path = start + end..at + target.len();
    request.needs_slash = authority.get(end) != Some(&b'/');
    if request.needs_slash && method == b"OPTIONS" && end == authority.len() {
        // RFC 9112 §3.2.4: the last proxy asks the server as a whole. We know no shorter way to say it than `*`.
        request.ambiguous = Some("AbsoluteOptions");
    }
    Ok(())
}

/// Names are compared by length first: most differ in that.
pub(in super::super) fn known(name: &[u8]) -> Known {
    let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
    match name.len() {
        2 if is(b"te") => Known::HopByHop,
        4 if is(b"host") => Known::Host,
        6 if is(b"cookie") => Known::Cookie,
        6 if is(b"expect") => Known::Expect,
        7 if is(b"upgrade") => Known::Upgrade,
        10 if is(b"connection") => Known::Connection,
        10 if is(b"user-agent") => Known::UserAgent,
        10 if is(b"keep-alive") => Known::HopByHop,
        14 if is(b"content-length") => Known::ContentLength,
        14 if is(b"http2-settings") => Known::HopByHop,
        15 if is(b"x-forwarded-for") => Known::ForwardedFor,
        15 if is(b"x-amzn-trace-id") => Known::TraceId,
        16 if is(b"x-forwarded-port") => Known::Ours,
        16 if is(b"proxy-connection") => Known::HopByHop,
        17 if is(b"transfer-encoding") => Known::TransferEncoding,
        17 if is(b"x-forwarded-proto") => Known::Ours,
        12..=20 => nearly(name),
        _ => Known::Other,
    }
}

/// Other spellings of names that decide something. Frameworks that turn headers into variables fold `_` and `-`
/// together; sloppy parsers drop what they do not like in a name.
fn nearly(name: &[u8]) -> Known {
    let mut letters = [0u8; 20];
    let mut length = 0;
    for byte in name.iter().filter(|byte| byte.is_ascii_alphanumeric()) {
        letters[length] = byte.to_ascii_lowercase();
        length += 1;
    }
    match &letters[..length] {
        b"contentlength" | b"transferencoding" => Known::NearlyFraming,
        b"xforwardedfor" | b"xforwardedproto" | b"xforwardedport" if name.contains(&b'_') => Known::Ours,
        letters if is_misspelt(letters, b"contentlength") || is_misspelt(letters, b"transferencoding") => {
            Known::NearlyFraming
        }
        _ => Known::Other,
    }
}

/// One letter too many, too few, wrong, or two swapped.
fn is_misspelt(name: &[u8], word: &[u8]) -> bool {
    let same = |a: &[u8], b: &[u8]| a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let start = same(name, word);
    let (name, word) = (&name[start..], &word[start..]);
    let (missing, extra) = (word.get(1..), name.get(1..));
    let swapped = matches!((name, word), ([a, b, x @ ..], [c, d, y @ ..]) if a == d && b == c && x == y);
    swapped || missing == Some(name) || extra == Some(word) || (extra.is_some() && extra == missing)
}

/// Draws the fields together; what contradicts is refused.
fn understand(head: &[u8], fields: &[Field], request: &mut Request) -> Result<(), Reject> {
    let (mut hosts, mut lengths, mut codings) = (0, 0, 0);
    let (mut upgrade, mut asks_upgrade) = (false, false);
    for field in fields {
        let value = field.value(head);
        match field.known {
            Known::Host => {
                hosts += 1;
                let same = |target: &Range<usize>| head[target.clone()].eq_ignore_ascii_case(value);
                if hosts > 1 || !host::is_host(value) || !request.host.as_ref().is_none_or(same) {
                    return Err(reject(400, "BadHost"));
                }
                request.host = Some(field.value.clone());
            }
            Known::ContentLength => {
                lengths += 1;
                let length = content_length(value).ok_or(reject(400, "BadContentLength"))?;
                request.framing = Framing::Length(length);
            }
            Known::TransferEncoding => {
                codings += 1;
                if !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(reject(501, "UnsupportedTransferEncoding"));
                }
            }
            Known::Connection => {
                asks_upgrade |= connection(value, request)?;
            }
            Known::Upgrade => upgrade |= value.eq_ignore_ascii_case(b"websocket"),
            Known::Expect => request.expects_continue |= value.eq_ignore_ascii_case(b"100-continue"),
            Known::UserAgent => request.user_agent = Some(field.value.clone()),
            Known::NearlyFraming => request.ambiguous = Some("SuspiciousHeader"),
            Known::Other
            | Known::HopByHop
            | Known::Cookie
            | Known::ForwardedFor
            | Known::Ours
            | Known::TraceId => {}
        }
    }
    if hosts == 0 && !request.old {
        return Err(reject(400, "MissingHost"));
    }
    if lengths > 1 || codings > 1 || (lengths > 0 && codings > 0) || (codings > 0 && request.old) {
        return Err(reject(400, "ContradictoryFraming"));
    }
    if codings > 0 {
        request.framing = Framing::Chunked;
    }
    let method = &head[request.method.clone()];
    if request.framing == Framing::Length(0) {
        request.framing = Framing::None;
    }
    if request.framing != Framing::None && matches!(method, b"GET" | b"HEAD") {
        request.ambiguous = Some("BodyWithoutMeaning");
    }
    let plain = method == b"GET" && !request.old && request.framing == Framing::None;
    request.upgrade = upgrade && asks_upgrade && plain;
    Ok(())
}

/// Reads `Connection`; true when it asks for an upgrade. What frames or routes the message is not hop-by-hop,
/// and who says so means to confuse.
fn connection(value: &[u8], request: &mut Request) -> Result<bool, Reject> {
    let (mut upgrade, mut closes) = (false, false);
    for option in scan::list(value) {
        if !scan::is_token(option) {
            return Err(reject(400, "BadConnection"));
        }
        if option.eq_ignore_ascii_case(b"close") {
            closes = true;
        } else if option.eq_ignore_ascii_case(b"keep-alive") {
            request.keep_alive |= request.old;
        } else if option.eq_ignore_ascii_case(b"upgrade") {
            upgrade = true;
        } else if matches!(known(option), Known::Host | Known::ContentLength | Known::TransferEncoding) {
            return Err(reject(400, "BadConnection"));
        } else {
            request.lists = true;
        }
    }
    request.keep_alive &= !closes;
    Ok(upgrade)
}
