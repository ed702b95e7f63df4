//! Closed loads: N users who think Z and ask for S.

use crate::pick::Algorithm;

use super::super::dist::Dist;
use super::super::scene::Scene;
use super::theory::mva;
use super::{MS, Seen, close, observe, scene, users};

const Z: f64 = 1.0;
const S: f64 = 0.05;

fn think() -> Dist {
    Dist::Exponential { mean: 1000.0 * MS }
}

fn exponential() -> Dist {
    Dist::Exponential { mean: 50.0 * MS }
}

fn of(n: u32, demand: Dist, seconds: u64) -> Scene {
    scene(vec![users(n, think())], demand, seconds)
}

/// The laws that hold whatever the distributions, with the tolerances of the specification.
fn check_laws(scene: &Scene, n: u32, m: u32) -> Seen {
    let seen = observe(scene, m);
    let Seen { x, r, l, u, t, .. } = seen;
    let tolerance = 3.0 * Z / (x * t).sqrt();
    // 0.004 for a long run; in a short one the demands that were drawn have a mean that is only nearly S.
    close("utilisation U = X·S/m", u, x * S / f64::from(m), 0.004 + 3.0 * u / (x * t).sqrt());
    // Requests under way at either end of the window count in L and R in part only.
    close("Little L = X·R", l, x * r, 0.05 + l * r / t);
    close("response time R = N/X - Z", r, f64::from(n) / x - Z, tolerance);
    // The bounds hold for the demands that were drawn, whose mean is only nearly S.
    let drawn = u * f64::from(m) / x;
    close("mean demand", drawn, S, 5.0 * S / (x * t).sqrt());
    let ceiling = (f64::from(n) / (Z + drawn)).min(f64::from(m) / drawn);
    assert!(x <= ceiling * (1.0 + tolerance), "{x} requests/s are above the bound {ceiling}");
    let floor = drawn.max(f64::from(n) * drawn / f64::from(m) - Z);
    assert!(r >= floor - tolerance, "{r} s are below the bound {floor}");
    seen
}

#[test]
fn operational_laws_hold_from_light_load_to_overload() {
    for (n, m) in [(1, 1), (10, 1), (40, 1), (120, 4), (200, 4)] {
        for demand in [exponential(), Dist::log_normal(50.0 * MS, 1.0)] {
            check_laws(&of(n, demand, 1_000), n, m);
        }
    }
}

#[test]
fn overload_meets_the_asymptote() {
    // Least outstanding: in turn, a server that was lucky with its requests would stand idle now and then.
    let mut scene = of(200, exponential(), 2_000);
    scene.balancer.algorithm = Algorithm::LeastOutstanding;
    let seen = check_laws(&scene, 200, 4);
    close("X", seen.x, 80.0, 0.4);
    close("R", seen.r, 1.5, 0.0125);
}

#[test]
fn one_server_is_exact_mva() {
    for n in [10, 20, 40] {
        let seen = check_laws(&of(n, exponential(), 5_000), n, 1);
        let (x, r) = mva(n, Z, S, 1);
        let tolerance = 3.0 * Z / (seen.x * seen.t).sqrt();
        close("X", seen.x, x, x * tolerance);
        close("R", seen.r, r, 2.0 * tolerance);
    }
}

#[test]
fn processor_sharing_is_insensitive_to_the_distribution_of_demand() {
    let (x, r) = mva(20, Z, S, 1);
    let demands = [
        Dist::Constant(50.0 * MS),
        Dist::gamma(50.0 * MS, 0.5),
        Dist::log_normal(50.0 * MS, 1.0),
        Dist::hyper_exponential(50.0 * MS, 2.0),
    ];
    for demand in demands {
        let scene = of(20, demand.clone(), 4_000);
        let seen = observe(&scene, 1);
        let tolerance = 3.0 * Z / (seen.x * seen.t).sqrt();
        close(&format!("X of {demand:?}"), seen.x, x, 2.0 * x * tolerance);
        close(&format!("R of {demand:?}"), seen.r, r, 4.0 * tolerance);
    }
}

#[test]
fn a_random_split_over_four_is_mva_with_four_stations() {
    let mut scene = of(60, exponential(), 3_000);
    scene.balancer.algorithm = Algorithm::WeightedRandom;
    let seen = check_laws(&scene, 60, 4);
    let (x, r) = mva(60, Z, S, 4);
    let tolerance = 3.0 * Z / (seen.x * seen.t).sqrt();
    close("X", seen.x, x, x * tolerance);
    close("R", seen.r, r, 2.0 * tolerance);
}

#[test]
fn knowing_more_waits_less() {
    // Little's prototype: 71.4 ≤ 98.8 ≤ 138.5 ms.
    let response = |algorithm| {
        let mut scene = of(60, exponential(), 2_000);
        scene.balancer.algorithm = algorithm;
        check_laws(&scene, 60, 4).r
    };
    let least = response(Algorithm::LeastOutstanding);
    let turns = response(Algorithm::RoundRobin);
    let random = response(Algorithm::WeightedRandom);
    close("least outstanding", least, 0.0714, 0.002);
    close("round robin", turns, 0.0988, 0.003);
    close("random", random, 0.1370, 0.004);
    assert!(least < turns && turns < random);
}

#[test]
fn users_beyond_saturation_only_add_waiting() {
    // N* = m·(Z + S)/S = 84 for four servers: well below it nobody waits, well above X stands still.
    let x = |n| {
        let mut scene = of(n, exponential(), 1_000);
        scene.balancer.algorithm = Algorithm::LeastOutstanding;
        observe(&scene, 4).x
    };
    let (half, double, triple) = (x(42), x(168), x(252));
    close("X at N*/2", half, 42.0 / (Z + S), 0.05 * half);
    close("X at 2 N*", double, 80.0, 1.0);
    close("X at 3 N*", triple, 80.0, 1.0);
}

#[test]
fn a_slower_share_of_a_processor_is_longer_demand() {
    // A tenth of a vCPU and 5 ms is one vCPU and 50 ms.
    let mut scene = of(20, Dist::Exponential { mean: 5.0 * MS }, 4_000);
    scene.instance.vcpus = 0.1;
    let seen = observe(&scene, 1);
    let (x, r) = mva(20, Z, S, 1);
    let tolerance = 3.0 * Z / (seen.x * seen.t).sqrt();
    close("X", seen.x, x, x * tolerance);
    close("R", seen.r, r, 2.0 * tolerance);
    close("U", seen.u, x * S, 0.01);
}

#[test]
fn time_off_the_processor_adds_to_the_answer_and_not_to_the_work() {
    let mut scene = of(20, exponential(), 4_000);
    scene.endpoints[0].latency = Dist::Exponential { mean: 500.0 * MS };
    let seen = observe(&scene, 1);
    // To the station the latency is more thinking.
    let (x, r) = mva(20, Z + 0.5, S, 1);
    let tolerance = 3.0 * (Z + 0.5) / (seen.x * seen.t).sqrt();
    close("X", seen.x, x, x * tolerance);
    close("R", seen.r, r + 0.5, 2.0 * tolerance);
    close("Little", seen.l, seen.x * seen.r, 0.05);
}
