//! The step policy: the further beyond the threshold, the larger the adjustment.
//!
//! Models EC2 Auto Scaling step scaling (user guide, "Step scaling"): never blocked by activities; bounds are
//! relative to the threshold, with the bound nearer to the threshold included; instances that warm up count as
//! capacity already added, so that repeated breaches in one step make one activity; no scale-in while any warm
//! up. On ECS (Application Auto Scaling user guide, "Step scaling policies") a cooldown stands in for the warm-up
//! ([`super::cooldowns`]); without one it is the default cooldown.

use super::adjust::adjusted;
use super::cooldowns::Cooldowns;
use super::{Decision, Situation};
use crate::deployment::{CooldownBase, StepPolicy};
use crate::engine::config::Pace;
use crate::timeline::WhyNot;

pub(crate) fn decide(
    policy: &StepPolicy,
    pace: Pace,
    cooldowns: &Cooldowns,
    metric: f64,
    situation: &Situation,
) -> Decision {
    let distance = metric - policy.alarm.when.threshold;
    let upward = policy.alarm.when.comparison.is_upward();
    let beyond = |from: f64| if upward { distance >= from } else { distance <= from };
    // The bounds grow away from the threshold, so the last one passed is the step.
    let Some(step) = policy.steps.iter().rev().find(|step| beyond(step.from)) else {
        return Decision::Not(WhyNot::NoStep { adjust: policy.adjust });
    };
    // What is warming, or came in the cooldown, was already added for this breach.
    let base = match pace {
        Pace::WarmUp => situation.desired - situation.warming.min(situation.desired),
        Pace::Cooldowns { .. } => cooldowns.base(CooldownBase::Before, situation),
    };
    let wanted = adjusted(base, policy.adjust, step.adjustment, policy.min_magnitude);
    if wanted > i64::from(base) {
        // Only what goes beyond it is new.
        let wanted = situation.clamp(wanted);
        return match wanted > situation.desired {
            true => Decision::To(wanted),
            false if situation.desired == situation.capacity.max => {
                Decision::Not(WhyNot::Limit { limit: situation.desired })
            }
            false => Decision::Not(WhyNot::Enough { wanted }),
        };
    }
    if wanted == i64::from(base) {
        return Decision::Not(WhyNot::Enough { wanted: situation.desired });
    }
    match pace {
        Pace::WarmUp if situation.warming > 0 => {
            return Decision::Not(WhyNot::WarmingUp { warming: situation.warming });
        }
        Pace::WarmUp => {}
        Pace::Cooldowns { .. } => {
            if let Some(why) = cooldowns.holds_back(false, situation) {
                return Decision::Not(why);
            }
        }
    }
    // A scale-in counts from what there is.
    situation.decide(adjusted(situation.desired, policy.adjust, step.adjustment, policy.min_magnitude))
}

#[cfg(test)]
mod tests {
    use super::super::situation;
    use super::*;
    use crate::deployment::{
        AdjustmentKind, Alarm, Comparison, Condition, Metric, MissingData, Statistic, Step,
    };
    use crate::time::Time;
    use std::time::Duration;

    fn policy(comparison: Comparison, steps: [(f64, i32); 3]) -> StepPolicy {
        StepPolicy {
            name: "step".to_owned(),
            adjust: AdjustmentKind::Percent,
            min_magnitude: None,
            warm_up: None,
            cooldown: None,
            alarm: Alarm {
                metric: Metric::Cpu,
                statistic: Statistic::Average,
                when: Condition { comparison, threshold: 50.0 },
                period: Duration::from_secs(60),
                evaluation_periods: 1,
                datapoints_to_alarm: None,
                missing_data: MissingData::Missing,
            },
            steps: steps.map(|(from, adjustment)| Step { from, adjustment }).to_vec(),
        }
    }

    fn on_ec2(policy: &StepPolicy, metric: f64, situation: &Situation) -> Decision {
        decide(policy, Pace::WarmUp, &Cooldowns::default(), metric, situation)
    }

