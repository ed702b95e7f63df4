//! Every setting of `balance`, once: the option, the file's line and what it sets.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use serde::{Deserialize, Deserializer};

use super::spec::{ListenSpec, TargetSpec};
use crate::balancer::settings::{
    AccessLog, CheckKind, Checks, ForwardedFor, Limits, Listener, ListenerKind, Mode, Settings, Timeouts,
};
use crate::deployment::{Algorithm, HashKey, Matcher, Stickiness, duration};

/// Checks come more often than an Application Load Balancer's every 30 s: there is nobody to be polite to.
const INTERVAL: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(2);
/// A Network Load Balancer's idle timeout.
const NETWORK_IDLE: Duration = Duration::from_secs(350);

#[derive(Debug, Clone, Default, clap::Args, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Options {
    /// Where to listen: [http://]HOST:PORT, https://HOST:PORT[?cert=FILE&key=FILE] (without files a certificate
    /// for localhost is made), redirect://HOST:PORT?port=443, tcp://HOST:PORT; port 0 is any free one; can be
    /// given several times [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS", help_heading = "Traffic")]
    pub(super) listen: Vec<ListenSpec>,
    /// A target: HOST:PORT[,weight=N]; can be given several times
    #[arg(long, value_name = "ADDRESS", help_heading = "Traffic")]
    pub(super) target: Vec<TargetSpec>,
    /// application (HTTP requests) or network (TCP connections) [default: application]
    #[arg(long, value_name = "MODE", value_parser = mode, help_heading = "Traffic")]
    #[serde(deserialize_with = "with_mode")]
    mode: Option<Mode>,
    /// round-robin, least-connections, weighted-least-connections, weighted-random, or consistent-hash by header
    /// NAME, by cookie NAME, by path or by client-address [default: round-robin; network: by the flow's hash]
    #[arg(long, value_name = "NAME", value_parser = algorithm, help_heading = "Traffic")]
    algorithm: Option<Algorithm>,
    /// off, 'balancer-cookie for 1d' or 'application-cookie NAME for 1d' [default: off]
    #[arg(long, value_name = "KIND", value_parser = stickiness, help_heading = "Traffic")]
    stickiness: Option<Stickiness>,
    /// How often a request that a target failed goes to another: if nothing was written, or the method is
    /// idempotent and no answer had begun; 0 as an Application Load Balancer [default: 1]
    #[arg(long, value_name = "N", help_heading = "Traffic")]
    retries: Option<u32>,
    /// A target that became healthy gets a share growing over this time (round robin) [default: 0s, off]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, help_heading = "Traffic")]
    #[serde(deserialize_with = "time")]
    slow_start: Option<Duration>,
    /// Time for a target's requests to finish after it is deregistered; then they are cut [default: 300s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, help_heading = "Traffic")]
    #[serde(deserialize_with = "time")]
    deregistration_delay: Option<Duration>,
    /// Threads that carry traffic [default: the processors, at most 2]
    #[arg(long, value_name = "N", help_heading = "Traffic")]
    workers: Option<usize>,

    /// What is checked: http, tcp or off [default: http; network: tcp]
    #[arg(long, value_name = "KIND", value_parser = check, help_heading = "Health checks")]
    #[serde(deserialize_with = "with_check")]
    check: Option<CheckName>,
    /// Path that is fetched [default: /]
    #[arg(long, value_name = "PATH", help_heading = "Health checks")]
    check_path: Option<String>,
    /// Status codes that pass: 200, 200-399, 200,302 [default: 200-399]
    #[arg(long, value_name = "CODES", value_parser = matcher, help_heading = "Health checks")]
    check_matcher: Option<Matcher>,
    /// Time between checks [default: 5s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, help_heading = "Health checks")]
    #[serde(deserialize_with = "time")]
    check_interval: Option<Duration>,
    /// An answer later than this is a failure [default: 2s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, help_heading = "Health checks")]
    #[serde(deserialize_with = "time")]
    check_timeout: Option<Duration>,
    /// Passes in a row from unhealthy to healthy; a new target needs one [default: 2]
    #[arg(long, value_name = "N", help_heading = "Health checks")]
    healthy_threshold: Option<u32>,
    /// Failures in a row to unhealthy [default: 2]
    #[arg(long, value_name = "N", help_heading = "Health checks")]
    unhealthy_threshold: Option<u32>,
    /// Fewer healthy targets than this, and all of them get traffic; 0 never [default: 1]
    #[arg(long, value_name = "N", help_heading = "Health checks")]
    healthy_min: Option<u32>,

    /// Silence after which a connection is closed and a waiting request answered with 504 [default: 60s;
    /// network: 350s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, help_heading = "Timeouts")]
    #[serde(deserialize_with = "time")]
    idle_timeout: Option<Duration>,
    /// For connecting to a target; then 504 [default: 10s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, help_heading = "Timeouts")]
    #[serde(deserialize_with = "time")]
    connect_timeout: Option<Duration>,
    /// For a request's head to arrive whole; then 408 [default: 10s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, help_heading = "Timeouts")]
    #[serde(deserialize_with = "time")]
    header_timeout: Option<Duration>,
    /// The longest life of a client's connection [default: 3600s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, help_heading = "Timeouts")]
    #[serde(deserialize_with = "time")]
    keep_alive: Option<Duration>,

    /// Longest request line; then 414 [default: 16K]
    #[arg(long, value_name = "BYTES", value_parser = bytes, help_heading = "Limits")]
    #[serde(deserialize_with = "size")]
    max_request_line: Option<usize>,
    /// Longest header line; then 400 [default: 16K]
    #[arg(long, value_name = "BYTES", value_parser = bytes, help_heading = "Limits")]
    #[serde(deserialize_with = "size")]
    max_header: Option<usize>,
    /// Longest request head; then 400 [default: 64K]
    #[arg(long, value_name = "BYTES", value_parser = bytes, help_heading = "Limits")]
    #[serde(deserialize_with = "size")]
    max_request_head: Option<usize>,
    /// Longest response head; then 502 [default: 32K]
    #[arg(long, value_name = "BYTES", value_parser = bytes, help_heading = "Limits")]
    #[serde(deserialize_with = "size")]
    max_response_head: Option<usize>,
    /// Most addresses in X-Forwarded-For; then 463 [default: 30]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    max_forwarded: Option<usize>,
    /// Most client connections at a time [default: 100000]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    max_connections: Option<usize>,
    /// Idle connections kept per target and worker [default: 256]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    pool: Option<usize>,

    /// append, preserve or remove X-Forwarded-For [default: append]
    #[arg(long, value_name = "HOW", value_parser = forwarded, help_heading = "Headers and records")]
    #[serde(deserialize_with = "with_forwarded")]
    forwarded_for: Option<ForwardedFor>,
    /// Write a line per request, with the fields of an Application Load Balancer's access log, to this file;
    /// - is stdout [default: off]
    #[arg(long, value_name = "FILE", help_heading = "Headers and records")]
    access_log: Option<PathBuf>,
    /// Answer questions and orders about targets here; an address of this machine only
    #[arg(long, value_name = "ADDRESS", help_heading = "Headers and records")]
    pub(super) admin: Option<SocketAddr>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CheckName {
    Http,
    Tcp,
    Off,
}

