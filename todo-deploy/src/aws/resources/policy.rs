//! Scaling policies of an Auto Scaling group: simple, step, target tracking.

use aws_sdk_autoscaling::types as auto;
use serde::Serialize;

use super::metric::{Customized, Predefined, StepAdjustment};
use super::{At, Call, Found, Kind, no_such};
use crate::aws::failure::{Failure, of};
use crate::aws::value::{Part, Ref};

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Policy {
    /// CloudFormation makes a name of its own.
    #[serde(skip)]
    pub name: String,
    pub auto_scaling_group_name: Ref,
    pub policy_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adjustment_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scaling_adjustment: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_adjustment_magnitude: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cooldown: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated_instance_warmup: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_aggregation_type: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub step_adjustments: Vec<StepAdjustment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_tracking_configuration: Option<TargetTracking>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TargetTracking {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predefined_metric_specification: Option<Predefined>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customized_metric_specification: Option<Customized>,
    pub target_value: f64,
    pub disable_scale_in: bool,
}

/// The shared values in this service's types.
mod sdk {
    use super::super::metric::{Customized, Label, Predefined, StepAdjustment, in_types_of};
    use super::{At, Call, Failure};

    in_types_of!(aws_sdk_autoscaling::types, |_, built| Ok(built));
}

const PUT: Call = "autoscaling:PutScalingPolicy";
const DELETE: Call = "autoscaling:DeletePolicy";
const DESCRIBE: Call = "autoscaling:DescribePolicies";

impl Policy {
    fn tracking(&self, call: Call, at: At<'_>) -> Result<Option<auto::TargetTrackingConfiguration>, Failure> {
        let Some(tracking) = &self.target_tracking_configuration else { return Ok(None) };
        let mut built = auto::TargetTrackingConfiguration::builder()
            .target_value(tracking.target_value)
            .disable_scale_in(tracking.disable_scale_in);
        if let Some(metric) = &tracking.predefined_metric_specification {
            built = built.predefined_metric_specification(sdk::predefined(call, at, metric)?);
        }
        let customized = tracking.customized_metric_specification.as_ref();
        let built = built.set_customized_metric_specification(customized.map(sdk::customized));
        Ok(Some(built.build()))
    }
}

impl Kind for Policy {
    const TYPE: &'static str = "AWS::AutoScaling::ScalingPolicy";

    fn name(&self) -> String {
        self.name.clone()
    }

    fn calls(&self, have: Option<&Self>) -> Vec<Call> {
        if have == Some(self) { Vec::new() } else { vec![PUT] }
    }

    async fn send(&self, call: Call, _have: Option<&Self>, at: At<'_>) -> Result<Option<String>, Failure> {
        if call != PUT {
            return Err(no_such(call));
        }
        let group = at.id(call, &self.auto_scaling_group_name)?;
        let steps = Some(sdk::steps(call, &self.step_adjustments)?).filter(|steps| !steps.is_empty());
        let request = at.cloud.autoscaling.put_scaling_policy().auto_scaling_group_name(&group);
        let request = request
            .policy_name(&self.name)
            .policy_type(&self.policy_type)
            .set_adjustment_type(self.adjustment_type.clone())
            .set_scaling_adjustment(self.scaling_adjustment)
            .set_min_adjustment_magnitude(self.min_adjustment_magnitude)
            .set_cooldown(self.cooldown.as_deref().and_then(|text| text.parse().ok()))
            .set_estimated_instance_warmup(self.estimated_instance_warmup)
            .set_metric_aggregation_type(self.metric_aggregation_type.clone())
            .set_step_adjustments(steps)
            .set_target_tracking_configuration(self.tracking(call, at)?);
        let made = request.send().await.map_err(of(call))?;
        made.policy_arn.map(Some).ok_or_else(|| Failure::incomplete(call, "ARN"))
    }

    fn removal(&self) -> Vec<Call> {
        vec![DELETE]
    }

    async fn remove(&self, call: Call, id: &str, at: At<'_>) -> Result<(), Failure> {
        let request = at.cloud.autoscaling.delete_policy().policy_name(id);
        let group = self.auto_scaling_group_name.clone();
        let request = request.set_auto_scaling_group_name(at.ids.resolve(&group));
        request.send().await.map_err(of(call))?;
        Ok(())
    }
}

/// All policies of the group. They are ours when it is.
pub(in crate::aws) async fn of_group(group: &str, at: At<'_>) -> Result<Vec<Found>, Failure> {
    let mut found = Vec::new();
    let mut pages =
        at.cloud.autoscaling.describe_policies().auto_scaling_group_name(group).into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(of(DESCRIBE))?;
        found.extend(page.scaling_policies().iter().filter_map(|policy| read(policy, at)));
    }
    Ok(found)
}

fn read(policy: &auto::ScalingPolicy, at: At<'_>) -> Option<Found> {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let some = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let steps = policy.step_adjustments().iter().map(|step| StepAdjustment {
        metric_interval_lower_bound: step.metric_interval_lower_bound(),
        metric_interval_upper_bound: step.metric_interval_upper_bound(),
        scaling_adjustment: step.scaling_adjustment().unwrap_or_default(),
    });
    let kind = policy.policy_type().filter(|kind| !kind.is_empty()).unwrap_or("SimpleScaling");
    let is_step = kind == "StepScaling";
    let value = Policy {
        name: text(policy.policy_name()),
        auto_scaling_group_name: at.ids.reference(policy.auto_scaling_group_name()?, Part::Id),
        policy_type: kind.to_owned(),
        adjustment_type: some(policy.adjustment_type()),
        scaling_adjustment: policy.scaling_adjustment(),
        min_adjustment_magnitude: policy.min_adjustment_magnitude(),
        cooldown: policy.cooldown().map(|seconds| seconds.to_string()),
        estimated_instance_warmup: policy.estimated_instance_warmup(),
        metric_aggregation_type: some(policy.metric_aggregation_type()).filter(|_| is_step),
        step_adjustments: steps.collect(),
        target_tracking_configuration: policy
            .target_tracking_configuration()
            .map(|one| read_tracking(one, at)),
    };
    let id = policy.policy_arn().unwrap_or_default().to_owned();
    Some(Found { resource: value.into(), id, ours: true })
}

fn read_tracking(tracking: &auto::TargetTrackingConfiguration, at: At<'_>) -> TargetTracking {
    let predefined = tracking.predefined_metric_specification().map(|metric| Predefined {
        predefined_metric_type: metric
            .predefined_metric_type()
            .map_or("", auto::MetricType::as_str)
            .to_owned(),
        resource_label: sdk::read_label(metric, at),
    });
    let customized = tracking.customized_metric_specification().map(sdk::read_customized);
    TargetTracking {
        predefined_metric_specification: predefined,
        customized_metric_specification: customized,
        target_value: tracking.target_value().unwrap_or_default(),
        disable_scale_in: tracking.disable_scale_in().unwrap_or_default(),
    }
}
