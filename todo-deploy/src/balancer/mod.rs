//! The load balancer: HTTP requests or TCP connections over a fleet of targets, with an Application Load
//! Balancer's semantics, at the cost of `HAProxy`.
//!
//! It can be used without anything else of this crate but [`crate::pick`], the health rules of
//! [`crate::engine`] and the names in [`crate::timeline`]. It decides nothing about the fleet: somebody
//! registers targets and takes them away, and, under [`Authority::Outside`], says which are healthy.
//!
//! Threads: each worker has a runtime of its own and carries connections from accept to close; one more thread
//! runs checks and drains. The listening sockets are shared between the workers rather than opened by each with
//! `SO_REUSEPORT`: whoever is idle accepts, what is queued when the balancer ends is still accepted, and a second
//! balancer on the same port fails to start instead of getting half of the traffic.
//!
//! After AWS's Application Load Balancer guide (target groups, listeners, troubleshooting, X-Forwarded headers,
//! sticky sessions, HTTP desync mitigation). Left out: rules, several target groups, HTTP/2 and gRPC, zones,
//! authentication, anomaly mitigation, cross-zone shifts.

mod buffer;
mod clock;
mod connect;
mod control;
mod entrance;
mod event;
mod exchange;
mod fleet;
mod handle;
mod http;
mod hub;
mod log;
pub(crate) mod message;
mod metrics;
mod network;
mod pipe;
mod pool;
mod probe;
pub mod settings;
mod stats;
mod sticky;
mod stream;
mod tls;
mod worker;

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;

use control::Command;
use entrance::Entrance;
use event::EVENTS_MAX;
pub use event::Event;
pub use fleet::TargetStatus;
pub use handle::{Handle, Refused, Stats};
use hub::Hub;
use log::Log;
pub use settings::{Authority, Settings};
pub use stats::{Counts, Latency};
use worker::Order;

/// A running balancer. Dropping it ends it at once; [`Balancer::shutdown`] ends it well.
#[derive(Debug)]
pub struct Balancer {
    handle: Handle,
    events: mpsc::Receiver<Event>,
    threads: Vec<std::thread::JoinHandle<()>>,
    /// Writes the access log; ends after all others.
    writer: Option<std::thread::JoinHandle<()>>,
}

impl Balancer {
    /// Listens and starts the threads; there are no targets yet.
    ///
    /// # Errors
    /// When an address cannot be listened on (it is named), or the system has no thread left.
    pub fn start(settings: Settings) -> io::Result<Self> {
        let listeners = settings.listeners.iter().map(Entrance::open).collect::<io::Result<Vec<_>>>()?;
        let (events, reader) = mpsc::channel(EVENTS_MAX);
        let count = settings.workers.max(1);
        let (log, writer) = Log::start(&settings.access_log)?;
        let hub = Arc::new(Hub::new(settings, events, log));
        let (mut threads, mut workers) = (Vec::new(), Vec::new());
        for number in 0..count {
            let (sender, orders) = mpsc::unbounded_channel();
            for (socket, entrance) in &listeners {
                let _ = sender.send(Order::Listen(socket.try_clone()?, Arc::clone(entrance)));
            }
            threads.push(worker::start(Arc::clone(&hub), number, orders)?);
            workers.push(sender);
        }
        let (control, commands) = mpsc::unbounded_channel();
        threads.push(control::start(Arc::clone(&hub), workers.clone(), commands)?);
        let entrances = listeners.into_iter().map(|(_, entrance)| entrance).collect();
        let handle = Handle { hub, workers, control, entrances: Arc::new(Mutex::new(entrances)) };
        Ok(Self { handle, events: reader, threads, writer: Some(writer) })
    }

    /// To talk to it, from any thread.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// What happens to its targets. Under [`Authority::Outside`] it has to be read: checks wait for a reader
    /// that lags by more than a thousand events.
    pub const fn events(&mut self) -> &mut mpsc::Receiver<Event> {
        &mut self.events
    }

    /// Stops accepting, lets requests that are in flight finish for `grace`, and ends. Blocks until then. True:
    /// nothing had to be cut.
    pub fn shutdown(mut self, grace: Duration) -> bool {
        self.stop(clock::now() + grace);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        self.handle.hub.log.end();
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
        self.handle.hub.cut.load(Ordering::Relaxed) == 0
    }

    fn stop(&self, deadline: tokio::time::Instant) {
        for worker in &self.handle.workers {
            let _ = worker.send(Order::Stop(deadline));
        }
        let _ = self.handle.control.send(Command::Stop);
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.stop(clock::now());
    }
}

#[cfg(test)]
mod tests;
