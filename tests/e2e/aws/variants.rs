//! Deployments of other shapes: each is a template that CloudFormation's linter accepts, goes up, stays, and goes away.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use e2e::aws::{Deploy, Emulator, Logged, Venv};
use e2e::{todo_deploy, within};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Child;

use super::outside::output;
use super::{TARGETS, assert_well_formed, only};

/// For another program to begin.
const PATIENCE: Duration = Duration::from_secs(60);

/// Name, description; `CERTIFICATE` is put in.
const VARIANTS: [(&str, &str); 7] = [
    ("defaults", ""),
    ("no database", "[database]\nsource = \"none\"\n"),
    (
        "a database that is there",
        r#"
[database]
source = "existing"
url = "postgresql://todo@db.example.com/todo"
"#,
    ),
    (
        "https",
        r#"
[aws]
certificate = "CERTIFICATE"
[[load_balancer.listener]]
port = 443
protocol = "https"
[[load_balancer.listener]]
port = 80
protocol = "http"
redirect_to = 443
"#,
    ),
    (
        "a network balancer",
        r#"
[load_balancer]
kind = "network"
[[load_balancer.listener]]
port = 80
protocol = "tcp"
"#,
    ),
    (
        "requests per target",
        r#"
[[scaling.policy]]
kind = "target-tracking"
name = "requests"
metric = "requests-per-target"
target = 50
"#,
    ),
    (
        "steps",
        r#"
[[scaling.policy]]
kind = "step"
name = "up"
adjust = "change"
cooldown = "90s"
warm_up = "50s"
[scaling.policy.alarm]
metric = "cpu"
statistic = "average"
when = ">= 20"
period = "60s"
evaluation_periods = 2
datapoints_to_alarm = 2
missing_data = "missing"
[[scaling.policy.step]]
from = 0
adjustment = 1
[[scaling.policy.step]]
from = 30
adjustment = 2
"#,
    ),
];

/// A file for each, named after it.
async fn written(deploy: &Deploy, emulator: &Emulator) -> Vec<(&'static str, String)> {
    let certificate = json!({"ServerCertificateName": "todo", "CertificateBody": "x", "PrivateKey": "x"});
    let made = emulator.ask("iam", "UploadServerCertificate", certificate).await;
    let certificate = made["ServerCertificateMetadata"]["Arn"].as_str().expect("an ARN");
    let write = |(name, text): (&'static str, &str)| {
        let file = deploy.directory().join(format!("{name}.toml"));
        std::fs::write(&file, text.replace("CERTIFICATE", certificate)).expect("a file");
        (name, file.to_str().expect("a plain path").to_owned())
    };
    VARIANTS.into_iter().map(write).collect()
}

#[tokio::test]
async fn cloudformations_linter_finds_nothing() {
    let (Some(venv), Some(emulator)) = (Venv::get(), Emulator::started().await) else { return };
    let mut lint = venv.command("cfn-lint");
    lint.args(["--regions", "us-east-1", "--"]);
    let templates = TempDir::new().expect("a directory");
    for target in TARGETS {
        let deploy = Deploy::to(target).await;
        let emulator = emulator.fork().await;
        let files = written(&deploy, &emulator).await;
        let variants = files.iter().map(|(name, file)| (*name, vec!["--file", file.as_str()]));
        for (name, flags) in variants.chain([("the practical", vec!["--as-in-the-practical"])]) {
            let plan = [vec!["plan", "--format", "cloudformation", "--image", "todo:1"], flags].concat();
            let template = deploy.run(&emulator, &plan).await.is(2).stdout;
            let file = templates.path().join(format!("{target}, {name}.json"));
            std::fs::write(&file, template).expect("a file");
            lint.arg(file);
        }
    }
    output(&mut lint);
}

async fn there_and_back(target: &'static str) {
    let Some(emulator) = Emulator::started().await else { return };
    let deploy = Deploy::to(target).await;
    let files = written(&deploy, &emulator).await;
    let empty = emulator.state().await;
    for (name, file) in &files {
        let emulator = emulator.fork().await;
        deploy.run(&emulator, &["up", "--image", "todo:1", "--no-wait", "--file", file]).await.is(0);
        assert_well_formed(&emulator).await;
        if *name == "steps" {
            let status = deploy.run(&emulator, &["status", "--json", "--file", file]).await;
            let status: Value = serde_json::from_str(&status.stdout).expect("JSON");
            let alarms: Vec<&Value> =
                status["alarms"].as_array().expect("alarms").iter().map(|one| &one["name"]).collect();
            assert_eq!(alarms, [&json!("up")], "{target}: whatever its policy is called");
        }
        if (target, *name) == ("ecs", "steps") {
            let state = emulator.state().await;
            let policy = only(&state, "application-autoscaling:ScalingPolicies");
            let steps = &policy["StepScalingPolicyConfiguration"];
            assert_eq!(steps["Cooldown"], json!(90), "the cooldown, not the warm-up of instances: {policy}");
        }
        deploy.run(&emulator, &["plan", "--image", "todo:1", "--file", file]).await.is(0);
        deploy.run(&emulator, &["down", "--delete-database", "--file", file]).await.is(0);
        let mut left = emulator.state().await;
        left.as_object_mut().expect("kinds").remove("rds:DBSnapshots");
        assert_eq!(left, empty, "{target}: {name}");
    }
}

