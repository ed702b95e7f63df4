//! From the first signal to the exit.

use std::time::Duration;

use e2e::{Database, Process, Signal, eventually, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// For what happens at once, on a busy machine.
const SOON: Duration = Duration::from_secs(5);

async fn started(args: &[&str]) -> (Process, Database) {
    let database = Database::sqlite();
    let process = Process::on(&database, args).await;
    eventually("health", Duration::from_secs(30), || async {
        (process.get("/api/v1/health").await.status == 200).then_some(())
    })
    .await;
    (process, database)
}

/// A request that the service is reading: it lacks the last byte of its body.
async fn begun(process: &Process) -> TcpStream {
    let mut stream = TcpStream::connect(process.address).await.unwrap();
    let head = "POST /api/v1/todos HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                Content-Length: 15\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    // The service asks for the body when the handler reads it, so the request is in flight from here on.
    let mut interim = [0; 25];
    within("100 Continue", SOON, stream.read_exact(&mut interim)).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(br#"{"title": "ok""#).await.unwrap();
    stream
}

async fn finish(mut stream: TcpStream) -> String {
    stream.write_all(b"}").await.unwrap();
    let mut answer = String::new();
    within("the answer", SOON, stream.read_to_string(&mut answer)).await.unwrap();
    answer
}

async fn refuses_connections(process: &Process) {
    let address = process.address;
    eventually("the port to be closed", SOON, || async move { TcpStream::connect(address).await.err() })
        .await;
}

#[tokio::test]
async fn during_the_delay_health_fails_and_everything_is_served() {
    let (mut process, _database) = started(&["--shutdown-delay", "2s"]).await;
    process.signal(Signal::TERM);
    eventually("health to be 503", SOON, || async {
        (process.get("/api/v1/health").await.status == 503).then_some(())
    })
    .await;
    process.get("/api/v1/todos").await.is(200);
    process.get("/api/v1/live").await.is(200);
    assert_eq!(process.ended(2 * SOON).await.code(), Some(0));
}

#[tokio::test]
async fn a_request_in_flight_is_finished_and_no_new_connection_accepted() {
    let (mut process, _database) = started(&[]).await;
    let mut idle = TcpStream::connect(process.address).await.unwrap();
    idle.write_all(b"GET /api/v1/live HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let in_flight = begun(&process).await;
    process.signal(Signal::TERM);
    refuses_connections(&process).await;
    // An idle connection is not waited for.
    let mut answers = String::new();
    within("the idle connection to be closed", SOON, idle.read_to_string(&mut answers)).await.unwrap();
    assert!(answers.starts_with("HTTP/1.1 200 OK\r\n"), "{answers}");
    let answer = finish(in_flight).await;
    assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    assert_eq!(process.ended(SOON).await.code(), Some(0));
    assert!(process.log().contains("stopped"), "{}", process.log());
}

#[tokio::test]
async fn an_endless_request_is_cut_off_at_the_deadline() {
    let (mut process, _database) =
        started(&["--shutdown-deadline", "300ms", "--request-timeout", "60s"]).await;
    let mut in_flight = begun(&process).await;
    process.signal(Signal::INT);
    assert_eq!(process.ended(SOON).await.code(), Some(0));
    assert_eq!(in_flight.read_to_end(&mut Vec::new()).await.unwrap_or_default(), 0);
    assert!(process.log().contains("the shutdown deadline cut requests off"), "{}", process.log());
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let (mut process, _database) = started(&["--shutdown-delay", "60s"]).await;
    process.signal(Signal::TERM);
    eventually("the first signal to be followed", SOON, || async {
        process.log().contains("once more ends at once").then_some(())
    })
    .await;
    process.signal(Signal::TERM);
    assert_eq!(process.ended(SOON).await.code(), Some(1));
}
