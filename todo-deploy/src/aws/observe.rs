//! What is there: every resource that a deployment of this name has or could have, by name.

use std::collections::BTreeMap;

use super::clients::Cloud;
use super::failure::Failure;
use super::names::Names;
use super::render::{self, logical};
use super::resources::{
    At, Found, Resource, alarm, cluster, database, group, launch_template, listener, load_balancer,
    log_group, parameter, policy, rollout, scalable_target, security_group, service, subnet_group,
    target_group, task_definition, tracking,
};
use super::value::{Ids, Logical, Part, Ref};
use crate::deployment::{Deployment, Target};

/// What is there, ours or not.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    pub found: BTreeMap<Logical, Found>,
    pub ids: Ids,
    /// Instances of the group.
    pub instances: usize,
    /// What is on its way out and still holds its name; it counts as gone.
    pub leaving: Vec<&'static str>,
}

impl Observed {
    fn add(&mut self, logical: &str, found: Found) {
        if found.ours {
            self.ids.insert(logical, &found.id);
        }
        self.found.insert(logical.to_owned(), found);
    }

    fn add_some(&mut self, logical: &str, found: Option<Found>) {
        if let Some(found) = found {
            self.add(logical, found);
        }
    }

    /// The machine image that instances run now.
    pub fn image(&self) -> Option<String> {
        match self.found.get(render::LAUNCH_TEMPLATE).filter(|found| found.ours).map(|found| &found.resource)
        {
            Some(Resource::LaunchTemplate(template)) => Some(template.launch_template_data.image_id.clone()),
            _ => None,
        }
    }
}

/// Looks for everything, what depends on nothing at the same time.
pub async fn observe(
    cloud: &Cloud,
    names: &Names,
    deployment: &Deployment,
    target: Target,
) -> Result<Observed, Failure> {
    let mut observed = Observed::default();
    network(cloud, names, &mut observed).await?;
    storage(cloud, names, &mut observed).await?;
    match target {
        Target::Ec2 => instances(cloud, names, deployment, &mut observed).await?,
        Target::Ecs => tasks(cloud, names, deployment, &mut observed).await?,
        Target::Local => {}
    }
    Ok(observed)
}

fn at<'a>(cloud: &'a Cloud, names: &'a Names, ids: &'a Ids) -> At<'a> {
    At { cloud, names, ids, own: None }
}

/// Security groups, balancer, target group, listeners.
async fn network(cloud: &Cloud, names: &Names, observed: &mut Observed) -> Result<(), Failure> {
    let groups = [
        (render::BALANCER_GROUP, names.balancer()),
        (render::SERVICE_GROUP, names.service()),
        (render::DATABASE_GROUP, names.database_group()),
    ];
    let group_names: Vec<String> = groups.iter().map(|(_, name)| name.clone()).collect();
    let (balancer_name, service_name) = (names.balancer(), names.service());
    let nothing = Ids::default();
    let blank = at(cloud, names, &nothing);
    let (raw, balancer, targets) = tokio::try_join!(
        security_group::describe(&group_names, blank),
        load_balancer::describe(&balancer_name, blank),
        target_group::find(&service_name, blank),
    )?;
    // The ids first: groups refer to each other.
    let of_name = |name: &str| {
        let mut same: Vec<_> = raw.iter().filter(|group| group.group_name() == Some(name)).collect();
        same.sort_by_key(|group| !security_group::found(group, blank).ours);
        same.first().copied()
    };
    for (logical, name) in &groups {
        let found = of_name(name).map(|group| security_group::found(group, blank));
        if let Some(found) = found.filter(|found| found.ours) {
            observed.ids.insert(logical, found.id);
        }
    }
    for (logical, name) in &groups {
        let found = of_name(name).map(|group| security_group::found(group, at(cloud, names, &observed.ids)));
        observed.add_some(logical, found);
    }
    observed.add_some(render::TARGET_GROUP, targets);
    if let Some(balancer) = balancer {
        let arn = balancer.load_balancer_arn().unwrap_or_default().to_owned();
        observed.ids.insert(render::LOAD_BALANCER, &arn);
        let at = at(cloud, names, &observed.ids);
        let (found, listeners) =
            tokio::try_join!(load_balancer::found(&balancer, at), listener::of_balancer(&arn, at))?;
        let ours = found.as_ref().is_some_and(|found| found.ours);
        observed.ids.remove(render::LOAD_BALANCER);
        observed.add_some(render::LOAD_BALANCER, found);
        for listener in listeners.into_iter().filter(|_| ours) {
            if let Resource::Listener(value) = &listener.resource {
                let logical = format!("Listener{}", value.port);
                observed.add(&logical, listener);
            }
        }
    }
    Ok(())
}

