//! What happened: scaling activities, and what a service says of itself.

use aws_sdk_applicationautoscaling::types::ServiceNamespace;
use aws_sdk_autoscaling::types::ScalingActivityStatusCode;

use super::Clock;
use crate::aws::failure::{Failure, Kind, of};
use crate::aws::resources::{At, service};
use crate::deployment::Target;
use crate::report::Tone;
use crate::status::Activity;

/// Newest activities that are shown.
const ACTIVITIES_MAX: i32 = 50;

/// Oldest first.
pub(super) async fn activities(
    at: At<'_>,
    clock: Clock,
    notes: &mut Vec<String>,
) -> Result<Vec<Activity>, Failure> {
    let mut found = match at.names.target {
        Target::Ec2 => of_group(at, clock).await,
        Target::Ecs => of_service(at, clock).await,
        Target::Local => Ok(Vec::new()),
    };
    // Whoever may not see the history, or talks to an imitation that has none, still gets the rest.
    if let Err(failure) = &found {
        if matches!(failure.kind, Kind::Denied | Kind::Server | Kind::NotFound | Kind::Refused) {
            notes.push(format!("the activity history is not available ({})", failure.call));
            found = Ok(Vec::new());
        }
    }
    let mut found = found?;
    found.sort_by_key(|activity| activity.at);
    Ok(found)
}

async fn of_group(at: At<'_>, clock: Clock) -> Result<Vec<Activity>, Failure> {
    let request = at.cloud.autoscaling.describe_scaling_activities();
    let request = request.auto_scaling_group_name(at.names.service()).max_records(ACTIVITIES_MAX);
    let found = request.send().await.map_err(of("autoscaling:DescribeScalingActivities"))?;
    let read = |activity: &aws_sdk_autoscaling::types::Activity| {
        let tone = match activity.status_code() {
            Some(ScalingActivityStatusCode::Failed | ScalingActivityStatusCode::Cancelled) => Tone::Bad,
            _ => Tone::Change,
        };
        let cause = activity.cause().unwrap_or_default();
        let message = activity.status_message().map(|message| format!(" ({message})")).unwrap_or_default();
        let text = format!("{}: {cause}{message}", activity.description().unwrap_or("activity"));
        Activity { at: clock.at(activity.start_time()), tone, text, instances: Vec::new() }
    };
    Ok(found.activities().iter().map(read).collect())
}

async fn of_service(at: At<'_>, clock: Clock) -> Result<Vec<Activity>, Failure> {
    let cluster = at.names.cluster();
    let events = service::describe(&cluster, &cluster, at).await?;
    let events = events.map(|service| service.events().to_vec()).unwrap_or_default();
    let mut found: Vec<Activity> = events
        .iter()
        .take(usize::try_from(ACTIVITIES_MAX).unwrap_or_default())
        .map(|event| {
            let text = event.message().unwrap_or_default().to_owned();
            let bad = ["unable", "unhealthy", "failed"].iter().any(|word| text.contains(word));
            let tone = if bad { Tone::Bad } else { Tone::Plain };
            Activity { at: clock.at(event.created_at()), tone, text, instances: Vec::new() }
        })
        .collect();
    let call = "application-autoscaling:DescribeScalingActivities";
    let request = at.cloud.scaling.describe_scaling_activities().service_namespace(ServiceNamespace::Ecs);
    let request = request.resource_id(at.names.scaled_service()).max_results(ACTIVITIES_MAX);
    // Of no consequence where it is not to be had: the events tell most of it.
    if let Ok(scaled) = request.send().await.map_err(of(call)) {
        found.extend(scaled.scaling_activities().iter().map(|activity| Activity {
            at: clock.at(Some(activity.start_time())),
            tone: Tone::Change,
            text: format!("{}: {}", activity.description(), activity.cause()),
            instances: Vec::new(),
        }));
    }
    Ok(found)
}
