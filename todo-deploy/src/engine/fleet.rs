//! The fleet: instances from launch to gone, and which of them get traffic.
//!
//! Models an Auto Scaling group or ECS service behind a target group (EC2 Auto Scaling user guide: instance
//! lifecycle, health checks, grace period, termination policies; ALB: deregistration delay, fail-open). In
//! service means running and registered, not answering (M). A draining target gets nothing new from the moment
//! it is deregistered; the group waits for the whole delay unless `drain_ends_early` (M). A failed instance's
//! replacement is launched at once (M). The victim of a scale-in is the oldest in the most populated zone; AWS
//! ends in a random choice where ours is the oldest (M).
//!
//! Left out: lifecycle hooks, warm pools, zone rebalancing, billing-hour proximity.

mod rolling;
mod tally;

use std::time::Duration;

use super::config::FleetConfig;
use super::health::{Flip, HealthState};
use super::outbox::{Action, Outbox};
use crate::time::Time;
use crate::timeline::{EventKind, GoneCause, Health, InstanceId, LaunchCause, LeaveCause, ProbeFailure};
use tally::Tally;

#[derive(Debug)]
pub(crate) struct Fleet {
    pub(crate) config: FleetConfig,
    /// In order of id, which is the order of launch.
    instances: Vec<Instance>,
    tally: Tally,
    next_id: u32,
    /// Targets that get traffic, in order of id.
    routable: Vec<InstanceId>,
    fail_open: bool,
    /// When something happens by itself next; kept, because every input asks.
    due: Option<Time>,
}

#[derive(Debug, Clone, Copy)]
struct Instance {
    id: InstanceId,
    zone: u32,
    phase: Phase,
    health: HealthState,
    /// Runs an older version than it should.
    outdated: bool,
    /// Who takes its place once healthy. It serves until then and is not counted any more.
    successor: Option<InstanceId>,
}

impl Instance {
    /// Launching or running.
    fn is_here(&self) -> bool {
        matches!(self.phase, Phase::Launching | Phase::Running { .. })
    }

    /// Here, and nobody else stands for it.
    fn is_live(&self) -> bool {
        self.successor.is_none() && self.is_here()
    }

    /// Here, and to be replaced by a newer one.
    fn is_rolling(&self) -> bool {
        self.is_here() && (self.outdated || self.successor.is_some())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Launching,
    /// None: it ran long before the run began.
    Running {
        since: Option<Time>,
    },
    Draining {
        until: Time,
    },
    Terminating,
}

/// What is told about one instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstanceFact {
    /// It runs, and is to be registered with the balancer.
    Started,
    ProbePassed,
    ProbeFailed(ProbeFailure),
    /// Nothing is in flight on it any more.
    Drained,
    /// It does not run any more, asked or not.
    Exited,
}

/// How many instances are where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub launching: u32,
    pub running: u32,
    pub warming: u32,
    pub leaving: u32,
    pub healthy: u32,
}

impl Fleet {
    pub(crate) fn new(config: FleetConfig) -> Self {
        Self {
            tally: Tally::new(config.zones),
            config,
            instances: Vec::new(),
            next_id: 1,
            routable: Vec::new(),
            fail_open: false,
            due: None,
        }
    }

    /// Instances that ran, healthy and warm, before the run began.
    pub(crate) fn settle(&mut self, count: u32, now: Time, out: &mut Outbox) {
        for _ in 0..count {
            let instance = self.add(Phase::Running { since: None }, HealthState::HEALTHY);
            self.routable.push(instance);
            out.event(now, EventKind::InService { instance });
        }
        self.refresh(now, out);
    }

    /// Launches or drains until as many as desired are wanted.
    pub(crate) fn reconcile(&mut self, now: Time, desired: u32, cause: LaunchCause, out: &mut Outbox) {
        while self.tally.live() < desired as usize {
            self.launch(now, cause, out);
        }
        while self.tally.live() > desired as usize {
            let Some(victim) = self.victim() else { break };
            self.leave(now, victim, LeaveCause::ScaleIn, out);
        }
        self.roll_on(now, out);
        self.refresh(now, out);
    }

