//! Earlier versions of what runs, the way back to one, a restart, and a capacity set by hand.

use aws_sdk_autoscaling::types as auto;
use aws_sdk_ecs::types as ecs;

use super::clients::Cloud;
use super::failure::{Failure, Kind, of};
use super::names::Names;
use super::resources::{At, Found, Resource, group, rollout, scalable_target, service, task_definition};
use super::value::Ids;
use crate::deployment::Target;

/// A version of the launch template, or a revision of the task definition.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Revision {
    pub number: i64,
    /// Seconds since 1970.
    pub made_unix_s: i64,
    /// The container image that it runs.
    pub image: String,
    /// Whether it is the one in use.
    pub current: bool,
}

fn none(what: &str) -> Failure {
    Failure::ours(Kind::NotFound, format!("there is no {what}; `up` makes one"))
}

fn foreign(found: &Found) -> Failure {
    let (kind, name) = (found.resource.kind(), found.resource.name());
    let message = format!(
        "{kind} `{name}` is not ours: it lacks the tags of this deployment, or belongs to the other of ec2 and ecs; \
         nothing was changed"
    );
    Failure::ours(Kind::Refused, message)
}

/// The Auto Scaling group, once it is certain that it is ours.
async fn own_group(at: At<'_>) -> Result<auto::AutoScalingGroup, Failure> {
    let raw = group::describe(&at.names.service(), at).await?;
    let raw = raw.filter(|raw| !group::is_leaving(raw)).ok_or_else(|| none("Auto Scaling group"))?;
    let found = group::found(&raw, None, at);
    if found.ours { Ok(raw) } else { Err(foreign(&found)) }
}

/// That the ECS service is there and ours.
async fn own_service(at: At<'_>) -> Result<(), Failure> {
    let cluster = at.names.cluster();
    let raw = service::describe(&cluster, &cluster, at).await?;
    let found = raw.and_then(|raw| service::found(&raw, at)).ok_or_else(|| none("ECS service"))?;
    if found.ours { Ok(()) } else { Err(foreign(&found)) }
}

/// Every version, newest first.
pub async fn history(cloud: &Cloud, names: &Names) -> Result<Vec<Revision>, Failure> {
    let ids = Ids::default();
    let at = At { cloud, names, ids: &ids, own: None };
    let mut found = match names.target {
        Target::Ec2 => versions(at).await?,
        Target::Ecs => revisions(at).await?,
        Target::Local => Vec::new(),
    };
    found.sort_by_key(|revision| -revision.number);
    Ok(found)
}

async fn versions(at: At<'_>) -> Result<Vec<Revision>, Failure> {
    let call = "ec2:DescribeLaunchTemplateVersions";
    let current = group::describe(&at.names.service(), at).await?;
    let current = current.and_then(|group| group.launch_template?.version);
    let request = at.cloud.ec2.describe_launch_template_versions();
    let request = request.launch_template_name(at.names.launch_template());
    let mut pages = request.into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        for version in page.map_err(of(call))?.launch_template_versions() {
            let number = version.version_number().unwrap_or_default();
            let script = version.launch_template_data().and_then(|data| data.user_data()).unwrap_or_default();
            found.push(Revision {
                number,
                made_unix_s: version.create_time().map(aws_smithy_types::DateTime::secs).unwrap_or_default(),
                image: super::user_data::image_of(script),
                current: current.as_deref() == Some(number.to_string().as_str()),
            });
        }
    }
    Ok(found)
}

async fn revisions(at: At<'_>) -> Result<Vec<Revision>, Failure> {
    let (cluster, family) = (at.names.cluster(), at.names.container());
    let current = service::describe(&cluster, &cluster, at).await?;
    let current = current.and_then(|service| service.task_definition);
    let mut found = Vec::new();
    for arn in task_definition::revisions(&family, ecs::TaskDefinitionStatus::Active, at).await? {
        let described = at.cloud.ecs.describe_task_definition().task_definition(&arn).send().await;
        let described = described.map_err(of("ecs:DescribeTaskDefinition"))?;
        let Some(definition) = described.task_definition else { continue };
        let image = definition.container_definitions().first().and_then(|container| container.image());
        found.push(Revision {
            number: i64::from(definition.revision()),
            made_unix_s: definition.registered_at().map(aws_smithy_types::DateTime::secs).unwrap_or_default(),
            image: image.unwrap_or_default().to_owned(),
            current: current.as_deref() == Some(arn.as_str()),
        });
    }
    Ok(found)
}

