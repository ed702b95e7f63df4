//! What others may ask of a running balancer, from any thread.

use std::net::SocketAddr;
use std::sync::Arc;

use std::collections::BTreeMap;

use tokio::sync::mpsc;

use super::control::Command;
use super::fleet::TargetStatus;
use super::hub::Hub;
use super::settings::Settings;
use super::stats::Counts;
use super::worker::Order;
use crate::pick::TargetState;
use crate::timeline::InstanceId;

/// A running balancer, from outside. Cheap to clone; all of it can be called from any thread and returns at once.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(super) hub: Arc<Hub>,
    pub(super) workers: Vec<mpsc::UnboundedSender<Order>>,
    pub(super) control: mpsc::UnboundedSender<Command>,
    pub(super) addresses: Arc<[SocketAddr]>,
}

/// Cumulative counts since the start.
#[derive(Debug, Clone, PartialEq)]
pub struct Stats {
    /// All requests, those that no target got included.
    pub total: Counts,
    /// By registered target. One that left takes its counts with it; in `total` they stay.
    pub targets: BTreeMap<InstanceId, Counts>,
    /// Client connections that are open now.
    pub connections: usize,
}

impl Handle {
    /// Where the listeners listen, in the order of the settings.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Registers a target, or changes the weight of one that is registered. Checks begin at once.
    ///
    /// # Errors
    /// When this id is registered at another address, or is leaving.
    pub fn register(&self, id: InstanceId, address: SocketAddr, weight: u32) -> Result<(), Refused> {
        let known = self.hub.fleet.state(id).is_some();
        let target = self.hub.fleet.register(id, address, weight).ok_or(Refused::Taken)?;
        if !known {
            let _ = self.control.send(Command::Registered(target));
        }
        Ok(())
    }

    /// Begins to drain a target: it gets no new request from now on. [`super::Event::Drained`] says when it is
    /// out. False: it is not registered, or leaving already.
    pub fn deregister(&self, id: InstanceId) -> bool {
        let Some(target) = self.hub.fleet.drain(id) else { return false };
        let _ = self.control.send(Command::Leaving(target));
        true
    }

    /// Says what the checks of a target mean, where that is decided outside.
    pub fn set_state(&self, id: InstanceId, state: TargetState) {
        self.hub.fleet.set_state(id, state);
    }

    /// Every registered target, the leaving ones included.
    #[must_use]
    pub fn targets(&self) -> Vec<TargetStatus> {
        self.hub.fleet.status()
    }

    #[must_use]
    pub fn stats(&self) -> Stats {
        let targets = self.hub.fleet.targets();
        Stats {
            total: self.hub.total.snapshot(),
            targets: targets.iter().map(|target| (target.id, target.counters.snapshot())).collect(),
            connections: self.hub.connections(),
        }
    }

    /// Takes over changed settings: requests that begin from now on see them, and checks begin anew if theirs
    /// changed. Mode, listeners and workers stay as they were at the start.
    pub fn configure(&self, settings: Settings) {
        let before = self.hub.settings();
        let settings = Arc::new(settings);
        self.hub.set_settings(Arc::clone(&settings));
        if before.picking() != settings.picking() || before.ramp() != settings.ramp() {
            self.hub.fleet.configure(&settings);
        }
        for worker in &self.workers {
            let _ = worker.send(Order::Configure(Arc::clone(&settings)));
        }
        if before.checks != settings.checks || before.authority != settings.authority {
            let _ = self.control.send(Command::Configured);
        }
    }
}

/// Why a target was not registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("a target with this id is registered at another address, or is leaving")]
    Taken,
}
