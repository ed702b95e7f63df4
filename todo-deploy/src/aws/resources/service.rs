//! ECS services: so many tasks of one revision, registered with the target group.

use std::collections::BTreeSet;

use aws_sdk_ecs::types as ecs;
use serde::Serialize;

use super::cluster::{is_ours, tags};
use super::{At, Call, Found, Kind, no_such};
use crate::aws::failure::{Absent as _, Failure, of};
use crate::aws::value::{Part, Ref};

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Service {
    pub service_name: String,
    pub cluster: Ref,
    pub task_definition: Ref,
    /// Only where the service is made: afterwards the policies own it, and it never counts as a difference. Found, it
    /// is told only when it is 0: a failed first deployment was stopped, and policies do not start from nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desired_count: Option<i32>,
    pub launch_type: String,
    pub load_balancers: Vec<Balanced>,
    pub health_check_grace_period_seconds: i32,
    pub network_configuration: Network,
    pub deployment_configuration: Deploying,
    pub propagate_tags: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Balanced {
    pub container_name: String,
    pub container_port: i32,
    pub target_group_arn: Ref,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Network {
    pub awsvpc_configuration: Awsvpc,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Awsvpc {
    pub subnets: BTreeSet<String>,
    pub security_groups: BTreeSet<Ref>,
    /// `ENABLED`: in a public subnet a task cannot pull its image otherwise.
    pub assign_public_ip: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Deploying {
    pub deployment_circuit_breaker: CircuitBreaker,
    pub maximum_percent: i32,
    pub minimum_healthy_percent: i32,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CircuitBreaker {
    pub enable: bool,
    pub rollback: bool,
    /// CloudFormation has no words for it yet.
    pub threshold_configuration: Threshold,
}

/// How many failed tasks end a deployment.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Threshold {
    #[serde(rename = "Type")]
    pub kind: String,
    pub value: i32,
}

const CREATE: Call = "ecs:CreateService";
const UPDATE: Call = "ecs:UpdateService";
const DELETE: Call = "ecs:DeleteService";
const DESCRIBE: Call = "ecs:DescribeServices";

impl Service {
    fn balanced(&self, call: Call, at: At<'_>) -> Result<Vec<ecs::LoadBalancer>, Failure> {
        let one = |one: &Balanced| {
            Ok(ecs::LoadBalancer::builder()
                .container_name(&one.container_name)
                .container_port(one.container_port)
                .target_group_arn(at.id(call, &one.target_group_arn)?)
                .build())
        };
        self.load_balancers.iter().map(one).collect()
    }

    fn network(&self, call: Call, at: At<'_>) -> Result<ecs::NetworkConfiguration, Failure> {
        let network = &self.network_configuration.awsvpc_configuration;
        let groups: Vec<Ref> = network.security_groups.iter().cloned().collect();
        let built = ecs::AwsVpcConfiguration::builder()
            .set_subnets(Some(network.subnets.iter().cloned().collect()))
            .set_security_groups(Some(at.all(call, &groups)?))
            .assign_public_ip(ecs::AssignPublicIp::from(network.assign_public_ip.as_str()))
            .build();
        let built = built.map_err(|_| Failure::incomplete(call, "subnets"))?;
        Ok(ecs::NetworkConfiguration::builder().awsvpc_configuration(built).build())
    }

    fn deploying(&self, call: Call) -> Result<ecs::DeploymentConfiguration, Failure> {
        let deploying = &self.deployment_configuration;
        let breaker = &deploying.deployment_circuit_breaker;
        let threshold = ecs::ThresholdConfiguration::builder()
            .r#type(ecs::ThresholdType::from(breaker.threshold_configuration.kind.as_str()))
            .value(breaker.threshold_configuration.value)
            .build();
        let breaker = ecs::DeploymentCircuitBreaker::builder()
            .enable(breaker.enable)
            .rollback(breaker.rollback)
            .threshold_configuration(threshold.map_err(|_| Failure::incomplete(call, "threshold"))?)
            .build();
        Ok(ecs::DeploymentConfiguration::builder()
            .deployment_circuit_breaker(breaker)
            .maximum_percent(deploying.maximum_percent)
            .minimum_healthy_percent(deploying.minimum_healthy_percent)
            .build())
    }

    /// Whether nothing runs although something should.
    fn is_stopped(&self, want: &Self) -> bool {
        self.desired_count == Some(0) && want.desired_count != Some(0)
    }

    fn updatable(&self) -> Self {
        Self { desired_count: None, ..self.clone() }
    }
}

impl Kind for Service {
    const TYPE: &'static str = "AWS::ECS::Service";
    const FIXED: &'static [&'static str] = &["ServiceName", "Cluster", "LaunchType"];

    fn name(&self) -> String {
        self.service_name.clone()
    }

    fn calls(&self, have: Option<&Self>) -> Vec<Call> {
        match have {
            None => vec![CREATE],
            Some(have) if have.updatable() != self.updatable() || have.is_stopped(self) => vec![UPDATE],
            Some(_) => Vec::new(),
        }
    }

    async fn send(&self, call: Call, have: Option<&Self>, at: At<'_>) -> Result<Option<String>, Failure> {
        let cluster = at.id(call, &self.cluster)?;
        let revision = at.id(call, &self.task_definition)?;
        match call {
            CREATE => {
                let request = at.cloud.ecs.create_service().service_name(&self.service_name);
                let request = request
                    .cluster(cluster)
                    .task_definition(revision)
                    .set_desired_count(self.desired_count)
                    .launch_type(ecs::LaunchType::from(self.launch_type.as_str()))
                    .set_load_balancers(Some(self.balanced(call, at)?))
                    .health_check_grace_period_seconds(self.health_check_grace_period_seconds)
                    .network_configuration(self.network(call, at)?)
                    .deployment_configuration(self.deploying(call)?)
                    .propagate_tags(ecs::PropagateTags::from(self.propagate_tags.as_str()))
                    .set_tags(Some(tags(at.names)));
                let made = request.send().await.map_err(of(call))?;
                Ok(made.service.and_then(|service| service.service_arn))
            }
            UPDATE => {
                let stopped = have.is_some_and(|have| have.is_stopped(self));
                let request = at.cloud.ecs.update_service().cluster(cluster).service(&self.service_name);
                let request = request
                    .task_definition(revision)
                    .set_desired_count(self.desired_count.filter(|_| stopped))
                    .set_load_balancers(Some(self.balanced(call, at)?))
                    .health_check_grace_period_seconds(self.health_check_grace_period_seconds)
                    .network_configuration(self.network(call, at)?)
                    .deployment_configuration(self.deploying(call)?)
                    .propagate_tags(ecs::PropagateTags::from(self.propagate_tags.as_str()));
                request.send().await.map_err(of(call))?;
                Ok(None)
            }
            _ => Err(no_such(call)),
        }
    }

    /// First no task is wanted any more, so that the balancer lets go of them in an orderly way.
    fn removal(&self) -> Vec<Call> {
        vec![UPDATE, DELETE]
    }

    async fn remove(&self, call: Call, id: &str, at: At<'_>) -> Result<(), Failure> {
        let cluster = at.id(call, &self.cluster)?;
        match call {
            UPDATE => {
                let request = at.cloud.ecs.update_service().cluster(cluster).service(id);
                request.desired_count(0).send().await.map_err(of(call))?;
            }
            _ => {
                let request = at.cloud.ecs.delete_service().cluster(cluster).service(id);
                request.force(true).send().await.map_err(of(call))?;
            }
        }
        Ok(())
    }

    /// A draining service holds its cluster, its network interfaces and its name.
    async fn is_gone(&self, _id: &str, at: At<'_>) -> Result<bool, Failure> {
        let cluster = at.id(DESCRIBE, &self.cluster)?;
        let found = describe(&cluster, &self.service_name, at).await?;
        Ok(found.is_none_or(|service| service.status() == Some("INACTIVE")))
    }
}

/// The service of this name, as AWS tells it.
pub(in crate::aws) async fn describe(
    cluster: &str,
    name: &str,
    at: At<'_>,
) -> Result<Option<ecs::Service>, Failure> {
    let request = at.cloud.ecs.describe_services().cluster(cluster).services(name);
    let request = request.include(ecs::ServiceField::Tags);
    let found = request.send().await.map_err(of(DESCRIBE)).absent()?;
    Ok(found.and_then(|found| found.services).and_then(|services| services.into_iter().next()))
}

/// Tasks that one call describes.
const TASKS_MAX: usize = 100;

/// Those that run or begin to.
pub(in crate::aws) async fn tasks(at: At<'_>) -> Result<Vec<ecs::Task>, Failure> {
    let cluster = at.names.cluster();
    let mut pages =
        at.cloud.ecs.list_tasks().cluster(&cluster).service_name(&cluster).into_paginator().send();
    let mut listed = Vec::new();
    while let Some(page) = pages.next().await {
        listed.extend(page.map_err(of("ecs:ListTasks"))?.task_arns.unwrap_or_default());
    }
    let mut tasks = Vec::new();
    for arns in listed.chunks(TASKS_MAX) {
        let request = at.cloud.ecs.describe_tasks().cluster(&cluster).set_tasks(Some(arns.to_vec()));
        let described = request.send().await.map_err(of("ecs:DescribeTasks"))?;
        tasks.extend(described.tasks.unwrap_or_default());
    }
    Ok(tasks)
}

pub(in crate::aws) fn is_leaving(service: &ecs::Service) -> bool {
    service.status() == Some("DRAINING")
}

/// An active service; a draining one is on its way out and counts as gone.
pub(in crate::aws) fn found(service: &ecs::Service, at: At<'_>) -> Option<Found> {
    if service.status() != Some("ACTIVE") {
        return None;
    }
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let balanced = |one: &ecs::LoadBalancer| Balanced {
        container_name: text(one.container_name()),
        container_port: one.container_port().unwrap_or_default(),
        target_group_arn: at.ids.reference(one.target_group_arn().unwrap_or_default(), Part::Id),
    };
    let network = service.network_configuration().and_then(|network| network.awsvpc_configuration());
    let groups = network.map(ecs::AwsVpcConfiguration::security_groups).unwrap_or_default();
    let deploying = service.deployment_configuration();
    let breaker = deploying.and_then(|deploying| deploying.deployment_circuit_breaker());
    let threshold = breaker.and_then(ecs::DeploymentCircuitBreaker::threshold_configuration);
    let value = Service {
        service_name: text(service.service_name()),
        cluster: at.ids.reference(service.cluster_arn().unwrap_or_default(), Part::Id),
        task_definition: at.ids.reference(service.task_definition().unwrap_or_default(), Part::Id),
        desired_count: Some(service.desired_count()).filter(|count| *count == 0),
        launch_type: text(service.launch_type().map(ecs::LaunchType::as_str)),
        load_balancers: service.load_balancers().iter().map(balanced).collect(),
        health_check_grace_period_seconds: service.health_check_grace_period_seconds().unwrap_or_default(),
        network_configuration: Network {
            awsvpc_configuration: Awsvpc {
                subnets: network
                    .map(|network| network.subnets().iter().cloned().collect())
                    .unwrap_or_default(),
                security_groups: groups.iter().map(|id| at.ids.reference(id, Part::GroupId)).collect(),
                assign_public_ip: text(
                    network.and_then(|network| network.assign_public_ip()).map(ecs::AssignPublicIp::as_str),
                ),
            },
        },
        deployment_configuration: Deploying {
            deployment_circuit_breaker: CircuitBreaker {
                enable: breaker.is_some_and(ecs::DeploymentCircuitBreaker::enable),
                rollback: breaker.is_some_and(ecs::DeploymentCircuitBreaker::rollback),
                threshold_configuration: Threshold {
                    kind: text(threshold.map(|threshold| threshold.r#type().as_str())),
                    value: threshold.map(ecs::ThresholdConfiguration::value).unwrap_or_default(),
                },
            },
            maximum_percent: deploying.and_then(|one| one.maximum_percent()).unwrap_or_default(),
            minimum_healthy_percent: deploying
                .and_then(|one| one.minimum_healthy_percent())
                .unwrap_or_default(),
        },
        propagate_tags: text(service.propagate_tags().map(ecs::PropagateTags::as_str)),
    };
    let id = text(service.service_arn());
    Some(Found { resource: value.into(), id, ours: is_ours(service.tags(), at) })
}
