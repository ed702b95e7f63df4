//! The registered targets: what is known of each, and the totals that the algorithms need.

/// A registered target, named by its place and by how often that place was given away before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot {
    pub(super) index: u32,
    pub(super) generation: u32,
}

impl Slot {
    /// The place: small, and used again after the target left.
    #[must_use]
    pub const fn index(self) -> usize {
        self.index as usize
    }
}

/// What a balancer knows of a target before it routes to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// What identifies the target across restarts of the balancer, hashed: its place on the ring.
    pub key: u64,
    /// Its share of the traffic relative to the others; at least 1.
    pub weight: u32,
}

/// What health checks and deregistration made of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TargetState {
    /// Registered, no check passed yet.
    #[default]
    Initial,
    /// Gets requests.
    Healthy,
    /// Gets requests only when too few targets are healthy.
    Unhealthy,
    /// Being deregistered: gets no new request, ever.
    Draining,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    pub(super) target: Target,
    pub(super) state: TargetState,
    pub(super) outstanding: u32,
    pub(super) generation: u32,
    pub(super) routable: bool,
    pub(super) registered: bool,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Members {
    all: Vec<Member>,
    free: Vec<u32>,
    healthy: u32,
    /// Requests outstanding at routable targets, and those targets' weights together.
    outstanding: u64,
    weight: u64,
}

impl Members {
    pub(super) fn add(&mut self, target: Target) -> Slot {
        let target = Target { weight: target.weight.max(1), ..target };
        let fresh = Member {
            target,
            state: TargetState::Initial,
            outstanding: 0,
            generation: 0,
            routable: false,
            registered: true,
        };
        if let Some(index) = self.free.pop() {
            let member = &mut self.all[index as usize];
            *member = Member { generation: member.generation, ..fresh };
            return self.slot(index);
        }
        self.all.push(fresh);
        self.slot(u32::try_from(self.all.len() - 1).unwrap_or(u32::MAX))
    }

    /// The target leaves; its place is free when its last request is released.
    pub(super) fn remove(&mut self, slot: Slot) {
        let Some(member) = self.get_mut(slot) else { return };
        member.registered = false;
        if member.outstanding == 0 {
            self.vacate(slot.index);
        }
    }

    fn vacate(&mut self, index: u32) {
        self.all[index as usize].generation += 1;
        self.free.push(index);
    }

    pub(super) fn slot(&self, index: u32) -> Slot {
        Slot { index, generation: self.at(index).generation }
    }

    pub(super) fn at(&self, index: u32) -> &Member {
        &self.all[index as usize]
    }

    /// The member in this slot, registered or still answering its last requests.
    pub(super) fn known(&self, slot: Slot) -> Option<&Member> {
        self.all.get(slot.index as usize).filter(|m| m.generation == slot.generation)
    }

    pub(super) fn get(&self, slot: Slot) -> Option<&Member> {
        self.known(slot).filter(|m| m.registered)
    }

    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut Member> {
        self.all.get_mut(slot.index as usize).filter(|m| m.generation == slot.generation && m.registered)
    }

    pub(super) fn indices(&self) -> Vec<u32> {
        (0..).zip(&self.all).filter(|(_, m)| m.registered).map(|(i, _)| i).collect()
    }

    /// True when the state changed.
    pub(super) fn set_state(&mut self, slot: Slot, state: TargetState) -> bool {
        let Some(member) = self.get_mut(slot) else { return false };
        let was = std::mem::replace(&mut member.state, state);
        self.healthy += u32::from(state == TargetState::Healthy);
        self.healthy -= u32::from(was == TargetState::Healthy);
        was != state
    }

    pub(super) fn set_routable(&mut self, index: u32, routable: bool) {
        let member = &mut self.all[index as usize];
        member.routable = routable;
        if routable {
            self.outstanding += u64::from(member.outstanding);
            self.weight += u64::from(member.target.weight);
        } else {
            self.outstanding -= u64::from(member.outstanding);
            self.weight -= u64::from(member.target.weight);
        }
    }

    pub(super) fn started(&mut self, index: u32) {
        let member = &mut self.all[index as usize];
        member.outstanding += 1;
        self.outstanding += u64::from(member.routable);
    }

    /// True when the target may be chosen again and its load matters to the strategy.
    pub(super) fn finished(&mut self, slot: Slot) -> bool {
        let Some(member) = self.all.get_mut(slot.index as usize) else { return false };
        if member.generation != slot.generation || member.outstanding == 0 {
            debug_assert!(false, "a request was released twice, or to a target that never had it");
            return false;
        }
        member.outstanding -= 1;
        self.outstanding -= u64::from(member.routable);
        if !member.registered && member.outstanding == 0 {
            self.vacate(slot.index);
            return false;
        }
        member.routable
    }

    pub(super) const fn healthy(&self) -> u32 {
        self.healthy
    }

    /// Whether a target holds less than `percent` of its fair share of all requests at routable targets, the
    /// next one included. Above 100 percent at least one target always does.
    pub(super) fn is_below_bound(&self, index: u32, percent: u32) -> bool {
        let member = self.at(index);
        // outstanding < percent/100 · (all + 1) · weight/weights, without the divisions.
        let held = u128::from(member.outstanding) * 100 * u128::from(self.weight);
        let share = u128::from(percent.max(101)) * u128::from(self.outstanding + 1);
        held < share * u128::from(member.target.weight)
    }
}
