//! Replacing every instance by one of a newer version, one after the other, without a moment of less capacity.
//!
//! Models a rolling update that keeps all of the capacity in service (ECS: minimum healthy percent 100; EC2 Auto
//! Scaling: instance refresh that launches before terminating): a successor is launched, and when its health check has
//! passed, its predecessor is deregistered and drained. A predecessor serves on and is not counted any more.
//!
//! Left out: more than one at a time, checkpoints, bake time, rollback by itself.

use super::tally::Tally;
use super::{Fleet, Instance, Phase};
use crate::engine::outbox::Outbox;
use crate::time::Time;
use crate::timeline::{Health, InstanceId, LaunchCause, LeaveCause};

impl Fleet {
    /// From now on every instance that was launched before runs an old version.
    pub(crate) fn outdate(&mut self) {
        self.mark(true);
    }

    /// What runs is good enough; a successor that is on its way still comes.
    pub(crate) fn accept(&mut self) {
        self.mark(false);
    }

    fn mark(&mut self, outdated: bool) {
        self.instances.iter_mut().for_each(|instance| instance.outdated = outdated);
        self.tally = Tally::of(self.config.zones, self.instances.iter());
    }

    /// Whether any instance is still to be replaced, or being replaced, by a newer one.
    pub(crate) fn is_rolling(&self) -> bool {
        self.tally.rolling > 0
    }

    /// Takes the next step, when it is time for one.
    pub(crate) fn roll_on(&mut self, now: Time, out: &mut Outbox) {
        if !self.is_rolling() {
            return;
        }
        while let Some(index) = self.instances.iter().position(|instance| self.is_succeeded(instance)) {
            self.leave(now, index, LeaveCause::Outdated, out);
        }
        if self.instances.iter().any(|i| i.successor.is_some() && i.is_here()) {
            return;
        }
        let next = self.instances.iter().position(|instance| instance.outdated && instance.is_live());
        if let Some(index) = next {
            let id = self.instances[index].id;
            let successor = self.launch(now, LaunchCause::Replaces(id), out);
            self.succeed(id, successor);
        }
    }

    /// Its successor is healthy.
    fn is_succeeded(&self, instance: &Instance) -> bool {
        let is_healthy = |id: InstanceId| {
            let found = self.instances.binary_search_by_key(&id, |instance| instance.id);
            found.is_ok_and(|index| {
                let successor = &self.instances[index];
                matches!(successor.phase, Phase::Running { .. }) && successor.health.health == Health::Healthy
            })
        };
        instance.is_here() && instance.successor.is_some_and(is_healthy)
    }

    /// `new` takes the place of `old` once it is healthy.
    pub(super) fn succeed(&mut self, old: InstanceId, new: InstanceId) {
        if let Ok(index) = self.instances.binary_search_by_key(&old, |instance| instance.id) {
            self.set_successor(index, Some(new));
        }
    }

    /// `successor` leaves and nobody comes instead: whoever waited for it counts again.
    pub(super) fn stand_for_yourself(&mut self, successor: InstanceId) {
        let waits = self.instances.iter().position(|instance| instance.successor == Some(successor));
        if let Some(index) = waits {
            self.set_successor(index, None);
        }
    }

    fn set_successor(&mut self, index: usize, successor: Option<InstanceId>) {
        let before = self.instances[index];
        self.instances[index].successor = successor;
        self.changed(index, &before);
    }
}
