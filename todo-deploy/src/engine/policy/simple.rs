//! The simple policy: one adjustment per activity, then a cooldown.
//!
//! Models EC2 Auto Scaling simple scaling (user guide, "Simple scaling", "Cooldowns"): ignored while any
//! activity or health replacement is in progress and until the cooldown ends; nothing is queued, it works
//! because the alarm invokes it again each minute. At the limit nothing happens and no cooldown starts (M).

use super::adjust::adjusted;
use super::{Decision, Situation};
use crate::deployment::SimplePolicy;
use crate::timeline::WhyNot;

pub(crate) fn decide(policy: &SimplePolicy, situation: &Situation) -> Decision {
    let Situation { launching, leaving, .. } = *situation;
    if launching + leaving > 0 {
        return Decision::Not(WhyNot::Activity { launching, leaving });
    }
    if situation.now < situation.cooldown_until {
        return Decision::Not(WhyNot::Cooldown { until: situation.cooldown_until });
    }
    situation.decide(adjusted(situation.desired, policy.adjust, policy.adjustment, policy.min_magnitude))
}
