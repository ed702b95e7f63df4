//! ECR: a repository for the image, made on demand, and the password that docker logs in with.

use aws_sdk_ecr::types::{ImageScanningConfiguration, Tag};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::clients::Cloud;
use super::failure::{Absent as _, Failure, Kind, of};
use super::names::{Names, TAG};

/// Images that are kept, so that a roll-back can still pull the earlier ones.
const KEPT: u32 = 20;

/// The repository's URI, `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME`.
pub async fn repository(cloud: &Cloud, names: &Names, name: &str) -> Result<String, Failure> {
    let call = "ecr:CreateRepository";
    if let Some(uri) = find(cloud, name).await? {
        return Ok(uri);
    }
    let tag = |(key, value): (&str, String)| Tag::builder().key(key).value(value).build();
    let tags = names.tags().into_iter().map(tag).collect::<Result<Vec<_>, _>>();
    let tags = tags.map_err(|_| Failure::incomplete(call, "tags"))?;
    let request = cloud.ecr.create_repository().repository_name(name).set_tags(Some(tags));
    let scanning = ImageScanningConfiguration::builder().scan_on_push(true).build();
    let made = request.image_scanning_configuration(scanning).send().await.map_err(of(call));
    match made {
        Err(failure) if failure.kind != Kind::Exists => return Err(failure),
        _ => {}
    }
    let rule = format!(
        r#"{{"rules":[{{"rulePriority":1,"description":"by todo-deploy","selection":{{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":{KEPT}}},"action":{{"type":"expire"}}}}]}}"#
    );
    let request = cloud.ecr.put_lifecycle_policy().repository_name(name).lifecycle_policy_text(rule);
    request.send().await.map_err(of("ecr:PutLifecyclePolicy"))?;
    find(cloud, name).await?.ok_or_else(|| Failure::incomplete(call, "repository"))
}

async fn find(cloud: &Cloud, name: &str) -> Result<Option<String>, Failure> {
    let request = cloud.ecr.describe_repositories().repository_names(name);
    let found = request.send().await.map_err(of("ecr:DescribeRepositories")).absent()?;
    let repositories = found.and_then(|found| found.repositories).unwrap_or_default();
    Ok(repositories.into_iter().next().and_then(|repository| repository.repository_uri))
}

/// Names of the repositories that carry the deployment's tag; `ec2` and `ecs` share them.
pub(super) async fn owned(cloud: &Cloud, names: &Names) -> Result<Vec<String>, Failure> {
    let mut owned = Vec::new();
    let mut pages = cloud.ecr.describe_repositories().into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(of("ecr:DescribeRepositories"))?;
        for one in page.repositories() {
            let (Some(name), Some(arn)) = (one.repository_name(), one.repository_arn()) else { continue };
            let tags = cloud.ecr.list_tags_for_resource().resource_arn(arn).send().await;
            let tags = tags.map_err(of("ecr:ListTagsForResource"))?.tags.unwrap_or_default();
            if tags.iter().any(|tag| tag.key() == TAG && tag.value() == names.deployment) {
                owned.push(name.to_owned());
            }
        }
    }
    Ok(owned)
}

/// A password for the user `AWS`, good for twelve hours.
pub async fn password(cloud: &Cloud) -> Result<String, Failure> {
    let call = "ecr:GetAuthorizationToken";
    let given = cloud.ecr.get_authorization_token().send().await.map_err(of(call))?;
    let token = given.authorization_data().first().and_then(|data| data.authorization_token());
    let token =
        token.and_then(|token| STANDARD.decode(token).ok()).and_then(|token| String::from_utf8(token).ok());
    let password = token.and_then(|token| token.split_once(':').map(|(_, password)| password.to_owned()));
    password.ok_or_else(|| Failure::incomplete(call, "token"))
}
