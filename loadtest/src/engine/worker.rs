//! One worker thread: its event loop, its VUs, its share of every scenario.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use loadtest_js::{Script, TagContext, VuPool};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::LocalSet;

use super::closed;
use super::kill::Reaper;
use super::native::{Plan, PlanSpec};
use super::open::{self, Free, Station};
use super::pool::{Pool, Share, Tasks};
use super::shared::{Clock, Live, Notice, Shared};
use super::vu::{Program, ScenarioRun};
use crate::config::{Options, ScenarioSpec};
use crate::metrics::recorder::{Outlet, Recorder, Sample};
use crate::metrics::registry::Registry;
use crate::metrics::totals::Totals;
use crate::net::connect::Network;
use crate::net::h1::now;
use crate::profile::Profile;

/// Threads of a runtime that look up names; a current-thread runtime makes them only when needed.
const LOOKUP_THREADS: usize = 4;

/// What every thread needs to know of the test. Cheap to clone.
#[derive(Clone)]
pub struct Plans {
    pub options: Arc<Options>,
    pub options_json: Arc<str>,
    pub profile: Arc<Profile>,
    pub registry: Arc<Registry>,
    pub network: Arc<Network>,
    pub base_url: Option<url::Url>,
    pub program: ProgramSpec,
    /// The script, for setup, teardown and handleSummary, however its iterations run.
    pub script: Option<Script>,
    pub live: Arc<Live>,
    pub clock: Clock,
    pub notices: mpsc::Sender<Notice>,
    pub samples: Option<SyncSender<Vec<Sample>>>,
    /// Progress of a scenario from 0 to 1.
    pub progress: Arc<dyn Fn(usize) -> f64 + Send + Sync>,
    pub next_vu_id: Arc<AtomicU64>,
    /// Whether recorders hand out copies while the test runs, for thresholds that may abort it.
    pub snapshots: bool,
    /// Whether scenarios and groups are measured apart too, for the full summary.
    pub apart: bool,
}

/// What the VUs run, before it is made ready for a thread.
#[derive(Debug, Clone)]
pub enum ProgramSpec {
    Script(Script),
    /// Several VUs to an interpreter.
    Shared(Script),
    Native(Arc<PlanSpec>),
}

impl std::fmt::Debug for Plans {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plans").field("profile", &self.profile).finish_non_exhaustive()
    }
}

/// The phase that the whole test is in.
#[derive(Debug, Clone, PartialEq)]
pub enum Phase {
    /// VUs are being made.
    Preparing,
    /// Executors run; their clock began at `epoch`.
    Running { epoch: Instant, setup_data: Option<Arc<str>> },
    /// No new iterations; running ones have this long.
    Stopping(Duration),
    /// Everything ends at once.
    Aborting,
}

/// What a thread says of itself.
#[derive(Debug)]
pub enum Message {
    Ready,
    /// It could not make its VUs. The flag: the script's init code is to blame.
    Failed {
        error: String,
        init: bool,
    },
    /// Each second: it lives. With what it has measured, if that is wanted.
    Alive {
        thread: usize,
        snapshot: Option<Box<Totals>>,
    },
    Done {
        thread: usize,
        totals: Box<Totals>,
        lost_samples: u64,
        lost_log_lines: u64,
    },
}

/// A thread's state while executors run.
pub struct Worker {
    pub share: Share,
    pub shared: Rc<Shared>,
    pub profile: Arc<Profile>,
    pub epoch: Instant,
    pub pool: Rc<Pool>,
    pub reaper: Rc<Reaper>,
    pub stop: Rc<Stop>,
    pub tasks: Rc<Tasks>,
    pub free: Arc<Free>,
    pub stations: RefCell<HashMap<usize, Rc<Station>>>,
    inboxes: Vec<mpsc::UnboundedSender<(usize, u64)>>,
}

impl Worker {
    /// Starts an iteration on another thread's VU, which has been claimed. So no more can be waiting than there
    /// are VUs.
    pub fn send(&self, thread: usize, scenario: usize, number: u64) {
        // A thread that has ended has no free VUs.
        let _ = self.inboxes[thread].send((scenario, number));
    }
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").field("share", &self.share).finish_non_exhaustive()
    }
}

/// Whether a thread should still start iterations.
#[derive(Debug, Default)]
pub struct Stop {
    stopping: Cell<bool>,
    changed: Notify,
}

