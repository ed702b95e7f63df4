//! The ECS path against a second imitation of AWS: its tasks are containers, and its load balancer reaches them.

use std::time::Duration;

use e2e::aws::{Deploy, Emulator, Outcome, Venv, emulator_sources};
use e2e::{Answer, Api, Watchdog, eventually, free_address, within};
use hyper::Request;
use serde_json::Value;

use crate::image::docker::{docker, engine};

/// Longest that one command may take: containers start and stop in it.
const PATIENCE: Duration = Duration::from_secs(400);

const ROLE: &str = "Action=CreateRole&Version=2010-05-08&RoleName=LabRole&AssumeRolePolicyDocument=\
    %7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Pr\
    incipal%22%3A%7B%22Service%22%3A%22ecs-tasks.amazonaws.com%22%7D%2C%22Action%22%3A%22sts%3AAssum\
    eRole%22%7D%5D%7D";

/// Its own network and gateway always have these ids.
const ROUTE: &str = "Action=CreateRoute&Version=2016-11-15&RouteTableId=rtb-00000001&GatewayId=igw-00000001&\
    DestinationCidrBlock=0.0.0.0%2F0";

struct Ministack {
    api: Api,
    deploy: Deploy,
    emulator: Emulator,
    _server: Watchdog,
}

impl Ministack {
    /// With the role that a Learner Lab has, and the way out that every account's own network has. `None` where Python or Docker is missing.
    async fn start() -> Option<Self> {
        engine("the ECS roll-out with containers")?;
        let program = Venv::of_ministack()?.command("ministack").get_program().to_string_lossy().into_owned();
        let emulator = Emulator::started().await?;
        let api = Api { address: free_address() };
        let serve =
            "BIND_HOST=127.0.0.1 GATEWAY_PORT=$2 \"$1\" & server=$!; watch; kill $server; wait $server";
        let server = Watchdog::start(serve, &[&program, &api.address.port().to_string()]).expect("a shell");
        let answers = || async { ask(&api, "iam", ROLE).await.ok() };
        eventually("ministack to answer", Duration::from_secs(120), answers).await.is(200);
        ask(&api, "ec2", ROUTE).await.expect("an answer").is(200);
        Some(Self { api, deploy: Deploy::to("ecs").await, emulator, _server: server })
    }

    /// Everything but Application Auto Scaling, which it does not have, is asked of ministack.
    async fn run(&self, args: &[&str]) -> Outcome {
        let pace = ["--set", "database.source=none", "--poll", "200ms", "--timeout", "5m"];
        let mut command = self.deploy.command(&self.emulator, &[args, &pace].concat());
        command.env("AWS_ENDPOINT_URL", format!("http://{}", self.api.address));
        command.env("AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING", self.emulator.url());
        if matches!(args[0], "up" | "rollback") {
            command.args(["--resolve", &format!("*:80:{}", self.api.address)]);
        }
        let output = within(&format!("{args:?} to end"), PATIENCE, command.output()).await;
        Outcome::of(&output.expect("todo-deploy was built with this test"))
    }

    /// What the service answers through the load balancer.
    async fn answer(&self, url: &str) -> String {
        let host = url.strip_prefix("http://").expect("an address");
        let asked = Request::builder().uri("/api/v1/todos").header("host", host);
        let answer = self.api.send(asked, "").await.is(200);
        String::from_utf8(answer.body.to_vec()).expect("text")
    }
}

/// Asks ministack's `service`, which `Credential=` names; nothing is verified.
async fn ask(api: &Api, service: &str, form: &str) -> anyhow::Result<Answer> {
    let scope = format!("Credential=test/20260101/us-east-1/{service}/aws4_request");
    let signature = format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0");
    let asked = api.request("POST", "/").header("authorization", signature);
    api.try_send(asked.header("content-type", "application/x-www-form-urlencoded"), form.to_owned()).await
}

/// The image whose service answers with `answer`.
fn image(answer: &str) -> String {
    let name = format!("todo-deploy-e2e:{answer}-{}", std::process::id());
    let directory = emulator_sources().join("answers");
    let argument = format!("ANSWER={answer}");
    docker(&["build", "--quiet", "--build-arg", &argument, "--tag", &name, &directory.display().to_string()]);
    name
}

#[tokio::test]
async fn containers_roll_out_fail_and_come_back() {
    let Some(ministack) = Ministack::start().await else { return };
    let [one, two, fail] = ["one", "two", "fail"].map(image);
    // Containers first: an image that is in use stays.
    let removal = "watch; for image; do docker rm --force $(docker ps --all --quiet --filter \"ancestor=$image\"); \
                   docker rmi --force \"$image\"; done";
    let _removed = Watchdog::start(removal, &[&one, &two, &fail]).expect("a shell");
    // The scalable target and its policy.
    let scaled = ["up", "--image", "todo:1", "--set", "database.source=none"];
    ministack.deploy.run(&ministack.emulator, &scaled).await.is(0);

    let up = ministack.run(&["up", "--image", &one]).await.is(0);
    let url = up.stdout.trim();
    assert_eq!(ministack.answer(url).await, "one", "a container answers through the load balancer");
    let again = ministack.run(&["plan", "--image", &one]).await.is(0);
    assert!(again.stdout.contains("11 as they should be"), "{again}");

    ministack.run(&["up", "--image", &two]).await.is(0);
    assert_eq!(ministack.answer(url).await, "two", "only the new version is left");

    // The circuit breaker: what ran before goes on, and `up` tells why.
    let failed = ministack.run(&["up", "--image", &fail]).await.is(1);
    for words in ["stopped: Essential container exited", "rolled back", "log: told to fail"] {
        assert!(failed.stderr.contains(words), "{words}: {failed}");
    }
    assert_eq!(ministack.answer(url).await, "two");

    let history = ministack.run(&["history", "--json"]).await.is(0);
    let history: Value = serde_json::from_str(&history.stdout).expect("JSON");
    let images =
        history.as_array().expect("a list").iter().map(|one| one["image"].as_str().unwrap_or_default());
    assert_eq!(images.collect::<Vec<_>>(), [&fail, &two, &one]);
    let first = history.as_array().and_then(|all| all.last()).map(|one| one["number"].to_string());
    ministack.run(&["rollback", &first.expect("a number")]).await.is(0);
    assert_eq!(ministack.answer(url).await, "one");
    let status = ministack.run(&["status"]).await.is(0);
    assert!(status.stdout.contains("1 in service, 1 healthy"), "{status}");
    let down = ministack.run(&["down"]).await.is(0);
    assert!(down.stderr.contains("nothing of todo is left"), "{down}");
}
