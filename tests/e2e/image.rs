//! The container image: built with the docker command, looked at, run beside a PostgreSQL container, and pushed.

pub(crate) mod docker;
pub(crate) mod registry;

use std::time::Duration;

use docker::{Built, docker};
use e2e::{Api, Local, Signal, eventually, within};
use serde_json::{Value, json};
use testcontainers_modules::postgres::Postgres;
use testcontainers_modules::testcontainers::core::{IntoContainerPort, WaitFor};
use testcontainers_modules::testcontainers::runners::AsyncRunner;
use testcontainers_modules::testcontainers::{ContainerAsync, GenericImage, ImageExt};

/// Most that the image adds to its base.
const ADDED_BYTES_MAX: i64 = 25_000_000;
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn the_image() {
    let Some(image) = Built::from_the_dockerfile() else { return };
    is_as_it_should_be(&image);
    runs_on_postgres(&image).await;
    runs_alone(&image).await;
    runs_in_local(&image).await;
    registry::takes(&image).await;
}

fn is_as_it_should_be(image: &Built) {
    let bytes =
        |name: &str| docker(&["image", "inspect", "--format", "{{.Size}}", name]).parse::<i64>().unwrap();
    let added = bytes(&image.name) - bytes("debian:bookworm-slim");
    assert!(added <= ADDED_BYTES_MAX, "the image adds {added} bytes to its base");
    println!("the image adds {:.1} MB to its base", added as f64 / 1e6);

    let config = docker(&["image", "inspect", "--format", "{{json .Config}}", &image.name]);
    let config: serde_json::Value = serde_json::from_str(&config).unwrap();
    assert_eq!(config["User"], "10001:10001");
    assert_eq!(config["Entrypoint"], json!(["todo-api"]));
    assert_eq!(config["Healthcheck"]["Test"], json!(["CMD", "todo-api", "--check-health"]));
    assert_eq!(config["StopSignal"], "SIGTERM");
    assert_eq!(config["ExposedPorts"], json!({ "6400/tcp": {} }));
    assert_eq!(config["WorkingDir"], "/data");
    let labels = &config["Labels"];
    assert_eq!(labels["org.opencontainers.image.title"], "todo-api");
    assert_eq!(labels["org.opencontainers.image.licenses"], "MIT");
    assert_eq!(labels["org.opencontainers.image.version"], "e2e");
    assert!(labels["org.opencontainers.image.description"].is_string());
}

/// `local up` with containers in place of processes: the engine holds them to their share, and none stays behind.
async fn runs_in_local(image: &Built) {
    let two = ["--set", "capacity.desired=2", "--set", "capacity.min=2"];
    let mut local = Local::up(&[&["--image", &image.name], &two[..]].concat()).await;
    let containers = |status: &Value| {
        let all = status["instances"].as_array()?.iter();
        let names: Vec<String> = all.filter_map(|one| one["process"].as_str().map(str::to_owned)).collect();
        (status["group"]["healthy"] == 2).then_some(names)
    };
    let before = local.until("two containers", 3 * PATIENCE, containers).await;
    assert_eq!(before.len(), 2);
    let about = local.status().await["about"].to_string();
    assert!(about.contains("the container engine (--cpus)") && about.contains(&image.name), "{about}");
    let cpus = docker(&["inspect", "--format", "{{.HostConfig.NanoCpus}}", &before[0]]);
    assert_eq!(cpus, "100000000", "a tenth of a CPU");
    local.balancer.post("/api/v1/todos", &json!({ "title": "Contained" })).await.is(201);
    for _ in 0..4 {
        let listed = local.balancer.get("/api/v1/todos").await.is(200).text();
        assert!(listed.contains("Contained"), "both have the same file: {listed:.300}");
    }
    let (code, _, said) = local.ask(&["kill", "i-1"]).await;
    assert_eq!(code, 0, "{said}");
    let others =
        |status: &Value| containers(status).filter(|now| now.len() == 2 && !now.contains(&before[0]));
    local.until("another in its place", 3 * PATIENCE, others).await;
    local.signal(Signal::INT);
    assert_eq!(local.ended().await, Some(0), "{}", local.said());
    let prefix = before[0].strip_suffix("i-1").unwrap();
    let left = docker(&["ps", "--all", "--quiet", "--filter", &format!("name={prefix}")]);
    assert_eq!(left, "", "no container stays behind");
}

async fn runs_on_postgres(image: &Built) {
    let names = [format!("{}-network", image.tag), format!("{}-database", image.tag)];
    let [network, database] = &names;
    let postgres = Postgres::default().with_tag("15").with_network(network).with_container_name(database);
    let postgres = within("PostgreSQL to start", 3 * PATIENCE, postgres.start()).await.unwrap();
    let url = format!("postgresql://postgres:postgres@{database}:5432/postgres");
    let service = image.ready().with_network(network).with_env_var("DATABASE_URL", url);
    let service = service.with_readonly_rootfs(true).start().await.unwrap();
    let api = api(&service).await;

    health_turns(&api, 200).await;
    api.post("/api/v1/todos", &json!({"title": "in a container"})).await.is(201);
    docker_says(&service, "healthy").await;
    postgres.stop().await.unwrap();
    health_turns(&api, 503).await;
    api.get("/api/v1/todos").await.is(503);
    postgres.start().await.unwrap();
    health_turns(&api, 200).await;
    assert_eq!(api.get("/api/v1/todos/1").await.is(200).value()["title"], "in a container");
    ends_well(&service).await;
}

/// Without any setting it keeps its todos in a file in its working directory.
async fn runs_alone(image: &Built) {
    let service = image.ready().start().await.unwrap();
    let api = api(&service).await;
    health_turns(&api, 200).await;
    api.post("/api/v1/todos", &json!({"title": "in a file"})).await.is(201);
    docker(&["exec", service.id(), "todo-api", "--check-health"]);
    assert_eq!(
        docker(&["exec", service.id(), "sh", "-c", "id -u; ls"]),
        "10001\ntodo.db\ntodo.db-shm\ntodo.db-wal"
    );
    ends_well(&service).await;
}

/// SIGTERM reaches the service, which ends long before Docker would lose its patience (10 s) and kill it.
async fn ends_well(service: &ContainerAsync<GenericImage>) {
    within("SIGTERM to be followed", Duration::from_secs(8), service.stop()).await.unwrap();
    assert_eq!(service.exit_code().await.unwrap(), Some(0));
}

async fn api(service: &ContainerAsync<GenericImage>) -> Api {
    let port = service.get_host_port_ipv4(6400.tcp()).await.unwrap();
    Api { address: ([127, 0, 0, 1], port).into() }
}

async fn health_turns(api: &Api, status: u16) {
    let what = format!("health to be {status}");
    eventually(&what, PATIENCE, || async {
        let health = api.try_send(api.request("GET", "/api/v1/health"), "").await;
        health.is_ok_and(|health| health.status == status).then_some(())
    })
    .await;
}

async fn docker_says(service: &ContainerAsync<GenericImage>, health: &str) {
    let what = format!("docker to call the container {health}");
    eventually(&what, PATIENCE, || async {
        (docker(&["inspect", "--format", "{{.State.Health.Status}}", service.id()]) == health).then_some(())
    })
    .await;
}

impl Built {
    /// A container of this image, which has started when it says where it listens.
    fn ready(&self) -> GenericImage {
        GenericImage::new(&self.repository, &self.tag)
            .with_exposed_port(6400.tcp())
            .with_wait_for(WaitFor::message_on_stderr("listening on"))
    }
}
