//! Another configuration while everything runs on: what did not change keeps its state.
//!
//! Models an update of a running group or service: limits, thresholds and delays hold from now on, instances stay.

use super::config::Config;
use super::{Engine, scaler};
use crate::time::Time;
use crate::timeline::{LaunchCause, ScaledBy};

impl Engine {
    /// Goes on with this configuration. Alarms of policies that are the same keep their state and datapoints; the
    /// desired capacity stays where the limits allow it, because the policies own it.
    pub fn reconfigure(&mut self, now: Time, config: Config) {
        self.catch_up(now);
        self.scaler.reconfigure(&config);
        let mut old = std::mem::take(&mut self.series);
        for (metric, fresh) in scaler::series(&config) {
            let kept = match old.remove(&metric) {
                Some(old) => old.kept_for(fresh),
                None => fresh,
            };
            self.series.insert(metric, kept);
        }
        self.fleet.config = config.fleet.clone();
        self.config = config;
        let (min, max) = (self.config.capacity.min, self.config.capacity.max);
        let to = self.scaler.desired.clamp(min, max);
        self.scaler.set_desired(now, to, ScaledBy::Hand, &mut self.out);
        self.fleet.reconcile(now, to, LaunchCause::ScaleOut, &mut self.out);
        self.next_evaluation = self.scaler.next_evaluation(now);
        self.settle(now);
    }
}
