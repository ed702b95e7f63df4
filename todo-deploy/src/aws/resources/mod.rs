//! One file per kind of resource: its value as we want or find it, how it is found, and the calls that make, change
//! and delete it.
//!
//! A value serializes to what CloudFormation calls the resource's properties. That one shape is what `plan` compares,
//! what `--format cloudformation` prints and, field by field, what the calls send.

pub(super) mod alarm;
pub(super) mod attributes;
pub(super) mod cluster;
pub(super) mod database;
pub(super) mod group;
pub(super) mod launch_template;
pub(super) mod listener;
pub(super) mod load_balancer;
pub(super) mod log_group;
pub(super) mod metric;
pub(super) mod parameter;
pub(super) mod policy;
pub(super) mod rollout;
pub(super) mod scalable_target;
pub(super) mod security_group;
pub(super) mod service;
pub(super) mod subnet_group;
pub(super) mod target_group;
pub(super) mod task_definition;
pub(super) mod tracking;

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::clients::Cloud;
use super::failure::Failure;
use super::names::Names;
use super::value::{Ids, Ref};

/// What calls are made with.
#[derive(Debug, Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) cloud: &'a Cloud,
    pub(super) names: &'a Names,
    pub(super) ids: &'a Ids,
    /// The id of the resource itself, where it is there.
    pub(super) own: Option<&'a str>,
}

impl At<'_> {
    /// The id behind a reference; what it depends on was made before it.
    pub(super) fn id(&self, call: Call, reference: &Ref) -> Result<String, Failure> {
        let missing = || reference.logical().unwrap_or("id").to_owned();
        self.ids.resolve(reference).ok_or_else(|| Failure::incomplete(call, &missing()))
    }

    /// The id of the resource itself.
    pub(super) fn own(&self, call: Call) -> Result<&str, Failure> {
        self.own.ok_or_else(|| Failure::incomplete(call, "resource"))
    }

    pub(super) fn all(&self, call: Call, references: &[Ref]) -> Result<Vec<String>, Failure> {
        references.iter().map(|reference| self.id(call, reference)).collect()
    }
}

/// A call, as IAM writes it: `ec2:CreateSecurityGroup`.
pub type Call = &'static str;

/// A resource that is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    pub resource: Resource,
    pub id: String,
    /// Whether it carries our tags; a resource that does not is never touched.
    pub ours: bool,
}

/// What one kind of resource knows of itself.
pub(super) trait Kind: Serialize + PartialEq + Sized {
    /// CloudFormation's name of the kind.
    const TYPE: &'static str;

    /// What it is called in the account.
    fn name(&self) -> String;

