//! Clients that are slow or say nothing: cut off by their limit, and no harm to others.
#![expect(clippy::disallowed_methods, reason = "measures when connections are closed")]

use std::time::{Duration, Instant};

use e2e::{Database, Process, eventually, within};
use futures_util::future::join_all;
use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(8);
/// Between two bytes of a client that dribbles.
const DRIBBLE: Duration = Duration::from_millis(50);

async fn started(args: &[&str]) -> (Process, Database) {
    let database = Database::sqlite();
    let process = Process::on(&database, args).await;
    eventually("health", Duration::from_secs(30), || async {
        (process.get("/api/v1/health").await.status == 200).then_some(())
    })
    .await;
    (process, database)
}

/// Sends `start` and then a byte now and again, until the service closes the connection: what it said, and when.
#[expect(clippy::disallowed_methods, reason = "measures when a connection is cut")]
async fn dribble(process: &Process, start: &str) -> (String, Duration) {
    // The service may begin to count before the client hears that it is connected.
    let began = Instant::now();
    let (mut from, mut to) = TcpStream::connect(process.address).await.unwrap().into_split();
    to.write_all(start.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = async {
        // A reset after the answer is an end, too.
        let _ = from.read_to_end(&mut answer).await;
    };
    tokio::pin!(read);
    let cut = async {
        while timeout(DRIBBLE, &mut read).await.is_err() {
            let _ = to.write_all(b"a").await;
        }
    };
    within("the connection to be cut", SOON, cut).await;
    let took = began.elapsed();
    (String::from_utf8(answer).unwrap(), took)
}

#[tokio::test]
async fn a_head_that_dribbles_in() {
    let (process, _database) = started(&["--header-timeout", "1s", "--idle-timeout", "60s"]).await;
    let slow =
        join_all((0..20).map(|_| dribble(&process, "GET /api/v1/todos HTTP/1.1\r\nHost: x\r\nX-Slow: ")));
    let others = async {
        for _ in 0..20 {
            process.get("/api/v1/todos").await.is(200);
        }
    };
    let (slow, ()) = tokio::join!(slow, others);
    for (answer, took) in slow {
        assert!(took >= Duration::from_secs(1), "cut after {took:?}");
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
}

#[tokio::test]
async fn a_body_that_dribbles_in() {
    let (process, _database) = started(&["--request-timeout", "1s", "--header-timeout", "60s"]).await;
    let start = "POST /api/v1/todos HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                 Content-Length: 5000\r\n\r\n{\"title\": \"";
    let slow = join_all((0..20).map(|_| dribble(&process, start)));
    let others = async {
        for _ in 0..20 {
            process.get("/api/v1/todos").await.is(200);
        }
    };
    let (slow, ()) = tokio::join!(slow, others);
    for (answer, took) in slow {
        assert!(took >= Duration::from_secs(1), "cut after {took:?}");
        assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: 1"), "{answer}");
    }
    assert_eq!(process.get("/api/v1/todos").await.value(), serde_json::json!([]));
}

#[tokio::test]
async fn a_connection_that_says_nothing() {
    let (process, _database) = started(&["--header-timeout", "1s", "--idle-timeout", "60s"]).await;
    let mut silent = TcpStream::connect(process.address).await.unwrap();
    within("the connection to be closed", SOON, silent.read_to_end(&mut Vec::new())).await.unwrap();
}

/// The default is longer than a load balancer's 60 s, which would otherwise send requests into connections that
/// are being closed.
#[rstest]
#[case::without_a_body("GET /api/v1/live HTTP/1.1\r\nHost: x\r\n\r\n")]
#[case::with_a_body(
    "POST /api/v1/todos HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{\"title\":\"x\"}"
)]
#[tokio::test]
async fn an_idle_connection_lives_for_the_idle_timeout_and_no_header_timeout(#[case] request: &str) {
    let (process, _database) = started(&["--header-timeout", "500ms", "--idle-timeout", "4s"]).await;
    let mut client = TcpStream::connect(process.address).await.unwrap();
    for _ in 0..2 {
        client.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.trim_ascii_end().ends_with(b"}") {
            within("an answer", SOON, client.read_buf(&mut answer)).await.unwrap();
        }
        let began = Instant::now();
        let early = timeout(Duration::from_millis(1200), client.read_u8()).await;
        assert!(early.is_err(), "closed after {:?}: {early:?}", began.elapsed());
    }
    let began = Instant::now();
    let end = within("the idle connection to be closed", SOON, client.read_to_end(&mut Vec::new())).await;
    assert_eq!(end.unwrap(), 0);
    assert!(began.elapsed() >= Duration::from_millis(500));
    let config = <todo_api::config::Config as clap::Parser>::parse_from(["todo-api"]);
    assert!(config.limits.idle_timeout >= Duration::from_secs(75));
}

#[tokio::test]
async fn many_silent_connections_leave_room_for_one_that_asks() {
    let (process, _database) = started(&["--header-timeout", "60s"]).await;
    let silent = join_all((0..500).map(|_| TcpStream::connect(process.address))).await;
    assert!(silent.iter().all(Result::is_ok));
    process.get("/api/v1/todos").await.is(200);
}
