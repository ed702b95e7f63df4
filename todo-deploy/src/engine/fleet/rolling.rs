//! Replacing every instance by one of a newer version, one after the other, without a moment of less capacity.
//!
//! Models a rolling update that keeps all of the capacity in service (ECS: minimum healthy percent 100; EC2 Auto
//! Scaling: instance refresh that launches before terminating): a successor is launched, and when its health check has
//! passed, its predecessor is deregistered and drained. A predecessor serves on and is not counted any more.
//!
//! Left out: more than one at a time, checkpoints, bake time, rollback by itself.

use super::{Fleet, Instance, Phase};
use crate::engine::outbox::Outbox;
use crate::time::Time;
use crate::timeline::{Health, InstanceId, LaunchCause, LeaveCause};

impl Fleet {
    /// From now on every instance that was launched before runs an old version.
    pub(crate) fn outdate(&mut self) {
        self.instances.iter_mut().for_each(|instance| instance.outdated = true);
    }

    /// What runs is good enough; a successor that is on its way still comes.
    pub(crate) fn accept(&mut self) {
        self.instances.iter_mut().for_each(|instance| instance.outdated = false);
    }

    /// Whether any instance is still to be replaced, or being replaced, by a newer one.
    pub(crate) fn is_rolling(&self) -> bool {
        let serves = |i: &Instance| matches!(i.phase, Phase::Launching | Phase::Running { .. });
        self.instances.iter().any(|i| serves(i) && (i.outdated || i.successor.is_some()))
    }

    /// Takes the next step, when it is time for one.
    pub(crate) fn roll_on(&mut self, now: Time, out: &mut Outbox) {
        while let Some(index) = self.instances.iter().position(|instance| self.is_succeeded(instance)) {
            self.leave(now, index, LeaveCause::Outdated, out);
        }
        let waits = self.instances.iter().any(|i| i.successor.is_some() && !is_leaving(i));
        if waits {
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
        !is_leaving(instance) && instance.successor.is_some_and(is_healthy)
    }

    /// `new` takes the place of `old` once it is healthy.
    pub(super) fn succeed(&mut self, old: InstanceId, new: InstanceId) {
        if let Ok(index) = self.instances.binary_search_by_key(&old, |instance| instance.id) {
            self.instances[index].successor = Some(new);
        }
    }

    /// `successor` leaves and nobody comes instead: whoever waited for it counts again.
    pub(super) fn stand_for_yourself(&mut self, successor: InstanceId) {
        for instance in &mut self.instances {
            if instance.successor == Some(successor) {
                instance.successor = None;
            }
        }
    }
}

fn is_leaving(instance: &Instance) -> bool {
    matches!(instance.phase, Phase::Draining { .. } | Phase::Terminating)
}
