//! What happened: scaling activities with their causes, what a service says of itself, roll-outs, and changes of alarms.
//! Each is told twice: in AWS's own words for people, and as a [`Fact`] for the timeline.

mod alarms;
mod words;

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_applicationautoscaling::types::{NotScaledReason, ServiceNamespace};
use aws_sdk_autoscaling::types::{InstanceRefresh, InstanceRefreshStatus, ScalingActivityStatusCode};

use super::fact::{Fact, What};
use super::{Clock, tolerated};
use crate::aws::failure::{Failure, of};
use crate::aws::resources::At;
use crate::deployment::Target;
use crate::report::Tone;
use crate::status::{Activity, Capacity, Decision, Grid, Group};
use crate::time::Time;
use crate::timeline::WhyNot;

/// Newest activities that are shown.
const ACTIVITIES_MAX: i32 = 50;
/// Newest replacements of instances that are shown.
const ROLLOUTS_MAX: i32 = 20;
/// Entries of the number of instances over time.
const CAPACITY_MAX: usize = 400;

/// The history of the group or service.
#[derive(Debug, Default)]
pub(super) struct Past {
    pub(super) activities: Vec<Activity>,
    pub(super) facts: Vec<Fact>,
    /// What each policy did last, by the name that it has at AWS.
    pub(super) decisions: BTreeMap<String, Decision>,
    /// When the wanted number changed, from what (where that is told) and to what; in order of time.
    pub(super) changes: Vec<Wanted>,
}

/// When, from what, to what.
pub(super) type Wanted = (Time, Option<u32>, u32);

/// What AWS tells of one scaling activity, whichever service tells it.
#[derive(Debug, Default)]
struct Told {
    at: Time,
    ended: Option<Time>,
    is_bad: bool,
    /// Why it did not scale, from how many.
    held: Option<(u32, WhyNot)>,
    description: String,
    cause: String,
    message: String,
}

/// `drain`: how long a target that leaves may finish what it has.
pub(super) async fn past(
    at: At<'_>,
    clock: Clock,
    drain: Duration,
    service: Option<&aws_sdk_ecs::types::Service>,
    notes: &mut Vec<String>,
) -> Result<Past, Failure> {
    let told = match at.names.target {
        Target::Ec2 => of_group(at, clock).await,
        Target::Ecs | Target::Local => of_service(at, clock).await,
    };
    let mut past = remembered(tolerated(told, "the activity history is", notes)?, drain);
    if at.names.target == Target::Ec2 {
        let rollouts = tolerated(refreshes(at).await, "replacements of instances are", notes)?;
        rollouts.iter().for_each(|refresh| past.refresh(refresh, clock));
    }
    if let Some(service) = service {
        past.service(service, clock);
    }
    Ok(past)
}

/// Pure: what the words of AWS's activities say.
fn remembered(mut told: Vec<Told>, drain: Duration) -> Past {
    told.sort_by_key(|told| told.at);
    let mut past = Past::default();
    let mut wanted = None;
    for told in told {
        let Told { at, is_bad, ref held, ref description, ref cause, ref message, .. } = told;
        let change = match words::change(cause) {
            Some((from, to)) => Some((Some(from), to)),
            None => words::set_to(description).map(|to| (wanted, to)),
        };
        let policy = words::policy(cause);
        let message = if message.is_empty() { String::new() } else { format!(" ({message})") };
        let text = format!("{description}: {cause}{message}");
        if let Some((from, to)) = change.filter(|(from, to)| *from != Some(*to) && held.is_none()) {
            // Of several instances that one decision launches each is an activity; the decision is one change.
            if past.changes.last().is_none_or(|last| (last.1, last.2) != (from, to)) {
                past.changes.push((at, from, to));
                if !words::is_creation(cause) {
                    past.fact(at, What::Scaled { by: policy.clone(), from, to });
                }
            }
            wanted = Some(to);
        }
        match (&policy, held) {
            (Some(policy), Some((capacity, why))) => {
                past.fact(at, What::NotScaled { by: policy.clone(), capacity: *capacity, why: why.clone() });
            }
            _ => past.facts.extend(words::of_instance(&told, &text, drain)),
        }
        if let Some(policy) = policy {
            let scaled = !is_bad && held.is_none();
            past.decisions.insert(policy, Decision { at, scaled, text: text.clone(), until: None });
        }
        let tone = match (held, is_bad) {
            (Some(_), _) => Tone::Held,
            (None, true) => Tone::Bad,
            (None, false) => Tone::Change,
        };
        past.activities.push(Activity { at, tone, text, instances: Vec::new() });
    }
    past
}

