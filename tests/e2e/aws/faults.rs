//! AWS on a bad day: the right outcome, or an error that says what happened, and nothing left over in silence.

use std::collections::BTreeSet;

use e2e::aws::{Deploy, Emulator, Outcome};
use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::{Value, json};

use super::{TARGETS, UP, changes, only};

/// A rule that strikes every operation so many times at its first calls.
fn each(mut rule: Value) -> Value {
    rule["each"] = json!(true);
    json!([rule])
}

#[tokio::test]
async fn every_operation_fails_once() {
    let rules = [
        json!({"code": "throttle"}),
        json!({"mode": "reset"}),
        json!({"code": "InternalFailure", "status": 500}),
        json!({"code": "ServiceUnavailable", "status": 503}),
        // Slow, but within the limit of a call.
        json!({"mode": "delay", "seconds": 0.02}),
    ];
    for target in TARGETS {
        let Some(emulator) = Emulator::started().await else { return };
        let deploy = Deploy::to(target).await;
        let calm = emulator.fork().await;
        deploy.run(&calm, &UP).await.is(0);
        let end = calm.state().await;
        deploy.run(&calm, &["down", "--delete-database"]).await.is(0);
        let gone = calm.state().await;
        for rule in &rules {
            let emulator = emulator.fork().await;
            emulator.faults(each(rule.clone())).await;
            deploy.run(&emulator, &UP).await.is(0);
            assert_eq!(emulator.state().await, end, "{target}: {rule}");
            deploy.run(&emulator, &["down", "--delete-database"]).await.is(0);
            assert_eq!(emulator.state().await, gone, "{target}: {rule}");
        }
    }
}

/// Names of the calls that a command makes, each once.
async fn calls_of(deploy: &Deploy, start: &Emulator, args: &[&str]) -> Vec<String> {
    let emulator = start.fork().await;
    deploy.run(&emulator, args).await.is(0);
    let names: BTreeSet<String> = emulator.calls().await.into_iter().map(|call| call.call).collect();
    names.into_iter().collect()
}

/// What a denied call did; `None` when that is as it should be.
async fn denied(deploy: &Deploy, start: &Emulator, args: &[&str], call: &str, end: &Value) -> Option<String> {
    let emulator = start.fork().await;
    emulator.forget().await;
    emulator.faults(json!([{"call": call, "code": "denied", "message": "no permission", "times": 0}])).await;
    let outcome = deploy.run(&emulator, args).await;
    let told = match outcome.code {
        // What is only looked at for the sake of a better message may stay unknown.
        Some(0) => true,
        Some(1) => outcome.stderr.contains(call) && !outcome.stderr.contains("panicked"),
        _ => false,
    };
    if !told {
        return Some(format!("{args:?} with {call} denied: {outcome}"));
    }
    emulator.no_faults().await;
    let again = deploy.run(&emulator, args).await;
    let now = emulator.state().await;
    (again.code != Some(0) || now != *end).then(|| format!("{args:?} after {call} was denied: {again}"))
}

#[tokio::test]
async fn permissions_that_are_missing_are_named() {
    for target in TARGETS {
        let Some(nothing) = Emulator::started().await else { return };
        let deploy = Deploy::to(target).await;
        let built = nothing.fork().await;
        deploy.run(&built, &UP).await.is(0);
        for (start, args) in [(&nothing, &UP[..]), (&built, &["down", "--delete-database"])] {
            let undisturbed = start.fork().await;
            deploy.run(&undisturbed, args).await.is(0);
            let end = undisturbed.state().await;
            let calls = calls_of(&deploy, start, args).await;
            let is_all = std::env::var("TODO_DEPLOY_SWEEP").is_ok_and(|sweep| sweep == "all");
            let chosen = calls.iter().step_by(if is_all { 1 } else { 9 });
            let troubles = stream::iter(chosen).map(|call| denied(&deploy, start, args, call, &end));
            let troubles: Vec<Option<String>> = troubles.buffer_unordered(2).collect().await;
            let troubles: Vec<String> = troubles.into_iter().flatten().collect();
            assert!(troubles.is_empty(), "{target}: {}:\n{}", troubles.len(), troubles.join("\n====\n"));
        }
    }
}

