//! Whether what is to run is there, and runs on the processor that it is given: the container image, the machine image.
//!
//! This region's ECR is asked with our credentials, any other registry without ([`super::registry`]). Of an image for several
//! processors the index says which; of one for a single processor only its configuration does, which is not fetched from ECR.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::InstanceTypeInfo;
use aws_sdk_ecr::types::ImageIdentifier;
use serde::Deserialize;

use super::registry::{self, Answer, Registry};
use super::{Findings, tolerant};
use crate::aws::clients::Cloud;
use crate::aws::failure::{Failure, of};
use crate::aws::site::{IMAGE_PARAMETER, Site};
use crate::deployment::{Deployment, Target};

/// What a manifest may be.
pub(super) const MEDIA_TYPES: [&str; 4] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];

pub(super) async fn problems(
    cloud: &Cloud,
    deployment: &Deployment,
    target: Target,
    site: &Site,
    machine: Option<&InstanceTypeInfo>,
    registry: &Registry,
) -> Result<Findings, Failure> {
    let processors = match target {
        Target::Ec2 => processors(machine),
        // Fargate runs on x86_64 unless a task definition says otherwise, and ours does not.
        Target::Ecs | Target::Local => ["x86_64".to_owned()].into(),
    };
    let (machine, container) = tokio::try_join!(
        machine_image(cloud, deployment, site, &processors),
        container_image(cloud, deployment, target, &processors, registry),
    )?;
    Ok(container.and(machine))
}

/// What the instance type runs, as EC2 writes it; nothing when nobody says.
fn processors(machine: Option<&InstanceTypeInfo>) -> BTreeSet<String> {
    let processors = machine.into_iter().filter_map(InstanceTypeInfo::processor_info);
    let processors = processors.flat_map(|processor| processor.supported_architectures());
    processors.map(|one| one.as_str().to_owned()).collect()
}

async fn machine_image(
    cloud: &Cloud,
    deployment: &Deployment,
    site: &Site,
    processors: &BTreeSet<String>,
) -> Result<Option<String>, Failure> {
    let Some(id) = &site.image else { return Ok(None) };
    let request = cloud.ec2.describe_images().image_ids(id).send().await;
    let Some(found) = tolerant(request.map_err(of("ec2:DescribeImages")))? else { return Ok(None) };
    let image = found.and_then(|found| found.images).and_then(|images| images.into_iter().next());
    let Some(image) = image else {
        let region = &cloud.region;
        return Ok(Some(match deployment.aws.ami {
            Some(_) => format!(
                "there is no machine image `{id}` in {region}: images are of one region; leave aws.ami out for the newest \
                 Amazon Linux"
            ),
            // Until somebody names another, new versions of the template keep the image of the one before.
            None => format!(
                "the machine image `{id}` that the instances run is gone: name a newer one in aws.ami, such as `aws ssm \
                 get-parameter --name {IMAGE_PARAMETER}` tells"
            ),
        }));
    };
    let own = image.architecture.map(|own| own.as_str().to_owned()).unwrap_or_default();
    let fits = processors.is_empty() || own.is_empty() || processors.contains(&own);
    Ok((!fits).then(|| {
        let kind = &deployment.aws.instance_type;
        format!("the machine image `{id}` is for {own}, and {kind} runs {}: {}", joined(processors), REMEDY)
    }))
}

const REMEDY: &str = "name an aws.ami for it, or another aws.instance_type";

fn joined(processors: &BTreeSet<String>) -> String {
    processors.iter().cloned().collect::<Vec<_>>().join(" and ")
}

/// An image in ECR.
#[derive(Debug, PartialEq, Eq)]
struct Place<'a> {
    account: &'a str,
    region: &'a str,
    repository: &'a str,
    /// A tag, or a digest.
    version: &'a str,
}

/// `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME:TAG`, or `@sha256:…`; nothing for other registries.
fn in_ecr(image: &str) -> Option<Place<'_>> {
    let (host, path) = image.split_once('/')?;
    let (account, rest) = host.split_once(".dkr.ecr.")?;
    let (region, _) = rest.split_once(".amazonaws.com")?;
    let (repository, version) = match path.split_once('@') {
        Some((name, digest)) => (name.split_once(':').map_or(name, |(name, _)| name), digest),
        None => path.split_once(':').unwrap_or((path, "latest")),
    };
    Some(Place { account, region, repository, version })
}

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    platform: Option<Platform>,
}

#[derive(Deserialize)]
struct Platform {
    #[serde(default)]
    architecture: String,
}

