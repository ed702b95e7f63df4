//! Auto Scaling groups: how many instances, of which template, behind which target group.

use std::collections::BTreeSet;

use aws_sdk_autoscaling::types as auto;
use serde::Serialize;

use super::{At, Call, Found, Kind, no_such};
use crate::aws::failure::{Failure, of};
use crate::aws::names::Names;
use crate::aws::value::{Part, Ref};

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Group {
    pub auto_scaling_group_name: String,
    /// CloudFormation writes these numbers as text.
    pub min_size: String,
    pub max_size: String,
    /// Only where the group is made: afterwards the policies own it, and it never counts as a difference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desired_capacity: Option<String>,
    pub launch_template: Template,
    #[serde(rename = "VPCZoneIdentifier")]
    pub subnets: BTreeSet<String>,
    #[serde(rename = "TargetGroupARNs")]
    pub target_groups: BTreeSet<Ref>,
    pub health_check_type: String,
    pub health_check_grace_period: i32,
    pub default_instance_warmup: i32,
    pub cooldown: String,
    /// Instances of another version than the newest, where they were counted: the refresh that replaces them moves the
    /// group to that version itself, and only once it has succeeded.
    #[serde(skip)]
    pub outdated: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Template {
    pub launch_template_id: Ref,
    /// A number, never `$Latest`, so that a refresh that fails can go back to it.
    pub version: Ref,
}

impl Template {
    pub(super) fn specification(
        &self,
        call: Call,
        at: At<'_>,
    ) -> Result<auto::LaunchTemplateSpecification, Failure> {
        Ok(auto::LaunchTemplateSpecification::builder()
            .launch_template_id(at.id(call, &self.launch_template_id)?)
            .version(at.id(call, &self.version)?)
            .build())
    }
}

const CREATE: Call = "autoscaling:CreateAutoScalingGroup";
const UPDATE: Call = "autoscaling:UpdateAutoScalingGroup";
const ATTACH: Call = "autoscaling:AttachLoadBalancerTargetGroups";
const DETACH: Call = "autoscaling:DetachLoadBalancerTargetGroups";
const DELETE: Call = "autoscaling:DeleteAutoScalingGroup";
const DESCRIBE: Call = "autoscaling:DescribeAutoScalingGroups";

impl Group {
    /// Everything that one update can set, next to what is there.
    fn updatable(&self, have: &Self) -> Self {
        let launch_template = match have.is_moved_by_refresh() {
            true => have.launch_template.clone(),
            false => self.launch_template.clone(),
        };
        let (desired_capacity, target_groups, outdated) = (None, BTreeSet::new(), 0);
        Self { desired_capacity, target_groups, outdated, launch_template, ..self.clone() }
    }

    /// Whether a refresh brings the template's version.
    fn is_moved_by_refresh(&self) -> bool {
        self.outdated > 0
    }

    fn subnets(&self) -> String {
        self.subnets.iter().cloned().collect::<Vec<_>>().join(",")
    }

    fn without(&self, other: &Self, call: Call, at: At<'_>) -> Result<Option<Vec<String>>, Failure> {
        let ours: Vec<Ref> = self.target_groups.difference(&other.target_groups).cloned().collect();
        at.all(call, &ours).map(Some)
    }
}

fn number(text: &str) -> i32 {
    text.parse().unwrap_or_default()
}

impl Kind for Group {
    const TYPE: &'static str = "AWS::AutoScaling::AutoScalingGroup";

    fn name(&self) -> String {
        self.auto_scaling_group_name.clone()
    }

    fn calls(&self, have: Option<&Self>) -> Vec<Call> {
        let Some(have) = have else { return vec![CREATE] };
        let update = (have.updatable(have) != self.updatable(have)).then_some(UPDATE);
        let attach = (!self.target_groups.is_subset(&have.target_groups)).then_some(ATTACH);
        let detach = (!have.target_groups.is_subset(&self.target_groups)).then_some(DETACH);
        update.into_iter().chain(attach).chain(detach).collect()
    }

    async fn send(&self, call: Call, have: Option<&Self>, at: At<'_>) -> Result<Option<String>, Failure> {
        let name = &self.auto_scaling_group_name;
        let autoscaling = &at.cloud.autoscaling;
        match call {
            CREATE => {
                let groups: Vec<Ref> = self.target_groups.iter().cloned().collect();
                let request = autoscaling.create_auto_scaling_group().auto_scaling_group_name(name);
                let request = request
                    .min_size(number(&self.min_size))
                    .max_size(number(&self.max_size))
                    .set_desired_capacity(self.desired_capacity.as_deref().map(number))
                    .launch_template(self.launch_template.specification(call, at)?)
                    .vpc_zone_identifier(self.subnets())
                    .set_target_group_arns(Some(at.all(call, &groups)?))
                    .health_check_type(&self.health_check_type)
                    .health_check_grace_period(self.health_check_grace_period)
                    .default_instance_warmup(self.default_instance_warmup)
                    .default_cooldown(number(&self.cooldown))
                    .set_tags(Some(tags(name, at.names)));
                request.send().await.map_err(of(call))?;
                Ok(Some(name.clone()))
            }
            UPDATE => {
                let request = autoscaling.update_auto_scaling_group().auto_scaling_group_name(name);
                let template = match have.is_some_and(Self::is_moved_by_refresh) {
                    true => None,
                    false => Some(self.launch_template.specification(call, at)?),
                };
                let request = request
                    .min_size(number(&self.min_size))
                    .max_size(number(&self.max_size))
                    .set_launch_template(template)
                    .vpc_zone_identifier(self.subnets())
                    .health_check_type(&self.health_check_type)
                    .health_check_grace_period(self.health_check_grace_period)
                    .default_instance_warmup(self.default_instance_warmup)
                    .default_cooldown(number(&self.cooldown));
                request.send().await.map_err(of(call))?;
                Ok(None)
            }
            ATTACH => {
                let Some(have) = have else { return Ok(None) };
                let request = autoscaling.attach_load_balancer_target_groups().auto_scaling_group_name(name);
                let request = request.set_target_group_arns(self.without(have, call, at)?);
                request.send().await.map_err(of(call))?;
                Ok(None)
            }
            DETACH => {
                let Some(have) = have else { return Ok(None) };
                let request = autoscaling.detach_load_balancer_target_groups().auto_scaling_group_name(name);
                let request = request.set_target_group_arns(have.without(self, call, at)?);
                request.send().await.map_err(of(call))?;
                Ok(None)
            }
            _ => Err(no_such(call)),
        }
    }

    /// First nothing is wanted any more, so that the balancer lets go of the instances in an orderly way; AWS deletes the
    /// group only when they have left.
    fn removal(&self) -> Vec<Call> {
        vec![UPDATE, DELETE]
    }

    async fn remove(&self, call: Call, id: &str, at: At<'_>) -> Result<(), Failure> {
        let autoscaling = &at.cloud.autoscaling;
        match call {
            UPDATE => {
                let request = autoscaling.update_auto_scaling_group().auto_scaling_group_name(id);
                let request = request.min_size(0).max_size(0).desired_capacity(0);
                request.send().await.map_err(of(call))?;
            }
            _ => {
                let request = autoscaling.delete_auto_scaling_group().auto_scaling_group_name(id);
                request.force_delete(false).send().await.map_err(of(call))?;
            }
        }
        Ok(())
    }

    async fn is_gone(&self, id: &str, at: At<'_>) -> Result<bool, Failure> {
        Ok(describe(id, at).await?.is_none())
    }
}

fn tags(group: &str, names: &Names) -> Vec<auto::Tag> {
    let name = ("Name", names.deployment.clone());
    let tag = |(key, value): (&str, String)| {
        let tag = auto::Tag::builder().resource_id(group).resource_type("auto-scaling-group");
        tag.key(key).value(value).propagate_at_launch(true).build()
    };
    names.tags().into_iter().chain([name]).map(tag).collect()
}

/// The group of this name, as AWS tells it.
pub(in crate::aws) async fn describe(
    name: &str,
    at: At<'_>,
) -> Result<Option<auto::AutoScalingGroup>, Failure> {
    let request = at.cloud.autoscaling.describe_auto_scaling_groups().auto_scaling_group_names(name);
    let found = request.send().await.map_err(of(DESCRIBE))?;
    Ok(found.auto_scaling_groups().first().cloned())
}

/// AWS says so while it deletes a group, whose name is not free until then.
pub(in crate::aws) fn is_leaving(group: &auto::AutoScalingGroup) -> bool {
    group.status().is_some_and(|status| status.starts_with("Delete"))
}

/// Instances of another version of the template.
pub(in crate::aws) fn outdated(group: &auto::AutoScalingGroup, newest: &str) -> usize {
    let version = |instance: &auto::Instance| {
        instance.launch_template().and_then(|template| template.version()).map(str::to_owned)
    };
    group.instances().iter().filter(|instance| version(instance).as_deref() != Some(newest)).count()
}

/// References in it are found again when template and target group are known; `newest` is the template's version that
/// instances should be of.
pub(in crate::aws) fn found(group: &auto::AutoScalingGroup, newest: Option<&str>, at: At<'_>) -> Found {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let tags = group.tags().iter().filter_map(|tag| Some((tag.key()?, tag.value()?)));
    let name = text(group.auto_scaling_group_name());
    let template = group.launch_template();
    let id = text(template.and_then(|template| template.launch_template_id()));
    let version = text(template.and_then(|template| template.version()));
    let subnets = group.vpc_zone_identifier().unwrap_or_default().split(',');
    let value = Group {
        auto_scaling_group_name: name.clone(),
        min_size: group.min_size().unwrap_or_default().to_string(),
        max_size: group.max_size().unwrap_or_default().to_string(),
        desired_capacity: None,
        launch_template: Template {
            version: at.ids.version(&id, &version),
            launch_template_id: at.ids.reference(&id, Part::Id),
        },
        subnets: subnets.filter(|subnet| !subnet.is_empty()).map(str::to_owned).collect(),
        target_groups: group.target_group_arns().iter().map(|arn| at.ids.reference(arn, Part::Id)).collect(),
        health_check_type: text(group.health_check_type()),
        health_check_grace_period: group.health_check_grace_period().unwrap_or_default(),
        default_instance_warmup: group.default_instance_warmup().unwrap_or_default(),
        cooldown: group.default_cooldown().unwrap_or_default().to_string(),
        outdated: newest.map_or(0, |newest| outdated(group, newest)),
    };
    Found { resource: value.into(), id: name, ours: at.names.owns(tags) }
}
