//! Open loads: Poisson arrivals, whatever the answers.

use crate::pick::Algorithm;

use super::super::dist::Dist;
use super::super::scene::Scene;
use super::theory::erlang_c;
use super::{MS, close, observe, poisson, scene};

const S: f64 = 0.01;

fn at(rate: f64, demand: Dist, seconds: u64) -> Scene {
    scene(vec![poisson(rate)], demand, seconds)
}

fn exponential() -> Dist {
    Dist::Exponential { mean: 10.0 * MS }
}

#[test]
fn a_limit_on_concurrency_makes_it_erlang_c() {
    for (c, rho) in [(1, 0.5), (1, 0.8), (2, 0.8), (4, 0.7), (4, 0.9), (16, 0.9)] {
        let rate = rho * f64::from(c) / S;
        let requests = 150_000.0;
        let mut scene = at(rate, exponential(), (requests / rate) as u64 + 30);
        scene.instance.vcpus = f64::from(c);
        scene.instance.concurrency = c as usize;
        scene.instance.backlog = usize::MAX;
        let seen = observe(&scene, 1);
        let wait = erlang_c(c, rate * S) * S / (f64::from(c) * (1.0 - rho));
        // Waits are correlated over about 1/(1-ρ)² services, so that many times fewer count as independent.
        let tolerance =
            4.0 * wait * ((1.0 + rho) / (1.0 - rho)).sqrt() / (1.0 - rho) / f64::sqrt(requests) + 2e-5;
        close(&format!("wait at M/M/{c}, {rho}"), seen.r - S, wait, tolerance);
        close("utilisation", seen.u, seen.x * S / f64::from(c), 0.004);
        close("Little", seen.l, seen.x * seen.r, 0.05);
    }
}

#[test]
fn processor_sharing_answers_in_s_over_one_minus_rho() {
    let demands = [
        exponential(),
        Dist::Constant(10.0 * MS),
        Dist::log_normal(10.0 * MS, 1.0),
        Dist::hyper_exponential(10.0 * MS, 2.0),
    ];
    for demand in demands {
        let seen = observe(&at(70.0, demand.clone(), 2_500), 1);
        close(&format!("R of M/G/1-PS, {demand:?}"), seen.r, S / 0.3, 0.06 * S / 0.3);
    }
}

#[test]
fn first_come_first_served_meets_pollaczek_khinchine() {
    for (demand, cv_squared) in
        [(Dist::Constant(10.0 * MS), 0.0), (Dist::gamma(10.0 * MS, 0.5), 0.25), (exponential(), 1.0)]
    {
        let mut scene = at(70.0, demand.clone(), 2_500);
        (scene.instance.concurrency, scene.instance.backlog) = (1, usize::MAX);
        let seen = observe(&scene, 1);
        let wait = 0.7 / 0.3 * S * (1.0 + cv_squared) / 2.0;
        close(&format!("wait at M/G/1, {demand:?}"), seen.r - S, wait, 0.08 * wait);
    }
}

#[test]
fn a_random_split_of_a_poisson_stream_is_many_poisson_streams() {
    let mut scene = at(280.0, exponential(), 1_500);
    scene.balancer.algorithm = Algorithm::WeightedRandom;
    let seen = observe(&scene, 4);
    close("R", seen.r, S / 0.3, 0.06 * S / 0.3);
    close("X", seen.x, 280.0, 3.0);
}

#[test]
fn even_arrivals_are_counted_exactly_and_overflow_is_dropped() {
    use super::super::arrivals::{Rate, Spread};
    use super::super::scene::Shape;
    let mut load = poisson(1.0);
    load.shape =
        Shape::Arrivals { rate: Rate::constant(10.0, 100_000_000_000), spread: Spread::Even, users_max: 3 };
    // One second of work each, ten a second, three users, one processor each.
    let mut scene = scene(vec![load], Dist::Constant(1000.0 * MS), 120);
    scene.instance.vcpus = 3.0;
    let outcomes = super::run(&scene, &mut super::FixedFleet::new(1));
    let total = super::sum(&outcomes.rows);
    // One iteration would start at the very end of the load, and does not.
    assert_eq!(total.sent + total.dropped, 1000);
    assert_eq!(total.sent, total.ended() + total.interrupted);
    close("answers", total.ended() as f64, 300.0, 30.0);
}
