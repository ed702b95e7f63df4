//! The coordinator: prepares threads, runs setup, lets the executors go, watches, and gathers the results.

mod own;
mod roll;

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use loadtest_js::{Outcome, Task, TaskValue};
use tokio::sync::{mpsc, watch};

use roll::Roll;

use super::open::Free;
use super::pool::Share;
use super::shared::{Notice, Shared};
use super::vu::{Program, VirtualUser};
use super::worker::{self, Links, Message, Phase, Plans};
use crate::metrics::totals::Totals;
use crate::net::h1::now;

/// How often thresholds that may abort the test are judged.
const ABORT_CHECK: Duration = Duration::from_secs(2);
/// What threads measured up to a full second is here this much later.
const SNAPSHOT_WAY: Duration = Duration::from_millis(50);
/// How long threads may take to end once everything was cut.
const LAST_GRACE: Duration = Duration::from_secs(10);

/// Why a test ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// All scenarios ran to their end.
    Regular,
    /// The user interrupted it.
    Interrupted,
    /// A threshold with `abortOnFail` failed.
    Threshold,
    /// `exec.test.abort()`.
    Aborted(String),
    /// Setup did not end in time.
    SetupTimeout,
    TeardownTimeout,
    /// Setup or teardown threw.
    Script(String),
}

/// What a test measured.
#[derive(Debug)]
pub struct Outcomes {
    pub totals: Totals,
    pub end: End,
    /// From the start of the test to its end, setup and teardown included.
    pub run_time: Duration,
    pub setup_data: Option<Arc<str>>,
    /// `exec.test.fail()`.
    pub failed: Option<String>,
    pub lost_samples: u64,
    pub lost_log_lines: u64,
    /// Threads that did not end although everything was cut; what they measured is missing.
    pub stuck: usize,
}

/// What the threads measured.
struct Gathered {
    totals: Totals,
    lost_samples: u64,
    lost_log_lines: u64,
    stuck: usize,
}

/// A test that could not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartError {
    pub message: String,
    /// The script's init code is to blame.
    pub init: bool,
}

/// What the user does to a running test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Finish what runs, then end.
    Gentle,
    /// End now.
    Hard,
}

/// Told what goes on; the command line shows it.
pub trait Watcher {
    fn log(&mut self, line: &super::shared::LogLine);
    /// Once a second: the time since the executors started.
    fn tick(&mut self, elapsed: Duration, live: &super::shared::Live);
    /// The test moves on; `text` says to what.
    fn state(&mut self, text: &str);
}

struct Coordinator<'a> {
    plans: &'a Plans,
    shared: Rc<Shared>,
    phase: watch::Sender<Phase>,
    messages: mpsc::UnboundedReceiver<Message>,
    notices: mpsc::Receiver<Notice>,
    signals: mpsc::Receiver<Signal>,
    snapshots: HashMap<usize, Box<Totals>>,
    /// When the numbers of VUs are sampled: each second from before the VUs are made to the end of teardown, as in k6.
    /// So a sample falls just before VUs end that run for whole seconds.
    samples: tokio::time::Interval,
    end: End,
    /// The user wants it to end at once: no teardown.
    at_once: bool,
    /// Setup threw or aborted the test: no teardown, either.
    setup_failed: bool,
    failed: Option<String>,
}