/// Processors that the image is made for, as registries write them; nothing when the manifest does not say. An entry of
/// `unknown` is an attestation.
pub(super) fn made_for(manifest: &str) -> BTreeSet<String> {
    let index: Index = serde_json::from_str(manifest).unwrap_or(Index { manifests: Vec::new() });
    let platforms = index.manifests.into_iter().filter_map(|entry| entry.platform);
    platforms
        .map(|platform| platform.architecture)
        .filter(|one| !one.is_empty() && one != "unknown")
        .collect()
}

/// EC2's word for a registry's.
fn processor(architecture: &str) -> &str {
    match architecture {
        "amd64" => "x86_64",
        "386" => "i386",
        other => other,
    }
}

async fn container_image(
    cloud: &Cloud,
    deployment: &Deployment,
    target: Target,
    processors: &BTreeSet<String>,
    registry: &Registry,
) -> Result<Findings, Failure> {
    let image = deployment.service.image.as_deref().unwrap_or_default();
    let unfit = |made_for: BTreeSet<String>| {
        let kind = if target == Target::Ec2 { deployment.aws.instance_type.as_str() } else { "Fargate" };
        Findings::problem(unfit(image, &made_for, kind, processors))
    };
    let place = match in_ecr(image) {
        Some(place) if place.region == cloud.region => place,
        // It is open to nobody without credentials, and ours are for this region.
        Some(_) => return Ok(Findings::default()),
        None if image.is_empty() => return Ok(Findings::default()),
        None => {
            return Ok(match registry::ask(image, registry, cloud.pace.attempt).await {
                Answer::For(made_for) => unfit(made_for),
                Answer::Absent => Findings::problem(Some(format!(
                    "there is no image `{image}` in its registry: `todo-deploy image push` pushes one and prints its name"
                ))),
                Answer::Unknown(why) => Findings::note(format!(
                    "whether the image `{image}` is there was not checked: {why}; `todo-deploy image push` puts one into \
                     ECR"
                )),
            });
        }
    };
    let version = match place.version.starts_with("sha256:") {
        true => ImageIdentifier::builder().image_digest(place.version).build(),
        false => ImageIdentifier::builder().image_tag(place.version).build(),
    };
    let request = cloud.ecr.batch_get_image().registry_id(place.account).repository_name(place.repository);
    let request = request.image_ids(version);
    let request =
        request.set_accepted_media_types(Some(MEDIA_TYPES.map(str::to_owned).to_vec())).send().await;
    let Some(found) = tolerant(request.map_err(of("ecr:BatchGetImage")))? else {
        return Ok(Findings::default());
    };
    let images = found.and_then(|found| found.images).unwrap_or_default();
    let Some(found) = images.first() else {
        return Ok(Findings::problem(Some(format!(
            "there is no image `{image}`: `todo-deploy image push` pushes one and prints its name; `aws ecr list-images \
             --repository-name {}` lists those there are",
            place.repository
        ))));
    };
    Ok(unfit(made_for(found.image_manifest().unwrap_or_default())))
}

/// What is said of an image that the processors cannot run.
fn unfit(
    image: &str,
    made_for: &BTreeSet<String>,
    kind: &str,
    processors: &BTreeSet<String>,
) -> Option<String> {
    let fits = |one: &String| processors.contains(processor(one));
    if made_for.is_empty() || processors.is_empty() || made_for.iter().any(fits) {
        return None;
    }
    Some(format!(
        "the image `{image}` is made for {}, and {kind} runs {}: build it for that processor (docker build --platform)",
        joined(made_for),
        joined(processors)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_in_ecr_are_told_from_others() {
        let image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/todo-api";
        let place = |version| Place {
            account: "123456789012",
            region: "us-east-1",
            repository: "team/todo-api",
            version,
        };
        assert_eq!(in_ecr(image), Some(place("latest")));
        assert_eq!(in_ecr(&format!("{image}:2")), Some(place("2")));
        assert_eq!(in_ecr(&format!("{image}@sha256:ab")), Some(place("sha256:ab")));
        assert_eq!(in_ecr(&format!("{image}:2@sha256:ab")), Some(place("sha256:ab")));
        for other in ["todo:1", "ghcr.io/team/todo:1", "localhost:5000/todo"] {
            assert_eq!(in_ecr(other), None, "{other}");
        }
    }

    #[test]
    fn processors_are_read_from_an_index() {
        let index = r#"{"manifests": [
            {"platform": {"architecture": "arm64", "os": "linux"}},
            {"platform": {"architecture": "unknown", "os": "unknown"}}, {"digest": "sha256:ab"}
        ]}"#;
        assert_eq!(made_for(index), ["arm64".to_owned()].into());
        assert_eq!(made_for(r#"{"config": {"digest": "sha256:ab"}}"#), BTreeSet::new());
        assert_eq!(made_for("no JSON"), BTreeSet::new());
        assert_eq!(processor("amd64"), "x86_64");
    }
}