/// Reads a file's text; mistakes name the line.
pub(super) fn parse(text: &str, file: &str) -> Result<Options> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
        let known = "the keys are the options' names, see todo-deploy balance --help";
        let advice = if error.message().contains("unknown field") { known } else { "" };
        let message = error.message().split(", expected").next().unwrap_or_default();
        let comma = if advice.is_empty() { "" } else { "; " };
        anyhow::anyhow!("{file}:{line}: {message}{comma}{advice}")
    })
}

impl Options {
    /// These, and where they say nothing, those below. Lists are joined.
    pub(super) fn over(self, below: Self) -> Self {
        Self {
            listen: [below.listen, self.listen].concat(),
            target: [below.target, self.target].concat(),
            mode: self.mode.or(below.mode),
            algorithm: self.algorithm.or(below.algorithm),
            stickiness: self.stickiness.or(below.stickiness),
            retries: self.retries.or(below.retries),
            slow_start: self.slow_start.or(below.slow_start),
            deregistration_delay: self.deregistration_delay.or(below.deregistration_delay),
            workers: self.workers.or(below.workers),
            check: self.check.or(below.check),
            check_path: self.check_path.or(below.check_path),
            check_matcher: self.check_matcher.or(below.check_matcher),
            check_interval: self.check_interval.or(below.check_interval),
            check_timeout: self.check_timeout.or(below.check_timeout),
            healthy_threshold: self.healthy_threshold.or(below.healthy_threshold),
            unhealthy_threshold: self.unhealthy_threshold.or(below.unhealthy_threshold),
            healthy_min: self.healthy_min.or(below.healthy_min),
            idle_timeout: self.idle_timeout.or(below.idle_timeout),
            connect_timeout: self.connect_timeout.or(below.connect_timeout),
            header_timeout: self.header_timeout.or(below.header_timeout),
            keep_alive: self.keep_alive.or(below.keep_alive),
            max_request_line: self.max_request_line.or(below.max_request_line),
            max_header: self.max_header.or(below.max_header),
            max_request_head: self.max_request_head.or(below.max_request_head),
            max_response_head: self.max_response_head.or(below.max_response_head),
            max_forwarded: self.max_forwarded.or(below.max_forwarded),
            max_connections: self.max_connections.or(below.max_connections),
            pool: self.pool.or(below.pool),
            forwarded_for: self.forwarded_for.or(below.forwarded_for),
            access_log: self.access_log.or(below.access_log),
            admin: self.admin.or(below.admin),
        }
    }

