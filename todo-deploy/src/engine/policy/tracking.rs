//! Target tracking: keep a metric at a value by proportion.
//!
//! Models Application Auto Scaling (ECS: cooldowns) and EC2 Auto Scaling (warm-up instead) target tracking:
//! `ceil(capacity × metric / target)` in both directions; the published example is only about rounding (+1.5 →
//! 2, −1.5 → −1), the proportion is a model (M) that meets it. The newest datapoint is used (M). Cooldowns:
//! [`super::cooldowns`].
//!
//! Left out: the self-tuned cadence of newer EC2 groups, predictive scaling.

use super::cooldowns::Cooldowns;
use super::{Decision, Situation};
use crate::engine::config::{Pace, TrackingConfig};
use crate::timeline::WhyNot;

/// The high alarm invokes.
pub(crate) fn high(
    config: &TrackingConfig,
    cooldowns: &Cooldowns,
    metric: f64,
    situation: &Situation,
) -> Decision {
    let base = match config.pace {
        Pace::Cooldowns { .. } => cooldowns.base(config.cooldown_base, situation),
        Pace::WarmUp => situation.desired - situation.warming.min(situation.desired),
    };
    let wanted = proportional(base, metric, config.target);
    let to = situation.clamp(wanted);
    match to > situation.desired {
        true => Decision::To(to),
        false if situation.desired >= situation.capacity.max => {
            Decision::Not(WhyNot::Limit { limit: situation.capacity.max })
        }
        false => Decision::Not(WhyNot::Enough { wanted: to }),
    }
}

/// The low alarm invokes.
pub(crate) fn low(
    config: &TrackingConfig,
    cooldowns: &Cooldowns,
    metric: f64,
    situation: &Situation,
) -> Decision {
    if situation.deploying {
        return Decision::Not(WhyNot::Deploying);
    }
    if config.pace == Pace::WarmUp && situation.warming > 0 {
        return Decision::Not(WhyNot::WarmingUp { warming: situation.warming });
    }
    if let Some(why) = cooldowns.holds_back(config.scale_in_waits, situation) {
        return Decision::Not(why);
    }
    let to = situation.clamp(proportional(situation.desired, metric, config.target));
    match to < situation.desired {
        true => Decision::To(to),
        false if situation.desired <= situation.capacity.min => {
            Decision::Not(WhyNot::Limit { limit: situation.capacity.min })
        }
        false => Decision::Not(WhyNot::Enough { wanted: to }),
    }
}

/// `ceil(capacity × metric / target)`, forgiving the last bit of floating-point arithmetic.
fn proportional(capacity: u32, metric: f64, target: f64) -> i64 {
    let exact = f64::from(capacity) * metric.max(0.0) / target;
    (exact - 1e-9).ceil() as i64
}

#[cfg(test)]
mod tests;
