//! From a Deployment and the ground it is built on to the resources that AWS should have: pure.
//!
//! `plan` compares them with what is there, `up` sends them, `--format cloudformation` prints them.

mod balancer;
pub(super) mod database;
pub(super) mod ec2;
mod ecs;
mod network;
mod scaling;

use std::collections::BTreeMap;

use super::names::Names;
use super::resources::Resource;
use super::site::Site;
use super::value::Logical;
use crate::deployment::{DatabaseSource, Deployment, SecretRef, Target};

/// Resources by their logical name.
pub type State = BTreeMap<Logical, Resource>;

pub const BALANCER_GROUP: &str = "BalancerGroup";
pub const SERVICE_GROUP: &str = "ServiceGroup";
pub const DATABASE_GROUP: &str = "DatabaseGroup";
pub const LOAD_BALANCER: &str = "LoadBalancer";
pub const TARGET_GROUP: &str = "TargetGroup";
pub const LOG_GROUP: &str = "LogGroup";
pub const LAUNCH_TEMPLATE: &str = "LaunchTemplate";
pub const GROUP: &str = "Group";
pub const ROLLOUT: &str = "Rollout";
pub const CLUSTER: &str = "Cluster";
pub const TASK_DEFINITION: &str = "TaskDefinition";
pub const SERVICE: &str = "Service";
pub const SCALABLE_TARGET: &str = "ScalableTarget";
pub const SUBNET_GROUP: &str = "DatabaseSubnets";
pub const DATABASE: &str = "Database";
pub const DATABASE_PASSWORD: &str = "DatabasePassword";
pub const DATABASE_URL: &str = "DatabaseUrl";

/// A wish that AWS cannot grant: which field, why, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {why}")]
pub struct Unsupported {
    pub field: &'static str,
    pub why: String,
}

pub(super) fn unsupported(field: &'static str, why: impl Into<String>) -> Unsupported {
    Unsupported { field, why: why.into() }
}

/// Everything that should be there.
pub fn desired(
    deployment: &Deployment,
    target: Target,
    site: &Site,
    names: &Names,
) -> Result<State, Unsupported> {
    let image = deployment.service.image.as_deref().ok_or_else(|| {
        unsupported(
            "service.image",
            "AWS runs a container image and none is named; give --image, or make one: `todo-deploy image push`",
        )
    })?;
    whole_seconds(deployment)?;
    let mut state = State::new();
    network::add(deployment, site, names, &mut state);
    balancer::add(deployment, target, site, names, &mut state)?;
    database::add(deployment, site, names, &mut state);
    match target {
        Target::Ec2 => ec2::add(deployment, site, names, image, &mut state)?,
        Target::Ecs => ecs::add(deployment, site, names, image, &mut state),
        Target::Local => {}
    }
    scaling::add(deployment, target, names, &mut state)?;
    Ok(state)
}

/// AWS counts whole seconds; what is left of one would be lost without a word.
fn whole_seconds(deployment: &Deployment) -> Result<(), Unsupported> {
    let (health, balancer, scaling) =
        (&deployment.health_check, &deployment.load_balancer, &deployment.scaling);
    let durations = [
        ("health_check.interval", health.interval),
        ("health_check.timeout", health.timeout),
        ("health_check.grace", health.grace),
        ("load_balancer.deregistration_delay", balancer.deregistration_delay),
        ("load_balancer.idle_timeout", balancer.idle_timeout),
        ("load_balancer.slow_start", balancer.slow_start),
        ("scaling.default_cooldown", scaling.default_cooldown),
        ("scaling.warm_up", scaling.warm_up),
    ];
    match durations.into_iter().find(|(_, duration)| duration.subsec_nanos() > 0) {
        Some((field, _)) => {
            Err(unsupported(field, "AWS counts whole seconds; write it without a fraction of one"))
        }
        None => Ok(()),
    }
}

/// A logical name from one that people gave: letters and digits only.
pub(super) fn logical(prefix: &str, name: &str) -> Logical {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let words = words.map(|word| {
        let (first, rest) = word.split_at(1);
        format!("{}{rest}", first.to_ascii_uppercase())
    });
    format!("{prefix}{}", words.collect::<String>())
}

/// Settings that are no secret, the URL of an existing database without a password included.
pub(super) fn plain_environment(deployment: &Deployment) -> BTreeMap<String, String> {
    let mut environment = deployment.service.environment.clone();
    let url = deployment.database.url.clone().filter(|_| database_secret(deployment).is_none());
    if let (DatabaseSource::Existing, Some(url)) = (deployment.database.source, url) {
        environment.insert(deployment.database.variable.clone(), url);
    }
    environment
}

/// The secret that holds an existing database's URL.
fn database_secret(deployment: &Deployment) -> Option<SecretRef> {
    deployment.database.url.clone().and_then(|url| SecretRef::try_from(url).ok())
}

/// Secrets that somebody else must have made.
pub(super) fn secrets_of(deployment: &Deployment) -> Vec<SecretRef> {
    deployment.service.secrets.values().cloned().chain(database_secret(deployment)).collect()
}

/// What the service fetches when it starts, by variable.
pub(super) fn service_secrets(deployment: &Deployment, names: &Names) -> BTreeMap<String, SecretRef> {
    let mut secrets = deployment.service.secrets.clone();
    let url = match deployment.database.source {
        DatabaseSource::Create => Some(SecretRef::Parameter(names.parameter("database-url"))),
        DatabaseSource::Existing => database_secret(deployment),
        DatabaseSource::None => None,
    };
    if let Some(url) = url {
        secrets.insert(deployment.database.variable.clone(), url);
    }
    secrets
}
