//! Random requests: whatever they hold, the answer is the contract's, never a 5xx, and the service stays well.
//!
//! The same requests every time, unless `FUZZ_SEED` says otherwise; `FUZZ_CASES` asks for more of them.

use std::cell::RefCell;
use std::collections::BTreeSet;

use e2e::{Answer, Kind, Service};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rstest::rstest;
use serde_json::Value;

/// One request, valid HTTP around anything.
#[derive(Debug, Clone)]
struct Shot {
    method: String,
    target: String,
    content_type: Option<Vec<u8>>,
    request_id: Option<Vec<u8>>,
    body: Vec<u8>,
}

fn setting(name: &str, default: u32) -> u32 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

fn runner(cases: u32) -> TestRunner {
    let seed = [setting("FUZZ_SEED", 0).to_le_bytes(); 8].concat();
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let cases = setting("FUZZ_CASES", cases);
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 500, ..Config::default() };
    TestRunner::new_with_rng(config, rng)
}

/// Text with everything that has ever broken a parser in it.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-z ]{0,100}",
        "\\PC{70,130}",
        Just(String::from("\0")),
        Just(String::from("\u{feff}\u{202e}\u{fffd}")),
        Just("🦀".repeat(80)),
    ]
}

fn deadline() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\\.[0-9]{1,9})?)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?",
        "20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9])T(0[0-9]|1[0-9]):[0-5][0-9]:[0-5][0-9]",
        "[0-9W:T+.-]{0,30}",
        text(),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
        deadline().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-z]{0,4}", inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// A todo, mostly valid, written out as JSON.
fn todo() -> impl Strategy<Value = Vec<u8>> {
    let field = prop_oneof![
        4 => (Just("title"), text().prop_map(Value::from)),
        2 => (Just("description"), text().prop_map(Value::from)),
        2 => (Just("completed"), any::<bool>().prop_map(Value::from)),
        2 => (Just("deadline_at"), deadline().prop_map(Value::from)),
        1 => (prop::sample::select(&["title", "description", "completed", "deadline_at", "id", "x"][..]), value()),
    ];
    let named = (Just("title"), "[a-z ]{1,80}").prop_map(|(name, title)| (name, Value::from(title)));
    (prop::option::weighted(0.8, named), prop::collection::vec(field, 0..4)).prop_map(|(title, fields)| {
        let fields: Vec<_> = fields.into_iter().chain(title).collect();
        let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name:?}:{value}")).collect();
        format!("{{{}}}", fields.join(",")).into_bytes()
    })
}