    /// Takes in a fact and says whether it changed anything: one that comes too late, or is about nobody, or
    /// only confirms what is known, does not.
    pub(crate) fn fact(&mut self, now: Time, id: InstanceId, fact: InstanceFact, out: &mut Outbox) -> bool {
        let Ok(index) = self.instances.binary_search_by_key(&id, |instance| instance.id) else {
            return false;
        };
        let config = &self.config;
        let instance = &mut self.instances[index];
        let before = *instance;
        let flip = match (fact, instance.phase) {
            (InstanceFact::Started, Phase::Launching) => {
                instance.phase = Phase::Running { since: Some(now) };
                out.event(now, EventKind::InService { instance: id });
                None
            }
            (InstanceFact::ProbePassed, Phase::Running { .. }) => {
                match instance.health.passed(config.healthy_threshold) {
                    None => return false,
                    flip => flip,
                }
            }
            (InstanceFact::ProbeFailed(failure), Phase::Running { .. }) => {
                match instance.health.failed(config.unhealthy_threshold, failure) {
                    None => return false,
                    flip => flip,
                }
            }
            (InstanceFact::Drained, Phase::Draining { .. }) if config.drain_ends_early => {
                instance.phase = Phase::Terminating;
                out.event(now, EventKind::Terminating { instance: id });
                out.act(Action::Terminate(id));
                None
            }
            (InstanceFact::Exited, _) => {
                self.instances.remove(index);
                self.tally.remove(&before);
                self.route(id, false);
                self.gone(now, &before, out);
                self.replace_unhealthy(now, out);
                self.roll_on(now, out);
                self.refresh(now, out);
                return true;
            }
            _ => return false,
        };
        if let Some(Flip { from, to, reason }) = flip {
            out.event(now, EventKind::Health { instance: id, from, to, reason });
        }
        self.changed(index, &before);
        self.replace_unhealthy(now, out);
        self.roll_on(now, out);
        self.refresh(now, out);
        true
    }

    /// Counts an instance that is not what it was.
    fn changed(&mut self, index: usize, before: &Instance) {
        let instance = self.instances[index];
        self.tally.remove(before);
        self.tally.add(&instance);
        self.route(instance.id, self.gets_traffic(&instance));
    }

    fn gets_traffic(&self, instance: &Instance) -> bool {
        let is_running = matches!(instance.phase, Phase::Running { .. });
        is_running && (self.fail_open || instance.health.health == Health::Healthy)
    }

    fn route(&mut self, id: InstanceId, wanted: bool) {
        match (self.routable.binary_search(&id), wanted) {
            (Ok(place), false) => {
                self.routable.remove(place);
            }
            (Err(place), true) => self.routable.insert(place, id),
            _ => {}
        }
    }

    /// When something happens by itself: a drain ends, or a grace period that protects a failing instance.
    pub(crate) fn next_due(&self) -> Option<Time> {
        self.due
    }

    fn find_due(&self) -> Option<Time> {
        let waits = if self.config.replaces_unhealthy { self.tally.unhealthy } else { 0 };
        if self.tally.draining + waits == 0 {
            return None;
        }
        let due = |instance: &Instance| match instance.phase {
            Phase::Draining { until } => Some(until),
            Phase::Running { since } if self.config.replaces_unhealthy => {
                (instance.health.health == Health::Unhealthy).then(|| self.grace_ends(since))
            }
            Phase::Running { .. } | Phase::Launching | Phase::Terminating => None,
        };
        self.instances.iter().filter_map(due).min()
    }

