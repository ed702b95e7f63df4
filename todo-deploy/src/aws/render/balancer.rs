//! Load balancer, target group, listeners.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{BALANCER_GROUP, LOAD_BALANCER, State, TARGET_GROUP, Unsupported, unsupported};
use crate::aws::names::Names;
use crate::aws::resources::listener::{Certificate, DefaultAction, Listener, Redirect};
use crate::aws::resources::load_balancer::LoadBalancer;
use crate::aws::resources::target_group::{HttpCode, TargetGroup};
use crate::aws::site::Site;
use crate::aws::value::Ref;
use crate::deployment::{self, Algorithm, BalancerKind, Deployment, HashKey, Protocol, Stickiness, Target};

/// TLS 1.2 and 1.3 only.
const SSL_POLICY: &str = "ELBSecurityPolicy-TLS13-1-2-2021-06";

/// Limits of a target group's health check.
const INTERVAL_MIN: Duration = Duration::from_secs(5);
const TIMEOUT_MIN: Duration = Duration::from_secs(2);

pub(super) fn add(
    deployment: &Deployment,
    target: Target,
    site: &Site,
    names: &Names,
    state: &mut State,
) -> Result<(), Unsupported> {
    state.insert(TARGET_GROUP.to_owned(), target_group(deployment, target, site, names)?.into());
    state.insert(LOAD_BALANCER.to_owned(), load_balancer(deployment, site, names).into());
    for listener in &deployment.load_balancer.listeners {
        let logical = format!("Listener{}", listener.port);
        state.insert(logical, of_listener(listener, deployment).into());
    }
    Ok(())
}

fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}

fn target_group(
    deployment: &Deployment,
    target: Target,
    site: &Site,
    names: &Names,
) -> Result<TargetGroup, Unsupported> {
    let health = &deployment.health_check;
    let port = deployment.service.port;
    let is_network = deployment.load_balancer.kind == BalancerKind::Network;
    if health.interval < INTERVAL_MIN {
        return Err(unsupported("health_check.interval", "AWS checks every 5s at most; write 5s or more"));
    }
    if health.timeout < TIMEOUT_MIN {
        return Err(unsupported("health_check.timeout", "AWS waits for 2s at least; write 2s or more"));
    }
    if health.timeout >= health.interval && !is_network {
        let why = "AWS wants a timeout shorter than the interval";
        return Err(unsupported("health_check.timeout", why));
    }
    Ok(TargetGroup {
        name: names.service(),
        port: i32::from(port),
        protocol: if is_network { "TCP" } else { "HTTP" }.to_owned(),
        vpc_id: site.vpc.clone(),
        target_type: if target == Target::Ecs { "ip" } else { "instance" }.to_owned(),
        health_check_enabled: true,
        health_check_protocol: "HTTP".to_owned(),
        health_check_port: port.to_string(),
        health_check_path: health.path.clone(),
        health_check_interval_seconds: seconds(health.interval),
        health_check_timeout_seconds: seconds(health.timeout),
        healthy_threshold_count: health.healthy_threshold.cast_signed(),
        unhealthy_threshold_count: health.unhealthy_threshold.cast_signed(),
        matcher: HttpCode { http_code: health.matcher.clone().into() },
        target_group_attributes: attributes(&deployment.load_balancer)?.into_iter().collect(),
    })
}

