//! The registered targets as all threads see them: one picker behind a lock that is held for a choice, never
//! over I/O.
//!
//! One picker for all workers, and not one each, because the algorithms are meant over all requests: equal
//! turns, fewest outstanding and bounded loads would be approximations otherwise. A choice takes tens of
//! nanoseconds, a request tens of microseconds.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::clock;
use super::settings::Settings;
use super::stats::Sharded;
use crate::pick::hash::hash_bytes;
use crate::pick::{self, Choice, Picker, Slot, TargetState, slow_start};
use crate::timeline::InstanceId;

/// A target, as the threads share it.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) id: InstanceId,
    pub(super) address: SocketAddr,
    /// The address as text, for logs and the `Host` of checks.
    pub(super) name: String,
    /// What stickiness cookies and the hash ring know it by: the same after a restart of the balancer.
    pub(super) key: u64,
    pub(super) counters: Sharded,
    /// Being deregistered: its connections are not kept.
    leaving: AtomicBool,
    /// Its deregistration delay is over: what it still has is cut.
    cut: AtomicBool,
}

impl Target {
    pub(super) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Relaxed)
    }
}

/// What the status of a target says.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetStatus {
    pub id: InstanceId,
    pub address: SocketAddr,
    pub weight: u32,
    pub state: TargetState,
    /// Refused a connection and is left out until a check passes.
    pub ejected: bool,
    /// Whether new requests may go to it now; also an unhealthy target's when too few are healthy.
    pub routable: bool,
    /// Requests (in network mode connections) that have not ended.
    pub in_flight: u32,
}

#[derive(Debug)]
pub(super) struct Fleet {
    inner: Mutex<Inner>,
    /// A leaving target has become idle.
    pub(super) idle: Notify,
}

#[derive(Debug)]
struct Inner {
    picker: Picker,
    workers: usize,
    ramp: Option<std::time::Duration>,
    /// By the slot's place.
    places: Vec<Option<Arc<Target>>>,
    by_key: HashMap<u64, Slot>,
    members: BTreeMap<InstanceId, Member>,
}

#[derive(Debug)]
struct Member {
    slot: Slot,
    target: Arc<Target>,
    weight: u32,
    state: TargetState,
    ejected: bool,
    /// While its share grows: since when.
    ramping: Option<Instant>,
}

/// A request's place at a target, given back when dropped.
#[derive(Debug)]
pub(super) struct Lease {
    fleet: Arc<Fleet>,
    pub(super) slot: Slot,
    pub(super) target: Arc<Target>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.fleet.release(self.slot, &self.target);
    }
}

