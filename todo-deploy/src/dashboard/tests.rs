//! The server over a real socket, read byte by byte.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::deployment::{Defaults, Deployment, Target};
use crate::engine::Config;
use crate::timeline::{EventKind, LaunchCause};

/// Longest wait for anything here.
const PATIENCE: Duration = Duration::from_secs(20);

struct Served {
    board: Board,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<std::io::Result<()>>,
}

async fn served() -> Served {
    let deployment = Deployment::parse("", "test", Defaults::of(Target::Local)).expect("valid");
    let config = Config::new(&deployment, Target::Local);
    let (board, source) = board(About::new(&deployment, Target::Local, &config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, source, async {
        let _ = stopped.await;
    }));
    Served { board, address, stop, server }
}

fn launching(at: u64, id: u32) -> Event {
    let (instance, cause) = (InstanceId(id), LaunchCause::ScaleOut);
    Event { at: Time::from_secs(at), kind: EventKind::Launching { instance, cause } }
}

impl Served {
    /// Sends `request` and reads until the server closes.
    async fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.expect("connected");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = Vec::new();
        let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
        read.expect("in time").expect("an answer");
        String::from_utf8_lossy(&answer).into_owned()
    }

    async fn get(&self, path: &str) -> String {
        self.raw(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")).await
    }

    async fn events(&self) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.expect("connected");
        stream.write_all(b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").await.expect("sent");
        stream
    }
}

/// Reads until `part` was seen; everything read so far.
async fn until(stream: &mut TcpStream, part: &str) -> String {
    let mut text = String::new();
    let mut buffer = vec![0; 64 << 10];
    let reading = async {
        while !text.contains(part) {
            let count = stream.read(&mut buffer).await.expect("readable");
            assert!(count > 0, "the stream ended without {part:?}: {text}");
            text.push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("in time");
    text
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").expect("a head and a body").1
}

#[tokio::test]
async fn status_and_timeline_are_json() {
    let mut served = served().await;
    served.board.event(&launching(3, 1));
    served.board.record("requests-per-s", Time::from_secs(3), 12.5);
    served.board.publish(Time::from_secs(4));
    let answer = served.get("/status.json").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(
        answer.contains("content-type: application/json\r\n") && answer.contains("cache-control: no-store")
    );
    let status: Status = serde_json::from_str(body(&answer)).expect("a status");
    assert_eq!((status.at, status.group.launching), (Time::from_secs(4), 1));
    assert_eq!(status.traffic.requests_per_s, Some(12.5));
    let recording = Recording::parse(body(&served.get("/timeline.json").await)).expect("a recording");
    assert_eq!(recording.timeline.events, [launching(3, 1)]);
    assert_eq!(recording.until, Time::from_secs(4));
}

#[tokio::test]
async fn events_begin_with_the_present_and_follow_it() {
    let mut served = served().await;
    let mut stream = served.events().await;
    let first = until(&mut stream, "\"at\":0.0").await;
    assert!(first.contains("content-type: text/event-stream\r\n"), "{first}");
    for second in 1..=3 {
        served.board.event(&launching(second, u32::try_from(second).expect("small")));
        served.board.publish(Time::from_secs(second));
    }
    // States in between may be missed, the newest never is.
    let seen = until(&mut stream, "\"at\":3.0").await;
    assert!(seen.contains("\"launching\":3"), "{seen}");
    served.stop.send(()).expect("it runs");
    until(&mut stream, "0\r\n\r\n").await;
    tokio::time::timeout(PATIENCE, served.server).await.expect("in time").expect("no panic").expect("served");
}

#[tokio::test]
async fn the_page_is_whole_and_guarded() {
    let served = served().await;
    let page = served.get("/").await;
    for needed in
        ["content-security-policy: default-src 'none'", "nosniff", "cache-control: no-cache", "etag: "]
    {
        assert!(page.contains(needed), "{needed}: {page}");
    }
    for (path, content_type) in
        [("/app.css", "text/css"), ("/app.js", "text/javascript"), ("/favicon.svg", "image/svg+xml")]
    {
        assert!(body(&page).contains(path), "{path} is used");
        let answer = served.get(path).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(content_type), "{answer}");
        let tag = answer.lines().find_map(|line| line.strip_prefix("etag: ")).expect("a tag").to_owned();
        let known = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: {tag}\r\nConnection: close\r\n\r\n"
        );
        let answer = served.raw(&known).await;
        assert!(answer.starts_with("HTTP/1.1 304") && body(&answer).is_empty(), "{answer}");
    }
    for outside in ["http://", "https://", "//cdn"] {
        assert!(!body(&page).contains(outside), "nothing from outside");
    }
}

