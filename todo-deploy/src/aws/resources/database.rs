//! An RDS instance of PostgreSQL, whose password is a parameter of ours: RDS's own managed password rotates every
//! seven days and disappears with the database.

use std::collections::BTreeSet;

use serde::Serialize;

use super::subnet_group::{is_ours, tags};
use super::{At, Call, Found, Kind, made_or_changed, no_such};
use crate::aws::failure::{Absent as _, Failure, of};
use crate::aws::value::{Part, Ref};

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Database {
    #[serde(rename = "DBInstanceIdentifier")]
    pub identifier: String,
    pub engine: String,
    #[serde(rename = "DBInstanceClass")]
    pub class: String,
    /// CloudFormation writes the number as text.
    pub allocated_storage: String,
    pub storage_type: String,
    pub storage_encrypted: bool,
    #[serde(rename = "DBName")]
    pub database: String,
    pub master_username: String,
    /// The parameter that holds the password; never the password.
    #[serde(rename = "MasterUserPassword")]
    pub password: Ref,
    #[serde(rename = "DBSubnetGroupName")]
    pub subnet_group: Ref,
    #[serde(rename = "VPCSecurityGroups")]
    pub security_groups: BTreeSet<Ref>,
    pub publicly_accessible: bool,
    pub backup_retention_period: i32,
    pub copy_tags_to_snapshot: bool,
}

const CREATE: Call = "rds:CreateDBInstance";
const MODIFY: Call = "rds:ModifyDBInstance";
const DELETE: Call = "rds:DeleteDBInstance";
const DESCRIBE: Call = "rds:DescribeDBInstances";

impl Kind for Database {
    const TYPE: &'static str = "AWS::RDS::DBInstance";
    const FIXED: &'static [&'static str] =
        &["DBInstanceIdentifier", "Engine", "DBName", "MasterUsername", "StorageEncrypted"];

    fn name(&self) -> String {
        self.identifier.clone()
    }

    fn calls(&self, have: Option<&Self>) -> Vec<Call> {
        made_or_changed(self, have, CREATE, MODIFY)
    }

    async fn send(&self, call: Call, _have: Option<&Self>, at: At<'_>) -> Result<Option<String>, Failure> {
        let storage = self.allocated_storage.parse().unwrap_or_default();
        let groups: Vec<Ref> = self.security_groups.iter().cloned().collect();
        match call {
            CREATE => {
                let password = super::parameter::value(&at.id(call, &self.password)?, at).await?;
                let request = at.cloud.rds.create_db_instance().db_instance_identifier(&self.identifier);
                let request = request
                    .engine(&self.engine)
                    .db_instance_class(&self.class)
                    .allocated_storage(storage)
                    .storage_type(&self.storage_type)
                    .storage_encrypted(self.storage_encrypted)
                    .db_name(&self.database)
                    .master_username(&self.master_username)
                    .master_user_password(password)
                    .db_subnet_group_name(at.id(call, &self.subnet_group)?)
                    .set_vpc_security_group_ids(Some(at.all(call, &groups)?))
                    .publicly_accessible(self.publicly_accessible)
                    .backup_retention_period(self.backup_retention_period)
                    .copy_tags_to_snapshot(self.copy_tags_to_snapshot)
                    .set_tags(Some(tags(at.names)));
                request.send().await.map_err(of(call))?;
                Ok(Some(self.identifier.clone()))
            }
            MODIFY => {
                let request = at.cloud.rds.modify_db_instance().db_instance_identifier(&self.identifier);
                let request = request
                    .db_instance_class(&self.class)
                    .allocated_storage(storage)
                    .storage_type(&self.storage_type)
                    .set_vpc_security_group_ids(Some(at.all(call, &groups)?))
                    .publicly_accessible(self.publicly_accessible)
                    .backup_retention_period(self.backup_retention_period)
                    .copy_tags_to_snapshot(self.copy_tags_to_snapshot)
                    .apply_immediately(true);
                request.send().await.map_err(of(call))?;
                Ok(None)
            }
            _ => Err(no_such(call)),
        }
    }

    fn removal(&self) -> Vec<Call> {
        vec![DELETE]
    }

    /// With a last snapshot, which is kept and told of.
    async fn remove(&self, call: Call, id: &str, at: At<'_>) -> Result<(), Failure> {
        let Some(found) = describe(id, at).await? else { return Ok(()) };
        if found.db_instance_status() == Some("deleting") {
            return Ok(());
        }
        let request = at.cloud.rds.delete_db_instance().db_instance_identifier(id);
        let request = request.final_db_snapshot_identifier(final_snapshot(&found)).skip_final_snapshot(false);
        request.send().await.map_err(of(call))?;
        Ok(())
    }

    async fn is_gone(&self, id: &str, at: At<'_>) -> Result<bool, Failure> {
        Ok(describe(id, at).await?.is_none())
    }

    async fn is_pending(&self, id: &str, at: At<'_>) -> Result<Option<String>, Failure> {
        let Some(found) = describe(id, at).await? else { return Ok(Some("not visible yet".to_owned())) };
        let status = found.db_instance_status().unwrap_or("creating");
        let usable = status == "available" && endpoint(&found).is_some();
        Ok((!usable).then(|| status.to_owned()))
    }
}

