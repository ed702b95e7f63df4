//! Policies of an ECS service. Application Auto Scaling has no simple ones: one step without bounds is the same.

use std::time::Duration;

use super::{adjustment, aggregation, seconds, steps};
use crate::aws::names::Names;
use crate::aws::render::{LOAD_BALANCER, SCALABLE_TARGET, TARGET_GROUP, Unsupported, unsupported};
use crate::aws::resources::metric::{Customized, Label, Predefined, StepAdjustment};
use crate::aws::resources::tracking::{StepScaling, TargetTracking, Tracking};
use crate::aws::value::Ref;
use crate::deployment::{self, Metric, Policy, SimplePolicy, StepPolicy};

/// `default_cooldown` is for policies that name none: AWS's own default need not be the description's.
pub(super) fn policy(
    policy: &Policy,
    name: String,
    names: &Names,
    default_cooldown: Duration,
) -> Result<Tracking, Unsupported> {
    let (kind, tracking, stepping) = match policy {
        Policy::TargetTracking(policy) => ("TargetTrackingScaling", Some(tracking(policy, names)?), None),
        Policy::Step(policy) => ("StepScaling", None, Some(step(policy, default_cooldown))),
        Policy::Simple(policy) => ("StepScaling", None, Some(simple(policy, default_cooldown))),
    };
    Ok(Tracking {
        policy_name: name,
        policy_type: kind.to_owned(),
        scaling_target_id: Ref::to(SCALABLE_TARGET),
        target_tracking_scaling_policy_configuration: tracking,
        step_scaling_policy_configuration: stepping,
    })
}

fn tracking(policy: &deployment::TargetTracking, names: &Names) -> Result<TargetTracking, Unsupported> {
    let predefined = |kind: &str, label: Option<Label>| {
        let predefined_metric_type = kind.to_owned();
        (Some(Predefined { predefined_metric_type, resource_label: label }), None)
    };
    let (predefined, customized) = match &policy.metric {
        Metric::Cpu => predefined("ECSServiceAverageCPUUtilization", None),
        Metric::Memory => predefined("ECSServiceAverageMemoryUtilization", None),
        Metric::RequestsPerTarget => {
            predefined("ALBRequestCountPerTarget", Some(Label::of(LOAD_BALANCER, TARGET_GROUP)))
        }
        Metric::Custom(metric) => {
            let customized = Customized {
                namespace: names.metrics(),
                metric_name: metric.clone(),
                statistic: "Average".to_owned(),
            };
            (None, Some(customized))
        }
        Metric::NetworkIn | Metric::NetworkOut | Metric::Latency { .. } => {
            return Err(unsupported(
                "scaling.policy.metric",
                format!(
                    "target tracking on ECS cannot follow {}; use an alarm and a step policy",
                    policy.metric
                ),
            ));
        }
    };
    Ok(TargetTracking {
        predefined_metric_specification: predefined,
        customized_metric_specification: customized,
        target_value: policy.target,
        scale_out_cooldown: seconds(policy.scale_out_cooldown),
        scale_in_cooldown: seconds(policy.scale_in_cooldown),
        disable_scale_in: !policy.scale_in,
    })
}

fn step(policy: &StepPolicy, default_cooldown: Duration) -> StepScaling {
    StepScaling {
        adjustment_type: adjustment(policy.adjust),
        cooldown: Some(seconds(policy.cooldown.unwrap_or(default_cooldown))),
        min_adjustment_magnitude: policy.min_magnitude.map(u32::cast_signed),
        metric_aggregation_type: aggregation(policy.alarm.statistic).to_owned(),
        step_adjustments: steps(policy),
    }
}

fn simple(policy: &SimplePolicy, default_cooldown: Duration) -> StepScaling {
    let upward = policy.alarm.when.comparison.is_upward();
    let step = StepAdjustment {
        metric_interval_lower_bound: upward.then_some(0.0),
        metric_interval_upper_bound: (!upward).then_some(0.0),
        scaling_adjustment: policy.adjustment,
    };
    StepScaling {
        adjustment_type: adjustment(policy.adjust),
        cooldown: Some(seconds(policy.cooldown.unwrap_or(default_cooldown))),
        min_adjustment_magnitude: policy.min_magnitude.map(u32::cast_signed),
        metric_aggregation_type: aggregation(policy.alarm.statistic).to_owned(),
        step_adjustments: vec![step],
    }
}
