//! What the balancer and the network do that nobody asked for.

use std::time::Duration;

use super::{Subject, Warning, warning};
use crate::deployment::{Target, duration};

/// How long todo-api keeps an idle connection open.
const SERVICE_KEEP_ALIVE: Duration = Duration::from_secs(75);

pub(super) fn check(subject: &Subject<'_>, warnings: &mut Vec<Warning>) {
    let (balancer, aws) = (&subject.deployment.load_balancer, &subject.deployment.aws);
    if balancer.idle_timeout >= SERVICE_KEEP_ALIVE {
        warnings.push(warning(
            "keep-alive-race",
            "load_balancer.idle_timeout",
            format!(
                "the balancer keeps connections {}, the service closes them after {}",
                duration::text(balancer.idle_timeout),
                duration::text(SERVICE_KEEP_ALIVE)
            ),
            "a request sent on a connection that the service is just closing is answered 502",
            "load_balancer.idle_timeout = \"60s\"".to_owned(),
        ));
    }
    if balancer.deregistration_delay == Duration::ZERO {
        warnings.push(warning(
            "no-drain",
            "load_balancer.deregistration_delay",
            "every scale-in cuts off the requests under way".to_owned(),
            "a deregistered instance is ended at once",
            "load_balancer.deregistration_delay = \"30s\"".to_owned(),
        ));
    }
    if subject.target == Target::Local {
        return;
    }
    if let Some(nearest) = balancer.nearest_on_aws() {
        warnings.push(warning(
            "algorithm",
            "load_balancer.algorithm",
            format!("AWS does not balance by {}", String::from(balancer.algorithm.clone())),
            nearest,
            "one of round-robin, least-connections, weighted-random with an application balancer".to_owned(),
        ));
    }
    if !aws.open_to_world.is_empty() {
        warnings.push(warning(
            "open-ports",
            "aws.open_to_world",
            format!("the whole world may connect to ports {:?} of every instance", aws.open_to_world),
            "clients should come through the balancer, and nobody needs to log in",
            "aws.open_to_world = []".to_owned(),
        ));
    }
    if subject.target == Target::Ec2 && aws.update_at_boot {
        warnings.push(warning(
            "update-at-boot",
            "aws.update_at_boot",
            "every scale-out waits for package updates".to_owned(),
            "updating takes minutes at boot, while the load waits",
            "aws.update_at_boot = false, and a newer machine image".to_owned(),
        ));
    }
}