    fn capacity(decision: &Decision, from: u32) -> u32 {
        match decision {
            Decision::To(to) => *to,
            Decision::Not(_) => from,
        }
    }

    #[test]
    fn b7_out_and_b8_in() {
        let out = policy(Comparison::AtLeast, [(0.0, 0), (10.0, 10), (20.0, 30)]);
        for (metric, expected) in [(59.9, 10), (60.0, 11), (70.0, 13)] {
            let decision = on_ec2(&out, metric, &situation(10, 1, 100));
            assert_eq!(capacity(&decision, 10), expected, "B7 at {metric}");
        }
        let back = policy(Comparison::AtMost, [(0.0, 0), (-10.0, -10), (-20.0, -30)]);
        for (metric, expected) in [(40.1, 14), (40.0, 13), (30.0, 10)] {
            let decision = on_ec2(&back, metric, &situation(14, 1, 100));
            assert_eq!(capacity(&decision, 14), expected, "B8 at {metric}");
        }
    }

    #[test]
    fn repeated_breaches_in_one_step_make_one_activity() {
        let out = policy(Comparison::AtLeast, [(0.0, 0), (10.0, 10), (20.0, 30)]);
        let warming = Situation { desired: 11, warming: 1, ..situation(11, 1, 100) };
        assert_eq!(on_ec2(&out, 60.0, &warming), Decision::Not(WhyNot::Enough { wanted: 11 }));
        assert_eq!(on_ec2(&out, 70.0, &warming), Decision::To(13), "a larger step adds the difference");
    }

    #[test]
    fn no_scale_in_while_warming() {
        let back = policy(Comparison::AtMost, [(0.0, 0), (-10.0, -10), (-20.0, -30)]);
        let warming = Situation { warming: 2, ..situation(14, 1, 100) };
        assert_eq!(on_ec2(&back, 30.0, &warming), Decision::Not(WhyNot::WarmingUp { warming: 2 }));
    }

    /// Application Auto Scaling's own example: +2, then +3 in the cooldown is one more; scale-in waits, scale-out
    /// does not.
    #[test]
    fn on_ecs_a_cooldown_counts_what_was_added_and_holds_back_scale_in() {
        let cooldown = Duration::from_secs(300);
        let pace = Pace::Cooldowns { out: cooldown, r#in: cooldown };
        let change =
            |comparison, steps| StepPolicy { adjust: AdjustmentKind::Change, ..policy(comparison, steps) };
        let out = change(Comparison::AtLeast, [(0.0, 2), (10.0, 3), (20.0, 9)]);
        let mut cooldowns = Cooldowns::default();
        let mut desired = 4;
        for (at, metric, expected) in
            [(0, 50.0, 6), (60, 50.0, 6), (120, 60.0, 7), (180, 60.0, 7), (420, 50.0, 9)]
        {
            let now = Time::from_secs(at);
            let situation = Situation { now, ..situation(desired, 1, 100) };
            if let Decision::To(to) = decide(&out, pace, &cooldowns, metric, &situation) {
                cooldowns.acted(pace, desired, to, now);
                cooldowns.activity_ended(now);
                desired = to;
            }
            assert_eq!(desired, expected, "at {at}");
        }
        let back = change(Comparison::AtMost, [(0.0, -1), (-10.0, -2), (-20.0, -3)]);
        let mut cooldowns = Cooldowns::default();
        cooldowns.acted(pace, 9, 8, Time::ZERO);
        cooldowns.activity_ended(Time::ZERO);
        let at = |at| Situation { now: Time::from_secs(at), ..situation(8, 1, 100) };
        let waits = Decision::Not(WhyNot::Cooldown { until: Time::from_secs(300) });
        assert_eq!(decide(&back, pace, &cooldowns, 45.0, &at(60)), waits);
        assert_eq!(decide(&back, pace, &cooldowns, 45.0, &at(300)), Decision::To(7));
        cooldowns.cancel_in();
        assert_eq!(decide(&back, pace, &cooldowns, 45.0, &at(60)), Decision::To(7));
    }
}
