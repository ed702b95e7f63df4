//! Judges that know nothing of us: the AWS command line, IAM's policies; and the emulator's own tests.

use std::process::Command;

use e2e::aws::{Deploy, Emulator, Venv, emulator_sources};
use serde_json::{Value, json};

use super::{TARGETS, UP, changes};

/// What a command of the Python environment prints.
#[track_caller]
pub(super) fn output(command: &mut Command) -> String {
    let output = command.output().expect("the environment has the program");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{stdout}{stderr}");
    stdout.into_owned()
}

#[test]
fn the_emulators_own_tests() {
    let Some(venv) = Venv::get() else { return };
    output(venv.command("python").args(["-B", "-m", "unittest", "-q"]).current_dir(emulator_sources()));
}

/// What the AWS command line reads from the emulator.
fn aws(venv: &Venv, emulator: &Emulator, args: &[&str]) -> Value {
    let mut command = venv.command("aws");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
        command.env_remove(&name);
    }
    command.env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE").env("AWS_SECRET_ACCESS_KEY", "x");
    command.env("AWS_DEFAULT_REGION", "us-east-1");
    let text = output(command.args(["--output", "json", "--endpoint-url", &emulator.url()]).args(args));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{args:?}: {error}: {text}"))
}

#[tokio::test]
async fn the_aws_command_line_sees_the_same() {
    let (Some(venv), Some(emulator)) = (Venv::get(), Emulator::started().await) else { return };
    Deploy::to("ec2").await.run(&emulator, &UP).await.is(0);
    let ecs = emulator.fork().await;
    let shop = ["up", "--name", "shop", "--image", "todo:1"];
    Deploy::to("ecs").await.run(&ecs, &shop).await.is(0);
    let table: [(&[&str], &str, Value); 7] = [
        (
            &["autoscaling", "describe-auto-scaling-groups"],
            "/AutoScalingGroups/0/AutoScalingGroupName",
            json!("todo"),
        ),
        (
            &["elbv2", "describe-load-balancers", "--names", "taskoverflow"],
            "/LoadBalancers/0/State/Code",
            json!("active"),
        ),
        (
            &["cloudwatch", "describe-alarms", "--alarm-names", "todo_scale_up"],
            "/MetricAlarms/0/Threshold",
            json!(20.0),
        ),
        (&["rds", "describe-db-instances"], "/DBInstances/0/DBInstanceIdentifier", json!("todo-db")),
        (
            &["ecs", "describe-services", "--cluster", "shop", "--services", "shop"],
            "/services/0/runningCount",
            json!(1),
        ),
        (&["ecs", "list-tasks", "--cluster", "shop", "--query", "length(taskArns)"], "", json!(1)),
        (
            &["application-autoscaling", "describe-scaling-policies", "--service-namespace", "ecs"],
            "/ScalingPolicies/0/PolicyType",
            json!("TargetTrackingScaling"),
        ),
    ];
    for (args, path, value) in table {
        let seen = aws(&venv, &ecs, args);
        assert_eq!(seen.pointer(path), Some(&value), "{args:?}: {seen:#}");
    }
}

#[tokio::test]
async fn the_printed_policy_allows_all_that_is_done() {
    for target in TARGETS {
        let Some(emulator) = Emulator::started().await else { return };
        let deploy = Deploy::to(target).await;
        let policy = deploy.run(&emulator, &["policy"]).await.is(0);
        let policy: Value = serde_json::from_str(&policy.stdout).expect("a policy document");
        let actions = policy.to_string();
        assert!(
            !actions.contains(r#""*:*""#) && !actions.contains(r#""Action":"*""#),
            "it is no carte blanche: {policy}"
        );
        emulator.allow_only(&[policy]).await;
        let updated = [vec!["up"], changes(target)].concat();
        let looks = ["status", "logs", "history"].map(|look| vec![look]);
        let all = [&[UP.to_vec(), updated][..], &looks, &[vec!["down", "--delete-database"]]].concat();
        for args in all {
            deploy.run(&emulator, &args).await.is(0);
        }
        // What is denied and tolerated would be a gap all the same.
        let denied =
            emulator.calls().await.into_iter().filter(|call| {
                call.status == Some(403) || call.code.as_deref() == Some("AccessDeniedException")
            });
        assert_eq!(denied.map(|call| call.call).collect::<Vec<_>>(), [""; 0]);
    }
}

/// Calls that only what is ours allows, with the same on something else.
#[tokio::test]
async fn the_printed_policy_spares_what_is_not_ours() {
    for target in TARGETS {
        let Some(emulator) = Emulator::started().await else { return };
        let deploy = Deploy::to(target).await;
        deploy.run(&emulator, &UP).await.is(0);
        let foreign = json!({"GroupName": "other", "Description": "somebody else's"});
        let foreign = emulator.ask("ec2", "CreateSecurityGroup", foreign).await["GroupId"].clone();
        let groups = emulator.ask("ec2", "DescribeSecurityGroups", json!({"GroupNames": ["todo"]})).await;
        let ours = &groups["SecurityGroups"][0]["GroupId"];
        let balancer = |name: &str| {
            let place = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app";
            json!({"LoadBalancerArn": format!("{place}/{name}/50dc6c495c0c9188")})
        };
        let log = |name: &str| json!({"logGroupName": name});
        let common = [
            ("ec2", "DeleteSecurityGroup", json!({"GroupId": ours}), json!({"GroupId": foreign})),
            ("elbv2", "DeleteLoadBalancer", balancer("taskoverflow"), balancer("other")),
            ("logs", "DeleteLogGroup", log("/todo-deploy/todo"), log("/other")),
            (
                "ssm",
                "DeleteParameter",
                json!({"Name": "/todo-deploy/todo/database-url"}),
                json!({"Name": "/other"}),
            ),
            (
                "rds",
                "DeleteDBInstance",
                json!({"DBInstanceIdentifier": "todo-db", "FinalDBSnapshotIdentifier": "todo-db-final-1"}),
                json!({"DBInstanceIdentifier": "other", "FinalDBSnapshotIdentifier": "other-final"}),
            ),
        ];
        let group = |name: &str| json!({"AutoScalingGroupName": name});
        let own = match target {
            "ec2" => ("autoscaling", "DeleteAutoScalingGroup", group("todo"), group("other")),
            _ => ("ecs", "DeleteCluster", json!({"cluster": "taskoverflow"}), json!({"cluster": "other"})),
        };
        let policy = deploy.run(&emulator, &["policy"]).await.is(0);
        emulator.allow_only(&[serde_json::from_str(&policy.stdout).expect("a policy document")]).await;
        for (service, operation, mine, others) in common.into_iter().chain([own]) {
            assert!(emulator.may(service, operation, mine).await, "{target}: {operation} on ours");
            assert!(!emulator.may(service, operation, others).await, "{target}: {operation} on others");
        }
        // Nor may it be made ours.
        let tags = json!([{"Key": "todo-deploy:deployment", "Value": "todo"}]);
        let tagging = json!({"Resources": [foreign], "Tags": tags});
        assert!(!emulator.may("ec2", "CreateTags", tagging).await);
    }
}
