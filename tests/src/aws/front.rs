//! What answers in the place of a load balancer's address.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

/// A server on a port of its own that gives every request the same status.
#[derive(Debug)]
pub struct Front {
    pub address: SocketAddr,
    status: Arc<AtomicU16>,
    _serving: AbortOnDropHandle<()>,
}

impl Front {
    /// Answers 200.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let status = Arc::new(AtomicU16::new(200));
        let answered = Arc::clone(&status);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, answered.load(Ordering::Relaxed)));
            }
        });
        Self { address, status, _serving: AbortOnDropHandle::new(serving) }
    }

    /// From now on every request gets this.
    pub fn answers(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }
}

/// One request of one connection; its head is small.
async fn answer(mut stream: TcpStream, status: u16) {
    let mut head = Vec::new();
    let mut piece = [0; 1024];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return,
            Ok(read) => head.extend_from_slice(&piece[..read]),
        }
    }
    let response = format!("HTTP/1.1 {status} \r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let _ = stream.write_all(response.as_bytes()).await;
}
