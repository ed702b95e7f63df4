//! Tasks: what one is, the service of them, and what may scale it.

use super::{
    CLUSTER, LOG_GROUP, SCALABLE_TARGET, SERVICE, SERVICE_GROUP, State, TARGET_GROUP, TASK_DEFINITION,
    plain_environment, service_secrets,
};
use crate::aws::names::Names;
use crate::aws::resources::cluster::Cluster;
use crate::aws::resources::scalable_target::{ScalableTarget, ServiceId};
use crate::aws::resources::service::{
    Awsvpc, Balanced, CircuitBreaker, Deploying, Network, Service, Threshold,
};
use crate::aws::resources::task_definition::{Container, LogOptions, Logs, Port, Secret, TaskDefinition};
use crate::aws::site::Site;
use crate::aws::value::Ref;
use crate::deployment::{Deployment, SecretRef};

/// Failed tasks after which a deployment is given up; ECS's own default takes up to 200.
const FAILURES_MAX: i32 = 3;

/// Seconds that Fargate grants a task to stop, at most.
const STOP_MAX: u64 = 120;

pub(super) fn add(deployment: &Deployment, site: &Site, names: &Names, image: &str, state: &mut State) {
    let cluster = Cluster { cluster_name: names.cluster() };
    let target = ScalableTarget {
        service_namespace: "ecs",
        scalable_dimension: "ecs:service:DesiredCount",
        resource_id: ServiceId(names.scaled_service()),
        min_capacity: deployment.capacity.min.cast_signed(),
        max_capacity: deployment.capacity.max.cast_signed(),
    };
    state.insert(CLUSTER.to_owned(), cluster.into());
    state.insert(TASK_DEFINITION.to_owned(), definition(deployment, site, names, image).into());
    state.insert(SERVICE.to_owned(), service(deployment, site, names).into());
    state.insert(SCALABLE_TARGET.to_owned(), target.into());
}

fn definition(deployment: &Deployment, site: &Site, names: &Names, image: &str) -> TaskDefinition {
    let role = match deployment.aws.role.starts_with("arn:") {
        true => deployment.aws.role.clone(),
        false => format!("arn:{}:iam::{}:role/{}", site.partition(), site.account, deployment.aws.role),
    };
    let secrets = service_secrets(deployment, names).into_iter().filter_map(|(name, secret)| {
        let value_from = place(&secret, site)?;
        Some(Secret { name, value_from })
    });
    let delay = deployment.load_balancer.deregistration_delay.as_secs().clamp(2, STOP_MAX);
    let container = Container {
        name: names.container(),
        image: image.to_owned(),
        essential: true,
        port_mappings: vec![Port {
            container_port: i32::from(deployment.service.port),
            protocol: "tcp".to_owned(),
        }],
        environment: plain_environment(deployment),
        secrets: secrets.collect(),
        stop_timeout: i32::try_from(delay).unwrap_or(2),
        log_configuration: Logs {
            log_driver: "awslogs".to_owned(),
            options: LogOptions {
                group: Ref::to(LOG_GROUP),
                region: site.region.clone(),
                prefix: names.container(),
            },
        },
    };
    TaskDefinition {
        family: names.container(),
        cpu: deployment.aws.fargate_cpu.to_string(),
        memory: deployment.aws.fargate_memory.to_string(),
        network_mode: "awsvpc".to_owned(),
        requires_compatibilities: vec!["FARGATE".to_owned()],
        execution_role_arn: role.clone(),
        task_role_arn: role,
        container_definitions: vec![container],
    }
}

/// Where ECS fetches a secret when a task starts.
fn place(secret: &SecretRef, site: &Site) -> Option<String> {
    let (partition, region, account) = (site.partition(), &site.region, &site.account);
    match secret {
        SecretRef::Parameter(name) | SecretRef::Secret(name) if name.starts_with("arn:") => {
            Some(name.clone())
        }
        SecretRef::Parameter(name) => {
            let name = name.trim_start_matches('/');
            Some(format!("arn:{partition}:ssm:{region}:{account}:parameter/{name}"))
        }
        SecretRef::Secret(name) => {
            Some(format!("arn:{partition}:secretsmanager:{region}:{account}:secret:{name}"))
        }
        SecretRef::Environment(_) | SecretRef::File(_) => None,
    }
}

fn service(deployment: &Deployment, site: &Site, names: &Names) -> Service {
    let grace = deployment.health_check.grace.as_secs();
    Service {
        service_name: names.cluster(),
        cluster: Ref::to(CLUSTER),
        task_definition: Ref::to(TASK_DEFINITION),
        desired_count: Some(deployment.capacity.desired.cast_signed()),
        launch_type: "FARGATE".to_owned(),
        load_balancers: vec![Balanced {
            container_name: names.container(),
            container_port: i32::from(deployment.service.port),
            target_group_arn: Ref::to(TARGET_GROUP),
        }],
        health_check_grace_period_seconds: i32::try_from(grace).unwrap_or(i32::MAX),
        network_configuration: Network {
            awsvpc_configuration: Awsvpc {
                subnets: site.subnets.clone(),
                security_groups: [Ref::group(SERVICE_GROUP)].into(),
                assign_public_ip: "ENABLED".to_owned(),
            },
        },
        deployment_configuration: Deploying {
            deployment_circuit_breaker: CircuitBreaker {
                enable: true,
                rollback: true,
                threshold_configuration: Threshold { kind: "COUNT".to_owned(), value: FAILURES_MAX },
            },
            maximum_percent: 200,
            minimum_healthy_percent: 100,
        },
        propagate_tags: "SERVICE".to_owned(),
    }
}
