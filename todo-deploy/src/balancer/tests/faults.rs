//! The fault tests of the load balancer that need no process of their own, by their numbers. The others are in
//! `responses` (F2, F3, F17, F19, F20), `hostile` (F17, F18, F23, F26), `leaving` (F12), `shares` (F27) and
//! `todo-deploy/tests/balance` (F1, F11, F15, F16, F21, F22, F25).

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::*;
use crate::balancer::settings::Timeouts;
use crate::deployment::{Algorithm, Matcher};
use crate::pick::TargetState;
use stub::{now, pause_for};

/// An address where nobody listens.
fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}

fn checked(every: Duration) -> Settings {
    let mut settings = quiet();
    settings.checks.kind = CheckKind::Http { path: "/h".to_owned(), matcher: Matcher::ok() };
    (settings.checks.interval, settings.checks.timeout) = (every, every);
    settings
}

fn states(bench: &Bench) -> Vec<TargetState> {
    bench.handle.targets().iter().map(|target| target.state).collect()
}

#[test]
fn f4_a_refused_connection_goes_elsewhere_or_is_502() {
    let well = Stub::saying("well");
    let bench_retrying = bench_at(quiet(), &[nobody(), well.address]);
    let mut client = bench_retrying.client();
    for _ in 0..10 {
        client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nab");
        assert_eq!(client.answer().expect("nothing was written, so it may go elsewhere").body, "well");
    }
    let stats = bench_retrying.handle.stats();
    assert_eq!(stats.total.connects_failed, 1, "it was left out after the first");
    assert!(bench_retrying.handle.targets()[0].ejected);
    let bench = bench_at(Settings { retries: 0, ..quiet() }, &[nobody(), well.address]);
    let statuses: Vec<_> = (0..4).filter_map(|_| bench.client().get("/")).map(|got| got.status).collect();
    assert_eq!(statuses, [502, 200, 200, 200]);
}

#[test]
fn f5_a_black_hole_costs_only_its_own_requests_a_504() {
    // A listener whose queue is full answers no further connection.
    let hole = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    hole.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a free port");
    hole.listen(0).expect("it listens");
    let address = hole.local_addr().ok().and_then(|address| address.as_socket()).expect("bound");
    let fillers: Vec<_> = (0..4)
        .filter_map(|_| std::net::TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok())
        .collect();
    let well = Stub::saying("well");
    let timeouts = Timeouts { connect: Duration::from_secs(5), ..Timeouts::default() };
    let bench = bench_at(Settings { timeouts, ..quiet() }, &[address, well.address]);
    let mut waiting = bench.client();
    let begun = now();
    waiting.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n");
    eventually("it is in flight", || bench.in_flight() == 1);
    let mut client = bench.client();
    // The next turn of the black hole waits as well; the well target's answers do not.
    assert_eq!(client.get("/").expect("an answer").body, "well");
    assert!(begun.elapsed() < Duration::from_secs(5), "that took {:?}", begun.elapsed());
    assert_eq!(waiting.answer().expect("an answer").status, 504);
    assert!(begun.elapsed() >= Duration::from_secs(5));
    drop(fillers);
    eventually("the slot is freed", || bench.in_flight() == 0);
}

#[test]
fn f6_no_answer_is_504_after_the_idle_timeout() {
    let silent = Stub::new(|served| {
        served.request();
        served.wait_for_end();
    });
    let timeouts = Timeouts { idle: Duration::from_millis(300), ..Timeouts::default() };
    let bench = bench(Settings { timeouts, ..quiet() }, &[&silent]);
    let begun = now();
    let mut client = bench.client();
    let got = client.get("/").expect("an answer");
    assert_eq!(got.status, 504);
    assert!(begun.elapsed() >= Duration::from_millis(300));
    eventually("the slot is freed", || bench.in_flight() == 0);
    eventually("the target is told", || silent.open() == 0);
    assert_eq!(silent.requests(), 1, "what was sent and timed out is not sent again");
}