#[tokio::test]
async fn what_is_in_use_is_waited_for() {
    for target in TARGETS {
        let Some(emulator) = Emulator::started().await else { return };
        let deploy = Deploy::to(target).await;
        deploy.run(&emulator, &UP).await.is(0);
        let rule = json!([{"call": "ec2:DeleteSecurityGroup", "code": "DependencyViolation", "times": 7}]);
        emulator.faults(rule).await;
        emulator.settings(json!({"interfaces_linger": 6, "gone_after": 4, "database_after": 5})).await;
        let down = deploy.run(&emulator, &["down", "--delete-database"]).await.is(0);
        assert!(down.stderr.contains("eni-"), "who holds the group is named: {down}");
        let left = emulator.state().await;
        assert_eq!(left.as_object().expect("kinds").keys().collect::<Vec<_>>(), ["rds:DBSnapshots"]);
    }
}

#[tokio::test]
async fn what_never_goes_is_listed_as_left() {
    let Some(emulator) = Emulator::started().await else { return };
    let deploy = Deploy::to("ec2").await;
    deploy.run(&emulator, &UP).await.is(0);
    emulator.settings(json!({"interfaces_linger": 1_000_000})).await;
    let down = deploy.run(&emulator, &["down", "--delete-database", "--timeout", "8s"]).await.is(1);
    for words in ["left: ", "`taskoverflow`", "eni-", "--timeout"] {
        assert!(down.stderr.contains(words), "{words}: {down}");
    }
    emulator.settings(json!({"interfaces_linger": 0})).await;
    deploy.run(&emulator, &["down", "--delete-database"]).await.is(0);
}

#[tokio::test]
async fn what_carries_our_tags_under_other_names_is_listed_as_left() {
    for target in TARGETS {
        let Some(emulator) = Emulator::started().await else { return };
        let deploy = Deploy::to(target).await;
        deploy.run(&emulator, &UP).await.is(0);
        let tags = |key: &str, value: &str| {
            let tag = |name: &str, text: &str| json!({key: name, value: text});
            json!([tag("todo-deploy:deployment", "todo"), tag("todo-deploy:target", target)])
        };
        let group = json!({"GroupName": "old", "Description": "x", "TagSpecifications": [
            {"ResourceType": "security-group", "Tags": tags("Key", "Value")}
        ]});
        let group = emulator.ask("ec2", "CreateSecurityGroup", group).await["GroupId"].clone();
        let targets = json!({"Name": "old", "Protocol": "HTTP", "Port": 80, "TargetType": "ip",
            "VpcId": emulator.ask("ec2", "DescribeVpcs", json!({})).await["Vpcs"][0]["VpcId"],
            "Tags": tags("Key", "Value")});
        emulator.ask("elbv2", "CreateTargetGroup", targets).await;
        let cluster = json!({"clusterName": "old", "tags": tags("key", "value")});
        emulator.ask("ecs", "CreateCluster", cluster).await;
        let parameter = json!({"Name": "/old", "Value": "x", "Type": "String", "Tags": tags("Key", "Value")});
        emulator.ask("ssm", "PutParameter", parameter).await;
        let image = json!({"LaunchTemplateName": "old", "LaunchTemplateData": {"InstanceType": "t2.micro"},
            "TagSpecifications": [{"ResourceType": "launch-template", "Tags": tags("Key", "Value")}]});
        emulator.ask("ec2", "CreateLaunchTemplate", image).await;
        let other = json!({"GroupName": "other", "Description": "x"});
        let other = emulator.ask("ec2", "CreateSecurityGroup", other).await["GroupId"].clone();
        for args in [&["down", "--delete-database"][..], &["down"]] {
            let down = deploy.run(&emulator, args).await.is(1);
            let group = group.as_str().expect("an id");
            says(
                &down,
                &[group, ":targetgroup/old/", ":cluster/old", "parameter /old", "launch template lt-"],
            );
            assert_eq!(down.stderr.matches("left: ").count(), 5, "{down}");
            assert!(!down.stderr.contains(other.as_str().expect("an id")), "{down}");
        }
    }
}

#[tokio::test]
async fn what_went_wrong_is_said_even_if_nobody_can_look_afterwards() {
    let Some(emulator) = Emulator::started().await else { return };
    let deploy = Deploy::to("ec2").await;
    deploy.run(&emulator, &UP).await.is(0);
    emulator
        .faults(json!([
            {"call": "logs:DeleteLogGroup", "code": "denied", "times": 0},
            {"call": "ec2:DescribeSecurityGroups", "code": "denied", "times": 0, "since": "ec2:DeleteLaunchTemplate"},
        ]))
        .await;
    let down = deploy.run(&emulator, &["down", "--delete-database"]).await.is(1);
    says(&down, &["LogGroup: logs:DeleteLogGroup", "ec2:DescribeSecurityGroups"]);
}

