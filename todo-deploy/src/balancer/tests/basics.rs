//! What everybody expects.

use super::*;

#[test]
fn requests_take_turns_and_connections_are_kept() {
    let (a, b) = (Stub::saying("a"), Stub::saying("b"));
    let bench = bench(quiet(), &[&a, &b]);
    let mut client = bench.client();
    let bodies: String = (0..10).filter_map(|_| client.get("/x?y=1")).map(|got| got.body).collect();
    assert_eq!(bodies, "ababababab");
    assert_eq!((a.requests(), a.connections(), b.connections()), (5, 1, 1));
    let seen = &a.seen()[0];
    assert!(seen.starts_with("GET /x?y=1 HTTP/1.1\r\nHost: test\r\n"), "{seen}");
    assert!(seen.contains("X-Forwarded-For: 127.0.0.1\r\n"), "{seen}");
    assert!(seen.contains("X-Forwarded-Proto: http\r\n"), "{seen}");
    assert!(seen.contains(&format!("X-Forwarded-Port: {}\r\n", bench.address.port())), "{seen}");
    assert!(seen.contains("X-Amzn-Trace-Id: Root=1-"), "{seen}");
    eventually("all are counted", || bench.handle.stats().total.requests == 10);
    let stats = bench.handle.stats();
    assert_eq!((stats.total.statuses[2], stats.targets[&InstanceId(0)].requests), (10, 5));
    assert_eq!(stats.connections, 1);
    eventually("nothing is in flight", || bench.in_flight() == 0);
    assert!(bench.balancer.shutdown(Duration::from_secs(5)));
    assert!(client.is_closed());
}

#[test]
fn bodies_go_both_ways() {
    let echo = Stub::new(|served| {
        while let Some(request) = served.request() {
            let body = request.split_once("\r\n\r\n").expect("a head").1.to_owned();
            served.answer(&body);
        }
    });
    let bench = bench(quiet(), &[&echo]);
    let mut client = bench.client();
    client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello");
    assert_eq!(client.answer().expect("an answer").body, "hello");
    let large = "x".repeat(300_000);
    client.send(format!("PUT / HTTP/1.1\r\nHost: t\r\nContent-Length: {}\r\n\r\n{large}", large.len()));
    assert_eq!(client.answer().expect("an answer").body, large);
    let chunked = "5\r\nhello\r\n0\r\n\r\n";
    client.send(format!("POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n{chunked}"));
    assert_eq!(client.answer().expect("an answer").body, chunked);
    // Pipelined.
    client.send("GET /1 HTTP/1.1\r\nHost: t\r\n\r\nGET /2 HTTP/1.1\r\nHost: t\r\n\r\n");
    assert_eq!(client.answer().expect("an answer").status, 200);
    assert_eq!(client.answer().expect("an answer").status, 200);
}

#[test]
fn without_targets_it_says_so() {
    let bench = bench(quiet(), &[]);
    let mut client = bench.client();
    assert_eq!(client.get("/").expect("an answer").status, 503);
    assert_eq!(client.get("/").expect("the connection is kept").status, 503);
}
