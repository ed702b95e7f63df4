//! A deployment as a scene: what each of its fields means in virtual time.

use crate::deployment::{self, BalancerKind, Deployment, HashKey, Stickiness, Target};
use crate::engine::{Config, Start};
use crate::pick::Algorithm;
use crate::pricing::{instance_burst, instance_memory_mib, instance_vcpus};
use crate::timeline::Event;

use super::autoscaler::{Autoscaler, Gauges};
use super::dist::Dist;
use super::queue::{Nanos, nanos};
use super::scene::{BalancerModel, Endpoint, Failure, Fault, InstanceModel, Load, MINUTE, ProbeModel, Scene};
use super::{Outcomes, run};

/// A target may hold a quarter more than its fair share of the requests before the ring is walked on.
const LOAD_PERCENT: u32 = 125;

/// What a deployment went through.
#[derive(Debug, Clone)]
pub struct Simulation {
    /// What the engine saw and did, and why.
    pub events: Vec<Event>,
    /// What the users saw.
    pub outcomes: Outcomes,
}

/// Runs the deployment under these loads, from an idle, settled fleet or from nothing, until `end`.
#[must_use]
pub fn simulate(deployment: &Deployment, target: Target, start: Start, load: Workload) -> Simulation {
    let mut autoscaler = Autoscaler::new(Config::new(deployment, target), start, gauges(deployment, target));
    let scene = scene(deployment, target, load);
    let outcomes = run(&scene, &mut autoscaler);
    Simulation { events: autoscaler.into_events(), outcomes }
}

/// Who asks for what, for how long.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    /// The kinds of request; loads refer to them by number.
    pub endpoints: Vec<Endpoint>,
    /// The groups of users.
    pub loads: Vec<Load>,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// Between two requests of all users together at least this long passes; zero is no limit.
    pub request_gap: Nanos,
    /// When the run stops: late enough after the load to see the fleet shrink.
    pub end: Nanos,
    /// The seed of all randomness.
    pub seed: u64,
}

/// The scene of this deployment at this target.
#[must_use]
pub fn scene(deployment: &Deployment, target: Target, load: Workload) -> Scene {
    Scene {
        seed: load.seed,
        end: load.end,
        faults: load.faults.into_iter().map(|fault| fault_at(target, fault)).collect(),
        endpoints: load.endpoints,
        loads: load.loads,
        balancer: balancer(&deployment.load_balancer),
        instance: instance(deployment, target),
        probe: ProbeModel {
            interval: nanos(deployment.health_check.interval),
            timeout: nanos(deployment.health_check.timeout),
            refused_with: refused_with(deployment),
            ..ProbeModel::default()
        },
        request_gap: load.request_gap,
        round_trip: nanos(deployment.model.round_trip),
        // Alarms of less than a minute look at points of their own.
        sample_every: nanos(deployment.scaling.metric_period).min(MINUTE),
        row_every: MINUTE,
        instance_rows: false,
    }
}

/// The status of the service's answer to a health check, where the check does not accept it.
#[must_use]
pub fn refused_with(deployment: &Deployment) -> Option<u16> {
    let health = &deployment.health_check;
    let path = health.path.split('?').next().unwrap_or_default();
    let status = deployment.model.answers.get(path).copied().unwrap_or(200);
    (!health.matcher.accepts(status)).then_some(status)
}

/// Where the instance is nothing but the service (a task, a process), it is gone when the service dies.
fn fault_at(target: Target, fault: Fault) -> Fault {
    match (target, fault.what) {
        (Target::Ecs | Target::Local, Failure::Dies) => Fault { what: Failure::Lost, lasts: None, ..fault },
        _ => fault,
    }
}

fn gauges(deployment: &Deployment, target: Target) -> Gauges {
    let model = &deployment.model;
    Gauges {
        memory: instance_memory_mib(deployment, target) * 1024.0 * 1024.0,
        memory_idle: model.idle_memory_mib * 1024.0 * 1024.0,
        memory_per_request: model.request_memory_kib * 1024.0,
        request_bytes: f64::from(model.request_bytes),
        response_bytes: f64::from(model.response_bytes),
        custom: model.custom.clone(),
    }
}

fn balancer(wanted: &deployment::LoadBalancer) -> BalancerModel {
    use deployment::Algorithm as Wanted;
    let algorithm = match wanted.algorithm {
        Wanted::RoundRobin => Algorithm::RoundRobin,
        Wanted::LeastConnections => Algorithm::LeastOutstanding,
        Wanted::WeightedLeastConnections => Algorithm::WeightedLeastConnections,
        Wanted::WeightedRandom => Algorithm::WeightedRandom,
        Wanted::ConsistentHash(_) => Algorithm::ConsistentHash { load_percent: LOAD_PERCENT },
    };
    let sticky = match wanted.stickiness {
        Stickiness::Off => 0,
        Stickiness::BalancerCookie { lasts } | Stickiness::ApplicationCookie { lasts, .. } => nanos(lasts),
    };
    BalancerModel {
        algorithm,
        timeout: nanos(wanted.idle_timeout),
        slow_start: nanos(wanted.slow_start),
        sticky,
        per_connection: wanted.kind == BalancerKind::Network,
        // Users ask for other todos each time; whatever else is hashed stays with the user.
        hash_requests: wanted.algorithm == Wanted::ConsistentHash(HashKey::Path),
        ..BalancerModel::default()
    }
}

fn instance(deployment: &Deployment, target: Target) -> InstanceModel {
    let (vcpus, burst) = (instance_vcpus(deployment, target), instance_burst(deployment, target));
    let model = &deployment.model;
    InstanceModel {
        vcpus,
        burst,
        launch: Dist::Constant(model.launch_time.as_nanos() as f64),
        boot: Dist::Constant(model.boot_time.as_nanos() as f64),
        boot_cpu: model.boot_cpu / 100.0 * vcpus,
        ..InstanceModel::default()
    }
}