impl Past {
    fn fact(&mut self, at: Time, what: What) {
        self.facts.push(Fact { at, what });
    }

    /// In AWS's words, for people and for the timeline.
    fn tell(&mut self, at: Time, tone: Tone, text: String) {
        self.fact(at, What::Told { text: text.clone(), bad: tone == Tone::Bad });
        self.activities.push(Activity { at, tone, text, instances: Vec::new() });
    }

    /// When the instances' replacement began, and how it ended.
    fn refresh(&mut self, refresh: &InstanceRefresh, clock: Clock) {
        let Some(began) = clock.of_ours(refresh.start_time()) else { return };
        let wanted = refresh.desired_configuration().and_then(|wanted| wanted.launch_template());
        let version = wanted.and_then(|template| template.version());
        let to = version.map(|version| format!(" by version {version}")).unwrap_or_default();
        self.tell(began, Tone::Plain, format!("instances are being replaced{to}"));
        let Some(ended) = clock.of_ours(refresh.end_time()) else { return };
        let status = refresh.status().map_or("unknown", InstanceRefreshStatus::as_str);
        let why = refresh.rollback_details().and_then(|details| details.rollback_reason());
        let why = why.or(refresh.status_reason()).map(|why| format!(": {why}")).unwrap_or_default();
        let is_good = refresh.status() == Some(&InstanceRefreshStatus::Successful);
        let tone = if is_good { Tone::Good } else { Tone::Bad };
        self.tell(ended, tone, format!("replacement of instances{to}: {status}{why}"));
    }

    /// What the service says of itself, and since when it has been rolling out what.
    fn service(&mut self, service: &aws_sdk_ecs::types::Service, clock: Clock) {
        for deployment in service.deployments() {
            let Some(at) = clock.of_ours(deployment.created_at()) else { continue };
            let revision = deployment.task_definition().and_then(|arn| arn.rsplit('/').next()).unwrap_or("?");
            self.tell(at, Tone::Plain, format!("deployment of {revision} began"));
        }
        let most = usize::try_from(ACTIVITIES_MAX).unwrap_or_default();
        for event in service.events().iter().take(most) {
            let (Some(at), Some(text)) = (clock.of_ours(event.created_at()), event.message()) else {
                continue;
            };
            let is_bad = ["unable", "unhealthy", "failed"].iter().any(|word| text.contains(word));
            let tone = if is_bad { Tone::Bad } else { Tone::Plain };
            let facts = words::of_tasks(text);
            self.activities.push(Activity { at, tone, text: text.to_owned(), instances: Vec::new() });
            match facts.is_empty() {
                true => self.fact(at, What::Told { text: text.to_owned(), bad: is_bad }),
                false => self.facts.extend(facts.into_iter().map(|what| Fact { at, what })),
            }
        }
    }
}

async fn of_group(at: At<'_>, clock: Clock) -> Result<Vec<Told>, Failure> {
    let request = at.cloud.autoscaling.describe_scaling_activities();
    let request = request.auto_scaling_group_name(at.names.service()).max_records(ACTIVITIES_MAX);
    let found = request.send().await.map_err(of("autoscaling:DescribeScalingActivities"))?;
    let read = |activity: &aws_sdk_autoscaling::types::Activity| {
        Some(Told {
            at: clock.of_ours(activity.start_time())?,
            ended: clock.of_ours(activity.end_time()),
            is_bad: matches!(
                activity.status_code(),
                Some(ScalingActivityStatusCode::Failed | ScalingActivityStatusCode::Cancelled)
            ),
            held: None,
            description: activity.description().unwrap_or("activity").to_owned(),
            cause: activity.cause().unwrap_or_default().to_owned(),
            message: activity.status_message().unwrap_or_default().to_owned(),
        })
    };
    Ok(found.activities().iter().filter_map(read).collect())
}

