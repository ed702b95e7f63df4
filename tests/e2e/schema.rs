//! Databases that somebody else has been at: the course's own tables, and a newer version of this service.

use std::time::Duration;

use e2e::{Database, Kind, Process, Service, eventually};
use rstest::rstest;
use serde_json::json;

use crate::todos::ids;

/// The table as the course's service (SQLAlchemy) creates it, and two todos as it writes them.
fn of_the_course(kind: Kind) -> String {
    let (id, time) = match kind {
        Kind::Sqlite => ("INTEGER", "DATETIME"),
        Kind::Postgres => ("SERIAL", "TIMESTAMP WITHOUT TIME ZONE"),
    };
    let columns = "title, description, completed, deadline_at, created_at, updated_at";
    format!(
        "CREATE TABLE todos (
            id {id} NOT NULL,
            title VARCHAR(80) NOT NULL,
            description VARCHAR(120),
            completed BOOLEAN NOT NULL,
            deadline_at {time},
            created_at {time} NOT NULL,
            updated_at {time} NOT NULL,
            PRIMARY KEY (id)
        );
        INSERT INTO todos ({columns}) VALUES
            ('Übung', NULL, false, NULL, '2023-03-29 09:30:00.125000', '2023-03-29 09:30:00.125000'),
            ('b', 'c', true, '2023-05-02 14:00:00.000000', '2023-03-29 09:30:01.000000', '2023-03-29 10:00:00.000001')"
    )
}

#[rstest]
#[tokio::test]
async fn the_table_of_the_course_is_adopted(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(database) = Database::new(kind).await else { return };
    database.execute(&of_the_course(kind)).await;
    let service = Service::with(database, &[]).await;
    let found = service.get("/api/v1/todos").await.is(200).value();
    let expected = json!([
        {"id": 1, "title": "Übung", "description": null, "completed": false, "deadline_at": null,
         "created_at": "2023-03-29T09:30:00.125000", "updated_at": "2023-03-29T09:30:00.125000"},
        {"id": 2, "title": "b", "description": "c", "completed": true, "deadline_at": "2023-05-02T14:00:00",
         "created_at": "2023-03-29T09:30:01", "updated_at": "2023-03-29T10:00:00.000001"},
    ]);
    assert_eq!(found, expected);
    assert_eq!(service.get("/api/v1/todos/2").await.is(200).value(), expected[1]);
    let new = json!({"title": "c", "deadline_at": "2023-05-03T00:00:00"});
    let added = service.post("/api/v1/todos", &new).await.is(201).value();
    assert_eq!(added["id"], 3);
    assert_eq!(service.get("/api/v1/todos/3").await.is(200).value(), added);
    let changed = service.put("/api/v1/todos/1", &json!({"completed": true})).await.is(200).value();
    assert_eq!((&changed["title"], &changed["completed"]), (&json!("Übung"), &json!(true)));
    assert_eq!(ids(&service.get("/api/v1/todos?window=0&completed=true").await.value()), [2]);
    assert_eq!(ids(&service.get("/api/v1/todos?limit=1&after=1").await.value()), [2]);
    service.get("/api/v1/todos/2147483648").await.refused(404);
    service.get("/api/v1/todos/9223372036854775807").await.refused(404);
    assert_eq!(service.delete("/api/v1/todos/9223372036854775807").await.is(200).value(), json!({}));
    assert_eq!(ids(&service.get("/api/v1/todos?after=9223372036854775807").await.value()), [0; 0]);
    assert_eq!(service.delete("/api/v1/todos/2").await.is(200).value(), expected[1]);
    assert_eq!(ids(&service.get("/api/v1/todos").await.value()), [1, 3]);
    // Many at once take the batched path.
    let add = async |_| service.post("/api/v1/todos", &json!({"title": "d"})).await.is(201);
    futures_util::future::join_all((0..20).map(add)).await;
    assert_eq!(service.get("/api/v1/todos").await.value().as_array().unwrap().len(), 22);
}

#[rstest]
#[tokio::test]
async fn an_older_version_works_with_a_newer_schema(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(database) = Database::new(kind).await else { return };
    let mut today = Process::on(&database, &[]).await;
    ready(&today).await;
    today.post("/api/v1/todos", &json!({"title": "before"})).await.is(201);
    today.kill().await;

    // A later version comes, adds to the schema, and goes again.
    let checksum = if kind == Kind::Sqlite { "x'00'" } else { "'\\x00'" };
    database
        .execute(&format!(
            "ALTER TABLE todos ADD COLUMN colour TEXT DEFAULT 'blue';
             CREATE TABLE tags (id INTEGER PRIMARY KEY);
             INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (99991231235959, 'colours', true, {checksum}, 1)"
        ))
        .await;

    let again = Process::on(&database, &[]).await;
    ready(&again).await;
    again.post("/api/v1/todos", &json!({"title": "after"})).await.is(201);
    let changed = again.put("/api/v1/todos/1", &json!({"title": "changed"})).await.is(200).value();
    assert_eq!(changed.as_object().unwrap().len(), 7, "what it does not know it does not show");
    assert_eq!(ids(&again.get("/api/v1/todos").await.is(200).value()), [1, 2]);
    assert_eq!(again.delete("/api/v1/todos/1").await.is(200).value(), changed);
    assert_eq!(database.number("SELECT count(*) FROM todos WHERE colour = 'blue'").await, 1);
}

/// A process answers before it has reached its database.
pub(crate) async fn ready(process: &Process) {
    let limit = std::time::Duration::from_secs(30);
    eventually("health to be 200", limit, async || {
        (process.get("/api/v1/health").await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn todos_outlive_the_process_that_took_them() {
    let database = Database::sqlite();
    let mut process = Process::on(&database, &[]).await;
    ready(&process).await;
    let todo = process.post("/api/v1/todos", &json!({"title": "kept"})).await.is(201).value();
    process.kill().await;
    let process = Process::on(&database, &[]).await;
    ready(&process).await;
    assert_eq!(process.get("/api/v1/todos").await.is(200).value(), json!([todo]));
}

#[tokio::test]
async fn a_database_in_another_encoding_is_pointed_out() {
    let warns = async |encoding: &str| {
        let database = Database::postgres_in(encoding).await?;
        let process = Process::on(&database, &[]).await;
        eventually("the database to be ready", Duration::from_secs(30), async || {
            process.log().contains("database ready").then_some(())
        })
        .await;
        Some(process.log().contains("the database is not in UTF8"))
    };
    let Some(warned) = warns("UTF8").await else { return };
    assert!(!warned);
    assert_eq!(warns("SQL_ASCII").await, Some(true));
}
