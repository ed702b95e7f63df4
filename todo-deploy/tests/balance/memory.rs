//! F15 and F21: what slow peers cost the balancer, and those who are not slow.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::harness::{Balance, Client, PATIENCE, eventually, now, pause_for};
use crate::target::Target;

const SLOW: usize = 2000;

fn balance(target: &Target, header_timeout: &str) -> Balance {
    let target = target.address.to_string();
    let balance = Balance::start(&["--target", &target, "--header-timeout", header_timeout]);
    balance.wait_for_healthy(1);
    balance
}

/// Connections that have sent the beginning of a head.
fn slow(balance: &Balance) -> Vec<TcpStream> {
    let limit = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(1024);
    let count = usize::try_from(limit).unwrap_or(SLOW).saturating_sub(200).min(SLOW);
    let connect = |_| {
        let mut stream = TcpStream::connect(balance.address).expect("it accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        stream.write_all(b"GET / HT").expect("it reads");
        stream
    };
    (0..count).map(connect).collect()
}

#[test]
fn f15_two_thousand_slow_heads_do_not_slow_the_others() {
    const GROWTH_MAX: usize = 50 << 20;
    const ROUNDS: usize = 5;
    let target = Target::start();
    // Both at the same time, for whatever else this machine does is then done to both.
    let (attacked, calm) = (balance(&target, "600s"), balance(&target, "600s"));
    let (mut honest, mut spared) = (Client::to(attacked.address), Client::to(calm.address));
    let p99 = |client: &mut Client| {
        let ask = |_| {
            let begun = now();
            client.ask("GET", "/").expect("it is honest");
            begun.elapsed()
        };
        let mut took: Vec<Duration> = (0..200).map(ask).collect();
        took.sort();
        took[197]
    };
    p99(&mut honest);
    let before = attacked.memory_bytes();
    let mut crowd = slow(&attacked);
    let count = crowd.len();
    eventually("all are accepted", || attacked.connections() > count);
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        // Another byte of each, never the last one.
        crowd.iter_mut().for_each(|stream| stream.write_all(b"x").expect("it is open"));
        rounds.push((p99(&mut honest), p99(&mut spared)));
    }
    let growth = attacked.memory_bytes().saturating_sub(before);
    assert!(growth < GROWTH_MAX, "{growth} bytes for {count} connections");
    let least = rounds.iter().map(|round| round.0).min().expect("some");
    let most = rounds.iter().map(|round| round.1).max().expect("some");
    // Below some milliseconds it is the scheduler that is measured.
    assert!(least < 2 * most + Duration::from_millis(5), "{rounds:?}");
}

#[test]
fn f15_slow_heads_are_closed_by_the_header_timeout() {
    let target = Target::start();
    let balance = balance(&target, "2s");
    let crowd = slow(&balance);
    let over = Arc::new(AtomicBool::new(false));
    let mut dripping: Vec<TcpStream> =
        crowd.iter().map(|stream| stream.try_clone().expect("a socket")).collect();
    let is_over = Arc::clone(&over);
    // Bytes go on coming, one from each now and then: that buys nobody time.
    let drip = std::thread::spawn(move || {
        while !is_over.load(Ordering::SeqCst) {
            dripping.retain_mut(|stream| stream.write_all(b"x").is_ok());
            pause_for(Duration::from_millis(500));
        }
    });
    for mut stream in crowd {
        let mut back = Vec::new();
        let ended = stream.read_to_end(&mut back);
        let text = String::from_utf8_lossy(&back);
        // What came after the answer may have turned the end into a reset.
        assert!(ended.is_ok() || !back.is_empty(), "{ended:?}");
        assert!(text.starts_with("HTTP/1.1 408 "), "{text:?}");
    }
    over.store(true, Ordering::SeqCst);
    drip.join().expect("no panic");
    eventually("none is left", || balance.connections() == 0);
}

/// Bytes of each body: far more than the sockets on its way hold.
const BODY: usize = 64 << 20;