fn attributes(balancer: &deployment::LoadBalancer) -> Result<BTreeMap<String, String>, Unsupported> {
    let mut found = BTreeMap::new();
    let mut set = |key: &str, value: String| found.insert(key.to_owned(), value);
    set("deregistration_delay.timeout_seconds", balancer.deregistration_delay.as_secs().to_string());
    let sticky = balancer.stickiness != Stickiness::Off;
    if balancer.kind == BalancerKind::Network {
        let by_address = match &balancer.algorithm {
            Algorithm::RoundRobin => false,
            Algorithm::ConsistentHash(HashKey::ClientAddress) => true,
            _ => {
                return Err(unsupported(
                    "load_balancer.algorithm",
                    "a network load balancer hashes each connection; write round-robin, or consistent-hash by \
                     client-address to keep a client on its target",
                ));
            }
        };
        if sticky {
            let why = "a network load balancer sees no cookies; write off";
            return Err(unsupported("load_balancer.stickiness", why));
        }
        set("stickiness.enabled", by_address.to_string());
        if by_address {
            set("stickiness.type", "source_ip".to_owned());
        }
        return Ok(found);
    }
    let algorithm = match &balancer.algorithm {
        Algorithm::RoundRobin => "round_robin",
        Algorithm::LeastConnections => "least_outstanding_requests",
        Algorithm::WeightedRandom => "weighted_random",
        Algorithm::WeightedLeastConnections | Algorithm::ConsistentHash(_) => {
            return Err(unsupported(
                "load_balancer.algorithm",
                "AWS's application load balancer knows round-robin, least-connections and weighted-random",
            ));
        }
    };
    set("load_balancing.algorithm.type", algorithm.to_owned());
    set("slow_start.duration_seconds", balancer.slow_start.as_secs().to_string());
    set("stickiness.enabled", sticky.to_string());
    match &balancer.stickiness {
        Stickiness::Off => {}
        Stickiness::BalancerCookie { lasts } => {
            set("stickiness.type", "lb_cookie".to_owned());
            set("stickiness.lb_cookie.duration_seconds", lasts.as_secs().to_string());
        }
        Stickiness::ApplicationCookie { name, lasts } => {
            set("stickiness.type", "app_cookie".to_owned());
            set("stickiness.app_cookie.cookie_name", name.clone());
            set("stickiness.app_cookie.duration_seconds", lasts.as_secs().to_string());
        }
    }
    Ok(found)
}

fn load_balancer(deployment: &Deployment, site: &Site, names: &Names) -> LoadBalancer {
    let (kind, attribute) = match deployment.load_balancer.kind {
        BalancerKind::Application => {
            let idle = deployment.load_balancer.idle_timeout.as_secs().to_string();
            ("application", ("idle_timeout.timeout_seconds", idle))
        }
        BalancerKind::Network => ("network", ("load_balancing.cross_zone.enabled", true.to_string())),
    };
    LoadBalancer {
        name: names.balancer(),
        kind: kind.to_owned(),
        scheme: "internet-facing".to_owned(),
        subnets: site.spread.clone(),
        security_groups: [Ref::group(BALANCER_GROUP)].into(),
        load_balancer_attributes: [(attribute.0.to_owned(), attribute.1)].into_iter().collect(),
    }
}

fn of_listener(listener: &deployment::Listener, deployment: &Deployment) -> Listener {
    let is_https = listener.protocol == Protocol::Https;
    let certificate = deployment.aws.certificate.clone().filter(|_| is_https);
    let protocol = match listener.protocol {
        Protocol::Http => "HTTP",
        Protocol::Https => "HTTPS",
        Protocol::Tcp => "TCP",
    };
    let action = match listener.redirect_to {
        Some(port) => DefaultAction {
            kind: "redirect".to_owned(),
            target_group_arn: None,
            redirect_config: Some(Redirect {
                protocol: "HTTPS".to_owned(),
                port: port.to_string(),
                status_code: "HTTP_301".to_owned(),
            }),
        },
        None => DefaultAction {
            kind: "forward".to_owned(),
            target_group_arn: Some(Ref::to(TARGET_GROUP)),
            redirect_config: None,
        },
    };
    Listener {
        load_balancer_arn: Ref::to(LOAD_BALANCER),
        port: i32::from(listener.port),
        protocol: protocol.to_owned(),
        certificates: certificate.into_iter().map(|arn| Certificate { certificate_arn: arn }).collect(),
        ssl_policy: is_https.then(|| SSL_POLICY.to_owned()),
        default_actions: vec![action],
    }
}
