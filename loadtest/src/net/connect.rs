//! Makes a connection: name, TCP, TLS; each step timed.

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;

use super::dns::Resolver;
use super::error::During;
use super::h1::now;
use super::io::{Counted, Stream, Traffic};
use super::proxy::Proxies;
use super::tls::TlsConfigs;
use super::{NetError, Origin, TlsInfo};

/// How long a TCP connection may take, as in k6.
pub const DIAL_TIMEOUT: Duration = Duration::from_secs(30);

/// A fresh connection.
#[derive(Debug)]
pub struct Connected {
    pub stream: Stream,
    pub remote: SocketAddr,
    pub tls: Option<Box<TlsInfo>>,
    /// HTTP/2 was negotiated.
    pub h2: bool,
}

/// Times of the steps, filled as far as they went.
#[derive(Debug, Clone, Copy, Default)]
pub struct Steps {
    pub looking_up: Duration,
    pub connecting: Duration,
    pub tls_handshaking: Duration,
}

/// Resolves, dials and, for https, shakes hands; to the proxy where there is one.
pub async fn connect(
    origin: &Origin,
    network: &Network,
    local: Option<IpAddr>,
    traffic: Rc<Traffic>,
    steps: &mut Steps,
) -> Result<Connected, NetError> {
    let begin = now();
    let proxy = network.proxies.of(origin);
    let remote = network.resolver.resolve(proxy.map_or(origin, |proxy| &proxy.origin)).await?;
    let dialled = now();
    steps.looking_up = dialled - begin;
    let tcp = match tokio::time::timeout(DIAL_TIMEOUT, dial(remote, local)).await {
        Err(_) => return Err(NetError::dial_timeout()),
        Ok(Err(error)) => return Err(NetError::io(&error, During::Dial)),
        Ok(Ok(tcp)) => tcp,
    };
    // Requests are written whole; waiting for more would only delay them. A failure costs only speed.
    let _ = tcp.set_nodelay(true);
    let connected = now();
    steps.connecting = connected - dialled;
    let mut counted = Counted::new(tcp, traffic);
    if !origin.tls {
        return Ok(Connected { stream: Stream::Plain(counted), remote, tls: None, h2: false });
    }
    let name = ServerName::try_from(origin.host.clone())
        .map_err(|_| NetError::new(1300, format!("tls: `{}` is no valid server name", origin.host)))?;
    if let Some(proxy) = proxy {
        proxy.tunnel(&mut counted, origin).await?;
    }
    let begun = now();
    let connector = TlsConnector::from(network.tls.for_host(&origin.host));
    let stream =
        connector.connect(name, counted).await.map_err(|error| NetError::io(&error, During::Read))?;
    steps.tls_handshaking = now() - begun;
    let session = stream.get_ref().1;
    let info = TlsInfo {
        version: match session.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_3) => "tls1.3",
            Some(rustls::ProtocolVersion::TLSv1_2) => "tls1.2",
            _ => "",
        },
        cipher_suite: session
            .negotiated_cipher_suite()
            .map(|suite| super::tls::suites::name(suite.suite()))
            .unwrap_or_default(),
    };
    let h2 = session.alpn_protocol() == Some(b"h2");
    Ok(Connected { stream: Stream::Tls(Box::new(stream)), remote, tls: Some(Box::new(info)), h2 })
}

async fn dial(remote: SocketAddr, local: Option<IpAddr>) -> std::io::Result<TcpStream> {
    let Some(local) = local else { return TcpStream::connect(remote).await };
    let socket = if local.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.bind(SocketAddr::new(local, 0))?;
    socket.connect(remote).await
}

/// What all connections of a test share.
#[derive(Debug)]
pub struct Network {
    pub resolver: Resolver,
    pub tls: TlsConfigs,
    pub rate: Option<RateLimit>,
    pub proxies: Proxies,
}

/// `rps`: at most so many requests per second over all VUs, without bursts.
#[derive(Debug)]
pub struct RateLimit {
    period: Duration,
    /// When the next request may start.
    next: std::sync::Mutex<Option<std::time::Instant>>,
}

impl RateLimit {
    /// `per_second` must be positive.
    pub fn new(per_second: f64) -> Self {
        Self { period: Duration::from_secs_f64(1.0 / per_second), next: std::sync::Mutex::default() }
    }

    /// Waits for this request's turn.
    pub async fn wait(&self) {
        let turn = {
            let Ok(mut next) = self.next.lock() else { return };
            let turn = next.map_or_else(now, |next| next.max(now()));
            *next = Some(turn + self.period);
            turn
        };
        tokio::time::sleep_until(turn.into()).await;
    }
}
