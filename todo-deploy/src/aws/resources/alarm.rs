//! Alarms that invoke policies. Those of target tracking belong to AWS and are left alone.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cloudwatch::types as watch;
use serde::Serialize;

use super::{At, Call, Found, Kind, no_such};
use crate::aws::failure::{Absent as _, Failure, of};
use crate::aws::value::{Part, Ref, dimensions};

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Alarm {
    pub alarm_name: String,
    pub alarm_description: String,
    pub namespace: String,
    pub metric_name: String,
    #[serde(serialize_with = "dimensions")]
    pub dimensions: BTreeMap<String, Ref>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statistic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extended_statistic: Option<String>,
    pub period: i32,
    pub evaluation_periods: i32,
    pub datapoints_to_alarm: i32,
    pub threshold: f64,
    pub comparison_operator: String,
    pub treat_missing_data: String,
    pub alarm_actions: BTreeSet<Ref>,
}

const PUT: Call = "cloudwatch:PutMetricAlarm";
const DELETE: Call = "cloudwatch:DeleteAlarms";
const DESCRIBE: Call = "cloudwatch:DescribeAlarms";
const TAGS: Call = "cloudwatch:ListTagsForResource";

/// Names per call that `DescribeAlarms` takes.
const NAMES_MAX: usize = 100;

impl Kind for Alarm {
    const TYPE: &'static str = "AWS::CloudWatch::Alarm";

    fn name(&self) -> String {
        self.alarm_name.clone()
    }

    fn calls(&self, have: Option<&Self>) -> Vec<Call> {
        if have == Some(self) { Vec::new() } else { vec![PUT] }
    }

    async fn send(&self, call: Call, have: Option<&Self>, at: At<'_>) -> Result<Option<String>, Failure> {
        if call != PUT {
            return Err(no_such(call));
        }
        let dimension = |(name, value): (&String, &Ref)| {
            Ok(watch::Dimension::builder().name(name).value(at.id(call, value)?).build())
        };
        let dimensions = self.dimensions.iter().map(dimension).collect::<Result<Vec<_>, Failure>>()?;
        let actions: Vec<Ref> = self.alarm_actions.iter().cloned().collect();
        // Tags are for new alarms only; AWS ignores them in a change.
        let tags = at.names.tags().map(|(key, value)| watch::Tag::builder().key(key).value(value).build());
        let request = at.cloud.cloudwatch.put_metric_alarm().alarm_name(&self.alarm_name);
        let request = request
            .alarm_description(&self.alarm_description)
            .namespace(&self.namespace)
            .metric_name(&self.metric_name)
            .set_dimensions(Some(dimensions))
            .set_statistic(self.statistic.as_deref().map(watch::Statistic::from))
            .set_extended_statistic(self.extended_statistic.clone())
            .period(self.period)
            .evaluation_periods(self.evaluation_periods)
            .datapoints_to_alarm(self.datapoints_to_alarm)
            .threshold(self.threshold)
            .comparison_operator(watch::ComparisonOperator::from(self.comparison_operator.as_str()))
            .treat_missing_data(&self.treat_missing_data)
            .set_alarm_actions(Some(at.all(call, &actions)?))
            .set_tags(have.is_none().then(|| tags.into()));
        request.send().await.map_err(of(call))?;
        Ok(Some(self.alarm_name.clone()))
    }

    fn removal(&self) -> Vec<Call> {
        vec![DELETE]
    }

    async fn remove(&self, call: Call, id: &str, at: At<'_>) -> Result<(), Failure> {
        at.cloud.cloudwatch.delete_alarms().alarm_names(id).send().await.map_err(of(call))?;
        Ok(())
    }
}

/// The alarms of these names, as AWS tells them, whoever they belong to.
pub(in crate::aws) async fn named(names: &[String], at: At<'_>) -> Result<Vec<watch::MetricAlarm>, Failure> {
    let mut found = Vec::new();
    // Without a name AWS would tell of all there are: no chunk, no call.
    for names in names.chunks(NAMES_MAX) {
        let request = at.cloud.cloudwatch.describe_alarms().set_alarm_names(Some(names.to_vec()));
        let page = request.send().await.map_err(of(DESCRIBE))?;
        found.extend(page.metric_alarms.unwrap_or_default());
    }
    Ok(found)
}

/// The alarms of these names, with whether they are ours.
pub(in crate::aws) async fn describe(
    names: &[String],
    at: At<'_>,
) -> Result<Vec<(watch::MetricAlarm, bool)>, Failure> {
    let mut found = Vec::new();
    for alarm in named(names, at).await? {
        let ours = is_ours(alarm.alarm_arn().unwrap_or_default(), at).await?;
        found.push((alarm, ours));
    }
    Ok(found)
}

async fn is_ours(arn: &str, at: At<'_>) -> Result<bool, Failure> {
    let request = at.cloud.cloudwatch.list_tags_for_resource().resource_arn(arn);
    let Some(tags) = request.send().await.map_err(of(TAGS)).absent()? else { return Ok(false) };
    Ok(at.names.owns(tags.tags().iter().filter_map(|tag| Some((tag.key()?, tag.value()?)))))
}

/// References in it are found again when policies, balancer and groups are known.
pub(in crate::aws) fn found((alarm, ours): &(watch::MetricAlarm, bool), at: At<'_>) -> Found {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let part = |name: &str| match name {
        "LoadBalancer" => Part::LoadBalancerFullName,
        "TargetGroup" => Part::TargetGroupFullName,
        "ClusterName" => Part::ClusterName,
        "ServiceName" => Part::Name,
        _ => Part::Id,
    };
    let dimension = |one: &watch::Dimension| {
        let (name, value) = (one.name()?, one.value()?);
        Some((name.to_owned(), at.ids.reference(value, part(name))))
    };
    let periods = alarm.evaluation_periods().unwrap_or_default();
    let value = Alarm {
        alarm_name: text(alarm.alarm_name()),
        alarm_description: text(alarm.alarm_description()),
        namespace: text(alarm.namespace()),
        metric_name: text(alarm.metric_name()),
        dimensions: alarm.dimensions().iter().filter_map(dimension).collect(),
        statistic: alarm.statistic().map(|statistic| statistic.as_str().to_owned()),
        extended_statistic: alarm.extended_statistic().map(str::to_owned),
        period: alarm.period().unwrap_or_default(),
        evaluation_periods: periods,
        datapoints_to_alarm: alarm.datapoints_to_alarm().unwrap_or(periods),
        threshold: alarm.threshold().unwrap_or_default(),
        comparison_operator: text(alarm.comparison_operator().map(watch::ComparisonOperator::as_str)),
        treat_missing_data: alarm.treat_missing_data().unwrap_or("missing").to_owned(),
        alarm_actions: alarm.alarm_actions().iter().map(|arn| at.ids.reference(arn, Part::Id)).collect(),
    };
    Found { id: value.alarm_name.clone(), resource: value.into(), ours: *ours }
}
