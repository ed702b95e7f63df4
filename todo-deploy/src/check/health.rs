//! Health checks that hide, kill or come too late.

use std::time::Duration;

use super::{Subject, Warning, warning};
use crate::deployment::{Target, duration};
use crate::sim::deployed::refused_with;

pub(super) fn check(subject: &Subject<'_>, warnings: &mut Vec<Warning>) {
    let deployment = subject.deployment;
    let (health, model) = (&deployment.health_check, &deployment.model);
    // Finding 1.
    if let Some(status) = refused_with(deployment) {
        let why = match health.replaces_instances {
            true => {
                "every instance is called unhealthy and replaced by one that fails as well, for ever; meanwhile clients see \
                 502 and 503"
            }
            false => {
                "every target is unhealthy and the balancer fails open: it works, but new instances get traffic before the \
                 service listens, and clients see 502"
            }
        };
        warnings.push(warning(
            "health-path",
            "health_check.path",
            format!(
                "no instance ever passes its check: the service answers {status} at `{}` (model.answers), the check wants {}",
                health.path,
                String::from(health.matcher.clone())
            ),
            why,
            "health_check.path = \"/api/v1/health\", or whatever path says that the service can serve".to_owned(),
        ));
    } else if health.path == "/" && !deployment.model.answers.contains_key("/") {
        warnings.push(warning(
            "health-path",
            "health_check.path",
            "the health check asks for `/`, the provider's default, not for a health endpoint".to_owned(),
            "if `/` is not 200, every target is unhealthy and the balancer fails open: it works, but new instances get \
             traffic before the service listens, and clients see 502",
            "health_check.path = \"/api/v1/health\"".to_owned(),
        ));
    }
    // Finding 6.
    if !health.replaces_instances {
        warnings.push(warning(
            "dead-service",
            "health_check.replaces_instances",
            "a dead service in a live machine is never replaced".to_owned(),
            "only the machine's own status is looked at (health type EC2); the balancer's checks change nothing",
            "health_check.replaces_instances = true, with a grace longer than the boot".to_owned(),
        ));
    }
    let first_pass = model.boot_time + health.interval;
    if health.replaces_instances && health.grace < first_pass && subject.target != Target::Local {
        warnings.push(warning(
            "grace-too-short",
            "health_check.grace",
            format!(
                "instances that still boot may be replaced: the first check can pass after {}, the grace is {}",
                duration::text(first_pass),
                duration::text(health.grace)
            ),
            "an instance that fails its checks after the grace is replaced by one that boots just as long, for ever",
            format!("health_check.grace = \"{}s\"", first_pass.as_secs() * 3 / 2),
        ));
    }
    let detection = health.interval * health.unhealthy_threshold + health.timeout;
    if detection > Duration::from_secs(60) {
        warnings.push(warning(
            "slow-detection",
            "health_check.interval",
            format!("a dead instance gets traffic for up to {}", duration::text(detection)),
            "it takes that many failed checks to call a target unhealthy",
            "health_check.interval = \"10s\" and unhealthy_threshold = 2".to_owned(),
        ));
    }
}
