//! What people look at in the console, from AWS's own descriptions, as the one [`Status`] that every target has.
//!
//! What an account does not let us see, or a service does not answer, becomes a note instead of an error.

mod fleet;
mod past;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_cloudwatch::types as watch;
use aws_sdk_elasticloadbalancingv2::types as elb;
use aws_smithy_types::DateTime;

use super::clients::Cloud;
use super::failure::{Failure, of};
use super::names::Names;
use super::resources::{At, alarm, load_balancer, policy, tracking};
use super::value::Ids;
use crate::deployment::{Deployment, Target};
use crate::engine::config::Config;
use crate::status::{About, Alarm, Grid, Group, Instance, Phase, Policy, Status, Traffic, VERSION};
use crate::time::Time;
use crate::timeline::{AlarmState, Health};

/// Moments of AWS as seconds since the deployment's group was made.
#[derive(Debug, Clone, Copy)]
struct Clock {
    /// Seconds since 1970.
    began: f64,
}

impl Clock {
    fn at(self, moment: Option<&DateTime>) -> Time {
        let seconds = moment.map_or(0.0, |moment| moment.as_secs_f64() - self.began);
        Time::after_start(Duration::try_from_secs_f64(seconds).unwrap_or_default())
    }
}

/// What the balancer thinks of a target, and why.
type TargetHealth = BTreeMap<String, (Option<Health>, bool, String)>;

/// The group or service as AWS tells it.
struct Fleet {
    began: DateTime,
    group: Group,
    instances: Vec<Instance>,
    notes: Vec<String>,
}

/// How it stands at `now_unix_s`; nothing where there is no deployment of this name.
pub async fn status(
    cloud: &Cloud,
    names: &Names,
    deployment: &Deployment,
    now_unix_s: f64,
) -> Result<Option<Status>, Failure> {
    let ids = Ids::default();
    let at = At { cloud, names, ids: &ids, own: None };
    let name = names.balancer();
    let (health, balancer) = tokio::try_join!(target_health(at), load_balancer::describe(&name, at))?;
    let fleet = match names.target {
        Target::Ec2 => fleet::instances(at, &health).await?,
        Target::Ecs => fleet::tasks(at, &health).await?,
        Target::Local => None,
    };
    let Some(fleet) = fleet else { return Ok(None) };
    // Where nobody says when it began, the present is as good as any moment.
    let began = fleet.began.as_secs_f64();
    let clock = Clock { began: if began > 0.0 { began } else { now_unix_s } };
    let mut notes = fleet.notes;
    let alarms = alarms(at, deployment, clock, &mut notes).await?;
    let activities = past::activities(at, clock, &mut notes).await?;
    let mut about = About::new(deployment, names.target, &Config::new(deployment, names.target));
    about = about.started(Duration::try_from_secs_f64(clock.began).unwrap_or_default());
    about.limits.min = fleet.group.min;
    about.limits.max = fleet.group.max;
    if let Some(host) = balancer.as_ref().and_then(elb::LoadBalancer::dns_name) {
        about = about.link("Service", &format!("http://{host}"));
    }
    notes.extend(
        alarms
            .iter()
            .filter(|alarm| alarm.state == AlarmState::Alarm && alarm.reason.contains("<="))
            .map(|alarm| format!("{} in ALARM is normal while the group is at its minimum", alarm.name)),
    );
    let policies = about.policies.iter().map(|policy| Policy { name: policy.name.clone(), last: None });
    let policies = policies.collect();
    Ok(Some(Status {
        version: VERSION,
        phase: if fleet.group.healthy > 0 { Phase::Running } else { Phase::Starting },
        at: Time::after_start(Duration::try_from_secs_f64(now_unix_s - clock.began).unwrap_or_default()),
        group: fleet.group,
        instances: fleet.instances,
        policies,
        alarms,
        activities,
        traffic: Traffic::default(),
        capacity: Vec::new(),
        series: BTreeMap::new(),
        about,
        notes,
    }))
}

