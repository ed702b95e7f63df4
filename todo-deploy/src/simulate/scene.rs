//! From a deployment and a load to the kernel's scene.

use std::time::Duration;

use super::{Options, Plan};
use crate::deployment::{Algorithm, BalancerKind, Deployment, HashKey, Spec, Stickiness, Target};
use crate::pick;
use crate::pricing::instance_type;
use crate::sim::credit::CreditRule;
use crate::sim::dist::Dist;
use crate::sim::queue::Nanos;
use crate::sim::scene::{BalancerModel, Endpoint, InstanceModel, MINUTE, ProbeModel, SECOND, Scene};

/// Above this many instances the result does not tell of every single one, unless it must.
const INSTANCE_ROWS_MAX: u32 = 64;

/// CPU time of answering one health check.
const PROBE_DEMAND_NS: f64 = 100e3;

pub(super) fn scene(
    deployment: &Deployment,
    target: Target,
    plan: &Plan,
    options: &Options,
    end: Duration,
) -> Scene {
    let model = &deployment.model;
    let default = || Dist::log_normal(model.service_time.as_nanos() as f64, 1.0);
    let sample_every = deployment.scaling.metric_period.min(Duration::from_secs(60));
    Scene {
        seed: options.seed,
        end: nanos(end),
        endpoints: vec![Endpoint {
            name: "request".to_owned(),
            demand: options.service_time.clone().unwrap_or_else(default),
            latency: constant(model.round_trip),
        }],
        loads: plan.loads.clone(),
        balancer: balancer(deployment),
        instance: instance(deployment, target),
        probe: ProbeModel {
            interval: nanos(deployment.health_check.interval),
            timeout: nanos(deployment.health_check.timeout),
            demand: Dist::Constant(PROBE_DEMAND_NS),
        },
        sample_every: nanos(sample_every),
        row_every: MINUTE,
        instance_rows: deployment.capacity.max <= INSTANCE_ROWS_MAX,
    }
}

/// vCPUs of one instance: 100 % of its CPU metric.
pub(crate) fn vcpus(spec: &Spec, target: Target) -> f64 {
    match target {
        Target::Ec2 => instance_type(&spec.aws.instance_type).map_or(1.0, |known| known.vcpus),
        Target::Ecs => f64::from(spec.aws.fargate_cpu) / 1024.0,
        Target::Local => spec.local.share,
    }
}

/// The credits of a burstable instance in standard mode.
pub(crate) fn credits(spec: &Spec, target: Target) -> Option<CreditRule> {
    let known = instance_type(&spec.aws.instance_type).filter(|_| target == Target::Ec2)?;
    let unlimited = spec.aws.unlimited_credits || known.unlimited_by_default;
    let burst = known.burst;
    (burst.baseline < 1.0 && !unlimited).then(|| CreditRule {
        baseline: burst.baseline * burst.vcpus,
        initial: burst.credits_at_launch,
        most: burst.credits_max,
        resume: CreditRule::T2_MICRO.resume,
    })
}

fn instance(deployment: &Deployment, target: Target) -> InstanceModel {
    let model = &deployment.model;
    let vcpus = vcpus(deployment, target);
    InstanceModel {
        vcpus,
        credits: credits(deployment, target),
        concurrency: usize::MAX,
        backlog: 0,
        launch: constant(model.launch_time),
        boot: constant(model.boot_time),
        boot_cpu: vcpus * model.boot_cpu / 100.0,
    }
}

fn balancer(deployment: &Deployment) -> BalancerModel {
    let balancer = &deployment.load_balancer;
    BalancerModel {
        algorithm: match balancer.algorithm {
            Algorithm::RoundRobin => pick::Algorithm::RoundRobin,
            Algorithm::LeastConnections => pick::Algorithm::LeastOutstanding,
            Algorithm::WeightedLeastConnections => pick::Algorithm::WeightedLeastConnections,
            Algorithm::WeightedRandom => pick::Algorithm::WeightedRandom,
            Algorithm::ConsistentHash(_) => pick::Algorithm::ConsistentHash { load_percent: 125 },
        },
        healthy_min: 1,
        timeout: nanos(balancer.idle_timeout),
        connect_timeout: 10 * SECOND,
        slow_start: nanos(balancer.slow_start),
        sticky: match balancer.stickiness {
            Stickiness::Off => 0,
            Stickiness::BalancerCookie { lasts } | Stickiness::ApplicationCookie { lasts, .. } => {
                nanos(lasts)
            }
        },
        keeps_cookies: false,
        per_connection: balancer.kind == BalancerKind::Network,
        hash_requests: false,
    }
}

/// What the simulation does not do as the deployment says.
pub(super) fn notes(deployment: &Deployment) -> Vec<String> {
    let mut notes = Vec::new();
    for policy in &deployment.scaling.policies {
        if !super::control::is_simulated(policy.metric()) {
            notes.push(format!(
                "{} watches {}, which is not simulated: it never fires",
                policy.name(),
                policy.metric()
            ));
        }
    }
    if deployment.load_balancer.algorithm == Algorithm::ConsistentHash(HashKey::Path) {
        notes.push("requests are hashed by user, not by path".to_owned());
    }
    notes
}

fn constant(duration: Duration) -> Dist {
    Dist::Constant(duration.as_nanos() as f64)
}

fn nanos(duration: Duration) -> Nanos {
    Nanos::try_from(duration.as_nanos()).unwrap_or(Nanos::MAX)
}
