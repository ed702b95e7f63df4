//! Listening sockets: opened once, accepted from by every worker.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use socket2::{Domain, Protocol, Socket, Type};
use tokio_rustls::TlsAcceptor;

use super::settings::{Listener, ListenerKind};
use super::tls;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;

/// A listener, as its connections see it.
#[derive(Debug)]
pub(super) struct Entrance {
    /// As it was asked for; the port may have been 0.
    pub(super) listener: Listener,
    pub(super) address: SocketAddr,
    /// The address as text.
    pub(super) name: String,
    pub(super) kind: ListenerKind,
    acceptor: Mutex<Option<Acceptor>>,
}

/// rustls's own type says nothing about itself.
#[derive(Clone)]
struct Acceptor(TlsAcceptor);

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Acceptor")
    }
}

impl Entrance {
    /// # Errors
    /// When the address cannot be listened on, or the certificate cannot be used: the error says which.
    pub(super) fn open(listener: &Listener) -> io::Result<(std::net::TcpListener, Arc<Self>)> {
        let acceptor = acceptor(&listener.kind)?;
        let socket = listen(listener.address).map_err(|error| {
            io::Error::new(error.kind(), format!("cannot listen on {}: {error}", listener.address))
        })?;
        let address = socket.local_addr()?;
        let entrance = Self {
            listener: listener.clone(),
            address,
            name: address.to_string(),
            kind: listener.kind.clone(),
            acceptor: Mutex::new(acceptor),
        };
        Ok((socket, Arc::new(entrance)))
    }

    /// What shakes hands with TLS clients; none where they are plain.
    pub(super) fn acceptor(&self) -> Option<TlsAcceptor> {
        let acceptor = self.acceptor.lock().unwrap_or_else(PoisonError::into_inner);
        acceptor.clone().map(|Acceptor(acceptor)| acceptor)
    }

    /// Reads the certificate's files again.
    pub(super) fn renew(&self) -> io::Result<()> {
        if matches!(&self.kind, ListenerKind::Https(super::settings::Certificate::Files { .. })) {
            let renewed = acceptor(&self.kind)?;
            *self.acceptor.lock().unwrap_or_else(PoisonError::into_inner) = renewed;
        }
        Ok(())
    }
}

fn acceptor(kind: &ListenerKind) -> io::Result<Option<Acceptor>> {
    match kind {
        ListenerKind::Https(certificate) => Ok(Some(Acceptor(tls::acceptor(certificate)?))),
        ListenerKind::Http | ListenerKind::Redirect(_) | ListenerKind::Tcp => Ok(None),
    }
}

fn listen(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // So that a restart does not wait for the connections of the one before to be forgotten.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
