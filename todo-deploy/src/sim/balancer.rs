//! The load balancer in virtual time: the shared [`Picker`], and which instance stands behind each target.

use std::time::Duration;

use crate::pick::hash::mix;
use crate::pick::{Algorithm, Choice, Picker, Slot, Target, TargetState, slow_start};

use super::queue::Nanos;
use super::scene::BalancerModel;

/// A picker whose targets are instances.
#[derive(Debug, Clone)]
pub(super) struct Balancer {
    picker: Picker,
    /// The instance behind each slot.
    instances: Vec<u32>,
    /// How long a target's share grows after it became healthy, where that is in use.
    slow_start: Option<Nanos>,
    needs_draw: bool,
}

impl Balancer {
    pub(super) fn new(model: &BalancerModel) -> Self {
        let slow_start = model.slow_start > 0 && model.algorithm == Algorithm::RoundRobin;
        let hashes = matches!(model.algorithm, Algorithm::ConsistentHash { .. });
        Self {
            picker: Picker::new(model.algorithm, model.healthy_min),
            instances: Vec::new(),
            slow_start: slow_start.then_some(model.slow_start),
            needs_draw: model.algorithm == Algorithm::WeightedRandom || (hashes && model.hash_requests),
        }
    }

    /// Whether choices need random bits.
    pub(super) const fn needs_draw(&self) -> bool {
        self.needs_draw
    }

    pub(super) fn register(&mut self, instance: u32) -> Slot {
        let weight = if self.slow_start.is_some() { slow_start::SCALE } else { 1 };
        let slot = self.picker.add(Target { key: mix(u64::from(instance) + 1), weight });
        if slot.index() >= self.instances.len() {
            self.instances.resize(slot.index() + 1, u32::MAX);
        }
        self.instances[slot.index()] = instance;
        slot
    }

    pub(super) fn deregister(&mut self, slot: Slot) {
        self.picker.remove(slot);
    }

    /// True when the target starts slowly from now on.
    pub(super) fn set_state(&mut self, slot: Slot, state: TargetState) -> bool {
        let was = self.picker.state(slot);
        self.picker.set_state(slot, state);
        let alone = self.picker.healthy() <= 1;
        let new = state == TargetState::Healthy && was != Some(TargetState::Healthy);
        self.slow_start.is_some() && new && !alone
    }

    /// Sets the target's weight `since` after it became healthy; true while it still grows.
    pub(super) fn warm(&mut self, slot: Slot, since: Nanos) -> bool {
        let Some(ramp) = self.slow_start else { return false };
        let weight = slow_start::weight(1, Duration::from_nanos(since), Duration::from_nanos(ramp));
        self.picker.set_weight(slot, weight);
        since < ramp
    }

    pub(super) fn pick(&mut self, choice: &Choice) -> Option<Slot> {
        self.picker.pick(choice)
    }

    pub(super) fn release(&mut self, slot: Slot) {
        self.picker.release(slot);
    }

    pub(super) fn instance(&self, slot: Slot) -> u32 {
        self.instances[slot.index()]
    }

    pub(super) fn outstanding(&self, slot: Slot) -> u32 {
        self.picker.outstanding(slot)
    }
}
