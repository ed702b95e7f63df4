//! A list that is far larger than the memory it may take, and one that cannot be finished.

use std::time::Duration;

use e2e::{Database, Kind, Process, Service, within};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use rstest::rstest;

use crate::paging::{fill, fill_with};
use crate::schema::ready;

/// What the service may take, in bytes.
const MEMORY_MAX: u64 = 100_000_000;
/// A million in an optimised build. An unoptimised one needs a minute for that, so it lists fewer; the texts are as
/// long as they may be, so that the list is larger than [`MEMORY_MAX`] in any case.
const TODOS: u32 = if cfg!(debug_assertions) { 110_000 } else { 1_000_000 };
const PATIENCE: Duration = Duration::from_secs(120);

#[rstest]
#[tokio::test]
async fn a_list_larger_than_the_memory(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(database) = Database::new(kind).await else { return };
    let process = Process::on(&database, &[]).await;
    ready(&process).await;
    fill_with(&database, TODOS, &"🦀".repeat(80), &"🦀".repeat(120)).await;

    let mut body = process.open(process.request("GET", "/api/v1/todos"), "").await.unwrap().into_body();
    let (mut bytes, mut todos, mut last) = (0, 0, 0);
    let read = async {
        while let Some(frame) = body.frame().await {
            let data = frame.expect("a list that is not cut").into_data().expect("data");
            bytes += data.len() as u64;
            todos += data.iter().filter(|byte| **byte == b'{').count();
            last = *data.last().unwrap_or(&last);
        }
    };
    within("the end of the list", PATIENCE, read).await;
    assert_eq!((todos, last), (TODOS as usize, b'\n'), "all of it came");
    assert!(bytes > MEMORY_MAX, "{bytes} bytes prove nothing");
    if let Some(peak) = process.peak_memory_bytes() {
        assert!(peak < MEMORY_MAX, "{peak} bytes of memory for a list of {bytes}");
    }
}

/// The first bytes of a list that is too long for the buffers between the service and us.
async fn long_list(service: &Service) -> Incoming {
    let mut body = service.open(service.request("GET", "/api/v1/todos"), "").await.unwrap().into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(first.starts_with(br#"[{"id":1,"#));
    body
}

async fn is_cut(body: Incoming) {
    let rest = within("the end of the list", Duration::from_secs(30), body.collect()).await;
    assert!(rest.is_err(), "a list that is not whole must not end as if it were");
}

#[rstest]
#[tokio::test]
async fn a_list_whose_table_goes_away_is_cut(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(service) = Service::on(kind).await else { return };
    fill(&service.database, 100_000).await;
    let body = long_list(&service).await;
    service.database.execute("ALTER TABLE todos RENAME TO elsewhere").await;
    is_cut(body).await;
    let refused = service.get("/api/v1/todos").await;
    assert!(refused.status >= 500, "before the first page it is an error: {refused}");
    let status = refused.status;
    refused.refused(status);
    service.database.execute("ALTER TABLE elsewhere RENAME TO todos").await;
    service.get("/api/v1/todos?limit=1").await.is(200);
}

#[tokio::test]
async fn a_list_whose_database_goes_away_is_cut() {
    let Some(database) = Database::postgres().await else { return };
    let (link, url) = database.behind_a_link().await;
    let service = Service::with(database, &["--database-url", &url]).await;
    fill(&service.database, 100_000).await;
    let body = long_list(&service).await;
    link.cut();
    is_cut(body).await;
    service.get("/api/v1/todos").await.refused(503);
    assert_eq!(service.get("/api/v1/health").await.is(503).text(), r#"{"status":"unavailable"}"#);
    assert_eq!(service.get("/api/v1/live").await.is(200).text(), r#"{"status":"ok"}"#);
    link.mend();
    e2e::eventually("the list to be back", Duration::from_secs(10), async || {
        (service.get("/api/v1/todos?limit=1").await.status == 200).then_some(())
    })
    .await;
}
