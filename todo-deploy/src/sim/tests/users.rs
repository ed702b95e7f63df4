//! What the users of a load do, to the millisecond.

use super::super::dist::Dist;
use super::super::measure::sum;
use super::super::ramp::Stage;
use super::super::scene::{Budget, Load, SECOND, Shape, Step};
use super::{FixedFleet, MS, run, scene, users};

fn ramp(from: u32, stages: &[(u64, u32)], grace: u64) -> Load {
    let stages = stages.iter().map(|&(seconds, target)| Stage { length: seconds * SECOND, target }).collect();
    Load {
        shape: Shape::Users { from, stages },
        graceful_ramp_down: grace * SECOND,
        graceful_stop: grace * SECOND,
        ..users(0, Dist::Constant(1000.0 * MS))
    }
}

#[test]
fn the_practical_asks_as_often_as_arithmetic_says() {
    // 11 minutes to 5000 users with answers in no time: each user's iterations are 1 s apart, so the number of
    // requests is the integral of the users plus the first of each, cut off at the end.
    let load = ramp(1, &[(60, 1000), (600, 5000)], 30);
    let scene = scene(vec![load], Dist::Constant(0.0), 700);
    let total = sum(&run(&scene, &mut FixedFleet::new(4)).rows);
    let integral = 60.0 * 500.0 + 600.0 * 3000.0;
    let expected = integral + 5000.0 / 2.0;
    assert!((total.sent as f64 - expected).abs() < 0.002 * expected, "{} for {expected}", total.sent);
    assert_eq!((total.interrupted, total.failed()), (0, 0));
    // In the end everybody has left.
    assert_eq!(total.iterations, total.sent);
}

#[test]
fn who_leaves_may_finish_within_the_grace() {
    // Ten users, work of 5 s each on ten processors: at 8 s the second request is under way.
    let cut = |grace| {
        let load = Load { iteration: vec![Step::Request(0)], ..ramp(10, &[(8, 10)], grace) };
        let mut scene = scene(vec![load], Dist::Constant(5000.0 * MS), 30);
        scene.instance.vcpus = 10.0;
        let total = sum(&run(&scene, &mut FixedFleet::new(1)).rows);
        (total.ended(), total.interrupted, total.iterations)
    };
    assert_eq!(cut(0), (10, 10, 10));
    assert_eq!(cut(1), (10, 10, 10));
    assert_eq!(cut(3), (20, 0, 20));
}

#[test]
fn who_is_asked_to_stay_carries_on() {
    // Down to none at 5 s with a long grace, up again at 6 s: the same requests go on.
    let load =
        Load { iteration: vec![Step::Request(0)], ..ramp(4, &[(5, 4), (0, 0), (1, 0), (0, 4), (4, 4)], 30) };
    let mut scene = scene(vec![load], Dist::Constant(9000.0 * MS), 60);
    scene.instance.vcpus = 4.0;
    let total = sum(&run(&scene, &mut FixedFleet::new(1)).rows);
    assert_eq!((total.sent, total.ended(), total.interrupted), (8, 8, 0));
}

#[test]
fn the_integral_of_users_is_that_of_the_ramp() {
    let load = ramp(0, &[(10, 100), (10, 100), (10, 0)], 0);
    let scene = scene(vec![load], Dist::Constant(0.0), 40);
    let total = sum(&run(&scene, &mut FixedFleet::new(1)).rows);
    let users = total.mean(total.users) * total.seconds();
    // Steps instead of a slope: each user comes and goes a tenth of a second late, on average half of that.
    assert!((users - 2000.0).abs() <= 10.0, "{users} user seconds");
}

#[test]
fn a_budget_of_iterations_is_used_up_exactly() {
    let with = |budget| {
        let load = Load { budget, ..ramp(7, &[(1000, 7)], 0) };
        let total = sum(&run(&scene(vec![load], Dist::Constant(MS), 1000), &mut FixedFleet::new(1)).rows);
        (total.iterations, total.users / u128::from(SECOND))
    };
    assert_eq!(with(Budget::Shared(100)).0, 100);
    assert_eq!(with(Budget::Each(5)), (35, 35), "a second each, then they are gone");
}

#[test]
fn two_loads_add_up() {
    let loads = vec![ramp(3, &[(10, 3)], 0), Load { start: 20 * SECOND, ..ramp(5, &[(10, 5)], 0) }];
    let rows = run(&scene(loads, Dist::Constant(0.0), 40), &mut FixedFleet::new(1)).rows;
    let users: Vec<f64> = rows.iter().map(|row| row.mean(row.users)).collect();
    assert_eq!(users, [3.0, 0.0, 5.0, 0.0]);
}

#[test]
fn the_network_delays_answers_and_loads_nobody() {
    let mut scene = scene(vec![users(4, Dist::Constant(1000.0 * MS))], Dist::Constant(10.0 * MS), 100);
    scene.round_trip = 90_000_000;
    scene.instance.vcpus = 4.0;
    let total = sum(&run(&scene, &mut FixedFleet::new(1)).rows);
    // Every 1.1 s each, the last answers still on their way.
    assert!((total.response_mean() - 0.1).abs() < 1e-6, "{}", total.response_mean());
    assert_eq!(total.sent, 4 * 91);
    assert!((total.mean(total.in_flight) - total.rate() * 0.1).abs() < 0.01);
}

#[test]
fn a_run_is_the_same_on_every_machine() {
    let mut scene = scene(
        vec![users(40, Dist::gamma(1000.0 * MS, 0.5)), super::poisson(20.0)],
        Dist::log_normal(50.0 * MS, 1.5),
        300,
    );
    scene.endpoints[0].latency = Dist::hyper_exponential(5.0 * MS, 2.0);
    scene.balancer.algorithm = crate::pick::Algorithm::WeightedRandom;
    let total = sum(&run(&scene, &mut FixedFleet::new(3)).rows);
    // Pinned. Another value on another machine means that something other than exact arithmetic got in.
    let pinned = (total.sent, total.response_sum, total.cpu_used.to_bits());
    assert_eq!(pinned, (15_274, 4_533_357_079_468, 4_784_605_031_702_560_768));
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_does_not() {
    let mut scene = scene(
        vec![users(50, Dist::Exponential { mean: 1000.0 * MS })],
        Dist::log_normal(50.0 * MS, 1.0),
        200,
    );
    scene.balancer.algorithm = crate::pick::Algorithm::WeightedRandom;
    let text = |scene: &super::Scene| format!("{:?}", run(scene, &mut FixedFleet::new(3)).rows);
    let first = text(&scene);
    assert_eq!(first, text(&scene));
    scene.seed += 1;
    assert_ne!(first, text(&scene));
}
