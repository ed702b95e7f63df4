//! What the simulator's kernel and the routing algorithms cost.
//!
//! `cargo bench -p todo-deploy --no-default-features --bench kernel` (a filter may follow `--`, such as `pick`).
//! Items per second are events (`simulate`, `queue`) or choices (`pick`).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use todo_deploy::pick::hash::{hash_bytes, mix};
use todo_deploy::pick::{Algorithm, Choice, Picker, Target, TargetState};
use todo_deploy::sim::arrivals::{Rate, Spread};
use todo_deploy::sim::control::FixedFleet;
use todo_deploy::sim::dist::Dist;
use todo_deploy::sim::queue::EventQueue;
use todo_deploy::sim::ramp::Stage;
use todo_deploy::sim::rng::Rng;
use todo_deploy::sim::scene::{
    BalancerModel, Budget, Endpoint, InstanceModel, Load, MINUTE, ProbeModel, SECOND, Scene, Shape, Step,
};

fn main() {
    divan::main();
}

/// Users who ask, then sleep for a second, against instances that are a third busy.
fn scene(users: u32, instances: u32, seconds: u64) -> Scene {
    let demand = f64::from(instances) / f64::from(users) * 0.33e9;
    let stages = vec![Stage { length: seconds * SECOND, target: users }];
    Scene {
        seed: 1,
        end: seconds * SECOND,
        endpoints: vec![Endpoint {
            name: "list".to_owned(),
            demand: Dist::Exponential { mean: demand },
            latency: Dist::ZERO,
        }],
        loads: vec![Load {
            start: 0,
            shape: Shape::Users { from: users, stages },
            iteration: vec![Step::Request(0), Step::Sleep(Dist::Exponential { mean: 1e9 })],
            budget: Budget::Time,
            min_iteration: 0,
            graceful_ramp_down: 0,
            graceful_stop: 0,
        }],
        balancer: BalancerModel { algorithm: Algorithm::LeastOutstanding, ..BalancerModel::default() },
        instance: InstanceModel::default(),
        probe: ProbeModel::default(),
        round_trip: 0,
        sample_every: MINUTE,
        row_every: MINUTE,
        instance_rows: false,
        faults: Vec::new(),
        request_gap: 0,
    }
}

#[divan::bench(args = [(100, 4), (5_000, 4), (5_000, 100), (100_000, 4), (100_000, 1_000)], sample_count = 5, sample_size = 1)]
fn simulate(bencher: Bencher<'_, '_>, (users, instances): (u32, u32)) {
    // Millions of events each, whatever the number of users.
    let scene = scene(users, instances, 1_000_000 / u64::from(users) + 20);
    let events = todo_deploy::sim::run(&scene, &mut FixedFleet::new(instances)).events;
    bencher
        .counter(ItemsCount::new(events))
        .bench_local(|| todo_deploy::sim::run(black_box(&scene), &mut FixedFleet::new(instances)).events);
}

/// The practical's script against four instances: eleven minutes, 5000 users, about 1.8 million requests.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn practical(bencher: Bencher<'_, '_>) {
    let mut scene = scene(5_000, 4, 690);
    let stages = vec![Stage { length: MINUTE, target: 1_000 }, Stage { length: 10 * MINUTE, target: 5_000 }];
    scene.loads[0].shape = Shape::Users { from: 1, stages };
    scene.loads[0].iteration[1] = Step::Sleep(Dist::Constant(1e9));
    (scene.loads[0].graceful_ramp_down, scene.loads[0].graceful_stop) = (30 * SECOND, 30 * SECOND);
    whole(bencher, &scene);
}

/// A day of daily load, 20 to 380 requests per second: 17 million requests.
#[divan::bench(sample_count = 1, sample_size = 1)]
fn day(bencher: Bencher<'_, '_>) {
    let mut scene = scene(1, 4, 86_400);
    scene.endpoints[0].demand = Dist::log_normal(4e6, 1.0);
    let points = [(0, 20.0), (8, 100.0), (12, 380.0), (18, 300.0), (24, 20.0)];
    let rate = Rate::new(points.map(|(hour, rate)| (hour * 60 * MINUTE, rate)).to_vec())
        .unwrap_or_else(|| Rate::constant(1.0, MINUTE));
    scene.loads[0].shape = Shape::Arrivals { rate, spread: Spread::Poisson, users_max: 100_000 };
    scene.loads[0].iteration = vec![Step::Request(0)];
    whole(bencher, &scene);
}

