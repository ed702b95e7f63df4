//! Who may reach whom: the world the balancer, the balancer the service, the service the database.

use std::collections::BTreeSet;

use super::{BALANCER_GROUP, DATABASE_GROUP, LOG_GROUP, SERVICE_GROUP, State};
use crate::aws::names::Names;
use crate::aws::resources::log_group::LogGroup;
use crate::aws::resources::security_group::{Rule, SecurityGroup};
use crate::aws::site::Site;
use crate::aws::value::Ref;
use crate::deployment::{DatabaseSource, Deployment};

/// Port of PostgreSQL.
const POSTGRES: u16 = 5432;

/// Days after which logs go: they cost money and the lab's accounts are wiped anyway.
const LOG_DAYS: i32 = 14;

pub(super) fn add(deployment: &Deployment, site: &Site, names: &Names, state: &mut State) {
    let group = |name: String, description: &str, rules: BTreeSet<Rule>| SecurityGroup {
        group_name: name,
        group_description: description.to_owned(),
        vpc_id: site.vpc.clone(),
        security_group_ingress: rules,
    };
    let entrances = deployment.load_balancer.listeners.iter().map(|listener| Rule::world(listener.port));
    // The practical's descriptions: a group's cannot be changed once it is there.
    let description = "TaskOverflow Security Group";
    let balancer = group(names.balancer(), description, entrances.collect());
    let port = deployment.service.port;
    let open = &deployment.aws.open_to_world;
    let inside = Rule::from_group(port, Ref::group(BALANCER_GROUP));
    let inside = (!open.contains(&port)).then_some(inside);
    let rules = open.iter().map(|port| Rule::world(*port)).chain(inside);
    let service = group(names.service(), description, rules.collect());
    state.insert(BALANCER_GROUP.to_owned(), balancer.into());
    state.insert(SERVICE_GROUP.to_owned(), service.into());
    if deployment.database.source == DatabaseSource::Create {
        let rules = [Rule::from_group(POSTGRES, Ref::group(SERVICE_GROUP))].into();
        let database = group(names.database_group(), "TaskOverflow database", rules);
        state.insert(DATABASE_GROUP.to_owned(), database.into());
    }
    let logs = LogGroup { log_group_name: names.log_group(), retention_in_days: LOG_DAYS };
    state.insert(LOG_GROUP.to_owned(), logs.into());
}
