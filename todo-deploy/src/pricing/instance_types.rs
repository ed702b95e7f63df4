//! The instance types that are known: enough to say what a share of one is, and what it earns in credits.
//!
//! Source: EC2 user guide, "Burstable performance instances" (credits per hour, baseline per vCPU, maximum).

use crate::deployment::{Spec, Target};
use crate::engine::Burst;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InstanceType {
    pub name: &'static str,
    pub vcpus: f64,
    pub memory_mib: f64,
    /// What it may burst to and for how long; none where the whole of it is always there.
    pub burst: Burst,
    /// Unlimited mode (bursting for money) is the type's default.
    pub unlimited_by_default: bool,
}

/// `credits_per_hour` at 60 credits per vCPU-hour is the baseline.
const fn t(
    name: &'static str,
    vcpus: f64,
    memory_mib: f64,
    credits_per_hour: f64,
    credits_max: f64,
    launch: f64,
) -> InstanceType {
    InstanceType {
        name,
        vcpus,
        memory_mib,
        burst: Burst {
            baseline: credits_per_hour / 60.0 / vcpus,
            vcpus,
            credits_at_launch: launch,
            credits_max,
        },
        unlimited_by_default: launch == 0.0,
    }
}

/// Nothing to burst: all of it, always.
const fn fixed(name: &'static str, vcpus: f64, memory_mib: f64) -> InstanceType {
    let burst = Burst { baseline: 1.0, vcpus, credits_at_launch: 0.0, credits_max: 0.0 };
    InstanceType { name, vcpus, memory_mib, burst, unlimited_by_default: false }
}

const TYPES: [InstanceType; 14] = [
    t("t2.nano", 1.0, 512.0, 3.0, 72.0, 30.0),
    t("t2.micro", 1.0, 1024.0, 6.0, 144.0, 30.0),
    t("t2.small", 1.0, 2048.0, 12.0, 288.0, 30.0),
    t("t2.medium", 2.0, 4096.0, 24.0, 576.0, 60.0),
    t("t3.nano", 2.0, 512.0, 6.0, 144.0, 0.0),
    t("t3.micro", 2.0, 1024.0, 12.0, 288.0, 0.0),
    t("t3.small", 2.0, 2048.0, 24.0, 576.0, 0.0),
    t("t3.medium", 2.0, 4096.0, 24.0, 576.0, 0.0),
    t("t3.large", 2.0, 8192.0, 36.0, 864.0, 0.0),
    fixed("m5.large", 2.0, 8192.0),
    fixed("m5.xlarge", 4.0, 16_384.0),
    fixed("c5.large", 2.0, 4096.0),
    fixed("c5.xlarge", 4.0, 8192.0),
    fixed("c5.2xlarge", 8.0, 16_384.0),
];

pub fn instance_type(name: &str) -> Option<InstanceType> {
    TYPES.into_iter().find(|known| known.name == name)
}

pub fn instance_types() -> Vec<&'static str> {
    TYPES.iter().map(|known| known.name).collect()
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_t2_micro_has_ten_percent() {
        let micro = instance_type("t2.micro").expect("known");
        assert!((micro.burst.baseline - 0.1).abs() < 1e-12);
        assert!(!micro.unlimited_by_default);
        assert!((instance_type("t3.small").expect("known").burst.baseline - 0.2).abs() < 1e-12);
    }
}
