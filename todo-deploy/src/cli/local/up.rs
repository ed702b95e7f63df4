//! `todo-deploy local up`

#![expect(clippy::doc_markdown, reason = "the doc comments are the text of --help, which is no Markdown")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::screen::Screen;
use super::{Which, ask, background};
use crate::cli::input::variable;
use crate::cli::{Answer, say};
use crate::deployment::{Defaults, Deployment, Target, duration};
use crate::local::control::Request;
use crate::local::{CpuLimit, RunDir, Runs, Said, Stop, Wanted, end_orphans, environment, find};
use crate::pricing::instance_vcpus;
use crate::simulate::variants::assignment;

/// Start a deployment on this machine, or change the one that runs
///
/// Starts the service's instances behind a load balancer, keeps as many as the deployment's policies want, and shows
/// what happens. Ctrl-C drains and stops everything; once more stops at once. When it runs already (also in the
/// background), only what changed in the deployment is changed; SIGHUP reads the file again.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// The deployment; without it ./deployment.toml where there is one, else the defaults
    #[arg(value_name = "DEPLOYMENT")]
    file: Option<PathBuf>,
    /// Behave like AWS does it: ec2 (simple policies, machines like a t2.micro with its credits and its boot time) or ecs
    /// (target tracking, tasks with a Fargate share)
    #[arg(long, value_name = "ec2|ecs", value_parser = like)]
    like: Option<Target>,
    /// Use the practical's values instead of our corrections of them
    #[arg(long)]
    as_in_the_practical: bool,
    /// Set one field differently: --set capacity.max=8, --set local.share=0.25
    #[arg(long = "set", value_name = "FIELD=VALUE", value_parser = assignment)]
    sets: Vec<(String, toml::Value)>,
    /// Let periods, cooldowns, boot, grace and drain delays pass K times as fast, and credits be used up as fast; requests
    /// and health checks stay as they are
    #[arg(long, value_name = "K", default_value = "1", value_parser = speed)]
    speed: f64,
    /// Run in the background; returns when the service answers
    #[arg(short, long)]
    detach: bool,
    #[arg(long, hide = true)]
    in_background: bool,
    #[command(flatten)]
    service: ServiceArgs,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    which: Which,
}

#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Service")]
struct ServiceArgs {
    /// The program that is the service; without it and --image the deployment's own, else todo-api
    ///
    /// It listens on 127.0.0.1 at the port in its variable PORT, or where {port} stands in its arguments.
    #[arg(long, value_name = "PROGRAM", conflicts_with = "image")]
    program: Option<PathBuf>,
    /// The container image that is the service; needs a container engine
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// Set a variable of the service
    #[arg(short = 'e', long = "env", value_name = "KEY=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
    /// The service's database [default: the deployment's, else an SQLite file that the instances share]
    #[arg(long, value_name = "URL", env = "TODO_DEPLOY_DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// Put so many todos into an empty database, so that a list has something to do [default: local.seed_todos, 100]
    #[arg(long, value_name = "N")]
    seed_todos: Option<u32>,
    /// The service's arguments; {port}, {metrics_port} and {instance} are filled in
    #[arg(last = true, value_name = "ARGUMENT")]
    arguments: Vec<String>,
}

#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Place")]
struct PlaceArgs {
    /// Where the load balancer listens
    #[arg(long, value_name = "ADDR:PORT", default_value = "0.0.0.0:8080")]
    listen: SocketAddr,
    /// Its port, where the address is as it is by default
    #[arg(short, long, value_name = "PORT", conflicts_with = "listen")]
    port: Option<u16>,
    /// Where the dashboard is, or `off`
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8081", value_parser = dashboard)]
    dashboard: Dashboard,
    /// How an instance is held to its share of the CPU: auto (the best that works here), cgroup, stop, none
    #[arg(long, value_name = "HOW", default_value = "auto")]
    cpu_limit: CpuLimit,
    /// From SIGTERM to SIGKILL when an instance is stopped
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration::parse)]
    stop_timeout: Duration,
    /// How often the load balancer tries a failed request on another instance; 0 is what AWS does
    #[arg(long, value_name = "N", default_value = "1")]
    retries: u32,
    /// Write no access log
    #[arg(long)]
    no_access_log: bool,
}

