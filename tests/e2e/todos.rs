//! The five calls on todos (contract, sections 1 and 2), and the order of the list.

use e2e::{Kind, Service, set_clock};
use rstest::rstest;
use serde_json::{Value, json};

#[rstest]
#[tokio::test]
async fn a_todo_lives_and_dies(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(service) = Service::on(kind).await else { return };
    set_clock("2023-03-29T09:30:00");
    assert_eq!(service.get("/api/v1/todos").await.is(200).value(), json!([]));
    let created = service.post("/api/v1/todos", &json!({"title": "Watch the lecture"})).await.is(201).value();
    let mut todo = json!({
        "id": 1, "title": "Watch the lecture", "description": null, "completed": false, "deadline_at": null,
        "created_at": "2023-03-29T09:30:00", "updated_at": "2023-03-29T09:30:00",
    });
    assert_eq!(created, todo);
    assert_eq!(service.get("/api/v1/todos/1").await.is(200).value(), todo);
    assert_eq!(service.get("/api/v1/todos").await.is(200).value(), json!([todo]));

    set_clock("2023-03-30T00:00:00.125");
    let changed = service.put("/api/v1/todos/1", &json!({"completed": true})).await.is(200).value();
    todo["completed"] = json!(true);
    todo["updated_at"] = json!("2023-03-30T00:00:00.125000");
    assert_eq!(changed, todo, "the fraction is there when it is not zero, and has six digits");

    assert_eq!(service.delete("/api/v1/todos/1").await.is(200).value(), todo);
    service.get("/api/v1/todos/1").await.refused(404);
    assert_eq!(service.get("/api/v1/todos").await.is(200).value(), json!([]));
}

#[rstest]
#[tokio::test]
async fn every_field_comes_back_as_it_was_sent(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(service) = Service::on(kind).await else { return };
    let sent = json!({
        "title": "Übung \"3\" \\ \t\n\u{1}\u{7f} — 🦀 </script> \u{feff}", "description": "", "completed": true,
        "deadline_at": "2023-04-05T06:07:08.000009",
    });
    let created = service.post("/api/v1/todos", &sent).await.is(201).value();
    for field in ["title", "description", "completed", "deadline_at"] {
        assert_eq!(created[field], sent[field]);
    }
    assert_eq!(service.get("/api/v1/todos/1").await.value(), created);
    assert_eq!(service.get("/api/v1/todos").await.value(), json!([created]));
}

#[rstest]
#[tokio::test]
async fn an_update_changes_what_it_names_and_nothing_else(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let Some(service) = Service::on(kind).await else { return };
    set_clock("2023-03-29T09:30:00");
    let sent = json!({"title": "a", "description": "b", "deadline_at": "2023-04-01T00:00:00"});
    let mut todo = service.post("/api/v1/todos", &sent).await.is(201).value();

    set_clock("2023-03-30T00:00:00");
    assert_eq!(service.put("/api/v1/todos/1", &json!({})).await.is(200).value(), todo, "nothing to change");
    todo["updated_at"] = json!("2023-03-30T00:00:00");
    for (field, value) in [
        ("title", json!("c")),
        ("description", json!("d")),
        ("completed", json!(true)),
        ("completed", json!(false)),
        ("deadline_at", json!("2024-02-29T12:00:00")),
        ("description", Value::Null),
        ("deadline_at", Value::Null),
    ] {
        todo[field] = value.clone();
        let changed = service.put("/api/v1/todos/1", &json!({field: value})).await.is(200).value();
        assert_eq!(changed, todo, "after {field}");
    }
    let all =
        json!({"title": "e", "description": "f", "completed": true, "deadline_at": "2025-01-01T00:00:00"});
    let changed = service.put("/api/v1/todos/1", &all).await.is(200).value();
    for (field, value) in all.as_object().unwrap() {
        assert_eq!(changed[field], *value);
    }
    assert_eq!(service.get("/api/v1/todos/1").await.value(), changed);
}

#[rstest]
#[tokio::test]
async fn what_is_not_there(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(service) = Service::on(kind).await else { return };
    let missing = service.get("/api/v1/todos/1").await.refused(404);
    assert_eq!(missing.value(), json!({"error": "Todo not found"}));
    let missing = service.put("/api/v1/todos/1", &json!({"title": "a"})).await.refused(404);
    assert_eq!(missing.value(), json!({"error": "Todo not found"}));
    service.put("/api/v1/todos/1", &json!({})).await.refused(404);
    let nothing = service.delete("/api/v1/todos/1").await.is(200);
    assert_eq!(nothing.value(), json!({}), "deleting what is not there is no error");
}

#[rstest]
#[tokio::test]
async fn the_list_is_in_the_order_of_ids_whatever_is_done_to_them(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let Some(service) = Service::on(kind).await else { return };
    for title in ["a", "b", "c", "d"] {
        service.post("/api/v1/todos", &json!({"title": title})).await.is(201);
    }
    service.put("/api/v1/todos/1", &json!({"title": "z"})).await.is(200);
    service.delete("/api/v1/todos/2").await.is(200);
    service.put("/api/v1/todos/3", &json!({"title": "y"})).await.is(200);
    assert_eq!(ids(&service.get("/api/v1/todos").await.value()), [1, 3, 4]);
    service.delete("/api/v1/todos/4").await.is(200);
    let next = service.post("/api/v1/todos", &json!({"title": "e"})).await.is(201).value();
    assert_eq!(next["id"], 5, "an id is never given twice");
}

#[rstest]
#[tokio::test]
async fn todos_added_at_the_same_time_all_get_an_id_of_their_own(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let Some(service) = Service::on(kind).await else { return };
    let add = async |n: usize| {
        let title = format!("number {n}");
        let todo = service.post("/api/v1/todos", &json!({"title": title})).await.is(201).value();
        assert_eq!(todo["title"], title.as_str(), "each caller gets its own todo");
        let found = service.get(&format!("/api/v1/todos/{}", todo["id"])).await.is(200).value();
        assert_eq!(found, todo);
    };
    futures_util::future::join_all((0..64).map(add)).await;
    let expected: Vec<i64> = (1..=64).collect();
    assert_eq!(ids(&service.get("/api/v1/todos").await.value()), expected);
}

/// The ids of a list.
pub(crate) fn ids(list: &Value) -> Vec<i64> {
    list.as_array().expect("a list").iter().map(|todo| todo["id"].as_i64().expect("an id")).collect()
}
