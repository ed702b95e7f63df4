//! What the account offers: who we are, the network, the machine image. Looked up, never made.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{Filter, InstanceType, LocationType};

use super::clients::Cloud;
use super::failure::{Failure, of};
use crate::deployment::{Deployment, Target};

/// The ground that a deployment is built on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    pub account: String,
    pub region: String,
    pub vpc: String,
    /// One per zone, all in zones that offer the instance type.
    pub subnets: BTreeSet<String>,
    /// One per zone: what the balancer and the database spread over, at least two.
    pub spread: BTreeSet<String>,
    /// Those of [`Self::subnets`] in which an instance gets no public address.
    pub private: BTreeSet<String>,
    /// The machine image, for EC2.
    pub image: Option<String>,
}

/// Parameter of Systems Manager that names the newest Amazon Linux 2023.
pub const IMAGE_PARAMETER: &str = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64";

/// A site that cannot carry the deployment, and what to change.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    #[error(transparent)]
    Failure(#[from] Failure),
    #[error("{0}")]
    Site(String),
}

impl Site {
    /// Of the ARNs here.
    pub fn partition(&self) -> &'static str {
        partition(&self.region)
    }

    /// Looks around. `image` is the one that the deployment runs already: it stays until somebody names another.
    pub async fn look(
        cloud: &Cloud,
        deployment: &Deployment,
        target: Target,
        image: Option<String>,
    ) -> Result<Self, Unfit> {
        let wanted = deployment.aws.ami.clone().or(image);
        let (account, subnets, offered, image) = tokio::try_join!(
            account(cloud),
            subnets(cloud),
            offered(cloud, deployment, target),
            newest_image(cloud, target, wanted),
        )?;
        let chosen = choose(&subnets, &offered, deployment)?;
        let region = cloud.region.clone();
        let Chosen { vpc, inside, spread } = chosen;
        let is_private = |subnet: &&Subnet| inside.contains(&subnet.id) && !subnet.gives_addresses;
        let private = subnets.iter().filter(is_private).map(|subnet| subnet.id.clone()).collect();
        Ok(Self { account, region, vpc, subnets: inside, spread, private, image })
    }
}

/// Which of AWS's separate worlds a region is in: what its ARNs begin with.
pub fn partition(region: &str) -> &'static str {
    match region {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

async fn account(cloud: &Cloud) -> Result<String, Failure> {
    let call = "sts:GetCallerIdentity";
    let who = cloud.sts.get_caller_identity().send().await.map_err(of(call))?;
    who.account.ok_or_else(|| Failure::incomplete(call, "account"))
}

/// A subnet, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Subnet {
    id: String,
    zone: String,
    vpc: String,
    is_default: bool,
    gives_addresses: bool,
}

async fn subnets(cloud: &Cloud) -> Result<Vec<Subnet>, Failure> {
    let mut found = Vec::new();
    let mut pages = cloud.ec2.describe_subnets().into_paginator().send();
    while let Some(page) = pages.next().await {
        for subnet in page.map_err(of("ec2:DescribeSubnets"))?.subnets() {
            let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
            found.push(Subnet {
                id: text(subnet.subnet_id()),
                zone: text(subnet.availability_zone()),
                vpc: text(subnet.vpc_id()),
                is_default: subnet.default_for_az().unwrap_or_default(),
                gives_addresses: subnet.map_public_ip_on_launch().unwrap_or_default(),
            });
        }
    }
    Ok(found)
}

/// Zones that offer the instance type; `None` for Fargate, which is in all.
async fn offered(
    cloud: &Cloud,
    deployment: &Deployment,
    target: Target,
) -> Result<Option<BTreeSet<String>>, Failure> {
    if target != Target::Ec2 {
        return Ok(None);
    }
    let kind = InstanceType::from(deployment.aws.instance_type.as_str());
    let filter = Filter::builder().name("instance-type").values(kind.as_str()).build();
    let request = cloud.ec2.describe_instance_type_offerings().location_type(LocationType::AvailabilityZone);
    let found = request.filters(filter).send().await.map_err(of("ec2:DescribeInstanceTypeOfferings"))?;
    let offerings = found.instance_type_offerings().iter();
    Ok(Some(offerings.filter_map(|offering| offering.location().map(str::to_owned)).collect()))
}

async fn newest_image(
    cloud: &Cloud,
    target: Target,
    known: Option<String>,
) -> Result<Option<String>, Failure> {
    if target != Target::Ec2 || known.is_some() {
        return Ok(known);
    }
    let call = "ssm:GetParameter";
    let found = cloud.ssm.get_parameter().name(IMAGE_PARAMETER).send().await.map_err(of(call))?;
    let image = found.parameter.and_then(|parameter| parameter.value);
    image.map(Some).ok_or_else(|| Failure::incomplete(call, "machine image"))
}

#[derive(Debug, PartialEq, Eq)]
struct Chosen {
    vpc: String,
    inside: BTreeSet<String>,
    spread: BTreeSet<String>,
}

