//! HTTP/2 on one connection, where TLS negotiated it: several requests of one VU may share it.

use bytes::Bytes;
use h2::client::SendRequest;

use super::h1::{Marks, now};
use super::io::Stream;
use super::{NetError, Origin, Reply, Want};

/// Largest response body that is kept.
const BODY_MAX: usize = 1 << 30;

/// A handle on a connection; its driver runs as a task of the same thread and ends with the connection.
pub type Handle = SendRequest<Bytes>;

/// Starts HTTP/2 on a fresh connection.
pub async fn start(stream: Stream) -> Result<Handle, NetError> {
    let mut builder = h2::client::Builder::new();
    builder.enable_push(false).initial_window_size(4 << 20).initial_connection_window_size(16 << 20);
    let (handle, connection) = builder.handshake(stream).await.map_err(|error| NetError::h2(&error))?;
    tokio::task::spawn_local(async move {
        // Its failure reaches every request that was on it, each in its own way.
        let _ = connection.await;
    });
    Ok(handle)
}

/// One request and its response.
pub async fn exchange(
    handle: &Handle,
    origin: &Origin,
    request: (&str, &str),
    headers: &[(String, String)],
    body: &Bytes,
    want: Want,
    marks: &mut Marks,
) -> Result<Reply, NetError> {
    let (method, target) = request;
    let head = head(origin, method, target, headers)?;
    let mut ready = handle.clone().ready().await.map_err(|error| NetError::h2(&error))?;
    let (response, mut sending) =
        ready.send_request(head, body.is_empty()).map_err(|error| NetError::h2(&error))?;
    let mut left = body.clone();
    while !left.is_empty() {
        sending.reserve_capacity(left.len());
        let granted = std::future::poll_fn(|cx| sending.poll_capacity(cx)).await;
        let granted = granted.ok_or_else(|| NetError::new(1201, "write: broken pipe"))?;
        let granted = granted.map_err(|error| NetError::h2(&error))?;
        let piece = left.split_to(granted.min(left.len()));
        sending.send_data(piece, left.is_empty()).map_err(|error| NetError::h2(&error))?;
    }
    marks.written = Some(now());
    let response = response.await.map_err(|error| NetError::h2(&error))?;
    marks.first_byte = Some(now());
    let (head, mut incoming) = response.into_parts();
    let mut reply = Reply { status: head.status.as_u16(), ..Reply::default() };
    let pair = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    if want.headers {
        reply.reason = head.status.canonical_reason().unwrap_or("").to_owned();
        reply.headers = head.headers.iter().map(pair).collect();
    } else {
        let special = ["location", "set-cookie", "content-encoding", "www-authenticate"];
        reply.headers =
            head.headers.iter().filter(|(name, _)| special.contains(&name.as_str())).map(pair).collect();
    }
    let keep = want.body || (want.encoded_body && reply.header("content-encoding").is_some());
    while let Some(piece) = incoming.data().await {
        let piece = piece.map_err(|error| NetError::h2(&error))?;
        // Give the window back at once; the stream may be over already, then nobody needs it.
        let _ = incoming.flow_control().release_capacity(piece.len());
        if keep {
            if reply.body.len() + piece.len() > BODY_MAX {
                return Err(NetError::generic("response body larger than 1 GiB; use responseType \"none\""));
            }
            reply.body.extend_from_slice(&piece);
        }
    }
    Ok(reply)
}

/// What no header of HTTP/2 may hold, encoded.
fn ascii(target: &str) -> String {
    let encode = |byte: u8| match byte {
        b'!'..=b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    target.bytes().map(encode).collect()
}

fn head(
    origin: &Origin,
    method: &str,
    target: &str,
    headers: &[(String, String)],
) -> Result<http::Request<()>, NetError> {
    let host = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
    let authority = host.map_or_else(|| origin.authority(), |(_, value)| value.clone());
    let uri = http::Uri::builder().scheme("https").authority(authority).path_and_query(ascii(target)).build();
    let mut builder =
        http::Request::builder().method(method).uri(uri.map_err(|_| NetError::new(1020, "invalid URL"))?);
    for (name, value) in headers {
        let hop_only =
            ["host", "connection", "transfer-encoding", "keep-alive", "upgrade", "proxy-connection"];
        if !hop_only.iter().any(|skip| name.eq_ignore_ascii_case(skip)) {
            builder = builder.header(name, value);
        }
    }
    builder.body(()).map_err(|error| NetError::generic(format!("invalid request: {error}")))
}
