//! What things cost and what an instance type is: dated tables, overridable by the user.

mod instance_types;

pub use instance_types::{InstanceType, instance_type, instance_types};
