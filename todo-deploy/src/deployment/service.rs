//! What runs: any stateless HTTP container or program, and the database behind it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The service, whoever runs it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Container image, pinned by tag or digest. AWS needs one; `local` can do with a program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// TCP port the service listens on inside its instance. The practical's: 6400.
    pub port: u16,
    /// Plain settings, visible to anyone who may look at the deployment.
    pub environment: BTreeMap<String, String>,
    /// Settings fetched when the instance starts; the values never stand in a file or in user data.
    pub secrets: BTreeMap<String, SecretRef>,
}

/// Where a secret is kept. The value is read by the instance, never by the description.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SecretRef {
    /// `ssm:/todo/database-url`, a parameter of Systems Manager.
    Parameter(String),
    /// `secretsmanager:todo/database`, a secret by name or ARN.
    Secret(String),
    /// `env:NAME`, from the environment of todo-deploy (local only).
    Environment(String),
    /// `file:./password`, the content of a file (local only).
    File(String),
}

impl TryFrom<String> for SecretRef {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let refuse = "a secret is given by reference: ssm:/NAME, secretsmanager:NAME, env:NAME or file:PATH";
        let (kind, name) = text.split_once(':').ok_or(refuse)?;
        if name.is_empty() {
            return Err(refuse.to_owned());
        }
        match kind {
            "ssm" => Ok(Self::Parameter(name.to_owned())),
            "secretsmanager" => Ok(Self::Secret(name.to_owned())),
            "env" => Ok(Self::Environment(name.to_owned())),
            "file" => Ok(Self::File(name.to_owned())),
            _ => Err(refuse.to_owned()),
        }
    }
}

impl From<SecretRef> for String {
    fn from(secret: SecretRef) -> Self {
        match secret {
            SecretRef::Parameter(name) => format!("ssm:{name}"),
            SecretRef::Secret(name) => format!("secretsmanager:{name}"),
            SecretRef::Environment(name) => format!("env:{name}"),
            SecretRef::File(name) => format!("file:{name}"),
        }
    }
}

/// The database, and how the service is told of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// `create`: the target makes one (RDS on AWS, a shared SQLite file locally); `existing`: `url` says
    /// where it is; `none`: the service needs no database.
    pub source: DatabaseSource,
    /// An existing database: a URL without a password, or a secret by reference that holds the whole URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Environment variable in which the service expects the URL. The practical's: `SQLALCHEMY_DATABASE_URI`.
    pub variable: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DatabaseSource {
    Create,
    Existing,
    None,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_a_reference() {
        for text in ["ssm:/todo/url", "secretsmanager:todo", "env:URL", "file:./url"] {
            let secret = SecretRef::try_from(text.to_owned()).expect(text);
            assert_eq!(String::from(secret), text);
        }
        assert!(SecretRef::try_from("verySecretPassword".to_owned()).is_err());
        assert!(SecretRef::try_from("ssm:".to_owned()).is_err());
    }
}
