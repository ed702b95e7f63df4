//! A registry on this machine, which takes the image as a public one would.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use e2e::{Api, Watchdog, eventually, free_address, skipped};
use tempfile::TempDir;

use super::docker::{Built, docker};

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// Pushes `image` and asks the registry for it.
pub(super) async fn takes(image: &Built) {
    let Some(program) = program() else { return };
    let directory = TempDir::new().unwrap();
    let api = Api { address: free_address() };
    let storage = directory.path().join("images").display().to_string();
    let config = format!(
        "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {storage}}}}}\nhttp: {{addr: {}}}\n",
        api.address
    );
    let file = directory.path().join("config.yml");
    fs::write(&file, config).unwrap();
    let serve = "\"$@\" & server=$!; watch; kill $server; wait $server";
    let _registry = Watchdog::start(serve, &[program, "serve", file.to_str().unwrap()]).unwrap();
    eventually("the registry to answer", Duration::from_secs(30), || async {
        api.try_send(api.request("GET", "/v2/"), "").await.ok()
    })
    .await;

    let remote = format!("{}/todo-api:{}", api.address, image.tag);
    let _tag = Watchdog::start("watch; docker rmi \"$1\"", &[&remote]).unwrap();
    docker(&["tag", &image.name, &remote]);
    docker(&["push", &remote]);
    let asked =
        api.request("GET", &format!("/v2/todo-api/manifests/{}", image.tag)).header("accept", MANIFEST);
    let answer = api.send(asked, "").await.is(200);
    let manifest: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(manifest["config"]["digest"], docker(&["inspect", "--format", "{{.Id}}", &image.name]));
}

/// Debian's package is named as its program.
fn program() -> Option<&'static str> {
    let exists = |program: &&str| {
        let version =
            Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        version.is_ok_and(|status| status.success())
    };
    let found = ["docker-registry", "registry"].into_iter().find(exists);
    if found.is_none() {
        skipped::<()>("pushing the image: no docker-registry in PATH");
    }
    found
}
