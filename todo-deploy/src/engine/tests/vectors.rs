//! Vectors B1–B4, B9, C15, H5 and H7, which need more than one module.

use std::time::Duration;

use super::super::policy::{Decision, Situation, simple, situation};
use super::super::*;
use super::driver::{Driver, deployment};
use crate::deployment::{Policy, SimplePolicy, Target};
use crate::timeline::{EventKind, ProbeFailure, WhyNot};

/// A group with one simple policy, driven by invocations at given times instead of alarms.
struct Group {
    policy: SimplePolicy,
    desired: u32,
    max: u32,
    cooldown: Duration,
    cooldown_until: Time,
    active: bool,
}

impl Group {
    fn new(desired: u32, max: u32, adjustment: i32, cooldown: u64) -> Self {
        let deployment = deployment(Target::Ec2, "");
        let Policy::Simple(mut policy) = deployment.scaling.policies[0].clone() else {
            panic!("the default is simple");
        };
        policy.adjustment = adjustment;
        let cooldown = Duration::from_secs(cooldown);
        Self { policy, desired, max, cooldown, cooldown_until: Time::ZERO, active: false }
    }

    fn invoke(&mut self, at: u64) -> Result<u32, WhyNot> {
        let situation = Situation {
            now: Time::from_secs(at),
            launching: u32::from(self.active),
            cooldown_until: self.cooldown_until,
            ..situation(self.desired, 1, self.max)
        };
        match simple::decide(&self.policy, &situation) {
            Decision::Not(why) => Err(why),
            Decision::To(to) => {
                (self.desired, self.active) = (to, true);
                Ok(to)
            }
        }
    }

    fn ended(&mut self, at: u64) {
        self.active = false;
        self.cooldown_until = Time::from_secs(at) + self.cooldown;
    }
}

const ACTIVE: WhyNot = WhyNot::Activity { launching: 1, leaving: 0 };

fn cooldown(until: u64) -> WhyNot {
    WhyNot::Cooldown { until: Time::from_secs(until) }
}

#[test]
fn b1_scale_out_waits_for_the_launch_and_the_cooldown() {
    let mut group = Group::new(1, 4, 1, 120);
    assert_eq!(group.invoke(240), Ok(2));
    assert_eq!(group.invoke(270), Err(ACTIVE));
    group.ended(285);
    assert_eq!(group.invoke(300), Err(cooldown(405)));
    assert_eq!(group.invoke(360), Err(cooldown(405)));
    assert_eq!(group.invoke(405), Ok(3));
}

#[test]
fn b2_scale_in_takes_the_drain_and_the_cooldown() {
    let mut group = Group::new(4, 4, 1, 120);
    assert_eq!(group.invoke(0), Err(WhyNot::Limit { limit: 4 }), "and no cooldown starts");
    group.policy.adjustment = -1;
    assert_eq!(group.invoke(60), Ok(3));
    group.ended(360);
    assert_eq!(group.invoke(420), Err(cooldown(480)));
    assert_eq!(group.invoke(480), Ok(2));
}

#[test]
fn b3_and_b4_default_cooldown_and_clamping() {
    let mut group = Group::new(2, 10, 3, 300);
    assert_eq!(group.invoke(0), Ok(5));
    group.ended(50);
    group.policy.adjustment = 1;
    assert_eq!(group.invoke(349), Err(cooldown(350)));
    assert_eq!(group.invoke(350), Ok(6));

    let mut group = Group::new(3, 4, 2, 0);
    assert_eq!(group.invoke(0), Ok(4));
    group.ended(40);
    assert_eq!(group.invoke(40), Err(WhyNot::Limit { limit: 4 }));
}

#[test]
fn b9_a_failed_instance_is_replaced_in_the_cooldown() {
    let deployment = deployment(Target::Ec2, "[scaling]\nwarm_up = \"0s\"\n");
    let mut driver =
        Driver::new(Config::new(&deployment, Target::Ec2), Start::Settled, Duration::from_secs(45));
    for minute in 1..=5 {
        driver.minute(Time::from_secs(60 * minute), 0.9);
    }
    let started = |event: &Event| matches!(event.kind, EventKind::Cooldown { .. });
    assert!(driver.events.iter().any(started), "the cooldown runs");
    let now = Time::from_secs(310);
    driver.at(now, InstanceId(1), InstanceFact::Exited);
    driver.run_until(now);
    let replaced =
        EventKind::Launching { instance: InstanceId(3), cause: LaunchCause::Replaces(InstanceId(1)) };
    assert!(driver.events.contains(&Event { at: now, kind: replaced }));
}

#[test]
fn c15_without_data_nothing_is_decided() {
    let deployment = deployment(Target::Ecs, "");
    let mut engine = Engine::new(Config::new(&deployment, Target::Ecs), Start::Settled, Time::ZERO);
    engine.handle_timeout(Time::from_secs(3600));
    let events: Vec<Event> = std::iter::from_fn(|| engine.poll_event()).collect();
    assert!(events.iter().all(|event| matches!(event.kind, EventKind::InService { .. })), "{events:?}");
    assert_eq!(engine.desired(), 1);
}

#[test]
fn h5_when_all_are_unhealthy_all_get_traffic() {
    let text = "[capacity]\nmin = 2\n[health_check]\nreplaces_instances = false\n";
    let deployment = deployment(Target::Ec2, text);
    let mut engine = Engine::new(Config::new(&deployment, Target::Ec2), Start::Settled, Time::ZERO);
    let (first, second) = (InstanceId(1), InstanceId(2));
    let failed = InstanceFact::ProbeFailed(ProbeFailure::TimedOut);
    for at in [10, 20] {
        engine.instance(Time::from_secs(at), first, failed);
    }
    assert_eq!(engine.routable(), [second]);
    for at in [20, 30] {
        engine.instance(Time::from_secs(at), second, failed);
    }
    assert_eq!(engine.routable(), [first, second]);
    assert!(engine.members().all(|(_, health)| health == Some(Health::Unhealthy)));
}

#[test]
fn h7_a_deregistered_target_gets_nothing_new_and_may_finish() {
    for (early, leaves_at) in [(false, 60), (true, 33)] {
        let text = format!("[capacity]\nmin = 1\ndesired = 2\n[model]\ndrain_ends_early = {early}\n");
        let deployment = deployment(Target::Ec2, &text);
        let mut engine = Engine::new(Config::new(&deployment, Target::Ec2), Start::Settled, Time::ZERO);
        engine.set_desired(Time::from_secs(30), 1);
        let leaving = InstanceId(1);
        assert_eq!(engine.routable(), [InstanceId(2)]);
        let drain = Action::Drain { id: leaving, until: Time::from_secs(60) };
        assert_eq!((engine.poll_action(), engine.poll_action()), (Some(drain), None));
        engine.instance(Time::from_secs(33), leaving, InstanceFact::Drained);
        engine.handle_timeout(Time::from_secs(leaves_at));
        assert_eq!(engine.poll_action(), Some(Action::Terminate(leaving)), "ends early: {early}");
    }
}
