//! Listeners of every kind, network mode, the log, the metrics, changes while it runs.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};

use super::*;
use crate::balancer::settings::{AccessLog, Certificate, Listener, ListenerKind, Mode, Timeouts};
use crate::deployment::Algorithm;
use crate::pick::TargetState;

fn listener(kind: ListenerKind) -> Listener {
    Listener { address: SocketAddr::from(([127, 0, 0, 1], 0)), kind }
}

/// What a TLS client that trusts only this certificate gets.
fn over_tls(
    address: SocketAddr,
    certificate: &CertificateDer<'static>,
    request: &str,
) -> std::io::Result<String> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.clone()).map_err(std::io::Error::other)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let session = rustls::ClientConnection::new(Arc::new(config), name).map_err(std::io::Error::other)?;
    let socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(stub::PATIENCE))?;
    let mut stream = rustls::StreamOwned::new(session, socket);
    stream.write_all(request.as_bytes())?;
    let mut back = String::new();
    match stream.read_to_string(&mut back) {
        Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => Err(error),
        _ => Ok(back),
    }
}

#[test]
fn https_shows_the_certificate_that_was_given() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let directory = tempfile::tempdir().expect("a directory");
    let (chain, key) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
    std::fs::write(&chain, made.cert.pem()).expect("written");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("written");
    let certificate = CertificateDer::from_pem_file(&chain).expect("readable");
    let kind = ListenerKind::Https(Certificate::Files { chain: chain.clone(), key: key.clone() });
    let large: &'static str = Box::leak("x".repeat(200_000).into_boxed_str());
    let target = Stub::saying(large);
    let bench = bench(Settings { listeners: vec![listener(kind.clone())], ..quiet() }, &[&target]);
    // Twice on one connection: the end of the first answer must not wait for anything.
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n\
                   GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let back = over_tls(bench.address, &certificate, request).expect("it is trusted");
    assert!(back.matches("HTTP/1.1 200 OK\r\n").count() == 2 && back.ends_with(large));
    assert!(target.seen()[0].contains("X-Forwarded-Proto: https\r\n"));
    // Plain HTTP to it is no handshake.
    assert!(bench.client().get("/").is_none());
    std::fs::write(&key, "no key").expect("written");
    let error = Balancer::start(Settings { listeners: vec![listener(kind)], ..quiet() }).expect_err("no key");
    assert!(error.to_string().contains("key.pem"), "{error}");
}

#[test]
fn who_does_not_finish_shaking_hands_does_not_hold_up_the_end() {
    let listeners = vec![listener(ListenerKind::Https(Certificate::Generated))];
    let timeouts = Timeouts { header: Duration::from_secs(600), ..Timeouts::default() };
    let bench = bench(Settings { listeners, timeouts, ..quiet() }, &[]);
    let mut silent = bench.client();
    eventually("it is accepted", || bench.handle.stats().connections == 1);
    assert!(bench.balancer.shutdown(Duration::from_secs(20)), "nothing had to be cut");
    assert!(silent.is_closed());
}

#[test]
fn a_certificate_is_made_where_none_is_given() {
    let kind = ListenerKind::Https(Certificate::Generated);
    let bench = bench(Settings { listeners: vec![listener(kind)], ..quiet() }, &[&Stub::saying("ok")]);
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let error =
        over_tls(bench.address, other.cert.der(), "GET / HTTP/1.1\r\n\r\n").expect_err("nobody trusts it");
    assert!(error.to_string().contains("certificate"), "it has one: {error}");
}

#[test]
fn redirects_name_the_same_place() {
    let listeners = vec![listener(ListenerKind::Redirect(443)), listener(ListenerKind::Redirect(8443))];
    let bench = bench(Settings { listeners, ..quiet() }, &[]);
    for (address, port) in bench.handle.addresses().into_iter().zip(["", ":8443"]) {
        let mut client = Client::to(address);
        client.send("GET /a?b=c HTTP/1.1\r\nHost: example.org:8080\r\n\r\n");
        let got = client.answer().expect("an answer");
        let place = format!("https://example.org{port}/a?b=c");
        assert_eq!((got.status, got.header("location")), (301, Some(place.as_str())));
        client.send("HEAD / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n");
        let got = client.answer_to("HEAD").expect("an answer");
        assert_eq!(got.header("location"), Some(format!("https://[::1]{port}/").as_str()));
    }
}

