//! Load balancers, application and network.

use std::collections::BTreeSet;

use aws_sdk_elasticloadbalancingv2::types as elb;
use aws_sdk_elasticloadbalancingv2::types::{
    LoadBalancerAttribute, LoadBalancerSchemeEnum, LoadBalancerTypeEnum,
};
use serde::Serialize;

use super::attributes::{Attributes, is_ours, tags};
use super::{At, Call, Found, Kind, no_such};
use crate::aws::failure::{Absent as _, Failure, of};
use crate::aws::value::{Part, Ref};

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct LoadBalancer {
    pub name: String,
    #[serde(rename = "Type")]
    pub kind: String,
    pub scheme: String,
    pub subnets: BTreeSet<String>,
    pub security_groups: BTreeSet<Ref>,
    pub load_balancer_attributes: Attributes,
}

const CREATE: Call = "elasticloadbalancing:CreateLoadBalancer";
const SUBNETS: Call = "elasticloadbalancing:SetSubnets";
const GROUPS: Call = "elasticloadbalancing:SetSecurityGroups";
const ATTRIBUTES: Call = "elasticloadbalancing:ModifyLoadBalancerAttributes";
const DELETE: Call = "elasticloadbalancing:DeleteLoadBalancer";
const DESCRIBE: Call = "elasticloadbalancing:DescribeLoadBalancers";
const DESCRIBE_ATTRIBUTES: Call = "elasticloadbalancing:DescribeLoadBalancerAttributes";

impl Kind for LoadBalancer {
    const TYPE: &'static str = "AWS::ElasticLoadBalancingV2::LoadBalancer";
    const FIXED: &'static [&'static str] = &["Name", "Type", "Scheme"];

    fn name(&self) -> String {
        self.name.clone()
    }

    fn calls(&self, have: Option<&Self>) -> Vec<Call> {
        let mut calls = Vec::new();
        match have {
            None => calls.push(CREATE),
            Some(have) => {
                if have.subnets != self.subnets {
                    calls.push(SUBNETS);
                }
                if have.security_groups != self.security_groups {
                    calls.push(GROUPS);
                }
            }
        }
        if self.load_balancer_attributes.differ(have.map(|have| &have.load_balancer_attributes)) {
            calls.push(ATTRIBUTES);
        }
        calls
    }

    async fn send(&self, call: Call, _have: Option<&Self>, at: At<'_>) -> Result<Option<String>, Failure> {
        let groups: Vec<Ref> = self.security_groups.iter().cloned().collect();
        let subnets = Some(self.subnets.iter().cloned().collect());
        match call {
            CREATE => {
                let request = at.cloud.elb.create_load_balancer().name(&self.name).set_subnets(subnets);
                let request = request
                    .set_security_groups(Some(at.all(call, &groups)?))
                    .r#type(LoadBalancerTypeEnum::from(self.kind.as_str()))
                    .scheme(LoadBalancerSchemeEnum::from(self.scheme.as_str()))
                    .set_tags(Some(tags(at.names)));
                let made = request.send().await.map_err(of(call))?;
                let arn = made.load_balancers().first().and_then(elb::LoadBalancer::load_balancer_arn);
                Ok(arn.map(str::to_owned))
            }
            SUBNETS => {
                let request = at.cloud.elb.set_subnets().load_balancer_arn(at.own(call)?);
                request.set_subnets(subnets).send().await.map_err(of(call))?;
                Ok(None)
            }
            GROUPS => {
                let request = at.cloud.elb.set_security_groups().load_balancer_arn(at.own(call)?);
                let request = request.set_security_groups(Some(at.all(call, &groups)?));
                request.send().await.map_err(of(call))?;
                Ok(None)
            }
            ATTRIBUTES => {
                let built =
                    |key: &str, value: &str| LoadBalancerAttribute::builder().key(key).value(value).build();
                let request = at.cloud.elb.modify_load_balancer_attributes();
                let request = request.load_balancer_arn(at.own(call)?);
                let request = request.set_attributes(self.load_balancer_attributes.each(built));
                request.send().await.map_err(of(call))?;
                Ok(None)
            }
            _ => Err(no_such(call)),
        }
    }

    fn removal(&self) -> Vec<Call> {
        vec![DELETE]
    }

    async fn remove(&self, call: Call, id: &str, at: At<'_>) -> Result<(), Failure> {
        at.cloud.elb.delete_load_balancer().load_balancer_arn(id).send().await.map_err(of(call))?;
        Ok(())
    }

    async fn is_gone(&self, _id: &str, at: At<'_>) -> Result<bool, Failure> {
        Ok(describe(&self.name, at).await?.is_none())
    }
}

/// The balancer of this name, as AWS tells it.
pub(in crate::aws) async fn describe(name: &str, at: At<'_>) -> Result<Option<elb::LoadBalancer>, Failure> {
    let request = at.cloud.elb.describe_load_balancers().names(name);
    let found = request.send().await.map_err(of(DESCRIBE)).absent()?;
    Ok(found.and_then(|found| found.load_balancers().first().cloned()))
}

/// The balancer of this name; the ids of security groups must be known.
pub(in crate::aws) async fn found(
    balancer: &elb::LoadBalancer,
    at: At<'_>,
) -> Result<Option<Found>, Failure> {
    let Some(arn) = balancer.load_balancer_arn() else { return Ok(None) };
    let request = at.cloud.elb.describe_load_balancer_attributes().load_balancer_arn(arn);
    let (attributes, ours) =
        tokio::try_join!(async { request.send().await.map_err(of(DESCRIBE_ATTRIBUTES)) }, is_ours(arn, at))?;
    let zones = balancer.availability_zones().iter();
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let value = LoadBalancer {
        name: text(balancer.load_balancer_name()),
        kind: text(balancer.r#type().map(LoadBalancerTypeEnum::as_str)),
        scheme: text(balancer.scheme().map(LoadBalancerSchemeEnum::as_str)),
        subnets: zones.filter_map(|zone| zone.subnet_id().map(str::to_owned)).collect(),
        security_groups: balancer
            .security_groups()
            .iter()
            .map(|id| at.ids.reference(id, Part::GroupId))
            .collect(),
        load_balancer_attributes: attributes
            .attributes()
            .iter()
            .map(|one| (one.key(), one.value()))
            .collect(),
    };
    Ok(Some(Found { resource: value.into(), id: arn.to_owned(), ours }))
}
