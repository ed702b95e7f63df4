//! Instances: what one is, and the group of them.

use super::{
    DATABASE_URL, GROUP, LAUNCH_TEMPLATE, LOG_GROUP, ROLLOUT, SERVICE_GROUP, State, TARGET_GROUP,
    Unsupported, unsupported,
};
use crate::aws::names::Names;
use crate::aws::resources::group::{Group, Template};
use crate::aws::resources::launch_template::{
    Credits, Data, LaunchTemplate, Metadata, Monitoring, Profile, UserData,
};
use crate::aws::resources::rollout::Rollout;
use crate::aws::site::Site;
use crate::aws::user_data;
use crate::aws::value::{Part, Ref};
use crate::deployment::Deployment;

/// Metric points closer than this need detailed monitoring.
const BASIC_PERIOD_S: u64 = 300;

/// A container sits one network hop behind its instance.
const METADATA_HOPS: i32 = 2;

pub(super) fn add(
    deployment: &Deployment,
    site: &Site,
    names: &Names,
    image: &str,
    state: &mut State,
) -> Result<(), Unsupported> {
    let script = user_data::script(deployment, names, image);
    if script.len() > user_data::BYTES_MAX {
        let why = format!("user data would have {} bytes; EC2 takes 16384", script.len());
        return Err(unsupported("service.environment", why));
    }
    let template = LaunchTemplate {
        launch_template_name: names.launch_template(),
        launch_template_data: data(deployment, site, script),
    };
    let group = group(deployment, site, names);
    let rollout = Rollout::of(GROUP, LAUNCH_TEMPLATE, 0);
    state.insert(LAUNCH_TEMPLATE.to_owned(), template.into());
    state.insert(GROUP.to_owned(), group.into());
    state.insert(ROLLOUT.to_owned(), rollout.into());
    Ok(())
}

/// What an instance needs when it boots, although no property refers to it.
pub(in crate::aws) const BOOT_NEEDS: [&str; 2] = [DATABASE_URL, LOG_GROUP];

fn data(deployment: &Deployment, site: &Site, script: String) -> Data {
    let aws = &deployment.aws;
    let bursts =
        crate::pricing::instance_type(&aws.instance_type).is_some_and(|kind| kind.burst.credits_max > 0.0);
    let credits = if aws.unlimited_credits { "unlimited" } else { "standard" };
    Data {
        image_id: site.image.clone().unwrap_or_default(),
        instance_type: aws.instance_type.clone(),
        key_name: aws.key_name.clone(),
        security_group_ids: [Ref::group(SERVICE_GROUP)].into(),
        iam_instance_profile: Profile { name: aws.instance_profile.clone() },
        metadata_options: Metadata {
            http_tokens: "required".to_owned(),
            http_put_response_hop_limit: METADATA_HOPS,
        },
        monitoring: Monitoring { enabled: deployment.scaling.metric_period.as_secs() < BASIC_PERIOD_S },
        credit_specification: bursts.then(|| Credits { cpu_credits: credits.to_owned() }),
        user_data: UserData { script },
    }
}

fn group(deployment: &Deployment, site: &Site, names: &Names) -> Group {
    let seconds = |duration: std::time::Duration| i32::try_from(duration.as_secs()).unwrap_or(i32::MAX);
    let capacity = deployment.capacity;
    Group {
        auto_scaling_group_name: names.service(),
        min_size: capacity.min.to_string(),
        max_size: capacity.max.to_string(),
        desired_capacity: Some(capacity.desired.to_string()),
        launch_template: Template {
            launch_template_id: Ref::to(LAUNCH_TEMPLATE),
            version: Ref::part(LAUNCH_TEMPLATE, Part::Version),
        },
        subnets: site.subnets.clone(),
        target_groups: [Ref::to(TARGET_GROUP)].into(),
        health_check_type: if deployment.health_check.replaces_instances { "ELB" } else { "EC2" }.to_owned(),
        health_check_grace_period: seconds(deployment.health_check.grace),
        default_instance_warmup: seconds(deployment.scaling.warm_up),
        cooldown: deployment.scaling.default_cooldown.as_secs().to_string(),
        outdated: 0,
    }
}
