//! What Application Auto Scaling may scale: the service's desired count, between these limits.

use aws_sdk_applicationautoscaling::types::{ScalableDimension, ServiceNamespace};
use serde::{Serialize, Serializer};
use serde_json::json;

use super::{At, Call, Found, Kind, no_such};
use crate::aws::failure::{Absent as _, Failure, of};
use crate::aws::render::{CLUSTER, SERVICE};

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ScalableTarget {
    pub service_namespace: &'static str,
    pub scalable_dimension: &'static str,
    pub resource_id: ServiceId,
    pub min_capacity: i32,
    pub max_capacity: i32,
}

/// `service/CLUSTER/SERVICE`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceId(pub String);

impl Serialize for ServiceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let parts = json!(["service", { "Ref": CLUSTER }, { "Fn::GetAtt": [SERVICE, "Name"] }]);
        json!({ "Fn::Join": ["/", parts] }).serialize(serializer)
    }
}

pub(super) const NAMESPACE: ServiceNamespace = ServiceNamespace::Ecs;
pub(super) const DIMENSION: ScalableDimension = ScalableDimension::EcsServiceDesiredCount;

const REGISTER: Call = "application-autoscaling:RegisterScalableTarget";
const DEREGISTER: Call = "application-autoscaling:DeregisterScalableTarget";
const DESCRIBE: Call = "application-autoscaling:DescribeScalableTargets";

impl Kind for ScalableTarget {
    const TYPE: &'static str = "AWS::ApplicationAutoScaling::ScalableTarget";

    fn name(&self) -> String {
        self.resource_id.0.clone()
    }

    fn calls(&self, have: Option<&Self>) -> Vec<Call> {
        if have == Some(self) { Vec::new() } else { vec![REGISTER] }
    }

    async fn send(&self, call: Call, _have: Option<&Self>, at: At<'_>) -> Result<Option<String>, Failure> {
        if call != REGISTER {
            return Err(no_such(call));
        }
        let request = at.cloud.scaling.register_scalable_target().resource_id(&self.resource_id.0);
        let request = request.service_namespace(NAMESPACE).scalable_dimension(DIMENSION);
        let request = request.min_capacity(self.min_capacity).max_capacity(self.max_capacity);
        request.send().await.map_err(of(call))?;
        Ok(Some(self.resource_id.0.clone()))
    }

    /// Its policies, and their alarms, go with it.
    fn removal(&self) -> Vec<Call> {
        vec![DEREGISTER]
    }

    async fn remove(&self, call: Call, id: &str, at: At<'_>) -> Result<(), Failure> {
        let request = at.cloud.scaling.deregister_scalable_target().resource_id(id);
        let request = request.service_namespace(NAMESPACE).scalable_dimension(DIMENSION);
        request.send().await.map_err(of(call))?;
        Ok(())
    }
}

/// The target of this service. It is ours when the service's name is: only one can exist for it.
pub(in crate::aws) async fn find(service: &str, at: At<'_>) -> Result<Option<Found>, Failure> {
    let request = at.cloud.scaling.describe_scalable_targets().service_namespace(NAMESPACE);
    let request = request.resource_ids(service).scalable_dimension(DIMENSION);
    let found = request.send().await.map_err(of(DESCRIBE)).absent()?;
    let targets = found.and_then(|found| found.scalable_targets).unwrap_or_default();
    Ok(targets.first().map(|target| {
        let value = ScalableTarget {
            service_namespace: "ecs",
            scalable_dimension: "ecs:service:DesiredCount",
            resource_id: ServiceId(service.to_owned()),
            min_capacity: target.min_capacity(),
            max_capacity: target.max_capacity(),
        };
        Found { resource: value.into(), id: service.to_owned(), ours: true }
    }))
}
