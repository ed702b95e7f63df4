//! F1, F11, F16, F22, F25: what takes processes to try. F15 and F21 are in `memory`.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::harness::{Balance, Client, Load, PATIENCE, eventually, exchange, now, pause_for};
use crate::target::Target;

fn args<'a>(targets: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
    let targets = targets.iter().flat_map(|target| ["--target", target]);
    targets.chain(more.iter().copied()).collect()
}

fn names(targets: &[Target]) -> Vec<String> {
    targets.iter().map(|target| target.address.to_string()).collect()
}

#[test]
fn f1_one_of_three_is_killed() {
    let mut targets: Vec<_> = (0..3).map(|_| Target::start()).collect();
    let names = names(&targets);
    let balance = Balance::start(&args(&names, &[]));
    balance.wait_for_healthy(3);
    let (gets, posts) = (Load::of(12, balance.address, "GET"), Load::of(4, balance.address, "POST"));
    gets.go_on_for(300);
    posts.go_on_for(100);
    targets[1].kill();
    eventually("it is unhealthy", || {
        balance.targets().iter().filter(|target| target["state"] == "unhealthy").count() == 1
    });
    let failed = posts.failures().len();
    // What was in flight on it, at most one per client; nothing once that is known.
    assert!(failed <= 4, "{:?}", posts.failures());
    gets.go_on_for(300);
    posts.go_on_for(100);
    assert_eq!(gets.stop(), Vec::<String>::new(), "idempotent requests fail over");
    assert_eq!(posts.stop().len(), failed);
}

#[test]
fn f11_a_rolling_restart_fails_nothing() {
    let mut targets: Vec<_> = (0..4).map(|_| Target::start()).collect();
    let names = names(&targets);
    let balance = Balance::start(&args(&names, &["--deregistration-delay", "10s"]));
    balance.wait_for_healthy(4);
    let (gets, posts) = (Load::of(8, balance.address, "GET"), Load::of(8, balance.address, "POST"));
    for (target, name) in targets.iter_mut().zip(&names) {
        gets.go_on_for(100);
        let old = target.pid();
        assert_eq!(balance.admin("DELETE", &format!("/targets/{name}"), "").0, 202);
        eventually("it has left", || balance.targets().len() == 3);
        target.kill();
        *target = Target::at(name);
        assert_ne!(target.pid(), old);
        let (status, body) = balance.admin("POST", "/targets", &format!("{{\"address\": \"{name}\"}}"));
        assert_eq!(status, 201, "{body}");
        balance.wait_for_healthy(4);
    }
    posts.go_on_for(100);
    assert_eq!(gets.stop(), Vec::<String>::new());
    assert_eq!(posts.stop(), Vec::<String>::new(), "planned stops need no retry");
}

#[test]
fn f16_idle_connections_cost_little() {
    const EACH_MAX: usize = 20 << 10;
    let limit = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(1024);
    let count = usize::try_from(limit).unwrap_or(10_000).saturating_sub(200).min(10_000);
    let target = Target::start();
    let name = target.address.to_string();
    // Thousands of connections take a busy machine a while, and must all be there at the end.
    let patient = ["--header-timeout", "120s", "--idle-timeout", "600s"];
    let balance = Balance::start(&args(&[name], &patient));
    balance.wait_for_healthy(1);
    let ask = |stream: &mut TcpStream| {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n").expect("it reads");
        let count = stream.read(&mut [0; 1024]).expect("it answers");
        assert!(count > 0);
    };
    let connect = || {
        let stream = TcpStream::connect(balance.address).expect("it accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        stream
    };
    for _ in 0..50 {
        ask(&mut connect());
    }
    let before = balance.memory_bytes();
    let mut idle: Vec<TcpStream> = (0..count).map(|_| connect()).collect();
    idle.iter_mut().for_each(ask);
    let each = balance.memory_bytes().saturating_sub(before) / count;
    assert!(each < EACH_MAX, "{each} bytes for each of {count} connections");
    // And it still accepts: the fastest of some tries, as the machine may be busy.
    let fastest = (0..20).map(|_| {
        let begun = now();
        ask(&mut connect());
        begun.elapsed()
    });
    let fastest = fastest.min().expect("some");
    assert!(fastest < Duration::from_millis(100), "a new connection took {fastest:?}");
}

#[test]
fn f22_without_file_descriptors_it_waits_and_recovers() {
    let target = Target::start();
    let name = target.address.to_string();
    let balance = Balance::after("ulimit -n 64", &["--target", &name, "--workers", "1"]);
    balance.wait_for_healthy(1);
    let crowd: Vec<_> = (0..200).filter_map(|_| TcpStream::connect(balance.address).ok()).collect();
    assert!(crowd.len() > 64, "the queue holds what is not accepted");
    // It has none left now; a second like that costs it nearly nothing.
    pause_for(Duration::from_millis(300));
    let (cpu, begun) = (balance.cpu(), now());
    pause_for(Duration::from_secs(1));
    let (used, took) = (balance.cpu() - cpu, begun.elapsed());
    assert!(used < took / 3, "{used:?} of CPU in {took:?}");
    drop(crowd);
    eventually("it serves again", || Client::to(balance.address).ask("GET", "/").is_ok());
    let mut client = Client::to(balance.address);
    for _ in 0..20 {
        client.ask("GET", "/").expect("and goes on serving");
    }
}

#[test]
fn f25_sigterm_under_load_finishes_what_is_in_flight() {
    let target = Target::start();
    let name = target.address.to_string();
    let mut balance = Balance::start(&["--target", &name, "--grace", "20s"]);
    balance.wait_for_healthy(1);
    let address = balance.address;
    let slow: Vec<_> =
        (0..16).map(|_| std::thread::spawn(move || Client::to(address).ask("GET", "/slow/5000"))).collect();
    eventually("all are in flight", || balance.targets()[0]["in_flight"] == 16);
    let mut idle = Client::to(address);
    idle.ask("GET", "/").expect("an answer");
    balance.signal("TERM");
    eventually("it accepts nothing more", || TcpStream::connect(address).is_err());
    for client in slow {
        client.join().expect("no panic").expect("it was in flight and is finished");
    }
    assert!(idle.ask("GET", "/").is_err(), "idle connections are closed");
    assert_eq!(balance.ended().code(), Some(0), "{}", balance.log());
}

#[test]
fn a_second_sigterm_ends_it_at_once() {
    let target = Target::start();
    let name = target.address.to_string();
    let mut balance = Balance::start(&["--target", &name, "--grace", "600s"]);
    balance.wait_for_healthy(1);
    let address = balance.address;
    let slow = std::thread::spawn(move || Client::to(address).ask("GET", "/slow/600000"));
    eventually("it is in flight", || balance.targets()[0]["in_flight"] == 1);
    balance.signal("TERM");
    eventually("it accepts nothing more", || TcpStream::connect(address).is_err());
    balance.signal("TERM");
    assert_eq!(balance.ended().code(), Some(0), "{}", balance.log());
    assert!(balance.log().contains("ended at once"), "{}", balance.log());
    assert!(slow.join().expect("no panic").is_err(), "nobody waited for it");
}

#[test]
fn a_second_balancer_on_the_same_port_fails_to_start() {
    let balance = Balance::start(&[]);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_todo-deploy"))
        .args(["balance", "--listen", &balance.address.to_string()])
        .output()
        .expect("it was built");
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(&balance.address.to_string()), "{said}");
    assert!(exchange(balance.address, "GET / HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 503"));
}
