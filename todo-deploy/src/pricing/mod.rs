//! What things cost and what an instance type is: dated tables, overridable by the user.

mod cost;
mod instance_types;
mod prices;

pub use cost::{Bill, Traffic, Use, alarms, bill, unpriced};
pub use instance_types::{
    InstanceType, instance_burst, instance_memory_mib, instance_type, instance_types, instance_vcpus,
};
pub use prices::Prices;
