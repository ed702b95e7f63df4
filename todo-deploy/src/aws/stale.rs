//! Secrets that changed after instances or tasks began. Those read them when they start, and go on with what they read.

use std::collections::BTreeSet;

use aws_smithy_types::DateTime;

use super::clients::Cloud;
use super::failure::{Failure, Kind, of};
use super::names::Names;
use super::resources::{At, group, service};
use super::value::Ids;
use super::{render, secret};
use crate::deployment::{Deployment, SecretRef, Target};

/// A line for each secret that changed since something that runs began. What may not be seen is passed over.
pub async fn notes(cloud: &Cloud, names: &Names, deployment: &Deployment) -> Result<Vec<String>, Failure> {
    let secrets: BTreeSet<SecretRef> = render::service_secrets(deployment, names).into_values().collect();
    if secrets.is_empty() {
        return Ok(Vec::new());
    }
    let ids = Ids::default();
    let at = At { cloud, names, ids: &ids, own: None };
    let began = match names.target {
        Target::Ec2 => instances(at).await,
        Target::Ecs => tasks(at).await,
        Target::Local => Ok(Vec::new()),
    };
    let Some(began) = seen(began)? else { return Ok(Vec::new()) };
    let mut notes = Vec::new();
    for secret in secrets.iter().filter(|_| !began.is_empty()) {
        let Some(Some(changed)) = seen(secret::changed(cloud, secret).await)? else { continue };
        notes.extend(note(&String::from(secret.clone()), &changed, &began, names.target));
    }
    Ok(notes)
}

fn note(secret: &str, changed: &DateTime, began: &[DateTime], target: Target) -> Option<String> {
    // EC2 tells whole seconds only: what is of the same one may be either.
    let old = began.iter().filter(|began| began.secs() < changed.secs()).count();
    let things = match target {
        Target::Ec2 => "instances",
        Target::Ecs | Target::Local => "tasks",
    };
    (old > 0).then(|| {
        format!(
            "{secret} has changed since {old} of {} {things} began, which go on with what they read then; `todo-deploy \
             {target} restart` replaces them one after the other",
            began.len()
        )
    })
}

/// What may be looked at, and is known there.
fn seen<T>(answer: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match answer {
        Err(failure) if matches!(failure.kind, Kind::Denied | Kind::Unsupported | Kind::NotFound) => Ok(None),
        answer => answer.map(Some),
    }
}

/// When the group's instances were launched.
async fn instances(at: At<'_>) -> Result<Vec<DateTime>, Failure> {
    let group = group::describe(&at.names.service(), at).await?;
    let ids = group.map(|group| group.instances.unwrap_or_default()).unwrap_or_default();
    let ids: Vec<String> = ids.into_iter().filter_map(|instance| instance.instance_id).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut pages = at.cloud.ec2.describe_instances().set_instance_ids(Some(ids)).into_paginator().send();
    let mut began = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(of("ec2:DescribeInstances"))?;
        let instances = page.reservations().iter().flat_map(|reservation| reservation.instances());
        began.extend(instances.filter_map(|instance| instance.launch_time().copied()));
    }
    Ok(began)
}

/// When the service's tasks started.
async fn tasks(at: At<'_>) -> Result<Vec<DateTime>, Failure> {
    let tasks = service::tasks(at).await?;
    Ok(tasks.iter().filter_map(|task| task.started_at().copied()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_began_before_the_change_is_old() {
        let moment = DateTime::from_secs;
        let began = [moment(10), moment(20), moment(30)];
        assert_eq!(note("ssm:/key", &moment(10), &began, Target::Ecs), None);
        let said = note("ssm:/key", &moment(25), &began, Target::Ecs).expect("two are older");
        assert!(said.starts_with("ssm:/key has changed since 2 of 3 tasks began"), "{said}");
        assert!(said.contains("`todo-deploy ecs restart`"), "{said}");
    }
}
