//! The filters of the list (contract, section 3, query parameters).

use e2e::{Kind, Service, set_clock};
use rstest::rstest;
use serde_json::json;

use crate::todos::ids;

/// Todos 1 to 8 as seen from noon of 1 April 2023; the even ones are completed.
async fn with_todos(kind: Kind) -> Option<Service> {
    let service = Service::on(kind).await?;
    set_clock("2023-04-01T12:00:00");
    for (n, deadline) in [
        None,
        Some("2023-03-01T00:00:00"),
        Some("2023-04-01T12:00:00"),
        Some("2023-04-01T12:00:00.000001"),
        Some("2023-04-02T12:00:00"),
        Some("2023-04-02T12:00:00.000001"),
        Some("2023-04-08T12:00:00"),
        Some("9999-12-31T23:59:59.999999"),
    ]
    .into_iter()
    .enumerate()
    {
        let todo = json!({"title": "a", "deadline_at": deadline, "completed": n % 2 == 1});
        service.post("/api/v1/todos", &todo).await.is(201);
    }
    Some(service)
}

#[rstest]
#[tokio::test]
async fn filters(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(service) = with_todos(kind).await else { return };
    let check = async |query: &str, expected: &[i64]| {
        let list = service.get(&format!("/api/v1/todos?{query}")).await.is(200).value();
        assert_eq!(ids(&list), expected, "{query}");
    };
    let all = [1, 2, 3, 4, 5, 6, 7, 8];
    check("", &all).await;
    check("completed=true", &[2, 4, 6, 8]).await;
    check("completed=false", &[1, 3, 5, 7]).await;
    check("completed=", &all).await;
    check("completed", &all).await;
    check("completed=true&completed=false", &[2, 4, 6, 8]).await;
    check("completed=true&completed=nonsense", &[2, 4, 6, 8]).await;
    check("completed=&completed=true", &all).await;
    check("%63ompleted=tru%65", &[2, 4, 6, 8]).await;
    // Overdue todos belong to every window, those without a deadline to none.
    check("window=0", &[2, 3]).await;
    check("window=1", &[2, 3, 4, 5]).await;
    check("window=7", &[2, 3, 4, 5, 6, 7]).await;
    check("window=07", &[2, 3, 4, 5, 6, 7]).await;
    check("window=999999999", &[2, 3, 4, 5, 6, 7, 8]).await;
    check("window=99999999999999999999999999", &[2, 3, 4, 5, 6, 7, 8]).await;
    check("window=", &all).await;
    check("window=%2B1", &[2, 3, 4, 5]).await;
    check("window=+1", &[2, 3, 4, 5]).await;
    check("window=%201%20", &[2, 3, 4, 5]).await;
    check("window=0&window=7", &[2, 3]).await;
    check("completed=true&window=1", &[2, 4]).await;
    check("window=1&completed=false", &[3, 5]).await;
    check("completed=true&window=7&limit=2&after=2", &[4, 6]).await;
    check("colour=blue&Completed=true&window[]=x", &all).await;
    check("&&=&a=b=c&%zz", &all).await;
}

#[rstest]
#[tokio::test]
async fn refused_queries(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(service) = with_todos(kind).await else { return };
    for query in [
        "completed=True",
        "completed=TRUE",
        "completed=FALSE",
        "completed=1",
        "completed=0",
        "completed=foo",
        "completed=%20true",
        "completed=%FF",
        "completed=%00",
        "window=-1",
        "window=abc",
        "window=1.5",
        "window=1e3",
        "window=%2B%2B1",
        "window=٣",
        "window=1;DROP",
        "limit=0",
        "limit=1001",
        "limit=-1",
        "limit=ten",
        "limit=99999999999999999999999",
        "after=-1",
        "after=x",
        "completed=true&window=x",
    ] {
        let query: String =
            query.chars().map(|c| if c.is_ascii() { String::from(c) } else { "%D9%A3".into() }).collect();
        service.get(&format!("/api/v1/todos?{query}")).await.refused(400);
    }
}
