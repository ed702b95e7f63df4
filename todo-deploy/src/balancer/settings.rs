//! What a balancer does, as one validated value. Defaults are the Application Load Balancer's unless a field
//! says otherwise.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::deployment::{
    Algorithm, BalancerKind, Deployment, HashKey, HealthCheck, Matcher, Protocol, Stickiness,
};
use crate::pick;

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    pub mode: Mode,
    pub listeners: Vec<Listener>,
    pub algorithm: Algorithm,
    pub stickiness: Stickiness,
    pub checks: Checks,
    /// Who turns check results into health.
    pub authority: Authority,
    /// Fewer healthy targets than this, and all of them get traffic. 1, as the Application Load Balancer has it.
    pub healthy_min: u32,
    /// How long a leaving target may finish what it has; what is left then is cut with 502.
    pub deregistration_delay: Duration,
    /// A target that became healthy gets a share growing linearly over this time; zero is off.
    pub slow_start: Duration,
    pub timeouts: Timeouts,
    pub limits: Limits,
    /// How often a failed request goes to another target: when nothing of it was written, or its method is
    /// idempotent and no byte of an answer came. 0 is what the Application Load Balancer does.
    pub retries: u32,
    pub forwarded_for: ForwardedFor,
    pub access_log: AccessLog,
    /// Threads that carry traffic; at least 1.
    pub workers: usize,
}

/// What is balanced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// HTTP requests.
    Application,
    /// TCP connections, by the hash of their addresses and ports.
    Network,
}

/// Where traffic enters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Port 0 is any free one; [`super::Handle::addresses`] says which.
    pub address: SocketAddr,
    pub kind: ListenerKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenerKind {
    Http,
    Https(Certificate),
    /// Answers 301 to the same host and path on this HTTPS port.
    Redirect(u16),
    Tcp,
}

/// What an HTTPS listener shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Certificate {
    /// One for `localhost`, made at start. Clients will not trust it.
    Generated,
    /// PEM files: the chain and its key.
    Files { chain: PathBuf, key: PathBuf },
}

/// Health checks.
#[derive(Debug, Clone, PartialEq)]
pub struct Checks {
    pub kind: CheckKind,
    pub interval: Duration,
    /// An answer later than this is a failure; at most the interval.
    pub timeout: Duration,
    /// Passes in a row that bring back an unhealthy target. A new one needs one.
    pub healthy_threshold: u32,
    pub unhealthy_threshold: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub enum CheckKind {
    /// `GET path`, passed by these status codes.
    Http { path: String, matcher: Matcher },
    /// Passed by accepting a connection.
    Tcp,
    /// Targets are healthy from the start.
    Off,
}

/// Who turns check results into health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority {
    /// Somebody reads the results from the events and answers with [`super::Handle::set_state`].
    Outside,
    /// The balancer, by the thresholds.
    Own,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Silence after which a connection is closed and a waiting request answered with 504. 60 s.
    pub idle: Duration,
    /// For connecting to a target. 10 s.
    pub connect: Duration,
    /// From a request's first byte (or the connection, for its first request) to the end of its head. 10 s; not
    /// in the Application Load Balancer's list, but without it slow clients hold connections for ever.
    pub header: Duration,
    /// The longest life of a client's connection. 3600 s.
    pub keep_alive: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(60),
            connect: Duration::from_secs(10),
            header: Duration::from_secs(10),
            keep_alive: Duration::from_secs(3600),
        }
    }
}

/// Sizes in bytes, counts, all of them upper bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub request_line: usize,
    pub header: usize,
    pub request_head: usize,
    pub response_head: usize,
    /// Addresses in `X-Forwarded-For`; one more is answered with 463.
    pub forwarded: usize,
    /// Client connections at a time, over all listeners; further ones wait in the listening socket's queue.
    pub connections: usize,
    /// Idle connections kept per target and worker.
    pub pool: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_line: 16 << 10,
            header: 16 << 10,
            request_head: 64 << 10,
            response_head: 32 << 10,
            forwarded: 30,
            connections: 100_000,
            pool: 256,
        }
    }
}

/// What happens to a client's `X-Forwarded-For`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ForwardedFor {
    /// The client's address is appended to it.
    #[default]
    Append,
    /// It is passed as it came.
    Preserve,
    /// It is removed, and none is sent.
    Remove,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AccessLog {
    #[default]
    Off,
    Stdout,
    /// Appended to, and opened again on [`super::Handle::reopen_log`].
    File(PathBuf),
}

impl Default for Checks {
    /// The Application Load Balancer's defaults, as its API has them, but for the interval: 10 s, not 30.
    fn default() -> Self {
        Self {
            kind: CheckKind::Http { path: "/".to_owned(), matcher: Matcher::ok() },
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(5),
            healthy_threshold: 2,
            unhealthy_threshold: 2,
        }
    }
}

impl Default for Settings {
    /// Balances HTTP on a free port of 127.0.0.1.
    fn default() -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            mode: Mode::Application,
            listeners: vec![Listener { address, kind: ListenerKind::Http }],
            algorithm: Algorithm::RoundRobin,
            stickiness: Stickiness::Off,
            checks: Checks::default(),
            authority: Authority::Own,
            healthy_min: 1,
            deregistration_delay: Duration::from_secs(300),
            slow_start: Duration::ZERO,
            timeouts: Timeouts::default(),
            limits: Limits::default(),
            retries: 1,
            forwarded_for: ForwardedFor::Append,
            access_log: AccessLog::Off,
            workers: default_workers(),
        }
    }
}

