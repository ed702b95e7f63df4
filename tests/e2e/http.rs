//! What every response has in common: methods, paths, ids, headers, and refusals in one envelope.

use e2e::{Database, Kind, Service};
use rstest::rstest;
use serde_json::json;

#[rstest]
#[tokio::test]
async fn ids_are_decimal_digits(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(service) = Service::on(kind).await else { return };
    let todo = service.post("/api/v1/todos", &json!({"title": "a"})).await.is(201).value();
    for same in ["1", "01", "0000000000000000000000000000001", "%31"] {
        assert_eq!(service.get(&format!("/api/v1/todos/{same}")).await.is(200).value(), todo, "{same}");
    }
    for odd in
        ["abc", "-1", "+1", "1.0", "1e0", "0x1", "1%20", "%20", "%00", "%FF", "%D9%A1", "1,2", "*", "null"]
    {
        let path = format!("/api/v1/todos/{odd}");
        service.get(&path).await.refused(404);
        service.put(&path, &json!({"title": "b"})).await.refused(404);
        service.delete(&path).await.refused(404);
    }
    for large in
        ["0", "2147483647", "2147483648", "9223372036854775807", "9223372036854775808", &"9".repeat(99)]
    {
        let path = format!("/api/v1/todos/{large}");
        service.get(&path).await.refused(404);
        service.put(&path, &json!({"title": "b"})).await.refused(404);
        assert_eq!(service.delete(&path).await.is(200).value(), json!({}), "{large}");
    }
    assert_eq!(service.get("/api/v1/todos").await.value(), json!([todo]));
}

#[rstest]
#[tokio::test]
async fn paths_that_do_not_exist(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(service) = Service::on(kind).await else { return };
    service.post("/api/v1/todos", &json!({"title": "a"})).await.is(201);
    for path in [
        "/api/v1/todos/",
        "/api/v1/todos/1/",
        "/api/v1/todos/1/2",
        "/api/v1/health/",
        "/api/v1/Todos",
        "/api/v1//todos",
        "/api/v1/todo",
        "/api/v2/todos",
        "/api/v1",
        "/api",
        "/index.php",
        "/api/v1/todos/ical",
        "/metrics",
    ] {
        service.get(path).await.refused(404);
        service.json("POST", path, r#"{"title":"a"}"#).await.refused(if path.ends_with("ical") {
            405
        } else {
            404
        });
    }
    assert_eq!(service.get("/api/v1/todos").await.value().as_array().unwrap().len(), 1);
}

#[rstest]
#[tokio::test]
async fn wrong_methods_are_told_the_right_ones(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(service) = Service::on(kind).await else { return };
    let check = async |path: &str, allowed: &[&str], wrong: &[&str]| {
        for method in wrong {
            let answer = service.bodiless(method, path).await.refused(405);
            assert_eq!(methods(answer.header("allow")), allowed, "{method} {path}");
        }
        let options = service.bodiless("OPTIONS", path).await.is(200);
        assert_eq!(methods(options.header("allow")), allowed, "OPTIONS {path}");
        assert!(options.body.is_empty());
        assert!(!options.headers.keys().any(|name| name.as_str().starts_with("access-control-")), "no CORS");
    };
    check("/api/v1/todos", &["GET", "HEAD", "POST"], &["PUT", "DELETE", "PATCH", "TRACE", "BREW"]).await;
    check("/api/v1/todos/1", &["DELETE", "GET", "HEAD", "PUT"], &["POST", "PATCH", "TRACE"]).await;
    check("/api/v1/health", &["GET", "HEAD"], &["POST", "PUT", "DELETE", "PATCH"]).await;
    check("/api/v1/live", &["GET", "HEAD"], &["POST", "DELETE"]).await;
    check("/", &["GET", "HEAD"], &["POST", "PUT", "DELETE"]).await;
}

fn methods(allow: &str) -> Vec<&str> {
    let mut methods: Vec<&str> = allow.split(',').map(str::trim).collect();
    methods.sort_unstable();
    methods
}

#[rstest]
#[tokio::test]
async fn head_is_get_without_the_body(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(service) = Service::on(kind).await else { return };
    service.post("/api/v1/todos", &json!({"title": "a"})).await.is(201);
    for path in ["/api/v1/todos", "/api/v1/todos/1", "/api/v1/todos/2", "/api/v1/health", "/api/v1/live", "/"]
    {
        let (get, head) = (service.get(path).await, service.bodiless("HEAD", path).await);
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
        assert_eq!(head.header("content-length"), get.body.len().to_string(), "{path}");
        assert!(head.body.is_empty(), "{path}");
    }
    crate::paging::fill(&service.database, 2_000).await;
    let head = service.bodiless("HEAD", "/api/v1/todos").await.is(200);
    assert!(head.body.is_empty(), "of a streamed list too");
    let head = service.bodiless("HEAD", "/api/v1/todos?limit=5").await.is(200);
    assert!(!head.header("link").is_empty());
}

#[rstest]
#[tokio::test]
async fn every_response_says_who_answered_what(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(database) = Database::new(kind).await else { return };
    let service = Service::with(database, &["--instance-id", "todo-7"]).await;
    let requests = [
        ("GET", "/api/v1/todos", 200),
        ("GET", "/api/v1/todos/1", 404),
        ("GET", "/api/v1/todos?window=x", 400),
        ("POST", "/api/v1/todos", 415),
        ("PATCH", "/api/v1/todos", 405),
        ("OPTIONS", "/api/v1/todos", 200),
        ("GET", "/nowhere", 404),
        ("GET", "/api/v1/health", 200),
        ("GET", "/", 200),
        ("GET", "/api/v1/openapi.json", 200),
    ];
    let mut ids = std::collections::HashSet::new();
    for (method, path, status) in requests {
        let answer = service.bodiless(method, path).await.is(status);
        assert_eq!(answer.header("x-instance-id"), "todo-7", "{method} {path}");
        assert!(ids.insert(String::from(answer.header("x-request-id"))), "{method} {path}: a new id");
        let sane = "Root=1-67891233-abcdef012345678912345678";
        let asked = service.request(method, path).header("x-request-id", sane);
        assert_eq!(service.send(asked, "").await.header("x-request-id"), sane, "{method} {path}");
    }
    for insane in ["", "a b", "<script>", "\u{e9}", &"x".repeat(129), "a\tb", "\"q\""] {
        let asked = service.request("GET", "/api/v1/live").header("x-request-id", insane.as_bytes());
        let id = service.send(asked, "").await.is(200);
        assert!(id.header("x-request-id") != insane && !id.header("x-request-id").is_empty(), "{insane:?}");
    }
    let longest = "x".repeat(128);
    let asked = service.request("GET", "/api/v1/live").header("x-request-id", &longest);
    assert_eq!(service.send(asked, "").await.header("x-request-id"), longest);
}

#[tokio::test]
async fn an_instance_without_a_name_gives_itself_one() {
    let (one, other) = (Service::on(Kind::Sqlite).await.unwrap(), Service::on(Kind::Sqlite).await.unwrap());
    let name = async |service: &Service| {
        let name = String::from(service.get("/api/v1/live").await.header("x-instance-id"));
        assert!(!name.is_empty());
        assert_eq!(service.get("/api/v1/todos").await.header("x-instance-id"), name, "it keeps it");
        name
    };
    assert_ne!(name(&one).await, name(&other).await);
}
