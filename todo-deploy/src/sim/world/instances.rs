//! Instances: launch, boot, health checks, credits, draining, end.

use crate::pick::TargetState;

use super::super::control::{Control, Fact};
use super::super::credit::Throttle;
use super::super::instance::{Instance, Life, Probe};
use super::super::measure::Outcome;
use super::super::scene::SECOND;
use super::event::Kind;
use super::requests::PROBE;
use super::{World, time};

impl<C: Control> World<'_, C> {
    pub(super) fn launch(&mut self, id: u32) {
        let index = id as usize;
        if index >= self.instances.len() {
            self.instances.resize_with(index + 1, Instance::absent);
        }
        self.instances[index] = Instance::new(self.now, &self.scene.instance);
        let wait = self.scene.instance.launch.sample_nanos(&mut self.streams.boot);
        self.schedule(wait, Kind::InstanceRuns, id);
    }

    /// It ran, healthy, before the run began.
    pub(super) fn adopt(&mut self, id: u32) {
        self.launch(id);
        self.register(id);
        self.instance_answers(id);
        self.route(id, TargetState::Healthy);
    }

    pub(super) fn instance_runs(&mut self, id: u32) {
        if self.instances[id as usize].life != Life::Launching {
            return;
        }
        self.register(id);
        let model = &self.scene.instance;
        let boot = model.boot.sample_nanos(&mut self.streams.boot);
        self.instances[id as usize].station.set_background(self.now, model.boot_cpu);
        self.schedule(boot, Kind::InstanceAnswers, id);
        self.tell_and_obey(id, Fact::Started);
    }

    fn register(&mut self, id: u32) {
        let slot = self.balancer.register(id);
        let instance = &mut self.instances[id as usize];
        instance.run(self.now, &self.scene.instance);
        instance.slot = Some(slot);
        let look = instance.credits.as_ref().map(Throttle::next_look);
        self.measure.running(self.now, true);
        self.schedule(self.scene.probe.interval, Kind::Probe, id);
        if let Some(look) = look {
            self.schedule(look - self.now, Kind::CreditCheck, id);
        }
    }

    pub(super) fn instance_answers(&mut self, id: u32) {
        let instance = &mut self.instances[id as usize];
        if instance.life == Life::Running {
            instance.station.set_background(self.now, 0.0);
            instance.listens = true;
        }
    }

    pub(super) fn route(&mut self, id: u32, state: TargetState) {
        let instance = &mut self.instances[id as usize];
        let Some(slot) = instance.slot else { return };
        if self.balancer.set_state(slot, state) {
            instance.healthy_since = self.now;
            self.slow_start(id);
        }
    }

    /// The share of a target that became healthy grows second by second.
    pub(super) fn slow_start(&mut self, id: u32) {
        let instance = &self.instances[id as usize];
        let Some(slot) = instance.slot else { return };
        if self.balancer.warm(slot, self.now - instance.healthy_since) {
            self.schedule(SECOND, Kind::SlowStart, id);
        }
    }

    pub(super) fn drain(&mut self, id: u32) {
        let instance = &mut self.instances[id as usize];
        instance.draining = true;
        let Some(slot) = instance.slot else { return };
        self.balancer.set_state(slot, TargetState::Draining);
        if self.balancer.outstanding(slot) == 0 {
            self.tell(id, Fact::Drained);
        }
    }

    /// Ends the instance. Requests that it has not answered are answered 502 by the balancer.
    pub(super) fn terminate(&mut self, id: u32) {
        let ran = self.instances[id as usize].life == Life::Running;
        if self.instances[id as usize].life == Life::Gone {
            return;
        }
        let usage = self.instances[id as usize].sample(self.now);
        self.measure.cpu_used(usage.used);
        let instance = &mut self.instances[id as usize];
        (instance.life, instance.listens, instance.draining) = (Life::Gone, false, false);
        let slot = instance.slot.take();
        self.departures.remove(id);
        if ran {
            self.measure.running(self.now, false);
        }
        if let Some(slot) = slot {
            self.balancer.deregister(slot);
        }
        for user in self.users.with_request_at(id) {
            self.abandon(user);
            self.end_request(user, Outcome::Lost);
        }
        self.departures.remove(id);
        self.instances[id as usize] = Instance::absent();
        self.tell(id, Fact::Exited);
    }

    /// Takes the check under way back; whether there was one.
    pub(super) fn drop_probe(&mut self, id: u32) -> bool {
        let instance = &mut self.instances[id as usize];
        let probe = instance.probe.take();
        if let Some(job) = probe.and_then(|probe| probe.job) {
            instance.station.cancel(self.now, job);
            self.reschedule(id);
        }
        probe.is_some()
    }

    /// Tells the controller a fact while it is being obeyed: what it wants then is done next.
    pub(super) fn tell(&mut self, id: u32, fact: Fact) {
        self.control.instance(time(self.now), id, fact);
    }

    pub(super) fn tell_and_obey(&mut self, id: u32, fact: Fact) {
        self.tell(id, fact);
        self.obey();
    }

    pub(super) fn probe(&mut self, id: u32) {
        let instance = &mut self.instances[id as usize];
        if instance.life != Life::Running || instance.draining {
            return;
        }
        let model = &self.scene.probe;
        if !instance.listens {
            self.schedule(model.interval, Kind::Probe, id);
            return self.tell_and_obey(id, Fact::ProbeRefused);
        }
        let demand = model.demand.sample(&mut self.streams.demand);
        let job = instance.station.arrive(self.now, PROBE | id, demand).ok();
        instance.probe = Some(Probe { sent: self.now, job });
        self.reschedule(id);
        self.schedule(model.timeout.min(model.interval), Kind::ProbeLate, id);
        self.schedule(model.interval, Kind::Probe, id);
    }

    pub(super) fn probe_answered(&mut self, id: u32) {
        self.instances[id as usize].probe = None;
        let fact = self.scene.probe.refused_with.map_or(Fact::ProbePassed, Fact::ProbeStatus);
        self.tell_and_obey(id, fact);
    }

    pub(super) fn probe_late(&mut self, id: u32) {
        let model = &self.scene.probe;
        let sent = self.now - model.timeout.min(model.interval);
        let instance = &mut self.instances[id as usize];
        if instance.probe.is_some_and(|probe| probe.sent == sent) {
            self.drop_probe(id);
            self.tell_and_obey(id, Fact::ProbeTimedOut);
        }
    }

    pub(super) fn check_credits(&mut self, id: u32) {
        let instance = &mut self.instances[id as usize];
        if instance.life != Life::Running {
            return;
        }
        let changed = instance.settle(self.now);
        let Some(credits) = &instance.credits else { return };
        let (look, throttled) = (credits.next_look(), credits.is_throttled());
        self.schedule(look.saturating_sub(self.now), Kind::CreditCheck, id);
        if changed {
            self.reschedule(id);
            self.tell_and_obey(id, if throttled { Fact::Throttled } else { Fact::Released });
        }
    }

    /// Files the instance's next departure.
    pub(super) fn reschedule(&mut self, id: u32) {
        match self.instances[id as usize].station.next_departure() {
            Some(at) => self.departures.set(id, at),
            None => {
                self.departures.remove(id);
            }
        }
    }
}
