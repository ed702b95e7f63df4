//! Policies of Application Auto Scaling: target tracking, which makes its own alarms, and steps.

use aws_sdk_applicationautoscaling::types as scaling;
use serde::Serialize;

use super::metric::{Customized, Predefined, StepAdjustment};
use super::scalable_target::{DIMENSION, NAMESPACE};
use super::{At, Call, Found, Kind, no_such};
use crate::aws::failure::{Failure, of};
use crate::aws::value::{Part, Ref};

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tracking {
    pub policy_name: String,
    pub policy_type: String,
    pub scaling_target_id: Ref,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_tracking_scaling_policy_configuration: Option<TargetTracking>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_scaling_policy_configuration: Option<StepScaling>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TargetTracking {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predefined_metric_specification: Option<Predefined>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customized_metric_specification: Option<Customized>,
    pub target_value: f64,
    pub scale_out_cooldown: i32,
    pub scale_in_cooldown: i32,
    pub disable_scale_in: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StepScaling {
    pub adjustment_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cooldown: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_adjustment_magnitude: Option<i32>,
    pub metric_aggregation_type: String,
    pub step_adjustments: Vec<StepAdjustment>,
}

/// The shared values in this service's types.
mod sdk {
    use super::super::metric::{Customized, Label, Predefined, StepAdjustment, in_types_of};
    use super::{At, Call, Failure};

    in_types_of!(aws_sdk_applicationautoscaling::types, |call, built: Result<_, _>| {
        built.map_err(|_| Failure::incomplete(call, "field that it needs"))
    });
}

const PUT: Call = "application-autoscaling:PutScalingPolicy";
const DELETE: Call = "application-autoscaling:DeleteScalingPolicy";
const DESCRIBE: Call = "application-autoscaling:DescribeScalingPolicies";

impl TargetTracking {
    fn request(
        &self,
        call: Call,
        at: At<'_>,
    ) -> Result<scaling::TargetTrackingScalingPolicyConfiguration, Failure> {
        let mut built = scaling::TargetTrackingScalingPolicyConfiguration::builder()
            .target_value(self.target_value)
            .scale_out_cooldown(self.scale_out_cooldown)
            .scale_in_cooldown(self.scale_in_cooldown)
            .disable_scale_in(self.disable_scale_in);
        if let Some(metric) = &self.predefined_metric_specification {
            built = built.predefined_metric_specification(sdk::predefined(call, at, metric)?);
        }
        let customized = self.customized_metric_specification.as_ref().map(sdk::customized);
        let built = built.set_customized_metric_specification(customized);
        built.build().map_err(|_| Failure::incomplete(call, "target"))
    }
}

impl StepScaling {
    fn request(&self, call: Call) -> Result<scaling::StepScalingPolicyConfiguration, Failure> {
        Ok(scaling::StepScalingPolicyConfiguration::builder()
            .adjustment_type(scaling::AdjustmentType::from(self.adjustment_type.as_str()))
            .set_cooldown(self.cooldown)
            .set_min_adjustment_magnitude(self.min_adjustment_magnitude)
            .metric_aggregation_type(scaling::MetricAggregationType::from(
                self.metric_aggregation_type.as_str(),
            ))
            .set_step_adjustments(Some(sdk::steps(call, &self.step_adjustments)?))
            .build())
    }
}

impl Kind for Tracking {
    const TYPE: &'static str = "AWS::ApplicationAutoScaling::ScalingPolicy";

    fn name(&self) -> String {
        self.policy_name.clone()
    }

    fn calls(&self, have: Option<&Self>) -> Vec<Call> {
        if have == Some(self) { Vec::new() } else { vec![PUT] }
    }

    async fn send(&self, call: Call, _have: Option<&Self>, at: At<'_>) -> Result<Option<String>, Failure> {
        if call != PUT {
            return Err(no_such(call));
        }
        let tracking = self.target_tracking_scaling_policy_configuration.as_ref();
        let tracking = tracking.map(|tracking| tracking.request(call, at)).transpose()?;
        let steps = self.step_scaling_policy_configuration.as_ref();
        let steps = steps.map(|steps| steps.request(call)).transpose()?;
        let request = at.cloud.scaling.put_scaling_policy().policy_name(&self.policy_name);
        let request = request
            .service_namespace(NAMESPACE)
            .scalable_dimension(DIMENSION)
            .resource_id(at.id(call, &self.scaling_target_id)?)
            .policy_type(scaling::PolicyType::from(self.policy_type.as_str()))
            .set_target_tracking_scaling_policy_configuration(tracking)
            .set_step_scaling_policy_configuration(steps);
        let made = request.send().await.map_err(of(call))?;
        Ok(Some(made.policy_arn))
    }

    fn removal(&self) -> Vec<Call> {
        vec![DELETE]
    }

    async fn remove(&self, call: Call, _id: &str, at: At<'_>) -> Result<(), Failure> {
        let request = at.cloud.scaling.delete_scaling_policy().policy_name(&self.policy_name);
        let request = request.service_namespace(NAMESPACE).scalable_dimension(DIMENSION);
        let request = request.resource_id(at.id(call, &self.scaling_target_id)?);
        request.send().await.map_err(of(call))?;
        Ok(())
    }
}

/// All policies of the service.
pub(in crate::aws) async fn of_service(service: &str, at: At<'_>) -> Result<Vec<Found>, Failure> {
    let request = at.cloud.scaling.describe_scaling_policies().service_namespace(NAMESPACE);
    let request = request.resource_id(service).scalable_dimension(DIMENSION);
    let mut pages = request.into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(of(DESCRIBE))?;
        found.extend(page.scaling_policies().iter().map(|policy| read(policy, at)));
    }
    Ok(found)
}

fn read(policy: &scaling::ScalingPolicy, at: At<'_>) -> Found {
    let steps = policy.step_scaling_policy_configuration().map(|steps| StepScaling {
        adjustment_type: steps.adjustment_type().map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
        cooldown: steps.cooldown(),
        min_adjustment_magnitude: steps.min_adjustment_magnitude(),
        metric_aggregation_type: steps
            .metric_aggregation_type()
            .map_or_else(|| "Average".to_owned(), |kind| kind.as_str().to_owned()),
        step_adjustments: steps
            .step_adjustments()
            .iter()
            .map(|step| StepAdjustment {
                metric_interval_lower_bound: step.metric_interval_lower_bound(),
                metric_interval_upper_bound: step.metric_interval_upper_bound(),
                scaling_adjustment: step.scaling_adjustment(),
            })
            .collect(),
    });
    let value = Tracking {
        policy_name: policy.policy_name().to_owned(),
        policy_type: policy.policy_type().as_str().to_owned(),
        scaling_target_id: at.ids.reference(policy.resource_id(), Part::Id),
        target_tracking_scaling_policy_configuration: policy
            .target_tracking_scaling_policy_configuration()
            .map(|tracking| read_tracking(tracking, at)),
        step_scaling_policy_configuration: steps,
    };
    Found { resource: value.into(), id: policy.policy_arn().to_owned(), ours: true }
}

fn read_tracking(tracking: &scaling::TargetTrackingScalingPolicyConfiguration, at: At<'_>) -> TargetTracking {
    let predefined = tracking.predefined_metric_specification().map(|metric| Predefined {
        predefined_metric_type: metric.predefined_metric_type().as_str().to_owned(),
        resource_label: sdk::read_label(metric, at),
    });
    let customized = tracking.customized_metric_specification().map(sdk::read_customized);
    TargetTracking {
        predefined_metric_specification: predefined,
        customized_metric_specification: customized,
        target_value: tracking.target_value(),
        scale_out_cooldown: tracking.scale_out_cooldown().unwrap_or_default(),
        scale_in_cooldown: tracking.scale_in_cooldown().unwrap_or_default(),
        disable_scale_in: tracking.disable_scale_in().unwrap_or_default(),
    }
}
