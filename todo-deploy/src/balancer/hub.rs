//! What all threads of a balancer share.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use super::event::Event;
use super::fleet::Fleet;
use super::log::Log;
use super::settings::Settings;
use super::stats::Sharded;

#[derive(Debug)]
pub(super) struct Hub {
    pub(super) fleet: Arc<Fleet>,
    pub(super) total: Sharded,
    /// Client connections that are open.
    connections: AtomicUsize,
    /// Client connections that were open when the time to end was over.
    pub(super) cut: AtomicUsize,
    settings: Mutex<Arc<Settings>>,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) log: Log,
}

impl Hub {
    pub(super) fn new(settings: Settings, events: mpsc::Sender<Event>, log: Log) -> Self {
        Self {
            fleet: Arc::new(Fleet::new(&settings)),
            total: Sharded::new(settings.workers),
            connections: AtomicUsize::new(0),
            cut: AtomicUsize::new(0),
            settings: Mutex::new(Arc::new(settings)),
            events,
            log,
        }
    }

    pub(super) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn set_settings(&self, settings: Arc<Settings>) {
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Counts one connection more, while the result lives.
    pub(super) fn connected(self: &Arc<Self>) -> Connected {
        self.connections.fetch_add(1, Ordering::Relaxed);
        Connected(Arc::clone(self))
    }
}

/// A client's connection is open.
#[derive(Debug)]
pub(super) struct Connected(Arc<Hub>);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
