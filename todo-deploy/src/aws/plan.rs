//! What has to change: the desired resources compared with those that are there. Pure.

mod difference;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

pub use self::difference::Attribute;
use self::difference::difference;
use super::observe::Observed;
use super::render::{self, State};
use super::resources::{Call, Resource};
use super::value::{Logical, Part, Ref};

/// Everything that has to change, and what stays.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Plan {
    pub changes: Vec<Change>,
    /// Resources that are as they should be.
    pub unchanged: usize,
    /// What is there, not wanted, and kept all the same: the database, which holds data.
    pub kept: Vec<String>,
}

/// One resource that has to change.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    pub logical: Logical,
    pub action: Action,
    /// CloudFormation's name of the kind.
    pub kind: &'static str,
    pub name: String,
    pub attributes: Vec<Attribute>,
    /// The calls that will be made, as IAM writes them.
    pub calls: Vec<Call>,
    #[serde(skip)]
    pub have: Option<Resource>,
    #[serde(skip)]
    pub want: Option<Resource>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    Create,
    Update,
    /// Removed and made anew: AWS cannot change what differs, or it stands on something of which that is so.
    Replace,
    Delete,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error(
        "{kind} `{name}` is there and is not ours: it lacks the tags {tag}={deployment} and {target}, or belongs to the \
         other of ec2 and ecs. Nothing was changed. Choose another name for the deployment (--name), or remove it first",
        tag = super::names::TAG,
        target = super::names::TARGET_TAG
    )]
    Foreign { kind: &'static str, name: String, deployment: String },
    #[error(
        "this would replace the database, which holds data ({why}). Take a snapshot, then `down --delete-database`, or undo \
         the change"
    )]
    Database { why: String },
}

/// What the database is made of: kept while nobody says otherwise.
pub const KEPT: [&str; 5] = [
    render::DATABASE,
    render::DATABASE_GROUP,
    render::DATABASE_PASSWORD,
    render::DATABASE_URL,
    render::SUBNET_GROUP,
];

impl Plan {
    /// The plan without what a new or removed resource is in detail: what `up` shows before it begins.
    pub fn brief(&self) -> Self {
        let mut brief = self.clone();
        for change in brief.changes.iter_mut().filter(|change| change.action != Action::Update) {
            change.attributes.clear();
        }
        brief
    }
}

/// What has to change so that AWS has what is desired.
pub fn plan(desired: &State, observed: &Observed, deployment: &str) -> Result<Plan, Refused> {
    let mut have: BTreeMap<&Logical, Resource> = BTreeMap::new();
    for (logical, found) in &observed.found {
        let want = desired.get(logical);
        let elsewhere = want.is_some_and(|want| is_elsewhere(want, &found.resource));
        match (found.ours, want) {
            (true, _) => drop(have.insert(logical, found.resource.clone())),
            (false, Some(_)) if elsewhere => {}
            (false, Some(want)) => {
                let (kind, name) = (want.kind(), want.name());
                return Err(Refused::Foreign { kind, name, deployment: deployment.to_owned() });
            }
            (false, None) => {}
        }
    }
    follow_template(desired, observed, &mut have);
    let replaced = replaced(desired, &have)?;
    let mut plan = Plan { changes: Vec::new(), unchanged: 0, kept: Vec::new() };
    for (logical, want) in desired {
        let have = have.get(logical);
        let is_replaced = replaced.contains(logical);
        let calls = match have {
            Some(have) if is_replaced => [have.removal(), want.calls(None)].concat(),
            have => want.calls(have),
        };
        let action = match have {
            None => Action::Create,
            Some(_) if is_replaced => Action::Replace,
            Some(_) => Action::Update,
        };
        if calls.is_empty() {
            plan.unchanged += 1;
        } else {
            plan.changes.push(change(logical, action, have, Some(want), calls));
        }
    }
    for (logical, have) in have.iter().filter(|(logical, _)| !desired.contains_key(**logical)) {
        if KEPT.contains(&logical.as_str()) {
            plan.kept.push(format!("{} `{}`", have.kind(), have.name()));
        } else if !have.removal().is_empty() {
            plan.changes.push(change(logical, Action::Delete, Some(have), None, have.removal()));
        }
    }
    Ok(plan)
}

/// What has to go so that nothing of ours is left; the database only where asked.
pub fn removal(observed: &Observed, delete_database: bool) -> Plan {
    let mut plan = Plan { changes: Vec::new(), unchanged: 0, kept: Vec::new() };
    let has_database = observed.found.get(render::DATABASE).is_some_and(|found| found.ours);
    for (logical, found) in observed.found.iter().filter(|(_, found)| found.ours) {
        let have = &found.resource;
        if KEPT.contains(&logical.as_str()) && has_database && !delete_database {
            plan.kept.push(format!("{} `{}`", have.kind(), have.name()));
            if let Some(change) = detached(logical, have) {
                plan.changes.push(change);
            }
        } else if !have.removal().is_empty() {
            plan.changes.push(change(logical, Action::Delete, Some(have), None, have.removal()));
        }
    }
    plan
}

