//! What an HTTPS listener shows to its clients: rustls with ring, TLS 1.2 and 1.3, HTTP/1.1 only.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

use super::settings::Certificate;

/// Names that a generated certificate is for.
const LOCAL: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// # Errors
/// When the files cannot be read, or are not a certificate and its key: the error names the file.
pub(super) fn acceptor(certificate: &Certificate) -> io::Result<TlsAcceptor> {
    let (chain, key) = match certificate {
        Certificate::Generated => generated().map_err(io::Error::other)?,
        Certificate::Files { chain, key } => {
            let certificates =
                CertificateDer::pem_file_iter(chain).and_then(Iterator::collect::<Result<Vec<_>, _>>);
            let certificates = certificates.map_err(|error| unusable(chain, "certificates", &error))?;
            if certificates.is_empty() {
                return Err(unusable(chain, "certificates", &"there is none in it"));
            }
            let private = PrivateKeyDer::from_pem_file(key);
            (certificates, private.map_err(|error| unusable(key, "a private key", &error))?)
        }
    };
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key));
    let mut config = config.map_err(|error| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("the certificate cannot be used: {error}"))
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn unusable(file: &Path, what: &str, error: &dyn std::fmt::Display) -> io::Error {
    let text = format!("cannot read {what} in PEM from {}: {error}", file.display());
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

fn generated() -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), rcgen::Error> {
    let made = rcgen::generate_simple_self_signed(LOCAL.map(String::from).to_vec())?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    Ok((vec![made.cert.der().clone()], PrivateKeyDer::from(key)))
}