impl Stop {
    pub fn is_stopping(&self) -> bool {
        self.stopping.get()
    }

    fn set(&self) {
        self.stopping.set(true);
        self.changed.notify_waiters();
    }

    /// False when the test was stopped before the time came.
    pub async fn sleep_until(&self, at: Instant) -> bool {
        if self.stopping.get() {
            return false;
        }
        if now() >= at {
            return true;
        }
        tokio::select! {
            () = tokio::time::sleep_until(at.into()) => !self.stopping.get(),
            () = self.changed.notified() => false,
        }
    }
}

/// What connects the threads.
#[derive(Debug)]
pub struct Links {
    pub share: Share,
    pub phase: watch::Receiver<Phase>,
    pub messages: mpsc::UnboundedSender<Message>,
    pub free: Arc<Free>,
    pub inbox: mpsc::UnboundedReceiver<(usize, u64)>,
    pub inboxes: Vec<mpsc::UnboundedSender<(usize, u64)>>,
}

/// The thread's main function.
pub fn main(plans: &Plans, links: Links) {
    let messages = links.messages.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(LOOKUP_THREADS)
        .event_interval(61)
        .build();
    match runtime {
        Ok(runtime) => {
            let local = LocalSet::new();
            local.block_on(&runtime, serve(plans, links));
        }
        Err(error) => {
            let error = format!("an event loop could not be started: {error}");
            // The coordinator waits for this message; without it there is nobody to tell.
            let _ = messages.send(Message::Failed { error, init: false });
        }
    }
}

/// The shared part of a thread, also used by the coordinator for setup and teardown.
pub fn shared(plans: &Plans) -> Rc<Shared> {
    let outlet = plans.samples.clone().map(Outlet::new);
    let (registry, system) = (Arc::clone(&plans.registry), plans.options.system_tags);
    Rc::new(Shared {
        options: Arc::clone(&plans.options),
        options_json: Arc::clone(&plans.options_json),
        network: Arc::clone(&plans.network),
        base_url: plans.base_url.clone(),
        clock: plans.clock,
        recorder: RefCell::new(Recorder::new(registry, system, outlet, plans.apart)),
        targets: RefCell::default(),
        live: Arc::clone(&plans.live),
        notices: plans.notices.clone(),
        lost_log_lines: Cell::new(0),
        progress: Arc::clone(&plans.progress),
    })
}

/// Makes a program ready for a thread.
pub fn program(spec: &ProgramSpec, shared: &Shared) -> Result<Program, String> {
    match spec {
        ProgramSpec::Script(script) => Ok(Program::Script(script.clone())),
        ProgramSpec::Shared(script) => Ok(Program::Pooled(Rc::new(VuPool::new(script)))),
        ProgramSpec::Native(plan) => Plan::new(plan, shared).map(|plan| Program::Native(Rc::new(plan))).ok_or_else(|| {
            "a request cannot be made: its URL must begin with http:// or https:// and its headers must not hold \
             line breaks"
                .to_owned()
        }),
    }
}

async fn serve(plans: &Plans, mut links: Links) {
    let shared = shared(plans);
    let say = |message| {
        // Without a coordinator the thread has nothing left to do and ends below.
        let _ = links.messages.send(message);
    };
    let share = links.share;
    let planned = share.planned_vus(&plans.profile);
    let ids = (0..planned).map(|nth| nth * share.threads as u64 + share.thread as u64 + 1);
    let pool = match program(&plans.program, &shared) {
        Err(error) => return say(Message::Failed { error, init: false }),
        Ok(program) => match Pool::new(program, &shared, ids, Arc::clone(&plans.next_vu_id)) {
            Err(error) => {
                let init =
                    matches!(error, loadtest_js::VuError::Init(_) | loadtest_js::VuError::Aborted { .. });
                return say(Message::Failed { error: error.to_string(), init });
            }
            Ok(pool) => Rc::new(pool),
        },
    };
    say(Message::Ready);
    let running = links.phase.wait_for(|phase| *phase != Phase::Preparing).await;
    let Ok(Phase::Running { epoch, setup_data }) = running.map(|phase| phase.clone()) else {
        return done(&shared, &links);
    };
    let worker = Rc::new(Worker {
        share,
        shared: Rc::clone(&shared),
        profile: Arc::clone(&plans.profile),
        epoch,
        pool,
        reaper: Rc::default(),
        stop: Rc::default(),
        tasks: Rc::default(),
        free: Arc::clone(&links.free),
        stations: RefCell::default(),
        inboxes: std::mem::take(&mut links.inboxes),
    });
    let executors = executors(&worker, plans, setup_data.as_ref());
    let background = background(&worker, &mut links, plans.snapshots);
    tokio::select! {
        () = executors => {}
        () = background => {}
    }
    done(&shared, &links);
}

