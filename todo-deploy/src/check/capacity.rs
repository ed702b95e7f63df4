//! How many, where, and whether anything may change it.

use super::{Subject, Warning, warning};
use crate::deployment::{Policy, Target};

pub(super) fn check(subject: &Subject<'_>, warnings: &mut Vec<Warning>) {
    let deployment = subject.deployment;
    let capacity = deployment.capacity;
    if capacity.min == capacity.max && !deployment.scaling.policies.is_empty() {
        warnings.push(warning(
            "fixed-size",
            "capacity.max",
            format!("the fleet is always {} instances; no policy can change that", capacity.max),
            "capacity.min and capacity.max are the same",
            "a larger capacity.max, or no policies".to_owned(),
        ));
    }
    if subject.target != Target::Local && deployment.aws.zones.len() == 1 {
        warnings.push(warning(
            "one-zone",
            "aws.zones",
            format!(
                "everything runs in {}; when that zone fails, so does the service",
                deployment.aws.zones[0]
            ),
            "and an application load balancer demands subnets in two zones, so that creating it fails",
            "aws.zones = [], which is every zone that offers the instance type".to_owned(),
        ));
    }
    let policies = &deployment.scaling.policies;
    if policies.iter().any(Policy::grows) && !policies.iter().any(Policy::shrinks) {
        warnings.push(warning(
            "never-shrinks",
            "scaling.policy",
            "the fleet grows and never shrinks".to_owned(),
            "there is a policy that scales out and none that scales in, so that every peak is paid for ever",
            "a policy with when = \"<= …\" and a negative adjustment, or target tracking with scale_in = true".to_owned(),
        ));
    }
    // Finding 7.
    if policies.is_empty() {
        warnings.push(warning(
            "no-policies",
            "scaling.policy",
            format!("the fleet stays at {} whatever the load", capacity.desired),
            "there is no scaling policy",
            "leave scaling.policy out to have the default ones".to_owned(),
        ));
    }
}