/// Goes back to `number` and puts the ids that a wait for readiness follows into `ids`. Refused where what runs is not
/// ours.
pub async fn roll_back(cloud: &Cloud, names: &Names, number: i64, ids: &mut Ids) -> Result<(), Failure> {
    let nothing = Ids::default();
    let at = At { cloud, names, ids: &nothing, own: None };
    match names.target {
        Target::Ec2 => {
            let (name, version) = (names.service(), number.to_string());
            let call = "autoscaling:UpdateAutoScalingGroup";
            let group = own_group(at).await?;
            let template = auto::LaunchTemplateSpecification::builder()
                .launch_template_name(names.launch_template())
                .version(&version)
                .build();
            if group::outdated(&group, &version) > 0 {
                ids.insert(super::render::ROLLOUT, rollout::start(cloud, &name, Some(template)).await?);
            } else {
                let request = cloud.autoscaling.update_auto_scaling_group().auto_scaling_group_name(&name);
                request.launch_template(template).send().await.map_err(of(call))?;
            }
        }
        Target::Ecs => {
            let call = "ecs:UpdateService";
            own_service(at).await?;
            let revision = format!("{}:{number}", names.container());
            let request = cloud.ecs.update_service().cluster(names.cluster()).service(names.cluster());
            let updated = request.task_definition(revision).send().await.map_err(of(call))?;
            let arn = updated.service.and_then(|service| service.task_definition).unwrap_or_default();
            ids.insert(super::render::TASK_DEFINITION, arn);
        }
        Target::Local => {}
    }
    Ok(())
}

/// Replaces everything that runs by its like, one after the other, so that it reads its secrets anew. What a wait for
/// readiness follows: ids into `ids`, and the new deployment of an ECS service. Refused where what runs is not ours.
pub async fn restart(cloud: &Cloud, names: &Names, ids: &mut Ids) -> Result<Option<String>, Failure> {
    let nothing = Ids::default();
    let at = At { cloud, names, ids: &nothing, own: None };
    match names.target {
        Target::Ec2 => {
            own_group(at).await?;
            ids.insert(super::render::ROLLOUT, rollout::start(cloud, &names.service(), None).await?);
            Ok(None)
        }
        Target::Ecs => {
            own_service(at).await?;
            let request = cloud.ecs.update_service().cluster(names.cluster()).service(names.cluster());
            let updated = request.force_new_deployment(true).send().await.map_err(of("ecs:UpdateService"))?;
            let Some(service) = updated.service else { return Ok(None) };
            let primary = service.deployments().iter().find(|one| one.status() == Some("PRIMARY"));
            let deployment = primary.and_then(|primary| primary.id()).map(str::to_owned);
            ids.insert(super::render::TASK_DEFINITION, service.task_definition().unwrap_or_default());
            Ok(deployment)
        }
        Target::Local => Ok(None),
    }
}

/// Brings the version before a replacement of instances back while that is under way, and puts its id into `ids`; whether
/// there was one. Refused where what runs is not ours.
pub async fn undo(cloud: &Cloud, names: &Names, ids: &mut Ids) -> Result<bool, Failure> {
    if names.target != Target::Ec2 {
        return Ok(false);
    }
    let nothing = Ids::default();
    own_group(At { cloud, names, ids: &nothing, own: None }).await?;
    let undone = rollout::undo(cloud, &names.service()).await?;
    if let Some(refresh) = &undone {
        ids.insert(super::render::ROLLOUT, refresh);
    }
    Ok(undone.is_some())
}

/// Sets the capacity that is wanted; policies may change it again. Refused where what runs is not ours.
pub async fn scale(cloud: &Cloud, names: &Names, wanted: u32) -> Result<(), Failure> {
    let ids = Ids::default();
    let at = At { cloud, names, ids: &ids, own: None };
    let number = i32::try_from(wanted).unwrap_or(i32::MAX);
    match names.target {
        Target::Ec2 => {
            let call = "autoscaling:SetDesiredCapacity";
            let name = names.service();
            let found = own_group(at).await?;
            within(number, found.min_size().unwrap_or(0), found.max_size().unwrap_or(i32::MAX))?;
            let request = cloud.autoscaling.set_desired_capacity().auto_scaling_group_name(&name);
            request.desired_capacity(number).honor_cooldown(false).send().await.map_err(of(call))?;
        }
        Target::Ecs => {
            let call = "ecs:UpdateService";
            own_service(at).await?;
            let found = scalable_target::find(&names.scaled_service(), at).await?;
            let found = found.ok_or_else(|| none("scalable target of the ECS service"))?;
            if let Resource::ScalableTarget(target) = &found.resource {
                within(number, target.min_capacity, target.max_capacity)?;
            }
            let request = cloud.ecs.update_service().cluster(names.cluster()).service(names.cluster());
            request.desired_count(number).send().await.map_err(of(call))?;
        }
        Target::Local => {}
    }
    Ok(())
}

fn within(number: i32, min: i32, max: i32) -> Result<(), Failure> {
    if (min..=max).contains(&number) {
        return Ok(());
    }
    let message =
        format!("{number} is outside {min} to {max}; change capacity.min or capacity.max and run `up`");
    Err(Failure::ours(Kind::Refused, message))
}