/// A body: a todo, one with a few bytes changed, or anything.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let mutated = (todo(), prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4));
    let mutated = mutated.prop_map(|(mut bytes, changes)| {
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    });
    let odd = prop::sample::select(vec![
        String::from(r#"{"title":"\ud800"}"#),
        String::from(r#"{"title":"\u0000"}"#),
        format!(r#"{{"title":"a","completed":{}}}"#, "1".repeat(400)),
        format!(r#"{{"title":"a","deadline_at":-1e{}}}"#, "9".repeat(20)),
        "[".repeat(2_000),
        format!("{}{}", r#"{"title":"#.repeat(200), "}".repeat(200)),
        " ".repeat(70_000),
    ]);
    prop_oneof![
        6 => todo(),
        2 => mutated,
        1 => prop::collection::vec(any::<u8>(), 0..200),
        1 => value().prop_map(|value| value.to_string().into_bytes()),
        1 => odd.prop_map(String::into_bytes),
    ]
}

/// A path with a query, percent-encoded so far as HTTP asks for it.
fn target() -> impl Strategy<Value = String> {
    let id = prop_oneof![
        4 => (1..30_i64).prop_map(|id| id.to_string()),
        1 => any::<i64>().prop_map(|id| id.to_string()),
        1 => "[0-9]{1,40}",
        1 => "[!-~]{1,12}",
    ];
    let path = prop_oneof![
        4 => Just(String::from("/api/v1/todos")),
        4 => id.prop_map(|id| format!("/api/v1/todos/{id}")),
        1 => prop::sample::select(&["/", "/api/v1/health", "/api/v1/live", "/docs/", "/api/v1/openapi.json"][..])
            .prop_map(String::from),
        1 => "(/[!-~]{0,8}){1,4}",
    ];
    let parameter = prop_oneof![
        3 => (prop::sample::select(&["completed", "window", "limit", "after"][..]).prop_map(String::from),
              prop_oneof!["true|false", "[0-9]{1,4}", "[0-9]{1,30}", "[ -~]{0,6}", any::<String>()]),
        1 => (any::<String>(), any::<String>()),
    ];
    let query = prop_oneof![
        Just(None),
        prop::collection::vec(parameter, 0..4).prop_map(|pairs| {
            let encode =
                |text: &String| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let pairs: Vec<String> =
                pairs.iter().map(|(k, v)| format!("{}={}", encode(k), encode(v))).collect();
            Some(pairs.join("&"))
        }),
        "[!-~]{0,30}".prop_map(Some),
    ];
    (path, query).prop_map(|(path, query)| {
        let target = query.map_or(path.clone(), |query| format!("{}?{query}", path.replace('?', "%3F")));
        target.replace('#', "%23")
    })
}

fn shot() -> impl Strategy<Value = Shot> {
    let method = prop_oneof![
        8 => prop::sample::select(&["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"][..])
            .prop_map(String::from),
        1 => "[A-Z]{1,12}",
    ];
    // What would work, were it not for the rest; and any method anywhere.
    let aim = prop_oneof![
        3 => Just((String::from("POST"), String::from("/api/v1/todos"))),
        2 => (1..30_i64).prop_map(|id| (String::from("PUT"), format!("/api/v1/todos/{id}"))),
        8 => (method, target()),
    ];
    let content_type = prop_oneof![
        12 => Just(Some(b"application/json".to_vec())),
        1 => prop::option::of(prop::collection::vec(b' '..=255_u8, 0..40)),
    ];
    let request_id = prop::option::of(prop::collection::vec(b' '..=255_u8, 0..150));
    (aim, content_type, request_id, body()).prop_map(|((method, target), content_type, request_id, body)| {
        Shot { method, target, content_type, request_id, body }
    })
}

/// What no request may get, and what every answer must have.
fn check(shot: &Shot, answer: &Answer) -> Result<(), TestCaseError> {
    prop_assert!(answer.status < 500, "{answer}");
    prop_assert!(!answer.header("x-request-id").is_empty(), "{answer}");
    prop_assert!(!answer.header("x-instance-id").is_empty(), "{answer}");
    if shot.method == "HEAD" || shot.method == "OPTIONS" {
        return Ok(());
    }
    if answer.status >= 400 {
        let envelope: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        prop_assert!(envelope["error"].is_string(), "no envelope: {answer}");
    }
    if answer.status < 300 && shot.target.starts_with("/api/v1/todos") {
        let value: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let todos = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        let nothing = shot.method == "DELETE" && value == serde_json::json!({});
        prop_assert!(nothing || todos.iter().all(is_valid), "{answer}");
    }
    Ok(())
}

/// Whether a todo is one that the contract lets in.
fn is_valid(todo: &Value) -> bool {
    let chars = |field: &str| todo[field].as_str().map_or(0, |text| text.chars().count());
    let date = |field: &str| {
        let text = todo[field].as_str().unwrap_or_default();
        (text.len() == 19 || text.len() == 26) && text.as_bytes()[10] == b'T'
    };
    todo.as_object().is_some_and(|fields| fields.len() == 7)
        && todo["id"].as_i64().is_some_and(|id| id > 0)
        && (1..=80).contains(&chars("title"))
        && chars("description") <= 120
        && todo["completed"].is_boolean()
        && (todo["deadline_at"].is_null() || date("deadline_at"))
        && date("created_at")
        && date("updated_at")
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[rstest]
fn random_requests(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let Some(service) = runtime.block_on(Service::on(kind)) else { return };
    let seen = RefCell::new(BTreeSet::new());
    let outcome = runner(600).run(&shot(), |shot| {
        runtime.block_on(async {
            let mut request = service.request(&shot.method, &shot.target);
            for (name, value) in [("content-type", &shot.content_type), ("x-request-id", &shot.request_id)] {
                if let Some(value) = value {
                    request = request.header(name, value.as_slice());
                }
            }
            // What our own client does not take for a request is not the service's concern.
            let Ok(answer) = service.try_send(request, shot.body.clone()).await else {
                prop_assert_eq!(service.get("/api/v1/health").await.status, 200);
                return Err(TestCaseError::reject("no request"));
            };
            seen.borrow_mut().insert(answer.status);
            check(&shot, &answer)
        })
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    runtime.block_on(async {
        service.get("/api/v1/health").await.is(200);
        let list = service.get("/api/v1/todos").await.is(200).value();
        assert!(list.as_array().unwrap().iter().all(is_valid));
    });
    let seen = seen.into_inner();
    assert!([200, 201, 400, 404, 405, 413, 415].iter().all(|status| seen.contains(status)), "only {seen:?}");
}

#[test]
fn random_bytes() {
    let request = (shot(), prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4));
    let request = request.prop_map(|(shot, changes)| {
        let Shot { method, target, body, .. } = shot;
        let head = format!("{method} {target} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n");
        let length = format!("content-length: {}\r\n\r\n", body.len());
        let mut bytes = [head.as_bytes(), length.as_bytes(), &body].concat();
        for (at, byte) in changes {
            let at = at.index(bytes.len().min(200));
            bytes[at] = byte;
        }
        bytes
    });
    block_on(async {
        let service = Service::on(Kind::Sqlite).await.unwrap();
        let mut runner = runner(400);
        for _ in 0..runner.config().cases {
            let bytes = request.new_tree(&mut runner).unwrap().current();
            let answer = service.raw_to_the_end(&bytes).await;
            let status = answer.strip_prefix("HTTP/1.1 ").or(answer.strip_prefix("HTTP/1.0 "));
            let fine = answer.is_empty() || status.is_some_and(|rest| rest.starts_with(['2', '3', '4']));
            assert!(fine, "{:?} is answered {answer:?}", String::from_utf8_lossy(&bytes));
        }
        service.get("/api/v1/health").await.is(200);
        service.get("/api/v1/todos").await.is(200);
    });
}
