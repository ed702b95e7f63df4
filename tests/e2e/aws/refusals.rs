//! What is refused before anything is changed, and said in a way that helps.

use e2e::aws::{Deploy, Emulator};
use serde_json::json;

use super::{TARGETS, UP};

#[tokio::test]
async fn what_is_not_ours_is_not_touched() {
    for target in TARGETS {
        let Some(emulator) = Emulator::started().await else { return };
        let deploy = Deploy::to(target).await;
        let group = json!({"GroupName": "todo", "Description": "somebody else's"});
        emulator.ask("ec2", "CreateSecurityGroup", group).await;
        let before = emulator.state().await;
        let up = deploy.run(&emulator, &UP).await.is(1);
        assert!(up.stderr.contains("`todo`"), "{up}");
        assert_eq!(emulator.mutations().await, [""; 0], "{up}");
        deploy.run(&emulator, &["down", "--delete-database"]).await.is(0);
        assert_eq!(emulator.state().await, before);
    }
}

#[tokio::test]
async fn the_other_targets_deployment_of_the_name_is_not_touched() {
    for (first, second) in [("ec2", "ecs"), ("ecs", "ec2")] {
        let Some(emulator) = Emulator::started().await else { return };
        Deploy::to(first).await.run(&emulator, &UP).await.is(0);
        let built = emulator.state().await;
        let other = Deploy::to(second).await;
        emulator.forget().await;
        let up = other.run(&emulator, &UP).await.is(1);
        for words in ["is not ours", "the other of ec2 and ecs", "--name"] {
            assert!(up.stderr.contains(words), "{words}: {up}");
        }
        for args in [&["scale", "2"][..], &["rollback"], &["down", "--delete-database"]] {
            let outcome = other.run(&emulator, args).await;
            assert_eq!(outcome.code, Some(i32::from(args[0] != "down")), "{args:?}: {outcome}");
        }
        assert_eq!(emulator.mutations().await, [""; 0], "{second} against {first}'s");
        assert_eq!(emulator.state().await, built);
    }
}

#[tokio::test]
async fn a_fleet_that_is_not_ours_is_neither_scaled_nor_rolled_back() {
    let Some(emulator) = Emulator::started().await else { return };
    for target in TARGETS {
        let (built, deploy) = (emulator.fork().await, Deploy::to(target).await);
        deploy.run(&built, &UP).await.is(0);
        deploy.run(&built, &["up", "--image", "todo:2"]).await.is(0);
        // The same fleet, without our tag.
        let (key, state) = ("todo-deploy:deployment", built.state().await);
        let (service, operation, params) = match target {
            "ec2" => {
                let tag = json!({"ResourceId": "todo", "ResourceType": "auto-scaling-group", "Key": key});
                ("autoscaling", "DeleteTags", json!({"Tags": [tag]}))
            }
            _ => {
                let found = json!({"cluster": "taskoverflow", "services": ["taskoverflow"]});
                let found = built.ask("ecs", "DescribeServices", found).await;
                let arn = &found["services"][0]["serviceArn"];
                ("ecs", "UntagResource", json!({"resourceArn": arn, "tagKeys": [key]}))
            }
        };
        built.ask(service, operation, params).await;
        assert_ne!(built.state().await, state, "the tag is gone");
        built.forget().await;
        for args in [&["scale", "2"][..], &["rollback"]] {
            let outcome = deploy.run(&built, args).await.is(1);
            assert!(outcome.stderr.contains("is not ours"), "{outcome}");
        }
        assert_eq!(built.mutations().await, [""; 0]);
    }
}

#[tokio::test]
async fn credentials_that_are_missing_or_have_expired() {
    let Some(emulator) = Emulator::started().await else { return };
    let deploy = Deploy::to("ec2").await;
    let mut command = deploy.command(&emulator, &UP);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    let output = command.output().await.expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("there are no AWS credentials"), "{said}");
    assert!(!said.contains("IMDS"), "{said}");

    for (code, status) in [("ExpiredToken", 400), ("InvalidClientTokenId", 403), ("RequestExpired", 400)] {
        let expired = emulator.fork().await;
        expired.faults(json!([{"call": "*", "code": code, "status": status, "times": 0}])).await;
        let up = deploy.run(&expired, &UP).await.is(1);
        assert!(up.stderr.contains("start the lab again"), "{up}");
    }
}

#[tokio::test]
async fn credentials_from_a_file_in_the_directory() {
    let Some(emulator) = Emulator::started().await else { return };
    let deploy = Deploy::to("ec2").await;
    let lab =
        "[default]\naws_access_key_id=AKIAIOSFODNN7EXAMPLE\naws_secret_access_key=x\naws_session_token=y\n";
    std::fs::write(deploy.directory().join("credentials"), lab).expect("a file");
    let mut command = deploy.command(&emulator, &["plan", "--image", "todo:1"]);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    let output = command.output().await.expect("it runs");
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    // Copied without its first line, or not all of it.
    for broken in
        [lab.trim_start_matches("[default]\n"), "[default]\naws_access_key_id=AKIAIOSFODNN7EXAMPLE\n"]
    {
        std::fs::write(deploy.directory().join("credentials"), broken).expect("a file");
        let output = command.output().await.expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("begins with a line [default]") && !said.contains("expired"), "{said}");
    }
}

