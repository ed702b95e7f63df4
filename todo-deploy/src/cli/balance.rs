//! `todo-deploy balance`

mod admin;
mod options;
mod roster;
mod spec;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Answer, say};
use crate::balancer::settings::ListenerKind;
use crate::balancer::{Balancer, Event, Handle};
use crate::deployment::duration;
use options::Options;
use roster::Roster;

const EXAMPLES: &str = "\
Examples:
  todo-deploy balance --listen 127.0.0.1:8080 --target 127.0.0.1:9001 --target 127.0.0.1:9002,weight=2
  todo-deploy balance --config balance.toml --admin 127.0.0.1:8081
  todo-deploy balance --listen https://0.0.0.0:8443 --listen redirect://0.0.0.0:8080?port=8443 --target 127.0.0.1:9001
  todo-deploy balance --mode network --listen 127.0.0.1:5432 --target 127.0.0.1:5433 --check tcp
  todo-deploy balance --algorithm 'consistent-hash by header X-User' --stickiness 'balancer-cookie for 1h' …

The file (TOML) has the same names as the options, as keys:
  listen = [\"127.0.0.1:8080\"]
  target = [\"127.0.0.1:9001\", \"127.0.0.1:9002,weight=2\"]
  algorithm = \"least-connections\"
  idle-timeout = \"60s\"
  retries = 1

Signals:
  SIGHUP          reads the file again, changes only what changed in it, opens the access log anew
  SIGTERM, SIGINT stop accepting, finish what is in flight for --grace, end; a second one ends at once

The admin address (--admin) answers on plain HTTP, for this machine only:
  GET    /targets                  every target with state, weight and requests in flight, as JSON
  POST   /targets                  {\"address\": \"127.0.0.1:9003\", \"weight\": 2}: registers it, or changes its weight
  DELETE /targets/127.0.0.1:9003   deregisters it: no new requests; it is gone when idle or its delay is over
  GET    /metrics                  counters and latencies in Prometheus' format
  GET    /health                   200 while it runs";

/// Balance load over given targets: a load balancer alone, in the foreground
///
/// Behaves as an Application Load Balancer does (health checks, states, draining, stickiness, headers, status
/// codes, limits), and besides sends a request that a target failed to another one (--retries 0 turns that off).
/// Options stand before lines of the file; lists of the two are joined.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// A TOML file with any of these settings
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Time for requests in flight to finish when it is told to end
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration::parse)]
    grace: Duration,
    #[command(flatten)]
    options: Options,
}

impl Args {
    /// The options over the file's lines.
    fn all(&self) -> Result<Options> {
        let Some(file) = &self.config else { return Ok(self.options.clone()) };
        let shown = file.display();
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {shown}"))?;
        Ok(self.options.clone().over(options::parse(&text, &shown.to_string())?))
    }
}

pub(super) fn run(args: &Args) -> Result<Answer> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answer = runtime.block_on(balance(args));
    // Who is told to end at once does not wait for the thread that waits for what is in flight.
    runtime.shutdown_background();
    answer
}

async fn balance(args: &Args) -> Result<Answer> {
    // Before anything can take long: a signal that comes early must not end us in the middle.
    let mut ends = [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?];
    let mut reload = signal(SignalKind::hangup())?;
    // Each client may need two file descriptors; what is left out of reach by the hard limit, `accept` meets.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let mut options = args.all()?;
    let settings = options.settings()?;
    let mut balancer = Balancer::start(settings)?;
    let handle = balancer.handle();
    let roster = Roster::new(handle.clone());
    roster.change(&[], &options.target);
    let admin = match options.admin {
        Some(address) => Some(admin::start(address, roster.clone()).await?),
        None => None,
    };
    greet(&handle, &options, admin);
    loop {
        tokio::select! {
            () = ended(&mut ends) => break,
            _ = reload.recv() => match reloaded(args, &options, &roster) {
                Ok(new) => {
                    options = new;
                    say("reloaded");
                }
                Err(error) => say(&format!("not reloaded, everything stays as it was: {error:#}")),
            },
            event = balancer.events().recv() => tell(event, &handle),
        }
    }
    say("ending: no new connections, requests in flight are finished");
    let grace = args.grace;
    let leaving = tokio::task::spawn_blocking(move || balancer.shutdown(grace));
    tokio::select! {
        left = leaving => if !left? {
            say("connections that were still busy have been cut");
        },
        () = ended(&mut ends) => say("ended at once"),
    }
    Ok(Answer::Yes)
}

async fn ended([terminate, interrupt]: &mut [Signal; 2]) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// Reads the file again and applies what is different.
fn reloaded(args: &Args, before: &Options, roster: &Roster) -> Result<Options> {
    // Also when the file has a mistake: the log may have been moved away.
    let reopened = roster.handle().reopen_log();
    let new = args.all()?;
    let settings = new.settings()?;
    let running = before.settings()?;
    if settings.mode != running.mode || settings.workers != running.workers || new.admin != before.admin {
        anyhow::bail!("mode, workers and admin can only be changed by a restart");
    }
    if settings.access_log == running.access_log {
        reopened?;
    }
    roster.handle().configure(settings)?;
    roster.change(&before.target, &new.target);
    Ok(new)
}

fn greet(handle: &Handle, options: &Options, admin: Option<std::net::SocketAddr>) {
    for (address, listener) in handle.addresses().iter().zip(&options.listeners()) {
        let scheme = match listener.kind {
            ListenerKind::Http | ListenerKind::Redirect(_) => "http://",
            ListenerKind::Https(_) => "https://",
            ListenerKind::Tcp => "tcp://",
        };
        say(&format!("listening on {scheme}{address}"));
    }
    if let Some(address) = admin {
        say(&format!("admin on http://{address}"));
    }
    let targets = handle.targets().len();
    say(&match targets {
        0 => "no targets yet: requests are answered 503 until one is registered".to_owned(),
        1 => "1 target".to_owned(),
        _ => format!("{targets} targets"),
    });
}

fn tell(event: Option<Event>, handle: &Handle) {
    let name = |id| {
        let targets = handle.targets();
        let target = targets.iter().find(|target| target.id == id);
        target.map_or_else(|| "a target".to_owned(), |target| target.address.to_string())
    };
    match event {
        Some(Event::Health { id, to, reason, .. }) => {
            say(&format!("{} is {}", name(id), spec::health(to, reason)));
        }
        Some(Event::Ejected { id }) => {
            say(&format!("{} did not accept a connection: left out until a check passes", name(id)));
        }
        Some(Event::Drained { cut: 0, .. }) => say("a target has left, idle"),
        Some(Event::Drained { cut, .. }) => say(&format!("a target has left, {cut} requests were cut")),
        Some(Event::Probe { .. }) | None => {}
    }
}
