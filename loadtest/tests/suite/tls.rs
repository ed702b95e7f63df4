//! TLS and HTTP/2, against a server with a certificate that nobody has signed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use crate::tool::run_script;

/// An https server that speaks the given protocols; gives its URL and the count of its connections.
fn start(protocols: &[&[u8]]) -> (String, Arc<AtomicUsize>) {
    let cert = CertificateDer::from_pem_slice(include_bytes!("data/cert.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("data/key.pem")).expect("a key");
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
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
                        serve_h1(stream).await;
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

async fn serve_h1(mut stream: Stream) {
    let mut buffer = [0; 4096];
    while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
        if stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nh1").await.is_err() {
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
