//! What `local up` runs, and on what: a PostgreSQL database, a service at the wrong port, one that publishes a metric of
//! its own, an instance that runs out of CPU credits.

use std::path::Path;
use std::time::Duration;

use e2e::{Database, Load, Local, eventually, is_alive, todo_api_program, within};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};

/// Slack for a machine ten times slower.
const PATIENCE: Duration = Duration::from_secs(90);

fn healthy(status: &Value, count: u64) -> Option<Vec<(String, u32)>> {
    (status["group"]["healthy"] == count).then(|| e2e::instances(status))
}

#[tokio::test]
async fn instances_share_a_postgresql_database_whose_password_nobody_sees() {
    let Some(database) = Database::postgres().await else { return };
    let two = ["--set", "capacity.desired=2", "--set", "capacity.min=2", "--seed-todos", "3"];
    let local = Local::up(&[&two[..], &["--database-url", database.url()]].concat()).await;
    let instances = local.until("two instances", PATIENCE, |status| healthy(status, 2)).await;
    // As many as it takes turns for both.
    for number in 0..6 {
        let todo = json!({ "title": format!("todo {number}") });
        local.balancer.post("/api/v1/todos", &todo).await.is(201);
    }
    let listed = local.balancer.get("/api/v1/todos").await.is(200).value();
    assert_eq!(listed.as_array().map(Vec::len), Some(9), "three from the beginning, and ours");
    assert_eq!(database.number("SELECT count(*) FROM todos").await, 9);
    assert!(!local.dir().join("todo.db").exists(), "nothing is in a file");
    for (name, pid) in &instances {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        assert!(
            !String::from_utf8_lossy(&line).contains("postgres"),
            "{name}'s URL is in the list of processes"
        );
    }
    let shown = local.status().await.to_string() + &local.said();
    assert!(!shown.contains(database.url()), "{shown}");
}

/// Not by its name, so that it is given no flags of todo-api.
fn at_the_wrong_port(program: &Path) -> [&str; 6] {
    let script = "exec \"$0\" --listen 127.0.0.1:0 --database-url sqlite::memory:";
    ["--program", "sh", "--", "-c", script, program.to_str().unwrap()]
}

#[tokio::test]
async fn a_service_at_the_wrong_port_is_told_where_it_listens_and_where_it_should() {
    let local = Local::nowhere();
    let program = todo_api_program();
    let up = ["up", "-d", "--listen", "127.0.0.1:0", "--dashboard", "off"];
    let service = at_the_wrong_port(&program);
    let mut up = local.command(&[&up[..], &service].concat()).spawn().unwrap();
    let note = eventually("a hint", PATIENCE, || async {
        let (_, said, _) = local.ask(&["status", "--json"]).await;
        let status: Value = serde_json::from_str(&said).ok()?;
        status["notes"].as_array()?.first()?.as_str().map(str::to_owned)
    });
    let note = note.await;
    let (what, how) = note.split_once(", which it was given as the environment variable PORT=").unwrap();
    let (listens, given) = what.split_once(" and not on 127.0.0.1:").unwrap();
    let port: u16 = listens.strip_prefix("i-1 listens on 127.0.0.1:").unwrap().parse().unwrap();
    assert_ne!(port.to_string(), given);
    assert!(how.starts_with(given) && how.contains("-- --port {port}"), "{note}");
    let (code, _, said) = local.ask(&["down", "--now"]).await;
    assert_eq!(code, 0, "{said}");
    let _ = up.wait().await;
}

#[tokio::test]
async fn who_rolls_out_a_service_at_the_wrong_port_is_told_so() {
    let local = Local::up(&[]).await;
    let program = todo_api_program();
    let mut deploy =
        local.command(&[&["deploy"][..], &at_the_wrong_port(&program)].concat()).spawn().unwrap();
    let mut said = BufReader::new(deploy.stderr.take().unwrap()).lines();
    let hint = async {
        loop {
            let line = said.next_line().await.unwrap().expect("a hint before it is taken back");
            if line.contains(" listens on 127.0.0.1:") && line.contains("-- --port {port}") {
                return;
            }
        }
    };
    within("a hint", PATIENCE, hint).await;
    deploy.kill().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_metric_of_the_service_itself_makes_it_scale() {
    let mut local = Local::nowhere();
    let file = local.place().join("deployment.toml");
    let text = r#"
capacity = { min = 1, desired = 1, max = 2 }
health_check = { replaces_instances = false }
[[scaling.policy]]
kind = "simple"
name = "crowd"
adjustment = 1
alarm = { metric = "custom:http_requests_total", when = ">= 300", period = "60s", evaluation_periods = 1 }
"#;
    std::fs::write(&file, text).unwrap();
    local.start(&[file.to_str().unwrap(), "--speed", "60"]).await;
    let seen = |status: &Value| {
        let values = status["alarms"][0]["history"]["values"].as_array()?;
        values.iter().filter_map(Value::as_f64).next_back()
    };
    local.until("the metric to be read", PATIENCE, seen).await;
    let load = Load::start(local.balancer.address, "/api/v1/live", 2);
    local.until("two instances", PATIENCE, |status| healthy(status, 2)).await;
    let answered = load.without_a_failure().await;
    assert!(answered >= 200, "only {answered} requests made it scale");
    let scaled = local.events().into_iter().find(|event| event["event"] == "scaled").expect("it scaled");
    assert_eq!((&scaled["by"]["policy"]["name"], &scaled["to"]), (&json!("crowd"), &json!(2)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_out_of_cpu_credits_is_held_to_the_baseline() {
    /// Thirty vCPU-minutes last eighteen seconds of a whole CPU at this speed, which a busy machine does not give.
    const LONG: Duration = Duration::from_secs(400);
    let one = ["--set", "capacity.max=1", "--set", "health_check.replaces_instances=false"];
    let local = Local::up(&[&["--like", "ec2", "--speed", "100"], &one[..]].concat()).await;
    let before = local.status().await;
    let facts = before["about"]["facts"].as_array().unwrap();
    let credits = facts.iter().find(|fact| fact["name"] == "CPU credits").unwrap();
    assert!(
        credits["value"].as_str().unwrap().starts_with("30 vCPU-minutes at launch, then 10 %"),
        "{credits}"
    );
    let load = Load::start(local.balancer.address, "/api/v1/todos?limit=100", 8);
    let throttled = |status: &Value| (status["instances"][0]["throttled"] == true).then_some(());
    local.until("it is out of credits", LONG, throttled).await;
    // Held to a tenth, give or take a sample that began before.
    let held = |status: &Value| {
        let busy = status["instances"][0]["cpu_percent"].as_f64()?;
        (status["instances"][0]["throttled"] == true && busy < 30.0).then_some(busy)
    };
    let busy = local.until("it is held to its baseline", PATIENCE, held).await;
    assert!(busy > 0.0, "and it still serves");
    let answered = load.answered();
    eventually("it goes on serving", PATIENCE, || async { (load.answered() > answered).then_some(()) }).await;
    load.without_a_failure().await;
    let free = |status: &Value| (status["instances"][0]["throttled"] != true).then_some(());
    local.until("idle, it earns some again", PATIENCE, free).await;
    let turns: Vec<Value> = local
        .events()
        .into_iter()
        .filter(|event| event["event"] == "throttled")
        .map(|event| event["throttled"].clone())
        .collect();
    assert_eq!(turns[..2], [json!(true), json!(false)]);
    assert!(local.said().contains("credits"), "{}", local.said());
    assert!(e2e::instances(&local.status().await).iter().all(|(_, pid)| is_alive(*pid)));
}