/// Runs a test to its end. Must be called on a `LocalSet`.
pub async fn run(
    plans: &Plans,
    threads: usize,
    notices: mpsc::Receiver<Notice>,
    signals: mpsc::Receiver<Signal>,
    watcher: &mut dyn Watcher,
) -> Result<Outcomes, StartError> {
    let second = Duration::from_secs(1);
    let mut samples = tokio::time::interval_at((now() + second).into(), second);
    samples.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let (phase, receiver) = watch::channel(Phase::Preparing);
    let (to_coordinator, messages) = mpsc::unbounded_channel();
    let handles = start_threads(plans, threads, &receiver, &to_coordinator)?;
    drop((receiver, to_coordinator));
    let shared = worker::shared(plans);
    let (snapshots, end, at_once, failed) = (HashMap::new(), End::Regular, false, None);
    let mut coordinator = Coordinator {
        plans,
        shared,
        phase,
        messages,
        notices,
        signals,
        snapshots,
        samples,
        end,
        at_once,
        setup_failed: false,
        failed,
    };
    coordinator.wait_ready(threads, watcher).await?;
    let (mut main_vu, setup_data) = coordinator.setup(watcher).await?;
    let measured = if coordinator.end == End::Regular {
        let measured = coordinator.execute(threads, setup_data.clone(), watcher).await;
        if coordinator.end == End::Regular {
            coordinator.count_dropped();
        }
        measured
    } else {
        coordinator.phase.send_replace(Phase::Aborting);
        coordinator.gather(threads, watcher).await
    };
    coordinator.teardown(main_vu.as_mut(), setup_data.as_ref(), watcher).await;
    coordinator.drain_notices(watcher);
    // One that is stuck ends with the process.
    for handle in handles.into_iter().filter(|handle| measured.stuck == 0 || handle.is_finished()) {
        // A thread that panicked has printed why; what it measured is lost and the others count.
        let _ = handle.join();
    }
    let mut own = coordinator.shared.recorder.borrow_mut();
    if let Some(outlet) = &mut own.outlet {
        outlet.flush();
    }
    let mut merged = own.totals.clone();
    merged.merge(&measured.totals);
    let run_time = plans.clock.elapsed();
    let (end, failed) = (coordinator.end.clone(), coordinator.failed.clone());
    let Gathered { lost_samples, lost_log_lines, stuck, .. } = measured;
    Ok(Outcomes { totals: merged, end, run_time, setup_data, failed, lost_samples, lost_log_lines, stuck })
}

fn start_threads(
    plans: &Plans,
    threads: usize,
    phase: &watch::Receiver<Phase>,
    messages: &mpsc::UnboundedSender<Message>,
) -> Result<Vec<std::thread::JoinHandle<()>>, StartError> {
    let free = Free::new(plans.profile.scenarios.len(), threads);
    let (inboxes, receivers): (Vec<_>, Vec<_>) = (0..threads).map(|_| mpsc::unbounded_channel()).unzip();
    let start = |(thread, inbox)| {
        let links = Links {
            share: Share { thread, threads },
            phase: phase.clone(),
            messages: messages.clone(),
            free: Arc::clone(&free),
            inbox,
            inboxes: inboxes.clone(),
        };
        let plans = plans.clone();
        std::thread::Builder::new()
            .name(format!("worker-{thread}"))
            .spawn(move || worker::main(&plans, links))
    };
    receivers.into_iter().enumerate().map(start).collect::<Result<_, _>>().map_err(|error| StartError {
        message: format!("a worker thread could not be started: {error}"),
        init: false,
    })
}

