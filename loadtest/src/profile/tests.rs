//! Tables of k6's rules for closed models; times in milliseconds unless said.

use super::*;

fn stage((ms, target): (u64, u64)) -> Stage {
    Stage { duration: Duration::from_millis(ms), target }
}

fn ramp(start_vus: u64, stages: &[(u64, u64)], ramp_down_ms: u64, stop_ms: u64) -> Scenario {
    Scenario {
        name: "default".to_owned(),
        executor: Executor::RampingVus {
            start_vus,
            stages: stages.iter().copied().map(stage).collect(),
            graceful_ramp_down: Duration::from_millis(ramp_down_ms),
        },
        start_time: Duration::ZERO,
        graceful_stop: Duration::from_millis(stop_ms),
    }
}

fn table(start_vus: u64, stages: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let steps = ramp(start_vus, stages, 0, 0).executor.steps();
    steps.iter().map(|step| (step.at.as_nanos() as u64, step.vus)).collect()
}

fn spans_ms(scenario: &Scenario) -> Vec<Vec<(u64, u64, u64)>> {
    let ms = |duration: Duration| duration.as_millis() as u64;
    let of = |spans: &Vec<Span>| spans.iter().map(|s| (ms(s.start), ms(s.stop), ms(s.kill))).collect();
    scenario.spans().iter().map(of).collect()
}

#[test]
fn ramping_up_starts_vu_n_as_k6_does() {
    // 1 -> 4 in 2 s starts VUs at 0, 667, 1333 ms; the one due at the very end never runs.
    let third = 2_000_000_000 - 2_000_000_000 * 2 / 3;
    let two_thirds = 2_000_000_000 - 2_000_000_000 / 3;
    assert_eq!(
        table(1, &[(2000, 4)]),
        [(0, 1), (third, 2), (two_thirds, 3), (2_000_000_000, 4), (2_000_000_000, 0)]
    );
    let spans = ramp(1, &[(2000, 4)], 0, 0).spans();
    assert_eq!(spans.iter().filter(|spans| spans[0].start < spans[0].stop).count(), 3);
}

#[test]
fn ramping_down_leaves_one_step_later() {
    let ms = |ms: u64| ms * 1_000_000;
    assert_eq!(table(3, &[(3000, 0)]), [(0, 3), (ms(1000), 2), (ms(2000), 1), (ms(3000), 0)]);
    assert_eq!(table(4, &[(2000, 2), (1000, 2)]), [(0, 4), (ms(1000), 3), (ms(2000), 2), (ms(3000), 0)]);
}

#[test]
fn zero_durations_jump_and_equal_targets_hold() {
    assert_eq!(
        table(1, &[(0, 3), (1000, 3), (0, 1), (1000, 1)]),
        [(0, 1), (0, 3), (1_000_000_000, 1), (2_000_000_000, 0)]
    );
    assert_eq!(table(0, &[(1000, 0)]), [(0, 0)]);
}

#[test]
fn the_practical_plan_needs_five_thousand() {
    let scenario = ramp(1, &[(60_000, 1000), (600_000, 5000)], 30_000, 30_000);
    let profile = Profile { scenarios: vec![scenario] };
    assert_eq!(profile.max_vus(), 5000);
    assert_eq!(profile.end(), Duration::from_secs(690));
    assert_eq!(profile.vus_at(Duration::from_secs(60)), 1000);
    assert_eq!(profile.vus_at(Duration::from_secs(59)), 983);
    let fast = profile.sped_up(10.0);
    assert_eq!(fast.end(), Duration::from_secs(69));
    assert_eq!(fast.vus_at(Duration::from_secs(6)), 1000);
}

#[test]
fn highest_handles_leave_first_and_may_finish() {
    let scenario = ramp(3, &[(2000, 1), (2000, 1)], 500, 10_000);
    assert_eq!(spans_ms(&scenario), [vec![(0, 4000, 14_000)], vec![(0, 2000, 2500)], vec![(0, 1000, 1500)]]);
}

#[test]
fn a_vu_asked_again_in_time_carries_on() {
    let scenario = ramp(2, &[(0, 1), (300, 1), (0, 2), (700, 2)], 500, 100);
    assert_eq!(spans_ms(&scenario), [vec![(0, 1000, 1100)], vec![(0, 0, 1100), (300, 1000, 1100)]]);
    let scenario = ramp(2, &[(200, 2), (0, 1), (300, 1), (0, 2), (700, 2)], 500, 100);
    assert_eq!(spans_ms(&scenario)[1], [(0, 200, 1300), (500, 1200, 1300)]);
    // Too late: the first is cut at 300, the next starts afresh.
    let scenario = ramp(2, &[(200, 2), (0, 1), (300, 1), (0, 2), (700, 2)], 100, 100);
    assert_eq!(spans_ms(&scenario)[1], [(0, 200, 300), (500, 1200, 1300)]);
}

#[test]
fn the_end_gives_graceful_stop_even_against_a_longer_ramp_down() {
    let scenario = ramp(2, &[(1000, 2), (1000, 0)], 60_000, 1000);
    assert_eq!(spans_ms(&scenario), [vec![(0, 2000, 3000)], vec![(0, 1500, 3000)]]);
}

/// The longest duration, as k6 v2.2.1 prints it for two VUs.
#[test]
fn who_is_stopped_by_a_stage_at_the_very_end_has_the_ramp_downs_grace() {
    for (stages, ramp_down, stop, end) in [
        (&[(1000, 0)][..], 0, 5000, 1000),
        (&[(1000, 0)], 1000, 5000, 2000),
        (&[(1000, 0)], 5000, 1000, 2000),
        (&[(500, 0), (500, 0)], 300, 5000, 800),
        (&[(1000, 1)], 0, 1000, 2000),
        (&[(1000, 2), (0, 0)], 0, 1000, 1000),
    ] {
        let end = Duration::from_millis(end);
        assert_eq!(ramp(2, stages, ramp_down, stop).end(), end, "{stages:?} {ramp_down} {stop}");
    }
    let scenario = ramp(2, &[(1000, 1)], 0, 700);
    assert_eq!(spans_ms(&scenario), [vec![(0, 1000, 1700)], vec![(0, 1000, 1000)]]);
}

#[test]
fn vus_of_scenarios_that_follow_each_other_are_shared() {
    let mut second = ramp(5, &[(1000, 5)], 0, 0);
    second.name = "second".to_owned();
    second.start_time = Duration::from_secs(1);
    let first = ramp(7, &[(1000, 7)], 0, 0);
    let profile = Profile { scenarios: vec![first, second] };
    assert_eq!(profile.max_vus(), 7);
    assert_eq!(profile.vus_at(Duration::from_millis(1500)), 5);
}

#[test]
fn rates_are_read_off_the_ramp() {
    let executor = Executor::RampingArrivalRate {
        start_rate: 60,
        time_unit: Duration::from_secs(60),
        stages: vec![stage((10_000, 120)), stage((0, 0)), stage((10_000, 60))],
        vus: OpenVus { pre_allocated: 1, max: 2 },
    };
    for (ms, rate) in [(0, 1.0), (5000, 1.5), (10_000, 0.0), (15_000, 0.5), (20_000, 0.0)] {
        assert!((executor.rate_at(Duration::from_millis(ms)) - rate).abs() < 1e-9, "{ms}");
    }
}