#[tokio::test]
async fn what_was_just_made_is_not_visible_yet() {
    let rules = json!([
        {"call": "ec2:AuthorizeSecurityGroupIngress", "code": "InvalidGroup.NotFound", "times": 3},
        {"call": "elasticloadbalancing:CreateListener", "code": "TargetGroupNotFound", "times": 2},
        {"call": "elasticloadbalancing:ModifyTargetGroupAttributes", "code": "TargetGroupNotFound", "times": 2},
        {"call": "elasticloadbalancing:ModifyLoadBalancerAttributes", "code": "LoadBalancerNotFound", "times": 2},
        {"call": "elasticloadbalancing:DescribeTargetHealth", "code": "TargetGroupNotFound", "times": 2},
        {"call": "rds:CreateDBInstance", "code": "DBSubnetGroupNotFoundFault", "status": 404, "times": 2},
        {"call": "rds:DescribeDBInstances", "code": "DBInstanceNotFound", "status": 404, "times": 2, "since": "rds:CreateDBInstance"},
        {"call": "ec2:CreateLaunchTemplate", "code": "InvalidGroup.NotFound", "times": 2},
        {"call": "ecs:DescribeServices", "code": "ServiceNotFoundException", "times": 2, "since": "ecs:CreateService"},
        {"call": "ecs:CreateService", "code": "ClusterNotFoundException", "times": 2},
        {"call": "logs:PutRetentionPolicy", "code": "ResourceNotFoundException", "times": 2},
    ]);
    for target in TARGETS {
        let Some(emulator) = Emulator::started().await else { return };
        let deploy = Deploy::to(target).await;
        let calm = emulator.fork().await;
        deploy.run(&calm, &UP).await.is(0);
        emulator.faults(rules.clone()).await;
        deploy.run(&emulator, &UP).await.is(0);
        assert_eq!(emulator.state().await, calm.state().await, "{target}");
    }
}

#[tokio::test]
async fn what_becomes_visible_is_counted_in_looks() {
    let Some(emulator) = Emulator::started().await else { return };
    let deploy = Deploy::to("ec2").await;
    let up = [&UP[..], &["--poll", "1ms"]].concat();
    let (call, code) = ("elasticloadbalancing:ModifyTargetGroupAttributes", "TargetGroupNotFound");
    // However long the looks themselves take beside the pauses.
    let late = emulator.fork().await;
    late.faults(json!([{"call": call, "code": code, "times": 12}])).await;
    deploy.run(&late, &up).await.is(0);
    let never = emulator.fork().await;
    never.faults(json!([{"call": call, "code": code, "times": 0}])).await;
    let up = deploy.run(&never, &up).await.is(1);
    assert!(up.stderr.contains(call), "{up}");
    let asked = never.calls().await.into_iter().filter(|one| one.call == call).count();
    assert_eq!(asked, 13, "the first look and twelve more");
}

#[tokio::test]
async fn a_server_that_never_answers_does_not_hang_us() {
    let Some(emulator) = Emulator::started().await else { return };
    let deploy = Deploy::to("ec2").await;
    let quick = ["--call-timeout", "1500ms"];
    // Once: the call is tried again.
    let once = emulator.fork().await;
    once.faults(json!([{"call": "elasticloadbalancing:CreateTargetGroup", "mode": "hang"}])).await;
    deploy.run(&once, &[&UP[..], &quick].concat()).await.is(0);
    // For ever: an error that names the call.
    for call in ["ec2:DescribeSubnets", "elasticloadbalancing:CreateTargetGroup"] {
        let hung = emulator.fork().await;
        hung.faults(json!([{"call": call, "mode": "hang", "times": 0}])).await;
        let up = deploy.run(&hung, &[&UP[..], &quick].concat()).await.is(1);
        assert!(up.stderr.contains(call), "{up}");
        hung.no_faults().await;
        deploy.run(&hung, &UP).await.is(0);
    }
}

/// A failure that says all of this.
#[track_caller]
fn says(outcome: &Outcome, words: &[&str]) {
    for word in words {
        assert!(outcome.stderr.contains(word), "{word} is missing: {outcome}");
    }
}

