//! The five calls and the health check, as the practical's first week has them.

use e2e::{Database, Kind, Process, Service, set_clock};
use rstest::rstest;
use serde_json::json;

#[rstest]
#[tokio::test]
async fn a_todo_lives_and_dies(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(service) = Service::on(kind).await else { return };
    set_clock("2023-03-29T09:30:00");
    let created = service.post("/api/v1/todos", &json!({"title": "Watch the lecture"})).await.is(201).value();
    let expected = json!({
        "id": 1, "title": "Watch the lecture", "description": null, "completed": false, "deadline_at": null,
        "created_at": "2023-03-29T09:30:00", "updated_at": "2023-03-29T09:30:00",
    });
    assert_eq!(created, expected);
    assert_eq!(service.get("/api/v1/todos").await.is(200).value(), json!([expected]));
    assert_eq!(service.delete("/api/v1/todos/1").await.is(200).value(), expected);
    service.get("/api/v1/todos/1").await.is(404);
}

#[rstest]
#[tokio::test]
async fn the_real_program_answers(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(database) = Database::new(kind).await else { return };
    let process = Process::on(&database, &[]).await;
    e2e::eventually("health", std::time::Duration::from_secs(10), async || {
        (process.get("/api/v1/health").await.status == 200).then_some(())
    })
    .await;
    assert_eq!(process.get("/api/v1/health").await.value(), json!({"status": "ok"}));
}