    /// Fields that AWS cannot change: a difference in one of them means a new resource.
    const FIXED: &'static [&'static str] = &[];

    /// The calls that make this of what is there, in order; none when nothing differs.
    fn calls(&self, have: Option<&Self>) -> Vec<Call>;

    /// Sends one of them. Returns the resource's id where the call made or changed it.
    async fn send(&self, call: Call, have: Option<&Self>, at: At<'_>) -> Result<Option<String>, Failure>;

    /// The calls that remove it, in order.
    fn removal(&self) -> Vec<Call>;

    /// Sends one of them; [`super::failure::Kind::NotFound`] counts as done.
    async fn remove(&self, call: Call, id: &str, at: At<'_>) -> Result<(), Failure>;

    /// Whether it is gone for good: what AWS only marks as leaving still holds others.
    async fn is_gone(&self, _id: &str, _at: At<'_>) -> Result<bool, Failure> {
        Ok(true)
    }

    /// What it waits for, while it is made: `None` once others can use it.
    async fn is_pending(&self, _id: &str, _at: At<'_>) -> Result<Option<String>, Failure> {
        Ok(None)
    }
}

/// Makes the enum of all kinds, and what hands a call on to the kind inside.
macro_rules! kinds {
    ($($kind:ident: $type:ty,)*) => {
        /// A resource as it should be or as it is.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(untagged)]
        pub enum Resource {
            $($kind(Box<$type>),)*
        }

        $(
            impl From<$type> for Resource {
                fn from(value: $type) -> Self {
                    Self::$kind(Box::new(value))
                }
            }
        )*

        impl Resource {
            /// CloudFormation's name of the kind.
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$kind(_) => <$type as Kind>::TYPE,)* }
            }

            /// What it is called in the account.
            pub fn name(&self) -> String {
                match self { $(Self::$kind(value) => value.name(),)* }
            }

            pub(super) fn fixed(&self) -> &'static [&'static str] {
                match self { $(Self::$kind(_) => <$type as Kind>::FIXED,)* }
            }

            /// The calls that make this of what is there, in order.
            pub fn calls(&self, have: Option<&Self>) -> Vec<Call> {
                match (self, have) {
                    $((Self::$kind(want), Some(Self::$kind(have))) => want.calls(Some(have)),)*
                    $((Self::$kind(want), _) => want.calls(None),)*
                }
            }

            pub(super) async fn send(
                &self,
                call: Call,
                have: Option<&Self>,
                at: At<'_>,
            ) -> Result<Option<String>, Failure> {
                match (self, have) {
                    $((Self::$kind(want), Some(Self::$kind(have))) => want.send(call, Some(have), at).await,)*
                    $((Self::$kind(want), _) => want.send(call, None, at).await,)*
                }
            }

            /// The calls that remove it, in order.
            pub fn removal(&self) -> Vec<Call> {
                match self { $(Self::$kind(value) => value.removal(),)* }
            }

            pub(super) async fn remove(&self, call: Call, id: &str, at: At<'_>) -> Result<(), Failure> {
                match self { $(Self::$kind(value) => value.remove(call, id, at).await,)* }
            }

            pub(super) async fn is_gone(&self, id: &str, at: At<'_>) -> Result<bool, Failure> {
                match self { $(Self::$kind(value) => value.is_gone(id, at).await,)* }
            }

            pub(super) async fn is_pending(&self, id: &str, at: At<'_>) -> Result<Option<String>, Failure> {
                match self { $(Self::$kind(value) => value.is_pending(id, at).await,)* }
            }
        }
    };
}

kinds! {
    SecurityGroup: security_group::SecurityGroup,
    TargetGroup: target_group::TargetGroup,
    LoadBalancer: load_balancer::LoadBalancer,
    Listener: listener::Listener,
    LogGroup: log_group::LogGroup,
    SubnetGroup: subnet_group::SubnetGroup,
    Database: database::Database,
    Parameter: parameter::Parameter,
    LaunchTemplate: launch_template::LaunchTemplate,
    Group: group::Group,
    Rollout: rollout::Rollout,
    Policy: policy::Policy,
    Alarm: alarm::Alarm,
    Cluster: cluster::Cluster,
    TaskDefinition: task_definition::TaskDefinition,
    Service: service::Service,
    ScalableTarget: scalable_target::ScalableTarget,
    Tracking: tracking::Tracking,
}

impl Resource {
    /// CloudFormation's properties.
    pub fn properties(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// What must be there before it: the resources that its properties refer to.
    pub fn needs(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        references(&self.properties(), &mut found);
        found
    }
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            let target = match (map.get("Ref"), map.get("Fn::GetAtt")) {
                (Some(target), _) => Some(target),
                (_, Some(parts)) => parts.get(0),
                _ => None,
            };
            match target.and_then(Value::as_str) {
                Some(target) => drop(found.insert(target.to_owned())),
                None => map.values().for_each(|value| references(value, found)),
            }
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The call for a kind that one call makes and one changes; none when nothing differs.
pub(super) fn made_or_changed<T: PartialEq>(
    want: &T,
    have: Option<&T>,
    make: Call,
    change: Call,
) -> Vec<Call> {
    match have {
        None => vec![make],
        Some(have) if have != want => vec![change],
        Some(_) => Vec::new(),
    }
}

/// A call that this kind does not have; a slip of ours, told as such.
pub(super) fn no_such(call: Call) -> Failure {
    Failure::incomplete(call, "implementation")
}