/// Health of each target, by instance id or address.
async fn target_health(at: At<'_>) -> Result<TargetHealth, Failure> {
    let Some(group) = super::resources::target_group::arn(&at.names.service(), at).await? else {
        return Ok(TargetHealth::new());
    };
    let request = at.cloud.elb.describe_target_health().target_group_arn(group);
    let found = request.send().await.map_err(of("elasticloadbalancing:DescribeTargetHealth"))?;
    let read = |target: &elb::TargetHealthDescription| {
        let id = target.target().and_then(|target| target.id())?.to_owned();
        let health = target.target_health()?;
        let draining = health.state() == Some(&elb::TargetHealthStateEnum::Draining);
        let state = match health.state() {
            Some(elb::TargetHealthStateEnum::Healthy) => Some(Health::Healthy),
            Some(elb::TargetHealthStateEnum::Initial) => Some(Health::Initial),
            Some(elb::TargetHealthStateEnum::Unhealthy) => Some(Health::Unhealthy),
            _ => None,
        };
        let reason = health.reason().map(|reason| reason.as_str().to_owned());
        let parts = [reason, health.description().map(str::to_owned)];
        let reason = parts.into_iter().flatten().collect::<Vec<_>>().join(": ");
        Some((id, (state, draining, reason)))
    };
    Ok(found.target_health_descriptions().iter().filter_map(read).collect())
}

/// Our alarms, which are called like their policies, and those that target tracking made for us.
async fn alarms(
    at: At<'_>,
    deployment: &Deployment,
    clock: Clock,
    notes: &mut Vec<String>,
) -> Result<Vec<Alarm>, Failure> {
    let (running, tracked) = match at.names.target {
        Target::Ecs => {
            let service = at.names.scaled_service();
            (tracking::of_service(&service, at).await, format!("TargetTracking-{service}-"))
        }
        Target::Ec2 | Target::Local => {
            let group = at.names.service();
            (policy::of_group(&group, at).await, format!("TargetTracking-{group}-"))
        }
    };
    // The description may be a newer one than what runs, so both are asked about.
    let running = running.unwrap_or_else(|failure| {
        notes.push(format!("alarms of policies that only AWS knows are not shown ({})", failure.call));
        Vec::new()
    });
    let described = deployment.scaling.policies.iter().map(|policy| at.names.policy(policy.name()));
    let names: BTreeSet<String> =
        running.iter().map(|found| found.resource.name()).chain(described).collect();
    let names: Vec<String> = names.into_iter().collect();
    let mut found = alarm::named(&names, at).await?;
    let request = at.cloud.cloudwatch.describe_alarms().alarm_name_prefix(tracked);
    let page = request.send().await.map_err(of("cloudwatch:DescribeAlarms"))?;
    found.extend(page.metric_alarms.unwrap_or_default());
    Ok(found.iter().map(|alarm| read_alarm(alarm, clock)).collect())
}

fn read_alarm(alarm: &watch::MetricAlarm, clock: Clock) -> Alarm {
    let state = match alarm.state_value() {
        Some(watch::StateValue::Ok) => AlarmState::Ok,
        Some(watch::StateValue::Alarm) => AlarmState::Alarm,
        _ => AlarmState::InsufficientData,
    };
    let symbol = match alarm.comparison_operator() {
        Some(watch::ComparisonOperator::GreaterThanOrEqualToThreshold) => ">=",
        Some(watch::ComparisonOperator::GreaterThanThreshold) => ">",
        Some(watch::ComparisonOperator::LessThanOrEqualToThreshold) => "<=",
        _ => "<",
    };
    let (metric, threshold) = (alarm.metric_name().unwrap_or("?"), alarm.threshold().unwrap_or_default());
    let periods = alarm.evaluation_periods().unwrap_or_default();
    let rule =
        format!("{metric} {symbol} {threshold} for {periods} × {} s", alarm.period().unwrap_or_default());
    let said = alarm.state_reason().unwrap_or_default();
    Alarm {
        name: alarm.alarm_name().unwrap_or_default().to_owned(),
        state,
        since: clock.at(alarm.state_updated_timestamp()),
        reason: if said.is_empty() { rule } else { format!("{rule}: {said}") },
        history: Grid::default(),
    }
}
