//! What is asked before the first change, and said with its remedy while nothing has been made yet.

use e2e::aws::{Deploy, Emulator, Outcome};
use serde_json::{Value, json};

use super::UP;
use super::variants::secure_front;

/// An `up` that changes nothing and says why.
#[track_caller]
fn refused(up: &Outcome, mutations: &[String], words: &[&str]) {
    assert_eq!(up.code, Some(1), "{up}");
    for word in words {
        assert!(up.stderr.contains(word), "{word}: {up}");
    }
    assert_eq!(mutations, [""; 0], "{up}");
}

#[tokio::test]
async fn quotas_that_are_used_up() {
    let Some(emulator) = Emulator::started().await else { return };
    let table = [
        ("ec2", "application-load-balancers", "0 of at most 0 application load balancers"),
        ("ecs", "application-load-balancers", "0 of at most 0 application load balancers"),
        ("ec2", "groups", "0 of at most 0 Auto Scaling groups"),
        ("ecs", "DBInstances", "0 of at most 0 databases"),
        ("ec2", "AllocatedStorage", "0 of at most 0 GB"),
    ];
    for (target, quota, words) in table {
        let (emulator, deploy) = (emulator.fork().await, Deploy::to(target).await);
        emulator.settings(json!({"quotas": {quota: 0}})).await;
        let up = deploy.run(&emulator, &UP).await;
        refused(&up, &emulator.mutations().await, &[words, "quota"]);
        // What is there already needs no room.
        emulator.settings(json!({"quotas": null})).await;
        deploy.run(&emulator, &UP).await.is(0);
        emulator.settings(json!({"quotas": {quota: 0}})).await;
        deploy.run(&emulator, &UP).await.is(0);
    }
}

/// A `deployment.toml` whose one listener has this certificate.
fn described(deploy: &Deploy, certificate: &str) {
    let listener = "[[load_balancer.listener]]\nport = 443\nprotocol = \"https\"\n";
    let text = format!("[aws]\ncertificate = \"{certificate}\"\n{listener}");
    std::fs::write(deploy.directory().join("deployment.toml"), text).expect("a file");
}

#[tokio::test]
async fn what_the_region_does_not_have() {
    let Some(emulator) = Emulator::started().await else { return };
    let table: [(&str, &str, &[&str]); 3] = [
        ("ec2", "aws.database_class=db.nothing.big", &["sells no PostgreSQL", "db.t3.micro"]),
        ("ecs", "aws.database_storage_gb=5", &["outside 20 to"]),
        ("ec2", "aws.ami=ami-00000000000000000", &["no machine image", "leave aws.ami out"]),
    ];
    for (target, set, words) in table {
        let (emulator, deploy) = (emulator.fork().await, Deploy::to(target).await);
        let up = deploy.run(&emulator, &[&UP[..], &["--set", set]].concat()).await;
        refused(&up, &emulator.mutations().await, words);
    }
}

#[tokio::test]
async fn certificates_that_are_not_there_or_not_issued() {
    let Some(emulator) = Emulator::started().await else { return };
    let deploy = Deploy::to("ec2").await;
    let table: [(&str, &[&str]); 4] = [
        ("arn:aws:acm:eu-west-1:123456789012:certificate/1", &["eu-west-1", "request or import it"]),
        (
            "arn:aws:acm:us-east-1:123456789012:certificate/1",
            &["there is no certificate", "list-certificates"],
        ),
        (
            "arn:aws:iam::123456789012:server-certificate/x",
            &["there is no certificate", "list-server-certificates"],
        ),
        ("mine", &["no ARN of a certificate"]),
    ];
    for (certificate, words) in table {
        described(&deploy, certificate);
        let up = deploy.run(&emulator, &UP).await;
        refused(&up, &emulator.mutations().await, words);
    }
    let made = emulator.ask("acm", "RequestCertificate", json!({"DomainName": "todo.example.com"})).await;
    described(&deploy, made["CertificateArn"].as_str().expect("an ARN"));
    for (status, words) in
        [("PENDING_VALIDATION", "DNS record"), ("EXPIRED", "is EXPIRED"), ("FAILED", "FAILED")]
    {
        emulator.settings(json!({"certificate": status})).await;
        let up = deploy.run(&emulator, &UP).await;
        refused(&up, &emulator.mutations().await, &[words]);
    }
    emulator.settings(json!({"certificate": "ISSUED"})).await;
    let front = secure_front(&deploy).await;
    let resolve = format!("*:443:{}", front.1);
    deploy.run(&emulator, &[&UP[..], &["--resolve", &resolve]].concat()).await.is(0);
}

