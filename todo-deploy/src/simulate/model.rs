//! What of a deployment is not simulated.

use crate::deployment::{Deployment, Metric, Target};
use crate::sim::deployed::refused_with;

/// What the simulation does not do as the deployment says.
pub(super) fn notes(deployment: &Deployment, target: Target) -> Vec<String> {
    let mut notes = Vec::new();
    let balancer = &deployment.load_balancer;
    if let Some(nearest) = balancer.nearest_on_aws().filter(|_| target != Target::Local) {
        notes.push(format!(
            "AWS does not balance by {}, which is simulated all the same; {nearest}",
            String::from(balancer.algorithm.clone())
        ));
    }
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
