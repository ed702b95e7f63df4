//! Requests that mean to be read differently by two parsers: the table of the hostile, by raw sockets.
//!
//! Each row goes over a connection of its own, followed by a second request: what the target sees of it would be
//! smuggled. A refused row must be answered, the connection closed, and the target must have seen nothing.

use std::io::Read as _;

use super::*;

/// Sends the bytes, then an innocent request; everything that came back, and what the target saw.
fn probe(bench: &Bench, target: &Stub, bytes: &[u8]) -> (String, Vec<String>) {
    let before = target.requests();
    let mut client = bench.client();
    client.send(bytes);
    client.send("GET /smuggled HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
    let back = client.rest();
    (back, target.seen()[before..].to_vec())
}

fn refused(bench: &Bench, target: &Stub, name: &str, statuses: &[u16], bytes: &[u8]) {
    let (back, seen) = probe(bench, target, bytes);
    let status = back.get(9..12).and_then(|code| code.parse::<u16>().ok());
    assert!(status.is_some_and(|status| statuses.contains(&status)), "{name}: {statuses:?}, got {back}");
    assert_eq!(back.matches("HTTP/1.1 ").count(), 1, "{name}: one answer, then the end: {back}");
    assert!(back.contains("Connection: close\r\n"), "{name}: {back}");
    assert!(seen.is_empty(), "{name}: the target saw {seen:?}");
}

#[test]
fn what_is_refused() {
    let target = Stub::saying("ok");
    let bench = bench(quiet(), &[&target]);
    let post = |fields: &str, body: &str| format!("POST / HTTP/1.1\r\nHost: t\r\n{fields}\r\n{body}");
    let get = |line: &str, fields: &str| format!("{line}\r\n{fields}\r\n");
    let long = "x".repeat(20 << 10);
    let many: String = (0..70).map(|i| format!("X-{i}: {}\r\n", "y".repeat(1000))).collect();
    let rows: Vec<(&str, &[u16], String)> = vec![
        // Length and coding.
        ("CL + TE", &[400], post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")),
        ("TE + CL", &[400], post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n")),
        (
            "CL.TE prefix",
            &[400],
            post(
                "Content-Length: 30\r\nTransfer-Encoding: chunked\r\n",
                "0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n",
            ),
        ),
        ("two different CL", &[400], post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello")),
        ("two equal CL", &[400], post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello")),
        ("CL list", &[400], post("Content-Length: 5, 5\r\n", "hello")),
        ("CL +3", &[400], post("Content-Length: +3\r\n", "abc")),
        ("CL -1", &[400], post("Content-Length: -1\r\n", "")),
        ("CL empty", &[400], post("Content-Length: \r\n", "")),
        ("CL hex", &[400], post("Content-Length: 0x3\r\n", "abc")),
        ("CL 2^64 + 3", &[400], post("Content-Length: 18446744073709551619\r\n", "abc")),
        ("CL 2^64", &[400], post("Content-Length: 18446744073709551616\r\n", "")),
        ("CL with a blank", &[400], post("Content-Length: 1 0\r\n", "0123456789")),
        ("TE xchunked", &[501], post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n")),
        ("TE chunked, identity", &[501, 400], post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n")),
        ("TE identity", &[501, 400], post("Transfer-Encoding: identity\r\n", "")),
        ("TE gzip, chunked", &[501, 400], post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n")),
        (
            "TE twice",
            &[400, 501],
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        ),
        ("TE with a tab inside", &[400, 501], post("Transfer-Encoding: chun\tked\r\n", "0\r\n\r\n")),
        ("TE with a vertical tab", &[400], post("Transfer-Encoding: \x0bchunked\r\n", "0\r\n\r\n")),
        ("TE empty", &[400, 501], post("Transfer-Encoding:\r\n", "")),
        (
            "1.0 + TE",
            &[400],
            get("POST / HTTP/1.0", "Host: t\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n",
        ),
        // Field syntax.
        ("space before colon", &[400], post("Content-Length : 5\r\n", "hello")),
        ("tab before colon", &[400], post("X\t: 5\r\n", "")),
        ("obs-fold", &[400], get("GET / HTTP/1.1", "Host: t\r\nX: a\r\n b\r\n")),
        ("first field folded", &[400], get("GET / HTTP/1.1", " X: a\r\nHost: t\r\n")),
        ("bare LF", &[400], "GET / HTTP/1.1\nHost: t\n\n".to_owned()),
        ("bare LF in a field", &[400], get("GET / HTTP/1.1", "Host: t\r\nX: a\nY: b\r\n")),
        ("bare CR", &[400], get("GET / HTTP/1.1", "Host: t\r\nX: a\rY: b\r\n")),
        ("NUL in value", &[400], get("GET / HTTP/1.1", "Host: t\r\nX: a\0b\r\n")),
        ("DEL in value", &[400], get("GET / HTTP/1.1", "Host: t\r\nX: a\x7fb\r\n")),
        ("NUL in name", &[400], get("GET / HTTP/1.1", "Host: t\r\nX\0: a\r\n")),
        ("no colon", &[400], get("GET / HTTP/1.1", "Host: t\r\nXXX\r\n")),
        ("empty name", &[400], get("GET / HTTP/1.1", "Host: t\r\n: a\r\n")),
        ("name with a quote", &[400], get("GET / HTTP/1.1", "Host: t\r\nX\"Y: a\r\n")),
        // Host.
        ("no Host", &[400], get("GET / HTTP/1.1", "")),
        ("two Host", &[400], get("GET / HTTP/1.1", "Host: a\r\nHost: b\r\n")),
        ("two equal Host", &[400], get("GET / HTTP/1.1", "Host: a\r\nHost: a\r\n")),
        ("Host with user", &[400], get("GET / HTTP/1.1", "Host: u@a\r\n")),
        ("Host with path", &[400], get("GET / HTTP/1.1", "Host: a/b\r\n")),
        ("Host list", &[400], get("GET / HTTP/1.1", "Host: a, b\r\n")),
        ("Host with a bad port", &[400], get("GET / HTTP/1.1", "Host: a:b\r\n")),
        ("another host than the target's", &[400], get("GET http://a/ HTTP/1.1", "Host: b\r\n")),
        // Request line.
        ("GET *", &[400], get("GET * HTTP/1.1", "Host: t\r\n")),
        ("no slash", &[400], get("GET x HTTP/1.1", "Host: t\r\n")),
        ("authority form", &[400], get("GET t:80 HTTP/1.1", "Host: t\r\n")),
        ("another scheme", &[400], get("GET ftp://t/ HTTP/1.1", "Host: t\r\n")),
        ("user in the target", &[400], get("GET http://u@t/ HTTP/1.1", "Host: t\r\n")),
        ("two blanks", &[400], get("GET  / HTTP/1.1", "Host: t\r\n")),
        ("blank in the path", &[400], get("GET /a b HTTP/1.1", "Host: t\r\n")),
        ("tab for a blank", &[400], get("GET\t/ HTTP/1.1", "Host: t\r\n")),
        ("blank before", &[400], get(" GET / HTTP/1.1", "Host: t\r\n")),
        ("no version", &[400], get("GET /", "Host: t\r\n")),
        ("small letters", &[400], get("GET / http/1.1", "Host: t\r\n")),
        ("HTTP/1.1x", &[400], get("GET / HTTP/1.1x", "Host: t\r\n")),
        ("HTTP/2.0", &[505, 400], get("GET / HTTP/2.0", "Host: t\r\n")),
        ("HTTP/1.2", &[505, 400], get("GET / HTTP/1.2", "Host: t\r\n")),
        ("F23 HTTP/2 preface", &[505, 400], "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned()),
        ("TRACE", &[405], get("TRACE / HTTP/1.1", "Host: t\r\n")),
        ("CONNECT", &[405, 400], get("CONNECT t:80 HTTP/1.1", "Host: t\r\n")),
        ("TLS to a plain port", &[400], "\x16\x03\x01\x02\x00\x01\x00\x01".to_owned()),
        // Sizes.
        ("F17 20 KB header", &[400], get("GET / HTTP/1.1", &format!("Host: t\r\nX: {long}\r\n"))),
        ("F17 70 KB of headers", &[400], get("GET / HTTP/1.1", &format!("Host: t\r\n{many}"))),
        ("F17 17 KB URI", &[414], get(&format!("GET /{} HTTP/1.1", &long[..17 << 10]), "Host: t\r\n")),
        // What may not be removed on the way.
        (
            "Connection: content-length",
            &[400],
            post("Connection: content-length\r\nContent-Length: 5\r\n", "hello"),
        ),
        ("Connection: host", &[400], get("GET / HTTP/1.1", "Host: t\r\nConnection: host\r\n")),
        (
            "F26 31 addresses",
            &[463],
            get(
                "GET / HTTP/1.1",
                &format!("Host: t\r\nX-Forwarded-For: {}\r\n", vec!["1.2.3.4"; 31].join(",")),
            ),
        ),
        (
            "F26 31 addresses in lines",
            &[463],
            get("GET / HTTP/1.1", &format!("Host: t\r\n{}", "X-Forwarded-For: 1.2.3.4\r\n".repeat(31))),
        ),
    ];
    for (name, statuses, bytes) in rows {
        refused(&bench, &target, name, statuses, bytes.as_bytes());
    }
    // After all that it still works, and holds nothing.
    assert_eq!(bench.client().get("/").expect("an answer").status, 200);
    eventually("nothing is in flight", || bench.in_flight() == 0);
}

/// A chunked body that breaks off in the middle: the target has part of the request, and must never take what
/// follows for another one.
#[test]
fn bodies_that_are_refused() {
    let target = Stub::saying("ok");
    let bench = bench(quiet(), &[&target]);
    let bodies = [
        "0x3\r\nabc\r\n0\r\n\r\n",
        "3 \r\nabc\r\n0\r\n\r\n",
        "3\nabc\n0\n\n",
        "3\r\nabc\n0\r\n\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "-1\r\nabc\r\n0\r\n\r\n",
        "3;a\nb\r\nabc\r\n0\r\n\r\n",
        "\r\n3\r\nabc\r\n0\r\n\r\n",
        "g\r\n",
        "fffffffffffffffff\r\n",
        "0\r\nContent-Length: 5\r\n\r\n",
        "0\r\nX : 5\r\n\r\n",
        "0\n\n",
    ];
    for body in bodies {
        let bytes = format!("POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
        let (back, seen) = probe(&bench, &target, bytes.as_bytes());
        assert!(back.starts_with("HTTP/1.1 400"), "{body:?}: {back}");
        assert!(!seen.iter().any(|request| request.contains("/smuggled")), "{body:?}: {seen:?}");
    }
}

#[test]
fn what_passes_and_how() {
    let target = Stub::saying("ok");
    let bench = bench(quiet(), &[&target]);
    let many: String = (0..118).map(|i| format!("X-{i}: y\r\n")).collect();
    // Request, and what the target must and must not see.
    let rows: Vec<(&str, String, &[&str], &[&str])> = vec![
        ("120 headers", format!("GET / HTTP/1.1\r\nHost: t\r\nA: b\r\n{many}\r\n"), &["X-117: y\r\n"], &[]),
        (
            "Connection lists",
            "GET / HTTP/1.1\r\nHost: t\r\nConnection: keep-alive, X-Secret ,x-other\r\nX-Secret: 1\r\nX-Secret: 2\r\nX-Other: 3\r\nX-Stays: 4\r\nKeep-Alive: 5\r\nTE: trailers\r\nProxy-Connection: x\r\n\r\n".to_owned(),
            &["X-Stays: 4\r\n"],
            &["Secret", "Other", "Keep-Alive", "TE:", "Proxy-Connection", "Connection"],
        ),
        (
            "h2c is stripped",
            "GET / HTTP/1.1\r\nHost: t\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n".to_owned(),
            &[],
            &["h2c", "Upgrade", "HTTP2"],
        ),
        (
            "F26 appended",
            "GET / HTTP/1.1\r\nHost: t\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: 5.6.7.8\r\nX-Forwarded-Port: 1\r\nX_Forwarded_For: 9\r\n\r\n".to_owned(),
            &["X-Forwarded-For: 1.2.3.4, 5.6.7.8, 127.0.0.1\r\n", "X-Forwarded-Proto: http\r\n"],
            &["https", "Port: 1\r\n", "X_"],
        ),
        ("old without Host", "GET /a HTTP/1.0\r\n\r\n".to_owned(), &["GET /a HTTP/1.1\r\nHost: 127.0.0.1:"], &[]),
        ("absolute form", "GET http://t/a?b HTTP/1.1\r\nHost: t\r\n\r\n".to_owned(), &["GET /a?b HTTP/1.1\r\nHost: t\r\n"], &["http://"]),
        ("absolute without path", "GET http://t?b HTTP/1.1\r\nHost: t\r\n\r\n".to_owned(), &["GET /?b HTTP/1.1\r\n"], &[]),
        ("empty line before", "\r\nGET /a HTTP/1.1\r\nHost: t\r\n\r\n".to_owned(), &["GET /a "], &[]),
        ("leading zeros", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 005\r\n\r\nhello".to_owned(), &["Content-Length: 5\r\n", "hello"], &["005"]),
        ("OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n".to_owned(), &["OPTIONS * HTTP/1.1"], &[]),
        ("any method", "BREW /pot HTTP/1.1\r\nHost: t\r\n\r\n".to_owned(), &["BREW /pot"], &[]),
        ("trace id kept", "GET / HTTP/1.1\r\nHost: t\r\nX-Amzn-Trace-Id: Root=1-a-b\r\n\r\n".to_owned(), &["X-Amzn-Trace-Id: Self=1-", ";Root=1-a-b\r\n"], &[]),
    ];
    for (name, bytes, has, lacks) in rows {
        let before = target.requests();
        let mut client = bench.client();
        client.send(bytes);
        assert_eq!(client.answer().expect(name).status, 200, "{name}");
        let seen = &target.seen()[before..];
        assert_eq!(seen.len(), 1, "{name}: {seen:?}");
        for part in has {
            assert!(seen[0].contains(part), "{name}: no {part:?} in {}", seen[0]);
        }
        for part in lacks {
            assert!(!seen[0].contains(part), "{name}: {part:?} in {}", seen[0]);
        }
    }
}

/// What could be read in two ways, and is not dangerous enough to refuse, ends both connections.
#[test]
fn what_is_ambiguous_is_forwarded_alone() {
    let target = Stub::saying("ok");
    let bench = bench(quiet(), &[&target]);
    let rows = [
        "POST / HTTP/1.1\r\nHost: t\r\nContent_Length: 5\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: t\r\nContent-Length.: 5\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: t\r\nTransfer_Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: t\r\nContent-Lenght: 5\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello",
        "GET /\u{e9} HTTP/1.1\r\nHost: t\r\n\r\n",
    ];
    for bytes in rows {
        let connections = target.connections();
        let (back, seen) = probe(&bench, &target, bytes.as_bytes());
        assert!(back.starts_with("HTTP/1.1 200") && back.contains("Connection: close"), "{bytes:?}: {back}");
        assert_eq!(seen.len(), 1, "{bytes:?}: {seen:?}");
        assert!(seen[0].contains("Connection: close\r\n"), "{bytes:?}: {seen:?}");
        assert_eq!(bench.client().get("/").expect("an answer").status, 200);
        assert!(target.connections() > connections, "{bytes:?}: its connection was used again");
    }
}

#[test]
fn the_other_ways_to_forward_for() {
    use crate::balancer::settings::ForwardedFor::{Preserve, Remove};
    for (how, has, lacks) in
        [(Preserve, "X-Forwarded-For: 1.2.3.4\r\n", "127.0.0.1\r\nX"), (Remove, "Host: t", "X-Forwarded-For")]
    {
        let target = Stub::saying("ok");
        let bench = bench(Settings { forwarded_for: how, ..quiet() }, &[&target]);
        let mut client = bench.client();
        client.send("GET / HTTP/1.1\r\nHost: t\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n");
        assert_eq!(client.answer().expect("an answer").status, 200);
        let seen = target.seen().concat();
        assert!(seen.contains(has) && !seen.contains(lacks), "{how:?}: {seen}");
    }
}

/// A target that resets after a request's head, at the moment at which the rest of the body comes: what was read of
/// it and could not be passed on must not be taken for the client's next request.
#[test]
fn what_is_left_of_a_body_is_no_request() {
    let (heads, head_came) = std::sync::mpsc::channel();
    let (go, orders) = std::sync::mpsc::channel::<()>();
    let ends = std::sync::Mutex::new((heads, orders));
    let target = Stub::new(move |served| {
        let mut first = [0; 1];
        while matches!(served.stream.peek(&mut first), Ok(1)) && &first != b"P" {
            if served.request().is_none() || !served.answer("ok") {
                return;
            }
        }
        if &first != b"P" {
            return;
        }
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            assert_eq!(served.stream.read(&mut byte).expect("a head comes"), 1);
            head.push(byte[0]);
        }
        let ends = ends.lock().expect("no panic");
        ends.0.send(()).expect("the test waits");
        ends.1.recv().expect("the test says when");
        socket2::SockRef::from(&served.stream).set_linger(Some(Duration::ZERO)).expect("a socket");
    });
    let bench = bench(quiet(), &[&target]);
    let tail = "GET /smuggled HTTP/1.1\r\nHost: t\r\n\r\n";
    let bodies = [
        (format!("Content-Length: {}", tail.len()), tail.to_owned()),
        ("Transfer-Encoding: chunked".to_owned(), format!("{:x}\r\n{tail}\r\n0\r\n\r\n", tail.len())),
    ];
    for (framing, body) in bodies.iter().cycle().take(10) {
        let mut client = bench.client();
        client.send(format!("POST / HTTP/1.1\r\nHost: t\r\n{framing}\r\n\r\n"));
        head_came.recv_timeout(stub::PATIENCE).expect("the head is passed on at once");
        // The balancer's only worker stands still, choosing for another client, until both have happened.
        let held = bench.handle.hub.fleet.hold();
        let mut other = bench.client();
        other.send("GET /other HTTP/1.1\r\nHost: t\r\n\r\n");
        eventually("the worker is at it", || bench.handle.hub.connections() == 2);
        stub::pause_for(Duration::from_millis(20));
        let open = target.open();
        client.send(body);
        go.send(()).expect("the target waits");
        eventually("it has reset", || target.open() < open);
        drop(held);
        assert_eq!(other.answer().expect("an answer").status, 200);
        assert_eq!(client.answer().expect("an answer").status, 502);
        // Whole was the request, so that the connection goes on: with what is really its next one.
        assert_eq!(client.get("/next").expect("an answer").body, "ok");
        drop((client, other));
        eventually("both are gone", || bench.handle.stats().connections == 0);
    }
    let smuggled: Vec<_> = target.seen().into_iter().filter(|seen| seen.contains("smuggled")).collect();
    assert!(smuggled.is_empty(), "{smuggled:?}");
}
