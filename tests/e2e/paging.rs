//! The list in pages, and as one stream however long it is.

use e2e::{Database, Kind, Service};
use http_body_util::BodyExt;
use rstest::rstest;
use serde_json::{Value, json};

use crate::todos::ids;

#[rstest]
#[tokio::test]
async fn pages_by_key(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(service) = with_todos(kind, 7).await else { return };
    let first = service.get("/api/v1/todos?limit=3").await.is(200);
    assert_eq!(ids(&first.value()), [1, 2, 3]);
    assert_eq!(first.header("link"), "</api/v1/todos?limit=3&after=3>; rel=\"next\"");
    let check = async |query: &str, expected: &[i64], more: bool| {
        let page = service.get(&format!("/api/v1/todos?{query}")).await.is(200);
        assert_eq!(ids(&page.value()), expected, "{query}");
        assert_eq!(page.headers.contains_key("link"), more, "{query}");
    };
    check("limit=3&after=3", &[4, 5, 6], true).await;
    check("limit=3&after=6", &[7], false).await;
    check("limit=3&after=4", &[5, 6, 7], false).await;
    check("limit=7", &[1, 2, 3, 4, 5, 6, 7], false).await;
    check("limit=1000", &[1, 2, 3, 4, 5, 6, 7], false).await;
    check("limit=3&after=7", &[], false).await;
    check("limit=3&after=99999999999999999999", &[], false).await;
    check("after=5", &[6, 7], false).await;
    check("limit=&after=", &[1, 2, 3, 4, 5, 6, 7], false).await;
    check("limit=2&limit=5", &[1, 2], true).await;
}

#[rstest]
#[tokio::test]
async fn following_the_links_gives_each_todo_once_and_keeps_the_filters(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let Some(service) = with_todos(kind, 23).await else { return };
    let mut path = String::from("/api/v1/todos?window=%2B9&completed=true&limit=4&colour=blue");
    let mut found = Vec::new();
    loop {
        let page = service.get(&path).await.is(200);
        found.extend(ids(&page.value()));
        let link = page.header("link");
        if link.is_empty() {
            break;
        }
        let next = link.strip_prefix('<').and_then(|rest| rest.strip_suffix(">; rel=\"next\"")).unwrap();
        let last = found.last().unwrap();
        assert_eq!(next, format!("/api/v1/todos?completed=true&window=9&limit=4&after={last}"));
        path = String::from(next);
    }
    let expected: Vec<i64> = (1..=23).filter(|id| id % 2 == 0).collect();
    assert_eq!(found, expected);
}

#[rstest]
#[tokio::test]
async fn a_list_of_thousands_is_whole(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(service) = with_todos(kind, 3_333).await else { return };
    // Around the ends of the pages that the service reads, and in the midst of one.
    for after in [0, 1, 332, 2_332, 2_333, 2_832, 2_833, 2_834, 3_332, 3_333] {
        let list = service.get(&format!("/api/v1/todos?after={after}")).await.is(200);
        assert!(!list.headers.contains_key("link"), "all of it is here");
        let expected: Vec<i64> = (after + 1..=3_333).collect();
        assert_eq!(ids(&list.value()), expected);
    }
    let list = service.get("/api/v1/todos?completed=true").await.is(200).value();
    let expected: Vec<i64> = (1..=3_333).filter(|id| id % 2 == 0).collect();
    assert_eq!(ids(&list), expected);
    let one = service.get("/api/v1/todos/3333").await.value();
    let list = service.get("/api/v1/todos").await.value();
    assert_eq!(list[3_332], one, "a todo is written alike wherever it is written");
}

#[rstest]
#[tokio::test]
async fn what_is_deleted_while_a_list_is_read_leaves_valid_json(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let Some(service) = with_todos(kind, 100_000).await else { return };
    let mut body = service.open(service.request("GET", "/api/v1/todos"), "").await.unwrap().into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    service.database.execute("DELETE FROM todos WHERE id > 1000").await;
    let rest = body.collect().await.unwrap().to_bytes();
    let list: Value = serde_json::from_slice(&[first, rest].concat()).unwrap();
    let found = ids(&list);
    assert!(found.is_sorted_by(|a, b| a < b));
    assert_eq!(found[..1_000], *(1..=1_000).collect::<Vec<i64>>());
    assert!(found.len() < 100_000, "the list was not held in memory");
}

#[rstest]
#[tokio::test]
async fn a_client_that_does_not_read_keeps_nobody_waiting(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let Some(database) = Database::new(kind).await else { return };
    let service = Service::with(database, &["--pool-size", "1"]).await;
    fill(&service.database, 100_000).await;
    let _unread = service.open(service.request("GET", "/api/v1/todos"), "").await.unwrap();
    service.get("/api/v1/todos/1").await.is(200);
    service.post("/api/v1/todos", &json!({"title": "meanwhile"})).await.is(201);
    service.get("/api/v1/health").await.is(200);
}

async fn with_todos(kind: Kind, count: u32) -> Option<Service> {
    let service = Service::on(kind).await?;
    fill(&service.database, count).await;
    Some(service)
}

/// Todos with ids from 1, the even ones completed, all overdue.
pub(crate) async fn fill(database: &Database, count: u32) {
    let (title, description) =
        ("A title of usual length", "and a description that is somewhat longer than that");
    fill_with(database, count, title, description).await;
}

/// [`fill`] with these texts.
pub(crate) async fn fill_with(database: &Database, count: u32, title: &str, description: &str) {
    let columns = "INSERT INTO todos (title, description, completed, deadline_at, created_at, updated_at)";
    let sql = match database.kind() {
        Kind::Sqlite => format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) {columns} \
             SELECT '{title}', '{description}', i % 2 = 0, '2023-05-02 14:00:00.000000', \
             '2023-03-29 09:30:00.125000', '2023-03-29 09:30:00.125000' FROM n"
        ),
        Kind::Postgres => format!(
            "{columns} SELECT '{title}', '{description}', i % 2 = 0, '2023-05-02 14:00', '2023-03-29 09:30:00.125', \
             '2023-03-29 09:30:00.125' FROM generate_series(1, {count}) AS i; ANALYZE todos"
        ),
    };
    database.execute(&sql).await;
}
