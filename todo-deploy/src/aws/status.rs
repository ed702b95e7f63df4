//! What people look at in the console, from AWS's own descriptions, as the one [`Status`] that every target has.
//!
//! What an account does not let us see, or a service does not answer, becomes a note instead of an error.

mod alarms;
mod chronicle;
mod fact;
mod fleet;
mod measured;
mod past;

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_elasticloadbalancingv2::types as elb;
use aws_smithy_types::DateTime;

use self::chronicle::Chronicle;
use self::measured::{Measured, Subject};
use super::clients::Cloud;
use super::failure::{Failure, Kind, of};
use super::names::Names;
use super::resources::{At, load_balancer};
use super::value::Ids;
use crate::deployment::{Deployment, Target};
use crate::engine::config::Config;
use crate::status::{About, Activity, Group, Instance, Phase, Policy, PolicyAbout, Status, VERSION};
use crate::time::Time;
use crate::timeline::{Health, Timeline};

/// Moments of AWS as seconds since the deployment's group was made.
#[derive(Debug, Clone, Copy)]
struct Clock {
    /// Seconds since 1970.
    began: f64,
}

impl Clock {
    /// A moment of this deployment's: one before it was made is of an earlier one of its name.
    fn of_ours(self, moment: Option<&DateTime>) -> Option<Time> {
        // AWS rounds some moments to seconds.
        moment.filter(|moment| moment.as_secs_f64() > self.began - 1.0).map(|moment| self.at(Some(moment)))
    }

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
    /// What ECS says of the service.
    service: Option<aws_sdk_ecs::types::Service>,
}

/// What is remembered from one look to the next: measurements come once a minute, and each question costs money.
#[derive(Debug, Default)]
pub struct Memory {
    /// When it was measured, in seconds since 1970.
    measured: Option<(f64, Measured)>,
    /// What happened, of the deployment that was made then.
    chronicle: Option<(f64, Chronicle)>,
}

impl Memory {
    /// What happened until `status`, the last look, as far as AWS tells and as it was seen since the first look.
    pub fn timeline(&self, status: &Status) -> Timeline {
        let events = self.chronicle.as_ref().map(|(_, chronicle)| chronicle.events().to_vec());
        Timeline { events: events.unwrap_or_default(), series: measured::points(&status.series) }
    }
}

/// Measurements are asked for again after so many seconds.
const MEASURED_FOR_S: f64 = 30.0;

