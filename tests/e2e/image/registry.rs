//! A registry on this machine, which takes the image as a public one would.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use e2e::{Api, Watchdog, eventually, free_address, skipped};
use tempfile::TempDir;

use super::docker::{Built, docker};

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// A registry of this test's own, without a password.
pub(crate) struct Registry {
    pub(crate) api: Api,
    _directory: TempDir,
    _server: Watchdog,
}

impl Registry {
    /// `None` where there is no such program.
    pub(crate) async fn start() -> Option<Self> {
        let program = program()?;
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
        let server = Watchdog::start(serve, &[program, "serve", file.to_str().unwrap()]).unwrap();
        eventually("the registry to answer", Duration::from_secs(30), || async {
            api.try_send(api.request("GET", "/v2/"), "").await.ok()
        })
        .await;
        Some(Self { api, _directory: directory, _server: server })
    }

    /// The manifest of `NAME`, by tag or digest.
    pub(crate) async fn manifest(&self, name: &str, tag: &str) -> serde_json::Value {
        let asked = self.api.request("GET", &format!("/v2/{name}/manifests/{tag}"));
        let answer = self.api.send(asked.header("accept", MANIFEST), "").await.is(200);
        serde_json::from_slice(&answer.body).unwrap()
    }
}

/// Pushes `image` and asks the registry for it.
pub(super) async fn takes(image: &Built) {
    let Some(registry) = Registry::start().await else { return };
    let remote = format!("{}/todo-api:{}", registry.api.address, image.tag);
    let _tag = Watchdog::start("watch; docker rmi \"$1\"", &[&remote]).unwrap();
    docker(&["tag", &image.name, &remote]);
    docker(&["push", &remote]);
    let manifest = registry.manifest("todo-api", &image.tag).await;
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