#[test]
fn f7_a_slow_target_gets_less_where_that_is_asked() {
    const CLIENTS: usize = 6;
    const TOTAL: usize = 300;
    /// A request at the slow target takes as long as so many at the others: no clock, so that no busy machine matters.
    const SLOWER: usize = 60;
    let count = |algorithm: Algorithm| {
        let (asked, quick, waiting) = (Arc::default(), Arc::default(), Arc::default());
        let (asked, done, held): (Arc<AtomicUsize>, Arc<AtomicUsize>, Arc<AtomicUsize>) =
            (asked, quick, waiting);
        let (all, others, here) = (Arc::clone(&asked), Arc::clone(&done), Arc::clone(&held));
        let slow = Stub::new(move |served| {
            while served.request().is_some() {
                let until = others.load(Ordering::SeqCst) + SLOWER;
                here.fetch_add(1, Ordering::SeqCst);
                // Nor for ever: when every client waits here, or none has anything else to ask.
                while others.load(Ordering::SeqCst) < until
                    && here.load(Ordering::SeqCst) < CLIENTS
                    && all.load(Ordering::SeqCst) < TOTAL
                {
                    stub::pause();
                }
                served.answer("slow");
                here.fetch_sub(1, Ordering::SeqCst);
            }
        });
        let quick = || {
            let done = Arc::clone(&done);
            Stub::new(move |served| {
                while served.request().is_some() && served.answer("quick") {
                    done.fetch_add(1, Ordering::SeqCst);
                }
            })
        };
        let (b, c) = (quick(), quick());
        let bench = bench(Settings { algorithm, ..quiet() }, &[&slow, &b, &c]);
        let address = bench.address;
        let clients = (0..CLIENTS).map(|_| {
            let asked = Arc::clone(&asked);
            std::thread::spawn(move || {
                let mut client = Client::to(address);
                while asked.fetch_add(1, Ordering::SeqCst) < TOTAL {
                    assert_eq!(client.get("/").expect("an answer").status, 200);
                }
            })
        });
        let clients: Vec<_> = clients.collect();
        clients.into_iter().for_each(|client| client.join().expect("no panic"));
        assert_eq!(slow.requests() + b.requests() + c.requests(), TOTAL);
        slow.requests()
    };
    let fair = TOTAL / 3;
    let least = count(Algorithm::LeastConnections);
    assert!(least <= fair / 5, "least outstanding sent it {least}");
    assert_eq!(count(Algorithm::RoundRobin), fair);
}

/// A target whose health check answers what is set.
fn flapping() -> (Stub, Arc<AtomicBool>) {
    let well = Arc::new(AtomicBool::new(true));
    let seen = Arc::clone(&well);
    let stub = Stub::new(move |served| {
        while let Some(request) = served.request() {
            if request.starts_with("GET /h ") && !seen.load(Ordering::SeqCst) {
                served.send(b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n");
            } else {
                served.answer("ok");
            }
        }
    });
    (stub, well)
}

#[test]
fn f8_f9_all_unhealthy_all_serve_and_one_pass_count_brings_them_back() {
    let ((a, a_well), (b, b_well)) = (flapping(), flapping());
    let mut bench = bench(checked(Duration::from_millis(50)), &[&a, &b]);
    eventually("both are healthy", || states(&bench) == [TargetState::Healthy; 2]);
    a_well.store(false, Ordering::SeqCst);
    eventually("one is not", || states(&bench) == [TargetState::Unhealthy, TargetState::Healthy]);
    let before = a.requests();
    let mut client = bench.client();
    for _ in 0..10 {
        assert_eq!(client.get("/").expect("an answer").status, 200);
    }
    assert_eq!(a.requests(), before, "an unhealthy target gets nothing while there is a healthy one");
    b_well.store(false, Ordering::SeqCst);
    eventually("neither is", || states(&bench) == [TargetState::Unhealthy; 2]);
    let before = (a.requests(), b.requests());
    for _ in 0..10 {
        assert_eq!(client.get("/").expect("fail-open").status, 200);
    }
    assert_eq!((a.requests() - before.0, b.requests() - before.1), (5, 5), "H5: both get traffic");
    a_well.store(true, Ordering::SeqCst);
    eventually("one is back", || states(&bench) == [TargetState::Healthy, TargetState::Unhealthy]);
    // The order of what was said is the thresholds': never a flip without the other before it.
    let mut healths = Vec::new();
    while let Ok(event) = bench.balancer.events().try_recv() {
        if let crate::balancer::Event::Health { id: InstanceId(0), to, .. } = event {
            healths.push(to);
        }
    }
    use crate::timeline::Health::{Healthy, Unhealthy};
    assert_eq!(healths, [Healthy, Unhealthy, Healthy]);
}

#[test]
fn f10_a_check_that_hangs_delays_nobody_elses() {
    let checks = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&checks);
    let hanging = Stub::new(|served| {
        served.request();
        served.wait_for_end();
    });
    let well = Stub::new(move |served| {
        while let Some(request) = served.request() {
            counted.fetch_add(usize::from(request.starts_with("GET /h ")), Ordering::SeqCst);
            served.answer("ok");
        }
    });
    let mut settings = checked(Duration::from_millis(100));
    settings.checks.timeout = Duration::from_millis(100);
    let begun = now();
    let bench = bench(settings, &[&hanging, &well]);
    eventually("the other was checked ten times", || checks.load(Ordering::SeqCst) >= 10);
    // Ten checks are at least nine intervals: they do not run ahead either.
    assert!(begun.elapsed() >= Duration::from_millis(900));
    eventually("H6: a hang is a failure", || {
        states(&bench) == [TargetState::Unhealthy, TargetState::Healthy]
    });
}

