//! A steady load over kept-alive connections, for tests that ask whether any request failed meanwhile.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::within;

/// Longest that one request may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Clients that ask for one path again and again, each on a connection of its own.
#[derive(Debug)]
pub struct Load {
    shared: Arc<Shared>,
    clients: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    answered: AtomicU64,
    failures: Mutex<Vec<String>>,
}

impl Load {
    /// So many clients that ask without a pause.
    pub fn start(address: SocketAddr, path: &'static str, clients: usize) -> Self {
        Self::with_pauses(address, path, clients, Duration::ZERO)
    }

    /// So many clients, each with a pause after its answer.
    #[expect(clippy::disallowed_methods, reason = "the pause makes the load a light one")]
    pub fn with_pauses(address: SocketAddr, path: &'static str, clients: usize, pause: Duration) -> Self {
        let shared = Arc::new(Shared::default());
        let mut running = JoinSet::new();
        for _ in 0..clients {
            let shared = Arc::clone(&shared);
            running.spawn(async move {
                let mut connection = None;
                while !shared.stop.load(Ordering::Relaxed) {
                    match within("an answer", PATIENCE, ask(&mut connection, address, path)).await {
                        Ok(()) => drop(shared.answered.fetch_add(1, Ordering::Relaxed)),
                        Err(error) => {
                            connection = None;
                            let failure = format!("{error:#}");
                            shared.failures.lock().unwrap_or_else(PoisonError::into_inner).push(failure);
                        }
                    }
                    tokio::time::sleep(pause).await;
                }
            });
        }
        Self { shared, clients: running }
    }

    pub fn answered(&self) -> u64 {
        self.shared.answered.load(Ordering::Relaxed)
    }

    /// Ends it; how many requests were answered.
    ///
    /// # Panics
    /// When any failed.
    pub async fn without_a_failure(mut self) -> u64 {
        self.shared.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.clients.join_next().await {
            ended.expect("a client does not panic");
        }
        let failures = self.shared.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let answered = self.answered();
        assert!(
            failures.is_empty(),
            "{} of {answered} failed: {:?}",
            failures.len(),
            &failures[..failures.len().min(5)]
        );
        answered
    }
}

async fn ask(
    kept: &mut Option<SendRequest<Empty<Bytes>>>,
    address: SocketAddr,
    path: &str,
) -> anyhow::Result<()> {
    // A connection that was closed between two requests is no failure.
    let usable = match kept.as_mut() {
        Some(sender) => sender.ready().await.is_ok(),
        None => false,
    };
    if !usable {
        let stream = TcpStream::connect(address).await.context("connecting")?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.context("connecting")?;
        tokio::spawn(connection);
        *kept = Some(sender);
    }
    let sender = kept.as_mut().context("just connected")?;
    let request = Request::get(path).header("host", address.to_string()).body(Empty::new())?;
    let answer = sender.send_request(request).await.context("sending")?;
    let status = answer.status();
    answer.into_body().collect().await.context("reading the body")?;
    ensure!(status == 200, "answered with {status}");
    Ok(())
}
