//! Alarms: ours, and those that target tracking made for us, under the names that the description gives them.

use std::collections::BTreeSet;

use aws_sdk_cloudwatch::types as watch;

use super::measured::{Measured, Scale, Source};
use super::{Clock, tolerated};
use crate::aws::failure::{Failure, of};
use crate::aws::resources::{At, alarm, policy, tracking};
use crate::deployment::{Comparison, Condition, Target};
use crate::status::{About, Alarm};
use crate::timeline::AlarmState;

/// An alarm and what it is called here.
#[derive(Debug)]
pub(super) struct Known {
    /// As in [`About`]: `todo_scale_up`, `todo-cpu-AlarmHigh`.
    pub(super) name: String,
    pub(super) alarm: watch::MetricAlarm,
}

/// Those that invoke policies of the description. Those of policies that only AWS knows become notes.
pub(super) async fn describe(
    at: At<'_>,
    about: &About,
    notes: &mut Vec<String>,
) -> Result<Vec<Known>, Failure> {
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
    let running = tolerated(running, "alarms of policies that only AWS knows are", notes)?;
    let described = about.policies.iter().map(|policy| at.names.policy(&policy.name));
    let names: BTreeSet<String> =
        running.iter().map(|found| found.resource.name()).chain(described).collect();
    let names: Vec<String> = names.into_iter().collect();
    let mut found = alarm::named(&names, at).await?;
    let request = at.cloud.cloudwatch.describe_alarms().alarm_name_prefix(tracked);
    let page = request.send().await.map_err(of("cloudwatch:DescribeAlarms"))?;
    found.extend(page.metric_alarms.unwrap_or_default());
    let mut known = Vec::new();
    for alarm in found {
        match name(&alarm, about, &|name| at.names.policy_given(name).to_owned()) {
            Some(name) => known.push(Known { name, alarm }),
            None => notes.push(format!(
                "alarm {} invokes no policy of the description; `plan` shows the difference",
                alarm.alarm_name().unwrap_or_default()
            )),
        }
    }
    let place = |known: &Known| about.alarms().position(|alarm| alarm.name == known.name);
    known.sort_by_key(place);
    Ok(known)
}

/// What the description calls an alarm: found by the policy that it invokes. Of the two alarms of target tracking the
/// one that scales out comes first.
fn name(alarm: &watch::MetricAlarm, about: &About, given: &dyn Fn(&str) -> String) -> Option<String> {
    let invoked = alarm.alarm_actions().iter().filter_map(|action| {
        let (_, policy) = action.split_once(":policyName/")?;
        Some(given(policy.split(':').next()?))
    });
    let upward = when(alarm).comparison.is_upward();
    let of_policy = |policy: String| {
        let policy = about.policies.iter().find(|known| known.name == policy)?;
        let same = policy.alarms.iter().find(|known| known.when.comparison.is_upward() == upward);
        Some(same.or(policy.alarms.first())?.name.clone())
    };
    let mut invoked = invoked.filter_map(of_policy);
    invoked.next().or_else(|| {
        let own = given(alarm.alarm_name()?);
        about.alarms().find(|known| known.name == own).map(|known| known.name.clone())
    })
}

fn when(alarm: &watch::MetricAlarm) -> Condition {
    let comparison = match alarm.comparison_operator() {
        Some(watch::ComparisonOperator::GreaterThanOrEqualToThreshold) => Comparison::AtLeast,
        Some(watch::ComparisonOperator::GreaterThanThreshold) => Comparison::Above,
        Some(watch::ComparisonOperator::LessThanOrEqualToThreshold) => Comparison::AtMost,
        _ => Comparison::Below,
    };
    let threshold = alarm.threshold().unwrap_or_default() * factor(alarm);
    Condition { comparison, threshold: crate::status::rounded(threshold) }
}

/// AWS counts seconds of response time, we milliseconds.
fn factor(alarm: &watch::MetricAlarm) -> f64 {
    if alarm.metric_name() == Some("TargetResponseTime") { 1000.0 } else { 1.0 }
}

/// The metric that an alarm looks at; one made of several has none.
pub(super) fn source(alarm: &watch::MetricAlarm) -> Option<Source> {
    let dimension = |one: &watch::Dimension| Some((one.name()?.to_owned(), one.value()?.to_owned()));
    let statistic = alarm.statistic().map(|statistic| statistic.as_str().to_owned());
    Some(Source {
        namespace: alarm.namespace()?.to_owned(),
        metric: alarm.metric_name()?.to_owned(),
        dimensions: alarm.dimensions().iter().filter_map(dimension).collect(),
        statistic: statistic.or_else(|| alarm.extended_statistic().map(str::to_owned))?,
        scale: Scale::Times(factor(alarm)),
    })
}

