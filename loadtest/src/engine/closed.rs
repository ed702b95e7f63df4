//! Closed models: VUs that loop. One task per active VU, one timer per thread to start them all.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use loadtest_js::LogLevel;

use super::kill::Kill;
use super::vu::{Next, ScenarioRun};
use super::worker::Worker;
use crate::net::h1::now;
use crate::profile::{Executor, Span};

/// A VU's place in a closed scenario.
struct Handle {
    /// No iteration starts from here on.
    stop: Cell<Instant>,
    kill: Rc<Kill>,
    running: Cell<bool>,
    /// Iterations that it may still begin; only per-vu-iterations limits them.
    left: Cell<u64>,
    fresh: Cell<bool>,
}

/// Starts this thread's VUs of a scenario at their times and returns when the last has been started.
pub async fn run(worker: Rc<Worker>, run: Rc<ScenarioRun>) {
    let scenario = &worker.profile.scenarios[run.index];
    let all = scenario.spans();
    let served = worker.share.handles(&worker.profile, run.index, all.len() as u64);
    let mut starts: Vec<(Span, usize)> = Vec::new();
    let per_vu = match scenario.executor {
        Executor::PerVuIterations { iterations, .. } => iterations,
        _ => u64::MAX,
    };
    let mut handles = Vec::new();
    for handle in served {
        let spans = &all[handle as usize];
        starts.extend(spans.iter().map(|span| (*span, handles.len())));
        let kill = Kill::new(worker.epoch);
        handles.push(Rc::new(Handle {
            stop: Cell::new(worker.epoch),
            kill,
            running: Cell::new(false),
            left: Cell::new(per_vu),
            fresh: Cell::new(true),
        }));
    }
    drop(all);
    starts.sort_unstable_by_key(|(span, handle)| (span.start, *handle));
    for (span, handle) in starts {
        if !worker.stop.sleep_until(worker.epoch + span.start).await {
            return;
        }
        let handle = &handles[handle];
        handle.stop.set(worker.epoch + span.stop);
        worker.reaper.postpone(&handle.kill, worker.epoch + span.kill);
        if !handle.running.replace(true) {
            handle.kill.revive();
            spawn(&worker, &run, handle);
        }
    }
}

fn spawn(worker: &Rc<Worker>, run: &Rc<ScenarioRun>, handle: &Rc<Handle>) {
    let mut vu = match worker.pool.take() {
        Ok(vu) => vu,
        Err(error) => {
            worker.shared.log(LogLevel::Error, &format!("a virtual user could not be made: {error}"), "");
            return;
        }
    };
    let guard = worker.tasks.enter();
    let (worker, run, handle) = (Rc::clone(worker), Rc::clone(run), Rc::clone(handle));
    tokio::task::spawn_local(async move {
        worker.shared.live.enter(run.index);
        while let Some(number) = claim(&worker, &run, &handle) {
            if vu.iterate(&worker.shared, &run, &handle.kill, number).await == Next::Stop {
                break;
            }
        }
        worker.shared.live.leave(run.index);
        let left = handle.left.get();
        let own = matches!(worker.profile.scenarios[run.index].executor, Executor::PerVuIterations { .. });
        if own && left > 0 && !worker.stop.is_stopping() {
            worker.shared.recorder.borrow_mut().dropped(left, &run.context, worker.shared.clock.now_ns());
        }
        handle.running.set(false);
        worker.pool.give_back(vu);
        drop(guard);
    });
}

/// The number of the next iteration in its scenario, if there is to be one.
fn claim(worker: &Worker, run: &ScenarioRun, handle: &Handle) -> Option<u64> {
    if worker.stop.is_stopping()
        || handle.kill.is_killed()
        || now() >= handle.stop.get()
        || handle.left.get() == 0
    {
        return None;
    }
    let live = &worker.shared.live.scenarios[run.index];
    if let Executor::SharedIterations { vus, iterations, .. } = worker.profile.scenarios[run.index].executor
        && !handle.fresh.replace(false)
        && live.claimed.fetch_add(1, Ordering::Relaxed) >= iterations - vus
    {
        return None;
    }
    handle.left.set(handle.left.get() - 1);
    Some(live.begun.fetch_add(1, Ordering::Relaxed))
}
