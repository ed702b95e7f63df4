//! TLS and HTTP/2, against a server with a certificate that nobody has signed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::NoClientAuth;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use crate::tool::{Dir, command, run_script};

/// An https server that speaks the given protocols; gives its URL and the count of its connections.
fn start(protocols: &[&[u8]]) -> (String, Arc<AtomicUsize>) {
    start_with(protocols, Arc::new(NoClientAuth))
}

fn start_with(protocols: &[&[u8]], clients: Arc<dyn ClientCertVerifier>) -> (String, Arc<AtomicUsize>) {
    start_saying(protocols, clients, include_bytes!("data/cert.pem"), "h1")
}

/// `body` is the answer to everything over HTTP/1.1.
fn start_saying(
    protocols: &[&[u8]],
    clients: Arc<dyn ClientCertVerifier>,
    certificate: &[u8],
    body: &'static str,
) -> (String, Arc<AtomicUsize>) {
    let cert = CertificateDer::from_pem_slice(certificate).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("data/key.pem")).expect("a key");
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_client_cert_verifier(clients)
        .with_single_cert(vec![cert], key)
        .expect("they fit");
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("can be");
    let url = format!("https://localhost:{}", listener.local_addr().expect("is bound").port());
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&connections);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("starts");
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("is one");
            let acceptor = TlsAcceptor::from(Arc::new(config));
            while let Ok((tcp, _)) = listener.accept().await {
                let (acceptor, counter) = (acceptor.clone(), Arc::clone(&counter));
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(tcp).await else { return };
                    counter.fetch_add(1, Ordering::SeqCst);
                    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                        serve_h2(stream).await;
                    } else {
                        serve_h1(stream, body).await;
                    }
                });
            }
        });
    });
    (url, connections)
}

type Stream = tokio_rustls::server::TlsStream<tokio::net::TcpStream>;

async fn serve_h2(stream: Stream) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    while let Some(Ok((mut request, mut respond))) = connection.accept().await {
        tokio::spawn(async move {
            let mut body = Vec::new();
            while let Some(Ok(piece)) = request.body_mut().data().await {
                body.extend_from_slice(&piece);
                request.body_mut().flow_control().release_capacity(piece.len()).expect("was used");
            }
            let text = format!("{} {} {}", request.method(), request.uri().path(), body.len());
            let head = http::Response::builder().header("x-proto", "h2").body(()).expect("builds");
            if let Ok(mut out) = respond.send_response(head, false) {
                out.send_data(text.into(), true).expect("is open");
            }
        });
    }
}

