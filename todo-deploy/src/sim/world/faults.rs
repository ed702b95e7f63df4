//! What goes wrong with instances because the scene says so.

use super::super::control::{Control, Fact};
use super::super::instance::Life;
use super::super::measure::Outcome;
use super::super::scene::Failure;
use super::World;
use super::event::Kind;

impl<C: Control> World<'_, C> {
    /// The fault with this number begins: it hits those that have served longest.
    pub(super) fn fault(&mut self, number: u32) {
        let fault = self.scene.faults[number as usize];
        let serves = |id: &u32| {
            let instance = &self.instances[*id as usize];
            instance.life == Life::Running
                && instance.listens
                && !instance.draining
                && instance.fault.is_none()
        };
        let count = u32::try_from(self.instances.len()).unwrap_or(u32::MAX);
        let hit: Vec<u32> = (0..count).filter(serves).take(fault.instances as usize).collect();
        for id in hit {
            self.instances[id as usize].fault = Some(number);
            self.tell(id, Fact::Failed(fault.what));
            match fault.what {
                Failure::Dies => self.die(id),
                Failure::Hangs => self.hang(id),
                Failure::Lost => self.terminate(id),
                Failure::Recovers => self.recover(id),
            }
        }
        self.obey();
        if let Some(lasts) = fault.lasts {
            self.schedule(lasts, Kind::FaultEnds, number);
        }
    }

    /// Whom the fault hit, and who is still there, serves again.
    pub(super) fn fault_ends(&mut self, number: u32) {
        for id in 0..u32::try_from(self.instances.len()).unwrap_or(u32::MAX) {
            let instance = &self.instances[id as usize];
            if instance.fault == Some(number) && instance.life == Life::Running {
                self.tell(id, Fact::Failed(Failure::Recovers));
                self.recover(id);
            }
        }
        self.obey();
    }

    /// Nothing listens any more, and every connection breaks.
    fn die(&mut self, id: u32) {
        self.instances[id as usize].listens = false;
        for user in self.users.with_request_at(id) {
            self.abandon(user);
            self.end_request(user, Outcome::Lost);
        }
        if self.drop_probe(id) {
            self.tell(id, Fact::ProbeBroken);
        }
    }

    fn hang(&mut self, id: u32) {
        let instance = &mut self.instances[id as usize];
        instance.hangs = true;
        instance.station.set_capacity(self.now, 0.0);
        self.reschedule(id);
    }

    fn recover(&mut self, id: u32) {
        let vcpus = self.scene.instance.vcpus;
        let instance = &mut self.instances[id as usize];
        let speed = instance.credits.as_ref().map_or(vcpus, |credits| credits.vcpus());
        (instance.fault, instance.hangs, instance.listens) = (None, false, true);
        instance.station.set_capacity(self.now, speed);
        self.reschedule(id);
    }
}
