//! The commands beside `local up`: deploy, scale, status, logs, a second up, down.

use std::time::Duration;

use e2e::{Load, Local, eventually, instances, is_alive, todo_api_program};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);

fn in_service(status: &Value, count: u64) -> Option<Vec<(String, u32)>> {
    let group = &status["group"];
    let quiet = group["launching"] == 0 && group["leaving"] == 0;
    (group["healthy"] == count && group["in_service"] == count && quiet).then(|| instances(status))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_version_is_rolled_out_and_a_bad_one_taken_back_and_no_request_fails() {
    let local = Local::up(&["--speed", "10", "--set", "capacity.desired=2", "--set", "capacity.min=2"]).await;
    let old = local.until("two instances", PATIENCE, |status| in_service(status, 2)).await;
    let load = Load::start(local.balancer.address, "/api/v1/todos?limit=5", 4);
    eventually("some requests", PATIENCE, || async { (load.answered() > 50).then_some(()) }).await;

    let program = todo_api_program();
    let (code, _, said) =
        local.ask(&["deploy", "--program", program.to_str().unwrap(), "-e", "TODO_LOG=debug"]).await;
    assert_eq!(code, 0, "{said}");
    let new = local.until("two other instances", PATIENCE, |status| {
        in_service(status, 2).filter(|now| now.iter().all(|one| !old.contains(one)))
    });
    let new = new.await;
    assert!(old.iter().all(|(_, pid)| !is_alive(*pid)), "those of the old version have ended");

    let (code, _, said) =
        local.ask(&["deploy", "--program", "sh", "--", "-c", "echo no such table; exit 1"]).await;
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("does not start") && said.contains("no such table"), "{said}");
    // The successor that was on its way runs what ran before.
    let same = |status: &Value| in_service(status, 2).filter(|now| now.contains(&new[1]));
    local.until("two instances of what ran before", PATIENCE, same).await;
    assert_eq!(service(&local.status().await), program.to_str().unwrap(), "the status says what runs");
    let answered = load.answered();
    eventually("more requests", PATIENCE, || async { (load.answered() > answered + 50).then_some(()) }).await;
    load.without_a_failure().await;
    let (code, said, _) = local.ask(&["logs", &new[1].0]).await;
    assert!(code == 0 && said.contains("DEBUG"), "the new version's variable is set: {said:.2000}");
}

#[tokio::test]
async fn a_second_up_changes_only_what_changed() {
    let local = Local::nowhere();
    let program = todo_api_program();
    let up = |more: &'static [&'static str]| {
        let mut arguments = vec!["up", "-d", "--listen", "127.0.0.1:0", "--dashboard", "off"];
        arguments.extend(["--program", program.to_str().unwrap(), "--seed-todos", "3"]);
        arguments.extend(more);
        arguments
    };
    let (code, _, said) = local.ask(&up(&[])).await;
    assert!(code == 0 && said.contains("running in the background"), "{said}");
    let before = status(&local).await;

    let (code, _, said) = local.ask(&up(&[])).await;
    assert!(code == 0 && said.contains("runs already") && said.contains("nothing changed"), "{said}");
    let (code, _, said) = local.ask(&up(&["--set", "capacity.max=2", "--set", "scaling.cooldown=60s"])).await;
    assert!(code == 0 && said.contains("are those of the deployment now"), "{said}");
    let after = status(&local).await;
    assert_eq!(instances(&after), instances(&before), "no instance was touched");
    let limits = |status: &Value| (status["group"]["max"].clone(), status["about"]["limits"]["max"].clone());
    assert_eq!(limits(&after), (2.into(), 2.into()), "the status knows the new limit");
    let (code, _, said) = local.ask(&up(&["--speed", "2"])).await;
    assert!(code == 2 && said.contains("the speed cannot change while it runs"), "{said}");

    let changed = ["--set", "capacity.max=2", "--set", "load_balancer.deregistration_delay=5s"];
    let (code, _, said) = local.ask(&[up(&[]), changed.to_vec()].concat()).await;
    assert!(code == 0 && said.contains("is set up anew"), "{said}");

    // By hand, within the new limits.
    let (code, _, said) = local.ask(&["scale", "5"]).await;
    assert!(code == 1 && said.contains("1 → 2 instances") && said.contains("1 to 2"), "{said}");
    let two = || async { in_service(&status(&local).await, 2) };
    let scaled = eventually("two instances", PATIENCE, two).await;
    assert!(scaled.contains(&instances(&before)[0]));
    let (code, said, _) = local.ask(&["logs"]).await;
    assert!(code == 0 && said.contains("i-1 | ") && said.contains("listening on"), "{said}");
    let (_, shown, _) = local.ask(&["status"]).await;
    assert!(shown.contains("2 in service") && shown.contains("by hand"), "{shown}");

    let (code, _, said) = local.ask(&["down"]).await;
    assert!(code == 0 && said.contains("stopped"), "{said}");
    assert!(scaled.iter().all(|(_, pid)| !is_alive(*pid)));
    assert!(local.dir().join("todo.db").exists(), "the todos stay");
    let (code, _, said) = local.ask(&["down", "--purge"]).await;
    assert!(code == 0 && !local.dir().exists(), "{said}");
}

/// What runs, as the status says it.
fn service(status: &Value) -> String {
    let facts = status["about"]["facts"].as_array().unwrap();
    facts.iter().find(|fact| fact["name"] == "Service").unwrap()["value"].as_str().unwrap().to_owned()
}

async fn status(local: &Local) -> Value {
    let (code, said, error) = local.ask(&["status", "--json"]).await;
    assert_eq!(code, 0, "{error}");
    serde_json::from_str(&said).unwrap()
}
