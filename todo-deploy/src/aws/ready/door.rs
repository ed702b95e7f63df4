//! One request through the load balancer, as a client makes it.

use std::net::SocketAddr;
use std::sync::Arc;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Of an answer's body; a health check's is tiny.
const BODY_MAX: usize = 64 * 1024;

/// Where a load balancer listens.
pub(super) struct Door<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    /// Instead of what the name service says.
    pub(super) fixed: Option<SocketAddr>,
    pub(super) secure: bool,
}

impl Door<'_> {
    /// The status of `GET path`, or why there is none.
    pub(super) async fn get(&self, path: &str) -> Result<u16, String> {
        let stream = match self.fixed {
            Some(address) => TcpStream::connect(address).await,
            None => TcpStream::connect((self.host, self.port)).await,
        };
        let stream = stream.map_err(|error| error.to_string())?;
        if !self.secure {
            return self.ask(stream, path).await;
        }
        let name = ServerName::try_from(self.host.to_owned()).map_err(|error| error.to_string())?;
        let stream = connector()?.connect(name, stream).await;
        self.ask(stream.map_err(|error| format!("TLS: {error}"))?, path).await
    }

    async fn ask(&self, stream: impl AsyncRead + AsyncWrite + Unpin, path: &str) -> Result<u16, String> {
        let said = |error: hyper::Error| error.to_string();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(said)?;
        let request = http::Request::get(path).header(http::header::HOST, self.host);
        let request = request.body(Empty::<Bytes>::new()).map_err(|error| error.to_string())?;
        let driven = async move {
            let answer = sender.send_request(request).await.map_err(said)?;
            let status = answer.status().as_u16();
            drop(Limited::new(answer.into_body(), BODY_MAX).collect().await);
            Ok(status)
        };
        // The connection ends when its sender is gone; what it has to say is in the answer.
        let (answer, _) = tokio::join!(driven, connection);
        answer
    }
}

fn connector() -> Result<TlsConnector, String> {
    let provider = Arc::new(ring::default_provider());
    let config =
        ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let config = config.map_err(|error| error.to_string())?.dangerous();
    let config = config.with_custom_certificate_verifier(Arc::new(AnyName(provider))).with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The certificate is for the owner's own name, which only the owner knows, and we come by the balancer's: whether the
/// service answers is asked here, not whose it is. Nothing secret is sent.
#[derive(Debug)]
struct AnyName(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
