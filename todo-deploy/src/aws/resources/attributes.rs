//! What balancers, target groups and listeners have alike: attributes in a call of their own, tags that are asked for by ARN.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::Tag;
use serde::Serialize;

use super::{At, Call};
use crate::aws::clients::Cloud;
use crate::aws::failure::{Absent as _, Failure, of};
use crate::aws::names::Names;
use crate::aws::value::pairs;

const DESCRIBE_TAGS: Call = "elasticloadbalancing:DescribeTags";

/// Attributes by their keys: of AWS's many those that we say something about.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Attributes(#[serde(serialize_with = "pairs")] BTreeMap<String, String>);

impl Attributes {
    /// Whether any of these is another there, or none.
    pub(super) fn differ(&self, have: Option<&Self>) -> bool {
        let had = |key: &String| have.and_then(|have| have.0.get(key));
        self.0.iter().any(|(key, value)| had(key) != Some(value))
    }

    /// As the SDK has them.
    pub(super) fn each<T>(&self, built: impl Fn(&str, &str) -> T) -> Option<Vec<T>> {
        Some(self.0.iter().map(|(key, value)| built(key, value)).collect())
    }
}

impl FromIterator<(String, String)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(attributes: I) -> Self {
        Self(attributes.into_iter().collect())
    }
}

/// As AWS tells them.
impl<'a> FromIterator<(Option<&'a str>, Option<&'a str>)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (Option<&'a str>, Option<&'a str>)>>(told: I) -> Self {
        told.into_iter().filter_map(|(key, value)| Some((key?.to_owned(), value?.to_owned()))).collect()
    }
}

pub(super) fn tags(names: &Names) -> Vec<Tag> {
    names.tags().map(|(key, value)| Tag::builder().key(key).value(value).build()).into()
}

/// Whether the balancer, target group or listener carries our tags.
pub(super) async fn is_ours(arn: &str, at: At<'_>) -> Result<bool, Failure> {
    let ours = ours_among(at.cloud, at.names, &[arn.to_owned()]).await.absent()?;
    Ok(ours.is_some_and(|ours| !ours.is_empty()))
}

/// ARNs that AWS tells the tags of in one call.
const ARNS_MAX: usize = 20;

/// Those that carry our tags.
pub(in crate::aws) async fn ours_among(
    cloud: &Cloud,
    names: &Names,
    arns: &[String],
) -> Result<Vec<String>, Failure> {
    let mut ours = Vec::new();
    for some in arns.chunks(ARNS_MAX) {
        let request = cloud.elb.describe_tags().set_resource_arns(Some(some.to_vec()));
        let found = request.send().await.map_err(of(DESCRIBE_TAGS))?;
        for one in found.tag_descriptions() {
            let tags = one.tags().iter().filter_map(|tag| Some((tag.key()?, tag.value()?)));
            if names.owns(tags) {
                ours.extend(one.resource_arn().map(str::to_owned));
            }
        }
    }
    Ok(ours)
}
