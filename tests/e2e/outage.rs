//! The database is absent, stops, freezes or vanishes: the service answers 503 within its bounds and recovers by
//! itself, as the same process.

use std::time::{Duration, Instant};

use e2e::{Answer, Database, Link, OwnPostgres, Process, eventually};
use futures_util::future::join_all;
use serde_json::json;

/// A health check tells the truth within this.
const FLIP: Duration = Duration::from_secs(2);
/// What a busy test machine may add to any bound.
const SLACK: Duration = Duration::from_secs(2);
/// For a service that is to recover.
const RECOVERY: Duration = Duration::from_secs(10);

/// What the tests set low, so that the bounds are seen and waited for soon.
const LIMITS: [&str; 4] = ["--request-timeout", "3s", "--pool-wait", "1s"];
const BOUND: Duration = Duration::from_secs(3);

async fn health_turns(process: &Process, status: u16, limit: Duration) {
    let what = format!("health to be {status}");
    eventually(&what, limit, || async {
        (process.get("/api/v1/health").await.status == status).then_some(())
    })
    .await;
}

/// One request of each kind, several times over and all at once; each answer with the time that it took.
#[expect(clippy::disallowed_methods, reason = "measures how long an answer takes")]
async fn one_of_each(process: &Process) -> Vec<(Answer, Duration)> {
    let todo = json!({"title": "x"});
    let asked = (0..4).map(async |_| {
        let started = Instant::now();
        let answers = tokio::join!(
            async { (process.get("/api/v1/todos").await, started.elapsed()) },
            async { (process.get("/api/v1/todos/1").await, started.elapsed()) },
            async { (process.post("/api/v1/todos", &todo).await, started.elapsed()) },
            async { (process.put("/api/v1/todos/1", &todo).await, started.elapsed()) },
            async { (process.delete("/api/v1/todos/999").await, started.elapsed()) },
        );
        <[_; 5]>::from(answers)
    });
    join_all(asked).await.into_iter().flatten().collect()
}

/// During an outage each request is refused politely, and soon; the process itself is alive.
async fn all_are_refused(process: &Process) {
    for (answer, took) in one_of_each(process).await {
        let answer = answer.is(503);
        assert_eq!(answer.header("retry-after"), "1", "{answer}");
        assert!(
            answer.value()["error"].as_str().is_some_and(|error| error.contains("try again")),
            "{answer}"
        );
        assert!(took < BOUND + SLACK, "{took:?} for {answer}");
    }
    let health = process.get("/api/v1/health").await.is(503);
    assert_eq!(health.value(), json!({"status": "unavailable"}));
    process.get("/api/v1/live").await.is(200);
}

async fn all_are_served(process: &Process) {
    for (answer, _) in one_of_each(process).await {
        assert!([200, 201].contains(&answer.status), "{answer}");
    }
}

#[tokio::test]
async fn postgres_that_is_absent_at_the_start() {
    let Some(mut postgres) = OwnPostgres::new() else { return };
    let process = Process::at(&postgres.url(), &LIMITS).await;
    all_are_refused(&process).await;
    postgres.start().await;
    health_turns(&process, 200, RECOVERY).await;
    process.post("/api/v1/todos", &json!({"title": "at last"})).await.is(201);
    assert!(process.log().contains("database not ready"), "the log says what it waits for");
}

#[tokio::test]
async fn postgres_that_swallows_everything_at_the_start() {
    let Some(database) = Database::postgres().await else { return };
    let (link, url) = database.behind_a_link().await;
    link.clog();
    let process = Process::at(&url, &LIMITS).await;
    all_are_refused(&process).await;
    // What was swallowed stays so; only connections made from now on get through.
    link.lose();
    link.mend();
    health_turns(&process, 200, RECOVERY).await;
    process.post("/api/v1/todos", &json!({"title": "at last"})).await.is(201);
}

#[tokio::test]
async fn postgres_that_stops_and_comes_back() {
    let Some(mut postgres) = OwnPostgres::started().await else { return };
    let process = Process::at(&postgres.url(), &LIMITS).await;
    health_turns(&process, 200, RECOVERY).await;
    process.post("/api/v1/todos", &json!({"title": "kept"})).await.is(201);
    all_are_served(&process).await;
    postgres.stop().await;
    health_turns(&process, 503, FLIP).await;
    all_are_refused(&process).await;
    postgres.start().await;
    health_turns(&process, 200, FLIP).await;
    eventually("requests to be served", RECOVERY, || async {
        (process.get("/api/v1/todos/1").await.status == 200).then_some(())
    })
    .await;
    all_are_served(&process).await;
}

#[tokio::test]
async fn postgres_that_freezes_and_goes_on() {
    let Some(postgres) = OwnPostgres::started().await else { return };
    let process = Process::at(&postgres.url(), &LIMITS).await;
    health_turns(&process, 200, RECOVERY).await;
    process.post("/api/v1/todos", &json!({"title": "kept"})).await.is(201);
    postgres.freeze();
    health_turns(&process, 503, FLIP).await;
    all_are_refused(&process).await;
    postgres.thaw();
    health_turns(&process, 200, FLIP).await;
    eventually("requests to be served", RECOVERY, || async {
        let answers = one_of_each(&process).await;
        answers.iter().all(|(answer, _)| [200, 201].contains(&answer.status)).then_some(())
    })
    .await;
}

/// A failover: the old server answers nothing any more, not even that a connection is gone; a new one is at its
/// address.
#[tokio::test]
async fn postgres_that_vanishes_and_is_replaced() {
    let Some(database) = Database::postgres().await else { return };
    let (link, url): (Link, String) = database.behind_a_link().await;
    let process = Process::at(&url, &LIMITS).await;
    health_turns(&process, 200, RECOVERY).await;
    process.post("/api/v1/todos", &json!({"title": "kept"})).await.is(201);
    // Every connection of the pool is open, and so lost.
    all_are_served(&process).await;
    link.lose();
    eventually("each kind of request to be served", RECOVERY, || async {
        let answers = one_of_each(&process).await;
        answers.iter().all(|(answer, _)| [200, 201].contains(&answer.status)).then_some(())
    })
    .await;
    health_turns(&process, 200, FLIP).await;
}
