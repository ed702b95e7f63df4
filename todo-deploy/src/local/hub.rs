//! The one task that knows everything of a run: it passes facts to the engine and has its actions carried out.
//!
//! It decides nothing about the fleet. What comes in (instances, the balancer's checks, requests, measurements) is an
//! input of the engine; what comes out is done here: processes started and stopped, targets registered, states set.

mod about;
mod actions;
mod requests;
mod samples;
mod settings;
mod stop;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep_until};

pub use self::about::url;
use self::about::{Parts, sample_every};
use self::samples::Sampled;
use self::settings::settings;
use super::backoff::Backoff;
use super::control::{self, Answer, Asked};
use super::driver::Driver;
use super::instance::{Ending, Life, Running, Stop};
use super::limit::Limiter;
use super::log::{self, Rotating};
use super::rundir::{Lock, RunDir};
use super::service::Service;
use super::wanted::{Shape, Wanted};
use crate::balancer::{self, Balancer, Handle};
use crate::dashboard::{self, Board, Source};
use crate::deployment::Deployment;
use crate::status::Status;
use crate::timeline::{Event, InstanceId};

/// Bytes of the timeline on disk, and as many again of its predecessor.
const TIMELINE_BYTES_MAX: u64 = 8 << 20;
/// News of instances, and requests, that wait to be taken in.
const INBOX_MAX: usize = 1024;
/// Troubles that a status shows.
const TROUBLES_MAX: usize = 5;

/// What there is to say while it runs.
#[derive(Debug)]
pub enum Said {
    /// A line for people.
    Line(String),
    /// How things stand; about once a second.
    Status(Box<Status>),
    /// The service answers: the load balancer's address, and the dashboard's.
    Ready(SocketAddr, Option<SocketAddr>),
}

/// What the hub is told.
#[derive(Debug)]
enum News {
    Life(InstanceId, Life),
    Balancer(balancer::Event),
    Asked(Asked),
    /// SIGHUP: nobody waits for an answer.
    Reload(Box<Wanted>),
    Scraped(InstanceId, BTreeMap<String, f64>),
    Seeded(Result<u32>),
    Sample,
    Wake,
    Stop(Stop),
}

struct Hub {
    wanted: Wanted,
    deployment: Deployment,
    shape: Shape,
    dir: RunDir,
    driver: Driver,
    limiter: Arc<Limiter>,
    handle: Handle,
    /// Where the dashboard really listens.
    dashboard: Option<SocketAddr>,
    sample_every: Duration,
    board: Board,
    source: Source,
    timeline: Rotating,
    members: BTreeMap<InstanceId, Member>,
    /// What instances launched from now on run.
    service: Arc<Service>,
    rollout: Option<Rollout>,
    backoff: Backoff,
    /// Instances that have passed a check.
    served: BTreeSet<InstanceId>,
    troubles: VecDeque<String>,
    /// A policy's last refusal, so that it is said once.
    refusals: BTreeMap<String, String>,
    sampled: Sampled,
    /// An instance has served; and the database has its first todos.
    is_ready: bool,
    is_seeded: bool,
    /// Who asked for the end, and wants to know when it is there.
    asked_to_stop: Vec<Answer>,
    told: mpsc::Sender<(InstanceId, Life)>,
    scraped: mpsc::Sender<(InstanceId, BTreeMap<String, f64>)>,
    seeded: mpsc::Sender<Result<u32>>,
    say: Box<dyn Fn(Said) + Send>,
}

/// An instance that is not gone.
struct Member {
    stop: watch::Sender<Stop>,
    service: Arc<Service>,
    container: Option<String>,
    address: Option<SocketAddr>,
    metrics: Option<SocketAddr>,
    running: Option<Running>,
    account: samples::Account,
    /// Somebody wanted to see it end.
    is_killed: bool,
}

/// A new version on its way.
struct Rollout {
    previous: Arc<Service>,
    answer: Answer,
    /// Instances of the new version that ended without ever having served.
    failures: u32,
}