/// How it stands at `now_unix_s`; nothing where there is no deployment of this name.
pub async fn status(
    cloud: &Cloud,
    names: &Names,
    deployment: &Deployment,
    now_unix_s: f64,
    memory: &mut Memory,
) -> Result<Option<Status>, Failure> {
    let ids = Ids::default();
    let at = At { cloud, names, ids: &ids, own: None };
    let name = names.balancer();
    let (targets, balancer) = tokio::try_join!(targets(at), load_balancer::describe(&name, at))?;
    let fleet = match names.target {
        Target::Ec2 => fleet::instances(at, &targets.health).await?,
        Target::Ecs => fleet::tasks(at, &targets.health).await?,
        Target::Local => None,
    };
    let Some(mut fleet) = fleet else { return Ok(None) };
    // Where nobody says when it began, the present is as good as any moment.
    let began = fleet.began.as_secs_f64();
    let clock = Clock { began: if began > 0.0 { began } else { now_unix_s } };
    let now = Time::after_start(Duration::try_from_secs_f64(now_unix_s - clock.began).unwrap_or_default());
    let mut notes = std::mem::take(&mut fleet.notes);
    let mut about = About::new(deployment, names.target, &Config::new(deployment, names.target));
    about = about.started(Duration::try_from_secs_f64(clock.began).unwrap_or_default());
    // Three hundred samples are what the dashboard calls the newest.
    about = about.sampled_every(Duration::from_secs_f64(measured::RECENT_S / 300.0));
    (about.limits.min, about.limits.max) = (fleet.group.min, fleet.group.max);
    if let Some(host) = balancer.as_ref().and_then(elb::LoadBalancer::dns_name) {
        about = about.link("Service", &format!("http://{host}"));
    }
    let known = alarms::describe(at, &about, &mut notes).await?;
    alarms::correct(&mut about, &known);
    let subject = Subject {
        balancer: balancer.as_ref().and_then(|balancer| measured::full_name(balancer.load_balancer_arn()?)),
        target_group: targets.group.as_deref().and_then(measured::full_name),
        instances: fleet.instances.iter().map(|instance| instance.id.clone()).collect(),
    };
    let sources =
        known.iter().filter_map(|known| Some((known.name.clone(), alarms::source(&known.alarm)?))).collect();
    let measured = match memory.measured.take() {
        Some((at_s, measured)) if now_unix_s - at_s < MEASURED_FOR_S => (at_s, measured),
        _ => {
            let asked = measured::measured(at, clock, now_unix_s, &subject, sources).await;
            (now_unix_s, tolerated(asked, "measurements are", &mut notes)?)
        }
    };
    let measured = &memory.measured.insert(measured).1;
    let drain = deployment.load_balancer.deregistration_delay;
    let mut past = past::past(at, clock, drain, fleet.service.as_ref(), &mut notes).await?;
    past.of_alarms(at, clock, now_unix_s, &known, &mut notes).await?;
    past.activities.sort_by_key(|activity| activity.at);
    for instance in &mut fleet.instances {
        instance.details.cpu_percent = measured.cpu.get(&instance.id).copied();
        // A group does not say since when it has an instance; its activities do.
        let of_it = |activity: &&Activity| {
            activity.text.starts_with("Launching") && activity.text.contains(&instance.id)
        };
        if let Some(launch) = past.activities.iter().find(of_it).filter(|_| names.target == Target::Ec2) {
            instance.since = launch.at;
        }
    }
    notes.extend(known.iter().filter_map(alarms::note));
    let stale = super::stale::notes(cloud, names, deployment).await;
    let stale = tolerated(stale, "changes of secrets are", &mut notes)?;
    notes.extend(stale);
    let chronicle = match memory.chronicle.take() {
        Some((began, chronicle)) if began == clock.began => chronicle,
        _ => Chronicle::default(),
    };
    let look = chronicle::Look {
        now,
        about: &about,
        given: &|name| names.policy_given(name).to_owned(),
        check: &deployment.health_check,
        drain,
        facts: std::mem::take(&mut past.facts),
        instances: &fleet.instances,
    };
    memory.chronicle.insert((clock.began, chronicle)).1.take(look);
    let decided = |policy: &PolicyAbout| Policy {
        name: policy.name.clone(),
        last: past.decisions.get(&names.policy(&policy.name)).cloned(),
    };
    Ok(Some(Status {
        version: VERSION,
        phase: if fleet.group.healthy > 0 { Phase::Running } else { Phase::Starting },
        at: now,
        policies: about.policies.iter().map(decided).collect(),
        alarms: known.iter().map(|known| alarms::shown(known, measured, clock)).collect(),
        capacity: past::capacity(&past.changes, &measured.healthy, &fleet.group, now),
        traffic: measured.traffic(now.as_secs_f64()),
        series: measured.series.clone(),
        group: fleet.group,
        instances: fleet.instances,
        activities: past.activities,
        about,
        notes,
    }))
}

/// Whoever may not see something, or talks to an imitation that has none of it, still gets the rest.
fn tolerated<T: Default>(
    asked: Result<T, Failure>,
    what: &str,
    notes: &mut Vec<String>,
) -> Result<T, Failure> {
    match asked {
        Err(failure)
            if matches!(
                failure.kind,
                Kind::Denied | Kind::Server | Kind::NotFound | Kind::Refused | Kind::Unsupported
            ) =>
        {
            notes.push(format!("{what} not available ({})", failure.call));
            Ok(T::default())
        }
        asked => asked,
    }
}

/// The target group, and the health of each target by instance id or address.
#[derive(Debug, Default)]
struct Targets {
    group: Option<String>,
    health: TargetHealth,
}

async fn targets(at: At<'_>) -> Result<Targets, Failure> {
    let Some(group) = super::resources::target_group::arn(&at.names.service(), at).await? else {
        return Ok(Targets::default());
    };
    let request = at.cloud.elb.describe_target_health().target_group_arn(&group);
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
    let health = found.target_health_descriptions().iter().filter_map(read).collect();
    Ok(Targets { group: Some(group), health })
}
