//! The scenarios of the practical, to the minute: its k6 script against its settings.
//!
//! The expected times come from a fluid model worked by hand: an alarm seen at 240 s launches an instance that is
//! in service at 285 s; the cooldown ends at 405 s; the next evaluation is at 420 s.

use std::time::Duration;

use crate::deployment::{Defaults, Deployment, Target};
use crate::engine::Start;
use crate::timeline::EventKind;

use super::super::deployed::{Simulation, Workload, simulate};
use super::super::dist::Dist;
use super::super::ramp::Stage;
use super::super::scene::{Endpoint, Load, SECOND, Shape};
use super::{MS, users};

/// The practical's settings with a drain of 300 s, all times of the fluid model.
fn practical(target: Target, more: &str) -> Deployment {
    let text = format!(
        "[load_balancer]\nderegistration_delay = \"300s\"\n[health_check]\ninterval = \"10s\"\n\
         [model]\nmetric_lag = \"60s\"\nlaunch_time = \"45s\"\nboot_time = \"120s\"\nboot_cpu = 0.0\n\
         round_trip = \"0s\"\n{more}"
    );
    let defaults = Defaults { target, as_in_the_practical: true };
    Deployment::parse(&text, "golden.toml", defaults).expect("a valid deployment")
}

/// k6.js: 1000 users in the first minute, 5000 after eleven; each lists the todos and sleeps a second.
fn load(service: Dist, minutes: u64) -> Workload {
    let stages =
        vec![Stage { length: 60 * SECOND, target: 1000 }, Stage { length: 600 * SECOND, target: 5000 }];
    let load = Load {
        shape: Shape::Users { from: 1, stages },
        graceful_ramp_down: 30 * SECOND,
        graceful_stop: 30 * SECOND,
        ..users(0, Dist::Constant(1000.0 * MS))
    };
    let endpoints = vec![Endpoint { name: "list".to_owned(), demand: service, latency: Dist::ZERO }];
    Workload {
        endpoints,
        loads: vec![load],
        faults: Vec::new(),
        request_gap: 0,
        end: minutes * 60 * SECOND,
        seed: 1,
    }
}

/// When the desired capacity changed, in seconds, and to what.
fn decisions(simulation: &Simulation) -> Vec<(u64, u32)> {
    let scaled = simulation.events.iter().filter_map(|event| match event.kind {
        EventKind::Scaled { to, .. } => Some((event.at.since_start(), to)),
        _ => None,
    });
    scaled.map(|(at, to): (Duration, u32)| (at.as_secs(), to)).collect()
}

#[test]
fn ec2_with_detailed_monitoring() {
    let deployment = practical(Target::Ec2, "[scaling]\nmetric_period = \"60s\"\n");
    let expected = [(240, 2), (420, 3), (600, 4), (960, 3), (1380, 2), (1800, 1)];
    let simulation =
        simulate(&deployment, Target::Ec2, Start::Settled, load(Dist::Exponential { mean: MS }, 40));
    assert_eq!(decisions(&simulation), expected);
}

#[test]
fn ec2_with_basic_monitoring_is_too_late() {
    let deployment = practical(Target::Ec2, "[scaling]\nmetric_period = \"300s\"\n");
    let expected = [(360, 2), (540, 3), (720, 4), (1260, 3), (1680, 2), (2160, 1)];
    let simulation =
        simulate(&deployment, Target::Ec2, Start::Settled, load(Dist::Exponential { mean: MS }, 45));
    assert_eq!(decisions(&simulation), expected);
}

#[test]
fn ecs_goes_to_the_maximum_in_one_step_and_back_in_one() {
    let deployment = practical(Target::Ecs, "");
    let with = |mean| {
        decisions(&simulate(&deployment, Target::Ecs, Start::Settled, load(Dist::log_normal(mean, 1.0), 40)))
    };
    assert_eq!(with(MS), [(240, 4), (1620, 1)]);
    // A fluid stops with its source. Real users who wait when the load ends are still served, for half a minute of
    // grace: four times slower answers keep the tasks busy into the twelfth minute, and the low alarm waits one more.
    assert_eq!(with(4.0 * MS), [(240, 4), (1680, 1)]);
}
