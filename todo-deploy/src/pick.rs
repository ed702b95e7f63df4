//! Which target gets the next request: the routing algorithms, pure, shared by the real balancer and the
//! simulator.
//!
//! A [`Picker`] knows its registered targets, their state and how many requests each has outstanding; it holds
//! no clock, no socket and no randomness of its own (a [`Choice`] brings a hash and a draw). Every pick costs
//! O(1) or O(log targets), so a thousand targets route as fast as four.
//!
//! Modelled on the Application Load Balancer's guide (target groups: routing algorithms, sticky sessions, slow
//! start, target group health): requests, not connections, are counted; an unhealthy target gets traffic only
//! when fewer than `healthy_min` are healthy (fail-open: every registered target but the draining ones); a
//! draining target never gets a new request, not even a sticky one. Left out: anomaly mitigation and zones.

pub mod hash;
pub mod heap;
mod member;
mod ring;
mod shares;
pub mod slow_start;
mod strategy;
#[cfg(test)]
mod tests;
mod turns;

use member::{Member, Members};
pub use member::{Slot, Target, TargetState};
use strategy::Strategy;

/// How a target is chosen among those that may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Algorithm {
    /// In turn, in proportion to weight (stride scheduling, which with equal weights is plain round robin).
    #[default]
    RoundRobin,
    /// The fewest outstanding requests, whatever the weights; among equals the one waiting longest.
    LeastOutstanding,
    /// The least `(outstanding + 1) / weight`; among equals the one waiting longest.
    WeightedLeastConnections,
    /// The target that owns the client's place on a hash ring, unless it has too much to do already.
    ConsistentHash {
        /// A target may hold this percentage of its fair share of all outstanding requests before the next
        /// one on the ring is asked (“consistent hashing with bounded loads”, Mirrokni et al. 2016; 125 is
        /// their and `HAProxy`'s usual value). Values below 101 mean 101.
        load_percent: u32,
    },
    /// At random, in proportion to weight.
    WeightedRandom,
}

/// What one request brings to the choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Choice {
    /// The hash of what consistent hashing looks at: a header, cookie, path or address ([`hash::hash_bytes`]).
    pub hash: u64,
    /// 64 random bits, for [`Algorithm::WeightedRandom`].
    pub draw: u64,
    /// The target that this client's stickiness cookie names, if it still names one.
    pub sticky: Option<Slot>,
}

/// The registered targets of one balancer and the algorithm that chooses among them.
#[derive(Debug, Clone)]
pub struct Picker {
    members: Members,
    strategy: Strategy,
    healthy_min: u32,
    /// Fewer than `healthy_min` are healthy, so all but the draining are routable.
    open: bool,
}

impl Picker {
    /// A balancer without targets that fails open when fewer than `healthy_min` targets are healthy.
    #[must_use]
    pub fn new(algorithm: Algorithm, healthy_min: u32) -> Self {
        Self {
            members: Members::default(),
            strategy: Strategy::new(algorithm),
            healthy_min,
            open: healthy_min > 0,
        }
    }

    /// Registers a target in [`TargetState::Initial`].
    pub fn add(&mut self, target: Target) -> Slot {
        let slot = self.members.add(target);
        self.refresh(slot.index);
        slot
    }

    /// Deregisters a target at once. Its outstanding requests stay known until each is released.
    pub fn remove(&mut self, slot: Slot) {
        if self.members.get(slot).is_none() {
            return;
        }
        self.set_state(slot, TargetState::Draining);
        self.members.remove(slot);
    }

    /// Records what the health checks or a deregistration made of the target.
    pub fn set_state(&mut self, slot: Slot, state: TargetState) {
        if self.members.set_state(slot, state) && !self.reopen() {
            self.refresh(slot.index);
        }
    }

    /// Fails open from now on when fewer targets than this are healthy.
    pub fn set_healthy_min(&mut self, healthy_min: u32) {
        self.healthy_min = healthy_min;
        self.reopen();
    }

