//! A share of the CPU without any privilege: processes that have used more than theirs are stopped until it is due.
//!
//! One thread looks every ten milliseconds at what each instance's processes have used (`/proc`, exact to a clock
//! tick over time) and keeps an account that earns at the share's rate. An overdrawn account stops them (`SIGSTOP`),
//! one that is not lets them go on. Cost: microseconds per process and look.
//!
//! This file reads the clock: it measures.
#![expect(clippy::disallowed_methods, reason = "the account earns by the time that really passed")]

use std::collections::BTreeMap;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::super::procfs::{self, Stat};
use crate::timeline::InstanceId;

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Every so many looks the processes of an instance are found anew; a worker born meanwhile runs free until then.
const FIND_EVERY: u32 = 10;
/// An idle instance saves up at most this much of its share, as the kernel's quota does within its period.
const SAVED_S_MAX: f64 = 0.1;

#[derive(Debug)]
pub(super) struct Stopper {
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

enum Order {
    Watch { id: InstanceId, root: Stat, vcpus: f64 },
    Set { id: InstanceId, vcpus: f64 },
    Forget { id: InstanceId, done: Sender<()> },
}

impl Stopper {
    pub(super) fn start() -> Self {
        let (orders, inbox) = channel();
        let thread = std::thread::spawn(move || {
            let mut watched = Watched::default();
            loop {
                match inbox.recv_timeout(LOOK_EVERY) {
                    Ok(order) => watched.obey(order),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => break,
                }
                if watched.last.elapsed() >= LOOK_EVERY {
                    watched.look();
                }
            }
            watched.accounts.values_mut().for_each(Account::let_go);
        });
        Self { orders: Some(orders), thread: Some(thread) }
    }

    pub(super) fn watch(&self, id: InstanceId, root: &Stat, vcpus: f64) {
        self.tell(Order::Watch { id, root: *root, vcpus });
    }

    pub(super) fn set(&self, id: InstanceId, vcpus: f64) {
        self.tell(Order::Set { id, vcpus });
    }

    /// Lets the instance's processes go on; when this returns nothing stops them any more.
    pub(super) fn forget(&self, id: InstanceId) {
        let (done, forgotten) = channel();
        self.tell(Order::Forget { id, done });
        let _ = forgotten.recv_timeout(Duration::from_secs(1));
    }

    fn tell(&self, order: Order) {
        if let Some(orders) = &self.orders {
            let _ = orders.send(order);
        }
    }
}

impl Drop for Stopper {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[derive(Debug)]
struct Watched {
    accounts: BTreeMap<InstanceId, Account>,
    last: Instant,
    looks: u32,
}

impl Default for Watched {
    fn default() -> Self {
        Self { accounts: BTreeMap::new(), last: Instant::now(), looks: 0 }
    }
}

impl Watched {
    fn obey(&mut self, order: Order) {
        match order {
            Order::Watch { id, root, vcpus } => {
                self.accounts.insert(id, Account::new(root, vcpus));
            }
            Order::Set { id, vcpus } => {
                if let Some(account) = self.accounts.get_mut(&id) {
                    account.vcpus = vcpus;
                }
            }
            Order::Forget { id, done } => {
                if let Some(mut account) = self.accounts.remove(&id) {
                    account.let_go();
                }
                let _ = done.send(());
            }
        }
    }

    fn look(&mut self) {
        let elapsed_s = self.last.elapsed().as_secs_f64();
        self.last = Instant::now();
        let finding = !self.accounts.is_empty() && self.looks.is_multiple_of(FIND_EVERY);
        self.looks = self.looks.wrapping_add(1);
        let all = if finding { procfs::all() } else { Vec::new() };
        for account in self.accounts.values_mut() {
            if finding {
                account.find(&all);
            }
            account.look(elapsed_s);
        }
    }
}

/// One instance: its processes, and how much CPU time it may still use.
#[derive(Debug)]
struct Account {
    root: Stat,
    vcpus: f64,
    members: Vec<Stat>,
    balance_s: f64,
    last_ticks: u64,
    is_stopped: bool,
}

impl Account {
    fn new(root: Stat, vcpus: f64) -> Self {
        let (balance_s, last_ticks) = (0.0, root.ticks);
        Self { root, vcpus, members: vec![root], balance_s, last_ticks, is_stopped: false }
    }

    fn find(&mut self, all: &[Stat]) {
        let found = procfs::tree(all, self.root.pid);
        // Another process with the same id is none of ours.
        let is_ours = found.iter().any(|stat| stat.pid == self.root.pid && stat.start == self.root.start);
        self.members = if is_ours { found } else { Vec::new() };
    }

    fn look(&mut self, elapsed_s: f64) {
        let now: Vec<Stat> = self
            .members
            .iter()
            .filter_map(|known| Stat::of(known.pid).filter(|stat| stat.start == known.start))
            .collect();
        let ticks = now.iter().map(|stat| stat.ticks).sum::<u64>();
        let used_s = ticks.saturating_sub(self.last_ticks) as f64 * procfs::seconds_per_tick();
        self.last_ticks = ticks;
        self.members = now;
        self.balance_s = (self.balance_s + self.vcpus * elapsed_s - used_s).min(self.vcpus * SAVED_S_MAX);
        let must_stop = self.balance_s < 0.0;
        // A process born into a stopped instance is stopped with the next look: signals are sent again.
        if must_stop {
            self.send(Signal::STOP);
        } else if self.is_stopped {
            self.send(Signal::CONT);
        }
        self.is_stopped = must_stop;
    }

    fn let_go(&mut self) {
        if self.is_stopped {
            self.send(Signal::CONT);
            self.is_stopped = false;
        }
    }

    fn send(&self, signal: Signal) {
        self.members.iter().filter(|stat| !stat.is_zombie).for_each(|stat| procfs::signal(stat.pid, signal));
    }
}