/// What AWS has stands over the description, which may not have been brought there yet.
pub(super) fn correct(about: &mut About, known: &[Known]) {
    for alarm in about.policies.iter_mut().flat_map(|policy| &mut policy.alarms) {
        let Some(Known { alarm: there, .. }) = known.iter().find(|known| known.name == alarm.name) else {
            continue;
        };
        let count = |number: Option<i32>| number.and_then(|number| u32::try_from(number).ok());
        alarm.when = when(there);
        alarm.period_s = there.period().map_or(alarm.period_s, f64::from);
        alarm.evaluation_periods = count(there.evaluation_periods()).unwrap_or(alarm.evaluation_periods);
        alarm.datapoints_to_alarm = count(there.datapoints_to_alarm()).unwrap_or(alarm.evaluation_periods);
    }
}

pub(super) fn shown(known: &Known, measured: &Measured, clock: Clock) -> Alarm {
    let Known { name, alarm } = known;
    Alarm {
        name: name.clone(),
        state: match alarm.state_value() {
            Some(watch::StateValue::Ok) => AlarmState::Ok,
            Some(watch::StateValue::Alarm) => AlarmState::Alarm,
            _ => AlarmState::InsufficientData,
        },
        since: clock.at(alarm.state_updated_timestamp()),
        reason: alarm.state_reason().unwrap_or_default().to_owned(),
        history: measured.alarms.get(name).cloned().unwrap_or_default(),
    }
}

/// What makes people wonder.
pub(super) fn note(known: &Known) -> Option<String> {
    let is_raised = known.alarm.state_value() == Some(&watch::StateValue::Alarm);
    (is_raised && !when(&known.alarm).comparison.is_upward())
        .then(|| format!("{} in ALARM is normal while the group is at its minimum", known.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployment::{Defaults, Deployment};
    use crate::engine::config::Config;

    fn about(target: Target) -> About {
        let deployment = Deployment::parse("", "test", Defaults::of(target)).expect("valid");
        About::new(&deployment, target, &Config::new(&deployment, target))
    }

    fn alarm(name: &str, action: &str, comparison: watch::ComparisonOperator) -> watch::MetricAlarm {
        let alarm = watch::MetricAlarm::builder().alarm_name(name).alarm_actions(action);
        alarm.comparison_operator(comparison).threshold(35.0).period(60).evaluation_periods(3).build()
    }

    #[test]
    fn alarms_are_known_by_the_policy_that_they_invoke() {
        let given = |name: &str| name.strip_prefix("shop-").unwrap_or(name).to_owned();
        let arn = "arn:aws:autoscaling:us-east-1:1:scalingPolicy:1:";
        let (up, down) =
            (watch::ComparisonOperator::GreaterThanThreshold, watch::ComparisonOperator::LessThanThreshold);
        let group = format!("{arn}autoScalingGroupName/shop:policyName/shop-todo_scale_up");
        let service = format!("{arn}resource/ecs/service/shop/shop:policyName/shop-todo-cpu:createdBy/2");
        let table = [
            (Target::Ec2, "shop-todo_scale_up", &group, &up, Some("todo_scale_up")),
            (
                Target::Ecs,
                "TargetTracking-service/shop/shop-AlarmHigh-1",
                &service,
                &up,
                Some("todo-cpu-AlarmHigh"),
            ),
            (
                Target::Ecs,
                "TargetTracking-service/shop/shop-AlarmLow-2",
                &service,
                &down,
                Some("todo-cpu-AlarmLow"),
            ),
            (Target::Ec2, "shop-todo_scale_down", &String::new(), &down, Some("todo_scale_down")),
            (Target::Ec2, "shop-somebody-elses", &"arn:aws:sns:us-east-1:1:mail".to_owned(), &up, None),
        ];
        for (target, called, action, comparison, expected) in table {
            let found = name(&alarm(called, action, comparison.clone()), &about(target), &given);
            assert_eq!(found.as_deref(), expected, "{called}");
        }
    }

    #[test]
    fn what_aws_has_is_shown() {
        let mut about = about(Target::Ec2);
        let alarm = alarm("todo_scale_up", "", watch::ComparisonOperator::GreaterThanThreshold);
        correct(&mut about, &[Known { name: "todo_scale_up".to_owned(), alarm }]);
        let up = about.alarms().find(|alarm| alarm.name == "todo_scale_up").expect("there");
        assert_eq!(up.words(), "cpu > 35 for 3 × 60 s");
    }
}
