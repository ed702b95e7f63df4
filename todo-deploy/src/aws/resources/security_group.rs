//! Security groups: who may reach what.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{
    Filter, IpPermission, IpRange, Ipv6Range, ResourceType, Tag, TagSpecification, UserIdGroupPair,
};
use serde::Serialize;

use super::{At, Call, Found, Kind, no_such};
use crate::aws::failure::{Absent as _, Failure, of};
use crate::aws::value::{Part, Ref};

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SecurityGroup {
    pub group_name: String,
    pub group_description: String,
    pub vpc_id: String,
    pub security_group_ingress: BTreeSet<Rule>,
}

/// One port from one source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Rule {
    pub ip_protocol: String,
    pub from_port: i32,
    pub to_port: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cidr_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cidr_ipv6: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_security_group_id: Option<Ref>,
}

impl Rule {
    pub fn world(port: u16) -> Self {
        Self { cidr_ip: Some("0.0.0.0/0".to_owned()), ..Self::port(port) }
    }

    /// From the members of another group.
    pub fn from_group(port: u16, group: Ref) -> Self {
        Self { source_security_group_id: Some(group), ..Self::port(port) }
    }

    fn port(port: u16) -> Self {
        let (ip_protocol, port) = ("tcp".to_owned(), i32::from(port));
        let (cidr_ip, cidr_ipv6, source_security_group_id) = (None, None, None);
        Self { ip_protocol, from_port: port, to_port: port, cidr_ip, cidr_ipv6, source_security_group_id }
    }

    fn permission(&self, call: Call, at: At<'_>) -> Result<IpPermission, Failure> {
        let group = self.source_security_group_id.as_ref().map(|group| at.id(call, group)).transpose()?;
        Ok(IpPermission::builder()
            .ip_protocol(&self.ip_protocol)
            .from_port(self.from_port)
            .to_port(self.to_port)
            .set_ip_ranges(self.cidr_ip.as_ref().map(|cidr| vec![IpRange::builder().cidr_ip(cidr).build()]))
            .set_ipv6_ranges(
                self.cidr_ipv6.as_ref().map(|cidr| vec![Ipv6Range::builder().cidr_ipv6(cidr).build()]),
            )
            .set_user_id_group_pairs(group.map(|id| vec![UserIdGroupPair::builder().group_id(id).build()]))
            .build())
    }

    fn all_of(permission: &IpPermission, at: At<'_>) -> Vec<Self> {
        let blank = Self {
            ip_protocol: permission.ip_protocol().unwrap_or_default().to_owned(),
            from_port: permission.from_port().unwrap_or(-1),
            to_port: permission.to_port().unwrap_or(-1),
            ..Self::port(0)
        };
        let world = permission.ip_ranges().iter().filter_map(|range| range.cidr_ip());
        let world = world.map(|cidr| Self { cidr_ip: Some(cidr.to_owned()), ..blank.clone() });
        let world6 = permission.ipv6_ranges().iter().filter_map(|range| range.cidr_ipv6());
        let world6 = world6.map(|cidr| Self { cidr_ipv6: Some(cidr.to_owned()), ..blank.clone() });
        let groups = permission.user_id_group_pairs().iter().filter_map(|pair| pair.group_id());
        let groups = groups.map(|id| Self {
            source_security_group_id: Some(at.ids.reference(id, Part::GroupId)),
            ..blank.clone()
        });
        world.chain(world6).chain(groups).collect()
    }
}

const CREATE: Call = "ec2:CreateSecurityGroup";
const AUTHORIZE: Call = "ec2:AuthorizeSecurityGroupIngress";
const REVOKE: Call = "ec2:RevokeSecurityGroupIngress";
const DELETE: Call = "ec2:DeleteSecurityGroup";
const DESCRIBE: Call = "ec2:DescribeSecurityGroups";

impl SecurityGroup {
    fn difference(&self, other: Option<&Self>) -> Vec<&Rule> {
        let theirs = |rule: &&Rule| !other.is_some_and(|other| other.security_group_ingress.contains(*rule));
        self.security_group_ingress.iter().filter(theirs).collect()
    }
}

