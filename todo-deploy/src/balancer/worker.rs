//! One thread that carries traffic: its runtime, its connections, its pool, its buffers. What it shares with
//! others lies in the [`Hub`].

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Poll, Waker};
use std::time::Duration;

use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::buffer::Buffers;
use super::entrance::Entrance;
use super::exchange::{self, Dates};
use super::http::scan::Field;
use super::hub::Hub;
use super::network;
use super::pool::Pool;
use super::settings::{Mode, Settings};
use super::{clock, event::Event};
use crate::pick::hash::mix;
use crate::timeline::InstanceId;

/// What a worker is told.
#[derive(Debug)]
pub(super) enum Order {
    /// Accept connections here, too.
    Listen(std::net::TcpListener, Arc<Entrance>),
    /// Accept no more there.
    Leave(Arc<Entrance>),
    /// Keep no connection to this target.
    Forget(InstanceId),
    /// A target's time is over: requests at it look again.
    Wake,
    Configure(Arc<Settings>),
    /// Accept nothing more, finish what there is until then, and end.
    Stop(Instant),
}

#[derive(Debug)]
pub(super) struct Worker {
    pub(super) hub: Arc<Hub>,
    /// Its place in sharded counters.
    pub(super) number: usize,
    settings: RefCell<Arc<Settings>>,
    pub(super) pool: Pool,
    pub(super) buffers: Buffers,
    /// Room for the fields of a head while it is looked at.
    pub(super) fields: RefCell<Vec<Field>>,
    /// Lines for the access log that are not handed on yet.
    pub(super) page: RefCell<Vec<u8>>,
    pub(super) dates: RefCell<Dates>,
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

impl Listed {
    /// This task is the connection's: it is woken when something changes that it does not wait for.
    pub(super) async fn is_mine(&self) {
        let waker = std::future::poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        self.worker.connections.borrow_mut().insert(self.number, waker);
    }
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

    /// Takes over what was changed; nearly always that is nothing.
    pub(super) fn refresh(&self, settings: &mut Arc<Settings>) {
        let current = self.settings.borrow();
        if !Arc::ptr_eq(settings, &current) {
            *settings = Arc::clone(&current);
        }
    }

    /// The balancer ends: idle connections close, busy ones after their request.
    pub(super) fn is_leaving(&self) -> bool {
        self.leaving.get()
    }

    /// No more connections may be open.
    fn is_full(&self) -> bool {
        self.hub.connections() >= self.settings.borrow().limits.connections
    }

    /// 64 bits that nobody needs to be unable to guess.
    pub(super) fn draw(&self) -> u64 {
        let next = self.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.random.set(next);
        mix(next)
    }

    /// The worker does not end before this connection has.
    fn list(self: &Rc<Self>) -> Listed {
        let number = self.draw();
        self.connections.borrow_mut().insert(number, Waker::noop().clone());
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
    thread(format!("balancer-{number}"), move || run(hub, number, orders))
}

/// Runs a future in a runtime and thread of its own.
///
/// # Errors
/// When the system has no thread or no event queue left.
pub(super) fn thread<F: Future<Output = ()>>(
    name: String,
    make: impl FnOnce() -> F + Send + 'static,
) -> io::Result<std::thread::JoinHandle<()>> {
    // A local runtime may not leave its thread, so that thread says whether it could be made.
    let (said, made) = std::sync::mpsc::sync_channel(1);
    let thread = std::thread::Builder::new().name(name).spawn(move || match Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default())
    {
        Ok(runtime) => {
            let _ = said.send(Ok(()));
            runtime.block_on(make());
        }
        Err(error) => {
            let _ = said.send(Err(error));
        }
    })?;
    made.recv().unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))?;
    Ok(thread)
}

async fn run(hub: Arc<Hub>, number: usize, mut orders: mpsc::UnboundedReceiver<Order>) {
    let seed = clock::wall().as_nanos() as u64 ^ mix(std::ptr::from_ref(&orders).addr() as u64);
    let settings = RefCell::new(hub.settings());
    let worker = Rc::new(Worker {
        hub,
        number,
        settings,
        pool: Pool::default(),
        buffers: Buffers::default(),
        fields: RefCell::default(),
        page: RefCell::default(),
        dates: RefCell::default(),
        connections: RefCell::default(),
        ended: Notify::new(),
        leaving: Cell::new(false),
        random: Cell::new(seed),
    });
    let sweeper = tokio::task::spawn_local(sweep(Rc::clone(&worker)));
    let mut entrances: Vec<Accepting> = Vec::new();
    let mut deadline = clock::now();
    while let Some(order) = orders.recv().await {
        match order {
            Order::Listen(listener, entrance) => {
                if let Ok(listener) = TcpListener::from_std(listener) {
                    entrances.push(Accepting::start(&worker, listener, entrance));
                }
            }
            Order::Leave(left) => {
                let leaves = |accepting: &mut Accepting| Arc::ptr_eq(&accepting.entrance, &left);
                entrances.extract_if(.., leaves).for_each(|accepting| accepting.end(&worker));
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
    entrances.into_iter().for_each(|accepting| accepting.end(&worker));
    worker.wake_all();
    let empty = async {
        while !worker.connections.borrow().is_empty() {
            worker.ended.notified().await;
        }
    };
    clock::by(deadline, empty).await;
    worker.hub.cut.fetch_add(worker.connections.borrow().len(), Ordering::Relaxed);
    sweeper.abort();
    worker.hub.log.page(&mut worker.page.borrow_mut());
}

async fn sweep(worker: Rc<Worker>) {
    loop {
        clock::until(clock::now() + SWEEP).await;
        let limit = worker.settings.borrow().timeouts.idle;
        worker.pool.sweep(clock::now(), limit);
        worker.hub.log.page(&mut worker.page.borrow_mut());
    }
}

/// A listener that connections are accepted from.
struct Accepting {
    entrance: Arc<Entrance>,
    listener: Rc<TcpListener>,
    task: JoinHandle<()>,
}

impl Accepting {
    fn start(worker: &Rc<Worker>, listener: TcpListener, entrance: Arc<Entrance>) -> Self {
        let listener = Rc::new(listener);
        let accepting = accept(Rc::clone(worker), Rc::clone(&listener), Arc::clone(&entrance));
        Self { entrance, listener, task: tokio::task::spawn_local(accepting) }
    }

    /// Accepts no more, but what the system has accepted for us already: closing would reset those.
    fn end(self, worker: &Rc<Worker>) {
        self.task.abort();
        let listener = SockRef::from(&*self.listener);
        while !worker.is_full()
            && let Ok((stream, peer)) = listener.accept()
        {
            let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream.into()));
            if let (Ok(stream), Some(peer)) = (stream, peer.as_socket()) {
                welcome(worker, stream, peer, &self.entrance);
            }
        }
    }
}

async fn accept(worker: Rc<Worker>, listener: Rc<TcpListener>, entrance: Arc<Entrance>) {
    loop {
        if worker.is_full() {
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
    let (listed, worker, entrance) = (worker.list(), Rc::clone(worker), Arc::clone(entrance));
    let network = worker.settings.borrow().mode == Mode::Network;
    tokio::task::spawn_local(async move {
        listed.is_mine().await;
        if network {
            network::serve(worker, stream, peer, entrance).await;
        } else {
            exchange::serve(worker, stream, peer, entrance).await;
        }
        drop((listed, connected));
    });
}
