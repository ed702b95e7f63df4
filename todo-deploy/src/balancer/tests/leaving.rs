//! Targets that come and go: H1–H7 and F12.

use std::time::Duration;

use super::*;
use crate::balancer::{Authority, Event};
use crate::deployment::Matcher;
use crate::pick::TargetState;
use crate::timeline::ProbeFailure;

/// Answers `/slow` after so long, everything else at once.
fn slow(millis: u64) -> Stub {
    Stub::new(move |served| {
        while let Some(request) = served.request() {
            if request.starts_with("GET /slow") {
                stub::pause_for(Duration::from_millis(millis));
            }
            served.answer("ok");
        }
    })
}

fn drained(bench: &mut Bench) -> Event {
    let deadline = stub::now() + stub::PATIENCE;
    loop {
        match bench.balancer.events().try_recv() {
            Ok(event @ Event::Drained { .. }) => return event,
            _ => assert!(stub::now() < deadline, "never drained"),
        }
        stub::pause();
    }
}

#[test]
fn f12_h7_a_leaving_target_finishes_what_it_has_and_gets_nothing_new() {
    let (leaving, other) = (slow(600), Stub::saying("other"));
    let mut bench = bench(quiet(), &[&leaving]);
    let mut client = bench.client();
    client.send("GET /slow HTTP/1.1\r\nHost: t\r\n\r\n");
    eventually("it is in flight", || bench.in_flight() == 1);
    bench.handle.register(InstanceId(7), other.address, 1).expect("new");
    assert!(bench.handle.deregister(InstanceId(0)));
    assert!(!bench.handle.deregister(InstanceId(0)), "it is leaving already");
    assert_eq!(bench.handle.targets()[0].state, TargetState::Draining);
    let mut second = bench.client();
    for _ in 0..5 {
        assert_eq!(second.get("/").expect("an answer").body, "other");
    }
    assert_eq!(client.answer().expect("it is finished").body, "ok");
    assert_eq!(drained(&mut bench), Event::Drained { id: InstanceId(0), cut: 0 });
    assert_eq!(bench.handle.targets().len(), 1);
    assert_eq!(leaving.requests(), 1);
    eventually("no connection to it is kept", || leaving.open() == 0);
}

#[test]
fn f12_when_its_time_is_over_the_rest_is_cut_with_502() {
    let leaving = slow(15_000);
    let settings = Settings { deregistration_delay: Duration::from_millis(200), ..quiet() };
    let mut bench = bench(settings, &[&leaving]);
    let mut client = bench.client();
    client.send("GET /slow HTTP/1.1\r\nHost: t\r\n\r\n");
    eventually("it is in flight", || bench.in_flight() == 1);
    bench.handle.deregister(InstanceId(0));
    assert_eq!(client.answer().expect("an answer").status, 502);
    assert_eq!(drained(&mut bench), Event::Drained { id: InstanceId(0), cut: 1 });
    assert_eq!(client.get("/").expect("an answer").status, 503);
}

#[test]
fn what_is_queued_when_it_ends_is_answered() {
    let bench = bench(quiet(), &[&Stub::saying("ok")]);
    // The only worker stands still, choosing for the first client, while more of them come.
    let held = bench.handle.hub.fleet.hold();
    let send = |_| {
        let mut client = bench.client();
        client.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n");
        client
    };
    let mut first = send(0);
    eventually("the worker is at it", || bench.handle.hub.connections() == 1);
    stub::pause_for(Duration::from_millis(20));
    let clients: Vec<_> = (0..20).map(send).collect();
    let hub = std::sync::Arc::clone(&bench.handle.hub);
    let balancer = bench.balancer;
    let ending = std::thread::spawn(move || balancer.shutdown(Duration::from_secs(20)));
    drop(held);
    assert_eq!(first.answer().expect("an answer").body, "ok");
    for mut client in clients {
        let got = client.answer().expect("it was accepted by the system, and so by us");
        assert_eq!((got.status, got.header("connection")), (200, Some("close")));
    }
    assert!(ending.join().expect("no panic"), "nothing was cut");
    assert_eq!(hub.connections(), 0);
}

#[test]
fn what_takes_longer_than_the_grace_is_cut_and_that_is_said() {
    let bench = bench(quiet(), &[&slow(15_000)]);
    let mut client = bench.client();
    client.send("GET /slow HTTP/1.1\r\nHost: t\r\n\r\n");
    eventually("it is in flight", || bench.in_flight() == 1);
    assert!(!bench.balancer.shutdown(Duration::from_millis(200)));
    assert!(client.answer().is_none());
}

#[test]
fn checks_are_told_and_health_is_decided_outside() {
    let sick = Stub::new(|served| {
        while served.request().is_some() {
            served.send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let mut settings = quiet();
    settings.authority = Authority::Outside;
    settings.checks.kind = CheckKind::Http { path: "/h".to_owned(), matcher: Matcher::ok() };
    settings.checks.interval = Duration::from_millis(50);
    let mut bench = bench(settings, &[&sick]);
    for _ in 0..3 {
        let event = bench.balancer.events().blocking_recv().expect("checks go on");
        let Event::Probe { id, result, .. } = event else { panic!("{event:?}") };
        assert_eq!((id, result), (InstanceId(0), Err(ProbeFailure::Status(404))));
    }
    assert_eq!(bench.handle.targets()[0].state, TargetState::Initial, "nobody has decided");
    bench.handle.set_state(InstanceId(0), TargetState::Unhealthy);
    // The only one there is: it gets traffic although it is unhealthy.
    assert_eq!(bench.client().get("/").expect("fail-open").status, 404);
}

#[test]
fn h1_one_pass_makes_a_new_target_healthy() {
    let target = Stub::saying("ok");
    let mut settings = quiet();
    settings.checks.kind = CheckKind::Http { path: "/h".to_owned(), matcher: Matcher::ok() };
    settings.checks.interval = Duration::from_secs(3600);
    settings.checks.timeout = Duration::from_secs(5);
    let bench = bench(settings, &[&target]);
    eventually("it is healthy", || bench.handle.targets()[0].state == TargetState::Healthy);
}