#[tokio::test]
async fn roles_that_nobody_can_use() {
    let Some(emulator) = Emulator::started().await else { return };
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ]});
    let role = json!({"RoleName": "Machines", "AssumeRolePolicyDocument": trust.to_string()});
    emulator.ask("iam", "CreateRole", role).await;
    emulator.ask("iam", "CreateInstanceProfile", json!({"InstanceProfileName": "Empty"})).await;
    let table = [
        ("ecs", "aws.role=Machines", "does not let ecs-tasks.amazonaws.com"),
        ("ec2", "aws.instance_profile=Empty", "has no role"),
    ];
    for (target, set, words) in table {
        let up = Deploy::to(target).await.run(&emulator, &[&UP[..], &["--set", set]].concat()).await;
        refused(&up, &emulator.mutations().await, &[words]);
    }
    // By its ARN as by its name.
    let own = ["--set", "aws.role=arn:aws:iam::123456789012:role/LabRole"];
    Deploy::to("ecs").await.run(&emulator, &[&UP[..], &own].concat()).await.is(0);
}

/// A repository with an index of one image for `architecture`, tagged with it.
async fn pushed(emulator: &Emulator, architecture: &str) -> String {
    emulator.ask("ecr", "CreateRepository", json!({"repositoryName": "todo-api"})).await;
    let kind = "application/vnd.oci.image.index.v1+json";
    let one = json!({
        "mediaType": "application/vnd.oci.image.manifest.v1+json", "size": 1,
        "digest": "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "platform": {"architecture": architecture, "os": "linux"},
    });
    let index = json!({"schemaVersion": 2, "mediaType": kind, "manifests": [one]}).to_string();
    let image = json!({"repositoryName": "todo-api", "imageManifest": index, "imageTag": architecture});
    emulator.ask("ecr", "PutImage", image).await;
    format!("123456789012.dkr.ecr.us-east-1.amazonaws.com/todo-api:{architecture}")
}

#[tokio::test]
async fn images_that_are_not_there_or_for_another_processor() {
    let Some(emulator) = Emulator::started().await else { return };
    let absent = "123456789012.dkr.ecr.us-east-1.amazonaws.com/todo-api:1";
    let deploy = Deploy::to("ecs").await;
    let up = deploy.run(&emulator, &["up", "--image", absent]).await;
    refused(&up, &emulator.mutations().await, &["there is no image", "image push"]);
    for (architecture, code) in [("arm64", 1), ("amd64", 0)] {
        for (target, words) in [("ec2", "t2.micro runs"), ("ecs", "Fargate runs x86_64")] {
            let (emulator, deploy) = (emulator.fork().await, Deploy::to(target).await);
            let image = pushed(&emulator, architecture).await;
            emulator.forget().await;
            let up = deploy.run(&emulator, &["up", "--image", &image]).await.is(code);
            if code == 1 {
                refused(&up, &emulator.mutations().await, &["is made for arm64", words, "--platform"]);
            }
        }
    }
}

#[tokio::test]
async fn images_in_registries_other_than_ecr() {
    let Some(emulator) = Emulator::started().await else { return };
    let deploy = Deploy::to("ecs").await;
    let mirror = format!("http://{}", deploy.front().address);
    let up = |registry| ["plan", "--image", "ghcr.io/team/todo:1", "--registry-mirror", registry];
    deploy.front().answers(404);
    let absent = deploy.run(&emulator, &up(&mirror)).await;
    refused(
        &absent,
        &emulator.mutations().await,
        &["no image `ghcr.io/team/todo:1` in its registry", "image push"],
    );
    // Who may not ask, and whoever is not there, is told so and goes on.
    deploy.front().answers(401);
    for (registry, words) in [(mirror.as_str(), "asks for credentials"), ("http://127.0.0.1:1", "refused")] {
        let noted = deploy.run(&emulator, &up(registry)).await.is(2);
        assert!(noted.stderr.contains("note: whether the image") && noted.stderr.contains(words), "{noted}");
    }
    let wrong = deploy.run(&emulator, &up("mirror.example.com")).await.is(1);
    assert!(wrong.stderr.contains("write the address of a mirror"), "{wrong}");
}

