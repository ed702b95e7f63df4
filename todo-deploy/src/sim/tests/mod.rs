//! The simulation against what queueing theory knows exactly.

mod anything;
mod closed;
mod failures;
mod golden;
mod open;
mod theory;
mod users;

use super::control::FixedFleet;
use super::dist::Dist;
use super::measure::sum;
use super::queue::Nanos;
use super::ramp::Stage;
use super::scene::{
    BalancerModel, Budget, Endpoint, InstanceModel, Load, ProbeModel, SECOND, Scene, Shape, Step,
};
use super::{Outcomes, arrivals, run};

/// Half a minute is thrown away before anything is measured.
const WARM_UP_ROWS: usize = 3;

const MS: f64 = 1e6;

/// A fleet that does nothing else, rows of 10 s, no health checks within the run.
fn scene(loads: Vec<Load>, demand: Dist, seconds: u64) -> Scene {
    Scene {
        seed: 1,
        end: seconds * SECOND,
        endpoints: vec![Endpoint { name: "list".to_owned(), demand, latency: Dist::ZERO }],
        loads,
        balancer: BalancerModel::default(),
        instance: InstanceModel::default(),
        probe: ProbeModel {
            interval: Nanos::MAX / 4,
            timeout: SECOND,
            demand: Dist::ZERO,
            refused_with: None,
        },
        round_trip: 0,
        sample_every: 10 * SECOND,
        row_every: 10 * SECOND,
        instance_rows: false,
        faults: Vec::new(),
        request_gap: 0,
    }
}

/// So many users for ever: request, then think.
fn users(count: u32, think: Dist) -> Load {
    Load {
        start: 0,
        shape: Shape::Users {
            from: count,
            stages: vec![Stage { length: 1_000_000 * SECOND, target: count }],
        },
        iteration: vec![Step::Request(0), Step::Sleep(think)],
        budget: Budget::Time,
        min_iteration: 0,
        graceful_ramp_down: 0,
        graceful_stop: 0,
    }
}

/// Poisson arrivals of single requests, `rate` per second, for ever.
fn poisson(rate: f64) -> Load {
    Load {
        start: 0,
        shape: Shape::Arrivals {
            rate: arrivals::Rate::constant(rate, 1_000_000 * SECOND),
            spread: arrivals::Spread::Poisson,
            users_max: 1_000_000,
        },
        iteration: vec![Step::Request(0)],
        budget: Budget::Time,
        min_iteration: 0,
        graceful_ramp_down: 0,
        graceful_stop: 0,
    }
}

/// What was measured after the warm-up.
#[derive(Debug)]
struct Seen {
    /// Requests per second.
    x: f64,
    /// Mean response time in seconds.
    r: f64,
    /// Mean number of requests under way.
    l: f64,
    /// Mean use of all processors, 0–1.
    u: f64,
    /// How long was measured, in seconds.
    t: f64,
}

fn observe(scene: &Scene, instances: u32) -> Seen {
    let outcomes = run(scene, &mut FixedFleet::new(instances));
    seen(scene, instances, &outcomes)
}

fn seen(scene: &Scene, instances: u32, outcomes: &Outcomes) -> Seen {
    let row = sum(&outcomes.rows[WARM_UP_ROWS..]);
    let capacity = f64::from(instances) * scene.instance.vcpus;
    Seen {
        x: row.rate(),
        r: row.response_mean(),
        l: row.mean(row.in_flight),
        u: row.cpu_used / 1e9 / row.seconds() / capacity,
        t: row.seconds(),
    }
}

#[track_caller]
fn close(what: &str, seen: f64, expected: f64, tolerance: f64) {
    assert!(
        (seen - expected).abs() <= tolerance,
        "{what}: {seen} where theory says {expected}, give or take {tolerance}"
    );
}
