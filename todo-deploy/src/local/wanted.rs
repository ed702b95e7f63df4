//! What `local up` is to bring about, whole: so that a second `up` can hand it to the run that is there.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::limit::CpuLimit;
use super::service::{Environment, Runs};
use crate::deployment::{Defaults, Deployment, Target};
use crate::engine::Burst;
use crate::pricing::{instance_burst, instance_vcpus};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Wanted {
    /// The whole deployment as TOML.
    pub deployment: String,
    /// Whose habits the group has: EC2's, ECS's, or its own.
    pub like: Target,
    /// Periods, cooldowns, boot, grace and drain delays pass so many times as fast.
    pub speed: f64,
    pub listen: SocketAddr,
    /// Where the dashboard is; none without one.
    pub dashboard: Option<SocketAddr>,
    pub runs: Runs,
    /// The service's variables, secrets and database resolved.
    pub environment: Environment,
    /// Todos for an empty database.
    pub seed_todos: u32,
    pub cpu_limit: CpuLimit,
    /// From SIGTERM to SIGKILL. Processes need their time however fast everything else runs.
    pub stop_timeout: Duration,
    /// Whether the balancer writes its access log.
    pub access_log: bool,
    /// How often the balancer tries a failed request on another target.
    pub retries: u32,
}

impl Wanted {
    pub(super) fn deployment(&self) -> Result<Deployment> {
        Ok(Deployment::parse(&self.deployment, "the deployment", Defaults::of(self.like))?)
    }
}

/// What one instance has, like which machine or task.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shape {
    pub(super) vcpus: f64,
    /// The credits of a burstable machine.
    pub(super) burst: Option<Burst>,
    /// From the decision until it is in service, and from then until its process starts.
    pub(super) launch: Duration,
    pub(super) boot: Duration,
}

impl Shape {
    pub(super) fn of(deployment: &Deployment, like: Target, speed: f64) -> Self {
        // Processes of this machine take as long as they take; what they stand for is made to.
        let emulated = like != Target::Local;
        let delay = |delay: Duration| if emulated { delay.div_f64(speed) } else { Duration::ZERO };
        Self {
            vcpus: instance_vcpus(deployment, like),
            burst: instance_burst(deployment, like),
            launch: delay(deployment.model.launch_time),
            boot: delay(deployment.model.boot_time),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes() {
        let shape = |like| Shape::of(&Deployment::parse("", "t", Defaults::of(like)).unwrap(), like, 10.0);
        let local = shape(Target::Local);
        assert_eq!((local.vcpus, local.burst, local.launch + local.boot), (0.1, None, Duration::ZERO));
        let ec2 = shape(Target::Ec2);
        assert_eq!(
            (ec2.vcpus, ec2.launch, ec2.boot),
            (1.0, Duration::from_millis(4500), Duration::from_secs(12))
        );
        assert!((ec2.burst.unwrap().baseline - 0.1).abs() < 1e-9);
        let ecs = shape(Target::Ecs);
        assert_eq!((ecs.vcpus, ecs.burst), (0.25, None));
    }
}
