//! The forms that a deadline may have (contract, section 3): read leniently, written in one form.

use e2e::{Kind, Service};
use rstest::rstest;
use serde_json::{Value, json};

const ACCEPTED: &[(&str, &str)] = &[
    ("2023-05-02 14:00:00.000", "2023-05-02T14:00:00"),
    ("2023-05-02T14:00:00", "2023-05-02T14:00:00"),
    ("2023-05-02T14:00", "2023-05-02T14:00:00"),
    ("2023-05-02", "2023-05-02T00:00:00"),
    ("2023-05-02T14:00:00.5", "2023-05-02T14:00:00.500000"),
    ("2023-05-02T14:00:00.123456", "2023-05-02T14:00:00.123456"),
    ("2023-05-02T14:00:00.123456789", "2023-05-02T14:00:00.123456"),
    ("2023-05-02T14:00:00.0000001", "2023-05-02T14:00:00"),
    ("2023-05-02T14:00:00Z", "2023-05-02T14:00:00"),
    ("2023-05-02T14:00:00.000000Z", "2023-05-02T14:00:00"),
    ("2023-05-02T14:00:00+10:00", "2023-05-02T04:00:00"),
    ("2023-05-02T14:00:00+1000", "2023-05-02T04:00:00"),
    ("2023-05-02T23:45:00-00:30", "2023-05-03T00:15:00"),
    ("2024-02-29T00:00:00", "2024-02-29T00:00:00"),
    ("20230227T103000", "2023-02-27T10:30:00"),
    ("2023-W09-1", "2023-02-27T00:00:00"),
    ("0001-01-01T00:00:00", "0001-01-01T00:00:00"),
    ("9999-12-31T23:59:59.999999", "9999-12-31T23:59:59.999999"),
];

const REFUSED: &[&str] = &[
    "",
    " ",
    "soon",
    "2023",
    "2023-05",
    "2023-02-30",
    "2023-02-29",
    "2023-13-01",
    "2023-00-01",
    "2023-05-02T",
    "2023-05-02T25:00:00",
    "2023-05-02T14:60:00",
    "2023-05-02T14:00:60",
    "2023-05-02T14:00:00+99:00",
    "2023-05-02T14:00:00 UTC",
    "2023-05-02T14:00:00Zx",
    "10000-01-01T00:00:00",
    "0000-12-31T00:00:00",
    "-0001-01-01T00:00:00",
    "0001-01-01T00:00:00+10:00",
    "9999-12-31T23:59:59-01:00",
    "02/05/2023",
    "Tue, 02 May 2023 14:00:00 GMT",
    "infinity",
    "now",
    "２０２３-05-02",
];

#[rstest]
#[tokio::test]
async fn accepted(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(service) = Service::on(kind).await else { return };
    service.post("/api/v1/todos", &json!({"title": "changed all the time"})).await.is(201);
    for (sent, expected) in ACCEPTED {
        let new = json!({"title": "a", "deadline_at": sent});
        let created = service.post("/api/v1/todos", &new).await.is(201).value();
        assert_eq!(created["deadline_at"], *expected, "POST {sent}");
        let stored = service.get(&format!("/api/v1/todos/{}", created["id"])).await.value();
        assert_eq!(stored, created, "POST {sent}");
        let changed = service.put("/api/v1/todos/1", &json!({"deadline_at": sent})).await.is(200).value();
        assert_eq!(changed["deadline_at"], *expected, "PUT {sent}");
    }
    let listed = service.get("/api/v1/todos").await.value();
    let listed = listed.as_array().unwrap().iter().skip(1).map(|todo| todo["deadline_at"].as_str().unwrap());
    assert!(listed.eq(ACCEPTED.iter().map(|(_, expected)| *expected)), "the list writes them alike");
}

#[rstest]
#[tokio::test]
async fn refused(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(service) = Service::on(kind).await else { return };
    let todo = json!({"title": "a", "deadline_at": "2023-05-02T14:00:00"});
    let todo = service.post("/api/v1/todos", &todo).await.is(201).value();
    let others = [json!(5), json!(1_683_036_000_000_u64), json!(1.5), json!(true), json!([]), json!({})];
    let texts = REFUSED.iter().map(|text| Value::from(*text));
    for deadline in texts.chain(others) {
        service.post("/api/v1/todos", &json!({"title": "a", "deadline_at": deadline})).await.refused(400);
        service.put("/api/v1/todos/1", &json!({"deadline_at": deadline})).await.refused(400);
    }
    assert_eq!(service.get("/api/v1/todos").await.value(), json!([todo]));
}