type Instance = aws_sdk_rds::types::DbInstance;

/// A name for the last snapshot that no earlier database of the same name has taken: it carries the instance's own id.
fn final_snapshot(instance: &Instance) -> String {
    let identifier = instance.db_instance_identifier().unwrap_or("db");
    let own = instance.dbi_resource_id().unwrap_or("last").to_ascii_lowercase();
    format!("{identifier}-final-{}", own.trim_start_matches("db-"))
}

async fn describe(id: &str, at: At<'_>) -> Result<Option<Instance>, Failure> {
    let request = at.cloud.rds.describe_db_instances().db_instance_identifier(id);
    let found = request.send().await.map_err(of(DESCRIBE)).absent()?;
    Ok(found.and_then(|found| found.db_instances().first().cloned()))
}

fn endpoint(instance: &Instance) -> Option<String> {
    let endpoint = instance.endpoint()?;
    Some(format!("{}:{}", endpoint.address()?, endpoint.port().unwrap_or(5432)))
}

/// `HOST:PORT`, once there is one.
pub(super) async fn address(id: &str, at: At<'_>) -> Result<Option<String>, Failure> {
    Ok(describe(id, at).await?.as_ref().and_then(endpoint))
}

/// What a look finds.
pub(in crate::aws) enum Sight {
    There(Box<Found>),
    /// Being deleted; its name is not free yet.
    Leaving,
    Nothing,
}

/// The database of this name.
pub(in crate::aws) async fn find(name: &str, at: At<'_>) -> Result<Sight, Failure> {
    let Some(found) = describe(name, at).await? else { return Ok(Sight::Nothing) };
    if found.db_instance_status() == Some("deleting") {
        return Ok(Sight::Leaving);
    }
    let ours = is_ours(found.db_instance_arn().unwrap_or_default(), at).await?;
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let groups = found.vpc_security_groups().iter().filter_map(|group| group.vpc_security_group_id());
    let value = Database {
        identifier: name.to_owned(),
        engine: text(found.engine()),
        class: text(found.db_instance_class()),
        allocated_storage: found.allocated_storage().unwrap_or_default().to_string(),
        storage_type: text(found.storage_type()),
        storage_encrypted: found.storage_encrypted().unwrap_or_default(),
        database: text(found.db_name()),
        master_username: text(found.master_username()),
        password: Ref::to("DatabasePassword"),
        subnet_group: at.ids.reference(
            found.db_subnet_group().and_then(|group| group.db_subnet_group_name()).unwrap_or_default(),
            Part::Id,
        ),
        security_groups: groups.map(|id| at.ids.reference(id, Part::GroupId)).collect(),
        publicly_accessible: found.publicly_accessible().unwrap_or_default(),
        backup_retention_period: found.backup_retention_period().unwrap_or_default(),
        copy_tags_to_snapshot: found.copy_tags_to_snapshot().unwrap_or_default(),
    };
    Ok(Sight::There(Box::new(Found { resource: value.into(), id: name.to_owned(), ours })))
}
