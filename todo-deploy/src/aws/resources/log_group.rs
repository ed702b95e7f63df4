//! The log group that every instance or task writes to.

use serde::Serialize;

use super::{At, Call, Found, Kind, no_such};
use crate::aws::failure::{Absent as _, Failure, of};

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct LogGroup {
    pub log_group_name: String,
    pub retention_in_days: i32,
}

const CREATE: Call = "logs:CreateLogGroup";
const RETAIN: Call = "logs:PutRetentionPolicy";
const DELETE: Call = "logs:DeleteLogGroup";
const DESCRIBE: Call = "logs:DescribeLogGroups";
const TAGS: Call = "logs:ListTagsForResource";

impl Kind for LogGroup {
    const TYPE: &'static str = "AWS::Logs::LogGroup";

    fn name(&self) -> String {
        self.log_group_name.clone()
    }

    fn calls(&self, have: Option<&Self>) -> Vec<Call> {
        match have {
            None => vec![CREATE, RETAIN],
            Some(have) if have != self => vec![RETAIN],
            Some(_) => Vec::new(),
        }
    }

    async fn send(&self, call: Call, _have: Option<&Self>, at: At<'_>) -> Result<Option<String>, Failure> {
        let name = &self.log_group_name;
        match call {
            CREATE => {
                let tags = at.names.tags().map(|(key, value)| (key.to_owned(), value)).into();
                let request = at.cloud.logs.create_log_group().log_group_name(name);
                request.set_tags(Some(tags)).send().await.map_err(of(call))?;
                Ok(Some(name.clone()))
            }
            RETAIN => {
                let request = at.cloud.logs.put_retention_policy().log_group_name(name);
                request.retention_in_days(self.retention_in_days).send().await.map_err(of(call))?;
                Ok(None)
            }
            _ => Err(no_such(call)),
        }
    }

    fn removal(&self) -> Vec<Call> {
        vec![DELETE]
    }

    async fn remove(&self, call: Call, id: &str, at: At<'_>) -> Result<(), Failure> {
        at.cloud.logs.delete_log_group().log_group_name(id).send().await.map_err(of(call))?;
        Ok(())
    }
}

/// The group of this name.
pub(in crate::aws) async fn find(name: &str, at: At<'_>) -> Result<Option<Found>, Failure> {
    let request = at.cloud.logs.describe_log_groups().log_group_name_prefix(name);
    let groups = request.send().await.map_err(of(DESCRIBE))?;
    let Some(group) = groups.log_groups().iter().find(|group| group.log_group_name() == Some(name)) else {
        return Ok(None);
    };
    let arn = group.arn().unwrap_or_default().trim_end_matches(":*");
    let request = at.cloud.logs.list_tags_for_resource().resource_arn(arn);
    let tags = request.send().await.map_err(of(TAGS)).absent()?;
    let tags = tags.and_then(|tags| tags.tags).unwrap_or_default();
    let ours = at.names.owns(tags.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    let value = LogGroup {
        log_group_name: name.to_owned(),
        retention_in_days: group.retention_in_days().unwrap_or_default(),
    };
    Ok(Some(Found { resource: value.into(), id: name.to_owned(), ours }))
}
