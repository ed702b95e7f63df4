//! CPU credits of burstable instances, in standard mode.
//!
//! One credit is one vCPU at full speed for one minute. A t2.micro earns 6 an hour (its baseline of 10 %), keeps
//! at most 144 and starts with 30 launch credits; while it has any it runs at full speed, without any at its
//! baseline (EC2 User Guide, “Key concepts for burstable performance instances” and “Standard mode”).
//! Modelled as a fluid: the balance changes by what is earned less what is used. Left out: that launch credits
//! do not expire but are spent first, that earned ones expire after 24 hours (the cap does the same here), and
//! unlimited mode, which is an instance without credits here (and a surcharge elsewhere).

use super::queue::Nanos;

const MINUTE: f64 = 60e9;

/// The rule of an instance type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CreditRule {
    /// vCPUs that may be used without using up credits; credits earned per minute.
    pub baseline: f64,
    /// The balance at launch.
    pub initial: f64,
    /// The largest balance.
    pub most: f64,
    /// A throttled instance runs at full speed again when it has saved up this many credits. A real one is
    /// released little by little; any small value gives the same mean speed without endless switching.
    pub resume: f64,
}

impl CreditRule {
    /// t2.micro: baseline 10 %, 30 launch credits, at most 144.
    pub const T2_MICRO: Self = Self { baseline: 0.1, initial: 30.0, most: 144.0, resume: 1.0 / 60.0 };
}

/// An instance's balance.
#[derive(Debug, Clone)]
pub struct Credits {
    rule: CreditRule,
    balance: f64,
    throttled: bool,
    updated: Nanos,
}

impl Credits {
    /// The balance of an instance launched now.
    #[must_use]
    pub const fn new(rule: CreditRule, now: Nanos) -> Self {
        Self { rule, balance: rule.initial, throttled: false, updated: now }
    }

    /// Brings the balance to `now`, after `used` vCPU nanoseconds since the last call. True when the limit on
    /// the instance's speed has changed by that.
    pub fn settle(&mut self, now: Nanos, used: f64) -> bool {
        let elapsed = now.saturating_sub(self.updated) as f64;
        self.updated = self.updated.max(now);
        let earned = elapsed * self.rule.baseline;
        self.balance = (self.balance + (earned - used) / MINUTE).clamp(0.0, self.rule.most);
        let throttled = if self.throttled { self.balance < self.rule.resume } else { self.balance <= 0.0 };
        std::mem::replace(&mut self.throttled, throttled) != throttled
    }

    /// The vCPUs that the instance may use now, of `vcpus` that it has.
    #[must_use]
    pub const fn limit(&self, vcpus: f64) -> f64 {
        if self.throttled { self.rule.baseline.min(vcpus) } else { vcpus }
    }

    /// When the limit changes if `busy` vCPUs stay in use, rounded up; `None` when it stays as it is.
    #[must_use]
    pub fn next_change(&self, busy: f64) -> Option<Nanos> {
        let rate = self.rule.baseline - busy;
        let left = if self.throttled { self.rule.resume - self.balance } else { -self.balance };
        // Balances and rates of opposite signs move apart.
        let wait = left / rate * MINUTE;
        // A rate of zero, or of rounding's making, never gets there.
        (rate.abs() > 1e-9 && (0.0..1e17).contains(&wait)).then(|| self.updated + wait.ceil() as Nanos + 1)
    }

    /// Credits left.
    #[must_use]
    pub const fn balance(&self) -> f64 {
        self.balance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_load_lasts_thirty_three_minutes_from_launch() {
        let mut credits = Credits::new(CreditRule::T2_MICRO, 0);
        let end = credits.next_change(1.0).expect("credits run out");
        assert!((end as f64 / MINUTE - 30.0 / 0.9).abs() < 1e-6);
        assert!(credits.settle(end, end as f64));
        assert!((credits.limit(1.0) - 0.1).abs() < 1e-12);
        assert_eq!(credits.next_change(0.1), None, "at the baseline nothing is saved");
        let idle = credits.next_change(0.0).expect("it recovers");
        assert!(((idle - end) as f64 / MINUTE - 1.0 / 6.0).abs() < 1e-6);
        assert!(credits.settle(idle, 0.0));
        assert!((credits.limit(1.0) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn an_idle_instance_saves_up_to_the_cap() {
        let mut credits = Credits::new(CreditRule::T2_MICRO, 0);
        assert_eq!(credits.next_change(0.0), None);
        assert!(!credits.settle(86_400_000_000_000 * 2, 0.0));
        assert!((credits.balance() - 144.0).abs() < 1e-9);
    }
}
