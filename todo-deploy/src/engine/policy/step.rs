//! The step policy: the further beyond the threshold, the larger the adjustment.
//!
//! Models EC2 Auto Scaling step scaling (user guide, "Step scaling"): never blocked by activities; bounds are
//! relative to the threshold, with the bound nearer to the threshold included; instances that warm up count as
//! capacity already added, so that repeated breaches in one step make one activity; no scale-in while any warm
//! up. ECS's cooldown for step policies is left out.

use super::adjust::adjusted;
use super::{Decision, Situation};
use crate::deployment::StepPolicy;
use crate::timeline::WhyNot;

pub(crate) fn decide(policy: &StepPolicy, metric: f64, situation: &Situation) -> Decision {
    let distance = metric - policy.alarm.when.threshold;
    let upward = policy.alarm.when.comparison.is_upward();
    let beyond = |from: f64| if upward { distance >= from } else { distance <= from };
    // The bounds grow away from the threshold, so the last one passed is the step.
    let Some(step) = policy.steps.iter().rev().find(|step| beyond(step.from)) else {
        return Decision::Not(WhyNot::NoStep { adjust: policy.adjust });
    };
    let warm = situation.desired - situation.warming.min(situation.desired);
    let wanted = adjusted(warm, policy.adjust, step.adjustment, policy.min_magnitude);
    if wanted > i64::from(warm) {
        // What is warming was already added for this breach; only what goes beyond it is new.
        let wanted = situation.clamp(wanted);
        return match wanted > situation.desired {
            true => Decision::To(wanted),
            false if situation.desired == situation.capacity.max => {
                Decision::Not(WhyNot::Limit { limit: situation.desired })
            }
            false => Decision::Not(WhyNot::Enough { wanted }),
        };
    }
    if wanted == i64::from(warm) {
        return Decision::Not(WhyNot::Enough { wanted: situation.desired });
    }
    if situation.warming > 0 {
        return Decision::Not(WhyNot::WarmingUp { warming: situation.warming });
    }
    situation.decide(wanted)
}

#[cfg(test)]
mod tests {
    use super::super::situation;
    use super::*;
    use crate::deployment::{
        AdjustmentKind, Alarm, Comparison, Condition, Metric, MissingData, Statistic, Step,
    };
    use std::time::Duration;

    fn policy(comparison: Comparison, steps: [(f64, i32); 3]) -> StepPolicy {
        StepPolicy {
            name: "step".to_owned(),
            adjust: AdjustmentKind::Percent,
            min_magnitude: None,
            warm_up: None,
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
            let decision = decide(&out, metric, &situation(10, 1, 100));
            assert_eq!(capacity(&decision, 10), expected, "B7 at {metric}");
        }
        let back = policy(Comparison::AtMost, [(0.0, 0), (-10.0, -10), (-20.0, -30)]);
        for (metric, expected) in [(40.1, 14), (40.0, 13), (30.0, 10)] {
            let decision = decide(&back, metric, &situation(14, 1, 100));
            assert_eq!(capacity(&decision, 14), expected, "B8 at {metric}");
        }
    }

    #[test]
    fn repeated_breaches_in_one_step_make_one_activity() {
        let out = policy(Comparison::AtLeast, [(0.0, 0), (10.0, 10), (20.0, 30)]);
        let warming = Situation { desired: 11, warming: 1, ..situation(11, 1, 100) };
        assert_eq!(decide(&out, 60.0, &warming), Decision::Not(WhyNot::Enough { wanted: 11 }));
        assert_eq!(decide(&out, 70.0, &warming), Decision::To(13), "a larger step adds the difference");
    }

    #[test]
    fn no_scale_in_while_warming() {
        let back = policy(Comparison::AtMost, [(0.0, 0), (-10.0, -10), (-20.0, -30)]);
        let warming = Situation { warming: 2, ..situation(14, 1, 100) };
        assert_eq!(decide(&back, 30.0, &warming), Decision::Not(WhyNot::WarmingUp { warming: 2 }));
    }
}