/// Two where the machine has two cores: one thread carries tens of thousands of requests a second, and more
/// threads cost more CPU per request.
fn default_workers() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get().min(2))
}

/// Checks do not come more often than this, however fast time runs.
const INTERVAL_MIN: Duration = Duration::from_secs(1);

impl Settings {
    /// What a deployment asks for. Its waits are divided by `speed`, the interval of checks down to one second;
    /// the latencies of requests and their timeouts stay real. Listeners are on 127.0.0.1. Health is decided
    /// outside, by the engine.
    #[must_use]
    pub fn of(deployment: &Deployment, speed: f64) -> Self {
        let balancer = &deployment.load_balancer;
        let speed = if speed.is_finite() && speed > 0.0 { speed } else { 1.0 };
        let kind = |listener: &crate::deployment::Listener| match (listener.redirect_to, listener.protocol) {
            (Some(port), _) => ListenerKind::Redirect(port),
            (None, Protocol::Http) => ListenerKind::Http,
            (None, Protocol::Https) => ListenerKind::Https(Certificate::Generated),
            (None, Protocol::Tcp) => ListenerKind::Tcp,
        };
        let listener = |listener| {
            let at: &crate::deployment::Listener = listener;
            Listener { address: SocketAddr::from((Ipv4Addr::LOCALHOST, at.port)), kind: kind(at) }
        };
        Self {
            mode: match balancer.kind {
                BalancerKind::Application => Mode::Application,
                BalancerKind::Network => Mode::Network,
            },
            listeners: balancer.listeners.iter().map(listener).collect(),
            algorithm: balancer.algorithm.clone(),
            stickiness: balancer.stickiness.clone(),
            checks: Checks::of(&deployment.health_check, speed),
            authority: Authority::Outside,
            deregistration_delay: balancer.deregistration_delay.div_f64(speed),
            slow_start: balancer.slow_start.div_f64(speed),
            timeouts: Timeouts { idle: balancer.idle_timeout, ..Timeouts::default() },
            ..Self::default()
        }
    }

    /// The routing algorithm in the picker's terms. Network mode hashes the flow.
    pub(super) fn picking(&self) -> pick::Algorithm {
        /// What `HAProxy` and Envoy take for bounded loads.
        const LOAD_PERCENT: u32 = 125;
        /// A flow stays with its target however busy that is.
        const UNBOUNDED: u32 = u32::MAX;
        match (&self.mode, &self.algorithm) {
            (Mode::Network, Algorithm::RoundRobin) => {
                pick::Algorithm::ConsistentHash { load_percent: UNBOUNDED }
            }
            (_, Algorithm::RoundRobin) => pick::Algorithm::RoundRobin,
            (_, Algorithm::LeastConnections) => pick::Algorithm::LeastOutstanding,
            (_, Algorithm::WeightedLeastConnections) => pick::Algorithm::WeightedLeastConnections,
            (_, Algorithm::WeightedRandom) => pick::Algorithm::WeightedRandom,
            (_, Algorithm::ConsistentHash(_)) => {
                pick::Algorithm::ConsistentHash { load_percent: LOAD_PERCENT }
            }
        }
    }

    /// What consistent hashing looks at; none for the other algorithms.
    pub(super) const fn hash_key(&self) -> Option<&HashKey> {
        match &self.algorithm {
            Algorithm::ConsistentHash(key) => Some(key),
            Algorithm::RoundRobin
            | Algorithm::LeastConnections
            | Algorithm::WeightedLeastConnections
            | Algorithm::WeightedRandom => None,
        }
    }

    /// Slow start is round robin's; the others do not look at a growing share.
    pub(super) fn ramp(&self) -> Option<Duration> {
        let ramps = self.algorithm == Algorithm::RoundRobin && self.mode == Mode::Application;
        (ramps && !self.slow_start.is_zero()).then_some(self.slow_start)
    }
}

impl Checks {
    /// A deployment's health check, its interval divided by `speed` but not below a second.
    fn of(check: &HealthCheck, speed: f64) -> Self {
        let least = INTERVAL_MIN.min(check.interval);
        let interval = check.interval.div_f64(speed).max(least);
        Self {
            kind: CheckKind::Http { path: check.path.clone(), matcher: check.matcher.clone() },
            interval,
            timeout: check.timeout.min(interval),
            healthy_threshold: check.healthy_threshold,
            unhealthy_threshold: check.unhealthy_threshold,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployment::{Defaults, Target};

    #[test]
    fn a_deployment_at_speed_ten() {
        let deployment = Deployment::default_for(Defaults::of(Target::Local));
        let settings = Settings::of(&deployment, 10.0);
        assert_eq!(settings.deregistration_delay, Duration::from_secs(3));
        assert_eq!(settings.checks.interval, Duration::from_secs(1));
        assert_eq!(settings.checks.timeout, Duration::from_secs(1));
        assert_eq!(settings.timeouts.idle, Duration::from_secs(60));
        assert_eq!(settings.authority, Authority::Outside);
    }
}
