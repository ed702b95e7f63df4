//! `image build` and `image push` with the docker command, to a registry on this machine and to the emulator's ECR.

use std::fs;

use e2e::Watchdog;
use e2e::aws::{Deploy, Emulator, Outcome};
use serde_json::json;

use crate::image::docker::{docker, engine};
use crate::image::registry::Registry;

/// Builds an image with this text in it, and pushes it; the image by its digest.
async fn pushed(deploy: &Deploy, emulator: &Emulator, tag: &str, text: &str, repository: &str) -> String {
    let directory = deploy.directory().join("image");
    fs::create_dir_all(&directory).unwrap();
    let label = tag.rsplit(':').next().unwrap();
    let recipe = format!("FROM scratch\nLABEL todo-deploy-e2e={label}\nCOPY text /text\n");
    fs::write(directory.join("Dockerfile"), recipe).unwrap();
    fs::write(directory.join("text"), text).unwrap();
    let built = deploy.image(emulator, &["build", directory.to_str().unwrap(), "--tag", tag]).await.is(0);
    assert_eq!(built.stdout, format!("{tag}\n"));
    let pushed = deploy.image(emulator, &["push", "--from", tag, "--repository", repository]).await.is(0);
    only_line(&pushed).to_owned()
}

/// What a script reads.
#[track_caller]
fn only_line(outcome: &Outcome) -> &str {
    assert_eq!(outcome.stdout.lines().count(), 1, "{outcome}");
    outcome.stdout.trim_end()
}

#[tokio::test]
async fn an_image_is_pushed_and_pinned_and_the_one_before_stays() {
    if engine("pushing an image").is_none() {
        return;
    }
    let (Some(registry), Some(emulator)) = (Registry::start().await, Emulator::started().await) else {
        return;
    };
    let address = registry.api.address.to_string();
    emulator.settings(json!({"registry": address})).await;
    let deploy = Deploy::to("ecs").await;
    let tag = format!("todo-deploy-e2e:push-{}", std::process::id());
    let name = tag.rsplit(':').next().unwrap();
    let removal =
        "watch; docker rmi --force $(docker images --quiet --filter \"label=todo-deploy-e2e=$1\") \"$2\"";
    let _removed = Watchdog::start(removal, &[name, &tag]).unwrap();

    // Any registry, and ECR, where the repository is made on demand and keeps what roll-backs need.
    for (repository, at) in
        [(format!("{address}/shop/todo"), "shop/todo"), ("todo-api".to_owned(), "todo-api")]
    {
        let first = pushed(&deploy, &emulator, &tag, &format!("first of {at}"), &repository).await;
        let second = pushed(&deploy, &emulator, &tag, &format!("second of {at}"), &repository).await;
        assert_ne!(first, second, "the same tag, another image");
        for image in [&first, &second] {
            let digest = image.strip_prefix(&format!("{address}/{at}@")).expect("pinned by digest");
            assert!(digest.starts_with("sha256:") && digest.len() == 71, "{image}");
            registry.manifest(at, digest).await;
        }
        let newest = registry.manifest(at, name).await;
        let digest = second.rsplit('@').next().unwrap();
        assert_eq!(registry.manifest(at, digest).await, newest, "the tag is the newer one's");
        docker(&["rmi", &first, &second, &format!("{address}/{at}:{name}")]);
        // What a roll-back pulls.
        docker(&["pull", &first]);
        docker(&["rmi", &first]);
    }
    assert_eq!(
        emulator.mutations().await,
        ["ecr:CreateRepository", "ecr:PutLifecyclePolicy"],
        "once, however often is pushed"
    );
    let policy = emulator.ask("ecr", "GetLifecyclePolicy", json!({"repositoryName": "todo-api"})).await;
    assert!(policy["lifecyclePolicyText"].as_str().is_some_and(|text| text.contains("\"countNumber\":20")));
    super::assert_well_formed(&emulator).await;
}

#[tokio::test]
async fn what_cannot_be_pushed_is_said() {
    if engine("pushing an image").is_none() {
        return;
    }
    let Some(emulator) = Emulator::started().await else { return };
    let deploy = Deploy::to("ecs").await;
    let missing = deploy.image(&emulator, &["push", "--from", "todo-deploy-e2e:no-such"]).await.is(1);
    assert!(missing.stderr.contains("`todo-deploy image build` makes it"), "{missing}");
    assert_eq!(emulator.mutations().await, [""; 0], "no repository for what is not there");
}