async fn serve_h1(mut stream: Stream, body: &str) {
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let mut buffer = [0; 4096];
    while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

#[test]
fn http2_is_used_where_it_is_offered() {
    let (url, connections) = start(&[b"h2", b"http/1.1"]);
    let script = format!(
        "import http from 'k6/http'; import {{ check }} from 'k6';
         export const options = {{ insecureSkipTLSVerify: true, thresholds: {{
           'http_reqs{{proto:HTTP/2.0}}': ['count==13'], 'http_reqs{{tls_version:tls1.3}}': ['count==13'] }} }};
         export default function () {{
           const res = http.post('{url}/one', 'x'.repeat(100000));
           check(res, {{
             'whole body sent': (r) => r.body === 'POST /one 100000',
             'protocol': (r) => r.proto === 'HTTP/2.0' && r.tls_version === 'tls1.3',
           }});
           const all = http.batch([...Array(12).keys()].map((n) => '{url}/' + n));
           check(all, {{ 'in order': (all) => all.every((r, n) => r.body === `GET /${{n}} 0`) }});
         }}"
    );
    let (run, results) = run_script("h2", &script, &[]);
    assert_eq!(
        (run.code, &results["metrics"]["checks"]["passes"]),
        (0, &3.into()),
        "{} {}",
        run.stdout,
        run.stderr
    );
    assert_eq!(connections.load(Ordering::SeqCst), 1, "one connection carries them all");
}

#[test]
fn http1_over_tls_and_a_certificate_that_is_refused() {
    let (url, _) = start(&[b"http/1.1"]);
    let script = format!(
        "import http from 'k6/http'; import {{ check }} from 'k6';
         export default function () {{
           const res = http.get('{url}/');
           check(res, {{ 'as wanted': (r) => __ENV.TRUST ? r.body === 'h1' && r.timings.tls_handshaking > 0
             : r.status === 0 && r.error_code === 1310 }});
         }}"
    );
    for args in [vec!["-e", "TRUST=1", "-k"], vec![]] {
        let (run, results) = run_script("tls", &script, &args);
        assert_eq!(
            (run.code, &results["metrics"]["checks"]["passes"]),
            (0, &1.into()),
            "{} {}",
            run.stdout,
            run.stderr
        );
    }
}

#[test]
fn modules_are_downloaded_from_whom_the_system_trusts() {
    let leaf = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/data/leaf.pem");
    let module = "export const answer = () => 42;";
    let (url, _) = start_saying(&[], Arc::new(NoClientAuth), include_bytes!("data/leaf.pem"), module);
    let dir = Dir::new("remote");
    let text = format!("import {{ answer }} from '{url}/m.js'; export default () => console.log(answer());");
    let script = dir.write("script.js", &text);
    let run = |trusted: &str| {
        let output = command(&["-q", &script]).env("SSL_CERT_FILE", trusted).output().expect("starts");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = run(leaf);
    assert!(code == Some(0) && said.contains("msg=42"), "{said}");
    let (code, said) = run("/dev/null");
    assert!(code == Some(107) && said.contains(&format!("cannot download {url}/m.js: ")), "{said}");
}

/// Lets in whoever shows the one certificate of the tests and has its key.
#[derive(Debug)]
struct OnlyOurs;

impl ClientCertVerifier for OnlyOurs {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let ours = CertificateDer::from_pem_slice(include_bytes!("data/cert.pem")).expect("a certificate");
        match *certificate == ours {
            true => Ok(ClientCertVerified::assertion()),
            false => Err(rustls::Error::General("a stranger".to_owned())),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

#[test]
fn a_client_certificate_is_shown_to_the_hosts_that_it_is_for() {
    let (url, _) = start_with(&[b"http/1.1"], Arc::new(OnlyOurs));
    let script = format!(
        "import http from 'k6/http'; import {{ check }} from 'k6';
         export const options = {{ insecureSkipTLSVerify: true, tlsAuth: __ENV.HOST ? [{{
           domains: [__ENV.HOST], cert: open('{data}/cert.pem'), key: open('{data}/' + (__ENV.KEY || 'key.pem')),
           password: __ENV.KEY ? 'secret' : undefined }}] : [] }};
         export default function () {{
           const res = http.get('{url}/');
           check(res, {{ 'as wanted': (r) => __ENV.HOST === 'localhost' ? r.body === 'h1' : r.status === 0 }});
         }}",
        data = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/data")
    );
    let localhost = ["-e", "HOST=localhost"];
    let with_key = |key| [localhost[0], localhost[1], "-e", key].to_vec();
    let passwords = [with_key("KEY=key-pkcs8.pem"), with_key("KEY=key-aes256.pem")];
    for args in [vec![localhost.to_vec(), vec!["-e", "HOST=other.test"], vec![]], passwords.to_vec()].concat()
    {
        let (run, results) = run_script("tls-auth", &script, &args);
        let passes = &results["metrics"]["checks"]["passes"];
        assert_eq!((run.code, passes), (0, &1.into()), "{args:?} {} {}", run.stdout, run.stderr);
    }
}

#[test]
fn cipher_suites_are_those_of_the_script() {
    let (url, _) = start(&[b"http/1.1"]);
    let script = format!(
        "import http from 'k6/http'; import {{ check }} from 'k6';
         export const options = {{ insecureSkipTLSVerify: true, tlsCipherSuites: __ENV.SUITES.split(',').filter((name) => name),
           tlsVersion: {{ max: __ENV.MAX }} }};
         export default function () {{
           const res = http.get('{url}/');
           check(res, {{ 'as wanted': (r) => r.status === 200 && r.tls_cipher_suite === __ENV.GOT }});
         }}"
    );
    let chacha = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305";
    let of_rsa = "TLS_RSA_WITH_AES_128_GCM_SHA256";
    let run = |suites: &str, max: &str, got: &str| {
        let variables = [format!("SUITES={suites}"), format!("MAX={max}"), format!("GOT={got}")];
        let args: Vec<&str> = variables.iter().flat_map(|pair| ["-e", pair.as_str()]).collect();
        let (run, results) = run_script("suites", &script, &args);
        (run, results["metrics"]["checks"]["passes"] == 1)
    };
    let (ran, passed) = run(chacha, "tls1.2", chacha);
    assert!(passed && !ran.stderr.contains("left out"), "{}", ran.stderr);
    let (ran, passed) = run(&format!("{of_rsa},{chacha}"), "tls1.2", chacha);
    assert!(
        passed && ran.stderr.contains(&format!("{of_rsa} cannot be used here and is left out; there are")),
        "{}",
        ran.stderr
    );
    let (ran, passed) = run("", "tls1.2", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384");
    assert!(passed, "none is all: {}", ran.stderr);
    // Those of TLS 1.3 cannot be chosen.
    let (ran, passed) = run(of_rsa, "tls1.3", "TLS_AES_256_GCM_SHA384");
    assert!(passed && ran.stderr.contains("so that TLS 1.2 is not offered"), "{}", ran.stderr);
    for (suites, why) in
        [(of_rsa, "none of them can be used here"), ("TLS_NO", "there is no cipher suite `TLS_NO`")]
    {
        let (ran, _) = run(suites, "tls1.2", "");
        assert!(ran.code == 104 && ran.stderr.contains(why), "{} {}", ran.code, ran.stderr);
    }
}

/// A proxy that makes tunnels to this machine, whatever host is asked for.
fn tunnels() -> String {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("is bound"));
    std::thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && client.read(&mut byte).is_ok_and(|read| read > 0) {
                head.push(byte[0]);
            }
            let head = String::from_utf8_lossy(&head).into_owned();
            let place = head.strip_prefix("CONNECT secure.test:").and_then(|rest| rest.split(' ').next());
            let Some(port) = place.and_then(|port| port.parse::<u16>().ok()) else {
                let _ = client.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n");
                continue;
            };
            let server = std::net::TcpStream::connect(("127.0.0.1", port)).expect("listens");
            client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").expect("listens");
            let ends = [(client.try_clone(), server.try_clone()), (Ok(server), Ok(client))];
            for (from, to) in ends {
                let (mut from, mut to) = (from.expect("is open"), to.expect("is open"));
                std::thread::spawn(move || std::io::copy(&mut from, &mut to));
            }
        }
    });
    address
}

#[test]
fn https_goes_through_a_tunnel_of_the_proxy() {
    let (url, _) = start(&[b"http/1.1"]);
    let port = url.rsplit(':').next().expect("has a port");
    let script = format!(
        "import http from 'k6/http'; import {{ check }} from 'k6';
         export const options = {{ insecureSkipTLSVerify: true }};
         export default function () {{
           const tunnelled = http.get('https://secure.test:{port}/');
           check(tunnelled, {{ 'through': (r) => r.body === 'h1' && r.timings.tls_handshaking > 0 }});
           check(http.get('https://refused.test/'), {{ 'refused': (r) => r.error.includes('403 Forbidden') }});
         }}"
    );
    let dir = Dir::new("tunnel");
    let file = dir.write("script.js", &script);
    let output = command(&[&file]).env("HTTPS_PROXY", tunnels()).output().expect("starts");
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(out.contains("100.00% 2 out of 2"), "{out} {}", String::from_utf8_lossy(&output.stderr));
}