impl Coordinator<'_> {
    async fn wait_ready(&mut self, threads: usize, watcher: &mut dyn Watcher) -> Result<(), StartError> {
        let mut ready = 0;
        while ready < threads {
            tokio::select! {
                message = self.messages.recv() => match message {
                    Some(Message::Ready) => ready += 1,
                    Some(Message::Failed { error, init }) => {
                        self.drain_notices(watcher);
                        return Err(StartError { message: error, init });
                    }
                    Some(_) => {}
                    None => {
                        return Err(StartError { message: "the worker threads ended unexpectedly".to_owned(), init: false });
                    }
                },
                Some(notice) = self.notices.recv() => self.notice(notice, watcher),
                _ = self.samples.tick() => self.sample_vus(),
                Some(_) = self.signals.recv() => {
                    return Err(StartError { message: "interrupted before the test began".to_owned(), init: false });
                }
            }
        }
        Ok(())
    }

    /// Runs the script's setup; the VU stays for teardown.
    async fn setup(
        &mut self,
        watcher: &mut dyn Watcher,
    ) -> Result<(Option<VirtualUser>, Option<Arc<str>>), StartError> {
        let Some(script) = &self.plans.script else { return Ok((None, None)) };
        let options = Arc::clone(&self.plans.options);
        let setup = script.has_function("setup") && !options.no_setup;
        let teardown = script.has_function("teardown") && !options.no_teardown;
        if !setup && !teardown {
            return Ok((None, None));
        }
        let program = Program::Script(script.clone());
        let mut vu = VirtualUser::new(&program, 0, &self.shared)
            .map_err(|error| StartError { message: error.to_string(), init: true })?;
        if !setup {
            return Ok((Some(vu), None));
        }
        watcher.state("setup()");
        let shared = Rc::clone(&self.shared);
        let result = self.beside(vu.run_task(&shared, Task::Setup, options.setup_timeout), watcher).await;
        let data = match result {
            None => {
                // It is in the middle of setup, so it cannot run teardown, and there is nothing to tear down.
                self.end = End::Interrupted;
                return Ok((None, None));
            }
            Some(None) => {
                self.end = End::SetupTimeout;
                None
            }
            Some(Some(result)) => {
                self.judge("setup", result.outcome);
                self.setup_failed = self.end != End::Regular;
                match result.value {
                    TaskValue::Json(data) => Some(data),
                    _ => None,
                }
            }
        };
        Ok((Some(vu), data))
    }

    fn judge(&mut self, what: &str, outcome: Outcome) {
        match outcome {
            Outcome::Completed | Outcome::Interrupted => {}
            Outcome::Threw(exception) => {
                let stack = exception.stack.trim_end();
                self.end = End::Script(
                    format!("{what}() threw: {}\n{stack}", exception.message).trim_end().to_owned(),
                );
            }
            Outcome::Aborted { reason } => self.end = End::Aborted(reason),
        }
    }

    /// Runs a future while the log flows. `None`: the user interrupted it.
    async fn beside<T>(&mut self, future: impl Future<Output = T>, watcher: &mut dyn Watcher) -> Option<T> {
        let mut future = std::pin::pin!(future);
        loop {
            tokio::select! {
                value = &mut future => return Some(value),
                Some(notice) = self.notices.recv() => self.notice(notice, watcher),
                _ = self.samples.tick() => self.sample_vus(),
                Some(_) = self.signals.recv() => return None,
            }
        }
    }

    async fn execute(
        &mut self,
        threads: usize,
        setup_data: Option<Arc<str>>,
        watcher: &mut dyn Watcher,
    ) -> Gathered {
        watcher.state("running");
        self.phase.send_replace(Phase::Running { epoch: now(), setup_data });
        self.gather(threads, watcher).await
    }

    /// Watches the threads until all are done, or those that are left never will be, and merges what they measured.
    async fn gather(&mut self, threads: usize, watcher: &mut dyn Watcher) -> Gathered {
        let totals = Totals::new(Arc::clone(&self.plans.registry));
        let mut gathered = Gathered { totals, lost_samples: 0, lost_log_lines: 0, stuck: 0 };
        let begin = now();
        let mut roll = Roll::new(threads, begin);
        // By then nothing may run any more.
        let mut cut = begin + self.plans.profile.end();
        let second = Duration::from_secs(1);
        let mut tick = tokio::time::interval_at((begin + second).into(), second);
        let mut judge = tokio::time::interval_at((begin + ABORT_CHECK + SNAPSHOT_WAY).into(), ABORT_CHECK);
        let mut give_up: Option<Instant> = None;
        while roll.left().next().is_some() {
            let last = give_up.map(|at| tokio::time::sleep_until(at.into()));
            tokio::select! {
                message = self.messages.recv() => match message {
                    Some(Message::Done { thread, totals, lost_samples, lost_log_lines }) => {
                        gathered.totals.merge(&totals);
                        gathered.lost_samples += lost_samples;
                        gathered.lost_log_lines += lost_log_lines;
                        roll.done(thread);
                    }
                    Some(Message::Alive { thread, snapshot }) => {
                        roll.heard(thread, now());
                        self.snapshots.extend(snapshot.map(|totals| (thread, totals)));
                    }
                    Some(_) => {}
                    None => break,
                },
                Some(notice) = self.notices.recv() => self.notice(notice, watcher),
                Some(signal) = self.signals.recv() => self.signal(signal, watcher),
                _ = self.samples.tick() => self.sample_vus(),
                _ = tick.tick() => {
                    watcher.tick(now() - begin, &self.plans.live);
                    if roll.is_stuck(cut, now()) {
                        break;
                    }
                }
                _ = judge.tick() => if self.plans.snapshots {
                    self.judge_thresholds(watcher);
                },
                () = async { match last { Some(last) => last.await, None => std::future::pending().await } } => break,
            }
            match *self.phase.borrow() {
                Phase::Stopping(grace) => cut = cut.min(now() + grace),
                Phase::Aborting => give_up = give_up.or_else(|| Some(now() + LAST_GRACE)),
                Phase::Preparing | Phase::Running { .. } => {}
            }
        }
        watcher.tick(now() - begin, &self.plans.live);
        for thread in roll.left() {
            gathered.stuck += 1;
            if let Some(totals) = self.snapshots.get(&thread) {
                gathered.totals.merge(totals);
            }
        }
        gathered
    }

    fn judge_thresholds(&mut self, watcher: &mut dyn Watcher) {
        let mut totals = self.shared.recorder.borrow().totals.clone();
        self.snapshots.values().for_each(|theirs| totals.merge(theirs));
        let elapsed = self.plans.clock.elapsed();
        let verdicts = crate::output::verdict::judge(&totals, elapsed);
        let abort = verdicts.iter().find(|verdict| {
            // As in k6, what has no samples yet is judged only at the end.
            !verdict.ok
                && !verdict.sink.is_empty()
                && verdict.threshold.abort_on_fail
                && elapsed >= verdict.threshold.delay_abort
        });
        if let Some(verdict) = abort
            && self.end == End::Regular
        {
            watcher.state(&format!(
                "threshold `{}` on `{}` failed: stopping",
                verdict.threshold.source, verdict.metric
            ));
            self.end = End::Threshold;
            self.phase.send_replace(Phase::Aborting);
        }
    }

    fn notice(&mut self, notice: Notice, watcher: &mut dyn Watcher) {
        match notice {
            Notice::Log(line) => watcher.log(&line),
            Notice::Abort(reason) => {
                if self.end == End::Regular {
                    self.end = End::Aborted(reason);
                }
                self.phase.send_replace(Phase::Aborting);
            }
            Notice::Fail(reason) => {
                self.failed.get_or_insert(reason);
            }
        }
    }

    fn drain_notices(&mut self, watcher: &mut dyn Watcher) {
        while let Ok(notice) = self.notices.try_recv() {
            self.notice(notice, watcher);
        }
    }

    fn signal(&mut self, signal: Signal, watcher: &mut dyn Watcher) {
        if self.end == End::Regular {
            self.end = End::Interrupted;
        }
        let grace = self.plans.profile.scenarios.iter().map(|scenario| scenario.graceful_stop).max();
        let phase = match signal {
            Signal::Gentle => {
                let grace = grace.unwrap_or_default();
                watcher.state(&format!(
                    "interrupted: running iterations may finish within {}; interrupt again to stop at once",
                    crate::duration::format(grace)
                ));
                Phase::Stopping(grace)
            }
            Signal::Hard => {
                self.at_once = true;
                watcher.state("interrupted again: stopping at once (a third time: without a summary)");
                Phase::Aborting
            }
        };
        self.phase.send_replace(phase);
    }

    async fn teardown(
        &mut self,
        vu: Option<&mut VirtualUser>,
        setup_data: Option<&Arc<str>>,
        watcher: &mut dyn Watcher,
    ) {
        let Some(script) = &self.plans.script else { return };
        let options = Arc::clone(&self.plans.options);
        let wanted = script.has_function("teardown") && !options.no_teardown;
        let Some(vu) = vu.filter(|_| wanted && *self.phase.borrow() != Phase::Preparing) else { return };
        let nothing_was_set_up = self.setup_failed || matches!(self.end, End::SetupTimeout);
        if self.at_once || nothing_was_set_up {
            return;
        }
        watcher.state("teardown()");
        let task = Task::Teardown { setup_data: setup_data.cloned() };
        let shared = Rc::clone(&self.shared);
        match self.beside(vu.run_task(&shared, task, options.teardown_timeout), watcher).await {
            None => {}
            Some(None) => self.end = End::TeardownTimeout,
            Some(Some(result)) => {
                let before = self.end.clone();
                self.judge("teardown", result.outcome);
                if before != End::Regular {
                    self.end = before;
                }
            }
        }
    }
}