/// Targets close what was idle for as long as clients pause between their requests: whether a kept connection is
/// still there is a matter of luck, ten thousand times.
#[test]
fn f13_stale_connections_fail_no_get() {
    const CLIENTS: u32 = 100;
    const ROUNDS: u32 = 100;
    const IDLE: Duration = Duration::from_millis(50);
    let closing = Stub::new(|served| {
        served.stream.set_read_timeout(Some(IDLE)).expect("a socket");
        while served.request().is_some() && served.answer("ok") {}
    });
    let bench = bench(quiet(), &[&closing]);
    let (address, begun) = (bench.address, now());
    // All at about the same time, so that each has a connection to the target of its own.
    let clients = (0..CLIENTS).map(|number| {
        std::thread::spawn(move || {
            let mut client = Client::to(address);
            for round in 0..ROUNDS {
                let jitter = (number * 7919 + round * 104_729) % 21;
                let at = begun + IDLE * round + IDLE * jitter / 100;
                pause_for(at.saturating_duration_since(now()));
                let got = client.get("/").expect("an answer");
                assert_eq!(got.status, 200, "client {number}, request {round}");
            }
        })
    });
    let clients: Vec<_> = clients.collect();
    clients.into_iter().for_each(|client| client.join().expect("no request failed"));
    let connections = closing.connections();
    assert!(
        connections > 2 * CLIENTS as usize,
        "only {connections} connections: none was closed for silence"
    );
}

/// As above, but each connection is closed right after an answer, at an unlucky moment for whoever keeps it.
#[test]
fn f13_connections_closed_with_the_answer_fail_no_get() {
    let closing = || {
        Stub::new(|served| {
            let mut served_some = 0;
            while served.request().is_some() {
                served.answer("ok");
                served_some += 1;
                if served_some % 3 == 0 {
                    pause_for(Duration::from_micros(200));
                    return;
                }
            }
        })
    };
    for targets in [vec![closing()], vec![closing(), closing()]] {
        let bench = bench(quiet(), &targets.iter().collect::<Vec<_>>());
        let mut client = bench.client();
        for i in 0..600 {
            let got = client.get("/").expect("an answer");
            assert_eq!(got.status, 200, "request {i}");
            if i % 3 == 2 {
                pause_for(Duration::from_micros(20 * (i % 20)));
            }
        }
    }
}

