//! Metrics: Prometheus text on a listener of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use e2e::{Api, Database, Kind, Process, eventually, free_address};
use rstest::rstest;
use serde_json::json;

/// What a scrape says, once each line of it is sound: series with their values.
fn parsed(text: &str) -> BTreeMap<String, f64> {
    let (mut series, mut types, mut helped) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
    assert!(text.ends_with("\n# EOF\n"), "{text}");
    for line in text.lines() {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        match words[..] {
            ["#", "EOF"] => {}
            ["#", "HELP", name, help] => {
                assert!(!help.trim().is_empty() && helped.insert(name), "{line}");
            }
            ["#", "UNIT", name, unit] => assert!(name.ends_with(unit), "{line}"),
            ["#", "TYPE", name, kind] => {
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert!(types.insert(name, kind).is_none(), "{line}");
            }
            _ => {
                let (name, value) = line.rsplit_once(' ').unwrap();
                let family = name.split('{').next().unwrap();
                let known = types.iter().any(|(base, kind)| match *kind {
                    "counter" => family == format!("{base}_total"),
                    "gauge" => family == *base,
                    _ => ["_bucket", "_sum", "_count"].iter().any(|end| family == format!("{base}{end}")),
                });
                assert!(known, "a sample without a type: {line}");
                assert!(series.insert(String::from(name), value.parse().unwrap()).is_none(), "twice: {line}");
            }
        }
    }
    assert!(types.keys().all(|name| helped.contains(name)), "each has a help text");
    series
}

#[rstest]
#[tokio::test]
async fn a_scrape_is_sound_and_counts(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(database) = Database::new(kind).await else { return };
    let metrics = Api { address: free_address() };
    let process = Process::on(&database, &["--metrics-listen", &metrics.address.to_string()]).await;
    eventually("todos to be served", Duration::from_secs(30), || async {
        (process.post("/api/v1/todos", &json!({"title": "x"})).await.status == 201).then_some(())
    })
    .await;
    process.get("/api/v1/todos").await.is(200);
    process.get("/api/v1/todos/77").await.is(404);
    process.get("/api/v1/todos/78").await.is(404);
    process.get("/no/such/path").await.is(404);

    let answer = metrics.get("/metrics").await.is(200);
    assert!(answer.header("content-type").contains("text"), "{answer}");
    let series = parsed(&answer.text());
    let count = |labels: &str| series.get(&format!("http_requests_total{{{labels}}}")).copied();
    assert_eq!(count(r#"route="/api/v1/todos",method="POST",status="2xx""#), Some(1.0));
    assert_eq!(count(r#"route="/api/v1/todos",method="GET",status="2xx""#), Some(1.0));
    assert_eq!(count(r#"route="/api/v1/todos/{id}",method="GET",status="4xx""#), Some(2.0));
    assert_eq!(count(r#"route="other",method="GET",status="4xx""#), Some(1.0));

    // Buckets add up, and the last holds all.
    let of = |end: &str| -> Vec<f64> {
        let all = answer.text();
        let lines =
            all.lines().filter(|line| line.contains(end) && line.contains(r#"route="/api/v1/todos/{id}""#));
        lines.map(|line| line.rsplit_once(' ').unwrap().1.parse().unwrap()).collect()
    };
    let buckets = of("_bucket{");
    assert!(buckets.is_sorted() && buckets.last() == Some(&2.0), "{buckets:?}");
    assert_eq!(of("_count{"), [2.0]);
    for name in ["process_cpu_seconds_total", "process_resident_memory_bytes", "http_requests_in_flight"] {
        assert!(series.contains_key(name), "no {name}:\n{}", answer.text());
    }
    assert!(series.keys().any(|name| name.starts_with("db_pool_in_use{")));

    // Never on the public port.
    process.get("/metrics").await.is(404);
    metrics.get("/api/v1/todos").await.is(404);
}