/// Somebody who names a profile does not want the account of the environment changed.
#[tokio::test]
async fn a_named_profile_stands_over_the_environment() {
    let Some(emulator) = Emulator::started().await else { return };
    let deploy = Deploy::to("ecs").await;
    let up = [&UP[..], &["--profile", "lab"]].concat();
    let refused = deploy.run(&emulator, &up).await.is(1);
    for words in ["there is no AWS profile `lab`", ".aws/config (not there)", ".aws/credentials (not there)"]
    {
        assert!(refused.stderr.contains(words), "{words}: {refused}");
    }
    assert_eq!(emulator.calls().await.len(), 0, "{refused}");
    let directory = deploy.directory().join(".aws");
    std::fs::create_dir(&directory).expect("a directory");
    let lab = "[lab]\naws_access_key_id=AKIAIOSFODNN7EXAMPLE\naws_secret_access_key=x\n";
    std::fs::write(directory.join("credentials"), lab).expect("a file");
    deploy.run(&emulator, &up).await.is(0);
}

#[tokio::test]
async fn whoever_is_not_aws_is_told_from_it() {
    let Some(emulator) = Emulator::started().await else { return };
    for target in TARGETS {
        let (emulator, deploy) = (emulator.fork().await, Deploy::to(target).await);
        deploy.run(&emulator, &UP).await.is(0);
        // An imitation that has never heard of this call; a page of a proxy.
        emulator.faults(json!([{"call": "ec2:DescribeSecurityGroups", "mode": "strange", "times": 0}])).await;
        let up = deploy.run(&emulator, &UP).await.is(1);
        for words in ["ec2:DescribeSecurityGroups: HTTP 404: Not Found Nothing is here", "AWS_ENDPOINT_URL"] {
            assert!(up.stderr.contains(words), "{words}: {up}");
        }
        emulator.no_faults().await;
        let call = "application-autoscaling:DescribeScalableTargets";
        emulator.faults(json!([{"call": call, "mode": "strange", "times": 0}])).await;
        let status = deploy.run(&emulator, &["status"]).await.is(0);
        assert_eq!(status.stdout.contains(call), target == "ecs", "what is not known is a note: {status}");
    }
    let deploy = Deploy::to("ecs").await;
    let mut command = deploy.command(&emulator, &UP);
    let output = command.env("AWS_ENDPOINT_URL", "http://").output().await.expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("not a valid URI") && !said.contains("SdkBody"), "{said}");
}

#[tokio::test]
async fn what_the_account_lacks_is_said_before_the_first_change() {
    let Some(emulator) = Emulator::started().await else { return };
    let table: [(&str, &[&str], &str); 5] = [
        ("ec2", &["--set", "aws.instance_profile=Nobody"], "no instance profile `Nobody`"),
        ("ec2", &["--set", "aws.key_name=lost"], "no key pair `lost`"),
        ("ec2", &["--set", "aws.instance_type=t2.nothing"], "t2.nothing"),
        ("ecs", &["--set", "aws.role=Nobody"], "no role `Nobody`"),
        ("ec2", &["--set", "database.source=existing", "--set", "database.url=ssm:/nowhere"], "/nowhere"),
    ];
    for (target, further, expected) in table {
        let emulator = emulator.fork().await;
        let up = Deploy::to(target).await.run(&emulator, &[&UP[..], further].concat()).await.is(1);
        assert!(up.stderr.contains(expected), "{up}");
        assert_eq!(emulator.mutations().await, [""; 0], "{up}");
    }
}

#[tokio::test]
async fn health_checks_that_aws_does_not_have() {
    let Some(emulator) = Emulator::started().await else { return };
    let table = [
        ("health_check.timeout=1s", "health_check.timeout: AWS waits for 2s"),
        ("health_check.timeout=2500ms", "health_check.timeout: AWS counts whole seconds"),
        ("health_check.interval=10500ms", "health_check.interval: AWS counts whole seconds"),
        ("health_check.interval=3s", "5s or more"),
        ("load_balancer.deregistration_delay=1500ms", "load_balancer.deregistration_delay: AWS counts"),
    ];
    for (number, (set, expected)) in table.into_iter().enumerate() {
        let deploy = Deploy::to(TARGETS[number % TARGETS.len()]).await;
        let timeout = if set.contains("interval=3s") { "health_check.timeout=2s" } else { set };
        let up = deploy.run(&emulator, &[&UP[..], &["--set", timeout, "--set", set]].concat()).await.is(1);
        assert!(up.stderr.contains(expected), "{set}: {up}");
    }
    assert_eq!(emulator.mutations().await, [""; 0]);
}

#[tokio::test]
async fn sizes_that_fargate_does_not_have() {
    let Some(emulator) = Emulator::started().await else { return };
    let deploy = Deploy::to("ecs").await;
    let up = deploy.run(&emulator, &[&UP[..], &["--set", "aws.fargate_memory=4096"]].concat()).await.is(1);
    assert!(up.stderr.contains("fargate_memory"), "{up}");
    assert_eq!(emulator.calls().await.len(), 0, "{up}");
}
