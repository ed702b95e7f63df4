//! There and back on both paths, when nothing goes wrong.

use std::collections::BTreeMap;

use e2e::aws::{Deploy, Emulator};
use serde_json::{Value, json};

use super::{TARGETS, UP, assert_well_formed, changes, only};

/// Most calls of an `up` that finds nothing to change.
const CALLS_MAX: usize = 39;

#[tokio::test]
async fn up_twice_and_down() {
    for target in TARGETS {
        let Some(emulator) = Emulator::started().await else { return };
        let deploy = Deploy::to(target).await;
        let up = deploy.run(&emulator, &UP).await.is(0);
        assert!(up.stdout.trim().starts_with("http://taskoverflow-1.us-east-1.elb"), "{up}");
        assert_well_formed(&emulator).await;
        let built = emulator.state().await;

        emulator.forget().await;
        deploy.run(&emulator, &UP).await.is(0);
        let calls: Vec<String> = emulator.calls().await.into_iter().map(|call| call.call).collect();
        assert_eq!(emulator.mutations().await, [""; 0], "{target}: nothing was to be changed");
        assert!(calls.len() <= CALLS_MAX, "{target}: {} calls: {calls:?}", calls.len());
        deploy.run(&emulator, &["plan", "--image", "todo:1"]).await.is(0);
        assert_eq!(emulator.state().await, built);

        // The database is kept unless told otherwise, and whatever is up again is as it was.
        let down = deploy.run(&emulator, &["down"]).await.is(0);
        assert!(down.stderr.contains("kept: ") && down.stderr.contains("todo-db"), "{down}");
        let kept = emulator.state().await;
        let kinds: Vec<&String> = kept.as_object().expect("kinds").keys().collect();
        let database = [
            "ec2:NetworkInterfaces",
            "ec2:SecurityGroups",
            "rds:DBInstances",
            "rds:DBSubnetGroups",
            "ssm:Parameters",
        ];
        assert_eq!(kinds, database, "{target}: only the database is left");
        deploy.run(&emulator, &UP).await.is(0);
        assert_eq!(emulator.state().await, built);

        deploy.run(&emulator, &["down", "--delete-database"]).await.is(0);
        let left = emulator.state().await;
        let kinds: Vec<&String> = left.as_object().expect("kinds").keys().collect();
        assert_eq!(kinds, ["rds:DBSnapshots"], "{target}: only the last snapshot is left");
        assert_well_formed(&emulator).await;
    }
}

/// Capitals, of which RDS makes small letters.
#[tokio::test]
async fn a_name_with_capitals_converges() {
    for target in TARGETS {
        let Some(emulator) = Emulator::started().await else { return };
        let deploy = Deploy::to(target).await;
        let up = ["up", "--image", "todo:1", "--name", "Shop", "--no-wait"];
        deploy.run(&emulator, &up).await.is(0);
        emulator.forget().await;
        deploy.run(&emulator, &up).await.is(0);
        assert_eq!(emulator.mutations().await, [""; 0], "{target}");
        deploy.run(&emulator, &["down", "--name", "Shop", "--delete-database"]).await.is(0);
        let left = emulator.state().await;
        assert_eq!(left.as_object().expect("kinds").keys().collect::<Vec<_>>(), ["rds:DBSnapshots"]);
    }
}

#[tokio::test]
async fn down_tells_what_it_keeps() {
    let Some(emulator) = Emulator::started().await else { return };
    let deploy = Deploy::to("ecs").await;
    let tags = json!([{"Key": "todo-deploy:deployment", "Value": "todo"}, {"Key": "todo-deploy:target", "Value": "ec2"}]);
    emulator.ask("ecr", "CreateRepository", json!({"repositoryName": "todo-api", "tags": tags})).await;
    emulator.ask("ecr", "CreateRepository", json!({"repositoryName": "somebody-elses"})).await;
    deploy.run(&emulator, &UP).await.is(0);
    let down = deploy.run(&emulator, &["down", "--delete-database"]).await.is(0);
    for words in
        ["kept: the last snapshot `todo-db-final-", "delete-db-snapshot", "ECR repository `todo-api`"]
    {
        assert!(down.stderr.contains(words), "{words}: {down}");
    }
    assert!(!down.stderr.contains("somebody-elses"), "{down}");
    // Said again when there is nothing left to do.
    let again = deploy.run(&emulator, &["down", "--delete-database"]).await.is(0);
    assert!(
        again.stderr.contains("kept: the last snapshot") && again.stderr.contains("nothing of"),
        "{again}"
    );
}

/// How often each call is in a list of them.
fn counted(calls: impl IntoIterator<Item = String>) -> BTreeMap<String, usize> {
    calls.into_iter().fold(BTreeMap::new(), |mut counts, call| {
        *counts.entry(call).or_default() += 1;
        counts
    })
}

