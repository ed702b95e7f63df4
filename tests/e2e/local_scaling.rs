//! `local up` under load: from one instance to the maximum and back, as `simulate` says, and no request fails.

use std::io::BufReader;
use std::time::Duration;

use e2e::{Load, Local, is_alive};
use serde_json::Value;

/// Sixty times as fast as on AWS, and slack for a machine ten times slower than that.
const PATIENCE: Duration = Duration::from_secs(150);

/// `up 1 → 2`, in order.
fn decisions(events: &[Value]) -> Vec<String> {
    let scaled = events.iter().filter(|event| event["event"] == "scaled");
    let text = |event: &Value| {
        let by = event["by"]["policy"]["name"].as_str().unwrap_or("by hand").to_owned();
        format!("{by} {} → {}", event["from"], event["to"])
    };
    scaled.map(text).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_to_three_and_back_as_simulated_and_no_request_fails() {
    let mut local = Local::nowhere();
    let file = local.place().join("deployment.toml");
    std::fs::write(&file, e2e::up_and_down(3)).unwrap();
    local.start(&[file.to_str().unwrap(), "--speed", "60"]).await;
    let predicted = simulated(&file).await;
    assert_eq!(predicted, ["up 1 → 2", "up 2 → 3", "down 3 → 2", "down 2 → 1"]);

    let load = Load::start(local.balancer.address, "/api/v1/todos?limit=10", 6);
    let full = |status: &Value| (status["group"]["healthy"] == 3).then(|| e2e::instances(status));
    let busy = local.until("three healthy instances", PATIENCE, full).await;
    let used = |status: &Value| {
        let requests = |(name, _): &(String, u32)| {
            let instances = status["instances"].as_array()?;
            instances.iter().find(|instance| instance["id"] == **name)?["requests"].as_u64()
        };
        busy.iter().all(|one| requests(one).is_some_and(|count| count > 0)).then_some(())
    };
    local.until("all of them to be used", PATIENCE, used).await;
    let answered = load.without_a_failure().await;
    assert!(answered > 100, "{answered} requests");

    // Under a light load it shrinks; what is asked meanwhile is answered all the same.
    let load = Load::with_pauses(local.balancer.address, "/api/v1/live", 2, Duration::from_millis(250));
    let alone = |status: &Value| {
        let group = &status["group"];
        (group["in_service"] == 1 && group["leaving"] == 0).then(|| e2e::instances(status))
    };
    let left = local.until("one instance", PATIENCE, alone).await;
    load.without_a_failure().await;
    assert_eq!(decisions(&local.events()), predicted, "{}", local.said());

    // Nothing stays behind.
    local.signal(e2e::Signal::INT);
    assert_eq!(local.ended().await, Some(0), "{}", local.said());
    for (name, pid) in busy.iter().chain(&left) {
        assert!(!is_alive(*pid), "{name} still runs");
    }
    assert!(!local.dir().join("control.sock").exists());
    assert_eq!(std::fs::read_dir(local.dir().join("processes")).unwrap().count(), 0);
    same_again(&local);
}

/// The recorded facts, fed to another engine, give the same events, byte for byte.
fn same_again(local: &Local) {
    let facts = std::fs::File::open(local.dir().join("facts.jsonl")).unwrap();
    let replayed = todo_deploy::local::replay(BufReader::new(facts)).unwrap();
    let replayed: Vec<String> = replayed.iter().map(|event| serde_json::to_string(event).unwrap()).collect();
    let timeline = std::fs::read_to_string(local.dir().join("timeline.jsonl")).unwrap();
    let recorded: Vec<&str> = timeline.lines().filter(|line| line.contains("\"event\":")).collect();
    assert!(recorded.len() > 20, "{timeline}");
    assert_eq!(recorded, replayed);
}

/// What `simulate` says would be decided under such a load.
async fn simulated(file: &std::path::Path) -> Vec<String> {
    let mut command = e2e::todo_deploy();
    command.args([
        "simulate",
        "--target",
        "local",
        "--users",
        "6",
        "--think",
        "constant 1ms",
        "--duration",
        "30m",
    ]);
    command.args(["--service-time", "5ms", "--json", "--file"]).arg(file);
    let output = command.output().await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let said: Value =
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let run = if said["runs"].is_array() { &said["runs"][0] } else { &said };
    decisions(run["timeline"]["events"].as_array().unwrap_or_else(|| panic!("no events in {text:.500}")))
}
