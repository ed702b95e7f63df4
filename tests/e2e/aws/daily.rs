//! What people do with a deployment that runs: look at it, scale it, go back a version, read its log.

use std::time::{SystemTime, UNIX_EPOCH};

use e2e::aws::{Deploy, Emulator};
use serde_json::{Value, json};

use super::{TARGETS, UP, assert_well_formed, only};

#[tokio::test]
async fn status_scale_history_rollback() {
    for target in TARGETS {
        let Some(emulator) = Emulator::started().await else { return };
        let deploy = Deploy::to(target).await;
        let nothing = deploy.run(&emulator, &["status"]).await.is(1);
        assert!(nothing.stderr.contains("not deployed"), "{nothing}");
        deploy.run(&emulator, &UP).await.is(0);
        let status = deploy.run(&emulator, &["status"]).await.is(0);
        for words in ["healthy", if target == "ec2" { "todo_scale_up" } else { "todo-cpu" }] {
            assert!(status.stdout.contains(words), "{words}: {status}");
        }
        let status = deploy.run(&emulator, &["status", "--json"]).await.is(0);
        serde_json::from_str::<Value>(&status.stdout).expect("JSON");

        deploy.run(&emulator, &["scale", "3"]).await.is(0);
        let state = emulator.state().await;
        let wanted = match target {
            "ec2" => &only(&state, "autoscaling:AutoScalingGroups")["DesiredCapacity"],
            _ => &only(&state, "ecs:services")["desiredCount"],
        };
        assert_eq!(wanted, &json!(3));
        let beyond = deploy.run(&emulator, &["scale", "9"]).await.is(1);
        assert!(beyond.stderr.contains("1 to 4"), "the limit is named: {beyond}");

        deploy.run(&emulator, &["up", "--image", "todo:2"]).await.is(0);
        let history = deploy.run(&emulator, &["history", "--json"]).await.is(0);
        let history: Value = serde_json::from_str(&history.stdout).expect("JSON");
        let images: Vec<&Value> =
            history.as_array().expect("a list").iter().map(|one| &one["image"]).collect();
        assert_eq!(images, [&json!("todo:2"), &json!("todo:1")]);
        deploy.run(&emulator, &["rollback"]).await.is(0);
        let history = deploy.run(&emulator, &["history", "--json"]).await.is(0);
        let history: Value = serde_json::from_str(&history.stdout).expect("JSON");
        let current = history.as_array().and_then(|all| all.iter().find(|one| one["current"] == json!(true)));
        assert_eq!(current.map(|one| &one["image"]), Some(&json!("todo:1")), "{history:#}");
        assert_well_formed(&emulator).await;
    }
}

/// Instances are being replaced, and somebody wants the version before back.
#[tokio::test]
async fn a_replacement_under_way_is_undone() {
    let Some(emulator) = Emulator::started().await else { return };
    let deploy = Deploy::to("ec2").await;
    deploy.run(&emulator, &UP).await.is(0);
    let built = emulator.state().await;
    // It never gets done by itself.
    emulator.settings(json!({"refresh_after": 1_000_000})).await;
    deploy.run(&emulator, &["up", "--image", "todo:2", "--no-wait"]).await.is(0);
    emulator.forget().await;
    let back = deploy.run(&emulator, &["rollback"]).await.is(0);
    assert!(back.stderr.contains("is undone: back to 1 (todo:1)"), "{back}");
    assert_eq!(emulator.mutations().await, ["autoscaling:RollbackInstanceRefresh"]);
    let (state, kind) = (emulator.state().await, "autoscaling:AutoScalingGroups");
    assert_eq!(only(&state, kind), only(&built, kind), "{back}");
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "log events are found by the hour they claim")]
async fn the_services_log() {
    let Some(emulator) = Emulator::started().await else { return };
    let deploy = Deploy::to("ecs").await;
    deploy.run(&emulator, &UP).await.is(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let stream = json!({"logGroupName": "/todo-deploy/todo", "logStreamName": "todo/todo/1"});
    emulator.ask("logs", "CreateLogStream", stream.clone()).await;
    let mut event = stream;
    event["logEvents"] = json!([{"timestamp": now.as_millis() as u64, "message": "listening on port 6400"}]);
    emulator.ask("logs", "PutLogEvents", event).await;
    let logs = deploy.run(&emulator, &["logs"]).await.is(0);
    assert!(logs.stdout.contains("listening on port 6400"), "{logs}");
}