/// A target that sends and reads large bodies, and reads none before it may.
fn large(may_read: Arc<AtomicBool>, sent: Arc<AtomicUsize>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let (may_read, sent) = (Arc::clone(&may_read), Arc::clone(&sent));
            std::thread::spawn(move || {
                let head = head(&mut stream);
                if head.starts_with("POST ") {
                    while !may_read.load(Ordering::SeqCst) {
                        pause_for(Duration::from_millis(10));
                    }
                    let _ = read_body(&mut stream);
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
                } else {
                    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {BODY}\r\n\r\n");
                    let _ = stream.write_all(head.as_bytes());
                    write_body(&mut stream, &sent);
                }
            });
        }
    });
    address
}

/// Reads a head, and not a byte of what follows.
fn head(stream: &mut TcpStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
        head.push(byte[0]);
    }
    String::from_utf8(head).expect("text")
}

fn write_body(stream: &mut TcpStream, sent: &AtomicUsize) {
    let piece = vec![b'x'; 64 << 10];
    for _ in 0..BODY / piece.len() {
        if stream.write_all(&piece).is_err() {
            return;
        }
        sent.fetch_add(piece.len(), Ordering::SeqCst);
    }
}

/// Reads as many bytes as a body has; how many came.
fn read_body(stream: &mut TcpStream) -> usize {
    let (mut piece, mut count) = (vec![0; 64 << 10], 0);
    while count < BODY {
        let room = piece.len().min(BODY - count);
        match stream.read(&mut piece[..room]) {
            Ok(read @ 1..) => count += read,
            _ => break,
        }
    }
    count
}

#[test]
fn f21_large_bodies_wait_for_slow_peers() {
    const EACH_WAY: usize = 4;
    const GROWTH_MAX: usize = 2 * EACH_WAY * (1 << 20);
    let (may_read, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let target = large(Arc::clone(&may_read), Arc::clone(&sent)).to_string();
    let balance = Balance::start(&["--target", &target, "--check", "off", "--idle-timeout", "600s"]);
    balance.wait_for_healthy(1);
    let before = balance.memory_bytes();
    let connect = || {
        let stream = TcpStream::connect(balance.address).expect("it accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        stream
    };
    let downloads: Vec<TcpStream> = (0..EACH_WAY)
        .map(|_| {
            let mut stream = connect();
            stream.write_all(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n").expect("it reads");
            stream
        })
        .collect();
    let taken = Arc::new(AtomicUsize::new(0));
    let uploads: Vec<_> = (0..EACH_WAY)
        .map(|_| {
            let (mut stream, taken) = (connect(), Arc::clone(&taken));
            std::thread::spawn(move || {
                let request = format!("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: {BODY}\r\n\r\n");
                stream.write_all(request.as_bytes()).expect("it reads");
                write_body(&mut stream, &taken);
                head(&mut stream)
            })
        })
        .collect();
    // It goes on until all buffers on the way are full, and then waits.
    let counts = || (sent.load(Ordering::SeqCst), taken.load(Ordering::SeqCst));
    let mut last = (0, 0);
    eventually("nothing moves any more", || {
        pause_for(Duration::from_millis(300));
        let now = counts();
        now.0 > 0 && now.1 > 0 && std::mem::replace(&mut last, now) == now
    });
    let growth = balance.memory_bytes().saturating_sub(before);
    assert!(growth < GROWTH_MAX, "{growth} bytes for {} streams", 2 * EACH_WAY);
    assert!(
        last.0 < EACH_WAY * BODY,
        "{} bytes were taken from the target for clients that read none",
        last.0
    );
    assert!(
        last.1 < EACH_WAY * BODY,
        "{} bytes were taken from clients for a target that reads none",
        last.1
    );
    may_read.store(true, Ordering::SeqCst);
    for mut stream in downloads {
        assert!(head(&mut stream).starts_with("HTTP/1.1 200 OK"));
        assert_eq!(read_body(&mut stream), BODY);
    }
    for upload in uploads {
        assert!(upload.join().expect("no panic").starts_with("HTTP/1.1 200 OK"));
    }
    let growth = balance.memory_bytes().saturating_sub(before);
    assert!(growth < GROWTH_MAX, "{growth} bytes after {} streams", 2 * EACH_WAY);
}