#[tokio::test]
async fn targets_that_stay_unhealthy() {
    for target in TARGETS {
        let Some(emulator) = Emulator::started().await else { return };
        let deploy = Deploy::to(target).await;
        let why = json!({"reason": "Target.ResponseCodeMismatch", "description": "Health checks failed with these codes: [404]"});
        emulator.settings(json!({"unhealthy": why})).await;
        // All is made in time; what takes too long is only the waiting.
        deploy.run(&emulator, &[&UP[..], &["--no-wait"]].concat()).await.is(0);
        let up = deploy.run(&emulator, &[&UP[..], &["--timeout", "2s"]].concat()).await.is(1);
        says(&up, &["Target.ResponseCodeMismatch", "404", "health_check.path"]);
        emulator.settings(json!({"unhealthy": null})).await;
        deploy.run(&emulator, &UP).await.is(0);
    }
}

/// What AWS refuses when it launches comes long after our calls have been answered.
#[tokio::test]
async fn instances_and_tasks_that_never_come_say_why() {
    let quick = [&UP[..], &["--timeout", "2s"]].concat();
    let Some(emulator) = Emulator::started().await else { return };
    let why = "You have requested more vCPU capacity than your current vCPU limit of 32 allows.";
    let (full, deploy) = (emulator.fork().await, Deploy::to("ec2").await);
    full.settings(json!({"launches_fail": why})).await;
    says(&deploy.run(&full, &quick).await.is(1), &["0 of 1 targets healthy", "the last launch failed", why]);
    full.settings(json!({"launches_fail": ""})).await;
    deploy.run(&full, &UP).await.is(0);
    let why =
        "(service taskoverflow) was unable to place a task: you've reached the limit on the number of vCPUs.";
    emulator.settings(json!({"tasks_wait": why})).await;
    let deploy = Deploy::to("ecs").await;
    says(&deploy.run(&emulator, &quick).await.is(1), &["the service says", why]);
    emulator.settings(json!({"tasks_wait": ""})).await;
    deploy.run(&emulator, &UP).await.is(0);
}

/// What the lab forbids, or its spent budget.
#[tokio::test]
async fn an_explicit_deny_is_explained() {
    let Some(emulator) = Emulator::started().await else { return };
    let message = "User: arn:aws:sts::1:assumed-role/voclabs/x is not authorized to perform: rds:CreateDBInstance with an \
                   explicit deny in an identity-based policy";
    let rule = json!({"call": "rds:CreateDBInstance", "code": "denied", "message": message, "times": 0});
    emulator.faults(json!([rule])).await;
    let up = Deploy::to("ecs").await.run(&emulator, &UP).await.is(1);
    says(&up, &["rds:CreateDBInstance", "explicit deny", "budget that is spent"]);
}

#[tokio::test]
async fn a_service_that_does_not_answer_through_the_balancer() {
    let Some(emulator) = Emulator::started().await else { return };
    let deploy = Deploy::to("ec2").await;
    deploy.run(&emulator, &UP).await.is(0);
    deploy.front().answers(502);
    let up = deploy.run(&emulator, &[&UP[..], &["--timeout", "2s"]].concat()).await.is(1);
    says(&up, &["502"]);
    deploy.front().answers(200);
    deploy.run(&emulator, &UP).await.is(0);
}

#[tokio::test]
async fn a_first_deployment_whose_tasks_stop() {
    let Some(emulator) = Emulator::started().await else { return };
    let deploy = Deploy::to("ecs").await;
    let why = "CannotPullContainerError: todo:1 not found";
    emulator.settings(json!({"tasks_stop": why})).await;
    let up = deploy.run(&emulator, &UP).await.is(1);
    says(&up, &[why]);
    let state = emulator.state().await;
    assert_eq!(only(&state, "ecs:services")["desiredCount"], json!(0), "nothing goes on starting: {up}");
    emulator.settings(json!({"tasks_stop": ""})).await;
    deploy.run(&emulator, &["up", "--image", "todo:2"]).await.is(0);
}

#[tokio::test]
async fn a_deployment_that_is_rolled_back_is_a_failure() {
    let Some(emulator) = Emulator::started().await else { return };
    let deploy = Deploy::to("ecs").await;
    deploy.run(&emulator, &UP).await.is(0);
    let before = emulator.state().await;
    let why = "Essential container in task exited";
    emulator.settings(json!({"tasks_stop": why})).await;
    let up = deploy.run(&emulator, &["up", "--image", "todo:2"]).await.is(1);
    says(&up, &[why, "rolling back"]);
    let after = emulator.state().await;
    let image = |state: &Value| {
        only(state, "ecs:services")["taskDefinition"]["containerDefinitions"][0]["image"].clone()
    };
    assert_eq!(image(&after), image(&before), "the old one runs");
    emulator.settings(json!({"tasks_stop": ""})).await;
    deploy.run(&emulator, &["up", "--image", "todo:2"]).await.is(0);
    assert_eq!(image(&emulator.state().await), json!("todo:2"));
}

