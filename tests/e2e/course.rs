//! What the course's own published unit tests ask, one test each, in their order.

use e2e::{Api, Kind, Service};
use rstest::rstest;
use serde_json::{Value, json};

use crate::todos::ids;

const TODOS: &str = "/api/v1/todos";

/// The three todos that those tests put into the database: with deadlines in five and ten days, the second done.
async fn three(api: &Api) -> [Value; 3] {
    let in_days = |days| {
        let now = todo_api::system_clock();
        now.saturating_add_days(days).to_string()
    };
    let add = async |todo: Value| api.post(TODOS, &todo).await.is(201).value();
    [
        add(json!({"title": "Watch CSSE6400 Lecture", "description": "Watch the CSSE6400 lecture on ECHO360 for week 1",
            "completed": true, "deadline_at": in_days(5)}))
        .await,
        add(json!({"title": "Watch CSSE6400 Lecture", "description": "for week 2", "completed": false,
            "deadline_at": in_days(5)}))
        .await,
        add(json!({"title": "Watch CSSE6400 Lecture", "description": "for week 3", "completed": true,
            "deadline_at": in_days(10)}))
        .await,
    ]
}

#[rstest]
#[tokio::test]
async fn get_items(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(service) = Service::on(kind).await else { return };
    assert_eq!(service.get(TODOS).await.is(200).value(), json!([]));
    let todos = three(&service).await;
    let list = service.get(TODOS).await.is(200).value();
    assert_eq!(ids(&list), [1, 2, 3]);
    for (n, todo) in todos.iter().enumerate() {
        assert_eq!(list[n], *todo);
        assert_eq!(service.get(&format!("{TODOS}/{}", n + 1)).await.is(200).value(), *todo);
    }
    assert_eq!(ids(&service.get("/api/v1/todos?completed=true").await.is(200).value()), [1, 3]);
    assert_eq!(ids(&service.get("/api/v1/todos?completed=false").await.is(200).value()), [2]);
    assert_eq!(ids(&service.get("/api/v1/todos?window=6").await.is(200).value()), [1, 2]);
    assert_eq!(ids(&service.get("/api/v1/todos?window=5&completed=true").await.is(200).value()), [1]);
}

#[rstest]
#[tokio::test]
async fn post_item(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(service) = Service::on(kind).await else { return };
    let sent = json!({"title": "Watch CSSE6400 Lecture", "description": "on ECHO360", "completed": true,
        "deadline_at": "2023-02-27T00:00:00"});
    let todo = service.post(TODOS, &sent).await.is(201).value();
    for (field, value) in sent.as_object().unwrap() {
        assert_eq!(todo[field], *value);
    }
    assert!(!todo["created_at"].is_null() && !todo["updated_at"].is_null());
    assert_eq!(service.get("/api/v1/todos/1").await.is(200).value(), todo);
    service.post(TODOS, &json!({"description": "no title"})).await.refused(400);
    service.post(TODOS, &json!({"title": "a", "summary": "an extra field"})).await.refused(400);
    service.post(TODOS, &json!({"summary": "an extra field and no title"})).await.refused(400);
    assert_eq!(ids(&service.get(TODOS).await.value()), [1]);
}

#[rstest]
#[tokio::test]
async fn put_item(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(service) = Service::on(kind).await else { return };
    let todos = three(&service).await;
    let changed = service.put("/api/v1/todos/1", &json!({"title": "a new title"})).await.is(200).value();
    assert_eq!(changed["title"], "a new title");
    for kept in ["id", "description", "completed", "deadline_at", "created_at"] {
        assert_eq!(changed[kept], todos[0][kept]);
    }
    assert_ne!(changed["updated_at"], todos[0]["updated_at"]);
    service.put("/api/v1/todos/9", &json!({"title": "a"})).await.refused(404);
    service.put("/api/v1/todos/2", &json!({"title": "a", "summary": "extra"})).await.refused(400);
    service.put("/api/v1/todos/2", &json!({"id": 3})).await.refused(400);
    assert_eq!(service.get("/api/v1/todos/2").await.value(), todos[1]);
}

#[rstest]
#[tokio::test]
async fn delete_item(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(service) = Service::on(kind).await else { return };
    let todos = three(&service).await;
    assert_eq!(service.delete("/api/v1/todos/1").await.is(200).value(), todos[0]);
    service.get("/api/v1/todos/1").await.refused(404);
    service.delete("/api/v1/todos/1").await.is(200);
    assert_eq!(ids(&service.get(TODOS).await.value()), [2, 3]);
}

/// What the course's front end does, to the letter of its requests.
#[rstest]
#[tokio::test]
async fn front_end(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(service) = Service::on(kind).await else { return };
    let new = json!({"title": "a", "description": "", "completed": false});
    let first = service.post(TODOS, &new).await.is(201).value();
    assert_eq!(first["deadline_at"], Value::Null);
    let new = json!({"title": "b", "description": "c", "completed": false, "deadline_at": "2023-05-02 14:00:00.000"});
    let second = service.post(TODOS, &new).await.is(201).value();
    assert_eq!(second["deadline_at"], "2023-05-02T14:00:00");
    let done =
        service.put(&format!("{TODOS}/{}", second["id"]), &json!({"completed": true})).await.is(200).value();
    assert_eq!(done["completed"], true);
    service.delete(&format!("{TODOS}/{}", first["id"])).await.is(200);
    assert_eq!(service.get(TODOS).await.value(), json!([done]));
}