/// For what still runs beside the run when that is over, such as the removal of a container.
const LEFT_BEHIND: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy)]
struct Dashboard(Option<SocketAddr>);

pub(super) fn run(args: &Args) -> Result<Answer> {
    let (deployment, source) = args.deployment()?;
    let dir = args.which.dir(Some(&deployment.name))?;
    let wanted = args.wanted(&deployment, &dir)?;
    if dir.is_running()? {
        say(&format!("{} runs already: what changed in {source} is changed there", deployment.name));
        ask::ask(&dir, &Request::Reload(Box::new(wanted)))?;
        return Ok(Answer::Yes);
    }
    if args.detach && !args.in_background {
        return background::start(&dir);
    }
    dir.create()?;
    let Some(lock) = dir.lock()? else {
        bail!("another todo-deploy has just started in {}", dir.root().display())
    };
    let screen = Arc::new(Mutex::new(Screen::new(args.in_background.then(|| dir.own_log()))));
    let show = move |said: Said| screen.lock().unwrap_or_else(PoisonError::into_inner).said(&said);
    match end_orphans(&dir, &lock) {
        0 => {}
        orphans => show(Said::Line(format!("ended {orphans} instances that a killed todo-deploy had left"))),
    }
    args.introduce(&deployment, &source, &wanted, &dir)
        .iter()
        .for_each(|line| show(Said::Line(line.clone())));
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.context("the system has no thread left")?;
    let again = Arc::new(args.clone());
    let ended = runtime.block_on(async {
        let (stop, stopped) = watch::channel(Stop::No);
        let (reload, reloads) = mpsc::channel(1);
        let (mut signals, mut hangup) = (Signals::new()?, listen(SignalKind::hangup())?);
        let run = crate::local::run(wanted, dir.clone(), lock, Box::new(show), stopped, reloads);
        let mut run = std::pin::pin!(run);
        // Finding the service may build it, which must not hold up the run.
        let mut reading: Option<JoinHandle<Result<Wanted>>> = None;
        loop {
            tokio::select! {
                ended = &mut run => return ended,
                () = signals.stop() => {
                    stop.send_modify(|stop| *stop = if *stop == Stop::No { Stop::Gently } else { Stop::Now });
                }
                _ = hangup.recv(), if reading.is_none() => {
                    let (args, dir) = (Arc::clone(&again), dir.clone());
                    reading = Some(tokio::task::spawn_blocking(move || args.again(&dir)));
                }
                read = async { reading.as_mut().expect("asked only while there").await }, if reading.is_some() => {
                    reading = None;
                    match read.context("the deployment could not be read").flatten() {
                        Ok(wanted) => drop(reload.try_send(wanted)),
                        Err(error) => say(&format!("nothing is reloaded: {error:#}")),
                    }
                }
            }
        }
    });
    // Who is told to stop at once does not wait for a thread that still waits for requests or a build.
    runtime.shutdown_timeout(LEFT_BEHIND);
    ended.map(|()| Answer::Yes)
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    async fn stop(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

fn listen(kind: SignalKind) -> Result<Signal> {
    signal(kind).context("cannot listen for signals")
}

impl Args {
    fn target(&self) -> Target {
        self.like.unwrap_or(Target::Local)
    }

    fn deployment(&self) -> Result<(Deployment, String)> {
        let usual = Path::new("deployment.toml");
        let file = self.file.as_deref().or_else(|| usual.exists().then_some(usual));
        let (text, name) = match file {
            Some(file) => {
                let text = std::fs::read_to_string(file);
                (text.with_context(|| format!("cannot read {}", file.display()))?, file.display().to_string())
            }
            None => (String::new(), "the defaults".to_owned()),
        };
        let defaults = Defaults { target: self.target(), as_in_the_practical: self.as_in_the_practical };
        Ok((Deployment::parse_with(&text, &name, defaults, &self.sets)?, name))
    }

    fn wanted(&self, deployment: &Deployment, dir: &RunDir) -> Result<Wanted> {
        let ServiceArgs { program, image, env, database_url, seed_todos, arguments } = &self.service;
        let arguments = (!arguments.is_empty()).then(|| arguments.clone());
        let runs = find(deployment, program.as_deref(), image.as_deref(), arguments, &|text| say(text))?;
        let mut variables = environment(deployment, database_url.as_deref(), &dir.database())?;
        variables.extend(env.iter().cloned());
        let is_todo_api = match &runs {
            Runs::Program { path, .. } => {
                path.file_stem().is_some_and(|name| name.to_string_lossy().starts_with("todo-api"))
            }
            Runs::Image { .. } => false,
        };
        let PlaceArgs { listen, port, dashboard, cpu_limit, stop_timeout, retries, no_access_log } =
            &self.place;
        Ok(Wanted {
            deployment: toml::to_string(deployment).context("a deployment can be written")?,
            like: self.target(),
            speed: self.speed,
            listen: port.map_or(*listen, |port| SocketAddr::new(listen.ip(), port)),
            dashboard: dashboard.0,
            runs,
            environment: variables,
            // Another service has no todos.
            seed_todos: seed_todos.unwrap_or(if is_todo_api { deployment.local.seed_todos } else { 0 }),
            cpu_limit: *cpu_limit,
            stop_timeout: *stop_timeout,
            access_log: !no_access_log,
            retries: *retries,
        })
    }

    /// What is wanted by now, after SIGHUP.
    fn again(&self, dir: &RunDir) -> Result<Wanted> {
        let (deployment, _) = self.deployment()?;
        self.wanted(&deployment, dir)
    }

    /// What it is about to do, and why so.
    fn introduce(&self, deployment: &Deployment, source: &str, wanted: &Wanted, dir: &RunDir) -> Vec<String> {
        let capacity = deployment.capacity;
        let share = instance_vcpus(deployment, self.target());
        let service = match &wanted.runs {
            Runs::Program { path, .. } => path.display().to_string(),
            Runs::Image { image, .. } => format!("image {image}"),
        };
        let mut lines = vec![format!(
            "{}: {} to {} instances of {service} by {source}; logs and todos in {}",
            deployment.name,
            capacity.min,
            capacity.max,
            dir.root().display()
        )];
        lines.push(match self.like {
            None => format!(
                "like EC2's simple policies, but with {share} vCPU for each instance: todo-api lists todos in tens of \
                 microseconds, so that a laptop's load would never reach the alarms of whole vCPUs (--like ec2, --like ecs)"
            ),
            Some(Target::Ec2) => format!(
                "like EC2: {} with {share} vCPU each, {} to boot",
                deployment.aws.instance_type,
                duration::text(deployment.model.launch_time + deployment.model.boot_time)
            ),
            Some(_) => format!("like ECS: tasks of {share} vCPU and {} MiB", deployment.aws.fargate_memory),
        });
        let here = std::thread::available_parallelism().map_or(1.0, |cpus| cpus.get() as f64);
        if share * f64::from(capacity.max) > here {
            lines.push(format!(
                "{} instances of {share} vCPU are more than the {here} CPUs of this machine: at the maximum they compete",
                capacity.max
            ));
        }
        if self.speed != 1.0 {
            lines.push(format!(
                "time for alarms, cooldowns, boot and drains passes {} × as fast; requests and checks stay real",
                self.speed
            ));
        }
        lines
    }
}

fn like(text: &str) -> Result<Target, String> {
    match text.parse() {
        Ok(Target::Local) => Err("leave --like out for the defaults of this machine".to_owned()),
        other => other,
    }
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse::<f64>().ok().filter(|speed| (0.1..=100.0).contains(speed));
    speed.ok_or_else(|| "a speed is a number from 0.1 to 100".to_owned())
}

fn dashboard(text: &str) -> Result<Dashboard, String> {
    match text {
        "off" => Ok(Dashboard(None)),
        address => match address.parse() {
            Ok(address) => Ok(Dashboard(Some(address))),
            Err(_) => Err("an address and port such as 127.0.0.1:8081, or off".to_owned()),
        },
    }
}
