//! Target groups: where the balancer sends requests, and how it asks whether somebody is there.

use aws_sdk_elasticloadbalancingv2::types as elb;
use aws_sdk_elasticloadbalancingv2::types::{Matcher, ProtocolEnum, TargetGroupAttribute, TargetTypeEnum};
use serde::Serialize;

use super::attributes::{Attributes, is_ours, tags};
use super::{At, Call, Found, Kind, no_such};
use crate::aws::failure::{Absent as _, Failure, of};

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TargetGroup {
    pub name: String,
    pub port: i32,
    pub protocol: String,
    pub vpc_id: String,
    pub target_type: String,
    pub health_check_enabled: bool,
    pub health_check_protocol: String,
    pub health_check_port: String,
    pub health_check_path: String,
    pub health_check_interval_seconds: i32,
    pub health_check_timeout_seconds: i32,
    pub healthy_threshold_count: i32,
    pub unhealthy_threshold_count: i32,
    pub matcher: HttpCode,
    pub target_group_attributes: Attributes,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct HttpCode {
    pub http_code: String,
}

const CREATE: Call = "elasticloadbalancing:CreateTargetGroup";
const MODIFY: Call = "elasticloadbalancing:ModifyTargetGroup";
const ATTRIBUTES: Call = "elasticloadbalancing:ModifyTargetGroupAttributes";
const DELETE: Call = "elasticloadbalancing:DeleteTargetGroup";
const DESCRIBE: Call = "elasticloadbalancing:DescribeTargetGroups";
const DESCRIBE_ATTRIBUTES: Call = "elasticloadbalancing:DescribeTargetGroupAttributes";

impl TargetGroup {
    /// Everything but the attributes, which have a call of their own.
    fn without_attributes(&self) -> Self {
        Self { target_group_attributes: Attributes::default(), ..self.clone() }
    }
}

impl Kind for TargetGroup {
    const TYPE: &'static str = "AWS::ElasticLoadBalancingV2::TargetGroup";
    const FIXED: &'static [&'static str] = &["Name", "Port", "Protocol", "VpcId", "TargetType"];

    fn name(&self) -> String {
        self.name.clone()
    }

    fn calls(&self, have: Option<&Self>) -> Vec<Call> {
        let first = match have {
            None => Some(CREATE),
            Some(have) if have.without_attributes() != self.without_attributes() => Some(MODIFY),
            Some(_) => None,
        };
        let differ = self.target_group_attributes.differ(have.map(|have| &have.target_group_attributes));
        first.into_iter().chain(differ.then_some(ATTRIBUTES)).collect()
    }

    async fn send(&self, call: Call, _have: Option<&Self>, at: At<'_>) -> Result<Option<String>, Failure> {
        let matcher = Matcher::builder().http_code(&self.matcher.http_code).build();
        let protocol = ProtocolEnum::from(self.health_check_protocol.as_str());
        match call {
            CREATE => {
                let request = at.cloud.elb.create_target_group().name(&self.name).port(self.port);
                let request = request
                    .protocol(ProtocolEnum::from(self.protocol.as_str()))
                    .vpc_id(&self.vpc_id)
                    .target_type(TargetTypeEnum::from(self.target_type.as_str()))
                    .health_check_enabled(self.health_check_enabled)
                    .health_check_protocol(protocol)
                    .health_check_port(&self.health_check_port)
                    .health_check_path(&self.health_check_path)
                    .health_check_interval_seconds(self.health_check_interval_seconds)
                    .health_check_timeout_seconds(self.health_check_timeout_seconds)
                    .healthy_threshold_count(self.healthy_threshold_count)
                    .unhealthy_threshold_count(self.unhealthy_threshold_count)
                    .matcher(matcher)
                    .set_tags(Some(tags(at.names)));
                let made = request.send().await.map_err(of(call))?;
                Ok(made
                    .target_groups()
                    .first()
                    .and_then(elb::TargetGroup::target_group_arn)
                    .map(str::to_owned))
            }
            MODIFY => {
                let request = at.cloud.elb.modify_target_group().target_group_arn(at.own(call)?);
                let request = request
                    .health_check_enabled(self.health_check_enabled)
                    .health_check_protocol(protocol)
                    .health_check_port(&self.health_check_port)
                    .health_check_path(&self.health_check_path)
                    .health_check_interval_seconds(self.health_check_interval_seconds)
                    .health_check_timeout_seconds(self.health_check_timeout_seconds)
                    .healthy_threshold_count(self.healthy_threshold_count)
                    .unhealthy_threshold_count(self.unhealthy_threshold_count)
                    .matcher(matcher);
                request.send().await.map_err(of(call))?;
                Ok(None)
            }
            ATTRIBUTES => {
                let built =
                    |key: &str, value: &str| TargetGroupAttribute::builder().key(key).value(value).build();
                let request = at.cloud.elb.modify_target_group_attributes().target_group_arn(at.own(call)?);
                let request = request.set_attributes(self.target_group_attributes.each(built));
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
        at.cloud.elb.delete_target_group().target_group_arn(id).send().await.map_err(of(call))?;
        Ok(())
    }
}

/// The group of this name, as AWS tells it.
async fn describe(name: &str, at: At<'_>) -> Result<Option<elb::TargetGroup>, Failure> {
    let request = at.cloud.elb.describe_target_groups().names(name);
    let groups = request.send().await.map_err(of(DESCRIBE)).absent()?;
    Ok(groups.and_then(|groups| groups.target_groups().first().cloned()))
}

/// The ARN of the group of this name.
pub(in crate::aws) async fn arn(name: &str, at: At<'_>) -> Result<Option<String>, Failure> {
    Ok(describe(name, at).await?.and_then(|group| group.target_group_arn))
}

/// The group of this name.
pub(in crate::aws) async fn find(name: &str, at: At<'_>) -> Result<Option<Found>, Failure> {
    let Some((group, arn)) =
        describe(name, at).await?.and_then(|g| g.target_group_arn.clone().map(|arn| (g, arn)))
    else {
        return Ok(None);
    };
    let request = at.cloud.elb.describe_target_group_attributes().target_group_arn(&arn);
    let (attributes, ours) =
        tokio::try_join!(async { request.send().await.map_err(of(DESCRIBE_ATTRIBUTES)) }, is_ours(&arn, at))?;
    let attributes = attributes.attributes().iter();
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let value = TargetGroup {
        name: name.to_owned(),
        port: group.port().unwrap_or_default(),
        protocol: text(group.protocol().map(ProtocolEnum::as_str)),
        vpc_id: text(group.vpc_id()),
        target_type: text(group.target_type().map(TargetTypeEnum::as_str)),
        health_check_enabled: group.health_check_enabled().unwrap_or_default(),
        health_check_protocol: text(group.health_check_protocol().map(ProtocolEnum::as_str)),
        health_check_port: text(group.health_check_port()),
        health_check_path: text(group.health_check_path()),
        health_check_interval_seconds: group.health_check_interval_seconds().unwrap_or_default(),
        health_check_timeout_seconds: group.health_check_timeout_seconds().unwrap_or_default(),
        healthy_threshold_count: group.healthy_threshold_count().unwrap_or_default(),
        unhealthy_threshold_count: group.unhealthy_threshold_count().unwrap_or_default(),
        matcher: HttpCode { http_code: text(group.matcher().and_then(Matcher::http_code)) },
        target_group_attributes: attributes.map(|one| (one.key(), one.value())).collect(),
    };
    Ok(Some(Found { resource: value.into(), id: arn, ours }))
}
