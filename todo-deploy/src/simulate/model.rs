//! What an instance is, and what of a deployment is not simulated.

use crate::deployment::{Deployment, Metric, Policy, Spec, Target};
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
    let note = |policy: &Policy| {
        format!("{} watches {}, which is not simulated: it never fires", policy.name(), policy.metric())
    };
    policies.map(note).collect()
}

/// Why no policy on CPU ever scaled out, and what would have, for a group whose busiest minute was `busiest` %.
pub(super) fn why_never(deployment: &Deployment, busiest: f64, vcpus: f64) -> Vec<String> {
    let wants = |policy: &Policy| match policy {
        Policy::Simple(simple) if simple.alarm.when.comparison.is_upward() => Some((
            simple.alarm.when.threshold,
            format!(
                "{} for {} × {} s",
                simple.alarm.when,
                simple.alarm.evaluation_periods,
                simple.alarm.period.as_secs()
            ),
        )),
        Policy::Step(step) if step.alarm.when.comparison.is_upward() => Some((
            step.alarm.when.threshold,
            format!(
                "{} for {} × {} s",
                step.alarm.when,
                step.alarm.evaluation_periods,
                step.alarm.period.as_secs()
            ),
        )),
        Policy::TargetTracking(tracking) => {
            let periods = deployment.model.high_periods;
            Some((tracking.target, format!("> {} for {periods} × 60 s", tracking.target)))
        }
        Policy::Simple(_) | Policy::Step(_) => None,
    };
    let on_cpu = deployment.scaling.policies.iter().filter(|policy| *policy.metric() == Metric::Cpu);
    let note = |policy: &Policy| {
        let (threshold, wanted) = wants(policy)?;
        let share = vcpus * busiest / threshold / 2.0;
        Some(format!(
            "never scaled out: the busiest minute was {busiest:.0} % CPU, and {} wants {wanted}; instances of {share:.2} vCPU \
             or a threshold of {:.0} % would have done it",
            policy.name(),
            (busiest / 2.0).max(1.0)
        ))
    };
    on_cpu.filter_map(note).collect()
}
