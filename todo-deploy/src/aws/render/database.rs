//! A database of our own: only the service's group reaches it, and its URL is a parameter that the service reads.

use super::{DATABASE, DATABASE_GROUP, DATABASE_PASSWORD, DATABASE_URL, SUBNET_GROUP, State};
use crate::aws::names::Names;
use crate::aws::resources::database::Database;
use crate::aws::resources::parameter::{Content, Parameter};
use crate::aws::resources::subnet_group::SubnetGroup;
use crate::aws::site::Site;
use crate::aws::value::Ref;
use crate::deployment::{DatabaseSource, Deployment};

/// As in the practical.
const USER: &str = "todo";
const NAME: &str = "todo";
pub(in crate::aws) const STORAGE_TYPE: &str = "gp2";

pub(super) fn add(deployment: &Deployment, site: &Site, names: &Names, state: &mut State) {
    if deployment.database.source != DatabaseSource::Create {
        return;
    }
    let subnets = SubnetGroup {
        name: names.subnet_group(),
        description: "TaskOverflow database".to_owned(),
        subnets: site.spread.clone(),
    };
    let database = Database {
        identifier: names.database(),
        engine: "postgres".to_owned(),
        class: deployment.aws.database_class.clone(),
        allocated_storage: deployment.aws.database_storage_gb.to_string(),
        storage_type: STORAGE_TYPE.to_owned(),
        storage_encrypted: true,
        database: NAME.to_owned(),
        master_username: USER.to_owned(),
        password: Ref::to(DATABASE_PASSWORD),
        subnet_group: Ref::to(SUBNET_GROUP),
        security_groups: [Ref::group(DATABASE_GROUP)].into(),
        publicly_accessible: false,
        backup_retention_period: 1,
        copy_tags_to_snapshot: true,
    };
    state.insert(SUBNET_GROUP.to_owned(), subnets.into());
    state.insert(DATABASE.to_owned(), database.into());
    for (logical, parameter) in parameters(names) {
        state.insert(logical.to_owned(), parameter.into());
    }
}

/// The password, and the URL with it.
pub(in crate::aws) fn parameters(names: &Names) -> [(&'static str, Parameter); 2] {
    let secure = |name: &str, value| Parameter { name: names.parameter(name), kind: "SecureString", value };
    let url = Content::Url {
        database: Ref::to(DATABASE),
        password: Ref::to(DATABASE_PASSWORD),
        user: USER.to_owned(),
        name: NAME.to_owned(),
    };
    [
        (DATABASE_PASSWORD, secure("database-password", Content::Password)),
        (DATABASE_URL, secure("database-url", url)),
    ]
}
