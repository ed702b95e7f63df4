//! What an instance is, and what of a deployment is not simulated.

use crate::deployment::{Deployment, Metric, Spec, Target};
use crate::engine::Burst;
use crate::pricing::instance_type;

/// vCPUs of one instance: 100 % of its CPU metric.
pub fn instance_vcpus(spec: &Spec, target: Target) -> f64 {
    match target {
        Target::Ec2 => instance_type(&spec.aws.instance_type).map_or(1.0, |known| known.vcpus),
        Target::Ecs => f64::from(spec.aws.fargate_cpu) / 1024.0,
        Target::Local => spec.local.share,
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
    let is_simulated = |metric: &Metric| match metric {
        Metric::Cpu | Metric::RequestsPerTarget | Metric::Latency { .. } => true,
        Metric::Memory | Metric::NetworkIn | Metric::NetworkOut | Metric::Custom(_) => false,
    };
    let policies = deployment.scaling.policies.iter().filter(|policy| !is_simulated(policy.metric()));
    let note = |policy: &crate::deployment::Policy| {
        format!("{} watches {}, which is not simulated: it never fires", policy.name(), policy.metric())
    };
    policies.map(note).collect()
}
