//! Target tracking: keep a metric at a value by proportion.
//!
//! Models Application Auto Scaling (ECS: cooldowns) and EC2 Auto Scaling (warm-up instead) target tracking:
//! `ceil(capacity × metric / target)` in both directions; the published example is only about rounding (+1.5 →
//! 2, −1.5 → −1), the proportion is a model (M) that meets it. In the scale-out cooldown only a larger
//! scale-out counts, and what was added counts as part of it, because its base is the capacity before (M). A
//! scale-out cancels the scale-in cooldown. The newest datapoint is used (M).
//!
//! Left out: the self-tuned cadence of newer EC2 groups, predictive scaling.

use std::time::Duration;

use super::{Decision, Situation};
use crate::deployment::CooldownBase;
use crate::engine::config::{Pace, TrackingConfig};
use crate::time::Time;
use crate::timeline::WhyNot;

/// Cooldowns of one policy.
#[derive(Debug, Default)]
pub(crate) struct Tracking {
    out: Option<OutCooldown>,
    r#in: Option<Ends>,
}

#[derive(Debug)]
struct OutCooldown {
    /// The capacity before the first scale-out of this cooldown.
    base: u32,
    ends: Ends,
}

/// A cooldown runs from the success of its activity.
#[derive(Debug, Clone, Copy)]
enum Ends {
    AfterActivity(Duration),
    At(Time),
}

impl Ends {
    fn is_over(self, now: Time) -> bool {
        matches!(self, Self::At(end) if end <= now)
    }
}

impl Tracking {
    pub(crate) fn high(&self, config: &TrackingConfig, metric: f64, situation: &Situation) -> Decision {
        let base = match (config.pace, &self.out) {
            (Pace::Cooldowns { .. }, Some(cooldown)) if !cooldown.ends.is_over(situation.now) => {
                match config.cooldown_base {
                    CooldownBase::Before => cooldown.base,
                    CooldownBase::InService => situation.desired - situation.launching.min(situation.desired),
                }
            }
            (Pace::Cooldowns { .. }, _) => situation.desired,
            (Pace::WarmUp, _) => situation.desired - situation.warming.min(situation.desired),
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

    pub(crate) fn low(&self, config: &TrackingConfig, metric: f64, situation: &Situation) -> Decision {
        if situation.deploying {
            return Decision::Not(WhyNot::Deploying);
        }
        if config.pace == Pace::WarmUp && situation.warming > 0 {
            return Decision::Not(WhyNot::WarmingUp { warming: situation.warming });
        }
        let out = self.out.as_ref().map(|cooldown| cooldown.ends).filter(|_| config.scale_in_waits);
        let waits = [self.r#in, out].into_iter().flatten().find(|ends| !ends.is_over(situation.now));
        if let Some(ends) = waits {
            return Decision::Not(match ends {
                Ends::At(until) => WhyNot::Cooldown { until },
                Ends::AfterActivity(_) => {
                    WhyNot::Activity { launching: situation.launching, leaving: situation.leaving }
                }
            });
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

    /// The engine followed this policy from `from` to `to`.
    pub(crate) fn acted(&mut self, config: &TrackingConfig, from: u32, to: u32, now: Time) {
        let Pace::Cooldowns { out, r#in } = config.pace else { return };
        if to > from {
            let base = match &self.out {
                Some(cooldown) if !cooldown.ends.is_over(now) => cooldown.base,
                _ => from,
            };
            self.out = Some(OutCooldown { base, ends: Ends::AfterActivity(out) });
            self.r#in = None;
        } else {
            self.r#in = Some(Ends::AfterActivity(r#in));
        }
    }

    /// No instance is being launched or drained any more.
    pub(crate) fn activity_ended(&mut self, now: Time) {
        let out = self.out.as_mut().map(|cooldown| &mut cooldown.ends);
        for ends in out.into_iter().chain(self.r#in.as_mut()) {
            if let Ends::AfterActivity(cooldown) = *ends {
                *ends = Ends::At(now + cooldown);
            }
        }
    }
}

/// `ceil(capacity × metric / target)`, forgiving the last bit of floating-point arithmetic.
fn proportional(capacity: u32, metric: f64, target: f64) -> i64 {
    let exact = f64::from(capacity) * metric.max(0.0) / target;
    (exact - 1e-9).ceil() as i64
}

#[cfg(test)]
mod tests;
