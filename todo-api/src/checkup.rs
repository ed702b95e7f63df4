//! `--check-health`: asks the service that runs beside it how it is, for a container whose image has no curl.

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, ensure};

/// Longer than the service itself takes to answer, so that its own verdict is heard.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asks the service that listens on `listen` for `/api/v1/health` once.
///
/// # Errors
/// When it cannot be reached, does not answer in time, or answers anything but 200.
pub fn check_health(listen: SocketAddr) -> anyhow::Result<()> {
    let address = reachable(listen);
    let status = status_line(address).with_context(|| format!("asking http://{address}/api/v1/health"))?;
    ensure!(status.split(' ').nth(1) == Some("200"), "not healthy: {}", status.trim_end());
    Ok(())
}

fn status_line(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let request = format!("GET /api/v1/health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(line)
}

/// Where a listener on `listen` is reached from the same machine: "any address" is no address to connect to.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// What the check says of a service that answers `answer`, and what it asked.
    fn check(answer: &'static str) -> (anyhow::Result<()>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let service = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            // The whole head: closing a socket with bytes unread resets it.
            let head: Vec<String> =
                BufReader::new(&stream).lines().map(Result::unwrap).take_while(|l| !l.is_empty()).collect();
            stream.write_all(answer.as_bytes()).unwrap();
            head[0].clone()
        });
        let outcome = check_health(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port));
        (outcome, service.join().unwrap())
    }

    #[test]
    fn only_200_is_healthy() {
        let (outcome, asked) = check("HTTP/1.1 200 OK\r\n\r\n");
        assert!(outcome.is_ok(), "{outcome:?}");
        assert_eq!(asked, "GET /api/v1/health HTTP/1.1");
        let (outcome, _) = check("HTTP/1.1 503 Service Unavailable\r\n\r\n");
        assert_eq!(outcome.unwrap_err().to_string(), "not healthy: HTTP/1.1 503 Service Unavailable");
        assert!(check("").0.is_err());
    }

    #[test]
    fn nobody_there_is_not_healthy() {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(check_health(closed).is_err());
    }

    #[test]
    fn any_address_is_asked_on_loopback() {
        let reached = |listen: &str| reachable(listen.parse().unwrap()).to_string();
        assert_eq!(reached("0.0.0.0:6400"), "127.0.0.1:6400");
        assert_eq!(reached("[::]:6400"), "[::1]:6400");
        assert_eq!(reached("10.0.0.7:80"), "10.0.0.7:80");
    }
}
