//! ECS clusters: the room that a service's tasks run in.

use aws_sdk_ecs::types::{ClusterField, Tag};
use serde::Serialize;

use super::{At, Call, Found, Kind, no_such};
use crate::aws::failure::{Absent as _, Failure, of};
use crate::aws::names::Names;

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Cluster {
    pub cluster_name: String,
}

const CREATE: Call = "ecs:CreateCluster";
const DELETE: Call = "ecs:DeleteCluster";
const DESCRIBE: Call = "ecs:DescribeClusters";

impl Kind for Cluster {
    const TYPE: &'static str = "AWS::ECS::Cluster";

    fn name(&self) -> String {
        self.cluster_name.clone()
    }

    fn calls(&self, have: Option<&Self>) -> Vec<Call> {
        if have.is_none() { vec![CREATE] } else { Vec::new() }
    }

    async fn send(&self, call: Call, _have: Option<&Self>, at: At<'_>) -> Result<Option<String>, Failure> {
        if call != CREATE {
            return Err(no_such(call));
        }
        let request = at.cloud.ecs.create_cluster().cluster_name(&self.cluster_name);
        let made = request.set_tags(Some(tags(at.names))).send().await.map_err(of(call))?;
        Ok(made.cluster.and_then(|cluster| cluster.cluster_arn))
    }

    fn removal(&self) -> Vec<Call> {
        vec![DELETE]
    }

    async fn remove(&self, call: Call, id: &str, at: At<'_>) -> Result<(), Failure> {
        at.cloud.ecs.delete_cluster().cluster(id).send().await.map_err(of(call))?;
        Ok(())
    }
}

pub(super) fn tags(names: &Names) -> Vec<Tag> {
    names.tags().map(|(key, value)| Tag::builder().key(key).value(value).build()).into()
}

pub(super) fn is_ours(tags: &[Tag], at: At<'_>) -> bool {
    at.names.owns(tags.iter().filter_map(|tag| Some((tag.key()?, tag.value()?))))
}

/// The cluster of this name; a deleted one stays visible as inactive for a while.
pub(in crate::aws) async fn find(name: &str, at: At<'_>) -> Result<Option<Found>, Failure> {
    let request = at.cloud.ecs.describe_clusters().clusters(name).include(ClusterField::Tags);
    let found = request.send().await.map_err(of(DESCRIBE)).absent()?;
    let clusters = found.and_then(|found| found.clusters).unwrap_or_default();
    let cluster = clusters.into_iter().find(|cluster| cluster.status() == Some("ACTIVE"));
    Ok(cluster.map(|cluster| Found {
        ours: is_ours(cluster.tags(), at),
        id: cluster.cluster_arn.unwrap_or_default(),
        resource: Cluster { cluster_name: name.to_owned() }.into(),
    }))
}
