//! One virtual user and the one loop body of all executors: run an iteration, measure it, tidy up.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use loadtest_js::{Iteration, LogLevel, Outcome, Script, TagContext, Task, Vu, VuConfig, VuError, VuPool};

use super::js;
use super::kill::{Kill, Ran};
use super::native;
use super::shared::{LogLine, Notice, Shared, VuRecorder};
use crate::net::client::Client;
use crate::net::h1::now;
use crate::profile::Stripes;

/// What a VU runs.
#[derive(Debug, Clone)]
pub enum Program {
    /// In an interpreter of its own.
    Script(Script),
    /// In interpreters that several VUs share.
    Pooled(Rc<VuPool>),
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

/// What the end of an iteration is tagged with: what the script left, but no group, even where one was cut.
fn outside_groups(context: Rc<TagContext>) -> Rc<TagContext> {
    if context.group.is_empty() {
        return context;
    }
    Rc::new(TagContext { group: Rc::default(), ..TagContext::clone(&context) })
}

/// A scenario as the VUs of one thread see it.
#[derive(Debug)]
pub struct ScenarioRun {
    pub index: usize,
    pub script: Rc<loadtest_js::Scenario>,
    /// The tags of samples that the loop itself takes.
    pub context: Rc<TagContext>,
    pub setup_data: Option<Arc<str>>,
    /// Which of the whole test's iterations are those of this run.
    pub stripes: Stripes,
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
        let id_in_test = id.checked_sub(1).map(|nth| shared.options.own_vus.nth(nth) + 1);
        let config = VuConfig { id, id_in_test, ..shared.options.vu_config() };
        let recorder = VuRecorder { shared: Rc::clone(shared), scenario: Rc::clone(&scenario) };
        let machine = match program {
            Program::Script(script) => Machine::Script(Vu::new(script, config, Rc::new(recorder))?),
            Program::Pooled(pool) => Machine::Script(pool.vu(config, Rc::new(recorder))?),
            Program::Native(plan) => Machine::Native(Rc::clone(plan)),
        };
        let local = shared.options.local_ips.as_ref().map(|ips| ips.of(id));
        let client = Client::new(Arc::clone(&shared.network), shared.options.no_connection_reuse).from(local);
        let begun = Vec::new();
        Ok(Self { machine, client: Rc::new(client), begun, scenario, sent: 0, received: 0 })
    }

    /// Runs one iteration, the `number`-th of its scenario over all VUs of this run.
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
        let mut context = Rc::clone(&run.context);
        let ran = match &mut self.machine {
            Machine::Native(plan) => kill.run(plan.iterate(shared, &self.client, run)).await,
            Machine::Script(vu) => {
                let task = Task::Iteration(Iteration {
                    scenario: Rc::clone(&run.script),
                    in_scenario,
                    in_instance: number,
                    in_test: run.stripes.nth(number),
                    setup_data: run.setup_data.clone(),
                });
                match kill.run(js::drive(shared, &self.client, vu, task)).await {
                    Ran::Finished { value, waited } => {
                        context = outside_groups(value.tags);
                        Ran::Finished { value: value.outcome, waited }
                    }
                    Ran::Killed => {
                        if let Some(result) = js::interrupt(vu) {
                            context = outside_groups(result.tags);
                        }
                        Ran::Killed
                    }
                }
            }
        };
        let took = now() - begin;
        let next = self.finish(shared, run, &context, took, &ran);
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
        context: &TagContext,
        took: std::time::Duration,
        ran: &Ran<Outcome>,
    ) -> Next {
        let at_ns = shared.clock.now_ns();
        let (sent, received) = (self.client.traffic.sent.get(), self.client.traffic.received.get());
        let mut recorder = shared.recorder.borrow_mut();
        recorder.data(sent - self.sent, received - self.received, context, at_ns);
        (self.sent, self.received) = (sent, received);
        if shared.options.no_vu_connection_reuse {
            self.client.close_idle();
        }
        let live = &shared.live;
        let next = match ran {
            Ran::Finished { value: Outcome::Completed | Outcome::Threw(_), .. } => {
                recorder.iteration(took.as_nanos() as f64 / 1e6, context, at_ns);
                live.completed.fetch_add(1, Ordering::Relaxed);
                live.scenarios[run.index].completed.fetch_add(1, Ordering::Relaxed);
                Next::Again
            }
            Ran::Finished { value, .. } => {
                // As in k6, the iteration that aborts the test has samples of its own, but counts as interrupted.
                if matches!(value, Outcome::Aborted { .. }) {
                    recorder.iteration(took.as_nanos() as f64 / 1e6, context, at_ns);
                }
                live.interrupted.fetch_add(1, Ordering::Relaxed);
                Next::Stop
            }
            Ran::Killed => {
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
                    let fields = vec![
                        ("executor", run.script.executor.clone()),
                        ("hint", "script exception".to_owned()),
                        ("scenario", run.script.name.to_string()),
                    ];
                    let source = "stacktrace".to_owned();
                    shared.log_with(LogLine { source, fields, ..LogLine::plain(LogLevel::Error, &message) });
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
        // What setup and teardown move over the sockets is told of, even nothing; handleSummary comes after the end.
        let group = match &task {
            Task::Setup => Some("::setup"),
            Task::Teardown { .. } => Some("::teardown"),
            Task::Iteration(_) | Task::HandleSummary { .. } => None,
        };
        let result = tokio::time::timeout(timeout, js::drive(shared, &self.client, vu, task)).await;
        if result.is_err() {
            js::interrupt(vu);
        }
        let (sent, received) = (self.client.traffic.sent.get(), self.client.traffic.received.get());
        if let Some(group) = group {
            let tags = shared.options.tags.clone();
            let context = TagContext { group: group.into(), tags, ..TagContext::default() };
            let at_ns = shared.clock.now_ns();
            shared.recorder.borrow_mut().data(sent - self.sent, received - self.received, &context, at_ns);
            (self.sent, self.received) = (sent, received);
        }
        result.ok()
    }
}
