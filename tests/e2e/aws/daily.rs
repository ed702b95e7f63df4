//! What people do with a deployment that runs: look at it, scale it, go back a version, read its log.

use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use e2e::aws::{Deploy, Emulator};
use e2e::within;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

use super::{TARGETS, UP, assert_well_formed, only};

/// Until something that was written is read.
const PATIENCE: Duration = Duration::from_secs(120);

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

/// Two streams of the service's log group, and now in milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "log events are found by the hour they claim")]
async fn streams(emulator: &Emulator, streams: [&str; 2]) -> u64 {
    for stream in streams {
        let params = json!({"logGroupName": "/todo-deploy/todo", "logStreamName": stream});
        emulator.ask("logs", "CreateLogStream", params).await;
    }
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as u64
}

async fn write(emulator: &Emulator, stream: &str, lines: &[(u64, &str)]) {
    let events = lines.iter().map(|(at, text)| json!({"timestamp": at, "message": format!("{text}\n")}));
    let mut params = json!({"logGroupName": "/todo-deploy/todo", "logStreamName": stream});
    params["logEvents"] = events.collect();
    emulator.ask("logs", "PutLogEvents", params).await;
}

/// What runs has read its secrets when it began: that one has changed since then is said, and `restart` is the remedy.
#[tokio::test]
async fn a_secret_that_changed_is_told_until_a_restart() {
    for target in TARGETS {
        let Some(emulator) = Emulator::started().await else { return };
        let deploy = Deploy::to(target).await;
        let nothing = deploy.run(&emulator, &["restart"]).await.is(1);
        assert!(nothing.stderr.contains("`up` makes one"), "{nothing}");
        let secret = json!({"Name": "/shop/key", "Value": "one", "Type": "SecureString"});
        emulator.ask("ssm", "PutParameter", secret).await;
        let file = "[service]\nsecrets = { KEY = \"ssm:/shop/key\" }\n";
        std::fs::write(deploy.directory().join("deployment.toml"), file).expect("a file");
        let up = deploy.run(&emulator, &UP).await.is(0);
        let word = "has changed since";
        assert!(!up.stderr.contains(word), "{up}");
        // A launch is told in whole seconds: it is changed until that is seen.
        let told = async {
            loop {
                let secret =
                    json!({"Name": "/shop/key", "Value": "two", "Type": "SecureString", "Overwrite": true});
                emulator.ask("ssm", "PutParameter", secret).await;
                let status = deploy.run(&emulator, &["status"]).await.is(0);
                if status.stdout.contains(word) {
                    return status;
                }
            }
        };
        let status = within("the change to be seen", PATIENCE, told).await;
        let one_line = status.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(one_line.contains("ssm:/shop/key has changed since 1 of 1"), "{status}");
        assert!(one_line.contains(&format!("`todo-deploy {target} restart` replaces")), "{status}");
        let up = deploy.run(&emulator, &UP).await.is(0);
        assert!(up.stderr.contains("note: ssm:/shop/key has changed since 1 of 1"), "{up}");
        emulator.forget().await;
        let restart = deploy.run(&emulator, &["restart"]).await.is(0);
        assert!(restart.stdout.starts_with("http://"), "{restart}");
        let call = if target == "ec2" { "autoscaling:StartInstanceRefresh" } else { "ecs:UpdateService" };
        assert_eq!(emulator.mutations().await, [call]);
        let status = deploy.run(&emulator, &["status"]).await.is(0);
        assert!(!status.stdout.contains(word), "{status}");
        let up = deploy.run(&emulator, &UP).await.is(0);
        assert!(!up.stderr.contains(word), "{up}");
        assert_well_formed(&emulator).await;
    }
}

