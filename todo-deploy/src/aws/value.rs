//! Values of resources: references from one to another, and the shapes CloudFormation gives to maps.

use std::collections::BTreeMap;

use serde::ser::{SerializeMap as _, SerializeSeq as _};
use serde::{Serialize, Serializer};

/// A logical name: what a resource is called inside one deployment (`ServiceGroup`, `Listener80`).
pub type Logical = String;

/// Something of another resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ref {
    /// Of a resource of this deployment, which need not exist yet.
    To(Logical, Part),
    /// Of something that we do not make, or no longer know.
    Id(String),
}

/// Which part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Its id or ARN: what other resources take.
    Id,
    /// A security group's id, where CloudFormation's `Ref` would be the name.
    GroupId,
    /// All that we know it by.
    Whole,
    /// The newest version of a launch template, whose id we keep as `lt-…/VERSION`.
    Version,
    /// The last word of an ARN: a cluster's name, which CloudFormation's `Ref` is.
    ClusterName,
    /// The last word of an ARN: a service's name.
    Name,
    /// `app/NAME/ID`, the dimension of metrics.
    LoadBalancerFullName,
    /// `targetgroup/NAME/ID`
    TargetGroupFullName,
}

impl Ref {
    pub fn to(logical: &str) -> Self {
        Self::To(logical.to_owned(), Part::Id)
    }

    pub fn group(logical: &str) -> Self {
        Self::To(logical.to_owned(), Part::GroupId)
    }

    pub fn part(logical: &str, part: Part) -> Self {
        Self::To(logical.to_owned(), part)
    }

    pub fn logical(&self) -> Option<&str> {
        match self {
            Self::To(logical, _) => Some(logical),
            Self::Id(_) => None,
        }
    }
}

impl Serialize for Ref {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Id(id) => serializer.serialize_str(id),
            Self::To(logical, part) => {
                let attribute = match part {
                    Part::Id | Part::Whole | Part::ClusterName => None,
                    Part::GroupId => Some("GroupId"),
                    Part::Name => Some("Name"),
                    Part::Version => Some("LatestVersionNumber"),
                    Part::LoadBalancerFullName => Some("LoadBalancerFullName"),
                    Part::TargetGroupFullName => Some("TargetGroupFullName"),
                };
                let mut map = serializer.serialize_map(Some(1))?;
                match attribute {
                    None => map.serialize_entry("Ref", logical)?,
                    Some(attribute) => map.serialize_entry("Fn::GetAtt", &[logical.as_str(), attribute])?,
                }
                map.end()
            }
        }
    }
}

/// What each resource that exists is to AWS.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ids(BTreeMap<Logical, String>);

impl Ids {
    pub fn insert(&mut self, logical: &str, id: impl Into<String>) {
        self.0.insert(logical.to_owned(), id.into());
    }

    pub fn get(&self, logical: &str) -> Option<&str> {
        self.0.get(logical).map(String::as_str)
    }

    /// Whether one of them has this id.
    pub fn has(&self, id: &str) -> bool {
        self.0.values().any(|known| part_of(known, Part::Id) == id)
    }

    pub fn remove(&mut self, logical: &str) {
        self.0.remove(logical);
    }

    /// What AWS is to be told.
    pub fn resolve(&self, reference: &Ref) -> Option<String> {
        match reference {
            Ref::Id(id) => Some(id.clone()),
            Ref::To(logical, part) => self.get(logical).map(|id| part_of(id, *part).to_owned()),
        }
    }

    /// A launch template's version: the newest, or `lt-…:VERSION`.
    pub fn version(&self, template: &str, version: &str) -> Ref {
        match self.reference(&format!("{template}/{version}"), Part::Whole) {
            Ref::To(logical, _) => Ref::To(logical, Part::Version),
            Ref::Id(_) => Ref::Id(version.to_owned()),
        }
    }

    /// The reference that AWS's `id` stands for.
    pub fn reference(&self, id: &str, part: Part) -> Ref {
        let found = self.0.iter().find(|(_, known)| part_of(known, part) == id);
        found.map_or_else(|| Ref::Id(id.to_owned()), |(logical, _)| Ref::To(logical.clone(), part))
    }
}

/// Full names are the tails of ARNs.
fn part_of(id: &str, part: Part) -> &str {
    match part {
        Part::Id if id.starts_with("lt-") => id.split_once('/').map_or(id, |(id, _)| id),
        Part::Id | Part::Whole | Part::GroupId => id,
        Part::Version => id.split_once('/').map_or(id, |(_, version)| version),
        Part::ClusterName => id.split_once(":cluster/").map_or("", |(_, name)| name),
        Part::Name => {
            let name = id.split_once(":service/").and_then(|(_, path)| path.rsplit_once('/'));
            name.map_or("", |(_, name)| name)
        }
        Part::LoadBalancerFullName => id.split_once("loadbalancer/").map_or(id, |(_, name)| name),
        Part::TargetGroupFullName => id.find("targetgroup/").map_or(id, |at| &id[at..]),
    }
}

/// `[{Key, Value}, …]`, in order of the keys.
pub(super) fn pairs<S: Serializer>(map: &BTreeMap<String, String>, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Pair<'a> {
        key: &'a str,
        value: &'a str,
    }
    let mut list = serializer.serialize_seq(Some(map.len()))?;
    for (key, value) in map {
        list.serialize_element(&Pair { key, value })?;
    }
    list.end()
}

/// `[{Name, Value}, …]`, in order of the names.
pub(super) fn dimensions<V: Serialize, S: Serializer>(
    map: &BTreeMap<String, V>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Pair<'a, V> {
        name: &'a str,
        value: &'a V,
    }
    let mut list = serializer.serialize_seq(Some(map.len()))?;
    for (name, value) in map {
        list.serialize_element(&Pair { name, value })?;
    }
    list.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_found_again() {
        let mut ids = Ids::default();
        let arn = "arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/app/todo/50dc";
        ids.insert("LoadBalancer", arn);
        assert_eq!(ids.resolve(&Ref::to("LoadBalancer")).as_deref(), Some(arn));
        let name = Ref::part("LoadBalancer", Part::LoadBalancerFullName);
        assert_eq!(ids.resolve(&name).as_deref(), Some("app/todo/50dc"));
        assert_eq!(ids.reference("app/todo/50dc", Part::LoadBalancerFullName), name);
        assert_eq!(
            ids.reference("app/other/1", Part::LoadBalancerFullName),
            Ref::Id("app/other/1".to_owned())
        );
    }
}