fn whole(bencher: Bencher<'_, '_>, scene: &Scene) {
    let events = todo_deploy::sim::run(scene, &mut FixedFleet::new(4)).events;
    bencher
        .counter(ItemsCount::new(events))
        .bench_local(|| todo_deploy::sim::run(black_box(scene), &mut FixedFleet::new(4)).events);
}

const HOLDS: usize = 1_000_000;

/// Takes the next event out and puts it back a second later on average, with so many pending.
#[divan::bench(args = [100, 5_000, 100_000], sample_count = 5, sample_size = 1)]
fn queue_calendar(bencher: Bencher<'_, '_>, pending: u64) {
    bencher.counter(ItemsCount::new(HOLDS)).with_inputs(|| waits(pending)).bench_local_values(|waits| {
        let mut queue = EventQueue::new();
        for id in 0..pending {
            queue.push(waits[id as usize], id);
        }
        for wait in waits {
            if let Some((at, id)) = queue.pop() {
                queue.push(at + wait, id);
            }
        }
        queue.len()
    });
}

/// The same with the standard library's heap, for comparison.
#[divan::bench(args = [100, 5_000, 100_000], sample_count = 5, sample_size = 1)]
fn queue_binary_heap(bencher: Bencher<'_, '_>, pending: u64) {
    bencher.counter(ItemsCount::new(HOLDS)).with_inputs(|| waits(pending)).bench_local_values(|waits| {
        let mut queue = BinaryHeap::new();
        for id in 0..pending {
            queue.push(Reverse((waits[id as usize], id)));
        }
        for wait in waits {
            if let Some(Reverse((at, id))) = queue.pop() {
                queue.push(Reverse((at + wait, id)));
            }
        }
        queue.len()
    });
}

fn waits(pending: u64) -> Vec<u64> {
    let mut rng = Rng::new(pending);
    let think = Dist::Exponential { mean: 1e9 };
    (0..HOLDS).map(|_| think.sample_nanos(&mut rng)).collect()
}

const TARGETS: [u64; 3] = [1, 10, 1_000];

#[divan::bench(args = TARGETS)]
fn pick_round_robin(bencher: Bencher<'_, '_>, targets: u64) {
    pick(bencher, Algorithm::RoundRobin, targets);
}

#[divan::bench(args = TARGETS)]
fn pick_least_outstanding(bencher: Bencher<'_, '_>, targets: u64) {
    pick(bencher, Algorithm::LeastOutstanding, targets);
}

#[divan::bench(args = TARGETS)]
fn pick_weighted_least_connections(bencher: Bencher<'_, '_>, targets: u64) {
    pick(bencher, Algorithm::WeightedLeastConnections, targets);
}

#[divan::bench(args = TARGETS)]
fn pick_consistent_hash(bencher: Bencher<'_, '_>, targets: u64) {
    pick(bencher, Algorithm::ConsistentHash { load_percent: 125 }, targets);
}

#[divan::bench(args = TARGETS)]
fn pick_weighted_random(bencher: Bencher<'_, '_>, targets: u64) {
    pick(bencher, Algorithm::WeightedRandom, targets);
}

/// One choice and one release, with eight requests outstanding per target.
fn pick(bencher: Bencher<'_, '_>, algorithm: Algorithm, targets: u64) {
    let mut picker = Picker::new(algorithm, 1);
    for i in 0..targets {
        let slot = picker.add(Target { key: hash_bytes(&i.to_le_bytes()), weight: 1 + (i % 3) as u32 });
        picker.set_state(slot, TargetState::Healthy);
    }
    let choice = |i: u64| Choice { hash: mix(i + 1), draw: mix(i + 2), sticky: None };
    let mut outstanding: Vec<_> = (0..8 * targets).filter_map(|i| picker.pick(&choice(i))).collect();
    let mut i = 0;
    bencher.counter(ItemsCount::new(1u32)).bench_local(|| {
        i += 1;
        let slot = picker.pick(&choice(i));
        let place = mix(i) as usize % outstanding.len();
        if let Some(slot) = slot {
            picker.release(std::mem::replace(&mut outstanding[place], slot));
        }
        slot
    });
}
