//! Random scenes and random orders: whatever happens, nothing is lost, counted twice or given to who must not
//! have it.

use std::collections::VecDeque;

use proptest::prelude::*;

use crate::engine::Burst;
use crate::pick::{Algorithm, TargetState};
use crate::time::Time;

use super::super::control::{Action, Control, Fact, Instance, Readings};
use super::super::dist::Dist;
use super::super::ramp::Stage;
use super::super::scene::{Budget, Failure, Fault, Load, ProbeModel, SECOND, Scene, Shape, Step};
use super::{MS, poisson, run, scene, sum};

/// Carries out a list of orders, as far as they make sense, and watches whom requests go to.
#[derive(Debug, Default)]
struct Whim {
    todo: VecDeque<(u64, u8, Instance)>,
    now: u64,
    /// What each instance was told to be, by number.
    state: Vec<Option<&'static str>>,
    actions: VecDeque<Action>,
}

impl Whim {
    fn order(&mut self, what: u8, id: Instance) {
        let index = id as usize;
        if index >= self.state.len() {
            self.state.resize(index + 1, None);
        }
        let (next, action) = match (what % 6, self.state[index]) {
            (0, None) => ("runs", Action::Adopt(id)),
            (1, None) => ("runs", Action::Launch(id)),
            (2, Some("runs")) => ("drains", Action::Drain(id)),
            (3, Some("runs" | "drains")) => ("gone", Action::Terminate(id)),
            (4, Some("runs")) => ("runs", Action::Route(id, TargetState::Unhealthy)),
            (5, Some("runs")) => ("runs", Action::Route(id, TargetState::Healthy)),
            _ => return,
        };
        self.state[index] = Some(next);
        self.actions.push_back(action);
    }
}

impl Control for Whim {
    fn observe(&mut self, _: Time, readings: &Readings<'_>) {
        for reading in readings.instances {
            assert!((0.0..=100.000_001).contains(&reading.cpu_percent), "{reading:?}");
        }
    }
    fn instance(&mut self, _: Time, instance: Instance, fact: Fact) {
        if fact == Fact::Failed(Failure::Lost) {
            self.state[instance as usize] = Some("gone");
        }
        if fact == Fact::Exited {
            assert_eq!(self.state[instance as usize], Some("gone"));
        }
    }
    fn poll_timeout(&self) -> Option<Time> {
        self.todo.front().map(|(at, ..)| Time::from_secs(*at))
    }
    fn handle_timeout(&mut self, now: Time) {
        self.now = now.since_start().as_secs();
        while let Some((_, what, id)) = self.todo.pop_front_if(|(at, ..)| *at <= self.now) {
            self.order(what, id);
        }
    }
    fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }
}

fn load() -> impl Strategy<Value = Load> {
    let stages = prop::collection::vec((0u64..20, 0u32..12), 1..4);
    let closed = (0u32..8, stages).prop_map(|(from, stages)| {
        let stages = stages.iter().map(|&(s, target)| Stage { length: s * SECOND, target }).collect();
        Shape::Users { from, stages }
    });
    let open = (1.0f64..40.0).prop_map(|rate| poisson(rate).shape);
    let budget = prop_oneof![3 => Just(Budget::Time), 1 => (0u64..50).prop_map(Budget::Shared), 1 => (0u64..9).prop_map(Budget::Each)];
    (prop_oneof![closed, open], 0u64..20, budget, 0u64..8, (1usize..4, 0usize..9, 0u64..3)).prop_map(
        |(shape, start, budget, grace, (requests, batch, least))| {
            let mut iteration = vec![Step::Request(0); requests];
            if batch > 0 {
                iteration.push(Step::Batch { endpoints: vec![0; batch], at_once: 3 });
            }
            iteration.push(Step::Sleep(Dist::Exponential { mean: 500.0 * MS }));
            Load {
                start: start * SECOND,
                shape,
                iteration,
                budget,
                min_iteration: least * SECOND,
                graceful_ramp_down: grace * SECOND,
                graceful_stop: grace * SECOND / 2,
            }
        },
    )
}