fn network(idle: Duration) -> Settings {
    Settings {
        mode: Mode::Network,
        listeners: vec![listener(ListenerKind::Tcp)],
        timeouts: Timeouts { idle, ..Timeouts::default() },
        ..quiet()
    }
}

/// Sends back what it gets, with its name before it.
fn echoing(name: &'static str) -> Stub {
    Stub::new(move |served| {
        served.send(name.as_bytes());
        let mut bytes = [0; 1024];
        while let Ok(count @ 1..) = served.stream.read(&mut bytes) {
            served.send(&bytes[..count]);
        }
        served.send(b"end");
    })
}

#[test]
fn network_mode_passes_everything_and_half_closes() {
    let (a, b) = (echoing("a"), echoing("b"));
    let mut bench = bench(network(Duration::from_secs(60)), &[&a, &b]);
    for _ in 0..20 {
        let mut client = bench.client();
        client.send(b"\x00\xffany bytes\r\n");
        client.stream.shutdown(std::net::Shutdown::Write).expect("open");
        let back = client.rest();
        assert!(back.ends_with("any bytes\r\nend"), "{back:?}");
    }
    assert!(a.connections() > 0 && b.connections() > 0, "flows are spread");
    eventually("all are counted", || bench.handle.stats().total.requests == 20);
    // A flow stays while its target leaves, and is cut when the time is over.
    let mut client = bench.client();
    client.send("x");
    eventually("it is in flight", || bench.in_flight() == 1);
    let id = bench.handle.targets().iter().find(|target| target.in_flight == 1).expect("one has it").id;
    let settings =
        Settings { deregistration_delay: Duration::from_millis(300), ..network(Duration::from_secs(60)) };
    let settings = Settings { listeners: bench.handle.listeners(), ..settings };
    bench.handle.configure(settings).expect("valid");
    bench.handle.deregister(id);
    let event = loop {
        let event = bench.balancer.events().blocking_recv().expect("events go on");
        if matches!(event, crate::balancer::Event::Drained { .. }) {
            break event;
        }
    };
    assert_eq!(event, crate::balancer::Event::Drained { id, cut: 1 });
    assert!(client.rest().len() <= 2, "its name and what it sent, then the end");
}

#[test]
fn network_mode_goes_past_a_target_that_refuses_and_closes_the_silent() {
    let refused =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port");
    let well = echoing("well");
    let bench = bench_at(network(Duration::from_secs(1)), &[refused, well.address]);
    for _ in 0..3 {
        assert_eq!(bench.client().rest(), "well", "connected, greeted, and closed for silence");
    }
    eventually("nothing is in flight", || bench.in_flight() == 0);
}

#[test]
fn the_log_has_the_fields_of_an_application_load_balancers() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("access.log");
    let target = Stub::saying("hello");
    let bench = bench(Settings { access_log: AccessLog::File(file.clone()), ..quiet() }, &[&target]);
    let mut client = bench.client();
    client.send("GET /a?b=\"c HTTP/1.1\r\nHost: example.org\r\nUser-Agent: me\r\n\r\n");
    assert_eq!(client.answer().expect("an answer").status, 200);
    bench.client().send("GET / HTTP/1.1\r\nHost: a b\r\n\r\n");
    eventually("both are counted", || bench.handle.stats().total.requests == 2);
    let port = target.address.port();
    assert!(bench.balancer.shutdown(Duration::from_secs(5)));
    let text = std::fs::read_to_string(&file).expect("a log");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    // What differs from run to run, by its form.
    let form = |line: &str| -> String {
        let digit = |c: char| if c.is_ascii_digit() { '9' } else { c };
        let line = line.replace(&format!(":{port}"), ":PORT");
        let (before, after) =
            line.split_once("\"Root=1-").map_or((line.as_str(), ""), |(a, b)| (a, &b[33..]));
        format!(
            "{}|{}",
            before.chars().map(digit).collect::<String>(),
            after.chars().map(digit).collect::<String>()
        )
    };
    let client_port = form(lines[0]).split(' ').nth(3).expect("a client").to_owned();
    insta::assert_snapshot!(
        format!("{}\n{}", form(lines[0]), form(lines[1])).replace(&client_port, "CLIENT")
    );
}

