//! What only one target can honour, each in its own table, and the assumptions that nobody publishes.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::RequestPattern;
use super::duration::{self, Span};

/// Where the deployment goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// Virtual machines in an Auto Scaling group.
    Ec2,
    /// Fargate tasks of an ECS service.
    Ecs,
    /// Processes on this machine.
    Local,
}

impl Target {
    pub const ALL: [Self; 3] = [Self::Ec2, Self::Ecs, Self::Local];
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ec2 => "ec2",
            Self::Ecs => "ecs",
            Self::Local => "local",
        })
    }
}

impl FromStr for Target {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|target| target.to_string() == text);
        known.ok_or_else(|| format!("`{text}` is no target; one of ec2, ecs, local"))
    }
}

/// `[aws]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aws {
    pub region: String,
    /// EC2 instance type. The practical's: t2.micro.
    pub instance_type: String,
    /// Whether a burstable instance may run above its baseline without credits, for money.
    pub unlimited_credits: bool,
    /// Fargate CPU units of one task (1024 = one vCPU) and memory in MiB.
    pub fargate_cpu: u32,
    pub fargate_memory: u32,
    /// Machine image; left out, the newest Amazon Linux is resolved once.
    ///
    /// The practical: `ami-005f9685cb30f234b`, which no longer exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ami: Option<String>,
    /// Zones; empty means every zone of the default VPC that offers the type, at least two.
    ///
    /// The practical: `us-east-1a` alone. Ours: all, because one zone is no availability and a load balancer
    /// demands two.
    pub zones: Vec<String>,
    /// Subnets; empty means the default VPC's.
    pub subnets: Vec<String>,
    /// Certificate (ARN) of the HTTPS listeners.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// SSH key pair. The practical: `vockey`. Ours: none, nobody logs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_name: Option<String>,
    /// Ports of an instance that the whole world may reach.
    ///
    /// The practical: 6400 and 22. Ours: none; the service's port is open to the load balancer only.
    pub open_to_world: Vec<u16>,
    /// Instance profile of the instances (EC2): lets them read secrets, pull the image and write logs. The Learner
    /// Lab's is there in every lab account.
    pub instance_profile: String,
    /// Role of the tasks and of what starts them (ECS), for the same.
    pub role: String,
    /// Whether an instance updates its packages while it boots.
    ///
    /// The practical: true (`yum update -y`). Ours: false, because it adds minutes to every scale-out.
    pub update_at_boot: bool,
    /// Database class and size in GB, where one is created.
    pub database_class: String,
    pub database_storage_gb: u32,
}

/// `[local]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Local {
    /// The program to start; left out, `todo-api` is found or built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    pub arguments: Vec<String>,
    /// vCPUs that one instance gets.
    ///
    /// 0.1 by default, so that the practical's load really takes the fleet from one to the maximum on a laptop:
    /// a list costs this service microseconds where the course's needed two milliseconds.
    pub share: f64,
    /// Todos that an empty database is filled with, so that a list has something to do; 0 leaves it empty.
    pub seed_todos: u32,
}

/// `[model]`: what `check`, `simulate` and the engine assume where nothing public says. Each is a modelling
/// choice with a name, so that it can be changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// From the decision until the instance runs and is registered with the balancer (AWS: `InService`).
    #[serde(with = "duration")]
    pub launch_time: Duration,
    /// From then until the service answers: user data, image pull, start.
    #[serde(with = "duration")]
    pub boot_time: Duration,
    /// Percent of its CPU that an instance uses while it boots.
    pub boot_cpu: f64,
    /// How late a metric's point becomes visible.
    #[serde(with = "duration")]
    pub metric_lag: Duration,
    /// Periods that an alarm reaches back beyond its evaluation periods when points are missing.
    pub range_extra: u32,
    /// Target tracking's low alarm, as a share of the target: 0.7 seen on EC2, 0.9 on ECS.
    pub low_ratio: f64,
    /// Periods of one minute behind target tracking's high and low alarm: 3 and 15 seen on both.
    pub high_periods: u32,
    pub low_periods: u32,
    /// Target tracking: what a further scale-out in the cooldown is computed from.
    pub cooldown_base: CooldownBase,
    /// Target tracking: whether the scale-out cooldown holds back scale-in too. Its fifteen minutes of low
    /// metrics do so anyway.
    pub scale_in_waits: bool,
    /// A draining target may leave as soon as nothing is in flight; false waits for the whole delay.
    pub drain_ends_early: bool,
    /// CPU time that one request costs, on average, on one vCPU.
    #[serde(with = "duration")]
    pub service_time: Duration,
    /// The same for single requests: `POST /api/v1/todos`, `/api/v1/todos/{id}`, `name list`. The most precise
    /// pattern counts.
    pub service_times: BTreeMap<RequestPattern, Span>,
    /// Network time of one request, there and back.
    #[serde(with = "duration")]
    pub round_trip: Duration,
    /// How the load ends: with its schedule, or as the load generator would have it.
    pub load_ends: LoadEnds,
    /// Bytes of one request and of its answer, on the wire: network metrics, balancer units, data transfer.
    pub request_bytes: u32,
    pub response_bytes: u32,
    /// Memory of an idle instance in MiB, and of each request under way in KiB.
    pub idle_memory_mib: f64,
    pub request_memory_kib: f64,
    /// What the service answers to a health check, by path; a path that is not named is answered 200.
    ///
    /// The practical: 404 at `/`, because its service has nothing there. Ours: nothing named.
    pub answers: BTreeMap<String, u16>,
    /// What custom metrics measure, by name; one that is not named is not simulated.
    pub custom: BTreeMap<String, CustomMetric>,
}

/// What becomes of the requests that are under way when the load's schedule is over.
///
/// An overloaded service has a backlog then. Whether it still works it off decides when the fleet may shrink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoadEnds {
    /// Users go, and what they wait for goes with them: a service that notices a closed connection (todo-api
    /// does) stops working on it. So the fleet's story depends on the schedule alone.
    AtOnce,
    /// Users wait for their answers as long as the load generator lets them (k6: `gracefulStop`, 30 s), or the
    /// service does not notice that they are gone.
    Gracefully,
}

/// A gauge of the whole group, as a sum: what it is at rest, and what users and requests add to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CustomMetric {
    pub base: f64,
    pub per_user: f64,
    pub per_request_under_way: f64,
    pub per_request_per_second: f64,
}

/// Capacity that the metric of a scale-out cooldown is taken to describe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CooldownBase {
    /// What there was before the cooldown.
    Before,
    /// What is in service by now, and so contributes to the metric.
    InService,
}
