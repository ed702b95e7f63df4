//! What is wanted: one value that AWS, the local machine and the simulator all read.
//!
//! A [`Spec`] is the plain description, field for field the TOML file. A [`Deployment`] is a `Spec` that was
//! checked: there is no other way to make one, so nothing behind this module can meet an invalid one. What only
//! one target can honour stands in its own table ([`Aws`], [`Local`]).

pub mod alarm;
pub mod balancer;
mod defaults;
pub mod duration;
pub mod health;
mod manual;
mod overrides;
mod parse;
pub mod request;
pub mod scaling;
pub mod service;
pub mod targets;
mod validate;

use std::ops::Deref;

use serde::{Deserialize, Serialize};

pub use alarm::{Alarm, Comparison, Condition, Metric, MissingData, Statistic};
pub use balancer::{Algorithm, BalancerKind, HashKey, Listener, LoadBalancer, Protocol, Stickiness};
pub use defaults::Defaults;
pub use health::{HealthCheck, Matcher};
pub use manual::manual;
pub(crate) use parse::first_line;
pub use parse::{Mistake, Mistakes};
pub use request::RequestPattern;
pub use scaling::{
    AdjustmentKind, Capacity, Policy, Scaling, SimplePolicy, Step, StepPolicy, TargetTracking,
};
pub use service::{Database, DatabaseSource, SecretRef, Service};
pub use targets::{Aws, CooldownBase, CustomMetric, LoadEnds, Local, Model, Target};

/// A checked description. Read its fields through [`Spec`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Deployment(Spec);

impl Deref for Deployment {
    type Target = Spec;
    fn deref(&self) -> &Spec {
        &self.0
    }
}

/// The description as it is written, not yet checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Prefix of everything that is created. The practical: `todo`.
    pub name: String,
    pub service: Service,
    pub database: Database,
    pub load_balancer: LoadBalancer,
    pub health_check: HealthCheck,
    pub capacity: Capacity,
    pub scaling: Scaling,
    pub aws: Aws,
    pub local: Local,
    pub model: Model,
}
