//! What still carries our tags, asked of each service by tag: what `down` must not leave behind, whatever it is called.
//!
//! [`super::observe`] finds by name what a description has; here nothing is known but the tags. What AWS tags but does not
//! list by tag (alarms, log groups, subnet groups, task definitions) is found by name only.

use aws_sdk_autoscaling::types::Filter as GroupFilter;
use aws_sdk_ec2::types::Filter;
use aws_sdk_ecs::types::ClusterField;

use super::clients::Cloud;
use super::failure::{Failure, Kind, of};
use super::names::Names;
use super::registry;
use super::resources::{attributes, parameter};
use super::value::Ids;

/// Something of ours.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Thing {
    pub kind: &'static str,
    /// As AWS's commands take it.
    pub id: String,
}

/// Everything of ours that is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// What nobody meant to keep.
    pub left: Vec<Thing>,
    /// What stays on purpose, with how to delete it.
    pub kept: Vec<String>,
    /// Calls that these credentials may not make, so that nobody knows.
    pub unseen: Vec<&'static str>,
}

/// Asks everybody. `keep` are ids that stay on purpose.
pub async fn leftovers(cloud: &Cloud, names: &Names, keep: &Ids) -> Result<Leftovers, Failure> {
    let look = Look { cloud, names };
    let (ec2, groups, balancers, clusters, databases, parameters, snapshots, repositories) = tokio::join!(
        look.ec2(),
        look.groups(),
        look.balancers(),
        look.clusters(),
        look.databases(),
        look.parameters(),
        look.snapshots(),
        registry::owned(cloud, names),
    );
    let mut found = Leftovers::default();
    for things in [ec2, groups, balancers, clusters, databases, parameters] {
        let things = found.seen(things)?;
        found.left.extend(things);
    }
    found.left.retain(|thing| !keep.has(&thing.id));
    found.left.sort();
    for id in found.seen(snapshots)? {
        let delete = format!("aws rds delete-db-snapshot --db-snapshot-identifier {id}");
        found.kept.push(format!("the last snapshot `{id}` (`{delete}` deletes it)"));
    }
    for name in found.seen(repositories)? {
        let delete = format!("aws ecr delete-repository --force --repository-name {name}");
        found.kept.push(format!("the images in the ECR repository `{name}` (`{delete}` deletes them)"));
    }
    Ok(found)
}

impl Leftovers {
    /// What was found; looking may be forbidden where removing is not.
    fn seen<T>(&mut self, answer: Result<Vec<T>, Failure>) -> Result<Vec<T>, Failure> {
        match answer {
            Err(failure) if failure.kind == Kind::Denied => {
                self.unseen.push(failure.call);
                Ok(Vec::new())
            }
            answer => answer,
        }
    }
}

fn things(kind: &'static str, ids: impl IntoIterator<Item = String>) -> Vec<Thing> {
    ids.into_iter().map(|id| Thing { kind, id }).collect()
}

struct Look<'a> {
    cloud: &'a Cloud,
    names: &'a Names,
}

