//! What happened: scaling activities with their causes, what a service says of itself, and changes of alarms.

use std::collections::BTreeMap;

use aws_sdk_applicationautoscaling::types::ServiceNamespace;
use aws_sdk_autoscaling::types::ScalingActivityStatusCode;
use aws_sdk_cloudwatch::types::{AlarmHistoryItem, HistoryItemType, ScanBy};
use aws_smithy_types::DateTime;
use serde::Deserialize;

use super::alarms::Known;
use super::{Clock, tolerated};
use crate::aws::failure::{Failure, of};
use crate::aws::resources::{At, service};
use crate::deployment::Target;
use crate::report::Tone;
use crate::status::{Activity, Capacity, Decision, Grid, Group};
use crate::time::Time;

/// Newest activities that are shown.
const ACTIVITIES_MAX: i32 = 50;
/// Newest changes of one alarm, and how far back they are looked for, in seconds.
const CHANGES_MAX: i32 = 50;
const BACK_S: f64 = 86_400.0;
/// Entries of the number of instances over time.
const CAPACITY_MAX: usize = 400;

/// The history of the group or service.
#[derive(Debug, Default)]
pub(super) struct Past {
    pub(super) activities: Vec<Activity>,
    /// What each policy did last, by the name that it has at AWS.
    pub(super) decisions: BTreeMap<String, Decision>,
    /// When the wanted number changed, from what (where that is told) and to what; in order of time.
    pub(super) changes: Vec<Wanted>,
}

/// When, from what, to what.
pub(super) type Wanted = (Time, Option<u32>, u32);

/// What AWS tells of one scaling activity, whichever service tells it.
struct Told {
    at: Time,
    is_bad: bool,
    description: String,
    cause: String,
    message: String,
}

pub(super) async fn past(at: At<'_>, clock: Clock, notes: &mut Vec<String>) -> Result<Past, Failure> {
    let told = match at.names.target {
        Target::Ec2 => of_group(at, clock).await,
        Target::Ecs | Target::Local => of_service(at, clock).await,
    };
    let told = tolerated(told, "the activity history is", notes)?;
    let mut past = remembered(told);
    if at.names.target == Target::Ecs {
        past.activities.extend(events(at, clock).await?);
    }
    Ok(past)
}

/// Pure: what the words of AWS's activities say.
fn remembered(mut told: Vec<Told>) -> Past {
    told.sort_by_key(|told| told.at);
    let mut past = Past::default();
    let mut wanted = None;
    for Told { at, is_bad, description, cause, message } in told {
        let change = match change(&cause) {
            Some((from, to)) => Some((Some(from), to)),
            None => set_to(&description).map(|to| (wanted, to)),
        };
        let message = if message.is_empty() { message } else { format!(" ({message})") };
        let text = format!("{description}: {cause}{message}");
        if let Some((from, to)) = change.filter(|(from, to)| *from != Some(*to)) {
            // Of several instances that one decision launches each is an activity; the decision is one change.
            if past.changes.last().is_none_or(|last| (last.1, last.2) != (from, to)) {
                past.changes.push((at, from, to));
            }
            wanted = Some(to);
        }
        if let Some(policy) = policy(&cause) {
            let decision = Decision { at, scaled: !is_bad, text: text.clone(), until: None };
            past.decisions.insert(policy, decision);
        }
        let tone = if is_bad { Tone::Bad } else { Tone::Change };
        past.activities.push(Activity { at, tone, text, instances: Vec::new() });
    }
    past
}