#[tokio::test]
async fn an_instance_refresh_that_fails() {
    let Some(emulator) = Emulator::started().await else { return };
    let deploy = Deploy::to("ec2").await;
    deploy.run(&emulator, &UP).await.is(0);
    let why = "Instances failed the load balancer's health checks";
    emulator.settings(json!({"refresh_fails": why})).await;
    let changed = [vec!["up"], changes("ec2")].concat();
    let up = deploy.run(&emulator, &changed).await.is(1);
    says(&up, &[why, "the earlier version comes back", "the earlier version runs again", "activity: "]);
    let state = emulator.state().await;
    let group = only(&state, "autoscaling:AutoScalingGroups");
    assert_eq!(group["Instances"]["Current"], json!(true), "group and instances are of one version: {group}");
    let history = deploy.run(&emulator, &["history", "--json"]).await.is(0);
    let history: Value = serde_json::from_str(&history.stdout).expect("JSON");
    let current = history.as_array().and_then(|all| all.iter().find(|one| one["current"] == json!(true)));
    assert_eq!(current.map(|one| &one["image"]), Some(&json!("todo:1")), "{history:#}");
    let started =
        emulator.calls().await.into_iter().find(|call| call.call.ends_with(":StartInstanceRefresh"));
    let started = started.expect("it was replaced").params;
    assert_eq!(started["Preferences"]["AutoRollback"], json!(true), "{started}");
    emulator.settings(json!({"refresh_fails": ""})).await;
    deploy.run(&emulator, &changed).await.is(0);
    let state = emulator.state().await;
    assert_eq!(only(&state, "autoscaling:AutoScalingGroups")["Instances"]["Current"], json!(true));
}

#[tokio::test]
async fn an_update_that_is_not_seen_at_once_is_no_roll_back() {
    let Some(emulator) = Emulator::started().await else { return };
    let deploy = Deploy::to("ecs").await;
    deploy.run(&emulator, &UP).await.is(0);
    emulator.settings(json!({"service_stale": 3})).await;
    let up = deploy.run(&emulator, &["up", "--image", "todo:2"]).await.is(0);
    says(&up, &["not visible yet"]);
    let state = emulator.state().await;
    let definition = &only(&state, "ecs:services")["taskDefinition"];
    assert_eq!(definition["containerDefinitions"][0]["image"], json!("todo:2"));
}

#[tokio::test]
async fn instances_leave_before_their_group() {
    let Some(emulator) = Emulator::started().await else { return };
    let deploy = Deploy::to("ec2").await;
    deploy.run(&emulator, &UP).await.is(0);
    emulator.settings(json!({"instances_linger": 3})).await;
    emulator.forget().await;
    deploy.run(&emulator, &["down", "--delete-database"]).await.is(0);
    let deleting = "autoscaling:DeleteAutoScalingGroup";
    let calls = emulator.calls().await.into_iter().filter(|call| call.call == deleting);
    let calls: Vec<Option<String>> = calls.map(|call| call.code).collect();
    assert_eq!(calls.iter().flatten().count(), 3, "refused while they leave: {calls:?}");
    assert_eq!(calls.last(), Some(&None));
}

#[tokio::test]
async fn limits_of_the_account_are_explained() {
    let table = [
        ("ec2", "autoscaling:CreateAutoScalingGroup", "LimitExceeded"),
        ("ec2", "ec2:CreateSecurityGroup", "SecurityGroupLimitExceeded"),
        ("ec2", "rds:CreateDBInstance", "InstanceQuotaExceeded"),
        ("ecs", "elasticloadbalancing:CreateLoadBalancer", "TooManyLoadBalancers"),
    ];
    let Some(emulator) = Emulator::started().await else { return };
    for (target, call, code) in table {
        let emulator = emulator.fork().await;
        emulator.faults(json!([{"call": call, "code": code, "times": 0}])).await;
        let up = Deploy::to(target).await.run(&emulator, &UP).await.is(1);
        says(&up, &[call, code, "quota"]);
    }
}