    pub(super) fn listeners(&self) -> Vec<Listener> {
        let tcp = self.mode == Some(Mode::Network);
        let mut listeners: Vec<_> = self.listen.iter().map(|ListenSpec(listener)| listener.clone()).collect();
        if listeners.is_empty() {
            let address = SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, 8080));
            listeners.push(Listener { address, kind: ListenerKind::Http });
        }
        for listener in &mut listeners {
            if tcp && listener.kind == ListenerKind::Http {
                listener.kind = ListenerKind::Tcp;
            }
        }
        listeners
    }

    /// What the balancer is to do.
    pub(super) fn settings(&self) -> Result<Settings> {
        let (given, of) = (Settings::default(), Timeouts::default());
        let limits = Limits::default();
        let mode = self.mode.unwrap_or(given.mode);
        let network = mode == Mode::Network;
        let settings = Settings {
            mode,
            listeners: self.listeners(),
            algorithm: self.algorithm.clone().unwrap_or(given.algorithm),
            stickiness: self.stickiness.clone().unwrap_or(given.stickiness),
            checks: self.checks(network),
            authority: given.authority,
            healthy_min: self.healthy_min.unwrap_or(given.healthy_min),
            deregistration_delay: self.deregistration_delay.unwrap_or(given.deregistration_delay),
            slow_start: self.slow_start.unwrap_or(given.slow_start),
            timeouts: Timeouts {
                idle: self.idle_timeout.unwrap_or(if network { NETWORK_IDLE } else { of.idle }),
                connect: self.connect_timeout.unwrap_or(of.connect),
                header: self.header_timeout.unwrap_or(of.header),
                keep_alive: self.keep_alive.unwrap_or(of.keep_alive),
            },
            limits: Limits {
                request_line: self.max_request_line.unwrap_or(limits.request_line),
                header: self.max_header.unwrap_or(limits.header),
                request_head: self.max_request_head.unwrap_or(limits.request_head),
                response_head: self.max_response_head.unwrap_or(limits.response_head),
                forwarded: self.max_forwarded.unwrap_or(limits.forwarded),
                connections: self.max_connections.unwrap_or(limits.connections),
                pool: self.pool.unwrap_or(limits.pool),
            },
            retries: self.retries.unwrap_or(given.retries),
            forwarded_for: self.forwarded_for.unwrap_or(given.forwarded_for),
            access_log: match &self.access_log {
                None => AccessLog::Off,
                Some(path) if path.as_os_str() == "-" => AccessLog::Stdout,
                Some(path) => AccessLog::File(path.clone()),
            },
            workers: self.workers.unwrap_or(given.workers),
        };
        refuse(&settings, self)?;
        Ok(settings)
    }

    fn checks(&self, network: bool) -> Checks {
        let kind = match self.check.unwrap_or(if network { CheckName::Tcp } else { CheckName::Http }) {
            CheckName::Off => CheckKind::Off,
            CheckName::Tcp => CheckKind::Tcp,
            CheckName::Http => CheckKind::Http {
                path: self.check_path.clone().unwrap_or_else(|| "/".to_owned()),
                matcher: self.check_matcher.clone().unwrap_or_else(Matcher::answers),
            },
        };
        let interval = self.check_interval.unwrap_or(INTERVAL);
        Checks {
            kind,
            interval,
            timeout: self.check_timeout.unwrap_or(TIMEOUT.min(interval)),
            healthy_threshold: self.healthy_threshold.unwrap_or(2),
            unhealthy_threshold: self.unhealthy_threshold.unwrap_or(2),
        }
    }
}