#[test]
fn metrics_are_prometheus_text() {
    let bench = bench(quiet(), &[&Stub::saying("ok")]);
    let mut client = bench.client();
    for _ in 0..3 {
        client.get("/");
    }
    eventually("all are counted", || bench.handle.stats().total.requests == 3);
    let text = bench.handle.metrics();
    for line in [
        "balancer_requests_total{class=\"2xx\"} 3",
        "balancer_connections 1",
        "balancer_request_duration_seconds_count 3",
        "balancer_request_duration_seconds_bucket{le=\"+Inf\"} 3",
    ] {
        assert!(text.lines().any(|found| found == line), "no {line} in {text}");
    }
    let helps = text.lines().filter(|line| line.starts_with("# TYPE")).count();
    let names: std::collections::BTreeSet<_> = text
        .lines()
        .filter(|line| line.starts_with("# TYPE"))
        .filter_map(|line| line.split(' ').nth(2))
        .collect();
    assert_eq!(helps, names.len(), "each metric is declared once");
}

#[test]
fn settings_change_while_it_runs() {
    let (a, b) = (Stub::saying("a"), Stub::saying("b"));
    let bench = bench(quiet(), &[&a, &b]);
    let mut client = bench.client();
    let first = bench.handle.listeners();
    // Another address, so that it is another listener.
    let other = Listener { address: SocketAddr::from(([127, 0, 0, 2], 0)), kind: ListenerKind::Http };
    let more = [first.clone(), vec![other]].concat();
    let settings = Settings { algorithm: Algorithm::LeastConnections, listeners: more, ..quiet() };
    bench.handle.configure(settings.clone()).expect("valid");
    let addresses = bench.handle.addresses();
    assert_eq!((addresses.len(), addresses[0]), (2, bench.address));
    assert_eq!(Client::to(addresses[1]).get("/").expect("it listens there, too").status, 200);
    assert_eq!(client.get("/").expect("the connection went on").status, 200);
    assert_eq!(bench.handle.targets().len(), 2, "targets stay");
    assert!(bench.handle.targets().iter().all(|target| target.state == TargetState::Healthy));
    // One that cannot be opened changes nothing.
    let taken = Listener { address: a.address, kind: ListenerKind::Http };
    let wrong = Settings { listeners: vec![taken], ..quiet() };
    let error = bench.handle.configure(wrong).expect_err("that port is taken").to_string();
    assert!(error.contains(&a.address.to_string()), "{error}");
    let nowhere = AccessLog::File("/nowhere/access.log".into());
    let wrong = Settings { access_log: nowhere, listeners: first, ..quiet() };
    let error = bench.handle.configure(wrong).expect_err("there is no such place").to_string();
    assert!(error.contains("/nowhere/access.log"), "{error}");
    assert_eq!(bench.handle.addresses(), addresses, "no listener has left");
    assert_eq!(client.get("/").expect("all is as it was").status, 200);
    // How many must be healthy counts from now on.
    bench.handle.set_state(InstanceId(1), TargetState::Unhealthy);
    assert!(!bench.handle.targets()[1].routable);
    let settings = Settings { healthy_min: 2, ..settings };
    bench.handle.configure(settings.clone()).expect("valid");
    assert!(bench.handle.targets()[1].routable, "fewer than two are healthy, so both serve");
    // The first listener leaves; what is connected there stays.
    let settings = Settings { listeners: settings.listeners[1..].to_vec(), ..settings };
    bench.handle.configure(settings).expect("valid");
    eventually("nobody listens there", || TcpStream::connect(addresses[0]).is_err());
    assert_eq!(client.get("/").expect("it is still served").status, 200);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = Stub::saying("");
    let listeners = vec![Listener { address: taken.address, kind: ListenerKind::Http }];
    let error = Balancer::start(Settings { listeners, ..quiet() }).expect_err("taken").to_string();
    assert!(error.contains(&taken.address.to_string()), "{error}");
}
