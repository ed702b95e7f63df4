//! F2, F3, F17, F19, F20: what targets may answer, and what becomes of the rest.

use super::*;

/// What the client gets of a response; none when it is cut.
fn answered(bytes: &'static [u8], method: &str) -> Option<stub::Got> {
    let odd = Stub::new(move |served| {
        while let Some(request) = served.request() {
            if request.contains(" /odd ") {
                served.send(bytes);
            } else {
                served.answer("well");
            }
        }
    });
    let bench = bench(Settings { retries: 0, ..quiet() }, &[&odd]);
    let mut client = bench.client();
    client.send(format!("{method} /odd HTTP/1.1\r\nHost: t\r\n\r\n"));
    let got = client.answer_to(method);
    // Whatever it was: the next request gets its own answer.
    let next = bench.client().get("/next").expect("an answer");
    assert_eq!(next.body, "well", "shifted after {}", bytes.escape_ascii());
    eventually("nothing is in flight", || bench.in_flight() == 0);
    got
}

#[test]
fn f19_responses_that_break_framing_are_502() {
    let wrong: [&[u8]; 22] = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nX: a\nY: b\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\nab",
        b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nX : a\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nX: \0\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 204 No Content\r\n\r\nhello",
        b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nab",
        b"what?\r\n\r\n",
    ];
    for bytes in wrong {
        let got = answered(bytes, "GET");
        assert_eq!(got.map(|got| got.status), Some(502), "{}", bytes.escape_ascii());
    }
}

#[test]
fn f19_interim_answers_do_not_shift() {
    let got = answered(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab",
        "GET",
    );
    let got = got.expect("an answer");
    assert_eq!((got.status, got.body.as_str()), (200, "ab"));
    let flood: &'static [u8] = Box::leak(b"HTTP/1.1 100 Continue\r\n\r\n".repeat(50).into_boxed_slice());
    assert_eq!(answered(flood, "GET").map(|got| got.status), Some(502));
}

#[test]
fn what_follows_a_body_is_never_the_next_answer() {
    for (bytes, method) in [
        (&b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"[..], "GET"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", "GET"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", "HEAD"),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n", "GET"),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", "GET"),
    ] {
        let got = answered(bytes, method);
        assert!(got.is_some_and(|got| got.status < 400), "{}", bytes.escape_ascii());
    }
}

#[test]
fn f2_a_body_that_breaks_off_is_a_cut() {
    let bodies: [&'static [u8]; 4] = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\nx\r\n0\r\n\r\n",
    ];
    for bytes in bodies {
        let target = Stub::once(bytes);
        let bench = bench(quiet(), &[&target]);
        let mut client = bench.client();
        assert_eq!(client.get("/"), None, "no false end: {}", bytes.escape_ascii());
        assert_eq!(target.requests(), 1, "an answer had begun: no retry");
        eventually("nothing is in flight", || bench.in_flight() == 0);
    }
}

