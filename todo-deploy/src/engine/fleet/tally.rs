//! How many instances are where, kept up to date so that no fact has to look at all of them.

use super::{Instance, Phase};
use crate::timeline::Health;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) launching: usize,
    pub(super) running: usize,
    pub(super) draining: usize,
    /// Of the running ones.
    pub(super) healthy: usize,
    pub(super) unhealthy: usize,
    /// To be replaced by a newer one.
    pub(super) rolling: usize,
    /// Launching or running with nobody else standing for it, by zone.
    zones: Vec<usize>,
}

impl Tally {
    pub(super) fn new(zones: u32) -> Self {
        Self { zones: vec![0; zones.max(1) as usize], ..Self::default() }
    }

    pub(super) fn of<'a>(zones: u32, instances: impl Iterator<Item = &'a Instance>) -> Self {
        let mut tally = Self::new(zones);
        instances.for_each(|instance| tally.add(instance));
        tally
    }

    pub(super) fn add(&mut self, instance: &Instance) {
        for place in self.places(instance).into_iter().flatten() {
            *place += 1;
        }
    }

    pub(super) fn remove(&mut self, instance: &Instance) {
        for place in self.places(instance).into_iter().flatten() {
            *place -= 1;
        }
    }

    /// Launching or running with nobody else standing for it.
    pub(super) fn live(&self) -> usize {
        self.zones.iter().sum()
    }

    /// The zone with the fewest, the first among equals.
    pub(super) fn emptiest_zone(&self) -> u32 {
        (0..).zip(&self.zones).min_by_key(|(_, count)| **count).map_or(0, |(zone, _)| zone)
    }

    /// The zone with the most, the first among equals.
    pub(super) fn fullest_zone(&self) -> u32 {
        let fullest = self.zones.iter().enumerate().rev().max_by_key(|(_, count)| **count);
        fullest.map_or(0, |(zone, _)| u32::try_from(zone).unwrap_or(u32::MAX))
    }

    /// The counters that count this instance.
    fn places(&mut self, instance: &Instance) -> [Option<&mut usize>; 4] {
        let zone = self.zones.get_mut(instance.zone as usize).filter(|_| instance.is_live());
        let rolling = instance.is_rolling().then_some(&mut self.rolling);
        match instance.phase {
            Phase::Launching => [Some(&mut self.launching), zone, rolling, None],
            Phase::Running { .. } => {
                let health = match instance.health.health {
                    Health::Initial => None,
                    Health::Healthy => Some(&mut self.healthy),
                    Health::Unhealthy => Some(&mut self.unhealthy),
                };
                [Some(&mut self.running), zone, rolling, health]
            }
            Phase::Draining { .. } => [Some(&mut self.draining), None, None, None],
            Phase::Terminating => [None, None, None, None],
        }
    }
}