#[test]
fn f14_what_nobody_waits_for_is_given_up() {
    let silent = Stub::new(|served| {
        let Some(request) = served.request() else { return };
        if request.contains("/half") {
            served.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\nabc");
        }
        served.wait_for_end();
    });
    let bench = bench(quiet(), &[&silent]);
    for path in ["/none", "/half"] {
        for half_closed in [true, false] {
            let mut client = bench.client();
            client.send(format!("GET {path} HTTP/1.1\r\nHost: t\r\n\r\n"));
            eventually("it is in flight", || bench.in_flight() == 1 && silent.open() == 1);
            let begun = now();
            if half_closed {
                client.stream.shutdown(std::net::Shutdown::Write).expect("open");
            } else {
                drop(client);
            }
            eventually("its slot is freed", || bench.in_flight() == 0);
            eventually("the target is told", || silent.open() == 0);
            assert!(begun.elapsed() < Duration::from_secs(10), "that took {:?}", begun.elapsed());
        }
    }
}

#[test]
fn f14_a_half_closed_client_still_gets_a_quick_answer() {
    let bench = bench(quiet(), &[&Stub::saying("ok")]);
    let mut client = bench.client();
    client.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n");
    client.stream.shutdown(std::net::Shutdown::Write).expect("open");
    assert_eq!(client.answer().expect("an answer").body, "ok");
}

#[test]
fn a_client_that_stops_inside_its_body_is_told() {
    let target = Stub::saying("ok");
    let timeouts = Timeouts { idle: Duration::from_millis(300), ..Timeouts::default() };
    let bench = bench(Settings { timeouts, ..quiet() }, &[&target]);
    let mut client = bench.client();
    client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nabc");
    assert_eq!(client.answer().expect("an answer").status, 408);
    let mut client = bench.client();
    client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nabc");
    client.stream.shutdown(std::net::Shutdown::Write).expect("open");
    assert_eq!(client.answer().expect("an answer").status, 400);
    assert_eq!(target.requests(), 0, "it never had a whole one");
    eventually("nothing is in flight", || bench.in_flight() == 0);
}

#[test]
fn who_says_nothing_at_all_is_closed_without_a_word() {
    let timeouts = Timeouts { header: Duration::from_millis(300), ..Timeouts::default() };
    let bench = bench(Settings { timeouts, ..quiet() }, &[&Stub::saying("ok")]);
    assert!(bench.client().is_closed());
    eventually("none is left", || bench.handle.stats().connections == 0);
}

#[test]
fn f24_targets_come_and_go_under_load_without_a_failure() {
    let stubs: Vec<_> = (0..6).map(|_| Stub::saying("ok")).collect();
    let mut bench = bench(checked(Duration::from_millis(20)), &[&stubs[0]]);
    eventually("the first is healthy", || states(&bench) == [TargetState::Healthy]);
    let over = Arc::new(AtomicBool::new(false));
    let address = bench.address;
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let over = Arc::clone(&over);
            std::thread::spawn(move || {
                let (mut client, mut count) = (Client::to(address), 0);
                while !over.load(Ordering::SeqCst) {
                    assert_eq!(client.get("/").expect("an answer").status, 200);
                    count += 1;
                }
                count
            })
        })
        .collect();
    for round in 0..3 {
        for (id, stub) in (1..).zip(&stubs[1..]) {
            let id = InstanceId(id + 10 * round);
            bench.handle.register(id, stub.address, 1).expect("new");
            eventually("it serves after its first pass", || {
                let counts = bench.handle.stats();
                counts.targets.get(&id).is_some_and(|counts| counts.requests > 0)
            });
        }
        for id in 1..6 {
            assert!(bench.handle.deregister(InstanceId(id + 10 * round)));
        }
        eventually("they are gone", || bench.handle.targets().len() == 1);
    }
    over.store(true, Ordering::SeqCst);
    let served: usize = clients.into_iter().map(|client| client.join().expect("no request failed")).sum();
    assert!(served > 0);
    let drained = std::iter::from_fn(|| bench.balancer.events().try_recv().ok());
    let cut =
        drained.filter(|event| matches!(event, crate::balancer::Event::Drained { cut: 1.., .. })).count();
    assert_eq!(cut, 0);
}
