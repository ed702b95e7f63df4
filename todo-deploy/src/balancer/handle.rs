//! What others may ask of a running balancer, from any thread.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use super::control::Command;
use super::entrance::Entrance;
use super::fleet::TargetStatus;
use super::hub::Hub;
use super::log;
use super::settings::{Listener, Settings};
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
    pub(super) entrances: Arc<Mutex<Vec<Arc<Entrance>>>>,
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
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let entrances = self.entrances.lock().unwrap_or_else(PoisonError::into_inner);
        entrances.iter().map(|entrance| entrance.address).collect()
    }

    /// The listeners that are open, as they were asked for.
    #[must_use]
    pub fn listeners(&self) -> Vec<Listener> {
        let entrances = self.entrances.lock().unwrap_or_else(PoisonError::into_inner);
        entrances.iter().map(|entrance| entrance.listener.clone()).collect()
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

    /// Opens the access log's file again: the one before was moved away.
    ///
    /// # Errors
    /// When it cannot be opened. Then lines go on into the one before.
    pub fn reopen_log(&self) -> io::Result<()> {
        self.hub.log.switch(log::open(&self.hub.settings().access_log)?);
        Ok(())
    }

    /// Takes over changed settings: requests that begin from now on see them, listeners that are not wanted any
    /// more close, new ones open, certificates are read again, checks begin anew if theirs changed. Mode and
    /// workers stay as they were at the start.
    ///
    /// # Errors
    /// When a new listener or access log cannot be opened or a certificate not be used. Then nothing has changed.
    pub fn configure(&self, settings: Settings) -> io::Result<()> {
        let before = self.hub.settings();
        let changed = before.access_log != settings.access_log;
        let log = changed.then(|| log::open(&settings.access_log)).transpose()?;
        self.listen(&settings.listeners)?;
        let settings = Arc::new(settings);
        self.hub.set_settings(Arc::clone(&settings));
        let picking = |settings: &Settings| (settings.picking(), settings.ramp(), settings.healthy_min);
        if picking(&before) != picking(&settings) {
            self.hub.fleet.configure(&settings);
        }
        for worker in &self.workers {
            let _ = worker.send(Order::Configure(Arc::clone(&settings)));
        }
        if let Some(log) = log {
            self.hub.log.switch(log);
        }
        if before.checks != settings.checks || before.authority != settings.authority {
            let _ = self.control.send(Command::Configured);
        }
        Ok(())
    }

    /// Opens and closes listeners so that these are open.
    fn listen(&self, wanted: &[Listener]) -> io::Result<()> {
        let mut entrances = self.entrances.lock().unwrap_or_else(PoisonError::into_inner);
        let open = |listener: &Listener| entrances.iter().find(|entrance| entrance.listener == *listener);
        let mut opened = Vec::new();
        for listener in wanted.iter().filter(|listener| open(listener).is_none()) {
            opened.push(Entrance::open(listener)?);
        }
        for entrance in wanted.iter().filter_map(open) {
            entrance.renew()?;
        }
        for worker in &self.workers {
            for (socket, entrance) in &opened {
                let _ = worker.send(Order::Listen(socket.try_clone()?, Arc::clone(entrance)));
            }
        }
        let (stay, leave): (Vec<_>, Vec<_>) =
            entrances.drain(..).partition(|entrance| wanted.contains(&entrance.listener));
        for (worker, left) in
            self.workers.iter().flat_map(|worker| leave.iter().map(move |left| (worker, left)))
        {
            let _ = worker.send(Order::Leave(Arc::clone(left)));
        }
        *entrances = stay;
        entrances.extend(opened.into_iter().map(|(_, entrance)| entrance));
        entrances.sort_by_key(|entrance| wanted.iter().position(|listener| *listener == entrance.listener));
        Ok(())
    }
}

/// Why a target was not registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("a target with this id is registered at another address, or is leaving")]
    Taken,
}
