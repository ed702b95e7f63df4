//! Whether the service answers: the balancer is there, enough targets are healthy, and `GET` through the balancer is 200.

mod door;
mod launches;
mod rollout;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use self::door::Door;
use super::clients::Cloud;
use super::failure::{Failure, Kind, of};
use super::names::Names;
use super::render;
use super::resources::{At, load_balancer};
use super::value::Ids;
use super::wait::Deadline;
use crate::deployment::{Deployment, Protocol};
use aws_sdk_elasticloadbalancingv2::types::{LoadBalancerStateEnum, TargetHealthStateEnum};

/// `HOST:PORT:ADDRESS`, as curl's `--resolve`: where to find a host whatever the name service says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolve {
    pub host: String,
    pub port: u16,
    pub address: SocketAddr,
}

impl std::str::FromStr for Resolve {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || {
            format!(
                "`{text}`: write HOST:PORT:ADDRESS or HOST:PORT:ADDRESS:PORT, such as lb.test:80:127.0.0.1"
            )
        };
        let mut parts = text.splitn(3, ':');
        let (host, port, address) = (parts.next(), parts.next(), parts.next());
        let (Some(host), Some(port), Some(address)) = (host, port, address) else { return Err(refuse()) };
        let port: u16 = port.parse().map_err(|_| refuse())?;
        let address = address
            .parse::<SocketAddr>()
            .or_else(|_| address.trim_matches(['[', ']']).parse().map(|ip| SocketAddr::new(ip, port)))
            .map_err(|_| refuse())?;
        Ok(Self { host: host.to_owned(), port, address })
    }
}

/// What is still missing, in words.
pub type Missing = String;

/// Waiting for the service.
#[derive(Debug)]
pub struct Ready<'a> {
    pub cloud: &'a Cloud,
    pub names: &'a Names,
    pub ids: &'a Ids,
    pub deployment: &'a Deployment,
    pub resolve: &'a [Resolve],
    /// The deployment of an ECS service, or the refresh of a group's instances, that is followed.
    pub followed: RefCell<Followed>,
}

/// What was seen of our roll-out so far.
#[derive(Debug, Default)]
pub struct Followed {
    /// Whether a refresh is wanted to be rolled back.
    is_undone: bool,
    /// Its id, once it is known.
    id: Option<String>,
    /// Whether it was seen.
    is_seen: bool,
    /// Looks in which it was not there, although nobody had seen it yet.
    unseen: u32,
}

impl Followed {
    /// A refresh that somebody undoes, if so.
    pub fn undone(is_undone: bool) -> Self {
        Self { is_undone, ..Self::default() }
    }

    /// The deployment of an ECS service that was just begun, where its id is known.
    pub fn begun(id: Option<String>) -> Self {
        Self { id, ..Self::default() }
    }
}

