//! HTTP/1.1 on one connection: write a request, read its response, note the times.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::error::During;
use super::h1_reader::Reader;
use super::io::Stream;
use super::{NetError, Reply, Want};

/// Bytes read at once. One buffer per thread serves all its connections, since a read and its parsing never wait.
const READ_BUFFER: usize = 64 * 1024;

thread_local! {
    static READ: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BUFFER].into_boxed_slice());
}

/// The instants of one request on one connection. `None`: not reached.
#[derive(Debug, Clone, Copy, Default)]
pub struct Marks {
    pub written: Option<Instant>,
    pub first_byte: Option<Instant>,
}

/// How a request on a connection ended.
#[derive(Debug)]
pub struct Answer {
    pub reply: Reply,
    pub http10: bool,
    /// The connection may carry another request.
    pub keep_alive: bool,
}

/// The clock of the I/O layer.
#[expect(clippy::disallowed_methods, reason = "timings are taken where the bytes move")]
pub fn now() -> Instant {
    Instant::now()
}

/// Writes `head` and `body`, reads one response. `marks` is filled as far as it went, also on failure.
pub async fn exchange(
    stream: &mut Stream,
    head: &[u8],
    body: &[u8],
    want: Want,
    no_response_body: bool,
    marks: &mut Marks,
) -> Result<Answer, NetError> {
    let written = write_all(stream, head, body).await;
    marks.written = Some(now());
    let write_error = match written {
        Ok(()) => None,
        // The server may have answered and closed before it read everything: its answer counts, if there is one.
        Err(error) => Some(NetError::io(&error, During::Write)),
    };
    let mut reader = Reader::new(want, no_response_body);
    match read_response(stream, &mut reader, marks).await {
        Ok(()) => Ok(Answer {
            http10: reader.http10,
            keep_alive: reader.keep_alive && write_error.is_none(),
            reply: reader.reply,
        }),
        Err(error) => Err(write_error.unwrap_or(error)),
    }
}

async fn write_all(stream: &mut Stream, head: &[u8], body: &[u8]) -> std::io::Result<()> {
    // One segment for small requests; the head apart from a large body, to not copy it.
    if !body.is_empty() && body.len() <= READ_BUFFER {
        let mut whole = Vec::with_capacity(head.len() + body.len());
        whole.extend_from_slice(head);
        whole.extend_from_slice(body);
        stream.write_all(&whole).await?;
    } else {
        stream.write_all(head).await?;
        stream.write_all(body).await?;
    }
    if let Stream::Tls(_) = stream {
        poll_fn(|cx| Pin::new(&mut *stream).poll_flush(cx)).await?;
    }
    Ok(())
}

async fn read_response(stream: &mut Stream, reader: &mut Reader, marks: &mut Marks) -> Result<(), NetError> {
    poll_fn(|cx| {
        READ.with_borrow_mut(|buffer| {
            loop {
                let mut read = ReadBuf::new(buffer);
                if let Err(error) = ready!(Pin::new(&mut *stream).poll_read(cx, &mut read)) {
                    return Poll::Ready(Err(NetError::io(&error, During::Read)));
                }
                if marks.first_byte.is_none() && !read.filled().is_empty() {
                    marks.first_byte = Some(now());
                }
                let step = match read.filled() {
                    [] => reader.end_of_stream(),
                    bytes => reader.feed(bytes),
                };
                if step.is_err() || reader.is_done() {
                    return Poll::Ready(step);
                }
            }
        })
    })
    .await
}

/// Appends the head of a request: request line, the given headers in order, the empty line. Headers with line
/// breaks in them are refused, so that no value can smuggle in another header.
pub fn write_head(
    out: &mut Vec<u8>,
    method: &str,
    target: &str,
    headers: &[(String, String)],
) -> Result<(), NetError> {
    let clean = |text: &str| !text.bytes().any(|byte| matches!(byte, b'\r' | b'\n' | 0));
    if !method.bytes().all(|byte| byte.is_ascii_graphic()) || method.is_empty() {
        return Err(NetError::generic(format!("invalid method {method:?}")));
    }
    if !clean(target) {
        return Err(NetError::new(1020, "invalid URL"));
    }
    for part in [method, " ", target, " HTTP/1.1\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    for (name, value) in headers {
        if !clean(value) || !clean(name) || name.is_empty() {
            return Err(NetError::generic(format!("invalid header field {name:?}")));
        }
        for part in [name, ": ", value, "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}