/// One of each kind, at times that hang on the seed.
fn faults(seed: u64) -> Vec<Fault> {
    let fault = |(number, what): (u64, Failure)| Fault {
        at: seed.rotate_left(8 * number as u32) % 60 * SECOND,
        what,
        instances: 1 + number as u32,
        lasts: (what != Failure::Lost).then_some(5 * SECOND),
    };
    (0..).zip([Failure::Dies, Failure::Hangs, Failure::Lost]).map(fault).collect()
}

fn any_scene() -> impl Strategy<Value = Scene> {
    let algorithm = prop_oneof![
        Just(Algorithm::RoundRobin),
        Just(Algorithm::LeastOutstanding),
        Just(Algorithm::WeightedLeastConnections),
        Just(Algorithm::WeightedRandom),
        Just(Algorithm::ConsistentHash { load_percent: 125 }),
    ];
    let instance = (prop_oneof![Just(0.1), Just(1.0), Just(2.0)], 1usize..5, 0usize..6, any::<bool>());
    let balancer = (algorithm, 1u64..20, 0u64..30, any::<bool>(), any::<bool>());
    (prop::collection::vec(load(), 1..4), 1u64..500, balancer, instance, any::<u64>()).prop_map(
        |(
            loads,
            demand,
            (algorithm, timeout, sticky, per_connection, slow),
            (vcpus, limit, backlog, bursts),
            seed,
        )| {
            let mut scene = scene(loads, Dist::log_normal(demand as f64 * MS, 1.0), 60);
            scene.seed = seed;
            scene.request_gap = seed % 2 * 7_000_000;
            scene.faults = faults(seed);
            scene.endpoints[0].latency = Dist::Exponential { mean: 20.0 * MS };
            scene.round_trip = seed % 3 * 10_000_000;
            (scene.balancer.algorithm, scene.balancer.timeout) = (algorithm, timeout * SECOND);
            (scene.balancer.sticky, scene.balancer.per_connection) = (sticky * SECOND, per_connection);
            scene.balancer.slow_start = if slow { 30 * SECOND } else { 0 };
            (scene.instance.vcpus, scene.instance.concurrency, scene.instance.backlog) =
                (vcpus, limit, backlog);
            scene.instance.burst =
                bursts.then_some(Burst { baseline: 0.1, vcpus, credits_at_launch: 0.05, credits_max: 1.0 });
            scene.instance.launch = Dist::Exponential { mean: 2000.0 * MS };
            scene.instance.boot = Dist::Exponential { mean: 2000.0 * MS };
            scene.instance.boot_cpu = 0.05;
            scene.probe = ProbeModel {
                interval: 5 * SECOND,
                timeout: 2 * SECOND,
                demand: Dist::Constant(MS),
                refused_with: None,
            };
            scene
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn nothing_is_lost(
        scene in any_scene(),
        orders in prop::collection::vec((0u64..60, any::<u8>(), 0u32..6), 0..40),
    ) {
        let mut orders = orders;
        orders.sort_by_key(|order| order.0);
        orders.insert(0, (0, 0, 0));
        let outcomes = run(&scene, &mut Whim { todo: orders.into(), ..Whim::default() });
        let total = sum(&outcomes.rows);
        let pending = total.sent - total.ended() - total.interrupted;
        prop_assert!(total.iterations <= total.sent);
        prop_assert_eq!(outcomes.responses.total(), total.ended());
        // A request is answered, or given up, or still there; and nobody waits longer than the balancer lets them.
        let closed = scene.loads.iter().all(|load| matches!(load.shape, Shape::Users { .. }));
        prop_assert!(!closed || pending <= 12 * 3 * 3, "{} pending", pending);
        prop_assert!(outcomes.responses.longest() <= scene.balancer.timeout.max(10 * SECOND) + 100_000_000);
        prop_assert!(total.cpu_used >= 0.0);
        for pair in outcomes.rows.windows(2) {
            prop_assert_eq!(pair[0].to, pair[1].from);
        }
    }
}