/// Logs, parameters, the database.
async fn storage(cloud: &Cloud, names: &Names, observed: &mut Observed) -> Result<(), Failure> {
    let ids = observed.ids.clone();
    let at = at(cloud, names, &ids);
    let (logs, subnets) = (names.log_group(), names.subnet_group());
    let [(password_name, password), (url_name, url)] = render::database::parameters(names);
    let (logs, subnets, password, url) = tokio::try_join!(
        log_group::find(&logs, at),
        subnet_group::find(&subnets, at),
        parameter::find(&password, at),
        parameter::find(&url, at),
    )?;
    observed.add_some(render::LOG_GROUP, logs);
    observed.add_some(render::SUBNET_GROUP, subnets);
    observed.add_some(password_name, password);
    observed.add_some(url_name, url);
    let ids = observed.ids.clone();
    match database::find(&names.database(), At { ids: &ids, ..at }).await? {
        database::Sight::There(found) => observed.add(render::DATABASE, *found),
        database::Sight::Leaving => observed.leaving.push("the database"),
        database::Sight::Nothing => {}
    }
    Ok(())
}

/// Template, group, policies, alarms.
async fn instances(
    cloud: &Cloud,
    names: &Names,
    deployment: &Deployment,
    observed: &mut Observed,
) -> Result<(), Failure> {
    let (template, service) = (names.launch_template(), names.service());
    let ids = observed.ids.clone();
    let (template, raw) = tokio::try_join!(
        launch_template::find(&template, at(cloud, names, &ids)),
        group::describe(&service, at(cloud, names, &ids)),
    )?;
    observed.add_some(render::LAUNCH_TEMPLATE, template);
    let mut alarms: Vec<String> =
        deployment.scaling.policies.iter().map(|policy| names.policy(policy.name())).collect();
    if raw.as_ref().is_some_and(group::is_leaving) {
        observed.leaving.push("the Auto Scaling group");
    }
    if let Some(raw) = raw.filter(|raw| !group::is_leaving(raw)) {
        let newest = observed.ids.resolve(&Ref::part(render::LAUNCH_TEMPLATE, Part::Version));
        let found = group::found(&raw, newest.as_deref(), at(cloud, names, &observed.ids));
        let ours = found.ours;
        observed.add(render::GROUP, found);
        if ours {
            observed.instances = raw.instances().len();
            let (group, template) = (render::GROUP, render::LAUNCH_TEMPLATE);
            observed.add(render::ROLLOUT, rollout::found(&raw, group, template, newest.as_deref()));
            let policies = policy::of_group(&service, at(cloud, names, &observed.ids)).await?;
            for found in policies {
                let name = found.resource.name();
                alarms.push(name.clone());
                observed.add(&logical("Policy", names.policy_given(&name)), found);
            }
        }
    }
    of_alarms(cloud, names, alarms, observed).await
}

/// The alarms of these names, after the policies that they invoke.
async fn of_alarms(
    cloud: &Cloud,
    names: &Names,
    mut alarms: Vec<String>,
    observed: &mut Observed,
) -> Result<(), Failure> {
    alarms.sort();
    alarms.dedup();
    for raw in alarm::describe(&alarms, at(cloud, names, &observed.ids)).await? {
        let found = alarm::found(&raw, at(cloud, names, &observed.ids));
        let logical = logical("Alarm", names.policy_given(&found.id));
        observed.add(&logical, found);
    }
    Ok(())
}

/// Cluster, task definition, service, what scales it.
async fn tasks(
    cloud: &Cloud,
    names: &Names,
    deployment: &Deployment,
    observed: &mut Observed,
) -> Result<(), Failure> {
    let (cluster, family, scaled) = (names.cluster(), names.container(), names.scaled_service());
    let ids = observed.ids.clone();
    let blank = at(cloud, names, &ids);
    let (found, definition, raw, target) = tokio::try_join!(
        cluster::find(&cluster, blank),
        task_definition::find(&family, blank),
        service::describe(&cluster, &cluster, blank),
        scalable_target::find(&scaled, blank),
    )?;
    observed.add_some(render::CLUSTER, found);
    observed.add_some(render::TASK_DEFINITION, definition);
    if raw.as_ref().is_some_and(service::is_leaving) {
        observed.leaving.push("the ECS service");
    }
    let found = raw.and_then(|raw| service::found(&raw, at(cloud, names, &observed.ids)));
    let ours = found.as_ref().is_none_or(|found| found.ours);
    observed.add_some(render::SERVICE, found);
    let mut alarms: Vec<String> =
        deployment.scaling.policies.iter().map(|policy| names.policy(policy.name())).collect();
    if let Some(target) = target.filter(|_| ours) {
        observed.add(render::SCALABLE_TARGET, target);
        for found in tracking::of_service(&scaled, at(cloud, names, &observed.ids)).await? {
            let name = found.resource.name();
            alarms.push(name.clone());
            observed.add(&logical("Policy", names.policy_given(&name)), found);
        }
    }
    of_alarms(cloud, names, alarms, observed).await
}