    /// Looks whether too few are healthy; true when that has changed, and every member with it.
    fn reopen(&mut self) -> bool {
        let open = self.members.healthy() < self.healthy_min;
        if open == self.open {
            return false;
        }
        self.open = open;
        for index in self.members.indices() {
            self.refresh(index);
        }
        true
    }

    /// Changes a target's weight; zero counts as one, because "no traffic" is a state, not a weight.
    pub fn set_weight(&mut self, slot: Slot, weight: u32) {
        let Some(member) = self.members.get_mut(slot) else { return };
        let weight = weight.max(1);
        if member.target.weight == weight {
            return;
        }
        let routable = member.routable;
        if routable {
            self.withdraw(slot.index);
        }
        if let Some(member) = self.members.get_mut(slot) {
            member.target.weight = weight;
        }
        if routable {
            self.offer(slot.index);
        }
    }

    /// Chooses a target and counts the request as outstanding there. `None`: no target is registered, which
    /// the balancer answers with 503.
    pub fn pick(&mut self, choice: &Choice) -> Option<Slot> {
        let sticky = choice.sticky.filter(|&slot| self.members.get(slot).is_some_and(|m| m.routable));
        let index = match sticky {
            Some(slot) => slot.index,
            None => self.strategy.choose(choice, &self.members)?,
        };
        self.members.started(index);
        self.strategy.started(index, self.members.at(index));
        Some(self.members.slot(index))
    }

    /// As [`Picker::pick`], but never `not`: for a request that this target has just failed. `None`: there is
    /// no other.
    pub fn pick_other(&mut self, choice: &Choice, not: Slot) -> Option<Slot> {
        let hidden = self.is_routable(not);
        if hidden {
            self.withdraw(not.index);
        }
        let picked = self.pick(choice);
        if hidden {
            self.offer(not.index);
        }
        picked
    }

    /// Goes on with another algorithm; targets, states and outstanding requests stay.
    pub fn set_algorithm(&mut self, algorithm: Algorithm) {
        self.strategy = Strategy::new(algorithm);
        for index in self.members.indices() {
            let member = self.members.at(index);
            if member.routable {
                self.strategy.enter(index, member);
            }
        }
    }

    /// Takes back a request that [`Picker::pick`] gave to this target.
    pub fn release(&mut self, slot: Slot) {
        if self.members.finished(slot) {
            self.strategy.finished(slot.index, self.members.at(slot.index));
        }
    }

    /// Requests that the target has not answered yet; zero for one that is gone.
    #[must_use]
    pub fn outstanding(&self, slot: Slot) -> u32 {
        self.members.known(slot).map_or(0, |member| member.outstanding)
    }

    /// The target's state, while it is registered.
    #[must_use]
    pub fn state(&self, slot: Slot) -> Option<TargetState> {
        self.members.get(slot).map(|member| member.state)
    }

    /// Whether a new request may go to this target now.
    #[must_use]
    pub fn is_routable(&self, slot: Slot) -> bool {
        self.members.get(slot).is_some_and(|member| member.routable)
    }

    /// How many targets are healthy.
    #[must_use]
    pub const fn healthy(&self) -> u32 {
        self.members.healthy()
    }

    /// Whether too few targets are healthy, so that unhealthy ones get traffic as well.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.open
    }

    /// Brings the strategy's view of one member in line with its state.
    fn refresh(&mut self, index: u32) {
        let Member { state, routable, .. } = *self.members.at(index);
        let wanted = match state {
            TargetState::Healthy => true,
            TargetState::Initial | TargetState::Unhealthy => self.open,
            TargetState::Draining => false,
        };
        match (routable, wanted) {
            (false, true) => self.offer(index),
            (true, false) => self.withdraw(index),
            _ => {}
        }
    }

    fn offer(&mut self, index: u32) {
        self.members.set_routable(index, true);
        self.strategy.enter(index, self.members.at(index));
    }

    fn withdraw(&mut self, index: u32) {
        self.members.set_routable(index, false);
        self.strategy.leave(index);
    }
}
