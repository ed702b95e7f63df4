//! TLS client settings, shared by all VUs of a test: rustls with the ring provider.

mod key;
pub mod suites;

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme, SupportedProtocolVersion};

/// What a script can say about TLS.
#[derive(Debug, Clone, Default)]
pub struct TlsOptions {
    pub insecure_skip_verify: bool,
    /// Oldest and newest version, `tls1.2` or `tls1.3`; empty means any.
    pub min_version: String,
    pub max_version: String,
    /// Cipher suites by k6's names; none: all. They are chosen among those of TLS 1.2, as in k6.
    pub cipher_suites: Option<Vec<String>>,
    /// Certificates that the client shows, with the domains they are for (empty: all).
    pub client_auth: Vec<ClientAuth>,
    /// Additional root certificates in PEM.
    pub extra_roots: Vec<Vec<u8>>,
    /// Do not offer HTTP/2.
    pub http1_only: bool,
}

/// A client certificate with its key, both PEM.
#[derive(Debug, Clone, Default)]
pub struct ClientAuth {
    pub domains: Vec<String>,
    pub cert: String,
    pub key: String,
    /// Of the key.
    pub password: Option<String>,
}

/// The configurations of a test: one for all hosts, or one per client certificate.
#[derive(Debug, Clone)]
pub struct TlsConfigs {
    default: Arc<ClientConfig>,
    by_domain: Vec<(Vec<String>, Arc<ClientConfig>)>,
}

impl TlsConfigs {
    pub fn new(options: &TlsOptions) -> Result<Self, String> {
        let by_domain = options.client_auth.iter().map(|auth| {
            let config = build(options, Some(auth))?;
            Ok((auth.domains.clone(), config))
        });
        Ok(Self { default: build(options, None)?, by_domain: by_domain.collect::<Result<_, String>>()? })
    }

    /// The configuration for a host.
    pub fn for_host(&self, host: &str) -> Arc<ClientConfig> {
        let fits = |domain: &String| match domain.strip_prefix("*.") {
            Some(suffix) => host.split_once('.').is_some_and(|(_, rest)| rest == suffix),
            None => domain == host,
        };
        let found = self.by_domain.iter().find(|(domains, _)| domains.is_empty() || domains.iter().any(fits));
        Arc::clone(found.map_or(&self.default, |(_, config)| config))
    }
}

fn versions(options: &TlsOptions) -> Result<Vec<&'static SupportedProtocolVersion>, String> {
    let number = |name: &str, otherwise: u8| match name.to_ascii_lowercase().as_str() {
        "" => Ok(otherwise),
        "tls1.0" => Ok(0),
        "tls1.1" => Ok(1),
        "tls1.2" => Ok(2),
        "tls1.3" => Ok(3),
        other => Err(format!("unknown TLS version `{other}`; known are tls1.2 and tls1.3")),
    };
    let (min, max) = (number(&options.min_version, 0)?, number(&options.max_version, 3)?);
    let all = [(2, &rustls::version::TLS12), (3, &rustls::version::TLS13)];
    let wanted: Vec<_> = all.into_iter().filter(|(n, _)| (min..=max).contains(n)).map(|(_, v)| v).collect();
    if wanted.is_empty() {
        return Err("TLS 1.0 and 1.1 are not supported; use tls1.2 or tls1.3 in tlsVersion".to_owned());
    }
    Ok(wanted)
}

fn build(options: &TlsOptions, auth: Option<&ClientAuth>) -> Result<Arc<ClientConfig>, String> {
    let mut versions = versions(options)?;
    let tls12 = suites::of_tls12(options.cipher_suites.as_deref());
    if tls12.is_empty() {
        versions.retain(|version| *version != &rustls::version::TLS12);
    }
    if versions.is_empty() {
        return Err(format!(
            "tlsCipherSuites: none of them can be used here, and tlsVersion allows only TLS 1.2; there are {}",
            suites::available()
        ));
    }
    let cipher_suites = [suites::of_tls13(), tls12].concat();
    let provider = Arc::new(CryptoProvider { cipher_suites, ..ring::default_provider() });
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions)
        .map_err(|error| format!("TLS cannot be set up: {error}"))?;
    let builder = if options.insecure_skip_verify {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(AcceptAll(provider)))
    } else {
        builder.with_root_certificates(roots(&options.extra_roots)?)
    };
    let mut config = match auth {
        None => builder.with_no_client_auth(),
        Some(auth) => {
            let chain = CertificateDer::pem_slice_iter(auth.cert.as_bytes()).collect::<Result<Vec<_>, _>>();
            let chain = chain.map_err(|error| format!("tlsAuth: bad certificate: {error}"))?;
            let key = key::read(&auth.key, auth.password.as_deref());
            let key = key.map_err(|error| format!("tlsAuth: bad key: {error}"))?;
            builder.with_client_auth_cert(chain, key).map_err(|error| format!("tlsAuth: {error}"))?
        }
    };
    if !options.http1_only {
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    }
    // Every VU stands for another visitor, so no VU may profit from another's session.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
}

/// The system's roots, or Mozilla's where the system has none.
fn roots(extra: &[Vec<u8>]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    for pem in extra {
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| format!("bad root certificate: {error}"))?;
            roots.add(certificate).map_err(|error| format!("bad root certificate: {error}"))?;
        }
    }
    Ok(roots)
}

/// `insecureSkipTLSVerify`: whatever certificate is shown is accepted; signatures are still checked.
#[derive(Debug)]
struct AcceptAll(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAll {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
