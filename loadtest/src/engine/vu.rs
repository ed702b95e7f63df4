//! One virtual user and the one loop body of all executors: run an iteration, measure it, tidy up.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use loadtest_js::{Iteration, LogLevel, Outcome, Script, TagContext, Task, Vu, VuConfig, VuError};

use super::js;
use super::kill::{Kill, Ran};
use super::native;
use super::shared::{Notice, Shared, VuRecorder};
use crate::net::client::Client;
use crate::net::h1::now;

/// What a VU runs.
#[derive(Debug, Clone)]
pub enum Program {
    /// In an interpreter of its own.
    Script(Script),
    /// Without any JavaScript.
    Native(Rc<native::Plan>),
}

enum Machine {
    Script(Vu),
    Native(Rc<native::Plan>),
}

/// A virtual user. Belongs to one thread for all its life.
pub struct VirtualUser {
    machine: Machine,
    client: Rc<Client>,
    /// Iterations begun, by scenario.
    begun: Vec<u64>,
    scenario: Rc<Cell<usize>>,
    /// Bytes already reported.
    sent: u64,
    received: u64,
}

impl std::fmt::Debug for VirtualUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VirtualUser").field("begun", &self.begun).finish_non_exhaustive()
    }
}

/// A scenario as the VUs of one thread see it.
#[derive(Debug)]
pub struct ScenarioRun {
    pub index: usize,
    pub script: Rc<loadtest_js::Scenario>,
    /// The tags of samples that the loop itself takes.
    pub context: Rc<TagContext>,
    pub setup_data: Option<Arc<str>>,
}

/// Whether the VU should go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Again,
    Stop,
}

impl VirtualUser {
    /// `id`: from 1; 0 for the one that runs setup and teardown.
    pub fn new(program: &Program, id: u64, shared: &Rc<Shared>) -> Result<Self, VuError> {
        let scenario = Rc::new(Cell::new(0));
        let machine = match program {
            Program::Script(script) => {
                let config = VuConfig {
                    id,
                    throw: shared.options.throw,
                    discard_response_bodies: shared.options.discard_response_bodies,
                    no_cookies_reset: shared.options.no_cookies_reset,
                    random_seed: None,
                };
                let recorder = VuRecorder { shared: Rc::clone(shared), scenario: Rc::clone(&scenario) };
                Machine::Script(Vu::new(script, config, Rc::new(recorder))?)
            }
            Program::Native(plan) => Machine::Native(Rc::clone(plan)),
        };
        let client = Client::new(Arc::clone(&shared.network), shared.options.no_connection_reuse);
        let begun = Vec::new();
        Ok(Self { machine, client: Rc::new(client), begun, scenario, sent: 0, received: 0 })
    }

    /// Runs one iteration, the `number`-th of its scenario over all VUs.
    pub async fn iterate(
        &mut self,
        shared: &Rc<Shared>,
        run: &ScenarioRun,
        kill: &Kill,
        number: u64,
    ) -> Next {
        self.scenario.set(run.index);
        if self.begun.len() <= run.index {
            self.begun.resize(run.index + 1, 0);
        }
        let in_scenario = self.begun[run.index];
        self.begun[run.index] += 1;
        let begin = now();
        let ran = match &mut self.machine {
            Machine::Native(plan) => kill.run(plan.iterate(shared, &self.client, run)).await,
            Machine::Script(vu) => {
                let task = Task::Iteration(Iteration {
                    scenario: Rc::clone(&run.script),
                    in_scenario,
                    in_test: number,
                    setup_data: run.setup_data.clone(),
                });
                match kill.run(js::drive(shared, &self.client, vu, task)).await {
                    Ran::Finished { value, waited } => Ran::Finished { value: value.outcome, waited },
                    Ran::Killed => {
                        js::interrupt(vu);
                        Ran::Killed
                    }
                }
            }
        };
        let took = now() - begin;
        let next = self.finish(shared, run, took, &ran);
        if let Ran::Finished { waited, .. } = ran {
            let least = shared.options.min_iteration_duration;
            if took < least {
                let rest = tokio::time::sleep_until((begin + least).into());
                if matches!(kill.run(rest).await, Ran::Killed) {
                    return Next::Stop;
                }
            } else if !waited {
                // An iteration that never waits must not keep the thread for itself.
                tokio::task::yield_now().await;
            }
        }
        next
    }

    fn finish(
        &mut self,
        shared: &Shared,
        run: &ScenarioRun,
        took: std::time::Duration,
        ran: &Ran<Outcome>,
    ) -> Next {
        let at_ns = shared.clock.now_ns();
        let (sent, received) = (self.client.traffic.sent.get(), self.client.traffic.received.get());
        let mut recorder = shared.recorder.borrow_mut();
        recorder.data(sent - self.sent, received - self.received, &run.context, at_ns);
        (self.sent, self.received) = (sent, received);
        if shared.options.no_vu_connection_reuse {
            self.client.close_idle();
        }
        let live = &shared.live;
        let next = match ran {
            Ran::Finished { value: Outcome::Completed | Outcome::Threw(_), .. } => {
                recorder.iteration(took.as_nanos() as f64 / 1e6, &run.context, at_ns);
                live.completed.fetch_add(1, Ordering::Relaxed);
                live.scenarios[run.index].completed.fetch_add(1, Ordering::Relaxed);
                Next::Again
            }
            Ran::Finished { .. } | Ran::Killed => {
                live.interrupted.fetch_add(1, Ordering::Relaxed);
                Next::Stop
            }
        };
        match ran {
            Ran::Finished { value: Outcome::Threw(exception), .. } => {
                let place = exception.stack.lines().next().unwrap_or_default().trim().to_owned();
                if recorder.error("script", &exception.message, &place, at_ns) {
                    drop(recorder);
                    let stack = exception.stack.trim_end();
                    let message = if stack.is_empty() {
                        exception.message.clone()
                    } else {
                        format!("{}\n{stack}", exception.message)
                    };
                    shared.log(LogLevel::Error, &message, "");
                }
            }
            Ran::Finished { value: Outcome::Aborted { reason }, .. } => {
                drop(recorder);
                shared.notify(Notice::Abort(reason.clone()));
            }
            _ => {}
        }
        next
    }

    /// Runs setup, teardown or handleSummary. `None`: it took longer than `timeout`.
    pub async fn run_task(
        &mut self,
        shared: &Rc<Shared>,
        task: Task,
        timeout: std::time::Duration,
    ) -> Option<loadtest_js::TaskResult> {
        let Machine::Script(vu) = &mut self.machine else { return None };
        let result = tokio::time::timeout(timeout, js::drive(shared, &self.client, vu, task)).await;
        if result.is_err() {
            js::interrupt(vu);
        }
        let (sent, received) = (self.client.traffic.sent.get(), self.client.traffic.received.get());
        if sent > 0 {
            let context = TagContext::default();
            let at_ns = shared.clock.now_ns();
            shared.recorder.borrow_mut().data(sent - self.sent, received - self.received, &context, at_ns);
            (self.sent, self.received) = (sent, received);
        }
        result.ok()
    }
}