async fn of_service(at: At<'_>, clock: Clock) -> Result<Vec<Told>, Failure> {
    let call = "application-autoscaling:DescribeScalingActivities";
    let request = at.cloud.scaling.describe_scaling_activities().service_namespace(ServiceNamespace::Ecs);
    let request = request.include_not_scaled_activities(true);
    let request = request.resource_id(at.names.scaled_service()).max_results(ACTIVITIES_MAX);
    let found = request.send().await.map_err(of(call))?;
    let read = |activity: &aws_sdk_applicationautoscaling::types::ScalingActivity| {
        let held = activity.not_scaled_reasons().first().map(held);
        Some(Told {
            at: clock.of_ours(Some(activity.start_time()))?,
            ended: clock.of_ours(activity.end_time()),
            is_bad: activity.status_code().as_str() == "Failed",
            message: match &held {
                Some((_, why)) => crate::report::why_not(why),
                None => activity.status_message().unwrap_or_default().to_owned(),
            },
            held,
            description: activity.description().trim_end_matches('.').to_owned(),
            cause: activity.cause().to_owned(),
        })
    };
    Ok(found.scaling_activities().iter().filter_map(read).collect())
}

/// How many there were, and why there are not more or less now.
fn held(reason: &NotScaledReason) -> (u32, WhyNot) {
    let count =
        |number: Option<i32>| number.and_then(|number| u32::try_from(number).ok()).unwrap_or_default();
    let capacity = count(reason.current_capacity());
    let why = match reason.code() {
        "AlreadyAtMaxCapacity" => WhyNot::Limit { limit: count(reason.max_capacity()) },
        "AlreadyAtMinCapacity" => WhyNot::Limit { limit: count(reason.min_capacity()) },
        "AlreadyAtDesiredCapacity" => WhyNot::Enough { wanted: capacity },
        other => WhyNot::Other { text: other.to_owned() },
    };
    (capacity, why)
}

async fn refreshes(at: At<'_>) -> Result<Vec<InstanceRefresh>, Failure> {
    let request = at.cloud.autoscaling.describe_instance_refreshes();
    let request = request.auto_scaling_group_name(at.names.service()).max_records(ROLLOUTS_MAX);
    let found = request.send().await.map_err(of("autoscaling:DescribeInstanceRefreshes"))?;
    Ok(found.instance_refreshes.unwrap_or_default())
}

/// How many there were over time: wanted as the activities tell it, healthy as it was measured, and the present.
pub(super) fn capacity(changes: &[Wanted], healthy: &Grid, group: &Group, now: Time) -> Vec<Capacity> {
    let measured = healthy.values.iter().enumerate().filter_map(|(place, value)| {
        let at = healthy.start + place as f64 * healthy.step;
        let at = std::time::Duration::try_from_secs_f64(at).unwrap_or_default();
        Some((Time::after_start(at), (*value)? as u32))
    });
    let measured: Vec<(Time, u32)> = measured.collect();
    let mut moments: Vec<Time> = changes.iter().map(|change| change.0).collect();
    moments.extend(measured.iter().map(|(at, _)| *at));
    moments.sort();
    moments.dedup();
    let at = |at: Time| {
        let healthy = measured.iter().rev().find(|(when, _)| *when <= at).map_or(0, |(_, count)| *count);
        let desired = match (changes.iter().rev().find(|change| change.0 <= at), changes.first()) {
            (Some(change), _) => change.2,
            (None, Some(first)) => first.1.unwrap_or(healthy),
            (None, None) => group.desired,
        };
        Capacity { at, desired, in_service: healthy, healthy }
    };
    let mut found: Vec<Capacity> = moments.into_iter().filter(|moment| *moment < now).map(at).collect();
    let present =
        Capacity { at: now, desired: group.desired, in_service: group.in_service, healthy: group.healthy };
    found.push(present);
    found.dedup_by_key(|entry| (entry.desired, entry.in_service, entry.healthy));
    found.drain(..found.len().saturating_sub(CAPACITY_MAX));
    found
}

#[cfg(test)]
mod tests;
