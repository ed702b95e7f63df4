//! One instance: a process from its start to its end, and how it is stopped.
//!
//! The order of a stop is ECS's: it gets no new requests (the caller's doing), then SIGTERM, then, after the stop
//! timeout, SIGKILL, to every process of it that is left. This file waits and measures real time.
#![expect(clippy::disallowed_methods, reason = "processes start and end in real time")]

use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::Signal;
use socket2::{Domain, Socket, Type};
use tokio::net::TcpStream;
use tokio::net::unix::pipe;
use tokio::process::Child;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::docker;
use super::limit::{Limited, Limiter};
use super::listening;
use super::log::{self, Rotating, Tail};
use super::procfs::{self, Identity, Stat};
use super::rundir::{Record, boot_id};
use super::service::{Place, Service};
use crate::timeline::InstanceId;

/// After that long a process that does not listen is in service all the same; its health checks say the rest.
const LISTEN_PATIENCE: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// And after that long one is told that it listens nowhere.
const SLOW_PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN_EVERY: Duration = Duration::from_secs(1);
/// For the last lines of a process that has ended, while something it started still holds its output.
const LOG_PATIENCE: Duration = Duration::from_millis(500);

/// How an instance is to be started.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) id: InstanceId,
    pub(super) service: Arc<Service>,
    /// Before anything else, after failures.
    pub(super) wait: Duration,
    /// What a cloud takes to bring up a machine, and the machine to start the service; zero for a bare process.
    pub(super) launch: Duration,
    pub(super) boot: Duration,
    pub(super) vcpus: f64,
    pub(super) stop_timeout: Duration,
    pub(super) record: PathBuf,
    pub(super) log: PathBuf,
    pub(super) container: Option<String>,
}

/// What is told of an instance.
#[derive(Debug)]
pub(super) enum Life {
    /// Its address is known, and it is to be registered.
    Started {
        address: SocketAddr,
        metrics: SocketAddr,
    },
    /// Its process runs.
    Spawned(Running),
    /// It does not listen where it should; where it does instead.
    Unheard(SocketAddr, Vec<SocketAddr>),
    Ended(Ending),
}

/// A process as the limiter and the measurements need it.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) root: Stat,
    pub(super) limited: Limited,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ending {
    /// "exit code 1", "killed by signal 9", or why it could not be started.
    pub(super) how: String,
    /// Since its process was started.
    pub(super) after: Duration,
    pub(super) last_lines: Vec<String>,
}

/// What is wanted of an instance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    #[default]
    No,
    /// SIGTERM, and SIGKILL after the stop timeout.
    Gently,
    /// SIGKILL.
    Now,
}

/// Where it is told.
pub(super) type Told = mpsc::Sender<(InstanceId, Life)>;

/// Lives through one instance and tells about it; the last thing told is its end.
pub(super) async fn live(plan: Plan, limiter: Arc<Limiter>, mut stop: watch::Receiver<Stop>, told: Told) {
    let ending = match run(&plan, &limiter, &mut stop, &told).await {
        Ok(ending) => ending,
        Err(error) => Ending {
            how: format!("cannot be started: {error:#}"),
            after: Duration::ZERO,
            last_lines: Vec::new(),
        },
    };
    let _ = std::fs::remove_file(&plan.record);
    // Nobody is told when all is over.
    let _ = told.send((plan.id, Life::Ended(ending))).await;
}

async fn run(
    plan: &Plan,
    limiter: &Limiter,
    stop: &mut watch::Receiver<Stop>,
    told: &Told,
) -> Result<Ending> {
    let never =
        || Ending { how: "stopped before it ran".to_owned(), after: Duration::ZERO, last_lines: Vec::new() };
    if !pause(plan.wait + plan.launch, stop).await {
        return Ok(never());
    }
    let (port, metrics) = (Reserved::new()?, Reserved::new()?);
    let tell = async |life| {
        let _ = told.send((plan.id, life)).await;
    };
    let started = || tell(Life::Started { address: port.address, metrics: metrics.address });
    // A machine is in service before what it boots listens.
    let is_emulated = plan.launch + plan.boot > Duration::ZERO;
    if is_emulated {
        started().await;
        if !pause(plan.boot, stop).await {
            return Ok(never());
        }
    }
    let (mut process, running) = spawn(plan, limiter, &port, &metrics)?;
    tell(Life::Spawned(running)).await;
    let root = process.root.pid;
    let listening = async {
        let listens = listens(port.address).await;
        if !is_emulated {
            started().await;
        }
        // What a container listens on inside, nobody sees from outside.
        if !listens
            && plan.container.is_none()
            && let Some(elsewhere) = elsewhere(port.address, root).await
        {
            tell(Life::Unheard(port.address, elsewhere)).await;
        }
    };
    tokio::select! {
        () = listening => {}
        _ = process.child.wait() => {}
        () = asked(stop, Stop::Gently) => {}
    }
    let status = process.until_end(plan, stop).await;
    process.end_rest();
    let last_lines = process.last_lines().await;
    Ok(Ending { how: describe(status), after: process.began.elapsed(), last_lines })
}

/// Returns when it is to stop at least like this; never when nobody is left who could say so.
async fn asked(stop: &mut watch::Receiver<Stop>, how: Stop) {
    if stop.wait_for(|stop| *stop >= how).await.is_err() {
        std::future::pending().await
    }
}

/// False when it is to stop instead.
async fn pause(length: Duration, stop: &mut watch::Receiver<Stop>) -> bool {
    tokio::select! {
        biased;
        () = asked(stop, Stop::Gently) => false,
        () = sleep(length) => true,
    }
}

