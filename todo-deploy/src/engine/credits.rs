//! CPU credits of a burstable instance.
//!
//! Models EC2's standard mode (user guide, "Burstable performance instances"): one credit is one vCPU-minute at
//! full load; credits accrue at the baseline rate, are spent above it, and are capped; without any left the
//! instance gets its baseline. A t2.micro: 6 credits an hour, baseline 10 %, at most 144, 30 at launch; so
//! that full load lasts 30 / 0.9 ≈ 33 minutes from launch.
//!
//! Left out: that launch credits do not count towards the maximum, surplus credits of the unlimited mode (which
//! is simply never throttled here).

use std::time::Duration;

/// What an instance type earns and may keep, in vCPU-minutes and shares of the instance's vCPUs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Burst {
    /// Share of the instance's vCPUs that it may use for ever.
    pub baseline: f64,
    pub vcpus: f64,
    pub credits_at_launch: f64,
    pub credits_max: f64,
}

/// The account of one instance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Credits {
    burst: Burst,
    balance: f64,
}

impl Credits {
    pub fn at_launch(burst: Burst) -> Self {
        Self { burst, balance: burst.credits_at_launch }
    }

    /// Credits left, in vCPU-minutes.
    pub fn balance(&self) -> f64 {
        self.balance
    }

    /// The largest share of its vCPUs that the instance may use now.
    pub fn cap(&self) -> f64 {
        if self.balance > 0.0 { 1.0 } else { self.burst.baseline }
    }

    /// `elapsed` passed with `used` (0–1) of the vCPUs busy on average. At a speed above 1 pass the time
    /// multiplied by it.
    pub fn spend(&mut self, elapsed: Duration, used: f64) {
        let minutes = elapsed.as_secs_f64() / 60.0;
        let change = (self.burst.baseline - used.max(0.0)) * self.burst.vcpus * minutes;
        self.balance = (self.balance + change).clamp(0.0, self.burst.credits_max);
    }

    /// How long the balance lasts at this load; none when it lasts for ever.
    pub fn lasts(&self, used: f64) -> Option<Duration> {
        let per_minute = (used - self.burst.baseline) * self.burst.vcpus;
        (per_minute > 0.0 && self.balance > 0.0)
            .then(|| Duration::try_from_secs_f64(self.balance / per_minute * 60.0).unwrap_or(Duration::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T2_MICRO: Burst = Burst { baseline: 0.1, vcpus: 1.0, credits_at_launch: 30.0, credits_max: 144.0 };

    #[test]
    fn full_load_lasts_33_minutes_from_launch() {
        let mut credits = Credits::at_launch(T2_MICRO);
        let lasts = credits.lasts(1.0).expect("it is above the baseline");
        assert!((lasts.as_secs_f64() / 60.0 - 33.3).abs() < 0.1);
        credits.spend(Duration::from_secs(33 * 60), 1.0);
        assert_eq!(credits.cap(), 1.0);
        credits.spend(Duration::from_secs(60), 1.0);
        assert_eq!(credits.cap(), 0.1);
        assert_eq!(credits.lasts(1.0), None);
    }

    #[test]
    fn an_idle_hour_earns_six_and_the_balance_is_capped() {
        let mut credits = Credits::at_launch(T2_MICRO);
        credits.spend(Duration::from_secs(3600), 0.0);
        assert!((credits.balance() - 36.0).abs() < 1e-9);
        credits.spend(Duration::from_secs(86_400), 0.0);
        assert!((credits.balance() - 144.0).abs() < 1e-9);
    }
}
