//! The instances themselves: a new template version reaches those that run only by replacing them.

use aws_sdk_autoscaling::types as auto;
use serde::Serialize;

use super::{At, Call, Found, Kind, no_such};
use crate::aws::failure::{Failure, of};
use crate::aws::value::Ref;

/// Whether every instance is of the group's template version.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Rollout {
    pub auto_scaling_group_name: Ref,
    /// Instances of an older version; we want none.
    pub outdated_instances: usize,
}

const START: Call = "autoscaling:StartInstanceRefresh";

/// Each instance gets a successor before it goes.
const MIN_HEALTHY_PERCENT: i32 = 100;
const MAX_HEALTHY_PERCENT: i32 = 200;

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
        let preferences = auto::RefreshPreferences::builder()
            .min_healthy_percentage(MIN_HEALTHY_PERCENT)
            .max_healthy_percentage(MAX_HEALTHY_PERCENT)
            .skip_matching(true)
            .build();
        let group = at.id(call, &self.auto_scaling_group_name)?;
        let request = at.cloud.autoscaling.start_instance_refresh().auto_scaling_group_name(&group);
        let started = request.preferences(preferences).send().await.map_err(of(call))?;
        Ok(started.instance_refresh_id)
    }

    fn removal(&self) -> Vec<Call> {
        Vec::new()
    }

    async fn remove(&self, call: Call, _id: &str, _at: At<'_>) -> Result<(), Failure> {
        Err(no_such(call))
    }
}

/// What the group's instances are, compared with the template's newest version.
pub(in crate::aws) fn found(group: &auto::AutoScalingGroup, logical: &str, newest: Option<&str>) -> Found {
    let named = group.launch_template().and_then(|template| template.version());
    let version = newest.or(named);
    let outdated = |instance: &&auto::Instance| {
        instance.launch_template().and_then(|template| template.version()) != version
    };
    let value = Rollout {
        auto_scaling_group_name: Ref::to(logical),
        outdated_instances: group.instances().iter().filter(outdated).count(),
    };
    Found { resource: value.into(), id: String::new(), ours: true }
}
