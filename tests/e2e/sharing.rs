//! Several processes on one database: instances know nothing of each other, and nothing is lost between them.

use std::collections::BTreeSet;

use e2e::{Database, Kind, Process};
use futures_util::future::join_all;
use rstest::rstest;
use serde_json::json;

use crate::schema::ready;
use crate::todos::ids;

const PROCESSES: usize = 3;
const CLIENTS: usize = 6;
const ROUNDS: usize = 10;

#[rstest]
#[tokio::test]
async fn processes_write_at_once_and_nobody_hears_of_a_lock(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let Some(database) = Database::new(kind).await else { return };
    // They start at once too, on an empty database: one of them creates the table.
    let processes = join_all((0..PROCESSES).map(|_| Process::on(&database, &[]))).await;
    join_all(processes.iter().map(ready)).await;

    let client = async |process: &Process, client: usize| {
        let mut kept = Vec::new();
        for round in 0..ROUNDS {
            let title = format!("client {client}, round {round}");
            let todo = process.post("/api/v1/todos", &json!({"title": title})).await.is(201).value();
            let path = format!("/api/v1/todos/{}", todo["id"]);
            let changed = process.put(&path, &json!({"completed": true})).await.is(200).value();
            assert_eq!(changed["title"], title.as_str(), "nobody else has this id");
            process.get("/api/v1/todos?limit=10").await.is(200);
            if round % 2 == 0 {
                assert_eq!(process.delete(&path).await.is(200).value(), changed);
            } else {
                kept.push(todo["id"].as_i64().unwrap());
            }
        }
        kept
    };
    let clients = (0..CLIENTS * PROCESSES).map(|n| client(&processes[n % PROCESSES], n));
    let kept: Vec<i64> = join_all(clients).await.concat();

    let expected: BTreeSet<i64> = kept.iter().copied().collect();
    assert_eq!(expected.len(), kept.len(), "no id was given twice");
    for process in &processes {
        let list = process.get("/api/v1/todos?completed=true").await.is(200).value();
        assert!(ids(&list).into_iter().eq(expected.iter().copied()), "every instance shows the same");
        assert!(!process.log().contains("locked"), "{}", process.log());
        assert!(!process.log().contains("ERROR"), "{}", process.log());
    }
}
