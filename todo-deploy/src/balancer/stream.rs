//! A client's connection, plain or TLS.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::buffer::{Buffers, Input};

#[derive(Debug)]
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Reads into `room`; 0 is the end.
pub(super) fn poll_read<S: AsyncRead + Unpin>(
    stream: &mut S,
    cx: &mut Context<'_>,
    room: &mut [u8],
) -> Poll<io::Result<usize>> {
    let mut buffer = ReadBuf::new(room);
    ready!(Pin::new(stream).poll_read(cx, &mut buffer))?;
    Poll::Ready(Ok(buffer.filled().len()))
}

/// Reads what there is room for in one buffer. False: nothing more comes.
pub(super) fn poll_fill<S: AsyncRead + Unpin>(
    stream: &mut S,
    cx: &mut Context<'_>,
    input: &mut Input,
    buffers: &Buffers,
) -> Poll<io::Result<bool>> {
    let room = input.room(buffers);
    if room.is_empty() {
        return Poll::Pending;
    }
    let read = poll_read(stream, cx, room);
    if let Poll::Ready(Ok(count)) = read {
        input.filled(count);
    }
    input.rest(buffers);
    read.map_ok(|count| count > 0)
}

impl Stream {
    /// The socket below.
    pub(super) fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }

    /// As [`poll_fill`]; takes a buffer only when there is something to read.
    pub(super) fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        input: &mut Input,
        buffers: &Buffers,
    ) -> Poll<io::Result<bool>> {
        match self {
            Self::Plain(stream) => {
                ready!(stream.poll_read_ready(cx))?;
                poll_fill(stream, cx, input, buffers)
            }
            // What was decrypted lies in the session, not in the socket.
            Self::Tls(stream) => poll_fill(stream, cx, input, buffers),
        }
    }

    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    /// TLS records that the socket did not take at once. A plain connection has none.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(_) => Poll::Ready(Ok(())),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    /// Ends the connection so that the client cannot take the end for that of a body.
    pub(super) fn reset(self) {
        let _ = socket2::SockRef::from(self.socket()).set_linger(Some(std::time::Duration::ZERO));
    }
}
