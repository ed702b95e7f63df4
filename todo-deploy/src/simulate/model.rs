//! What an instance is, and what of a deployment is not simulated.

use crate::deployment::{Deployment, Metric, Spec, Target};
use crate::engine::Burst;
use crate::pricing::instance_type;
use crate::sim::deployed::refused_with;

/// vCPUs of one instance: 100 % of its CPU metric.
pub fn instance_vcpus(spec: &Spec, target: Target) -> f64 {
    match target {
        Target::Ec2 => instance_type(&spec.aws.instance_type).map_or(1.0, |known| known.vcpus),
        Target::Ecs => f64::from(spec.aws.fargate_cpu) / 1024.0,
        Target::Local => spec.local.share,
    }
}

/// Memory of one instance: 100 % of its memory metric. A process of this machine is given a GiB.
pub fn instance_memory_mib(spec: &Spec, target: Target) -> f64 {
    match target {
        Target::Ec2 => instance_type(&spec.aws.instance_type).map_or(1024.0, |known| known.memory_mib),
        Target::Ecs => f64::from(spec.aws.fargate_memory),
        Target::Local => 1024.0,
    }
}

/// The credits of a burstable instance that is held at its baseline without any.
pub fn instance_burst(spec: &Spec, target: Target) -> Option<Burst> {
    let known = instance_type(&spec.aws.instance_type).filter(|_| target == Target::Ec2)?;
    let unlimited = spec.aws.unlimited_credits || known.unlimited_by_default;
    Some(known.burst).filter(|burst| burst.baseline < 1.0 && !unlimited)
}

/// What the simulation does not do as the deployment says.
pub(super) fn notes(deployment: &Deployment) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(status) = refused_with(deployment) {
        notes.push(format!(
            "the service answers {status} at the health check's path {} (model.answers), which is none of {}: no \
             instance ever passes",
            deployment.health_check.path,
            String::from(deployment.health_check.matcher.clone())
        ));
    }
    for policy in &deployment.scaling.policies {
        let Metric::Custom(name) = policy.metric() else { continue };
        if !deployment.model.custom.contains_key(name) {
            notes.push(format!(
                "{} watches custom:{name}, of which nothing is known: it never fires; say how it follows from the \
                 load in [model.custom]: {name} = {{ per_request_under_way = 1 }}",
                policy.name()
            ));
        }
    }
    notes
}
