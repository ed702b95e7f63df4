//! Earlier versions of what runs, the way back to one, and a capacity set by hand.

use aws_sdk_autoscaling::types as auto;
use aws_sdk_ecs::types as ecs;

use super::clients::Cloud;
use super::failure::{Failure, Kind, of};
use super::names::Names;
use super::resources::{At, group, service, task_definition};
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

fn none(call: &'static str, what: &str) -> Failure {
    Failure { call, kind: Kind::NotFound, code: None, message: format!("there is no {what}; `up` makes one") }
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

/// Goes back to `number` and returns the ids that a wait for readiness follows.
pub async fn roll_back(cloud: &Cloud, names: &Names, number: i64, ids: &mut Ids) -> Result<(), Failure> {
    match names.target {
        Target::Ec2 => {
            let name = names.service();
            let call = "autoscaling:UpdateAutoScalingGroup";
            let template = auto::LaunchTemplateSpecification::builder()
                .launch_template_name(names.launch_template())
                .version(number.to_string())
                .build();
            let request = cloud.autoscaling.update_auto_scaling_group().auto_scaling_group_name(&name);
            request.launch_template(template).send().await.map_err(of(call))?;
            let preferences = auto::RefreshPreferences::builder()
                .min_healthy_percentage(100)
                .max_healthy_percentage(200)
                .skip_matching(true)
                .build();
            let request = cloud.autoscaling.start_instance_refresh().auto_scaling_group_name(&name);
            let started = request.preferences(preferences).send().await;
            let started = started.map_err(of("autoscaling:StartInstanceRefresh"))?;
            ids.insert(super::render::ROLLOUT, started.instance_refresh_id.unwrap_or_default());
        }
        Target::Ecs => {
            let revision = format!("{}:{number}", names.container());
            let request = cloud.ecs.update_service().cluster(names.cluster()).service(names.cluster());
            let updated = request.task_definition(revision).send().await.map_err(of("ecs:UpdateService"))?;
            let arn = updated.service.and_then(|service| service.task_definition).unwrap_or_default();
            ids.insert(super::render::TASK_DEFINITION, arn);
        }
        Target::Local => {}
    }
    Ok(())
}

/// Sets the capacity that is wanted; policies may change it again.
pub async fn scale(cloud: &Cloud, names: &Names, wanted: u32) -> Result<(), Failure> {
    let ids = Ids::default();
    let at = At { cloud, names, ids: &ids, own: None };
    let number = i32::try_from(wanted).unwrap_or(i32::MAX);
    match names.target {
        Target::Ec2 => {
            let call = "autoscaling:SetDesiredCapacity";
            let name = names.service();
            let found = group::describe(&name, at).await?.ok_or_else(|| none(call, "Auto Scaling group"))?;
            within(call, number, found.min_size().unwrap_or(0), found.max_size().unwrap_or(i32::MAX))?;
            let request = cloud.autoscaling.set_desired_capacity().auto_scaling_group_name(&name);
            request.desired_capacity(number).honor_cooldown(false).send().await.map_err(of(call))?;
        }
        Target::Ecs => {
            let call = "ecs:UpdateService";
            let service = at.names.scaled_service();
            let found = super::resources::scalable_target::find(&service, at).await?;
            let found = found.ok_or_else(|| none(call, "ECS service"))?;
            if let super::resources::Resource::ScalableTarget(target) = &found.resource {
                within(call, number, target.min_capacity, target.max_capacity)?;
            }
            let request = cloud.ecs.update_service().cluster(names.cluster()).service(names.cluster());
            request.desired_count(number).send().await.map_err(of(call))?;
        }
        Target::Local => {}
    }
    Ok(())
}

fn within(call: &'static str, number: i32, min: i32, max: i32) -> Result<(), Failure> {
    if (min..=max).contains(&number) {
        return Ok(());
    }
    let message =
        format!("{number} is outside {min} to {max}; change capacity.min or capacity.max and run `up`");
    Err(Failure { call, kind: Kind::Refused, code: None, message })
}
