//! The load balancer: HTTP requests or TCP connections over a fleet of targets, with an Application Load
//! Balancer's semantics, at the cost of `HAProxy`.
//!
//! It can be used without anything else of this crate but [`crate::pick`], the health rules of
//! [`crate::engine`] and the names in [`crate::timeline`]. It decides nothing about the fleet: somebody
//! registers targets and takes them away, and, under [`Authority::Outside`], says which are healthy.
//!
//! Threads: each worker has a runtime of its own and carries connections from accept to close; one more thread
//! runs checks and drains. The listening sockets are shared between the workers rather than opened by each with
//! `SO_REUSEPORT`: whoever is idle accepts, nothing queued is lost when the balancer ends, and a second balancer
//! on the same port fails to start instead of getting half of the traffic.
//!
//! After AWS's Application Load Balancer guide (target groups, listeners, troubleshooting, X-Forwarded headers,
//! sticky sessions, HTTP desync mitigation). Left out: rules, several target groups, HTTP/2 and gRPC, zones,
//! authentication, anomaly mitigation, cross-zone shifts.

mod buffer;
mod clock;
mod control;
mod event;
mod exchange;
mod fleet;
mod handle;
mod http;
mod hub;
mod pool;
mod probe;
pub mod settings;
mod stats;
mod sticky;
mod stream;
mod worker;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::mpsc;

use control::Command;
use event::EVENTS_MAX;
pub use event::Event;
pub use fleet::TargetStatus;
pub use handle::{Handle, Refused, Stats};
use hub::Hub;
pub use settings::{Authority, Settings};
pub use stats::{Counts, Latency};
use worker::{Entrance, Order};

/// A running balancer. Dropping it ends it at once; [`Balancer::shutdown`] ends it well.
#[derive(Debug)]
pub struct Balancer {
    handle: Handle,
    events: mpsc::Receiver<Event>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;

impl Balancer {
    /// Listens and starts the threads; there are no targets yet.
    ///
    /// # Errors
    /// When an address cannot be listened on (it is named), or the system has no thread left.
    pub fn start(settings: Settings) -> io::Result<Self> {
        let mut listeners = Vec::new();
        for listener in &settings.listeners {
            let socket = listen(listener.address).map_err(|error| {
                io::Error::new(error.kind(), format!("cannot listen on {}: {error}", listener.address))
            })?;
            let address = socket.local_addr()?;
            let entrance = Entrance { address, name: address.to_string(), kind: listener.kind.clone() };
            listeners.push((socket, Arc::new(entrance)));
        }
        let (events, reader) = mpsc::channel(EVENTS_MAX);
        let count = settings.workers.max(1);
        let hub = Arc::new(Hub::new(settings, events));
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
        let addresses: Vec<SocketAddr> = listeners.iter().map(|(_, entrance)| entrance.address).collect();
        let handle = Handle { hub, workers, control, addresses: addresses.into() };
        Ok(Self { handle, events: reader, threads })
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
        self.handle.hub.connections() == 0
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

fn listen(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // So that a restart does not wait for the connections of the one before to be forgotten.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests;