/// Instances go where the description says and the type is offered; balancer and database want at least two zones.
fn choose(
    all: &[Subnet],
    offered: &Option<BTreeSet<String>>,
    deployment: &Deployment,
) -> Result<Chosen, Unfit> {
    let aws = &deployment.aws;
    let unfit = |text: String| Unfit::Site(text);
    let candidates: Vec<&Subnet> = if aws.subnets.is_empty() {
        all.iter().filter(|subnet| subnet.is_default).collect()
    } else {
        let find = |id: &String| all.iter().find(|subnet| subnet.id == *id);
        let unknown: Vec<&str> =
            aws.subnets.iter().filter(|id| find(id).is_none()).map(String::as_str).collect();
        if !unknown.is_empty() {
            return Err(unfit(format!(
                "aws.subnets: {} not in {}; `aws ec2 describe-subnets` lists those there are",
                unknown.join(", "),
                aws.region
            )));
        }
        aws.subnets.iter().filter_map(find).collect()
    };
    let Some(first) = candidates.first() else {
        return Err(unfit(format!(
            "{} has no default VPC: name at least two subnets in aws.subnets, or make one with \
             `aws ec2 create-default-vpc`",
            aws.region
        )));
    };
    if let Some(other) = candidates.iter().find(|subnet| subnet.vpc != first.vpc) {
        return Err(unfit(format!(
            "aws.subnets: {} is in {} and {} in {}; all must be in one VPC",
            first.id, first.vpc, other.id, other.vpc
        )));
    }
    let mut by_zone: BTreeMap<&str, &Subnet> = BTreeMap::new();
    for subnet in &candidates {
        by_zone.entry(&subnet.zone).or_insert(subnet);
    }
    let is_offered = |zone: &str| offered.as_ref().is_none_or(|zones| zones.contains(zone));
    let is_wanted = |zone: &str| aws.zones.is_empty() || aws.zones.iter().any(|wanted| wanted == zone);
    let inside: BTreeSet<String> = by_zone
        .iter()
        .filter(|(zone, _)| is_offered(zone) && is_wanted(zone))
        .map(|(_, subnet)| subnet.id.clone())
        .collect();
    if inside.is_empty() {
        let offered: Vec<&str> = by_zone.keys().filter(|zone| is_offered(zone)).copied().collect();
        return Err(unfit(format!(
            "no subnet in {} offers {}; zones that do: {}",
            if aws.zones.is_empty() { &aws.region } else { "aws.zones" },
            aws.instance_type,
            if offered.is_empty() { "none".to_owned() } else { offered.join(", ") },
        )));
    }
    // The practical pins one zone for its instances, yet a balancer demands two.
    let spread: BTreeSet<String> = match inside.len() {
        0 | 1 => by_zone.values().map(|subnet| subnet.id.clone()).collect(),
        _ => inside.clone(),
    };
    if spread.len() < 2 {
        return Err(unfit(format!(
            "a load balancer needs subnets in two zones and {} has them in one; name more in aws.subnets",
            first.vpc
        )));
    }
    // One zone is a choice that somebody makes, not one that happens to them.
    if inside.len() == 1 && aws.zones.is_empty() && deployment.capacity.max > 1 {
        let zone = by_zone.keys().find(|zone| is_offered(zone)).copied().unwrap_or_default();
        return Err(unfit(format!(
            "of these subnets only those in {zone} offer {}, and the service would end with that zone: name further ones \
             in aws.subnets, choose another aws.instance_type, or write aws.zones = [\"{zone}\"] if it is meant",
            aws.instance_type
        )));
    }
    Ok(Chosen { vpc: first.vpc.clone(), inside, spread })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployment::Defaults;

    fn subnet(zone: char) -> Subnet {
        let (id, zone) = (format!("subnet-{zone}"), format!("us-east-1{zone}"));
        Subnet { id, zone, vpc: "vpc-1".to_owned(), is_default: true, gives_addresses: true }
    }

    fn zones(letters: &str) -> Option<BTreeSet<String>> {
        Some(letters.chars().map(|letter| format!("us-east-1{letter}")).collect())
    }

    #[test]
    fn zones_without_the_type_are_left_out() {
        let all: Vec<Subnet> = "abcde".chars().map(subnet).collect();
        let deployment = Deployment::default_for(Defaults::of(Target::Ec2));
        let chosen = choose(&all, &zones("abcd"), &deployment).expect("four zones");
        assert_eq!(chosen.inside.len(), 4);
        assert!(!chosen.inside.contains("subnet-e"));
        assert_eq!(chosen.inside, chosen.spread);
    }

    #[test]
    fn one_zone_for_instances_still_gives_the_balancer_two() {
        let all: Vec<Subnet> = "abc".chars().map(subnet).collect();
        let practical = Defaults { target: Target::Ec2, as_in_the_practical: true };
        let chosen = choose(&all, &zones("abc"), &Deployment::default_for(practical)).expect("one zone");
        assert_eq!((chosen.inside.len(), chosen.spread.len()), (1, 3));
    }

    #[test]
    fn what_is_missing_is_named_with_its_remedy() {
        let deployment = Deployment::default_for(Defaults::of(Target::Ec2));
        let none = choose(&[], &zones("a"), &deployment).expect_err("no subnets").to_string();
        assert!(none.contains("create-default-vpc"), "{none}");
        let one = choose(&[subnet('a')], &zones("a"), &deployment).expect_err("one zone").to_string();
        assert!(one.contains("two zones"), "{one}");
        let two: Vec<Subnet> = "ab".chars().map(subnet).collect();
        let alone = choose(&two, &zones("b"), &deployment).expect_err("one zone offers it").to_string();
        assert!(alone.contains("only those in us-east-1b") && alone.contains("aws.zones"), "{alone}");
        let nowhere = choose(&[subnet('a')], &zones("b"), &deployment).expect_err("not offered").to_string();
        assert!(nowhere.contains("t2.micro"), "{nowhere}");
    }
}