#[tokio::test]
async fn ec2_there_and_back() {
    there_and_back("ec2").await;
}

#[tokio::test]
async fn ecs_there_and_back() {
    there_and_back("ecs").await;
}

/// TLS before what answers for the load balancer: our own balancer, with a certificate for localhost.
pub(super) async fn secure_front(deploy: &Deploy) -> (Child, SocketAddr) {
    let mut command = todo_deploy();
    command.args(["balance", "--listen", "https://127.0.0.1:0"]).kill_on_drop(true);
    command.args(["--target", &deploy.front().address.to_string()]).stderr(Stdio::piped());
    let mut running = command.spawn().expect("todo-deploy was built with this test");
    let mut lines = BufReader::new(running.stderr.take().expect("standard error is piped")).lines();
    loop {
        let line = within("the front to listen", PATIENCE, lines.next_line()).await;
        let line = line.expect("readable").expect("it says where it listens");
        if let Some(address) = line.strip_prefix("listening on https://") {
            // What it says later must find a reader.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return (running, address.parse().expect("an address"));
        }
    }
}

/// With a certificate: 443, a redirect from 80, and a renewed certificate that changes the one listener.
#[tokio::test]
async fn https_there_and_back() {
    let Some(emulator) = Emulator::started().await else { return };
    let request = json!({"DomainName": "todo.example.com"});
    let first = emulator.ask("acm", "RequestCertificate", request).await["CertificateArn"].clone();
    let request = json!({"DomainName": "todo.example.com", "IdempotencyToken": "renewed"});
    let second = emulator.ask("acm", "RequestCertificate", request).await["CertificateArn"].clone();
    assert_ne!(first, second);
    let text = VARIANTS.iter().find(|(name, _)| *name == "https").expect("a variant").1;
    let empty = emulator.state().await;
    for target in TARGETS {
        let (emulator, deploy) = (emulator.fork().await, Deploy::to(target).await);
        let described = |certificate: &Value| {
            let text = text.replace("CERTIFICATE", certificate.as_str().expect("an ARN"));
            std::fs::write(deploy.directory().join("deployment.toml"), text).expect("a file");
        };
        described(&first);
        // A load balancer with a certificate for another name stands for AWS's.
        let front = secure_front(&deploy).await;
        let host = "taskoverflow-1.us-east-1.elb.amazonaws.com";
        let resolve = format!("{host}:443:{}", front.1);
        let ups = [&super::UP[..], &["--resolve", &resolve]].concat();
        deploy.front().answers(503);
        let down = deploy.run(&emulator, &[&ups[..], &["--timeout", "2s"]].concat()).await.is(1);
        assert!(down.stderr.contains(&format!("https://{host}/api/v1/health answers 503")), "{down}");
        deploy.front().answers(200);
        let up = deploy.run(&emulator, &ups).await.is(0);
        assert!(up.stdout.trim().starts_with("https://taskoverflow-1.us-east-1.elb"), "{up}");
        let state = emulator.state().await;
        let listeners = only(&state, "elbv2:LoadBalancers")["Listeners"].as_array().expect("a list");
        let on = |port: u16| listeners.iter().find(|one| one["Port"] == json!(port)).expect("a listener");
        assert_eq!(
            (on(443)["Protocol"].as_str(), on(80)["Protocol"].as_str()),
            (Some("HTTPS"), Some("HTTP"))
        );
        let used = |calls: Vec<Logged>| -> Vec<Value> {
            let arn = |call: Logged| call.params.pointer("/Certificates/0/CertificateArn").cloned();
            calls.into_iter().filter(|call| call.mutating).filter_map(arn).collect()
        };
        assert_eq!(json!(used(emulator.calls().await)), json!([first]));
        assert_eq!(on(443)["DefaultActions"][0]["Type"], json!("forward"));
        let redirect = &on(80)["DefaultActions"][0]["RedirectConfig"];
        assert_eq!(
            (&redirect["Protocol"], &redirect["Port"]),
            (&json!("HTTPS"), &json!("443")),
            "{redirect}"
        );
        assert_well_formed(&emulator).await;
        emulator.forget().await;
        deploy.run(&emulator, &ups).await.is(0);
        assert_eq!(emulator.mutations().await, [""; 0], "{target}");
        described(&second);
        deploy.run(&emulator, &ups).await.is(0);
        assert_eq!(emulator.mutations().await, ["elasticloadbalancing:ModifyListener"]);
        assert_eq!(json!(used(emulator.calls().await)), json!([second]));
        deploy.run(&emulator, &["down", "--delete-database"]).await.is(0);
        let mut left = emulator.state().await;
        left.as_object_mut().expect("kinds").remove("rds:DBSnapshots");
        assert_eq!(left, empty, "{target}");
    }
}
