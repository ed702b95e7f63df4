//! Vectors C1 to C14: target 20; the activity succeeds at once.

use super::super::situation;
use super::*;
use crate::deployment::CooldownBase;
use crate::time::Time;
use std::time::Duration;

const ECS: TrackingConfig = TrackingConfig {
    target: 20.0,
    pace: Pace::Cooldowns { out: Duration::from_secs(300), r#in: Duration::from_secs(300) },
    cooldown_base: CooldownBase::Before,
    scale_in_waits: false,
};

fn capacity(decision: &Decision, from: u32) -> u32 {
    match decision {
        Decision::To(to) => *to,
        Decision::Not(_) => from,
    }
}

#[test]
fn c1_to_c5_out_is_proportional_and_rounds_up() {
    for (from, metric, expected) in [(1, 100.0, 5), (1, 45.0, 3), (1, 21.0, 2), (2, 30.0, 3), (2, 20.1, 3)] {
        let decision = high(&ECS, &Cooldowns::default(), metric, &situation(from, 1, 100));
        assert_eq!(capacity(&decision, from), expected, "({from}, {metric})");
    }
}

#[test]
fn c6_to_c10_in_is_proportional_and_rounds_up() {
    for (from, metric, expected) in [(4, 17.0, 4), (4, 9.0, 2), (4, 4.0, 1), (3, 12.0, 2), (10, 17.9, 9)] {
        let decision = low(&ECS, &Cooldowns::default(), metric, &situation(from, 1, 100));
        assert_eq!(capacity(&decision, from), expected, "({from}, {metric})");
    }
}

/// A group that follows its policy at once.
struct Group {
    cooldowns: Cooldowns,
    desired: u32,
    max: u32,
}

impl Group {
    fn step(&mut self, at: u64, is_high: bool, metric: f64) -> Option<WhyNot> {
        let now = Time::from_secs(at);
        let situation = Situation { now, ..situation(self.desired, 1, self.max) };
        let decision = match is_high {
            true => high(&ECS, &self.cooldowns, metric, &situation),
            false => low(&ECS, &self.cooldowns, metric, &situation),
        };
        match decision {
            Decision::To(to) => {
                self.cooldowns.acted(ECS.pace, self.desired, to, now);
                self.cooldowns.activity_ended(now);
                self.desired = to;
                None
            }
            Decision::Not(why) => Some(why),
        }
    }
}

#[test]
fn c11_only_a_larger_scale_out_counts_in_the_cooldown() {
    let mut group = Group { cooldowns: Cooldowns::default(), desired: 1, max: 10 };
    for (at, metric, expected) in
        [(180, 55.0, 3), (240, 55.0, 3), (300, 75.0, 4), (360, 75.0, 4), (540, 60.0, 4), (660, 24.0, 5)]
    {
        group.step(at, true, metric);
        assert_eq!(group.desired, expected, "at {at}");
    }
}

#[test]
fn c12_a_scale_out_cancels_the_scale_in_cooldown() {
    let mut group = Group { cooldowns: Cooldowns::default(), desired: 6, max: 10 };
    assert_eq!((group.step(0, false, 9.0), group.desired), (None, 3));
    let until = Time::from_secs(300);
    assert_eq!((group.step(240, false, 9.0), group.desired), (Some(WhyNot::Cooldown { until }), 3));
    assert_eq!((group.step(250, true, 40.0), group.desired), (None, 6));
    assert_eq!((group.step(310, false, 9.0), group.desired), (None, 3));
    let until = Time::from_secs(610);
    assert_eq!((group.step(400, false, 17.0), group.desired), (Some(WhyNot::Cooldown { until }), 3));
}

#[test]
fn c13_and_c14_the_limits_are_reached_in_one_step() {
    assert_eq!(high(&ECS, &Cooldowns::default(), 100.0, &situation(1, 1, 4)), Decision::To(4));
    assert_eq!(low(&ECS, &Cooldowns::default(), 0.0, &situation(4, 1, 4)), Decision::To(1));
}

#[test]
fn on_ec2_warming_instances_count_as_added_and_block_scale_in() {
    let ec2 = TrackingConfig { pace: Pace::WarmUp, ..ECS };
    let warming = Situation { warming: 2, ..situation(3, 1, 10) };
    let cooldowns = Cooldowns::default();
    assert_eq!(high(&ec2, &cooldowns, 55.0, &warming), Decision::Not(WhyNot::Enough { wanted: 3 }));
    assert_eq!(high(&ec2, &cooldowns, 75.0, &warming), Decision::To(4));
    assert_eq!(low(&ec2, &cooldowns, 5.0, &warming), Decision::Not(WhyNot::WarmingUp { warming: 2 }));
}

#[test]
fn a_running_deployment_suspends_scale_in_only() {
    let deploying = Situation { deploying: true, ..situation(4, 1, 10) };
    let cooldowns = Cooldowns::default();
    assert_eq!(low(&ECS, &cooldowns, 1.0, &deploying), Decision::Not(WhyNot::Deploying));
    assert_eq!(high(&ECS, &cooldowns, 40.0, &deploying), Decision::To(8));
}

#[test]
fn the_modelling_choices_can_be_made_otherwise() {
    let other = TrackingConfig { cooldown_base: CooldownBase::InService, scale_in_waits: true, ..ECS };
    let mut cooldowns = Cooldowns::default();
    cooldowns.acted(other.pace, 1, 3, Time::ZERO);
    cooldowns.activity_ended(Time::ZERO);
    let now = Time::from_secs(60);
    // Two of three serve by now: they explain the metric, so that 30 % of them asks for three.
    let situation = Situation { now, launching: 1, ..situation(3, 1, 10) };
    assert_eq!(high(&other, &cooldowns, 30.0, &situation), Decision::Not(WhyNot::Enough { wanted: 3 }));
    assert_eq!(high(&other, &cooldowns, 45.0, &situation), Decision::To(5));
    let until = Time::from_secs(300);
    assert_eq!(low(&other, &cooldowns, 1.0, &situation), Decision::Not(WhyNot::Cooldown { until }));
}