impl Ready<'_> {
    fn at(&self) -> At<'_> {
        At { cloud: self.cloud, names: self.names, ids: self.ids, own: None }
    }

    /// Waits until the service answers through the balancer; its URL.
    ///
    /// `tell` hears what is still missing, with the time since the wait began; `stopped` ends the wait.
    pub async fn wait(
        &self,
        tell: &dyn Fn(&str, Duration),
        stopped: &dyn Fn() -> bool,
    ) -> Result<String, String> {
        let clock = Deadline::after(self.cloud.pace.total, self.cloud.pace.poll);
        loop {
            let missing = match self.look().await {
                Ok(Ok(url)) => return Ok(url),
                Ok(Err(missing)) => missing,
                // What was just made may not be visible everywhere yet.
                Err(failure) if failure.kind == Kind::NotFound => failure.said(),
                Err(failure) => return Err(failure.to_string()),
            };
            if let Some(final_word) = missing.strip_prefix(FINAL) {
                return Err(final_word.to_owned());
            }
            if stopped() {
                return Err(format!("stopped; still missing: {missing}"));
            }
            tell(&missing, clock.elapsed());
            if !clock.again().await {
                return Err(format!("the time is over (--timeout) and still: {missing}"));
            }
        }
    }

    /// The URL when all is well, else what is missing.
    async fn look(&self) -> Result<Result<String, Missing>, Failure> {
        let Some(balancer) = load_balancer::describe(&self.names.balancer(), self.at()).await? else {
            return Ok(Err("the load balancer is not visible yet".to_owned()));
        };
        let state = balancer.state();
        match state.and_then(|state| state.code()) {
            Some(LoadBalancerStateEnum::Active | LoadBalancerStateEnum::ActiveImpaired) => {}
            Some(LoadBalancerStateEnum::Failed) => {
                let reason = state.and_then(|state| state.reason()).unwrap_or("no reason given");
                return Ok(Err(format!("{FINAL}the load balancer failed: {reason}")));
            }
            _ => return Ok(Err("the load balancer is being provisioned".to_owned())),
        }
        if let Err(missing) = self.replaced().await? {
            return Ok(Err(missing));
        }
        // Why targets are not healthy is why a deployment does not get on.
        let (deployed, healthy) = (self.deployed().await?, self.healthy().await?);
        match (deployed, healthy) {
            (Err(missing), Err(unhealthy)) => return Ok(Err(format!("{missing}; {unhealthy}"))),
            (Err(missing), Ok(())) | (Ok(()), Err(missing)) => return Ok(Err(missing)),
            (Ok(()), Ok(())) => {}
        }
        let host = balancer.dns_name().unwrap_or_default();
        Ok(self.answers(host).await)
    }

    /// At least the minimum of targets are healthy; otherwise why the others are not.
    async fn healthy(&self) -> Result<Result<(), Missing>, Failure> {
        let Some(group) = self.ids.get(render::TARGET_GROUP) else {
            return Ok(Err("there is no target group".to_owned()));
        };
        let request = self.cloud.elb.describe_target_health().target_group_arn(group);
        let found = request.send().await.map_err(of("elasticloadbalancing:DescribeTargetHealth"))?;
        let wanted = self.deployment.capacity.min.max(1) as usize;
        let mut healthy = 0;
        let mut others: BTreeMap<String, usize> = BTreeMap::new();
        for target in found.target_health_descriptions() {
            let health = target.target_health();
            match health.and_then(|health| health.state()) {
                Some(TargetHealthStateEnum::Healthy) => healthy += 1,
                state => {
                    let state = state.map_or("unknown", TargetHealthStateEnum::as_str);
                    let code =
                        health.and_then(|health| health.reason()).map(|reason| reason.as_str().to_owned());
                    let why = health.and_then(|health| health.description()).map(str::to_owned);
                    let parts = [Some(state.to_owned()), code.clone(), why, code.as_deref().and_then(remedy)];
                    let said = parts.into_iter().flatten().collect::<Vec<_>>().join(": ");
                    *others.entry(said).or_default() += 1;
                }
            }
        }
        if healthy >= wanted {
            return Ok(Ok(()));
        }
        let others: Vec<String> = others.into_iter().map(|(why, count)| format!("{count} {why}")).collect();
        let others = if others.is_empty() { "none registered yet".to_owned() } else { others.join("; ") };
        let why = self.why_none_comes().await.map(|why| format!("; {why}")).unwrap_or_default();
        Ok(Err(format!("{healthy} of {wanted} targets healthy ({others}){why}")))
    }

    /// Asks for the health check's path through the first listener that forwards.
    async fn answers(&self, host: &str) -> Result<String, Missing> {
        let listeners = &self.deployment.load_balancer.listeners;
        let listener = listeners.iter().find(|listener| listener.redirect_to.is_none());
        let Some(listener) = listener else { return Err("no listener forwards".to_owned()) };
        let (scheme, usual) = match listener.protocol {
            Protocol::Https => ("https", 443),
            Protocol::Http | Protocol::Tcp => ("http", 80),
        };
        let port = listener.port;
        let url = match port == usual {
            true => format!("{scheme}://{host}"),
            false => format!("{scheme}://{host}:{port}"),
        };
        let path = &self.deployment.health_check.path;
        let fixed = self.resolve.iter().find(|one| (one.host == host || one.host == "*") && one.port == port);
        let door = Door { host, port, fixed: fixed.map(|fixed| fixed.address), secure: scheme == "https" };
        let asked = tokio::time::timeout(self.cloud.pace.attempt, door.get(path));
        let answer = asked.await.unwrap_or_else(|_| Err("no answer in time".to_owned()));
        match answer {
            Ok(200) => Ok(url),
            Ok(status) => Err(format!("{url}{path} answers {status}")),
            Err(why) => Err(format!("{url}{path}: {why}")),
        }
    }
}

/// Marks what no further waiting will change.
const FINAL: &str = "\u{1}";

fn remedy(code: &str) -> Option<String> {
    let text = match code {
        "Target.ResponseCodeMismatch" => "is health_check.path the right one?",
        "Target.Timeout" | "Target.FailedHealthChecks" => {
            "does the service listen on service.port, and start without its database missing?"
        }
        _ => return None,
    };
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolves_as_curl_writes_them() {
        let resolve: Resolve = "lb.test:80:127.0.0.1".parse().expect("plain");
        assert_eq!(resolve.address, "127.0.0.1:80".parse().expect("address"));
        let resolve: Resolve = "lb.test:80:127.0.0.1:8080".parse().expect("with a port");
        assert_eq!(resolve.address.port(), 8080);
        let resolve: Resolve = "lb.test:80:[::1]".parse().expect("IPv6");
        assert!(resolve.address.is_ipv6());
        assert!("lb.test:80".parse::<Resolve>().is_err());
    }
}
