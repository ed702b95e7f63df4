//! `local up` when things end that should not: an instance, a service that cannot start, todo-deploy itself.

use std::time::Duration;

use e2e::{Load, Local, eventually, instances, is_alive, within};
use serde_json::Value;
use tokio::io::AsyncWriteExt;

const PATIENCE: Duration = Duration::from_secs(60);

const TWO: [&str; 4] = ["--set", "capacity.desired=2", "--set", "capacity.min=2"];

fn healthy(status: &Value, count: u64) -> Option<Vec<(String, u32)>> {
    let group = &status["group"];
    (group["healthy"] == count && group["launching"] == 0).then(|| instances(status))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_is_killed_is_replaced_and_no_read_fails() {
    let local = Local::up(&TWO).await;
    let before = local.until("two instances", PATIENCE, |status| healthy(status, 2)).await;
    let load = Load::start(local.balancer.address, "/api/v1/todos?limit=5", 4);
    let enough = |than: u64| load.answered() > than + 50;
    eventually("some requests", PATIENCE, || async { enough(0).then_some(()) }).await;
    let (code, _, said) = local.ask(&["kill", &before[0].0]).await;
    assert_eq!(code, 0, "{said}");
    let others = |status: &Value| healthy(status, 2).filter(|now| now.iter().all(|one| *one != before[0]));
    let after = local.until("another in its place", PATIENCE, others).await;
    assert!(after.contains(&before[1]), "the other one was left alone: {before:?} {after:?}");
    let answered = load.answered();
    eventually("more requests", PATIENCE, || async { enough(answered).then_some(()) }).await;
    load.without_a_failure().await;
    assert!(!is_alive(before[0].1));
    let story = local.said();
    assert!(story.contains(&format!("{} DIED", before[0].0)) && story.contains("in place of"), "{story}");
    let (code, _, said) = local.ask(&["kill", "i-99"]).await;
    assert!(code == 2 && said.contains("there is no instance i-99; there are i-"), "{said}");
}

#[tokio::test]
async fn a_service_that_cannot_start_is_reported_and_not_hammered() {
    let local = Local::nowhere();
    let mut arguments = vec!["up", "-d", "--listen", "127.0.0.1:0", "--dashboard", "off", "--program", "sh"];
    // The service's own -d is not ours.
    arguments.extend(["--", "-c", "echo \"the disk is full: $1\" >&2; exit 3", "sh", "-d"]);
    let (code, _, said) = local.ask(&arguments).await;
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("ended with exit code 3") && said.contains("the disk is full: -d"), "{said}");
    let launches = local.events().iter().filter(|event| event["event"] == "launching").count();
    assert!((3..=5).contains(&launches), "{launches} starts until it was given up");
    let (code, _, said) = local.ask(&["status"]).await;
    assert!(code == 2 && said.contains("nothing runs"), "{said}");
}

#[tokio::test]
async fn what_a_killed_todo_deploy_leaves_is_ended_by_the_next_and_only_that() {
    let mut local = Local::up(&TWO).await;
    let orphans = local.until("two instances", PATIENCE, |status| healthy(status, 2)).await;
    // Another run on the same machine.
    let other = Local::up(&[]).await;
    local.kill().await;
    assert!(orphans.iter().all(|(_, pid)| is_alive(*pid)), "they outlive it");
    local.start(&TWO).await;
    assert!(
        local.said().contains("ended 2 instances that a killed todo-deploy had left"),
        "{}",
        local.said()
    );
    for (name, pid) in &orphans {
        eventually("an orphan to end", PATIENCE, || async { (!is_alive(*pid)).then_some(()) }).await;
        assert!(!local.said().contains(&format!("{name} DIED")));
    }
    let others = other.instances().await;
    assert!(others.len() == 1 && is_alive(others[0].1), "the other run was left alone");

    // `down` ends orphans, too.
    let orphans = local.until("two instances", PATIENCE, |status| healthy(status, 2)).await;
    local.kill().await;
    let (code, _, said) = local.ask(&["down", "--purge"]).await;
    assert!(code == 0 && said.contains("ended 2 instances"), "{said}");
    for (_, pid) in &orphans {
        eventually("an orphan to end", PATIENCE, || async { (!is_alive(*pid)).then_some(()) }).await;
    }
    assert!(!local.dir().exists());
}

#[tokio::test]
async fn ctrl_c_drains_and_a_second_one_ends_at_once() {
    let mut local = Local::up(&TWO).await;
    let instances = local.until("two instances", PATIENCE, |status| healthy(status, 2)).await;
    // A request that is not over for as long as its client likes.
    let mut slow = tokio::net::TcpStream::connect(local.balancer.address).await.unwrap();
    let beginning = b"POST /api/v1/todos HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    slow.write_all(beginning).await.unwrap();
    let in_flight = |status: &Value| (status["traffic"]["in_flight"] == 1.0).then_some(());
    local.until("it is in flight", PATIENCE, in_flight).await;
    local.signal(e2e::Signal::INT);
    eventually("it to be stopping", PATIENCE, || async { local.said().contains("stopping 2").then_some(()) })
        .await;
    assert!(instances.iter().all(|(_, pid)| is_alive(*pid)), "they finish what they have");
    local.signal(e2e::Signal::INT);
    let ended = within("a second Ctrl-C to end it", Duration::from_secs(20), local.ended()).await;
    assert_eq!(ended, Some(0), "{}", local.said());
    assert!(local.said().contains("at once"), "{}", local.said());
    assert!(instances.iter().all(|(_, pid)| !is_alive(*pid)), "nothing is left behind");
    assert_eq!(std::fs::read_dir(local.dir().join("processes")).unwrap().count(), 0);
}
