//! Policies and the alarms that invoke them.

mod tasks;

use std::collections::BTreeMap;

use super::{CLUSTER, GROUP, LOAD_BALANCER, SERVICE, State, TARGET_GROUP, Unsupported, logical, unsupported};
use crate::aws::names::Names;
use crate::aws::resources::alarm::Alarm;
use crate::aws::resources::metric::{Customized, Label, Predefined, StepAdjustment};
use crate::aws::resources::policy::{Policy, TargetTracking};
use crate::aws::value::{Part, Ref};
use crate::deployment::{
    self, AdjustmentKind, Comparison, Deployment, Metric, MissingData, SimplePolicy, Statistic, StepPolicy,
    Target,
};

pub(super) fn add(
    deployment: &Deployment,
    target: Target,
    names: &Names,
    state: &mut State,
) -> Result<(), Unsupported> {
    for policy in &deployment.scaling.policies {
        let name = names.policy(policy.name());
        if target == Target::Ecs {
            let alarm = match policy {
                deployment::Policy::Simple(policy) => Some(&policy.alarm),
                deployment::Policy::Step(policy) => Some(&policy.alarm),
                deployment::Policy::TargetTracking(_) => None,
            };
            let policy_logical = logical("Policy", policy.name());
            if let Some(alarm) = alarm {
                let alarm = of_alarm(alarm, &name, &policy_logical, target, names)?;
                state.insert(logical("Alarm", policy.name()), alarm.into());
            }
            let policy = tasks::policy(policy, name, names, deployment.scaling.default_cooldown)?;
            state.insert(policy_logical, policy.into());
            continue;
        }
        let (rendered, alarm) = match policy {
            deployment::Policy::Simple(policy) => (simple(policy, name), Some(&policy.alarm)),
            deployment::Policy::Step(policy) => (step(policy, name), Some(&policy.alarm)),
            deployment::Policy::TargetTracking(policy) => (tracking(policy, name, names)?, None),
        };
        let policy_logical = logical("Policy", policy.name());
        if let Some(alarm) = alarm {
            let alarm = of_alarm(alarm, &rendered.name, &policy_logical, target, names)?;
            state.insert(logical("Alarm", policy.name()), alarm.into());
        }
        state.insert(policy_logical, rendered.into());
    }
    Ok(())
}

pub(super) fn adjustment(kind: AdjustmentKind) -> String {
    match kind {
        AdjustmentKind::Change => "ChangeInCapacity",
        AdjustmentKind::Exact => "ExactCapacity",
        AdjustmentKind::Percent => "PercentChangeInCapacity",
    }
    .to_owned()
}

fn blank(name: String, kind: &str) -> Policy {
    Policy {
        name,
        auto_scaling_group_name: Ref::to(GROUP),
        policy_type: kind.to_owned(),
        adjustment_type: None,
        scaling_adjustment: None,
        min_adjustment_magnitude: None,
        cooldown: None,
        estimated_instance_warmup: None,
        metric_aggregation_type: None,
        step_adjustments: Vec::new(),
        target_tracking_configuration: None,
    }
}

pub(super) fn seconds(duration: std::time::Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}

fn simple(policy: &SimplePolicy, name: String) -> Policy {
    Policy {
        adjustment_type: Some(adjustment(policy.adjust)),
        scaling_adjustment: Some(policy.adjustment),
        min_adjustment_magnitude: policy.min_magnitude.map(u32::cast_signed),
        cooldown: policy.cooldown.map(|cooldown| seconds(cooldown).to_string()),
        ..blank(name, "SimpleScaling")
    }
}

fn step(policy: &StepPolicy, name: String) -> Policy {
    Policy {
        adjustment_type: Some(adjustment(policy.adjust)),
        min_adjustment_magnitude: policy.min_magnitude.map(u32::cast_signed),
        estimated_instance_warmup: policy.warm_up.map(seconds),
        metric_aggregation_type: Some(aggregation(policy.alarm.statistic).to_owned()),
        step_adjustments: steps(policy),
        ..blank(name, "StepScaling")
    }
}