impl Fleet {
    pub(super) fn new(settings: &Settings) -> Self {
        let inner = Inner {
            picker: Picker::new(settings.picking(), settings.healthy_min),
            workers: settings.workers,
            ramp: settings.ramp(),
            places: Vec::new(),
            by_key: HashMap::new(),
            members: BTreeMap::new(),
        };
        Self { inner: Mutex::new(inner), idle: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whoever chooses a target waits while this lives: so a test makes a worker see several things at once.
    #[cfg(test)]
    pub(super) fn hold(&self) -> impl Sized + '_ {
        self.lock()
    }

    /// Chooses a target. `None`: none is registered, or none but `not`.
    pub(super) fn pick(self: &Arc<Self>, choice: &Choice, not: Option<Slot>) -> Option<Lease> {
        let mut inner = self.lock();
        let slot = match not {
            None => inner.picker.pick(choice),
            Some(not) => inner.picker.pick_other(choice, not),
        }?;
        let target = inner.places.get(slot.index())?.clone()?;
        Some(Lease { fleet: Arc::clone(self), slot, target })
    }

    /// The slot that a stickiness cookie names, while its target may get requests.
    pub(super) fn slot_of(&self, key: u64) -> Option<Slot> {
        let inner = self.lock();
        inner.by_key.get(&key).copied().filter(|&slot| inner.picker.is_routable(slot))
    }

    fn release(&self, slot: Slot, target: &Target) {
        let mut inner = self.lock();
        inner.picker.release(slot);
        if target.is_leaving() && inner.picker.outstanding(slot) == 0 {
            self.idle.notify_one();
        }
    }

    /// Adds a target, or changes the weight of one that is there. `None`, and nothing changed: there is one with
    /// this id at another address, or one that is leaving.
    pub(super) fn register(&self, id: InstanceId, address: SocketAddr, weight: u32) -> Option<Arc<Target>> {
        let mut inner = self.lock();
        if let Some(member) = inner.members.get_mut(&id) {
            if member.target.address != address || member.target.is_leaving() {
                return None;
            }
            member.weight = weight.max(1);
            let target = Arc::clone(&member.target);
            inner.weigh(id);
            return Some(target);
        }
        let name = address.to_string();
        let key = hash_bytes(name.as_bytes());
        let slot = inner.picker.add(pick::Target { key, weight: weight.max(1) });
        let target = Arc::new(Target {
            id,
            address,
            name,
            key,
            counters: Sharded::new(inner.workers),
            leaving: AtomicBool::new(false),
            cut: AtomicBool::new(false),
        });
        let place = slot.index();
        if inner.places.len() <= place {
            inner.places.resize(place + 1, None);
        }
        inner.places[place] = Some(Arc::clone(&target));
        inner.by_key.insert(key, slot);
        let member = Member {
            slot,
            target: Arc::clone(&target),
            weight: weight.max(1),
            state: TargetState::Initial,
            ejected: false,
            ramping: None,
        };
        inner.members.insert(id, member);
        inner.weigh(id);
        Some(target)
    }

    /// No new requests from now on. `None`: not registered, or leaving already.
    pub(super) fn drain(&self, id: InstanceId) -> Option<Arc<Target>> {
        let mut inner = self.lock();
        let member = inner.members.get_mut(&id).filter(|member| !member.target.is_leaving())?;
        let target = Arc::clone(&member.target);
        member.state = TargetState::Draining;
        target.leaving.store(true, Ordering::Relaxed);
        inner.apply(id);
        Some(target)
    }

    /// Requests that the target has not ended.
    pub(super) fn in_flight(&self, id: InstanceId) -> u32 {
        let inner = self.lock();
        inner.members.get(&id).map_or(0, |member| inner.picker.outstanding(member.slot))
    }

    /// What is known of a target; none when it is not registered.
    pub(super) fn state(&self, id: InstanceId) -> Option<TargetState> {
        self.lock().members.get(&id).map(|member| member.state)
    }

    /// The target is gone; what it still has is cut.
    pub(super) fn remove(&self, id: InstanceId) {
        let mut inner = self.lock();
        let Some(member) = inner.members.remove(&id) else { return };
        member.target.leaving.store(true, Ordering::Relaxed);
        member.target.cut.store(true, Ordering::Relaxed);
        inner.picker.remove(member.slot);
        if inner.by_key.get(&member.target.key) == Some(&member.slot) {
            inner.by_key.remove(&member.target.key);
        }
        inner.places[member.slot.index()] = None;
    }

    /// What health checks made of the target. Draining is final.
    pub(super) fn set_state(&self, id: InstanceId, state: TargetState) {
        let mut inner = self.lock();
        let Some(member) = inner.members.get_mut(&id) else { return };
        if member.state == TargetState::Draining || member.state == state {
            return;
        }
        member.state = state;
        inner.apply(id);
    }

    /// A check passed: a refused connection before it says nothing any more.
    pub(super) fn readmit(&self, id: InstanceId) {
        let mut inner = self.lock();
        if let Some(member) = inner.members.get_mut(&id).filter(|member| member.ejected) {
            member.ejected = false;
            inner.apply(id);
        }
    }

    /// The target refused a connection: it is left out until the next check that passes. True when that is new.
    pub(super) fn eject(&self, id: InstanceId) -> bool {
        let mut inner = self.lock();
        let Some(member) = inner.members.get_mut(&id).filter(|member| !member.ejected) else { return false };
        member.ejected = true;
        inner.apply(id);
        true
    }

    /// Brings shares that grow up to date. True while any does.
    pub(super) fn ramp(&self) -> bool {
        let mut inner = self.lock();
        let ramping = inner.members.iter().filter(|(_, member)| member.ramping.is_some());
        let ids: Vec<_> = ramping.map(|(&id, _)| id).collect();
        for &id in &ids {
            inner.weigh(id);
        }
        !ids.is_empty()
    }

    /// Takes over changed settings; targets and what they have in flight stay.
    pub(super) fn configure(&self, settings: &Settings) {
        let mut inner = self.lock();
        inner.picker.set_algorithm(settings.picking());
        inner.picker.set_healthy_min(settings.healthy_min);
        inner.ramp = settings.ramp();
        let ids: Vec<_> = inner.members.keys().copied().collect();
        for id in ids {
            inner.weigh(id);
        }
    }

    pub(super) fn status(&self) -> Vec<TargetStatus> {
        let inner = self.lock();
        let status = |(&id, member): (&InstanceId, &Member)| TargetStatus {
            id,
            address: member.target.address,
            weight: member.weight,
            state: member.state,
            ejected: member.ejected,
            routable: inner.picker.is_routable(member.slot),
            in_flight: inner.picker.outstanding(member.slot),
        };
        inner.members.iter().map(status).collect()
    }

    /// Every registered target.
    pub(super) fn targets(&self) -> Vec<Arc<Target>> {
        self.lock().members.values().map(|member| Arc::clone(&member.target)).collect()
    }
}

impl Inner {
    /// Tells the picker what is known of a target.
    fn apply(&mut self, id: InstanceId) {
        let healthy = self.picker.healthy();
        let Some(member) = self.members.get_mut(&id) else { return };
        let state = match member.state {
            TargetState::Healthy if member.ejected => TargetState::Unhealthy,
            state => state,
        };
        let was = self.picker.state(member.slot);
        if state == TargetState::Healthy && was != Some(TargetState::Healthy) {
            // Slow start is skipped when no other target is healthy.
            member.ramping = (healthy > 0).then(clock::now);
        }
        let slot = member.slot;
        self.weigh(id);
        self.picker.set_state(slot, state);
    }

    /// Tells the picker the target's share.
    fn weigh(&mut self, id: InstanceId) {
        let Some(member) = self.members.get_mut(&id) else { return };
        let weight = match (self.ramp, member.ramping) {
            (None, _) => {
                member.ramping = None;
                member.weight
            }
            (Some(_), None) => member.weight.saturating_mul(slow_start::SCALE),
            (Some(ramp), Some(since)) => {
                let since = clock::now().duration_since(since);
                if since >= ramp {
                    member.ramping = None;
                }
                slow_start::weight(member.weight, since, ramp)
            }
        };
        let slot = member.slot;
        self.picker.set_weight(slot, weight);
    }
}

#[cfg(test)]
mod tests;
