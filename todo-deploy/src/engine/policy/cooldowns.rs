//! Cooldowns as ECS's policies have them: in the one after a scale-out only a larger scale-out counts, the one after a
//! scale-in holds back scale-in only.
//!
//! Models Application Auto Scaling (user guide, "Define cooldown periods", for target tracking and for step scaling):
//! both run from the success of their activity; what was added in the scale-out cooldown counts as part of the next
//! scale-out, because that one's base is the capacity before (M); a scale-out cancels the scale-in cooldown.

use std::time::Duration;

use super::Situation;
use crate::deployment::CooldownBase;
use crate::engine::config::Pace;
use crate::time::Time;
use crate::timeline::WhyNot;

/// Cooldowns of one policy.
#[derive(Debug, Default)]
pub(crate) struct Cooldowns {
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

impl Cooldowns {
    /// The capacity that a scale-out is computed from.
    pub(super) fn base(&self, from: CooldownBase, situation: &Situation) -> u32 {
        match &self.out {
            Some(cooldown) if !cooldown.ends.is_over(situation.now) => match from {
                CooldownBase::Before => cooldown.base,
                CooldownBase::InService => situation.desired - situation.launching.min(situation.desired),
            },
            _ => situation.desired,
        }
    }

    /// What holds back a scale-in, if anything does; the scale-out cooldown only where `out_too`.
    pub(super) fn holds_back(&self, out_too: bool, situation: &Situation) -> Option<WhyNot> {
        let out = self.out.as_ref().map(|cooldown| cooldown.ends).filter(|_| out_too);
        let waits = [self.r#in, out].into_iter().flatten().find(|ends| !ends.is_over(situation.now))?;
        Some(match waits {
            Ends::At(until) => WhyNot::Cooldown { until },
            Ends::AfterActivity(_) => {
                WhyNot::Activity { launching: situation.launching, leaving: situation.leaving }
            }
        })
    }

    /// The engine followed this policy from `from` to `to`.
    pub(crate) fn acted(&mut self, pace: Pace, from: u32, to: u32, now: Time) {
        let Pace::Cooldowns { out, r#in } = pace else { return };
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

    /// Something was scaled out: a scale-in cooldown is over.
    pub(crate) fn cancel_in(&mut self) {
        self.r#in = None;
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
