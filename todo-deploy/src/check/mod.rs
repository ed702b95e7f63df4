//! What in a deployment will surprise its owner: each trap with its reason and a remedy of one line.
//!
//! The traps are those of the practical (its findings are numbered in the comments of the checks) and of the
//! provider's own defaults. A warning is no error: the deployment is valid, and sometimes it is meant so.

mod by_default;
mod capacity;
mod health;
mod load;
mod network;
mod policies;

use serde::Serialize;

use crate::deployment::{Defaults, Deployment, Target};
use crate::simulate::Plan;

/// One trap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// A name that does not change, for scripts.
    pub id: &'static str,
    /// The field that makes the trap.
    pub field: String,
    /// What will happen.
    pub what: String,
    /// Why it happens.
    pub why: String,
    /// What to do about it, in one line.
    pub remedy: String,
    /// Where nothing but our decided defaults makes the trap: why they are so, and when to change them.
    pub by_default: Option<&'static str>,
}

/// Every trap that this deployment walks into under this load.
pub fn check(deployment: &Deployment, target: Target, plan: &Plan) -> Vec<Warning> {
    let mut warnings = traps(deployment, target, plan);
    let defaults = Deployment::default_for(Defaults::of(target));
    by_default::explain(&mut warnings, &traps(&defaults, target, &Plan::practical()));
    warnings
}

fn traps(deployment: &Deployment, target: Target, plan: &Plan) -> Vec<Warning> {
    let subject = Subject { deployment, target, plan };
    let mut warnings = Vec::new();
    load::check(&subject, &mut warnings);
    health::check(&subject, &mut warnings);
    policies::check(&subject, &mut warnings);
    capacity::check(&subject, &mut warnings);
    network::check(&subject, &mut warnings);
    warnings
}

struct Subject<'a> {
    deployment: &'a Deployment,
    target: Target,
    plan: &'a Plan,
}

fn warning(id: &'static str, field: &str, what: String, why: &str, remedy: String) -> Warning {
    Warning { id, field: field.to_owned(), what, why: why.to_owned(), remedy, by_default: None }
}

#[cfg(test)]
mod tests;