#[tokio::test]
async fn a_change_sends_exactly_what_plan_announced() {
    for target in TARGETS {
        let Some(emulator) = Emulator::started().await else { return };
        let deploy = Deploy::to(target).await;
        // From nothing, and from something.
        for further in [vec!["--image", "todo:1"], changes(target)] {
            let plan = [vec!["plan", "--json"], further.clone()].concat();
            let plan = deploy.run(&emulator, &plan).await.is(2);
            let plan: Value = serde_json::from_str(&plan.stdout).expect("JSON");
            let changes = plan["changes"].as_array().expect("changes");
            let announced = changes.iter().flat_map(|change| change["calls"].as_array().expect("calls"));
            let announced = counted(announced.map(|call| call.as_str().unwrap_or_default().to_owned()));
            assert!(!announced.is_empty(), "{plan}");
            assert_eq!(emulator.mutations().await, [""; 0], "a plan changes nothing");
            assert!(plan["notes"].is_array() && plan["traps"].is_array(), "{plan}");
            assert!(plan["usd_per_hour"].as_f64().is_some_and(|usd| usd > 0.03), "{plan}");
            deploy.run(&emulator, &[vec!["up"], further.clone()].concat()).await.is(0);
            assert_eq!(counted(emulator.mutations().await), announced, "{target}");
            assert_well_formed(&emulator).await;
            emulator.forget().await;
            deploy.run(&emulator, &[vec!["plan"], further].concat()).await.is(0);
            emulator.forget().await;
        }
    }
}

#[tokio::test]
async fn one_changed_field_is_one_changed_thing() {
    let Some(emulator) = Emulator::started().await else { return };
    let deploy = Deploy::to("ec2").await;
    deploy.run(&emulator, &UP).await.is(0);
    let table = [
        ("health_check.interval=20s", "elasticloadbalancing:ModifyTargetGroup"),
        ("load_balancer.idle_timeout=70s", "elasticloadbalancing:ModifyLoadBalancerAttributes"),
        ("capacity.max=6", "autoscaling:UpdateAutoScalingGroup"),
        ("health_check.grace=200s", "autoscaling:UpdateAutoScalingGroup"),
    ];
    for (set, call) in table {
        let changed = emulator.fork().await;
        deploy.run(&changed, &[&UP[..], &["--set", set]].concat()).await.is(0);
        assert_eq!(changed.mutations().await, [call], "{set}");
    }
}

#[tokio::test]
async fn the_capacity_that_policies_chose_stays() {
    for target in TARGETS {
        let Some(emulator) = Emulator::started().await else { return };
        let deploy = Deploy::to(target).await;
        deploy.run(&emulator, &UP).await.is(0);
        let (service, operation, params) = match target {
            "ec2" => (
                "autoscaling",
                "SetDesiredCapacity",
                json!({"AutoScalingGroupName": "todo", "DesiredCapacity": 3}),
            ),
            _ => (
                "ecs",
                "UpdateService",
                json!({"cluster": "taskoverflow", "service": "taskoverflow", "desiredCount": 3}),
            ),
        };
        emulator.ask(service, operation, params).await;
        emulator.forget().await;
        deploy.run(&emulator, &UP).await.is(0);
        assert_eq!(emulator.mutations().await, [""; 0]);
        deploy.run(&emulator, &[vec!["up"], changes(target)].concat()).await.is(0);
        let state = emulator.state().await;
        let now = match target {
            "ec2" => &only(&state, "autoscaling:AutoScalingGroups")["DesiredCapacity"],
            _ => &only(&state, "ecs:services")["desiredCount"],
        };
        assert_eq!(now, &json!(3), "{target}");
    }
}

#[tokio::test]
async fn two_at_once_end_in_one() {
    for target in TARGETS {
        let Some(emulator) = Emulator::started().await else { return };
        let deploy = Deploy::to(target).await;
        let alone = emulator.fork().await;
        deploy.run(&alone, &UP).await.is(0);
        let (one, other) = tokio::join!(deploy.run(&emulator, &UP), deploy.run(&emulator, &UP));
        // Either may lose a race, but says so in a proper way.
        for outcome in [one, other] {
            assert!(matches!(outcome.code, Some(0 | 1)), "{target}: {outcome}");
            assert!(!outcome.stderr.contains("panicked at"), "{target}: {outcome}");
        }
        deploy.run(&emulator, &UP).await.is(0);
        assert_eq!(emulator.state().await, alone.state().await, "{target}");
    }
}

#[tokio::test]
async fn two_deployments_side_by_side() {
    let Some(emulator) = Emulator::started().await else { return };
    let (ec2, ecs) = (Deploy::to("ec2").await, Deploy::to("ecs").await);
    let shop = ["up", "--image", "todo:1", "--name", "shop"];
    ec2.run(&emulator, &UP).await.is(0);
    let first = emulator.state().await;
    ecs.run(&emulator, &shop).await.is(0);
    ec2.run(&emulator, &["plan", "--image", "todo:1"]).await.is(0);
    ecs.run(&emulator, &["down", "--name", "shop", "--delete-database"]).await.is(0);
    let mut now = emulator.state().await;
    now.as_object_mut().expect("kinds").remove("rds:DBSnapshots");
    assert_eq!(now, first, "the other deployment was not touched");
}
