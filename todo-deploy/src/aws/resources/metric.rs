//! Steps, and what target tracking looks at: alike in both of AWS's autoscaling services, whose SDKs have types of their own
//! for it.

use serde::Serialize;

use super::{At, Call};
use crate::aws::failure::Failure;
use crate::aws::value::{Part, Ref};

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StepAdjustment {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_interval_lower_bound: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_interval_upper_bound: Option<f64>,
    pub scaling_adjustment: i32,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Predefined {
    pub predefined_metric_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_label: Option<Label>,
}

/// `LOAD-BALANCER/TARGET-GROUP`, both by their full names.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Label {
    #[serde(rename = "Fn::Join")]
    pub join: (&'static str, [Ref; 2]),
}

impl Label {
    pub fn of(balancer: &str, group: &str) -> Self {
        let parts =
            [Ref::part(balancer, Part::LoadBalancerFullName), Ref::part(group, Part::TargetGroupFullName)];
        Self { join: ("/", parts) }
    }

    pub(super) fn text(&self, call: Call, at: At<'_>) -> Result<String, Failure> {
        Ok(format!("{}/{}", at.id(call, &self.join.1[0])?, at.id(call, &self.join.1[1])?))
    }

    pub(super) fn read(text: &str, at: At<'_>) -> Self {
        let (balancer, group) = match text.find("/targetgroup/") {
            Some(middle) => (&text[..middle], &text[middle + 1..]),
            None => (text, ""),
        };
        let parts = [
            at.ids.reference(balancer, Part::LoadBalancerFullName),
            at.ids.reference(group, Part::TargetGroupFullName),
        ];
        Self { join: ("/", parts) }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Customized {
    pub namespace: String,
    pub metric_name: String,
    pub statistic: String,
}

/// Makes the functions from these values to a service's types and back: `$types` has the types, `$made` takes what a builder
/// gives (one service's may lack fields, the other's may not).
macro_rules! in_types_of {
    ($types:path, $made:expr) => {
        use $types as types;

        pub(super) fn steps(
            call: Call,
            steps: &[StepAdjustment],
        ) -> Result<Vec<types::StepAdjustment>, Failure> {
            let step = |step: &StepAdjustment| {
                let built = types::StepAdjustment::builder()
                    .set_metric_interval_lower_bound(step.metric_interval_lower_bound)
                    .set_metric_interval_upper_bound(step.metric_interval_upper_bound)
                    .scaling_adjustment(step.scaling_adjustment)
                    .build();
                $made(call, built)
            };
            steps.iter().map(step).collect()
        }

        pub(super) fn predefined(
            call: Call,
            at: At<'_>,
            metric: &Predefined,
        ) -> Result<types::PredefinedMetricSpecification, Failure> {
            let label = metric.resource_label.as_ref().map(|label| label.text(call, at)).transpose()?;
            let built = types::PredefinedMetricSpecification::builder()
                .predefined_metric_type(types::MetricType::from(metric.predefined_metric_type.as_str()))
                .set_resource_label(label)
                .build();
            $made(call, built)
        }

        pub(super) fn customized(metric: &Customized) -> types::CustomizedMetricSpecification {
            types::CustomizedMetricSpecification::builder()
                .namespace(&metric.namespace)
                .metric_name(&metric.metric_name)
                .statistic(types::MetricStatistic::from(metric.statistic.as_str()))
                .build()
        }

        pub(super) fn read_customized(metric: &types::CustomizedMetricSpecification) -> Customized {
            let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
            Customized {
                namespace: text(metric.namespace()),
                metric_name: text(metric.metric_name()),
                statistic: text(metric.statistic().map(types::MetricStatistic::as_str)),
            }
        }

        pub(super) fn read_label(metric: &types::PredefinedMetricSpecification, at: At<'_>) -> Option<Label> {
            metric.resource_label().filter(|label| !label.is_empty()).map(|label| Label::read(label, at))
        }
    };
}
pub(super) use in_types_of;