impl Kind for SecurityGroup {
    const TYPE: &'static str = "AWS::EC2::SecurityGroup";
    const FIXED: &'static [&'static str] = &["GroupName", "GroupDescription", "VpcId"];

    fn name(&self) -> String {
        self.group_name.clone()
    }

    /// New rules before old ones go, so that traffic does not stop in between.
    fn calls(&self, have: Option<&Self>) -> Vec<Call> {
        let create = have.is_none().then_some(CREATE);
        let authorize = (!self.difference(have).is_empty()).then_some(AUTHORIZE);
        let revoke = have.filter(|have| !have.difference(Some(self)).is_empty()).map(|_| REVOKE);
        create.into_iter().chain(authorize).chain(revoke).collect()
    }

    async fn send(&self, call: Call, have: Option<&Self>, at: At<'_>) -> Result<Option<String>, Failure> {
        let permissions = |rules: Vec<&Rule>| -> Result<Vec<IpPermission>, Failure> {
            rules.into_iter().map(|rule| rule.permission(call, at)).collect()
        };
        match call {
            CREATE => {
                let tags = at.names.tags().map(|(key, value)| Tag::builder().key(key).value(value).build());
                let tags = TagSpecification::builder()
                    .resource_type(ResourceType::SecurityGroup)
                    .set_tags(Some(tags.into()))
                    .build();
                let made = at.cloud.ec2.create_security_group();
                let made = made.group_name(&self.group_name).description(&self.group_description);
                let made =
                    made.vpc_id(&self.vpc_id).tag_specifications(tags).send().await.map_err(of(call))?;
                Ok(made.group_id)
            }
            AUTHORIZE => {
                let request = at.cloud.ec2.authorize_security_group_ingress().group_id(at.own(call)?);
                let rules = permissions(self.difference(have))?;
                request.set_ip_permissions(Some(rules)).send().await.map_err(of(call))?;
                Ok(None)
            }
            REVOKE => {
                let Some(have) = have else { return Ok(None) };
                let request = at.cloud.ec2.revoke_security_group_ingress().group_id(at.own(call)?);
                let rules = permissions(have.difference(Some(self)))?;
                request.set_ip_permissions(Some(rules)).send().await.map_err(of(call))?;
                Ok(None)
            }
            _ => Err(no_such(call)),
        }
    }

    fn removal(&self) -> Vec<Call> {
        vec![DELETE]
    }

    async fn remove(&self, call: Call, id: &str, at: At<'_>) -> Result<(), Failure> {
        at.cloud.ec2.delete_security_group().group_id(id).send().await.map_err(of(call))?;
        Ok(())
    }
}

/// The groups of these names in any VPC, as AWS tells them.
pub(in crate::aws) async fn describe(
    names: &[String],
    at: At<'_>,
) -> Result<Vec<aws_sdk_ec2::types::SecurityGroup>, Failure> {
    let filter = Filter::builder().name("group-name").set_values(Some(names.to_vec())).build();
    let found = at.cloud.ec2.describe_security_groups().filters(filter).send().await.map_err(of(DESCRIBE));
    Ok(found.absent()?.map(|found| found.security_groups().to_vec()).unwrap_or_default())
}

/// References in it are found again only when the ids of all groups are known.
pub(in crate::aws) fn found(group: &aws_sdk_ec2::types::SecurityGroup, at: At<'_>) -> Found {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let tags = group.tags().iter().filter_map(|tag| Some((tag.key()?, tag.value()?)));
    let value = SecurityGroup {
        group_name: text(group.group_name()),
        group_description: text(group.description()),
        vpc_id: text(group.vpc_id()),
        security_group_ingress: group
            .ip_permissions()
            .iter()
            .flat_map(|rule| Rule::all_of(rule, at))
            .collect(),
    };
    Found { resource: value.into(), id: text(group.group_id()), ours: at.names.owns(tags) }
}