#[test]
fn a_body_without_length_ends_with_its_connection() {
    let target = Stub::once(b"HTTP/1.0 200 OK\r\nX: y\r\n\r\nhello");
    let bench = bench(quiet(), &[&target]);
    let mut client = bench.client();
    let got = client.get("/").expect("an answer");
    assert_eq!((got.body.as_str(), got.header("transfer-encoding")), ("hello", Some("chunked")));
    assert_eq!(client.get("/").expect("the connection is kept").body, "hello");
    let mut old = bench.client();
    old.send("GET / HTTP/1.0\r\n\r\n");
    assert!(old.rest().ends_with("\r\n\r\nhello"));
    let chunked = Stub::once(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    let bench = super::bench(quiet(), &[&chunked]);
    let mut old = bench.client();
    old.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    let back = old.rest();
    assert!(back.ends_with("\r\n\r\nhello") && !back.contains("chunked"), "{back}");
}

#[test]
fn f3_a_target_that_dies_before_the_head() {
    let dying = || Stub::new(|served| drop(served.request()));
    let post = "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nab";
    let (target, well) = (dying(), Stub::saying("well"));
    let bench_two = bench(quiet(), &[&target, &well]);
    for _ in 0..4 {
        assert_eq!(bench_two.client().get("/").expect("an answer").body, "well");
    }
    let statuses = (0..4).filter_map(|_| {
        let mut client = bench_two.client();
        client.send(post);
        client.answer().map(|got| got.status)
    });
    let statuses: Vec<u16> = statuses.collect();
    assert_eq!(statuses.iter().filter(|status| **status == 502).count(), 2, "{statuses:?}");
    let posts = target.seen().iter().filter(|request| request.starts_with("POST")).count();
    assert_eq!(posts, 2, "each was seen once");
    assert!(bench_two.handle.stats().total.retries >= 2);

    let target = dying();
    let alone = bench(Settings { retries: 0, ..quiet() }, &[&target]);
    assert_eq!(alone.client().get("/").expect("an answer").status, 502);
    assert_eq!(target.requests(), 1);
}

#[test]
fn f17_a_response_head_of_40_kb_is_502() {
    let long: &'static str = Box::leak("y".repeat(1000).into_boxed_str());
    let target = Stub::new(move |served| {
        while let Some(request) = served.request() {
            let count = if request.contains("/large") { 40 } else { 30 };
            let fields: String = (0..count).map(|i| format!("X-{i}: {long}\r\n")).collect();
            served.send(format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 0\r\n\r\n").as_bytes());
        }
    });
    let bench = bench(quiet(), &[&target]);
    let mut client = bench.client();
    assert_eq!(client.get("/small").expect("an answer").status, 200);
    assert_eq!(client.get("/large").expect("an answer").status, 502);
    assert_eq!(client.get("/small").expect("an answer").status, 200);
}

const UPGRADE: &str = "GET /ws HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n";

#[test]
fn f20_only_a_101_opens_a_tunnel() {
    let target = Stub::saying("no");
    let bench = bench(quiet(), &[&target]);
    let mut client = bench.client();
    client.send(format!("{UPGRADE}GET /second HTTP/1.1\r\nHost: t\r\n\r\n"));
    assert_eq!(client.answer().expect("an answer").body, "no");
    assert_eq!(client.answer().expect("what followed was a request").body, "no");
    let seen = target.seen();
    assert!(seen[0].contains("Connection: Upgrade\r\nUpgrade: websocket\r\n"), "{seen:?}");
    assert!(
        seen[1].starts_with("GET /second HTTP/1.1\r\n") && seen[1].contains("X-Forwarded-For"),
        "{seen:?}"
    );
}

#[test]
fn websockets_pass() {
    let target = Stub::new(|served| {
        let Some(_) = served.request() else { return };
        served.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: y\r\n\r\nhello");
        let mut bytes = [0; 5];
        while std::io::Read::read_exact(&mut served.stream, &mut bytes).is_ok() {
            bytes.reverse();
            served.send(&bytes);
        }
    });
    let bench = bench(quiet(), &[&target]);
    let mut client = bench.client();
    client.send(format!("{UPGRADE}12345"));
    let got = client.answer().expect("an answer");
    assert_eq!(
        (got.status, got.header("upgrade"), got.header("sec-websocket-accept")),
        (101, Some("websocket"), Some("y"))
    );
    client.send("abcde");
    eventually("it is in flight", || bench.in_flight() == 1);
    client.stream.shutdown(std::net::Shutdown::Write).expect("open");
    assert_eq!(client.rest(), "hello54321edcba");
    eventually("nothing is in flight", || bench.in_flight() == 0);
}

#[test]
fn continue_is_passed_to_those_who_wait_for_it() {
    let target = Stub::new(|served| {
        let mut bytes = [0; 4096];
        let count = std::io::Read::read(&mut served.stream, &mut bytes).expect("a head");
        assert!(String::from_utf8_lossy(&bytes[..count]).contains("Expect: 100-continue\r\n"));
        served.send(b"HTTP/1.1 100 Continue\r\n\r\n");
        let count = std::io::Read::read(&mut served.stream, &mut bytes).expect("a body");
        served.answer(&String::from_utf8_lossy(&bytes[..count]));
    });
    let bench = bench(quiet(), &[&target]);
    let mut client = bench.client();
    client.send("POST / HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_eq!(client.answer().expect("an answer").status, 100);
    client.send("hello");
    assert_eq!(client.answer().expect("an answer").body, "hello");
}
