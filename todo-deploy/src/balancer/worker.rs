//! One thread that carries traffic: its runtime, its connections, its pool, its buffers. What it shares with
//! others lies in the [`Hub`].

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::buffer::Buffers;
use super::exchange;
use super::http::scan::Field;
use super::hub::Hub;
use super::pool::Pool;
use super::settings::{ListenerKind, Settings};
use super::{clock, event::Event};
use crate::pick::hash::mix;
use crate::timeline::InstanceId;

/// What a worker is told.
#[derive(Debug)]
pub(super) enum Order {
    /// Accept connections here, too.
    Listen(std::net::TcpListener, Arc<Entrance>),
    /// Keep no connection to this target.
    Forget(InstanceId),
    /// A target's time is over: requests at it look again.
    Wake,
    Configure(Arc<Settings>),
    /// Accept nothing more, finish what there is until then, and end.
    Stop(Instant),
}

/// A listener, as its connections see it.
#[derive(Debug)]
pub(super) struct Entrance {
    pub(super) address: SocketAddr,
    /// The address as text.
    pub(super) name: String,
    pub(super) kind: ListenerKind,
}

#[derive(Debug)]
pub(super) struct Worker {
    pub(super) hub: Arc<Hub>,
    settings: RefCell<Arc<Settings>>,
    pub(super) pool: Pool,
    pub(super) buffers: Buffers,
    /// Room for the fields of a head while it is looked at.
    pub(super) fields: RefCell<Vec<Field>>,
    /// To wake every connection when something changes that it does not wait for.
    connections: RefCell<HashMap<u64, Waker>>,
    /// A connection has ended.
    ended: Notify,
    leaving: Cell<bool>,
    random: Cell<u64>,
}

/// A connection in the worker's list, while it lives.
#[derive(Debug)]
pub(super) struct Listed {
    worker: Rc<Worker>,
    number: u64,
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.worker.connections.borrow_mut().remove(&self.number);
        self.worker.ended.notify_one();
    }
}

impl Worker {
    pub(super) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.borrow())
    }

    /// The balancer ends: idle connections close, busy ones after their request.
    pub(super) fn is_leaving(&self) -> bool {
        self.leaving.get()
    }

    /// 64 bits that nobody needs to be unable to guess.
    pub(super) fn draw(&self) -> u64 {
        let next = self.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.random.set(next);
        mix(next)
    }

    pub(super) fn list(self: &Rc<Self>, waker: Waker) -> Listed {
        let number = self.draw();
        self.connections.borrow_mut().insert(number, waker);
        Listed { worker: Rc::clone(self), number }
    }

    /// The target is left out until a check passes.
    pub(super) fn eject(&self, id: InstanceId) {
        if self.hub.fleet.eject(id) {
            // A reader who is that far behind learns it from the status.
            let _ = self.hub.events.try_send(Event::Ejected { id });
        }
    }

    fn wake_all(&self) {
        for waker in self.connections.borrow().values() {
            waker.wake_by_ref();
        }
    }
}

/// Pause after the system refused a connection to us, for want of file descriptors or memory.
const PAUSE: Duration = Duration::from_millis(50);
/// Between two looks at the pool.
const SWEEP: Duration = Duration::from_secs(1);

/// Starts a worker's thread.
///
/// # Errors
/// When the system has no thread or no event queue left.
pub(super) fn start(
    hub: Arc<Hub>,
    number: usize,
    orders: mpsc::UnboundedReceiver<Order>,
) -> io::Result<std::thread::JoinHandle<()>> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
    // The runtime is made in its thread because it may not leave it; this one only shows that it can be made.
    drop(runtime?);
    std::thread::Builder::new().name(format!("balancer-{number}")).spawn(move || {
        let Ok(runtime) = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())
        else {
            return;
        };
        runtime.block_on(run(hub, orders));
    })
}

async fn run(hub: Arc<Hub>, mut orders: mpsc::UnboundedReceiver<Order>) {
    let seed = clock::wall().as_nanos() as u64 ^ mix(std::ptr::from_ref(&orders).addr() as u64);
    let settings = RefCell::new(hub.settings());
    let worker = Rc::new(Worker {
        hub,
        settings,
        pool: Pool::default(),
        buffers: Buffers::default(),
        fields: RefCell::default(),
        connections: RefCell::default(),
        ended: Notify::new(),
        leaving: Cell::new(false),
        random: Cell::new(seed),
    });
    let sweeper = tokio::task::spawn_local(sweep(Rc::clone(&worker)));
    let mut entrances: Vec<JoinHandle<()>> = Vec::new();
    let mut deadline = clock::now();
    while let Some(order) = orders.recv().await {
        match order {
            Order::Listen(listener, entrance) => {
                if let Ok(listener) = TcpListener::from_std(listener) {
                    let accepting = accept(Rc::clone(&worker), listener, entrance);
                    entrances.push(tokio::task::spawn_local(accepting));
                }
            }
            Order::Forget(id) => worker.pool.forget(id),
            Order::Wake => worker.wake_all(),
            Order::Configure(settings) => {
                worker.settings.replace(settings);
            }
            Order::Stop(until) => {
                deadline = until;
                break;
            }
        }
    }
    worker.leaving.set(true);
    for entrance in entrances {
        entrance.abort();
    }
    worker.wake_all();
    let empty = async {
        while !worker.connections.borrow().is_empty() {
            worker.ended.notified().await;
        }
    };
    clock::by(deadline, empty).await;
    sweeper.abort();
}

async fn sweep(worker: Rc<Worker>) {
    loop {
        clock::until(clock::now() + SWEEP).await;
        let limit = worker.settings.borrow().timeouts.idle;
        worker.pool.sweep(clock::now(), limit);
    }
}

async fn accept(worker: Rc<Worker>, listener: TcpListener, entrance: Arc<Entrance>) {
    loop {
        if worker.hub.connections() >= worker.settings.borrow().limits.connections {
            clock::until(clock::now() + PAUSE).await;
            continue;
        }
        match listener.accept().await {
            Ok((stream, peer)) => welcome(&worker, stream, peer, &entrance),
            // The client gave up before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(_) => {
                // Out of file descriptors: idle connections to targets are the ones to spare.
                worker.pool.clear();
                clock::until(clock::now() + PAUSE).await;
            }
        }
        // The other workers may take the next one.
        tokio::task::yield_now().await;
    }
}

fn welcome(worker: &Rc<Worker>, stream: TcpStream, peer: SocketAddr, entrance: &Arc<Entrance>) {
    let _ = stream.set_nodelay(true);
    let connected = worker.hub.connected();
    let serving = exchange::serve(Rc::clone(worker), stream, peer, Arc::clone(entrance));
    tokio::task::spawn_local(async move {
        let _connected = connected;
        serving.await;
    });
}