pub(super) fn aggregation(statistic: Statistic) -> &'static str {
    match statistic {
        Statistic::Minimum => "Minimum",
        Statistic::Maximum => "Maximum",
        // How the points of the instances are joined; a percentile is its alarm's business.
        Statistic::Average | Statistic::Sum | Statistic::SampleCount | Statistic::Percentile(_) => "Average",
    }
}

/// Each step reaches from its own bound to the next one's, the last one for ever.
pub(super) fn steps(policy: &StepPolicy) -> Vec<StepAdjustment> {
    let upward = policy.alarm.when.comparison.is_upward();
    let ends = policy.steps.iter().skip(1).map(|step| Some(step.from)).chain([None]);
    let steps = policy.steps.iter().zip(ends).map(|(step, end)| {
        let (lower, upper) = if upward { (Some(step.from), end) } else { (end, Some(step.from)) };
        StepAdjustment {
            metric_interval_lower_bound: lower,
            metric_interval_upper_bound: upper,
            scaling_adjustment: step.adjustment,
        }
    });
    steps.collect()
}

fn tracking(policy: &deployment::TargetTracking, name: String, names: &Names) -> Result<Policy, Unsupported> {
    let predefined = |kind: &str, label: Option<Label>| Predefined {
        predefined_metric_type: kind.to_owned(),
        resource_label: label,
    };
    let (predefined, customized) = match &policy.metric {
        Metric::Cpu => (Some(predefined("ASGAverageCPUUtilization", None)), None),
        Metric::NetworkIn => (Some(predefined("ASGAverageNetworkIn", None)), None),
        Metric::NetworkOut => (Some(predefined("ASGAverageNetworkOut", None)), None),
        Metric::RequestsPerTarget => {
            let label = Label::of(LOAD_BALANCER, TARGET_GROUP);
            (Some(predefined("ALBRequestCountPerTarget", Some(label))), None)
        }
        Metric::Custom(metric) => {
            let customized = Customized {
                namespace: names.metrics(),
                metric_name: metric.clone(),
                statistic: "Average".to_owned(),
            };
            (None, Some(customized))
        }
        Metric::Memory | Metric::Latency { .. } => {
            return Err(unsupported(
                "scaling.policy.metric",
                format!(
                    "target tracking on EC2 cannot follow {}; use an alarm and a step policy",
                    policy.metric
                ),
            ));
        }
    };
    Ok(Policy {
        estimated_instance_warmup: policy.warm_up.map(seconds),
        target_tracking_configuration: Some(TargetTracking {
            predefined_metric_specification: predefined,
            customized_metric_specification: customized,
            target_value: policy.target,
            disable_scale_in: !policy.scale_in,
        }),
        ..blank(name, "TargetTrackingScaling")
    })
}