impl Look<'_> {
    /// Each tag as a filter `tag:KEY`, and its value.
    fn filters(&self) -> [(String, String); 2] {
        self.names.tags().map(|(key, value)| (format!("tag:{key}"), value))
    }

    /// Security groups and launch templates, and instances that are not on their way out.
    async fn ec2(&self) -> Result<Vec<Thing>, Failure> {
        let filters = self.filters().map(|(name, value)| Filter::builder().name(name).values(value).build());
        let filters = || Some(filters.to_vec());
        let mut found = Vec::new();
        let pages = self.cloud.ec2.describe_security_groups().set_filters(filters());
        let mut pages = pages.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(of("ec2:DescribeSecurityGroups"))?;
            let ids = page.security_groups().iter().filter_map(|group| group.group_id().map(str::to_owned));
            found.extend(things("security group", ids));
        }
        let pages = self.cloud.ec2.describe_launch_templates().set_filters(filters());
        let mut pages = pages.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(of("ec2:DescribeLaunchTemplates"))?;
            let ids = page.launch_templates().iter();
            let ids = ids.filter_map(|template| template.launch_template_id().map(str::to_owned));
            found.extend(things("launch template", ids));
        }
        let states = ["pending", "running", "stopping", "stopped"].map(str::to_owned).to_vec();
        let states = Filter::builder().name("instance-state-name").set_values(Some(states)).build();
        let pages = self.cloud.ec2.describe_instances().set_filters(filters()).filters(states);
        let mut pages = pages.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(of("ec2:DescribeInstances"))?;
            let instances = page.reservations().iter().flat_map(|one| one.instances());
            let ids = instances.filter_map(|instance| instance.instance_id().map(str::to_owned));
            found.extend(things("instance", ids));
        }
        Ok(found)
    }

    async fn groups(&self) -> Result<Vec<Thing>, Failure> {
        let filter = |(name, value)| GroupFilter::builder().name(name).values(value).build();
        let filters = self.filters().map(filter).to_vec();
        let pages = self.cloud.autoscaling.describe_auto_scaling_groups().set_filters(Some(filters));
        let mut pages = pages.into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(of("autoscaling:DescribeAutoScalingGroups"))?;
            let names = page.auto_scaling_groups().iter();
            let names = names.filter_map(|group| group.auto_scaling_group_name().map(str::to_owned));
            found.extend(things("Auto Scaling group", names));
        }
        Ok(found)
    }

    /// Load balancers, with their listeners, and target groups.
    async fn balancers(&self) -> Result<Vec<Thing>, Failure> {
        let mut arns = Vec::new();
        let mut pages = self.cloud.elb.describe_load_balancers().into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(of("elasticloadbalancing:DescribeLoadBalancers"))?;
            let found = page.load_balancers().iter();
            arns.extend(found.filter_map(|one| one.load_balancer_arn().map(str::to_owned)));
        }
        let mut pages = self.cloud.elb.describe_target_groups().into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(of("elasticloadbalancing:DescribeTargetGroups"))?;
            let found = page.target_groups().iter();
            arns.extend(found.filter_map(|one| one.target_group_arn().map(str::to_owned)));
        }
        let ours = attributes::ours_among(self.cloud, self.names, &arns).await?;
        let kind = |arn: &str| match arn.contains(":targetgroup/") {
            true => "target group",
            false => "load balancer",
        };
        Ok(ours.into_iter().map(|id| Thing { kind: kind(&id), id }).collect())
    }

    async fn clusters(&self) -> Result<Vec<Thing>, Failure> {
        let mut found = Vec::new();
        let mut pages = self.cloud.ecs.list_clusters().into_paginator().send();
        while let Some(page) = pages.next().await {
            let arns = page.map_err(of("ecs:ListClusters"))?.cluster_arns.unwrap_or_default();
            if arns.is_empty() {
                continue;
            }
            let request = self.cloud.ecs.describe_clusters().set_clusters(Some(arns));
            let described = request.include(ClusterField::Tags).send().await;
            let described = described.map_err(of("ecs:DescribeClusters"))?.clusters.unwrap_or_default();
            for cluster in described.iter().filter(|cluster| cluster.status() != Some("INACTIVE")) {
                let tags = cluster.tags().iter().filter_map(|tag| Some((tag.key()?, tag.value()?)));
                if self.names.owns(tags) {
                    found.extend(things("ECS cluster", cluster.cluster_arn().map(str::to_owned)));
                }
            }
        }
        Ok(found)
    }

    async fn databases(&self) -> Result<Vec<Thing>, Failure> {
        let mut found = Vec::new();
        let mut pages = self.cloud.rds.describe_db_instances().into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(of("rds:DescribeDBInstances"))?;
            for one in page.db_instances() {
                let tags = one.tag_list().iter().filter_map(|tag| Some((tag.key()?, tag.value()?)));
                if self.names.owns(tags) && one.db_instance_status() != Some("deleting") {
                    found.extend(things("database", one.db_instance_identifier().map(str::to_owned)));
                }
            }
        }
        Ok(found)
    }

    async fn snapshots(&self) -> Result<Vec<String>, Failure> {
        let mut found = Vec::new();
        let mut pages =
            self.cloud.rds.describe_db_snapshots().snapshot_type("manual").into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(of("rds:DescribeDBSnapshots"))?;
            for one in page.db_snapshots() {
                let tags = one.tag_list().iter().filter_map(|tag| Some((tag.key()?, tag.value()?)));
                if self.names.owns(tags) {
                    found.extend(one.db_snapshot_identifier().map(str::to_owned));
                }
            }
        }
        Ok(found)
    }

    async fn parameters(&self) -> Result<Vec<Thing>, Failure> {
        let filters = self.filters();
        let filters = filters.each_ref().map(|(key, value)| (key.as_str(), value.as_str()));
        Ok(things("parameter", parameter::named(self.cloud, &filters).await?))
    }
}