/// Returns once the address accepts connections, or after a while; then it is false.
async fn listens(address: SocketAddr) -> bool {
    let deadline = Instant::now() + LISTEN_PATIENCE;
    while TcpStream::connect(address).await.is_err() {
        if Instant::now() >= deadline {
            return false;
        }
        sleep(LOOK_EVERY).await;
    }
    true
}

/// Where processes that do not listen at their address listen instead, once they do anywhere, or nowhere for long.
/// `None`: they are only slow.
async fn elsewhere(address: SocketAddr, root: u32) -> Option<Vec<SocketAddr>> {
    let deadline = Instant::now() + SLOW_PATIENCE;
    while TcpStream::connect(address).await.is_err() {
        let found = listening::of(&procfs::tree(&procfs::all(), root));
        if !found.is_empty() || Instant::now() >= deadline {
            return Some(found);
        }
        sleep(LOOK_AGAIN_EVERY).await;
    }
    None
}

/// A port that nobody else gets while the instance is there.
///
/// Bound but not listening, so that on Linux a server may still bind it (both sides set `SO_REUSEADDR`, as servers do),
/// while the kernel gives it to nobody who asks for any port. Elsewhere it is only chosen.
#[derive(Debug)]
struct Reserved {
    address: SocketAddr,
    #[expect(dead_code, reason = "held, not used")]
    socket: Option<Socket>,
}

impl Reserved {
    fn new() -> Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        socket.bind(&any.into()).context("no port of the loopback interface is free")?;
        let address = socket.local_addr()?.as_socket().context("an address of the loopback interface")?;
        Ok(Self { address, socket: cfg!(target_os = "linux").then_some(socket) })
    }
}

#[derive(Debug)]
struct Process {
    child: Child,
    root: Stat,
    began: Instant,
    log: Option<JoinHandle<Tail>>,
    container: Option<String>,
}

fn spawn(plan: &Plan, limiter: &Limiter, port: &Reserved, metrics: &Reserved) -> Result<(Process, Running)> {
    let limited = match plan.container {
        Some(_) => Limited::elsewhere(plan.id),
        None => limiter.prepare(plan.id, plan.vcpus).context("cannot make its control group")?,
    };
    let record = Record {
        boot: boot_id(),
        groups: limited.groups.clone(),
        container: plan.container.clone(),
        process: None,
    };
    record.write(&plan.record)?;
    let (reader, writer) = std::io::pipe().context("cannot make a pipe for its log")?;
    let log = Rotating::append(&plan.log, log::LOG_BYTES_MAX)
        .with_context(|| format!("cannot write {}", plan.log.display()))?;
    let place = Place {
        id: plan.id,
        port: port.address.port(),
        metrics_port: metrics.address.port(),
        record: &plan.record,
        groups: &limited.groups,
        container: plan.container.as_deref().map(|name| (name, plan.vcpus)),
        logs: Some((writer.try_clone()?, writer)),
    };
    let child = plan.service.command(place).spawn().context("there is no sh to start it with")?;
    let began = Instant::now();
    let reader = pipe::Receiver::from_owned_fd(OwnedFd::from(reader)).context("cannot read its log")?;
    let log = Some(tokio::spawn(log::keep(reader, log)));
    let pid = child.id().context("it ended at once")?;
    let none = Stat { pid, parent: 0, group: pid, is_zombie: false, ticks: 0, start: 0, resident_pages: 0 };
    let root = Stat::of(pid).unwrap_or(none);
    if !cfg!(target_os = "linux")
        && let Some(identity) = Identity::of(pid)
    {
        Record::add_process(&plan.record, &identity)?;
    }
    if plan.container.is_none() {
        limiter.started(&limited, &root, plan.vcpus);
    }
    let container = plan.container.clone();
    Ok((Process { child, root, began, log, container }, Running { root, limited }))
}

impl Process {
    /// Waits for its end, and brings it about when that is wanted.
    async fn until_end(&mut self, plan: &Plan, stop: &mut watch::Receiver<Stop>) -> Option<ExitStatus> {
        tokio::select! {
            status = self.child.wait() => return status.ok(),
            () = asked(stop, Stop::Gently) => {}
        }
        let gently = *stop.borrow() == Stop::Gently;
        if gently {
            procfs::signal(self.root.pid, Signal::TERM);
            procfs::signal(self.root.pid, Signal::CONT);
            let ended = tokio::select! {
                ended = timeout(plan.stop_timeout, self.child.wait()) => ended.ok(),
                () = asked(stop, Stop::Now) => None,
            };
            if let Some(status) = ended {
                return status.ok();
            }
        }
        self.container.as_deref().into_iter().for_each(docker::kill);
        self.end_rest();
        let _ = self.child.start_kill();
        self.child.wait().await.ok()
    }

    /// Kills what is left of its process group: workers that did not end with it.
    fn end_rest(&self) {
        for stat in procfs::tree(&procfs::all(), self.root.pid) {
            // Its own id may belong to somebody else by now, and so may that one's children.
            if stat.group == self.root.pid && stat.start >= self.root.start && !stat.is_zombie {
                procfs::signal(stat.pid, Signal::KILL);
            }
        }
    }

    async fn last_lines(&mut self) -> Vec<String> {
        let Some(log) = self.log.take() else { return Vec::new() };
        match timeout(LOG_PATIENCE, log).await {
            Ok(Ok(tail)) => tail.lines(),
            _ => Vec::new(),
        }
    }
}

fn describe(status: Option<ExitStatus>) -> String {
    match status {
        Some(status) => match (status.code(), status.signal()) {
            (Some(code), _) => format!("ended with exit code {code}"),
            (_, Some(signal)) => format!("was killed by signal {signal}"),
            _ => "ended".to_owned(),
        },
        None => "ended, nobody knows how".to_owned(),
    }
}
