//! More than the database can do, and locks that others hold: refused soon, and no ill health.

use std::time::{Duration, Instant};

use e2e::{Answer, Database, Kind, Process, eventually};
use futures_util::future::join_all;
use rstest::rstest;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

const PATIENCE: Duration = Duration::from_secs(30);
/// What a busy test machine may add to any bound.
const SLACK: Duration = Duration::from_secs(2);
const SMALL: [&str; 8] =
    ["--pool-size", "1", "--pool-queue", "4", "--pool-wait", "500ms", "--request-timeout", "3s"];

async fn small(database: &Database) -> Process {
    let process = Process::on(database, &SMALL).await;
    eventually("health", PATIENCE, || async {
        (process.get("/api/v1/health").await.status == 200).then_some(())
    })
    .await;
    process.post("/api/v1/todos", &json!({"title": "first"})).await.is(201);
    process
}

#[expect(clippy::disallowed_methods, reason = "measures how long an answer takes")]
async fn timed(answer: impl Future<Output = Answer>) -> (Answer, Duration) {
    let started = Instant::now();
    (answer.await, started.elapsed())
}

fn refused(answers: &[(Answer, Duration)], bound: Duration) {
    for (answer, took) in answers {
        assert_eq!(answer.status, 503, "{answer}");
        assert_eq!(answer.header("retry-after"), "1", "{answer}");
        assert!(*took < bound + SLACK, "{took:?} for {answer}");
    }
}

#[tokio::test]
async fn a_locked_table_fills_the_pool_and_health_stays_good() {
    let Some(database) = Database::postgres().await else { return };
    let process = small(&database).await;
    let mut other = PgConnection::connect(database.url()).await.unwrap();
    sqlx::raw_sql("BEGIN; LOCK TABLE todos").execute(&mut other).await.unwrap();

    let reads = join_all((0..40).map(|_| timed(process.get("/api/v1/todos"))));
    let checks = async {
        let mut checks = Vec::new();
        for _ in 0..20 {
            checks.push(timed(process.get("/api/v1/health")).await);
        }
        checks
    };
    let (reads, checks) = tokio::join!(reads, checks);
    for (check, took) in checks {
        check.is(200);
        assert!(took < SLACK, "a health check took {took:?}");
    }
    // The connection's holder waits for the lock until the request timeout, and with it whoever joined its read before
    // it had the connection, as many as may queue; the queue waits for the connection; the rest is told at once.
    refused(&reads, Duration::from_secs(3));
    let busy = reads.iter().filter(|(answer, _)| answer.text().contains("busy")).count();
    assert!(busy >= 40 - (1 + 4), "{busy}");
    let at_once = reads.iter().filter(|(_, took)| *took < Duration::from_millis(400)).count();
    assert!(at_once >= 20, "{at_once} of 40 were refused at once");

    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    process.get("/api/v1/todos").await.is(200);
    other.close().await.unwrap();
}

#[tokio::test]
async fn a_sqlite_file_that_another_process_writes_is_read_and_healthy() {
    let database = Database::sqlite();
    let process = small(&database).await;
    let mut other = SqliteConnection::connect(database.url()).await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let todo = json!({"title": "second"});
    let write = async {
        refused(&[timed(process.post("/api/v1/todos", &todo)).await], Duration::from_secs(3));
    };
    let meanwhile = async {
        for _ in 0..10 {
            process.get("/api/v1/health").await.is(200);
            process.get("/api/v1/todos").await.is(200);
        }
    };
    tokio::join!(write, meanwhile);
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    eventually("writes to go on", PATIENCE, || async {
        (process.post("/api/v1/todos", &todo).await.status == 201).then_some(())
    })
    .await;
    other.close().await.unwrap();
}

/// A slow client of a long list holds no database connection, and is cut off when it takes nothing at all.
#[rstest]
#[tokio::test]
async fn a_client_that_does_not_read_a_long_list(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let Some(database) = Database::new(kind).await else { return };
    let metrics = e2e::free_address();
    let metrics_listen = metrics.to_string();
    let flags = ["--pool-size", "1", "--write-timeout", "1s", "--metrics-listen", &metrics_listen];
    let process = Process::on(&database, &flags).await;
    eventually("health", PATIENCE, || async {
        (process.get("/api/v1/health").await.status == 200).then_some(())
    })
    .await;
    let numbers = match kind {
        Kind::Sqlite => {
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 80000) SELECT i FROM n"
        }
        Kind::Postgres => "SELECT i FROM generate_series(1, 80000) AS n(i)",
    };
    let now = "(SELECT created_at FROM todos WHERE id = 1)";
    process.post("/api/v1/todos", &json!({"title": "pattern"})).await.is(201);
    let many = format!(
        "INSERT INTO todos (title, description, completed, created_at, updated_at)
         SELECT 'todo', '{}', false, {now}, {now} FROM ({numbers}) AS many",
        "x".repeat(120)
    );
    database.execute(AssertSqlSafe(many).0.as_str()).await;

    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    let mut slow = socket.connect(process.address).await.unwrap();
    slow.write_all(b"GET /api/v1/todos HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    slow.read_exact(&mut [0; 1000]).await.unwrap();
    // Meanwhile the only connection of the pool serves others.
    process.get("/api/v1/todos/2").await.is(200);
    let metrics = e2e::Api { address: metrics };
    eventually("the slow client to be cut off", PATIENCE, || async {
        let open = metrics.get("/metrics").await.text();
        // The scrape itself is on another listener.
        open.contains("\nhttp_connections 0\n").then_some(())
    })
    .await;
    let mut rest = Vec::new();
    let _ = slow.read_to_end(&mut rest).await;
    assert!(rest.len() < 15_000_000, "{} bytes came after all", rest.len());
    assert!(!rest.ends_with(b"0\r\n\r\n"), "a list that was cut off must not end as if it were whole");
}