    pub(crate) fn fire(&mut self, now: Time, out: &mut Outbox) {
        for index in 0..self.instances.len() {
            let before = self.instances[index];
            if matches!(before.phase, Phase::Draining { until } if until <= now) {
                self.instances[index].phase = Phase::Terminating;
                self.changed(index, &before);
                out.event(now, EventKind::Terminating { instance: before.id });
                out.act(Action::Terminate(before.id));
            }
        }
        self.replace_unhealthy(now, out);
        self.roll_on(now, out);
        self.refresh(now, out);
    }

    /// Targets that get traffic: the healthy ones, or all registered ones when too few are healthy.
    pub(crate) fn routable(&self) -> &[InstanceId] {
        &self.routable
    }

    /// Every instance that is not gone, with its health where it is registered.
    pub(crate) fn members(&self) -> impl Iterator<Item = (InstanceId, Option<Health>)> + '_ {
        self.instances.iter().map(|instance| {
            let registered = matches!(instance.phase, Phase::Running { .. });
            (instance.id, registered.then_some(instance.health.health))
        })
    }

    pub(crate) fn is_warming(&self, id: InstanceId, now: Time) -> bool {
        let found = self.instances.binary_search_by_key(&id, |instance| instance.id);
        found.is_ok_and(|index| self.warming(&self.instances[index], now))
    }

    pub(crate) fn is_in_service(&self, id: InstanceId) -> bool {
        let found = self.instances.binary_search_by_key(&id, |instance| instance.id);
        found.is_ok_and(|index| !matches!(self.instances[index].phase, Phase::Launching | Phase::Terminating))
    }

    /// Whether anything is being launched or drained.
    pub(crate) fn is_busy(&self) -> bool {
        self.tally.launching + self.tally.draining > 0
    }

    pub(crate) fn counts(&self, now: Time) -> Counts {
        let mut counts = Counts::default();
        for instance in &self.instances {
            match instance.phase {
                Phase::Launching => counts.launching += 1,
                Phase::Running { .. } => {
                    counts.running += 1;
                    counts.healthy += u32::from(instance.health.health == Health::Healthy);
                }
                Phase::Draining { .. } => counts.leaving += 1,
                Phase::Terminating => {}
            }
            counts.warming += u32::from(self.warming(instance, now));
        }
        counts
    }

    /// What is wrong with the fleet, if anything ever is.
    pub(crate) fn broken(&self, desired: u32) -> Option<&'static str> {
        let running = |instance: &&Instance| matches!(instance.phase, Phase::Running { .. });
        let chosen = |id| self.instances.iter().filter(running).any(|instance| instance.id == id);
        match () {
            () if self.tally != Tally::of(self.config.zones, self.instances.iter()) => {
                Some("the tally is right")
            }
            () if self.tally.live() != desired as usize => Some("as many instances as desired"),
            () if !self
                .instances
                .iter()
                .filter(|i| self.gets_traffic(i))
                .map(|i| i.id)
                .eq(self.routable.iter().copied()) =>
            {
                Some("exactly those that should are routed to")
            }
            () if !self.routable.iter().all(|id| chosen(*id)) => {
                Some("a target that is not in service is never chosen")
            }
            () if self.routable.is_empty() && self.instances.iter().any(|i| running(&i)) => {
                Some("while any target is in service, one is chosen")
            }
            () => None,
        }
    }

    fn warming(&self, instance: &Instance, now: Time) -> bool {
        let Some(warm_up) = self.config.warm_up else { return false };
        match instance.phase {
            Phase::Launching => true,
            Phase::Running { since: Some(since) } => now < since + warm_up,
            Phase::Running { since: None } | Phase::Draining { .. } | Phase::Terminating => false,
        }
    }

    fn add(&mut self, phase: Phase, health: HealthState) -> InstanceId {
        let id = InstanceId(self.next_id);
        self.next_id += 1;
        let zone = self.tally.emptiest_zone();
        let instance = Instance { id, zone, phase, health, outdated: false, successor: None };
        self.tally.add(&instance);
        self.instances.push(instance);
        id
    }

    fn launch(&mut self, now: Time, cause: LaunchCause, out: &mut Outbox) -> InstanceId {
        let instance = self.add(Phase::Launching, HealthState::INITIAL);
        out.event(now, EventKind::Launching { instance, cause });
        out.act(Action::Launch(instance));
        instance
    }

    fn victim(&self) -> Option<usize> {
        let crowded = self.tally.fullest_zone();
        self.instances.iter().position(|instance| instance.zone == crowded && instance.is_live())
    }

    fn leave(&mut self, now: Time, index: usize, cause: LeaveCause, out: &mut Outbox) {
        let before = self.instances[index];
        let (id, was_launching) = (before.id, before.phase == Phase::Launching);
        self.stand_for_yourself(id);
        if was_launching || self.config.deregistration_delay == Duration::ZERO {
            // Never registered, or nothing to wait for.
            self.instances[index].phase = Phase::Terminating;
            out.event(now, EventKind::Terminating { instance: id });
            out.act(Action::Terminate(id));
        } else {
            let until = now + self.config.deregistration_delay;
            self.instances[index].phase = Phase::Draining { until };
            out.event(now, EventKind::Draining { instance: id, until, cause });
            out.act(Action::Drain { id, until });
        }
        self.changed(index, &before);
    }

    fn gone(&mut self, now: Time, instance: &Instance, out: &mut Outbox) {
        let id = instance.id;
        let died = matches!(instance.phase, Phase::Launching | Phase::Running { .. });
        let cause = if died { GoneCause::Died } else { GoneCause::Terminated };
        out.event(now, EventKind::Gone { instance: id, cause });
        if died && instance.successor.is_none() {
            let predecessor = self.instances.iter().find(|i| i.successor == Some(id)).map(|i| i.id);
            let new = self.launch(now, LaunchCause::Replaces(id), out);
            predecessor.into_iter().for_each(|predecessor| self.succeed(predecessor, new));
        }
    }

    fn grace_ends(&self, since: Option<Time>) -> Time {
        since.map_or(Time::ZERO, |since| since + self.config.grace)
    }

    fn replace_unhealthy(&mut self, now: Time, out: &mut Outbox) {
        if !self.config.replaces_unhealthy || self.tally.unhealthy == 0 {
            return;
        }
        let sick = |fleet: &Self, instance: &Instance| match instance.phase {
            Phase::Running { since } => {
                instance.health.health == Health::Unhealthy && fleet.grace_ends(since) <= now
            }
            Phase::Launching | Phase::Draining { .. } | Phase::Terminating => false,
        };
        while let Some(index) = self.instances.iter().position(|instance| sick(self, instance)) {
            let (id, is_live) = (self.instances[index].id, self.instances[index].is_live());
            let predecessor = self.instances.iter().find(|i| i.successor == Some(id)).map(|i| i.id);
            self.leave(now, index, LeaveCause::Unhealthy, out);
            // One whose successor is on the way already needs no other.
            if is_live {
                let new = self.launch(now, LaunchCause::Replaces(id), out);
                predecessor.into_iter().for_each(|predecessor| self.succeed(predecessor, new));
            }
        }
    }

    /// Whether traffic goes to all, and when something happens by itself next.
    fn refresh(&mut self, now: Time, out: &mut Outbox) {
        self.due = self.find_due();
        let (healthy, all) = (self.tally.healthy, self.tally.running);
        let fail_open = healthy < self.config.healthy_minimum as usize && all > healthy;
        if fail_open != self.fail_open {
            self.fail_open = fail_open;
            let routable = self.instances.iter().filter(|instance| self.gets_traffic(instance));
            self.routable = routable.map(|instance| instance.id).collect();
            let registered = u32::try_from(all).unwrap_or(u32::MAX);
            out.event(now, EventKind::FailOpen { open: fail_open, registered });
        }
    }
}