/// Where AWS keeps a metric: namespace, name, dimensions, and by how much our unit is larger than its own.
type Place = (String, &'static str, BTreeMap<String, Ref>, f64);

fn place(metric: &Metric, target: Target, names: &Names) -> Result<Place, Unsupported> {
    let group = || [("AutoScalingGroupName".to_owned(), Ref::to(GROUP))].into();
    let ec2 = |name: &'static str| Ok(("AWS/EC2".to_owned(), name, group(), 1.0));
    let targets = [("TargetGroup".to_owned(), Ref::part(TARGET_GROUP, Part::TargetGroupFullName))].into();
    let balancer = ("LoadBalancer".to_owned(), Ref::part(LOAD_BALANCER, Part::LoadBalancerFullName));
    let service = || {
        let name = |key: &str, logical, part| (key.to_owned(), Ref::part(logical, part));
        [name("ClusterName", CLUSTER, Part::ClusterName), name("ServiceName", SERVICE, Part::Name)].into()
    };
    match (metric, target) {
        (Metric::Cpu, Target::Ecs) => Ok(("AWS/ECS".to_owned(), "CPUUtilization", service(), 1.0)),
        (Metric::Memory, Target::Ecs) => Ok(("AWS/ECS".to_owned(), "MemoryUtilization", service(), 1.0)),
        (Metric::Cpu, Target::Ec2) => ec2("CPUUtilization"),
        (Metric::NetworkIn, Target::Ec2) => ec2("NetworkIn"),
        (Metric::NetworkOut, Target::Ec2) => ec2("NetworkOut"),
        (Metric::RequestsPerTarget, _) => {
            Ok(("AWS/ApplicationELB".to_owned(), "RequestCountPerTarget", targets, 1.0))
        }
        // AWS counts seconds, we milliseconds.
        (Metric::Latency { .. }, _) => {
            Ok(("AWS/ApplicationELB".to_owned(), "TargetResponseTime", [balancer].into(), 1000.0))
        }
        _ => Err(unsupported(
            "scaling.policy.metric",
            format!(
                "{metric} is not measured on {target}; use cpu, requests-per-target, latency-pNN or custom:NAME in {}",
                names.metrics()
            ),
        )),
    }
}

fn of_alarm(
    alarm: &deployment::Alarm,
    name: &str,
    policy: &str,
    target: Target,
    names: &Names,
) -> Result<Alarm, Unsupported> {
    let custom;
    let (namespace, metric, dimensions, scale) = match &alarm.metric {
        Metric::Custom(metric) => {
            custom = metric.clone();
            (names.metrics(), custom.as_str(), BTreeMap::new(), 1.0)
        }
        metric => place(metric, target, names)?,
    };
    let extended = match alarm.metric {
        Metric::Latency { percentile } => Some(format!("p{percentile}")),
        _ => match alarm.statistic {
            Statistic::Percentile(percent) => Some(format!("p{percent}")),
            _ => None,
        },
    };
    let statistic = match alarm.statistic {
        Statistic::Average => "Average",
        Statistic::Minimum => "Minimum",
        Statistic::Maximum => "Maximum",
        Statistic::Sum => "Sum",
        // Never sent: its extended statistic is.
        Statistic::SampleCount | Statistic::Percentile(_) => "SampleCount",
    };
    // The balancer counts requests for each healthy target already: their sum is the number per target.
    let statistic = if alarm.metric == Metric::RequestsPerTarget { "Sum" } else { statistic };
    let comparison = match alarm.when.comparison {
        Comparison::AtLeast => "GreaterThanOrEqualToThreshold",
        Comparison::Above => "GreaterThanThreshold",
        Comparison::AtMost => "LessThanOrEqualToThreshold",
        Comparison::Below => "LessThanThreshold",
    };
    let missing = match alarm.missing_data {
        MissingData::Missing => "missing",
        MissingData::Ignore => "ignore",
        MissingData::Breaching => "breaching",
        MissingData::NotBreaching => "notBreaching",
    };
    Ok(Alarm {
        alarm_name: name.to_owned(),
        alarm_description: match alarm.metric {
            Metric::Cpu => "Monitors CPU utilization for Todo".to_owned(),
            _ => format!("Monitors {} for Todo", alarm.metric),
        },
        namespace,
        metric_name: metric.to_owned(),
        dimensions,
        statistic: extended.is_none().then(|| statistic.to_owned()),
        extended_statistic: extended,
        period: seconds(alarm.period),
        evaluation_periods: alarm.evaluation_periods.cast_signed(),
        datapoints_to_alarm: alarm.datapoints_to_alarm().cast_signed(),
        threshold: alarm.when.threshold / scale,
        comparison_operator: comparison.to_owned(),
        treat_missing_data: missing.to_owned(),
        alarm_actions: [Ref::to(policy)].into(),
    })
}