/// Runs until it is told to stop, or `stop` says so. The caller holds the lock, and has ended what was left over.
///
/// # Errors
/// When it cannot begin: an address is taken, a limit cannot be had, the run directory cannot be written.
pub async fn run(
    wanted: Wanted,
    dir: RunDir,
    _lock: Lock,
    say: Box<dyn Fn(Said) + Send>,
    mut stop: watch::Receiver<Stop>,
    mut reload: mpsc::Receiver<Wanted>,
) -> Result<()> {
    let deployment = wanted.deployment()?;
    let limiter =
        Limiter::new(wanted.cpu_limit, &format!("todo-deploy-{}-{}", deployment.name, std::process::id()));
    let limiter = Arc::new(limiter.map_err(anyhow::Error::msg)?);
    let settings = settings(&wanted, &deployment, &dir);
    // It makes runtimes of its own, which must not happen on a thread of this one.
    let started = tokio::task::spawn_blocking(move || Balancer::start(settings)).await;
    let mut balancer = started?.context("the load balancer cannot start; --listen gives another address")?;
    let dashboard = match wanted.dashboard {
        Some(address) => Some(TcpListener::bind(address).await.with_context(|| {
            format!("the dashboard cannot listen on {address}; --dashboard gives another address, `off` none")
        })?),
        None => None,
    };
    let socket = control::bind(&dir.socket())?;
    log::clear(&dir.logs());
    let (told, mut lives) = mpsc::channel(INBOX_MAX);
    let (asked, mut requests) = mpsc::channel(INBOX_MAX);
    let (scraped, mut values) = mpsc::channel(INBOX_MAX);
    let (seeded, mut seeds) = mpsc::channel(1);
    let seen = address_of(dashboard.as_ref());
    let driver = Driver::start(&dir, &deployment, wanted.like, wanted.speed)?;
    let service = Service::new(wanted.runs.clone(), &deployment, wanted.environment.clone());
    let sample_every = sample_every(&deployment, wanted.speed);
    let about = Parts {
        wanted: &wanted,
        deployment: &deployment,
        service: &service,
        driver: &driver,
        limiter: &limiter,
        listening: balancer.handle().addresses().first().copied(),
        dashboard: seen,
        sample_every,
    };
    let (board, source) = dashboard::board(about.about());
    let (closing, closed) = watch::channel(false);
    let serving = serve(dashboard, socket, source.clone(), asked, closed);
    let mut hub = Hub {
        shape: Shape::of(&deployment, wanted.like, wanted.speed),
        service: Arc::new(service),
        timeline: Rotating::create(&dir.timeline(), TIMELINE_BYTES_MAX)
            .context("the timeline cannot be written")?,
        handle: balancer.handle(),
        dashboard: seen,
        sample_every,
        wanted,
        deployment,
        dir,
        driver,
        limiter,
        board,
        source,
        members: BTreeMap::new(),
        rollout: None,
        backoff: Backoff::default(),
        served: BTreeSet::new(),
        troubles: VecDeque::new(),
        refusals: BTreeMap::new(),
        sampled: Sampled::default(),
        is_ready: false,
        is_seeded: false,
        asked_to_stop: Vec::new(),
        told,
        scraped,
        seeded,
        say,
    };
    hub.carry_out();
    let mut samples = interval(sample_every);
    samples.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let last = loop {
        let wake = hub.driver.next_wake();
        let due = async {
            match wake {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let news = tokio::select! {
            Some((id, life)) = lives.recv() => News::Life(id, life),
            Some(event) = balancer.events().recv() => News::Balancer(event),
            Some(request) = requests.recv() => News::Asked(request),
            Some((id, values)) = values.recv() => News::Scraped(id, values),
            Some(count) = seeds.recv() => News::Seeded(count),
            Some(wanted) = reload.recv() => News::Reload(Box::new(wanted)),
            _ = samples.tick() => News::Sample,
            () = due => News::Wake,
            stop = stop.wait_for(|stop| *stop != Stop::No) => News::Stop(stop.map_or(Stop::Now, |stop| *stop)),
        };
        if let Some(stop) = hub.hear(news) {
            break stop;
        }
        hub.carry_out();
    };
    hub.end(last, balancer, stop, lives, requests).await;
    let _ = closing.send(true);
    let _ = serving.await;
    Ok(())
}

impl Hub {
    /// Takes in what happened; something when it is to end.
    fn hear(&mut self, news: News) -> Option<Stop> {
        match news {
            News::Life(id, life) => self.lived(id, life),
            News::Balancer(event) => self.balanced(event),
            News::Asked(asked) => return self.asked(asked),
            News::Reload(wanted) => self.reload_unasked(*wanted),
            News::Scraped(id, values) => self.scraped(id, &values),
            News::Seeded(count) => self.ready(count),
            News::Sample => self.sample(),
            News::Wake => self.driver.wake(),
            News::Stop(stop) => return Some(stop),
        }
        None
    }

    fn line(&self, text: &str) {
        (self.say)(Said::Line(text.to_owned()));
    }

    fn note(&mut self, event: &Event) {
        if let Ok(mut line) = serde_json::to_string(event) {
            line.push('\n');
            self.timeline.write(line.as_bytes());
        }
        self.board.event(event);
    }

    /// An instance ended on its own, or never served.
    fn trouble(&mut self, id: InstanceId, ending: &Ending) {
        let lines: String = ending.last_lines.iter().map(|line| format!("\n    | {line}")).collect();
        let said = if lines.is_empty() { "; it said nothing" } else { "; its last lines:" };
        self.warn(format!("{id} {} after {:.1} s{said}{lines}", ending.how, ending.after.as_secs_f64()));
    }

    /// Says what is wrong, and shows it until newer troubles come.
    fn warn(&mut self, text: String) {
        self.line(&text);
        if self.troubles.len() == TROUBLES_MAX {
            self.troubles.pop_front();
        }
        self.troubles.push_back(text);
        self.board.notes(self.troubles.iter().cloned().collect());
    }
}

fn address_of(listener: Option<&TcpListener>) -> Option<SocketAddr> {
    listener?.local_addr().ok()
}

/// The dashboard and the control socket, until `closed`.
fn serve(
    dashboard: Option<TcpListener>,
    socket: UnixListener,
    source: Source,
    asked: mpsc::Sender<Asked>,
    closed: watch::Receiver<bool>,
) -> tokio::task::JoinHandle<()> {
    let mut closed_too = closed.clone();
    tokio::spawn(async move {
        let until = async move {
            let mut closed = closed;
            let _ = closed.wait_for(|closed| *closed).await;
        };
        let page = async {
            match dashboard {
                Some(listener) => drop(dashboard::serve(listener, source, until).await),
                None => until.await,
            }
        };
        let control = async {
            tokio::select! {
                () = control::serve(socket, asked) => {}
                _ = closed_too.wait_for(|closed| *closed) => {}
            }
        };
        tokio::join!(page, control);
    })
}
