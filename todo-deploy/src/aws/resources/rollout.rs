//! The instances themselves: a new template version reaches those that run only by replacing them.
//!
//! The refresh is told which version it is for, so that AWS moves the group to it only when all instances have been
//! replaced, and goes back by itself when they do not become healthy.

use aws_sdk_autoscaling::types as auto;
use aws_sdk_autoscaling::types::InstanceRefreshStatus;
use serde::Serialize;

use super::group::{Template, outdated};
use super::{At, Call, Found, Kind, no_such};
use crate::aws::clients::Cloud;
use crate::aws::failure::{Failure, of};
use crate::aws::value::{Part, Ref};

/// Whether every instance is of the template's newest version.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Rollout {
    pub auto_scaling_group_name: Ref,
    pub launch_template: Template,
    /// Instances of an older version; we want none.
    pub outdated_instances: usize,
}

const START: Call = "autoscaling:StartInstanceRefresh";
const UNDO: Call = "autoscaling:RollbackInstanceRefresh";
const DESCRIBE: Call = "autoscaling:DescribeInstanceRefreshes";

/// Each instance gets a successor before it goes.
const MIN_HEALTHY_PERCENT: i32 = 100;
const MAX_HEALTHY_PERCENT: i32 = 200;

impl Rollout {
    /// Of the group and the template of these logical names.
    pub(in crate::aws) fn of(group: &str, template: &str, outdated_instances: usize) -> Self {
        let launch_template =
            Template { launch_template_id: Ref::to(template), version: Ref::part(template, Part::Version) };
        Self { auto_scaling_group_name: Ref::to(group), launch_template, outdated_instances }
    }
}

impl Kind for Rollout {
    const TYPE: &'static str = "instance refresh";

    fn name(&self) -> String {
        "replacement of outdated instances".to_owned()
    }

    fn calls(&self, have: Option<&Self>) -> Vec<Call> {
        have.filter(|have| have.outdated_instances > 0).map(|_| START).into_iter().collect()
    }

    async fn send(&self, call: Call, _have: Option<&Self>, at: At<'_>) -> Result<Option<String>, Failure> {
        if call != START {
            return Err(no_such(call));
        }
        let group = at.id(call, &self.auto_scaling_group_name)?;
        let template = self.launch_template.specification(call, at)?;
        start(at.cloud, &group, Some(template)).await.map(Some)
    }

    fn removal(&self) -> Vec<Call> {
        Vec::new()
    }

    async fn remove(&self, call: Call, _id: &str, _at: At<'_>) -> Result<(), Failure> {
        Err(no_such(call))
    }
}

/// Replaces the group's instances by those of a template's version, one by one; the refresh's id. Without a version all are
/// replaced by their like, and there is nothing to go back to.
pub(in crate::aws) async fn start(
    cloud: &Cloud,
    group: &str,
    template: Option<auto::LaunchTemplateSpecification>,
) -> Result<String, Failure> {
    let preferences = auto::RefreshPreferences::builder()
        .min_healthy_percentage(MIN_HEALTHY_PERCENT)
        .max_healthy_percentage(MAX_HEALTHY_PERCENT)
        .skip_matching(template.is_some())
        .auto_rollback(template.is_some())
        .build();
    let request = cloud.autoscaling.start_instance_refresh().auto_scaling_group_name(group);
    let wanted =
        template.map(|template| auto::DesiredConfiguration::builder().launch_template(template).build());
    let request = request.set_desired_configuration(wanted).preferences(preferences);
    let started = request.send().await.map_err(of(START))?;
    started.instance_refresh_id.ok_or_else(|| Failure::incomplete(START, "id of the refresh"))
}

/// Brings the earlier version back where a refresh is under way; its id. `None` when none is.
pub(in crate::aws) async fn undo(cloud: &Cloud, group: &str) -> Result<Option<String>, Failure> {
    let request = cloud.autoscaling.describe_instance_refreshes().auto_scaling_group_name(group);
    let newest = request.max_records(1).send().await.map_err(of(DESCRIBE))?;
    let Some(newest) = newest.instance_refreshes().first() else { return Ok(None) };
    let id = newest.instance_refresh_id().map(str::to_owned);
    match newest.status() {
        Some(
            InstanceRefreshStatus::Pending
            | InstanceRefreshStatus::InProgress
            | InstanceRefreshStatus::Baking,
        ) => {
            let request = cloud.autoscaling.rollback_instance_refresh().auto_scaling_group_name(group);
            request.send().await.map_err(of(UNDO))?;
            Ok(id)
        }
        Some(InstanceRefreshStatus::RollbackInProgress) => Ok(id),
        _ => Ok(None),
    }
}

/// What the group's instances are, compared with the template's newest version.
pub(in crate::aws) fn found(
    group: &auto::AutoScalingGroup,
    logical: &str,
    template: &str,
    newest: Option<&str>,
) -> Found {
    let named = group.launch_template().and_then(|template| template.version());
    let count = newest.or(named).map_or(0, |version| outdated(group, version));
    Found { resource: Rollout::of(logical, template, count).into(), id: String::new(), ours: true }
}
