//! Instances may be killed at any time and started by the dozen: no acknowledged todo is lost.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use clap::Parser;
use e2e::{Database, Kind, OwnPostgres, Process, eventually};
use futures_util::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};
use todo_api::config::Config;
use todo_api::store::{Page, Part};
use todo_api::todo::Filter;

const PATIENCE: Duration = Duration::from_secs(60);

async fn healthy(process: &Process) {
    eventually("health", PATIENCE, || async {
        (process.get("/api/v1/health").await.status == 200).then_some(())
    })
    .await;
}

/// Writes until the process dies, and says which todos it acknowledged.
async fn acknowledged(process: &mut Process, writers: usize, enough: u32) -> Vec<Value> {
    let (count, api) = (AtomicU32::new(0), **process);
    let dead = AtomicBool::new(false);
    let write = async |writer: usize| {
        let mut known = Vec::new();
        while !dead.load(Ordering::Relaxed) {
            let title = json!({ "title": format!("{writer}.{}", known.len()) });
            let request = api.request("POST", "/api/v1/todos").header("content-type", "application/json");
            match api.try_send(request, title.to_string()).await {
                Ok(answer) => known.push(answer.is(201).value()),
                // Killed before it answered: this todo may be there or not.
                Err(_) => break,
            }
            count.fetch_add(1, Ordering::Relaxed);
        }
        known
    };
    let kill = async {
        eventually("writes to be acknowledged", PATIENCE, || async {
            (count.load(Ordering::Relaxed) >= enough).then_some(())
        })
        .await;
        process.kill().await;
        dead.store(true, Ordering::Relaxed);
    };
    let (known, ()) = tokio::join!(join_all((0..writers).map(write)), kill);
    known.into_iter().flatten().collect()
}

#[rstest]
#[tokio::test]
async fn no_acknowledged_todo_is_lost(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(database) = Database::new(kind).await else { return };
    let mut known = Vec::new();
    for _ in 0..3 {
        let mut process = Process::on(&database, &[]).await;
        healthy(&process).await;
        known.extend(acknowledged(&mut process, 16, 150).await);
    }
    let process = Process::on(&database, &[]).await;
    healthy(&process).await;
    let list = process.get("/api/v1/todos").await.is(200).value();
    let list = list.as_array().expect("a list");
    assert!(known.len() >= 450, "{}", known.len());
    for todo in &known {
        assert!(list.contains(todo), "{todo} was acknowledged and is gone");
    }
    // One write of each writer may have been done and not acknowledged, per kill.
    assert!(list.len() <= known.len() + 3 * 16, "{} of {}", list.len(), known.len());
}

/// An in-memory database lives in one connection, which must outlast a client that goes away in the middle.
#[tokio::test]
async fn a_request_that_is_given_up_leaves_the_memory_database_alone() {
    let config = Config::parse_from(["todo-api", "--database-url", "sqlite::memory:"]);
    let store = &todo_api::app(&config).unwrap().store;
    store.opened().await;
    let page = Page { filter: Filter::default(), after: 0, limit: 10, part: Part::Whole };
    for _ in 0..20 {
        assert!(futures_util::poll!(pin!(store.get(1))).is_pending());
        assert!(futures_util::poll!(pin!(store.page(&page))).is_pending());
    }
    assert!(store.get(1).await.unwrap().is_none());
    assert_eq!(store.page(&page).await.unwrap().1.count, 0);
}

#[tokio::test]
async fn twenty_instances_start_at_once_on_one_empty_server() {
    let Some(postgres) = OwnPostgres::started().await else { return };
    let url = postgres.url();
    // Unoptimised, twenty processes that all compute password hashes on few cores take longer than a user would wait.
    let patient = ["--connect-timeout", "30s", "--pool-wait", "30s", "--request-timeout", "60s"];
    let instances = join_all((0..20).map(|_| Process::at(&url, &patient))).await;
    join_all(instances.iter().map(healthy)).await;
    // Busy enough that every pool is full, with a health check each.
    let todo = json!({"title": "one of many"});
    let requests = instances.iter().flat_map(|process| {
        let todo = &todo;
        (0..12).map(async move |n| match n % 3 {
            0 => process.post("/api/v1/todos", todo).await.is(201),
            1 => process.get("/api/v1/todos").await.is(200),
            _ => process.get("/api/v1/health").await.is(200),
        })
    });
    join_all(requests).await;
    let connections = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'todo-api'";
    let connections = postgres.number(connections).await;
    assert!((20..=80).contains(&connections), "{connections} connections of twenty instances");
    assert_eq!(postgres.number("SELECT count(*) FROM todos").await, 20 * 4);
    assert!(!postgres.log().contains("too many clients"), "{}", postgres.log());
    for process in &instances {
        assert!(!process.log().contains("WARN"), "{}", process.log());
    }
}
