//! The subnets that a database may live in.

use std::collections::BTreeSet;

use aws_sdk_rds::types::Tag;
use serde::Serialize;

use super::{At, Call, Found, Kind, made_or_changed, no_such};
use crate::aws::failure::{Absent as _, Failure, of};
use crate::aws::names::Names;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SubnetGroup {
    #[serde(rename = "DBSubnetGroupName")]
    pub name: String,
    #[serde(rename = "DBSubnetGroupDescription")]
    pub description: String,
    #[serde(rename = "SubnetIds")]
    pub subnets: BTreeSet<String>,
}

const CREATE: Call = "rds:CreateDBSubnetGroup";
const MODIFY: Call = "rds:ModifyDBSubnetGroup";
const DELETE: Call = "rds:DeleteDBSubnetGroup";
const DESCRIBE: Call = "rds:DescribeDBSubnetGroups";
const TAGS: Call = "rds:ListTagsForResource";

impl Kind for SubnetGroup {
    const TYPE: &'static str = "AWS::RDS::DBSubnetGroup";

    fn name(&self) -> String {
        self.name.clone()
    }

    fn calls(&self, have: Option<&Self>) -> Vec<Call> {
        made_or_changed(self, have, CREATE, MODIFY)
    }

    async fn send(&self, call: Call, _have: Option<&Self>, at: At<'_>) -> Result<Option<String>, Failure> {
        let subnets = Some(self.subnets.iter().cloned().collect());
        match call {
            CREATE => {
                let request = at.cloud.rds.create_db_subnet_group().db_subnet_group_name(&self.name);
                let request = request
                    .db_subnet_group_description(&self.description)
                    .set_subnet_ids(subnets)
                    .set_tags(Some(tags(at.names)));
                request.send().await.map_err(of(call))?;
                Ok(Some(self.name.clone()))
            }
            MODIFY => {
                let request = at.cloud.rds.modify_db_subnet_group().db_subnet_group_name(&self.name);
                let request = request.db_subnet_group_description(&self.description);
                request.set_subnet_ids(subnets).send().await.map_err(of(call))?;
                Ok(None)
            }
            _ => Err(no_such(call)),
        }
    }

    fn removal(&self) -> Vec<Call> {
        vec![DELETE]
    }

    async fn remove(&self, call: Call, id: &str, at: At<'_>) -> Result<(), Failure> {
        at.cloud.rds.delete_db_subnet_group().db_subnet_group_name(id).send().await.map_err(of(call))?;
        Ok(())
    }
}

pub(super) fn tags(names: &Names) -> Vec<Tag> {
    names.tags().map(|(key, value)| Tag::builder().key(key).value(value).build()).into()
}

pub(super) async fn is_ours(arn: &str, at: At<'_>) -> Result<bool, Failure> {
    let request = at.cloud.rds.list_tags_for_resource().resource_name(arn);
    let Some(tags) = request.send().await.map_err(of(TAGS)).absent()? else { return Ok(false) };
    Ok(at.names.owns(tags.tag_list().iter().filter_map(|tag| Some((tag.key()?, tag.value()?)))))
}

/// The group of this name.
pub(in crate::aws) async fn find(name: &str, at: At<'_>) -> Result<Option<Found>, Failure> {
    let request = at.cloud.rds.describe_db_subnet_groups().db_subnet_group_name(name);
    let found = request.send().await.map_err(of(DESCRIBE)).absent()?;
    let Some(group) = found.and_then(|found| found.db_subnet_groups().first().cloned()) else {
        return Ok(None);
    };
    let ours = is_ours(group.db_subnet_group_arn().unwrap_or_default(), at).await?;
    let subnets = group.subnets().iter();
    let value = SubnetGroup {
        name: name.to_owned(),
        description: group.db_subnet_group_description().unwrap_or_default().to_owned(),
        subnets: subnets.filter_map(|subnet| subnet.subnet_identifier().map(str::to_owned)).collect(),
    };
    Ok(Some(Found { resource: value.into(), id: name.to_owned(), ours }))
}
