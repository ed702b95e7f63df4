//! The VUs of one thread, and the thread's part of a test's schedule.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use loadtest_js::VuError;
use tokio::sync::Notify;

use super::shared::Shared;
use super::vu::{Program, VirtualUser};
use crate::profile::{Profile, peak_of};

/// VUs that wait for work. First in, first out, so that all of them get their turn.
#[derive(Debug)]
pub struct Pool {
    idle: RefCell<VecDeque<VirtualUser>>,
    program: Program,
    shared: Rc<Shared>,
    /// Ids of further VUs, over all threads.
    next_id: Arc<AtomicU64>,
}

impl Pool {
    /// Makes the VUs with the given ids; the others get theirs from `next_id`.
    pub fn new(
        program: Program,
        shared: &Rc<Shared>,
        ids: impl Iterator<Item = u64>,
        next_id: Arc<AtomicU64>,
    ) -> Result<Self, VuError> {
        let idle = ids.map(|id| {
            let vu = VirtualUser::new(&program, id, shared)?;
            shared.live.initialized.fetch_add(1, Ordering::Relaxed);
            Ok(vu)
        });
        let idle = idle.collect::<Result<_, VuError>>()?;
        Ok(Self { idle: RefCell::new(idle), program, shared: Rc::clone(shared), next_id })
    }

    /// An idle VU, or a new one where there is none.
    pub fn take(&self) -> Result<VirtualUser, VuError> {
        if let Some(vu) = self.idle.borrow_mut().pop_front() {
            return Ok(vu);
        }
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let vu = VirtualUser::new(&self.program, id, &self.shared)?;
        self.shared.live.initialized.fetch_add(1, Ordering::Relaxed);
        Ok(vu)
    }

    pub fn give_back(&self, vu: VirtualUser) {
        self.idle.borrow_mut().push_back(vu);
    }
}

/// Which handles of which scenario a thread serves.
#[derive(Debug, Clone, Copy)]
pub struct Share {
    pub thread: usize,
    pub threads: usize,
}

impl Share {
    /// The handles (from 0) of a scenario; scenarios begin at different threads, so that many small ones spread.
    pub fn handles(self, profile: &Profile, scenario: usize, count: u64) -> impl Iterator<Item = u64> {
        let before: u64 = profile.scenarios[..scenario].iter().map(|other| other.executor.max_vus()).sum();
        let threads = self.threads as u64;
        let first = (self.thread as u64 + threads - before % threads) % threads;
        (first..count).step_by(self.threads)
    }

    /// VUs that this thread needs at once before any extra ones.
    pub fn planned_vus(self, profile: &Profile) -> u64 {
        let mut busy: Vec<(Duration, Duration)> = Vec::new();
        for (index, scenario) in profile.scenarios.iter().enumerate() {
            if let Some(vus) = scenario.executor.open_vus() {
                let handles = self.handles(profile, index, vus.pre_allocated).count();
                busy.extend(std::iter::repeat_n((scenario.start_time, scenario.end()), handles));
                continue;
            }
            let spans = scenario.spans();
            for handle in self.handles(profile, index, spans.len() as u64) {
                let mut taken_until = Duration::ZERO;
                for span in &spans[handle as usize] {
                    busy.push((span.start.max(taken_until), span.kill));
                    taken_until = taken_until.max(span.kill);
                }
            }
        }
        peak_of(busy)
    }
}

/// Counts the tasks of a thread, so that its end can be waited for.
#[derive(Debug, Default)]
pub struct Tasks {
    running: Cell<usize>,
    ended: Notify,
}

impl Tasks {
    /// Counts one task for as long as the guard lives.
    pub fn enter(self: &Rc<Self>) -> TaskGuard {
        self.running.set(self.running.get() + 1);
        TaskGuard(Rc::clone(self))
    }

    /// Until no task is left.
    pub async fn wait(&self) {
        while self.running.get() > 0 {
            self.ended.notified().await;
        }
    }
}

#[derive(Debug)]
pub struct TaskGuard(Rc<Tasks>);

impl Drop for TaskGuard {
    fn drop(&mut self) {
        self.0.running.set(self.0.running.get() - 1);
        if self.0.running.get() == 0 {
            self.0.ended.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Executor, Scenario, Stage};

    #[test]
    fn threads_share_all_handles_and_the_plan() {
        let scenario = |name: &str, target: u64| Scenario {
            name: name.to_owned(),
            executor: Executor::RampingVus {
                start_vus: 0,
                stages: vec![
                    Stage { duration: Duration::ZERO, target },
                    Stage { duration: Duration::from_secs(1), target },
                ],
                graceful_ramp_down: Duration::ZERO,
            },
            start_time: Duration::ZERO,
            graceful_stop: Duration::ZERO,
        };
        let profile = Profile { scenarios: vec![scenario("a", 3), scenario("b", 4)] };
        for threads in 1..5 {
            let shares = (0..threads).map(|thread| Share { thread, threads });
            let mut all: Vec<u64> = shares.clone().flat_map(|share| share.handles(&profile, 1, 4)).collect();
            all.sort_unstable();
            assert_eq!(all, [0, 1, 2, 3]);
            assert_eq!(shares.map(|share| share.planned_vus(&profile)).sum::<u64>(), 7);
        }
    }
}
