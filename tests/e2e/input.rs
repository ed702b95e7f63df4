//! Odd bodies (contract, section 3): what is accepted, and what is refused without a trace.

use e2e::{Kind, Service};
use rstest::rstest;
use serde_json::{Value, json};

const TODOS: &str = "/api/v1/todos";

#[rstest]
#[tokio::test]
async fn refused_new_todos(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(service) = Service::on(kind).await else { return };
    for body in [
        r#"{}"#,
        r#"{"description":"no title"}"#,
        r#"{"title":null}"#,
        r#"{"title":""}"#,
        r#"{"title":5}"#,
        r#"{"title":true}"#,
        r#"{"title":["a"]}"#,
        r#"{"title":"a\u0000b"}"#,
        r#"{"title":"\ud800"}"#,
        r#"{"title":"a","description":5}"#,
        r#"{"title":"a","description":false}"#,
        r#"{"title":"a","description":"\u0000"}"#,
        r#"{"title":"a","description":"\udfff"}"#,
        r#"{"title":"a","completed":0}"#,
        r#"{"title":"a","completed":1}"#,
        r#"{"title":"a","completed":2}"#,
        r#"{"title":"a","completed":"true"}"#,
        r#"{"title":"a","completed":""}"#,
        r#"{"title":"a","extra":1}"#,
        r#"{"title":"a","extra":null}"#,
        r#"{"title":"a","id":1}"#,
        r#"{"title":"a","created_at":"2023-01-01T00:00:00"}"#,
        r#"{"title":"a","updated_at":"2023-01-01T00:00:00"}"#,
        r#"{"title":"a","Title":"b"}"#,
        r#"{"extra":1}"#,
        "[]",
        "null",
        "5",
        "true",
        r#""x""#,
        r#"[{"title":"a"}]"#,
        "",
        " ",
        "{",
        r#"{"title":"a""#,
        r#"{"title":"a",}"#,
        r#"{"title":'a'}"#,
        r#"{"title":"a"}{"title":"b"}"#,
        r#"{"title":"a"} x"#,
        r#"{"title":"a","completed":NaN}"#,
        "title=a",
        "<todo/>",
    ] {
        service.json("POST", TODOS, body).await.refused(400);
    }
    service.json("POST", TODOS, &b"{\"title\":\"\xff\"}"[..]).await.refused(400);
    service.json("POST", TODOS, &b"{\"title\":\"\xed\xa0\x80\"}"[..]).await.refused(400);
    service.json("POST", TODOS, "[".repeat(60_000)).await.refused(400);
    service
        .json("POST", TODOS, format!("{}1{}", r#"{"title":"#.repeat(5_000), "}".repeat(5_000)))
        .await
        .refused(400);
    service
        .json("POST", TODOS, format!(r#"{{"title":"a","completed":{}}}"#, "9".repeat(5_000)))
        .await
        .refused(400);
    assert_eq!(service.get(TODOS).await.value(), json!([]), "nothing of this left a trace");

    let extra = service.json("POST", TODOS, r#"{"title":"a","extra":1}"#).await.refused(400);
    assert_eq!(extra.value(), json!({"error": "extra fields"}));
}

#[rstest]
#[tokio::test]
async fn accepted_new_todos(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(service) = Service::on(kind).await else { return };
    let check = async |body: &str, field: &str, expected: Value| {
        let todo = service.json("POST", TODOS, String::from(body)).await.is(201).value();
        assert_eq!(todo[field], expected, "{body}");
    };
    check(r#"{"title":"  "}"#, "title", json!("  ")).await;
    check(r#"{"title":"a","description":null}"#, "description", Value::Null).await;
    check(r#"{"title":"a","description":""}"#, "description", json!("")).await;
    check(r#"{"title":"a","completed":null}"#, "completed", json!(false)).await;
    check(r#"{"title":"a","deadline_at":null}"#, "deadline_at", Value::Null).await;
    check(r#"{"title":"a","title":"b"}"#, "title", json!("b")).await;
    check(r#"{"title":null,"title":"b"}"#, "title", json!("b")).await;
    check(r#"{"\u0074itle":"escaped key"}"#, "title", json!("escaped key")).await;
    check(r#"{"title":"\ud83e\udd80"}"#, "title", json!("🦀")).await;
    check("\u{feff}{\"title\":\"with a mark\"}", "title", json!("with a mark")).await;
    check(" \r\n\t{ \"title\" : \"blanks\" } \n", "title", json!("blanks")).await;
    check(r#"{"title":"'; DROP TABLE todos; --"}"#, "title", json!("'; DROP TABLE todos; --")).await;
}

#[rstest]
#[tokio::test]
async fn lengths_count_characters(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(service) = Service::on(kind).await else { return };
    for letter in ["a", "é", "字", "🦀"] {
        let fits = json!({"title": letter.repeat(80), "description": letter.repeat(120)});
        let todo = service.post(TODOS, &fits).await.is(201).value();
        assert_eq!(todo["title"], fits["title"]);
        assert_eq!(todo["description"], fits["description"]);
        service.post(TODOS, &json!({"title": letter.repeat(81)})).await.refused(400);
        service.post(TODOS, &json!({"title": "a", "description": letter.repeat(121)})).await.refused(400);
        let path = format!("{TODOS}/{}", todo["id"]);
        service.put(&path, &json!({"title": letter.repeat(81)})).await.refused(400);
        service.put(&path, &json!({"description": letter.repeat(121)})).await.refused(400);
        assert_eq!(service.get(&path).await.value(), todo);
    }
}

#[rstest]
#[tokio::test]
async fn refused_updates_change_nothing(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(service) = Service::on(kind).await else { return };
    let todo = service.post(TODOS, &json!({"title": "a", "description": "b"})).await.is(201).value();
    for body in [
        r#"{"id":1}"#,
        r#"{"id":2,"title":"x"}"#,
        r#"{"created_at":"2023-01-01T00:00:00"}"#,
        r#"{"updated_at":null}"#,
        r#"{"title":"x","extra":null}"#,
        r#"{"title":null}"#,
        r#"{"title":""}"#,
        r#"{"title":7}"#,
        r#"{"title":"\u0000"}"#,
        r#"{"description":7}"#,
        r#"{"completed":null}"#,
        r#"{"completed":1}"#,
        r#"{"completed":"false"}"#,
        r#"{"title":"x","deadline_at":"soon"}"#,
        "[]",
        "null",
        "",
        "{",
    ] {
        service.json("PUT", "/api/v1/todos/1", body).await.refused(400);
        assert_eq!(service.get("/api/v1/todos/1").await.value(), todo, "after {body}");
    }
    service.json("PUT", "/api/v1/todos/9", r#"{"extra":1}"#).await.refused(400);
    service.json("PUT", "/api/v1/todos/9", r#"{"title":""}"#).await.refused(400);
}

#[rstest]
#[tokio::test]
async fn content_types(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(service) = Service::on(kind).await else { return };
    service.json("POST", TODOS, r#"{"title":"a"}"#).await.is(201);
    for (method, path, success) in [("POST", TODOS, 201), ("PUT", "/api/v1/todos/1", 200)] {
        let send = async |content_type: &str| {
            let request = service.request(method, path).header("content-type", content_type);
            service.send(request, r#"{"title":"b"}"#).await
        };
        for json in [
            "application/json",
            "application/json; charset=utf-8",
            "application/json;charset=UTF-8",
            "Application/JSON",
            "application/vnd.api+json",
            "application/problem+json; x=y",
        ] {
            send(json).await.is(success);
        }
        for other in
            ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "json", "*/*", ""]
        {
            send(other).await.refused(415);
        }
        service.send(service.request(method, path), r#"{"title":"b"}"#).await.refused(415);
    }
}

#[rstest]
#[tokio::test]
async fn a_body_may_be_large_but_not_too_large(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(service) = Service::on(kind).await else { return };
    let todo = r#"{"title":"a"}"#;
    let of_size = |bytes: usize| format!("{todo}{}", " ".repeat(bytes - todo.len()));
    service.json("POST", TODOS, of_size(65_536)).await.is(201);
    service.json("POST", TODOS, of_size(65_537)).await.refused(413);
    service.json("PUT", "/api/v1/todos/1", of_size(65_537)).await.refused(413);
    service.json("POST", TODOS, of_size(1_000_000)).await.refused(413);
    assert_eq!(service.get(TODOS).await.value().as_array().unwrap().len(), 1);
}
