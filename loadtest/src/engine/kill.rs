//! Cutting iterations that outlive their time, at the cost of one flag per VU rather than one timer per iteration.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::task::{Poll, Waker};
use std::time::Instant;

use tokio::sync::Notify;

use crate::net::h1::now;

/// Whether what a VU runs at the moment has to end.
#[derive(Debug)]
pub struct Kill {
    killed: Cell<bool>,
    deadline: Cell<Instant>,
    waker: RefCell<Option<Waker>>,
}

/// How a future under a [`Kill`] ended.
#[derive(Debug)]
pub enum Ran<T> {
    /// It finished; `waited` says whether it ever gave way to others.
    Finished {
        value: T,
        waited: bool,
    },
    Killed,
}

impl Kill {
    /// Due at `deadline`, once [`Reaper::watch`] knows of it.
    pub fn new(deadline: Instant) -> Rc<Self> {
        Rc::new(Self { killed: Cell::new(false), deadline: Cell::new(deadline), waker: RefCell::new(None) })
    }

    pub fn is_killed(&self) -> bool {
        self.killed.get()
    }

    /// Lets something run under it again.
    pub fn revive(&self) {
        self.killed.set(false);
    }

    /// Ends what runs under it.
    pub fn kill(&self) {
        self.killed.set(true);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Runs `future` until it ends or is killed; then it is dropped.
    pub async fn run<F: Future>(&self, future: F) -> Ran<F::Output> {
        let mut future = pin!(future);
        let mut waited = false;
        poll_fn(|cx| {
            if self.killed.get() {
                return Poll::Ready(Ran::Killed);
            }
            if let Poll::Ready(value) = future.as_mut().poll(cx) {
                return Poll::Ready(Ran::Finished { value, waited });
            }
            waited = true;
            let mut waker = self.waker.borrow_mut();
            if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                *waker = Some(cx.waker().clone());
            }
            Poll::Pending
        })
        .await
    }
}

/// One per thread: knows all deadlines and keeps the only timer for them.
#[derive(Debug, Default)]
pub struct Reaper {
    due: RefCell<BTreeMap<(Instant, u64), Weak<Kill>>>,
    next_id: Cell<u64>,
    changed: Notify,
}

impl Reaper {
    /// Kills `kill` at its deadline. Forgotten with the last handle on it.
    pub fn watch(&self, kill: &Rc<Kill>) {
        let id = self.next_id.get();
        self.next_id.set(id + 1);
        self.due.borrow_mut().insert((kill.deadline.get(), id), Rc::downgrade(kill));
        self.changed.notify_one();
    }

    /// Moves a deadline, both ways.
    pub fn postpone(&self, kill: &Rc<Kill>, deadline: Instant) {
        kill.deadline.set(deadline);
        self.watch(kill);
    }

    /// All deadlines become no later than `deadline`.
    pub fn hurry(&self, deadline: Instant) {
        let mut due = self.due.borrow_mut();
        for ((at, id), kill) in std::mem::take(&mut *due) {
            if let Some(alive) = kill.upgrade() {
                alive.deadline.set(alive.deadline.get().min(deadline));
                due.insert((at.min(deadline), id), kill);
            }
        }
        self.changed.notify_one();
    }

    /// Kills everything that it watches.
    pub fn kill_all(&self) {
        let all = std::mem::take(&mut *self.due.borrow_mut());
        all.into_values().filter_map(|kill| kill.upgrade()).for_each(|kill| kill.kill());
    }

    /// Runs for ever.
    pub async fn run(&self) {
        loop {
            let first = self.due.borrow().keys().next().map(|(at, _)| *at);
            match first {
                None => self.changed.notified().await,
                Some(at) => {
                    tokio::select! {
                        () = self.changed.notified() => {}
                        () = tokio::time::sleep_until(at.into()) => self.reap(),
                    }
                }
            }
        }
    }

    fn reap(&self) {
        let at = now();
        let mut due = self.due.borrow_mut();
        while let Some(entry) = due.first_entry()
            && entry.key().0 <= at
        {
            // A deadline that was moved has another entry for its new time.
            if let Some(kill) = entry.remove().upgrade().filter(|kill| kill.deadline.get() <= at) {
                kill.kill();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_future_that_hangs_is_cut_and_others_are_not() {
        let reaper = Rc::new(Reaper::default());
        let local = tokio::task::LocalSet::new();
        local
            .run_until(async {
                let driver = tokio::task::spawn_local({
                    let reaper = Rc::clone(&reaper);
                    async move { reaper.run().await }
                });
                let kill = Kill::new(now());
                reaper.watch(&kill);
                assert!(matches!(kill.run(std::future::pending::<()>()).await, Ran::Killed));
                let later = Kill::new(now() + Duration::from_secs(3600));
                reaper.watch(&later);
                let quick = later.run(async { 5 }).await;
                assert!(matches!(quick, Ran::Finished { value: 5, waited: false }));
                reaper.hurry(now());
                assert!(matches!(later.run(std::future::pending::<()>()).await, Ran::Killed));
                driver.abort();
            })
            .await;
    }
}
