//! Room in the account: quotas that a new balancer, group or database would exceed, and databases that RDS has here.

use aws_sdk_elasticloadbalancingv2::types::LoadBalancerTypeEnum;

use super::tolerant;
use crate::aws::clients::Cloud;
use crate::aws::failure::{Failure, of};
use crate::aws::render::database::STORAGE_TYPE;
use crate::deployment::{BalancerKind, Deployment};

/// What is said of a quota that is used up.
fn full(what: &str, used: impl std::fmt::Display, most: impl std::fmt::Display, region: &str) -> String {
    format!(
        "{region} has {used} of at most {most} {what} already: remove one, ask for a higher quota, or choose another \
         --region"
    )
}

pub(super) async fn balancers(cloud: &Cloud, deployment: &Deployment) -> Result<Vec<String>, Failure> {
    let request = cloud.elb.describe_account_limits().send().await;
    let Some(Some(limits)) = tolerant(request.map_err(of("elasticloadbalancing:DescribeAccountLimits")))?
    else {
        return Ok(Vec::new());
    };
    let most = |name: &str| -> Option<usize> {
        limits.limits().iter().find(|limit| limit.name() == Some(name))?.max()?.parse().ok()
    };
    let (kind, name, what) = match deployment.load_balancer.kind {
        BalancerKind::Application => {
            (LoadBalancerTypeEnum::Application, "application-load-balancers", "application load balancers")
        }
        BalancerKind::Network => {
            (LoadBalancerTypeEnum::Network, "network-load-balancers", "network load balancers")
        }
    };
    let Some(most) = most(name) else { return Ok(Vec::new()) };
    let mut used = 0;
    let mut pages = cloud.elb.describe_load_balancers().into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(of("elasticloadbalancing:DescribeLoadBalancers"))?;
        used += page.load_balancers().iter().filter(|one| one.r#type() == Some(&kind)).count();
    }
    Ok((used >= most).then(|| full(what, used, most, &cloud.region)).into_iter().collect())
}

pub(super) async fn groups(cloud: &Cloud) -> Result<Vec<String>, Failure> {
    let request = cloud.autoscaling.describe_account_limits().send().await;
    let Some(Some(limits)) = tolerant(request.map_err(of("autoscaling:DescribeAccountLimits")))? else {
        return Ok(Vec::new());
    };
    let most = limits.max_number_of_auto_scaling_groups();
    let used = limits.number_of_auto_scaling_groups().unwrap_or_default();
    let most = most.filter(|most| used >= *most);
    Ok(most.map(|most| full("Auto Scaling groups", used, most, &cloud.region)).into_iter().collect())
}

/// The quotas of RDS, and whether it sells such a database here.
pub(super) async fn databases(cloud: &Cloud, deployment: &Deployment) -> Result<Vec<String>, Failure> {
    let (quotas, offer) = tokio::try_join!(quotas(cloud, deployment), offer(cloud, deployment))?;
    Ok(quotas.into_iter().chain(offer).collect())
}

async fn quotas(cloud: &Cloud, deployment: &Deployment) -> Result<Vec<String>, Failure> {
    let request = cloud.rds.describe_account_attributes().send().await;
    let Some(Some(found)) = tolerant(request.map_err(of("rds:DescribeAccountAttributes")))? else {
        return Ok(Vec::new());
    };
    let storage = i64::from(deployment.aws.database_storage_gb);
    let wanted = [("DBInstances", "databases", 1), ("AllocatedStorage", "GB of databases' storage", storage)];
    let exceeded = |(name, what, more): (&str, &str, i64)| {
        let quota = found.account_quotas().iter().find(|quota| quota.account_quota_name() == Some(name))?;
        let (used, most) = (quota.used()?, quota.max()?);
        (used + more > most).then(|| full(what, used, most, &cloud.region))
    };
    Ok(wanted.into_iter().filter_map(exceeded).collect())
}

async fn offer(cloud: &Cloud, deployment: &Deployment) -> Result<Option<String>, Failure> {
    let (class, storage) = (&deployment.aws.database_class, deployment.aws.database_storage_gb);
    let request = cloud.rds.describe_orderable_db_instance_options().engine("postgres");
    let request = request.db_instance_class(class).vpc(true).send().await;
    let call = "rds:DescribeOrderableDBInstanceOptions";
    let Some(Some(found)) = tolerant(request.map_err(of(call)))? else { return Ok(None) };
    let options = found.orderable_db_instance_options();
    if options.is_empty() {
        return Ok(Some(format!(
            "RDS sells no PostgreSQL on `{class}` in {}: write another aws.database_class, such as db.t3.micro",
            cloud.region
        )));
    }
    let storage = i32::try_from(storage).unwrap_or(i32::MAX);
    // Other types of storage have other limits.
    let ranges = options
        .iter()
        .filter(|option| option.storage_type() == Some(STORAGE_TYPE))
        .map(|option| option.min_storage_size().unwrap_or(0)..=option.max_storage_size().unwrap_or(i32::MAX));
    let ranges: Vec<_> = ranges.collect();
    let fits = ranges.is_empty() || ranges.iter().any(|range| range.contains(&storage));
    Ok((!fits).then(|| {
        let least = ranges.iter().map(|range| *range.start()).min().unwrap_or_default();
        let most = ranges.iter().map(|range| *range.end()).max().unwrap_or_default();
        format!(
            "aws.database_storage_gb: {storage} is outside {least} to {most}, which RDS sells with `{class}`"
        )
    }))
}