/// A kept database's group must let go of the service's group, which cannot be deleted while a rule names it.
fn detached(logical: &str, have: &Resource) -> Option<Change> {
    let Resource::SecurityGroup(group) = have else { return None };
    let mut closed = (**group).clone();
    closed.security_group_ingress.clear();
    let want = Resource::from(closed);
    let calls = want.calls(Some(have));
    (!calls.is_empty()).then(|| change(logical, Action::Update, Some(have), Some(&want), calls))
}

fn change(
    logical: &str,
    action: Action,
    have: Option<&Resource>,
    want: Option<&Resource>,
    calls: Vec<Call>,
) -> Change {
    let of = want.or(have);
    Change {
        logical: logical.to_owned(),
        action,
        kind: of.map_or("", Resource::kind),
        name: of.map(Resource::name).unwrap_or_default(),
        attributes: difference(have, want),
        calls,
        have: have.cloned(),
        want: want.cloned(),
    }
}

/// Names of security groups are per VPC: one elsewhere is no obstacle.
fn is_elsewhere(want: &Resource, have: &Resource) -> bool {
    match (want, have) {
        (Resource::SecurityGroup(want), Resource::SecurityGroup(have)) => want.vpc_id != have.vpc_id,
        _ => false,
    }
}

/// A template or task definition about to get a new version leaves behind what names the old one: the group and its
/// instances, the service.
fn follow_template(desired: &State, observed: &Observed, have: &mut BTreeMap<&Logical, Resource>) {
    let changes = |logical: &str| {
        let logical = logical.to_owned();
        let (want, now) = (desired.get(&logical)?, have.get(&logical)?);
        (!want.calls(Some(now)).is_empty()).then_some(())
    };
    let template = changes(render::LAUNCH_TEMPLATE).is_some();
    let definition = changes(render::TASK_DEFINITION).is_some();
    let now = |logical: &str, part| observed.ids.resolve(&Ref::part(logical, part)).unwrap_or_default();
    for resource in have.values_mut() {
        match resource {
            Resource::Group(group) if template => {
                group.outdated = observed.instances;
                if matches!(group.launch_template.version, Ref::To(..)) {
                    group.launch_template.version = Ref::Id(now(render::LAUNCH_TEMPLATE, Part::Version));
                }
            }
            Resource::Rollout(rollout) if template => rollout.outdated_instances = observed.instances,
            Resource::Service(service) if definition => {
                if matches!(service.task_definition, Ref::To(..)) {
                    service.task_definition = Ref::Id(now(render::TASK_DEFINITION, Part::Id));
                }
            }
            _ => {}
        }
    }
}

/// What AWS cannot change, and everything that stands on it.
fn replaced(desired: &State, have: &BTreeMap<&Logical, Resource>) -> Result<BTreeSet<Logical>, Refused> {
    let mut found = BTreeSet::new();
    let mut why = String::new();
    for (logical, want) in desired {
        let Some(have) = have.get(logical) else { continue };
        let fixed = want.fixed();
        let root = |path: &str| path.split('.').next().unwrap_or_default().to_owned();
        let differs = |one: &Attribute| fixed.contains(&root(&one.path).as_str());
        if let Some(attribute) = difference(Some(have), Some(want)).into_iter().find(differs) {
            why = format!("{logical}: {} differs", attribute.path);
            found.insert(logical.clone());
        }
    }
    loop {
        let before = found.len();
        for (logical, resource) in have.iter().filter(|(logical, _)| desired.contains_key(**logical)) {
            if needs(logical, resource).iter().any(|needed| found.contains(needed)) {
                found.insert((*logical).clone());
            }
        }
        if found.len() == before {
            break;
        }
    }
    match found.contains(render::DATABASE) {
        true => Err(Refused::Database { why }),
        false => Ok(found),
    }
}

/// What must be there before a resource: what its properties refer to, and what its instances need when they boot.
pub(super) fn needs(logical: &str, resource: &Resource) -> BTreeSet<Logical> {
    let mut needs = resource.needs();
    if matches!(resource, Resource::Group(_) | Resource::Service(_)) {
        needs.extend(render::ec2::BOOT_NEEDS.map(str::to_owned));
    }
    needs.remove(logical);
    needs
}

#[cfg(test)]
mod tests;
