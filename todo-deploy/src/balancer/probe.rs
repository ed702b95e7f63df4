//! One health check: a connection of its own, one request, one verdict.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::clock;
use super::settings::CheckKind;
use crate::timeline::ProbeFailure;

/// Longest status line that is waited for.
const STATUS_MAX: usize = 1024;

/// Checks a target once. A verdict is there after `timeout` at the latest.
pub(super) async fn probe(
    address: SocketAddr,
    kind: &CheckKind,
    timeout: Duration,
) -> Result<(), ProbeFailure> {
    let deadline = clock::now() + timeout;
    match clock::by(deadline, ask(address, kind)).await {
        Some(verdict) => verdict,
        None => Err(ProbeFailure::TimedOut),
    }
}

async fn ask(address: SocketAddr, kind: &CheckKind) -> Result<(), ProbeFailure> {
    let CheckKind::Http { path, matcher } = kind else {
        return TcpStream::connect(address).await.map(drop).map_err(|_| ProbeFailure::Refused);
    };
    let mut stream = TcpStream::connect(address).await.map_err(|_| ProbeFailure::Refused)?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: ELB-HealthChecker/2.0\r\nAccept: */*\r\n\
         Connection: close\r\n\r\n"
    );
    let status = async {
        stream.write_all(request.as_bytes()).await?;
        status(&mut stream).await
    };
    match status.await {
        Ok(status) if matcher.accepts(status) => Ok(()),
        Ok(status) => Err(ProbeFailure::Status(status)),
        Err(_) => Err(ProbeFailure::Broken),
    }
}

/// The status of the final answer.
async fn status(stream: &mut TcpStream) -> io::Result<u16> {
    let broken = || io::Error::from(io::ErrorKind::InvalidData);
    let mut text = Vec::new();
    loop {
        // Interim answers end with an empty line, too.
        while let Some(end) = text.windows(2).position(|two: &[u8]| two == b"\r\n") {
            let line = std::str::from_utf8(&text[..end]).map_err(|_| broken())?;
            let code = line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)).ok_or_else(broken)?;
            let code: u16 = code.parse().map_err(|_| broken())?;
            if code >= 200 {
                return Ok(code);
            }
            let Some(over) = text.windows(4).position(|four| four == b"\r\n\r\n") else { break };
            text.drain(..over + 4);
        }
        if text.len() > STATUS_MAX {
            return Err(broken());
        }
        let mut piece = [0; 256];
        let count = stream.read(&mut piece).await?;
        if count == 0 {
            return Err(broken());
        }
        text.extend_from_slice(&piece[..count]);
    }
}
