//! Deployments of other shapes: each is a template that CloudFormation's linter accepts, goes up, stays, and goes away.

use e2e::aws::{Deploy, Emulator, Venv};
use serde_json::json;

use super::outside::output;
use super::{TARGETS, assert_well_formed};

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

#[tokio::test]
async fn each_is_linted_and_goes_there_and_back() {
    let (Some(venv), Some(emulator)) = (Venv::get(), Emulator::started().await) else { return };
    let certificate = json!({"ServerCertificateName": "todo", "CertificateBody": "x", "PrivateKey": "x"});
    let made = emulator.ask("iam", "UploadServerCertificate", certificate).await;
    let certificate = made["ServerCertificateMetadata"]["Arn"].as_str().expect("an ARN").to_owned();
    for target in TARGETS {
        let deploy = Deploy::to(target).await;
        let empty = emulator.state().await;
        for (name, text) in VARIANTS {
            let emulator = emulator.fork().await;
            let file = deploy.directory().join("deployment.toml");
            std::fs::write(&file, text.replace("CERTIFICATE", &certificate)).expect("a file");
            let plan = ["plan", "--format", "cloudformation", "--image", "todo:1"];
            let template = deploy.run(&emulator, &plan).await.is(0).stdout;
            let template_file = deploy.directory().join("template.json");
            std::fs::write(&template_file, template).expect("a file");
            output(venv.command("cfn-lint").args(["--regions", "us-east-1", "--"]).arg(&template_file));

            deploy.run(&emulator, &["up", "--image", "todo:1", "--no-wait"]).await.is(0);
            assert_well_formed(&emulator).await;
            emulator.forget().await;
            deploy.run(&emulator, &["plan", "--image", "todo:1"]).await.is(0);
            deploy.run(&emulator, &["down", "--delete-database"]).await.is(0);
            let mut left = emulator.state().await;
            left.as_object_mut().expect("kinds").remove("rds:DBSnapshots");
            assert_eq!(left, empty, "{target}: {name}");
        }
    }
}

#[tokio::test]
async fn the_practicals_templates_are_linted() {
    let (Some(venv), Some(emulator)) = (Venv::get(), Emulator::started().await) else { return };
    for target in TARGETS {
        let deploy = Deploy::to(target).await;
        let plan = ["plan", "--format", "cloudformation", "--image", "todo:1", "--as-in-the-practical"];
        let template = deploy.run(&emulator, &plan).await.is(0).stdout;
        let file = deploy.directory().join("template.json");
        std::fs::write(&file, template).expect("a file");
        output(venv.command("cfn-lint").args(["--regions", "us-east-1", "--"]).arg(&file));
    }
}
