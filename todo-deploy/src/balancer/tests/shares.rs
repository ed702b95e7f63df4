//! F27: who gets how much, over real sockets.

use std::time::Duration;

use super::*;
use crate::deployment::{Algorithm, HashKey, Stickiness};
use crate::pick::TargetState;

fn named() -> Vec<Stub> {
    ["0", "1", "2", "3", "4"].into_iter().map(Stub::saying).collect()
}

#[test]
fn f27_weights() {
    let stubs = named();
    for algorithm in [Algorithm::RoundRobin, Algorithm::WeightedRandom] {
        let bench = bench(Settings { algorithm: algorithm.clone(), ..quiet() }, &[&stubs[0]]);
        bench.handle.register(InstanceId(1), stubs[1].address, 2).expect("new");
        bench.handle.register(InstanceId(2), stubs[2].address, 4).expect("new");
        eventually("all are healthy", || {
            bench.handle.targets().iter().all(|target| target.state == TargetState::Healthy)
        });
        let (mut client, mut counts) = (bench.client(), [0i64; 3]);
        for _ in 0..1400 {
            let body = client.get("/").expect("an answer").body;
            counts[body.parse::<usize>().expect("a name")] += 1;
        }
        // Round robin is exact; a random share of 1,400 strays by some tens.
        let most = if algorithm == Algorithm::RoundRobin { 2 } else { 90 };
        for (count, share) in counts.iter().zip([200, 400, 800]) {
            assert!((count - share).abs() <= most, "{algorithm:?}: {counts:?}");
        }
    }
}

#[test]
fn f27_the_same_key_has_the_same_target_until_that_leaves() {
    let stubs = named();
    let algorithm = Algorithm::ConsistentHash(HashKey::Header("X-User".to_owned()));
    let bench = bench(Settings { algorithm, ..quiet() }, &stubs.iter().collect::<Vec<_>>());
    let mut client = bench.client();
    let mut owners = || -> Vec<String> {
        (0..200)
            .map(|user| {
                client.send(format!("GET / HTTP/1.1\r\nHost: t\r\nX-User: {user}\r\n\r\n"));
                client.answer().expect("an answer").body
            })
            .collect()
    };
    let before = owners();
    assert_eq!(before, owners());
    bench.handle.deregister(InstanceId(2));
    let after = owners();
    let moved = before.iter().zip(&after).filter(|(before, after)| before != after).count();
    let its = before.iter().filter(|owner| *owner == "2").count();
    assert_eq!(moved, its, "only its own moved");
    assert!(its > 0 && its <= 50 + 25, "{its} of 200 were its");
}

#[test]
fn a_cookie_keeps_a_client_until_its_target_is_gone() {
    let stubs = named();
    let lasts = Duration::from_secs(60);
    let settings = Settings { stickiness: Stickiness::BalancerCookie { lasts }, ..quiet() };
    let bench = bench(settings, &stubs.iter().collect::<Vec<_>>());
    let mut client = bench.client();
    let first = client.get("/").expect("an answer");
    let cookie = first.header("set-cookie").expect("it is sticky").to_owned();
    assert!(cookie.starts_with("TODOLB=") && cookie.contains("; Max-Age=60; Path=/; HttpOnly"), "{cookie}");
    let pair = cookie.split(';').next().expect("a pair").to_owned();
    let mut again = |cookie: &str| {
        client.send(format!("GET / HTTP/1.1\r\nHost: t\r\nCookie: a=b; {cookie}\r\n\r\n"));
        client.answer().expect("an answer")
    };
    for _ in 0..6 {
        let got = again(&pair);
        assert_eq!((got.body, got.head.contains("Set-Cookie: TODOLB=")), (first.body.clone(), true));
    }
    assert_ne!(again("TODOLB=broken").body, again("TODOLB=").body, "a broken one is none");
    let id = InstanceId(first.body.parse().expect("a name"));
    bench.handle.deregister(id);
    let moved = again(&pair);
    assert_ne!(moved.body, first.body);
    let other = moved.header("set-cookie").expect("a new one").to_owned();
    let other = other.split(';').next().expect("a pair");
    assert_eq!(again(other).body, moved.body);
}

#[test]
fn a_cookie_of_the_service_is_followed() {
    let stubs = ["0", "1", "2"].into_iter().map(|name: &'static str| {
        Stub::new(move |served| {
            while let Some(request) = served.request() {
                let cookie = if request.contains("/login") { "Set-Cookie: session=x\r\n" } else { "" };
                served.send(format!("HTTP/1.1 200 OK\r\n{cookie}Content-Length: 1\r\n\r\n{name}").as_bytes());
            }
        })
    });
    let stubs: Vec<_> = stubs.collect();
    let (name, lasts) = ("session".to_owned(), Duration::from_secs(60));
    let settings = Settings { stickiness: Stickiness::ApplicationCookie { name, lasts }, ..quiet() };
    let bench = bench(settings, &stubs.iter().collect::<Vec<_>>());
    let mut client = bench.client();
    assert!(!client.get("/").expect("an answer").head.contains("Set-Cookie"));
    let login = client.get("/login").expect("an answer");
    let ours = login.head.lines().find_map(|line| line.strip_prefix("Set-Cookie: TODOLBAPP=")).expect("ours");
    let key = ours.split(';').next().expect("a value");
    for _ in 0..5 {
        client.send(format!("GET / HTTP/1.1\r\nHost: t\r\nCookie: session=x; TODOLBAPP={key}\r\n\r\n"));
        assert_eq!(client.answer().expect("an answer").body, login.body);
    }
    let bodies: String = (0..3)
        .filter_map(|_| {
            client.send(format!("GET / HTTP/1.1\r\nHost: t\r\nCookie: TODOLBAPP={key}\r\n\r\n"));
            client.answer().map(|got| got.body)
        })
        .collect();
    assert_ne!(bodies, login.body.repeat(3), "without the session there is nothing to stick to");
}

#[test]
fn slow_start_gives_a_newcomer_little_at_first() {
    let stubs = named();
    let settings = Settings { slow_start: Duration::from_secs(600), ..quiet() };
    let bench = bench(settings, &[&stubs[0]]);
    bench.handle.register(InstanceId(1), stubs[1].address, 1).expect("new");
    eventually("it is healthy", || {
        bench.handle.targets().iter().all(|target| target.state == TargetState::Healthy)
    });
    let mut client = bench.client();
    let newcomer = (0..100).filter(|_| client.get("/").is_some_and(|got| got.body == "1")).count();
    assert!(newcomer <= 10, "{newcomer} of 100");
}
