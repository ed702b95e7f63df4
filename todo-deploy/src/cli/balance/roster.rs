//! Which targets the balancer has, by address: what the file says, what somebody registered besides.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use super::spec::TargetSpec;
use crate::balancer::{Handle, TargetStatus};
use crate::pick::TargetState;
use crate::timeline::InstanceId;

#[derive(Debug, Clone)]
pub(super) struct Roster {
    handle: Handle,
    /// The number of the next target.
    next: Arc<Mutex<u32>>,
}

/// What became of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Registered {
    New,
    /// Its weight is now this.
    Known,
}

impl Roster {
    pub(super) fn new(handle: Handle) -> Self {
        Self { handle, next: Arc::new(Mutex::new(0)) }
    }

    pub(super) const fn handle(&self) -> &Handle {
        &self.handle
    }

    /// The target at this address that is not leaving.
    pub(super) fn find(&self, address: SocketAddr) -> Option<TargetStatus> {
        let stays =
            |target: &TargetStatus| target.address == address && target.state != TargetState::Draining;
        self.handle.targets().into_iter().find(stays)
    }

    pub(super) fn register(&self, target: &TargetSpec) -> Registered {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.find(target.address);
        let id = known.as_ref().map_or(InstanceId(*next), |known| known.id);
        // It cannot be refused: the id is new, or this address's own.
        let _ = self.handle.register(id, target.address, target.weight);
        if known.is_some() {
            return Registered::Known;
        }
        *next += 1;
        Registered::New
    }

    pub(super) fn deregister(&self, address: SocketAddr) -> bool {
        self.find(address).is_some_and(|target| self.handle.deregister(target.id))
    }

    /// Brings the targets from one list to another; those in neither stay as they are.
    pub(super) fn change(&self, before: &[TargetSpec], after: &[TargetSpec]) {
        for target in after.iter().filter(|target| !before.contains(target)) {
            self.register(target);
        }
        let named = |list: &[TargetSpec], address| list.iter().any(|target| target.address == address);
        for target in before.iter().filter(|target| !named(after, target.address)) {
            self.deregister(target.address);
        }
    }
}
