//! Secrets that somebody else keeps: whether they are there, and how AWS writes a reference to them.

use aws_smithy_types::DateTime;

use super::clients::Cloud;
use super::failure::{Absent as _, Failure, Kind, of};
use super::resources::parameter;
use crate::deployment::SecretRef;

/// When its value changed last, where AWS keeps it and tells.
pub(super) async fn changed(cloud: &Cloud, secret: &SecretRef) -> Result<Option<DateTime>, Failure> {
    match secret {
        SecretRef::Parameter(name) => {
            let found = parameter::matching(cloud, &[("Name", name)]).await?;
            Ok(found.first().and_then(|found| found.last_modified_date().copied()))
        }
        SecretRef::Secret(name) => {
            let request = cloud.secrets.describe_secret().secret_id(name);
            let found = request.send().await.map_err(of("secretsmanager:DescribeSecret"))?;
            Ok(found.last_changed_date)
        }
        SecretRef::Environment(_) | SecretRef::File(_) => Ok(None),
    }
}

/// What to say about a secret that is not there. Its value is never read.
pub(super) async fn missing(cloud: &Cloud, secret: &SecretRef) -> Result<Option<String>, Failure> {
    match secret {
        SecretRef::Parameter(name) => {
            let found = match parameter::named(cloud, &[("Name", name)]).await {
                Err(failure) if failure.kind == Kind::Denied => return Ok(None),
                found => found?,
            };
            Ok(found.is_empty().then(|| {
                format!(
                    "there is no parameter `{name}`: `aws ssm put-parameter --type SecureString --name {name} --value …` \
                     makes it"
                )
            }))
        }
        SecretRef::Secret(name) => {
            let request = cloud.secrets.describe_secret().secret_id(name);
            let found = match request.send().await.map_err(of("secretsmanager:DescribeSecret")) {
                Err(failure) if failure.kind == Kind::Denied => return Ok(None),
                found => found.absent()?,
            };
            Ok(found.is_none().then(|| {
                format!(
                    "there is no secret `{name}`: `aws secretsmanager create-secret --name {name} --secret-string …` \
                     makes it"
                )
            }))
        }
        SecretRef::Environment(_) | SecretRef::File(_) => Ok(Some(format!(
            "`{}` is a secret of this machine, which instances on AWS cannot read; keep it in a parameter and write ssm:/NAME",
            String::from(secret.clone())
        ))),
    }
}