#[tokio::test]
async fn vcpus_that_the_account_may_not_have() {
    let Some(emulator) = Emulator::started().await else { return };
    for (target, code, what) in
        [("ec2", "L-1216C47A", "standard instances"), ("ecs", "L-3032A538", "Fargate")]
    {
        let (emulator, deploy) = (emulator.fork().await, Deploy::to(target).await);
        emulator.settings(json!({"quotas": {code: 0}})).await;
        let up = deploy.run(&emulator, &UP).await;
        refused(&up, &emulator.mutations().await, &["to begin with", "may have 0 vCPUs", what, "quota"]);
        // Room for one, not for four.
        emulator.settings(json!({"quotas": {code: 1}})).await;
        let most = ["--set", "aws.fargate_cpu=1024", "--set", "aws.fargate_memory=2048"];
        let up = deploy.run(&emulator, &[&UP[..], &most].concat()).await.is(0);
        assert!(up.stderr.contains("note: 4 × 1 vCPUs are needed at capacity.max"), "{up}");
    }
}

#[tokio::test]
async fn a_machine_image_that_is_gone() {
    let Some(emulator) = Emulator::started().await else { return };
    let deploy = Deploy::to("ec2").await;
    deploy.run(&emulator, &UP).await.is(0);
    let templates = json!({"LaunchTemplateName": "todo-launch-template", "Versions": ["$Latest"]});
    let found = emulator.ask("ec2", "DescribeLaunchTemplateVersions", templates).await;
    let image = &found["LaunchTemplateVersions"][0]["LaunchTemplateData"]["ImageId"];
    emulator.ask("ec2", "DeregisterImage", json!({"ImageId": image})).await;
    emulator.forget().await;
    let up = deploy.run(&emulator, &["up", "--image", "todo:2"]).await;
    refused(&up, &emulator.mutations().await, &["is gone", "aws.ami", image.as_str().expect("an id")]);
    // What runs is left alone.
    deploy.run(&emulator, &UP).await.is(0);
}

#[tokio::test]
async fn subnets_without_a_way_to_the_internet() {
    let Some(emulator) = Emulator::started().await else { return };
    let tables = emulator.ask("ec2", "DescribeRouteTables", json!({})).await;
    let table = &tables["RouteTables"][0]["RouteTableId"];
    let subnets = emulator.ask("ec2", "DescribeSubnets", json!({})).await;
    let subnet = &subnets["Subnets"][0]["SubnetId"];
    let lost = emulator.fork().await;
    lost.ask("ec2", "DeleteRoute", json!({"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0"})).await;
    for target in super::TARGETS {
        let lost = lost.fork().await;
        let up = Deploy::to(target).await.run(&lost, &UP).await;
        refused(&up, &lost.mutations().await, &["internet gateway", subnet.as_str().expect("an id")]);
    }
    let private = json!({"SubnetId": subnet, "MapPublicIpOnLaunch": {"Value": false}});
    emulator.ask("ec2", "ModifySubnetAttribute", private).await;
    let up = Deploy::to("ec2").await.run(&emulator, &UP).await;
    refused(&up, &emulator.mutations().await, &["no public address", subnet.as_str().expect("an id")]);
    // Tasks ask for an address of their own.
    Deploy::to("ecs").await.run(&emulator, &UP).await.is(0);
}

/// Looking may be forbidden where making is not.
#[tokio::test]
async fn what_may_not_be_asked_is_left_to_aws() {
    let Some(emulator) = Emulator::started().await else { return };
    let calls = [
        "acm:Describe*",
        "autoscaling:DescribeAccountLimits",
        "ec2:DescribeImages",
        "ec2:DescribeInstanceTypes",
        "ec2:DescribeRouteTables",
        "ecr:BatchGetImage",
        "elasticloadbalancing:DescribeAccountLimits",
        "rds:DescribeAccountAttributes",
        "rds:DescribeOrderableDBInstanceOptions",
        "servicequotas:GetServiceQuota",
    ];
    let denied = |call: &&str| json!({"call": call, "code": "denied", "times": 0});
    emulator.faults(Value::Array(calls.iter().map(denied).collect())).await;
    let image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/todo-api:1";
    Deploy::to("ec2").await.run(&emulator, &["up", "--image", image]).await.is(0);
    let asked = emulator.calls().await.into_iter().filter(|call| call.fault.is_some()).count();
    assert_eq!(asked, calls.len() - 1, "all but the certificate, which nobody named");
}