#[tokio::test]
async fn strangers_and_changes_are_refused() {
    let served = served().await;
    for (request, status) in [
        ("GET /status.json HTTP/1.1\r\nHost: evil.example:8081\r\nConnection: close\r\n\r\n", "421"),
        ("GET /status.json HTTP/1.0\r\n\r\n", "421"),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\nConnection: close\r\n\r\n", "421"),
        (
            "POST /status.json HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            "405",
        ),
        ("GET /../etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "404"),
    ] {
        let answer = served.raw(request).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}"))
                || answer.starts_with(&format!("HTTP/1.0 {status}")),
            "{request}{answer}"
        );
        assert!(!answer.contains("\"version\""), "{answer}");
    }
    let long = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(40_000));
    let answer = served.raw(&long).await;
    assert!(answer.starts_with("HTTP/1.1 431") || answer.starts_with("HTTP/1.1 414"), "{answer}");
}

#[tokio::test]
async fn readers_that_do_not_read_hold_nobody_up() {
    let mut served = served().await;
    let mut idle = Vec::new();
    for _ in 0..32 {
        let mut stream = served.events().await;
        until(&mut stream, "\"at\":0.0").await;
        idle.push(stream);
    }
    // All places for streams are taken: whoever comes now is told to poll, and can.
    let refused = served.get("/events").await;
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("/status.json"), "{refused}");
    // More than the sockets' buffers hold, and the server gets its turn after each.
    served.board.notes(vec!["x".repeat(128 << 10)]);
    for second in 1..400 {
        served.board.record("requests-per-s", Time::from_secs(second), 1.0);
        served.board.publish(Time::from_secs(second));
        tokio::task::yield_now().await;
    }
    let answer = served.get("/status.json").await;
    assert!(answer.contains("\"at\":399.0"), "{}", answer.len());
    // One that reads again finds the newest, not a backlog.
    let text = until(&mut idle[0], "\"at\":399.0").await;
    let missed = 399 - text.matches("data: ").count();
    assert!(missed > 100, "{missed} of 399 were missed");
    drop(idle);
    served.stop.send(()).expect("it runs");
    tokio::time::timeout(PATIENCE, served.server).await.expect("in time").expect("no panic").expect("served");
}

#[tokio::test]
async fn a_recording_is_played_to_its_end() {
    let mut served = served().await;
    let mut events = vec![launching(1, 1), launching(30, 2)];
    let mut recorder = Recorder::new(served.board.fold.about().clone());
    events.iter().for_each(|event| recorder.event(event));
    recorder.record("p95-ms", Time::from_secs(20), 7.0);
    let recording = recorder.recording(Time::from_secs(60));
    let fast = Play { speed: 100_000.0, from: Time::from_secs(10) };
    tokio::time::timeout(PATIENCE, play(&recording, &mut served.board, fast)).await.expect("in time");
    let answer = served.get("/status.json").await;
    let status: Status = serde_json::from_str(body(&answer)).expect("a status");
    assert_eq!((status.at, status.phase, status.group.launching), (Time::from_secs(60), Phase::Ended, 2));
    let replayed = Recording::parse(body(&served.get("/timeline.json").await)).expect("a recording");
    assert_eq!(replayed.timeline.events, std::mem::take(&mut events));
}
