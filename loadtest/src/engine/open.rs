//! Open models: iterations that start when they are due, whatever the server does.
//!
//! Each thread paces its share of the iterations and prefers its own VUs; only when none of them is free it asks
//! the other threads, so that an iteration is dropped only when no VU at all is free.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use loadtest_js::LogLevel;

use super::kill::Kill;
use super::vu::{ScenarioRun, VirtualUser};
use super::worker::Worker;
use crate::net::h1::now;
use crate::pacer::Pacer;

/// Free VUs of each thread, by scenario and thread: the right to use one is taken before the VU is.
#[derive(Debug)]
pub struct Free(Vec<Vec<AtomicI64>>);

impl Free {
    pub fn new(scenarios: usize, threads: usize) -> Arc<Self> {
        Arc::new(Self((0..scenarios).map(|_| (0..threads).map(|_| AtomicI64::new(0)).collect()).collect()))
    }

    fn release(&self, scenario: usize, thread: usize) {
        self.0[scenario][thread].fetch_add(1, Ordering::AcqRel);
    }

    /// A thread with a free VU, the own one first.
    fn claim(&self, scenario: usize, own: usize) -> Option<usize> {
        let threads = &self.0[scenario];
        (0..threads.len()).map(|step| (own + step) % threads.len()).find(|thread| {
            let taken = threads[*thread]
                .fetch_update(Ordering::AcqRel, Ordering::Acquire, |free| (free > 0).then(|| free - 1));
            taken.is_ok()
        })
    }
}

/// This thread's VUs of one open scenario.
#[derive(Debug)]
pub struct Station {
    /// The one that has rested longest is next, as in k6.
    idle: RefCell<VecDeque<VirtualUser>>,
    run: Rc<ScenarioRun>,
    kill: Rc<Kill>,
}

impl Station {
    /// Takes this thread's pre-allocated VUs.
    pub fn open(worker: &Worker, run: &Rc<ScenarioRun>) -> Rc<Self> {
        let scenario = &worker.profile.scenarios[run.index];
        let kill = Kill::new(worker.epoch + scenario.end());
        worker.reaper.watch(&kill);
        let station = Rc::new(Self { idle: RefCell::default(), run: Rc::clone(run), kill });
        let planned = scenario.executor.open_vus().map_or(0, |vus| vus.pre_allocated);
        for _ in worker.share.handles(&worker.profile, run.index, planned) {
            station.add(worker);
        }
        station
    }

    fn add(&self, worker: &Worker) {
        match worker.pool.take() {
            Ok(vu) => {
                self.idle.borrow_mut().push_back(vu);
                worker.free.release(self.run.index, worker.share.thread);
            }
            Err(error) => {
                worker.shared.log(LogLevel::Error, &format!("a virtual user could not be made: {error}"), "");
            }
        }
    }

    /// Starts an iteration on a VU that has been claimed.
    pub fn start(self: &Rc<Self>, worker: &Rc<Worker>, number: u64) {
        let Some(mut vu) = self.idle.borrow_mut().pop_front() else {
            debug_assert!(false, "claimed a VU that is not there");
            return;
        };
        let guard = worker.tasks.enter();
        let (station, worker) = (Rc::clone(self), Rc::clone(worker));
        tokio::task::spawn_local(async move {
            let scenario = station.run.index;
            worker.shared.live.enter(scenario);
            // Whether it was interrupted matters only to closed models: here nobody loops.
            vu.iterate(&worker.shared, &station.run, &station.kill, number).await;
            worker.shared.live.leave(scenario);
            station.idle.borrow_mut().push_back(vu);
            worker.free.release(scenario, worker.share.thread);
            drop(guard);
        });
    }

    /// Gives the VUs back once nothing runs any more.
    pub fn close(&self, worker: &Worker) {
        self.idle.borrow_mut().drain(..).for_each(|vu| worker.pool.give_back(vu));
    }
}

/// Starts this thread's share of the iterations at their times.
pub async fn run(worker: Rc<Worker>, run: Rc<ScenarioRun>) {
    let scenario = &worker.profile.scenarios[run.index];
    let start = worker.epoch + scenario.start_time;
    if !worker.stop.sleep_until(start).await {
        return;
    }
    let station = Station::open(&worker, &run);
    worker.stations.borrow_mut().insert(run.index, Rc::clone(&station));
    let (thread, threads) = (worker.share.thread, worker.share.threads);
    let all = (0..).zip(Pacer::new(&scenario.executor));
    let own = all.filter(|(number, _)| run.stripes.contains(*number)).enumerate();
    let due = own.filter(|(nth, _)| nth % threads == thread);
    let mut warned = false;
    for (_, (_, due)) in due {
        if now() < start + due && !worker.stop.sleep_until(start + due).await {
            break;
        }
        if worker.stop.is_stopping() {
            break;
        }
        let number = worker.shared.live.scenarios[run.index].begun.fetch_add(1, Ordering::Relaxed);
        match worker.free.claim(run.index, thread) {
            Some(owner) if owner == thread => station.start(&worker, number),
            Some(owner) => worker.send(owner, run.index, number),
            None => {
                worker.shared.live.scenarios[run.index].begun.fetch_sub(1, Ordering::Relaxed);
                dropped(&worker, &run, &station, &mut warned);
            }
        }
    }
    worker.stop.sleep_until(start + scenario.executor.duration()).await;
}

/// No VU was free: the iteration is dropped for good, and one more VU is made while there may be.
fn dropped(worker: &Worker, run: &ScenarioRun, station: &Station, warned: &mut bool) {
    let at_ns = worker.shared.clock.now_ns();
    worker.shared.recorder.borrow_mut().dropped(1, &run.context, at_ns);
    let extra = &worker.shared.live.scenarios[run.index].extra_vus;
    let may = extra.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1));
    if may.is_ok() {
        station.add(worker);
    } else if !std::mem::replace(warned, true) {
        let vus = worker.profile.scenarios[run.index].executor.max_vus();
        let name = &worker.profile.scenarios[run.index].name;
        let message = format!(
            "scenario `{name}`: all {vus} VUs are busy, so iterations are dropped; raise maxVUs (--max-vus) if the \
             load is to be kept up"
        );
        worker.shared.log(LogLevel::Warn, &message, "");
    }
}