/// `… triggered policy NAME changing the desired capacity …`
fn policy(cause: &str) -> Option<String> {
    let (_, rest) = cause.split_once("triggered policy ")?;
    let name = rest.split([' ', '.']).next()?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// `… desired capacity from 1 to 2.`
fn change(cause: &str) -> Option<(u32, u32)> {
    let (_, rest) = cause.split_once("desired capacity from ")?;
    let mut words = rest.split(|one: char| !one.is_ascii_alphanumeric());
    let from = words.next()?.parse().ok()?;
    (words.next()? == "to").then_some(())?;
    Some((from, words.next()?.parse().ok()?))
}

/// `Setting desired count to 2.`
fn set_to(description: &str) -> Option<u32> {
    let (_, rest) = description.split_once("Setting desired count to ")?;
    rest.split(|one: char| !one.is_ascii_digit()).next()?.parse().ok()
}

async fn of_group(at: At<'_>, clock: Clock) -> Result<Vec<Told>, Failure> {
    let request = at.cloud.autoscaling.describe_scaling_activities();
    let request = request.auto_scaling_group_name(at.names.service()).max_records(ACTIVITIES_MAX);
    let found = request.send().await.map_err(of("autoscaling:DescribeScalingActivities"))?;
    let read = |activity: &aws_sdk_autoscaling::types::Activity| Told {
        at: clock.at(activity.start_time()),
        is_bad: matches!(
            activity.status_code(),
            Some(ScalingActivityStatusCode::Failed | ScalingActivityStatusCode::Cancelled)
        ),
        description: activity.description().unwrap_or("activity").to_owned(),
        cause: activity.cause().unwrap_or_default().to_owned(),
        message: activity.status_message().unwrap_or_default().to_owned(),
    };
    Ok(found.activities().iter().map(read).collect())
}

async fn of_service(at: At<'_>, clock: Clock) -> Result<Vec<Told>, Failure> {
    let call = "application-autoscaling:DescribeScalingActivities";
    let request = at.cloud.scaling.describe_scaling_activities().service_namespace(ServiceNamespace::Ecs);
    let request = request.resource_id(at.names.scaled_service()).max_results(ACTIVITIES_MAX);
    let found = request.send().await.map_err(of(call))?;
    let read = |activity: &aws_sdk_applicationautoscaling::types::ScalingActivity| Told {
        at: clock.at(Some(activity.start_time())),
        is_bad: activity.status_code().as_str() == "Failed",
        description: activity.description().trim_end_matches('.').to_owned(),
        cause: activity.cause().to_owned(),
        message: activity.status_message().unwrap_or_default().to_owned(),
    };
    Ok(found.scaling_activities().iter().map(read).collect())
}

/// What the service says of itself.
async fn events(at: At<'_>, clock: Clock) -> Result<Vec<Activity>, Failure> {
    let cluster = at.names.cluster();
    let found = service::describe(&cluster, &cluster, at).await?;
    let events = found.map(|service| service.events().to_vec()).unwrap_or_default();
    let most = usize::try_from(ACTIVITIES_MAX).unwrap_or_default();
    let read = |event: &aws_sdk_ecs::types::ServiceEvent| {
        let text = event.message().unwrap_or_default().to_owned();
        let is_bad = ["unable", "unhealthy", "failed"].iter().any(|word| text.contains(word));
        let tone = if is_bad { Tone::Bad } else { Tone::Plain };
        Activity { at: clock.at(event.created_at()), tone, text, instances: Vec::new() }
    };
    Ok(events.iter().take(most).map(read).collect())
}

/// Changes of state of the alarms, and actions of theirs that failed.
pub(super) async fn of_alarms(
    at: At<'_>,
    clock: Clock,
    now_s: f64,
    known: &[Known],
    notes: &mut Vec<String>,
) -> Result<Vec<Activity>, Failure> {
    let mut found = Vec::new();
    for Known { name, alarm } in known {
        let request = at.cloud.cloudwatch.describe_alarm_history().set_alarm_name(alarm.alarm_name.clone());
        let request = request.start_date(DateTime::from_secs_f64(now_s - BACK_S));
        let request = request.end_date(DateTime::from_secs_f64(now_s)).scan_by(ScanBy::TimestampDescending);
        let page =
            request.max_records(CHANGES_MAX).send().await.map_err(of("cloudwatch:DescribeAlarmHistory"));
        let count = notes.len();
        let page = tolerated(
            page.map(|page| page.alarm_history_items.unwrap_or_default()),
            "the history of alarms is",
            notes,
        )?;
        found.extend(page.iter().filter_map(|item| of_alarm(item, name, clock)));
        if notes.len() > count {
            // What one alarm's history is refused with, the others' is too.
            break;
        }
    }
    Ok(found)
}

/// `HistoryData` of a change of state.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    old_state: State,
    new_state: State,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct State {
    state_value: String,
    state_reason: String,
}

fn of_alarm(item: &AlarmHistoryItem, name: &str, clock: Clock) -> Option<Activity> {
    let summary = item.history_summary().unwrap_or_default();
    let (tone, text) = match item.history_item_type() {
        Some(HistoryItemType::StateUpdate) => {
            match serde_json::from_str::<Change>(item.history_data().unwrap_or_default()) {
                Ok(Change { old_state: old, new_state: new }) => {
                    let words =
                        |state: &str| state.replace('_', " ").to_lowercase().replace("alarm", "ALARM");
                    let is_over = (old.state_value.as_str(), new.state_value.as_str()) == ("ALARM", "OK");
                    let change = format!("{} → {}", words(&old.state_value), words(&new.state_value));
                    (
                        if is_over { Tone::Good } else { Tone::Plain },
                        format!("{change}: {}", new.state_reason),
                    )
                }
                Err(_) => (Tone::Plain, summary.to_owned()),
            }
        }
        // What it did is among the activities; what it could not do is nowhere else.
        Some(HistoryItemType::Action) if summary.contains("Failed") => (Tone::Held, summary.to_owned()),
        _ => return None,
    };
    let at = clock.at(item.timestamp());
    Some(Activity {
        at,
        tone,
        text: format!("{name}: {}", text.trim_end_matches(": ")),
        instances: Vec::new(),
    })
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
