//! What is no HTTP, or too much of it: a 4xx or a closed connection, and the service goes on.

use e2e::{Database, Service};
use serde_json::json;

async fn service() -> Service {
    let service =
        Service::with(Database::sqlite(), &["--header-timeout", "300ms", "--idle-timeout", "1s"]).await;
    service.post("/api/v1/todos", &json!({"title": "a"})).await.is(201);
    service
}

/// Sends `bytes`; whatever is answered must start with one of these statuses, and the service must be well.
async fn check(service: &Service, bytes: impl AsRef<[u8]>, statuses: &[&str]) {
    let answer = service.raw(bytes.as_ref()).await;
    let shown: String = String::from_utf8_lossy(bytes.as_ref()).chars().take(120).collect();
    let expected = statuses.iter().any(|status| match *status {
        "" => answer.is_empty(),
        status => answer.starts_with(&format!("HTTP/1.1 {status} ")),
    });
    assert!(expected, "{shown:?} is answered {answer:?}, not {statuses:?}");
    service.get("/api/v1/health").await.is(200);
}

#[tokio::test]
async fn no_http_at_all() {
    let service = service().await;
    for bytes in [
        "\0\0\0\0\r\n\r\n",
        "GARBAGE\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET / HTTPS/1.1\r\n\r\n",
        "G\u{e9}T / HTTP/1.1\r\n\r\n",
        "GET /\u{1} HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\nbad name: x\r\n\r\n",
        "GET / HTTP/1.1\r\nx: \u{0}\r\n\r\n",
        "POST /api/v1/todos HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        "POST /api/v1/todos HTTP/1.1\r\ncontent-length: x\r\n\r\n",
        "POST /api/v1/todos HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        "POST /api/v1/todos HTTP/1.1\r\ncontent-length: 99999999999999999999999\r\n\r\n",
        "POST /api/v1/todos HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\n",
    ] {
        check(&service, bytes, &["400"]).await;
    }
    // A TLS client hello, an HTTP/2 preface, and silence.
    check(&service, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", &["400", ""]).await;
    check(&service, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &["400", "505", ""]).await;
    check(&service, "", &[""]).await;
}

#[tokio::test]
async fn too_much_of_a_head() {
    let service = service().await;
    // Somewhat more than the limit may still fit what has already been read.
    let long = "x".repeat(200_000);
    check(&service, format!("GET /{long} HTTP/1.1\r\n\r\n"), &["414", "431"]).await;
    check(&service, format!("GET /api/v1/todos?{long} HTTP/1.1\r\n\r\n"), &["414", "431"]).await;
    check(&service, format!("GET / HTTP/1.1\r\nx: {long}\r\n\r\n"), &["431"]).await;
    check(&service, format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(5_000)), &["431"]).await;
    check(&service, "A".repeat(200_000), &["400", "431", ""]).await;
    // What an Application Load Balancer may still forward is served.
    let large = "x".repeat(15_000);
    let head = format!("GET /api/v1/todos HTTP/1.1\r\nx: {large}\r\nconnection: close\r\n\r\n");
    check(&service, head, &["200"]).await;
}

#[tokio::test]
async fn broken_bodies() {
    let service = service().await;
    let head = "POST /api/v1/todos HTTP/1.1\r\ncontent-type: application/json\r\nconnection: close\r\n";
    let chunked = format!("{head}transfer-encoding: chunked\r\n\r\n");
    check(&service, format!("{chunked}d\r\n{{\"title\":\"b\"}}\r\n0\r\n\r\n"), &["201"]).await;
    check(&service, format!("{chunked}zz\r\n{{}}\r\n0\r\n\r\n"), &["400", ""]).await;
    check(&service, format!("{chunked}ffffffffffffffffff\r\n"), &["400", ""]).await;
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(4096));
    check(&service, format!("{chunked}{chunk}0\r\n\r\n"), &["400"]).await;
    check(&service, format!("{chunked}{}0\r\n\r\n", chunk.repeat(20)), &["413"]).await;
    // The client goes away in the midst of its body: nothing is stored.
    let cut = service
        .raw_to_the_end(format!("{head}content-length: 50\r\n\r\n{{\"title\":\"c\"}}").as_bytes())
        .await;
    assert!(cut.is_empty() || cut.starts_with("HTTP/1.1 400 "), "{cut}");
    // A body longer than announced is a second request, and no good one.
    check(&service, format!("{head}content-length: 13\r\n\r\n{{\"title\":\"d\"}} and more"), &["201"]).await;
    let list = service.get("/api/v1/todos").await.value();
    let titles: Vec<&str> =
        list.as_array().unwrap().iter().map(|todo| todo["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ["a", "b", "d"]);
}

#[tokio::test]
async fn a_body_that_is_announced_too_large_is_refused_before_it_is_sent() {
    let service = service().await;
    let head =
        "POST /api/v1/todos HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: 99999999\r\n\r\n";
    check(&service, format!("{head}{}", " ".repeat(70_000)), &["413"]).await;
    let waits = head.replace("\r\n\r\n", "\r\nexpect: 100-continue\r\n\r\n");
    let answer = service.raw(format!("{waits}{}", " ".repeat(70_000)).as_bytes()).await;
    assert!(answer.contains("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn a_client_that_never_ends_its_head_is_cut_off() {
    let service = service().await;
    check(&service, "GET /api/v1/todos HTT", &[""]).await;
    check(&service, "GET /api/v1/todos HTTP/1.1\r\nhost: a\r\n", &[""]).await;
}

#[tokio::test]
async fn requests_in_a_row_on_one_connection() {
    let service = service().await;
    let get = "GET /api/v1/todos/1 HTTP/1.1\r\nhost: a\r\n\r\n";
    let last = "GET /api/v1/live HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let answer = service.raw(format!("{get}{get}{last}").as_bytes()).await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 3, "{answer}");
    let old = service.raw(b"GET /api/v1/live HTTP/1.0\r\n\r\n").await;
    assert!(old.starts_with("HTTP/1.0 200 OK"), "{old}");
    let absolute =
        "GET http://any.example/api/v1/live HTTP/1.1\r\nhost: any.example\r\nconnection: close\r\n\r\n";
    check(&service, absolute, &["200"]).await;
}
