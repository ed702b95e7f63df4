//! Who is there: instances of the group, tasks of the service.

use aws_sdk_autoscaling::types as auto;
use aws_sdk_ecs::types as ecs;
use aws_smithy_types::DateTime;

use super::{Clock, Fleet, TargetHealth, tolerated};
use crate::aws::failure::{Failure, of};
use crate::aws::resources::{At, group, service};
use crate::status::{Details, Group, Instance, InstanceState};
use crate::time::Time;
use crate::timeline::Health;

fn count(number: Option<i32>) -> u32 {
    number.and_then(|number| u32::try_from(number).ok()).unwrap_or_default()
}

fn counted(limits: Group, instances: &[Instance]) -> Group {
    let number = |state: InstanceState| {
        u32::try_from(instances.iter().filter(|one| one.state == state).count()).unwrap_or(u32::MAX)
    };
    let healthy = instances.iter().filter(|one| one.health == Some(Health::Healthy)).count();
    let registered = instances.iter().filter(|one| one.health.is_some()).count();
    Group {
        launching: number(InstanceState::Launching),
        in_service: number(InstanceState::InService),
        leaving: number(InstanceState::Draining) + number(InstanceState::Terminating),
        healthy: u32::try_from(healthy).unwrap_or(u32::MAX),
        fail_open: registered > 0 && healthy == 0,
        ..limits
    }
}

pub(super) async fn instances(at: At<'_>, health: &TargetHealth) -> Result<Option<Fleet>, Failure> {
    let Some(found) = group::describe(&at.names.service(), at).await? else { return Ok(None) };
    let version = found.launch_template().and_then(|template| template.version());
    let mut notes = Vec::new();
    let outdated =
        |one: &&auto::Instance| one.launch_template().and_then(|template| template.version()) != version;
    let outdated = found.instances().iter().filter(outdated).count();
    if outdated > 0 {
        notes.push(format!("{outdated} instances are of an older version of the launch template"));
    }
    let instances: Vec<Instance> = found.instances().iter().map(|one| instance(one, health)).collect();
    let limits = Group {
        min: count(found.min_size()),
        desired: count(found.desired_capacity()),
        max: count(found.max_size()),
        ..Group::default()
    };
    let began = found.created_time().copied().unwrap_or_else(|| DateTime::from_secs(0));
    Ok(Some(Fleet { began, group: counted(limits, &instances), instances, notes, service: None }))
}

fn instance(one: &auto::Instance, health: &TargetHealth) -> Instance {
    let id = one.instance_id().unwrap_or_default();
    let (state, draining, mut reason) = health.get(id).cloned().unwrap_or_default();
    let life = one.lifecycle_state().map(auto::LifecycleState::as_str).unwrap_or_default();
    if one.health_status() == Some("Unhealthy") {
        reason = format!("to be replaced; {reason}");
    }
    let life = match life {
        _ if draining => InstanceState::Draining,
        life if life.starts_with("Terminat") => InstanceState::Terminating,
        "InService" => InstanceState::InService,
        _ => InstanceState::Launching,
    };
    Instance {
        id: id.to_owned(),
        state: life,
        since: Time::ZERO,
        health: state,
        reason,
        until: None,
        throttled: false,
        details: Details { process: one.availability_zone().map(str::to_owned), ..Details::default() },
    }
}

pub(super) async fn tasks(at: At<'_>, health: &TargetHealth) -> Result<Option<Fleet>, Failure> {
    let cluster = at.names.cluster();
    let Some(found) = service::describe(&cluster, &cluster, at).await? else { return Ok(None) };
    if found.status() == Some("INACTIVE") {
        return Ok(None);
    }
    let call = "application-autoscaling:DescribeScalableTargets";
    let request = at.cloud.scaling.describe_scalable_targets().resource_ids(at.names.scaled_service());
    let request = request.service_namespace(aws_sdk_applicationautoscaling::types::ServiceNamespace::Ecs);
    let mut notes = Vec::new();
    let targets =
        request.send().await.map_err(of(call)).map(|found| found.scalable_targets.unwrap_or_default());
    let targets = tolerated(targets, "least and most tasks are", &mut notes)?;
    let began = found.created_at().copied().unwrap_or_else(|| DateTime::from_secs(0));
    let clock = Clock { began: began.as_secs_f64() };
    let tasks = service::tasks(at).await?;
    let instances: Vec<Instance> = tasks.iter().map(|task| instance_of(task, health, clock)).collect();
    let limits = Group {
        min: targets.first().map(|target| count(Some(target.min_capacity()))).unwrap_or_default(),
        desired: count(Some(found.desired_count())),
        max: targets.first().map(|target| count(Some(target.max_capacity()))).unwrap_or_default(),
        ..Group::default()
    };
    let rollouts = found.deployments().iter().map(|deployment| {
        let state = deployment.rollout_state().map(ecs::DeploymentRolloutState::as_str).unwrap_or("?");
        let revision = deployment.task_definition().and_then(|arn| arn.rsplit('/').next()).unwrap_or("?");
        let (running, desired) = (deployment.running_count(), deployment.desired_count());
        format!(
            "deployment of {revision}: {state}, {running} of {desired} tasks, {} failed",
            deployment.failed_tasks()
        )
    });
    notes.extend(rollouts);
    Ok(Some(Fleet { began, group: counted(limits, &instances), instances, notes, service: Some(found) }))
}

fn instance_of(task: &ecs::Task, health: &TargetHealth, clock: Clock) -> Instance {
    let details = task.attachments().iter().flat_map(|attachment| attachment.details());
    let address = details.into_iter().find(|detail| detail.name() == Some("privateIPv4Address"));
    let address = address.and_then(|detail| detail.value()).unwrap_or_default();
    let (state, draining, reason) = health.get(address).cloned().unwrap_or_default();
    let life = match task.last_status().unwrap_or_default() {
        _ if draining => InstanceState::Draining,
        "RUNNING" => InstanceState::InService,
        "DEACTIVATING" | "STOPPING" | "DEPROVISIONING" | "STOPPED" => InstanceState::Terminating,
        _ => InstanceState::Launching,
    };
    let id = task.task_arn().and_then(|arn| arn.rsplit('/').next()).unwrap_or_default();
    Instance {
        id: id.to_owned(),
        state: life,
        since: clock.at(task.started_at().or(task.created_at())),
        health: state,
        reason,
        until: None,
        throttled: false,
        details: Details {
            address: Some(address.to_owned()).filter(|address| !address.is_empty()),
            process: task.task_definition_arn().and_then(|arn| arn.rsplit('/').next()).map(str::to_owned),
            ..Details::default()
        },
    }
}
