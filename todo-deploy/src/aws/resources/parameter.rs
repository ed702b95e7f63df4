//! Encrypted parameters that we make: the database's password, and the URL that the service reads when it starts.
//!
//! They are made once and never changed by us, so that a password that was rotated by hand stays.

use aws_sdk_ssm::types::{
    ParameterMetadata, ParameterStringFilter, ParameterType, ResourceTypeForTagging, Tag,
};
use serde::Serialize;

use super::{At, Call, Found, Kind, no_such};
use crate::aws::clients::Cloud;
use crate::aws::failure::{Absent as _, Failure, of};
use crate::aws::value::Ref;

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Parameter {
    pub name: String,
    #[serde(rename = "Type")]
    pub kind: &'static str,
    pub value: Content,
}

/// What it holds, as far as that may be told.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Content {
    /// A password that we draw.
    #[serde(rename = "(drawn at random)")]
    Password,
    /// `postgresql://USER:PASSWORD@HOST:PORT/NAME` of a database that we made.
    #[serde(rename = "(the database's URL)")]
    Url { database: Ref, password: Ref, user: String, name: String },
}

const PUT: Call = "ssm:PutParameter";
const DELETE: Call = "ssm:DeleteParameter";
const GET: Call = "ssm:GetParameter";
const DESCRIBE: Call = "ssm:DescribeParameters";
const TAGS: Call = "ssm:ListTagsForResource";

/// Characters of a password: 64 bits in hexadecimal would do; this is 128.
const PASSWORD_BYTES: usize = 16;

impl Kind for Parameter {
    const TYPE: &'static str = "AWS::SSM::Parameter";

    fn name(&self) -> String {
        self.name.clone()
    }

    fn calls(&self, have: Option<&Self>) -> Vec<Call> {
        if have.is_none() { vec![PUT] } else { Vec::new() }
    }

    async fn send(&self, call: Call, _have: Option<&Self>, at: At<'_>) -> Result<Option<String>, Failure> {
        if call != PUT {
            return Err(no_such(call));
        }
        let content = match &self.value {
            Content::Password => password(call)?,
            Content::Url { database, password, user, name } => {
                let password = value(&at.id(call, password)?, at).await?;
                let address = super::database::address(&at.id(call, database)?, at).await?;
                let address = address.ok_or_else(|| Failure::incomplete(call, "database's address"))?;
                format!("postgresql://{user}:{password}@{address}/{name}")
            }
        };
        let tags = at.names.tags().map(|(key, value)| Tag::builder().key(key).value(value).build());
        let tags = tags.into_iter().collect::<Result<Vec<_>, _>>();
        let tags = tags.map_err(|_| Failure::incomplete(call, "tags"))?;
        let request = at.cloud.ssm.put_parameter().name(&self.name).value(content);
        let request = request.r#type(ParameterType::SecureString).overwrite(false).set_tags(Some(tags));
        request.send().await.map_err(of(call))?;
        Ok(Some(self.name.clone()))
    }

    fn removal(&self) -> Vec<Call> {
        vec![DELETE]
    }

    async fn remove(&self, call: Call, id: &str, at: At<'_>) -> Result<(), Failure> {
        at.cloud.ssm.delete_parameter().name(id).send().await.map_err(of(call))?;
        Ok(())
    }
}

/// Hexadecimal, so that it needs no escaping in a URL and pleases every rule for passwords.
fn password(call: Call) -> Result<String, Failure> {
    let mut bytes = [0; PASSWORD_BYTES];
    getrandom::fill(&mut bytes).map_err(|_| Failure::incomplete(call, "random number"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What the parameter holds.
pub(super) async fn value(name: &str, at: At<'_>) -> Result<String, Failure> {
    let request = at.cloud.ssm.get_parameter().name(name).with_decryption(true);
    let found = request.send().await.map_err(of(GET))?;
    let value = found.parameter.and_then(|parameter| parameter.value);
    value.ok_or_else(|| Failure::incomplete(GET, "value"))
}

/// Names of the parameters of which each of these (`Name`, `tag:KEY`) is so.
pub(in crate::aws) async fn named(cloud: &Cloud, filters: &[(&str, &str)]) -> Result<Vec<String>, Failure> {
    let found = matching(cloud, filters).await?;
    Ok(found.into_iter().filter_map(|one| one.name).collect())
}

/// The parameters of which each of these (`Name`, `tag:KEY`) is so, without their values. A page may be empty although
/// others follow.
pub(in crate::aws) async fn matching(
    cloud: &Cloud,
    filters: &[(&str, &str)],
) -> Result<Vec<ParameterMetadata>, Failure> {
    let filter = |(key, value): &(&str, &str)| {
        ParameterStringFilter::builder().key(*key).option("Equals").values(*value).build()
    };
    let filters = filters.iter().map(filter).collect::<Result<Vec<_>, _>>();
    let filters = filters.map_err(|_| Failure::incomplete(DESCRIBE, "filter"))?;
    let pages = cloud.ssm.describe_parameters().set_parameter_filters(Some(filters));
    let mut pages = pages.into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let Some(page) = page.map_err(of(DESCRIBE)).absent()? else { break };
        found.extend(page.parameters.unwrap_or_default());
    }
    Ok(found)
}

/// The parameter of this name; `want` says what is in it, because looking would need the right to decrypt.
pub(in crate::aws) async fn find(want: &Parameter, at: At<'_>) -> Result<Option<Found>, Failure> {
    let name = &want.name;
    if named(at.cloud, &[("Name", name)]).await?.is_empty() {
        return Ok(None);
    }
    let request = at.cloud.ssm.list_tags_for_resource().resource_type(ResourceTypeForTagging::Parameter);
    let tags = request.resource_id(name).send().await.map_err(of(TAGS)).absent()?;
    let tags = tags.map(|tags| tags.tag_list().to_vec()).unwrap_or_default();
    let ours = at.names.owns(tags.iter().map(|tag| (tag.key(), tag.value())));
    Ok(Some(Found { resource: want.clone().into(), id: name.clone(), ours }))
}