fn done(shared: &Shared, links: &Links) {
    let mut recorder = shared.recorder.borrow_mut();
    let lost_samples = recorder.outlet.as_mut().map_or(0, |outlet| {
        outlet.flush();
        outlet.lost
    });
    let totals = Box::new(recorder.totals.clone());
    let lost_log_lines = shared.lost_log_lines.get();
    let thread = links.share.thread;
    let _ = links.messages.send(Message::Done { thread, totals, lost_samples, lost_log_lines });
}

/// Runs this thread's share of all scenarios to their end.
async fn executors(worker: &Rc<Worker>, plans: &Plans, setup_data: Option<&Arc<str>>) {
    for (index, spec) in plans.options.scenarios.iter().enumerate() {
        let run = Rc::new(scenario_run(index, spec, plans, worker.epoch, setup_data));
        let guard = worker.tasks.enter();
        let worker = Rc::clone(worker);
        let closed = spec.schedule.executor.is_closed();
        tokio::task::spawn_local(async move {
            if closed {
                closed::run(Rc::clone(&worker), run).await;
            } else {
                open::run(Rc::clone(&worker), run).await;
            }
            drop(guard);
        });
    }
    worker.tasks.wait().await;
    // Another thread may still hand over an iteration for a VU that was claimed a moment ago; it is waited for
    // through the phase below only if it arrived. VUs of ended scenarios are simply dropped with the thread.
    for station in worker.stations.borrow().values() {
        station.close(worker);
    }
}

/// Everything that goes on beside the executors; ends only when the test is aborted and nothing runs any more.
async fn background(worker: &Rc<Worker>, links: &mut Links, snapshots: bool) {
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    let reaper = Rc::clone(&worker.reaper);
    let mut reaping = std::pin::pin!(reaper.run());
    loop {
        tokio::select! {
            () = &mut reaping => {}
            Some((scenario, number)) = links.inbox.recv() => {
                let station = worker.stations.borrow().get(&scenario).cloned();
                if let Some(station) = station {
                    station.start(worker, number);
                }
            }
            changed = links.phase.changed() => match changed {
                Ok(()) => obey(worker, &links.phase.borrow_and_update().clone()),
                Err(_) => return,
            },
            _ = tick.tick() => {
                let mut recorder = worker.shared.recorder.borrow_mut();
                if let Some(outlet) = &mut recorder.outlet {
                    outlet.flush();
                }
                let snapshot = snapshots.then(|| Box::new(recorder.totals.clone()));
                let _ = links.messages.send(Message::Alive { thread: worker.share.thread, snapshot });
            }
        }
    }
}

fn obey(worker: &Worker, phase: &Phase) {
    match phase {
        Phase::Preparing | Phase::Running { .. } => {}
        Phase::Stopping(grace) => {
            worker.stop.set();
            worker.reaper.hurry(now() + *grace);
        }
        Phase::Aborting => {
            worker.stop.set();
            worker.reaper.kill_all();
        }
    }
}

fn scenario_run(
    index: usize,
    spec: &ScenarioSpec,
    plans: &Plans,
    epoch: Instant,
    setup_data: Option<&Arc<str>>,
) -> ScenarioRun {
    let mut tags = plans.options.tags.clone();
    tags.extend(spec.tags.iter().map(|(key, value)| (key.clone(), value.clone())));
    let start = plans.clock.start_unix + (epoch - plans.clock.start) + spec.schedule.start_time;
    let script = loadtest_js::Scenario {
        name: spec.schedule.name.as_str().into(),
        executor: spec.schedule.executor.kind().to_owned(),
        exec: spec.exec.clone(),
        start_unix_ms: start.as_secs_f64() * 1000.0,
        env: spec.env.clone(),
        tags: tags.clone(),
    };
    let context = TagContext { scenario: Rc::clone(&script.name), tags, ..TagContext::default() };
    let (script, context, stripes) = (Rc::new(script), Rc::new(context), spec.stripes.clone());
    ScenarioRun { index, script, context, setup_data: setup_data.cloned(), stripes }
}