/// What is not there is said by name, and what `plan` answers with 2 nothing else does.
#[tokio::test]
async fn nothing_to_look_at_and_words_that_are_none() {
    let Some(emulator) = Emulator::started().await else { return };
    let deploy = Deploy::to("ecs").await;
    let history = deploy.run(&emulator, &["history"]).await.is(0);
    assert!(history.stderr.contains("todo has no versions on ecs; `up` makes the first"), "{history}");
    let scale = deploy.run(&emulator, &["scale", "2"]).await.is(1);
    assert!(scale.stderr.starts_with("error: there is no ECS service; `up` makes one"), "{scale}");
    deploy.run(&emulator, &UP).await.is(0);
    let rollback = deploy.run(&emulator, &["rollback"]).await.is(1);
    assert!(rollback.stderr.contains("there is no version before 1 (todo:1)"), "{rollback}");
    let rollback = deploy.run(&emulator, &["rollback", "7"]).await.is(1);
    assert!(rollback.stderr.contains("there is no version 7; `history` lists"), "{rollback}");
    let scale = deploy.run(&emulator, &["scale", "30"]).await.is(1);
    assert!(scale.stderr.starts_with("error: 30 is outside 1 to 4; change capacity."), "{scale}");
    let typo = deploy.run(&emulator, &["plan", "--regoin", "us-east-1"]).await.is(1);
    assert!(typo.stderr.contains("'--region'"), "{typo}");
    let region = deploy.run(&emulator, &["plan", "--image", "todo:1", "--region", "us east"]).await.is(1);
    assert!(region.stderr.contains("`us east` is no region's name"), "{region}");
}

#[tokio::test]
async fn the_services_log_is_followed_in_order_and_without_repeating() {
    for target in TARGETS {
        let Some(emulator) = Emulator::started().await else { return };
        let deploy = Deploy::to(target).await;
        let nothing = deploy.run(&emulator, &["logs"]).await.is(1);
        assert_eq!(nothing.stdout, "", "no log group yet: {nothing}");
        assert!(nothing.stderr.contains("no log group /todo-deploy/todo; `up` makes it"), "{nothing}");
        deploy.run(&emulator, &UP).await.is(0);
        let [one, two] = match target {
            "ec2" => ["i-0aaa", "i-0bbb"],
            _ => ["todo/todo/1", "todo/todo/2"],
        };
        let now = streams(&emulator, [one, two]).await;
        let hour = 3_600_000;
        write(&emulator, one, &[(now - hour, "long ago"), (now - 9_000, "first"), (now - 5_000, "third")])
            .await;
        write(&emulator, two, &[(now - 7_000, "second"), (now - 5_000, "third")]).await;
        let logs = deploy.run(&emulator, &["logs"]).await.is(0);
        let told = [(one, "first"), (two, "second"), (one, "third"), (two, "third")];
        let told: Vec<String> = told.iter().map(|(stream, text)| format!("{stream}  {text}")).collect();
        let said: Vec<&str> = logs.stdout.lines().collect();
        assert_eq!(said[..2], told[..2], "{logs}");
        assert_eq!(said.len(), 4, "both instances' line of the same moment: {logs}");
        let since = deploy.run(&emulator, &["logs", "--since", "2h"]).await.is(0);
        assert!(since.stdout.starts_with(&format!("{one}  long ago\n")), "{since}");

        let mut command = deploy.command(&emulator, &["logs", "-f"]);
        command.stderr(Stdio::null()).kill_on_drop(true);
        let mut following = command.spawn().expect("todo-deploy was built with this test");
        let mut lines = BufReader::new(following.stdout.take().expect("standard output is piped")).lines();
        let mut next = async || within("the next line", PATIENCE, lines.next_line()).await.expect("readable");
        for _ in 0..4 {
            next().await.expect("what was there before");
        }
        // A bad minute of AWS's is said and passes.
        let troubled =
            json!([{"call": "logs:FilterLogEvents", "code": "InternalFailure", "status": 500, "times": 8}]);
        emulator.faults(troubled).await;
        // A line that comes late and one that is new: each once, nothing again.
        write(&emulator, two, &[(now - 6_000, "late"), (now, "fourth")]).await;
        assert_eq!(next().await, Some(format!("{two}  late")));
        assert_eq!(next().await, Some(format!("{two}  fourth")));
        write(&emulator, one, &[(now + 1, "fifth")]).await;
        assert_eq!(next().await, Some(format!("{one}  fifth")));
        let id = following.id().and_then(|id| Pid::from_raw(id.cast_signed())).expect("it runs");
        kill_process(id, Signal::INT).expect("our own child");
        assert_eq!(next().await, None, "the end, and nothing was said twice");
        let ended = within("it to end", PATIENCE, following.wait()).await.expect("a child");
        assert_eq!(ended.code(), Some(0));
        assert_well_formed(&emulator).await;
    }
}