/// What cannot be meant.
fn refuse(settings: &Settings, options: &Options) -> Result<()> {
    let checks = &settings.checks;
    if checks.timeout > checks.interval {
        bail!(
            "check-timeout is longer than check-interval; make it at most {}",
            duration::text(checks.interval)
        );
    }
    let timeouts = settings.timeouts;
    let durations = [
        ("check-interval", checks.interval),
        ("check-timeout", checks.timeout),
        ("idle-timeout", timeouts.idle),
        ("connect-timeout", timeouts.connect),
        ("header-timeout", timeouts.header),
        ("keep-alive", timeouts.keep_alive),
    ];
    for (name, given) in durations {
        if given < Duration::from_millis(1) {
            bail!("{name} must be at least 1ms");
        }
    }
    let limits = settings.limits;
    let counts = [
        ("workers", settings.workers),
        ("healthy-threshold", checks.healthy_threshold as usize),
        ("unhealthy-threshold", checks.unhealthy_threshold as usize),
        ("max-connections", limits.connections),
    ];
    for (name, given) in counts {
        if given == 0 {
            bail!("{name} must be at least 1");
        }
    }
    let sizes = [limits.request_line, limits.header, limits.request_head, limits.response_head];
    if sizes.iter().any(|&size| !(256..=1 << 20).contains(&size)) {
        bail!("limits of heads and lines are from 256 bytes to 1M");
    }
    if let CheckKind::Http { path, .. } = &checks.kind
        && !(path.starts_with('/') && path.bytes().all(|byte| byte > b' ' && byte < 0x7f))
    {
        bail!("check-path `{path}` must begin with / and have no blanks");
    }
    let tcp = |listener: &Listener| listener.kind == ListenerKind::Tcp;
    match settings.mode {
        Mode::Network if !settings.listeners.iter().all(tcp) => {
            bail!("network mode balances TCP: its listeners are tcp://HOST:PORT")
        }
        Mode::Application if settings.listeners.iter().any(tcp) => {
            bail!("a tcp:// listener needs network mode: add --mode network")
        }
        Mode::Application | Mode::Network => {}
    }
    if settings.mode == Mode::Network && settings.stickiness != Stickiness::Off {
        bail!("network mode sees no cookies; a flow stays with its target by itself");
    }
    if let (Mode::Network, Algorithm::ConsistentHash(key)) = (settings.mode, &settings.algorithm)
        && *key != HashKey::ClientAddress
    {
        bail!("network mode sees no requests: consistent-hash is by client-address there");
    }
    let ramps = settings.mode == Mode::Application && settings.algorithm == Algorithm::RoundRobin;
    if !settings.slow_start.is_zero() && !ramps {
        bail!("slow-start is for round-robin in application mode: nothing else looks at a growing share");
    }
    if options.admin.is_some_and(|admin| !admin.ip().is_loopback()) {
        bail!("the admin address has no password, so it must be of this machine: 127.0.0.1:PORT");
    }
    Ok(())
}

fn mode(text: &str) -> Result<Mode, String> {
    match text {
        "application" => Ok(Mode::Application),
        "network" => Ok(Mode::Network),
        _ => Err(format!("`{text}` is no mode; application or network")),
    }
}

fn check(text: &str) -> Result<CheckName, String> {
    match text {
        "http" => Ok(CheckName::Http),
        "tcp" => Ok(CheckName::Tcp),
        "off" => Ok(CheckName::Off),
        _ => Err(format!("`{text}` is no kind of check; http, tcp or off")),
    }
}

fn forwarded(text: &str) -> Result<ForwardedFor, String> {
    match text {
        "append" => Ok(ForwardedFor::Append),
        "preserve" => Ok(ForwardedFor::Preserve),
        "remove" => Ok(ForwardedFor::Remove),
        _ => Err(format!("`{text}` is no way to treat X-Forwarded-For; append, preserve or remove")),
    }
}

fn algorithm(text: &str) -> Result<Algorithm, String> {
    Algorithm::try_from(text.to_owned())
}

fn stickiness(text: &str) -> Result<Stickiness, String> {
    Stickiness::try_from(text.to_owned())
}

fn matcher(text: &str) -> Result<Matcher, String> {
    Matcher::try_from(text.to_owned())
}

/// `16384` or `16K`, `1M`.
fn bytes(text: &str) -> Result<usize, String> {
    let digits = text.trim_end_matches(['k', 'K', 'm', 'M']);
    let shift = match &text[digits.len()..] {
        "" => 0,
        "k" | "K" => 10,
        "m" | "M" => 20,
        _ => u32::MAX,
    };
    let number =
        digits.parse::<usize>().ok().and_then(|number| number.checked_mul(1usize.checked_shl(shift)?));
    number.ok_or_else(|| format!("`{text}` is no size; write bytes, or 16K, or 1M"))
}

fn text<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, D::Error> {
    let text = String::deserialize(deserializer)?;
    read(&text).map(Some).map_err(serde::de::Error::custom)
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    duration::deserialize(deserializer).map(Some)
}

fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Size {
        Bytes(usize),
        Text(String),
    }
    match Size::deserialize(deserializer)? {
        Size::Bytes(count) => Ok(Some(count)),
        Size::Text(text) => bytes(&text).map(Some).map_err(serde::de::Error::custom),
    }
}

fn with_mode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Mode>, D::Error> {
    text(deserializer, mode)
}

fn with_check<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<CheckName>, D::Error> {
    text(deserializer, check)
}

fn with_forwarded<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ForwardedFor>, D::Error> {
    text(deserializer, forwarded)
}

#[cfg(test)]
mod tests;
