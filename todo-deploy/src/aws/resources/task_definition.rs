//! Task definitions: what a task is. A change is a new revision; the service names one by number.

use std::collections::BTreeMap;

use aws_sdk_ecs::types as ecs;
use serde::Serialize;

use super::cluster::{is_ours, tags};
use super::{At, Call, Found, Kind, no_such};
use crate::aws::failure::{Absent as _, Failure, of};
use crate::aws::value::{Part, Ref, dimensions};

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TaskDefinition {
    pub family: String,
    pub cpu: String,
    pub memory: String,
    pub network_mode: String,
    pub requires_compatibilities: Vec<String>,
    pub execution_role_arn: String,
    pub task_role_arn: String,
    pub container_definitions: Vec<Container>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Container {
    pub name: String,
    pub image: String,
    pub essential: bool,
    pub port_mappings: Vec<Port>,
    #[serde(serialize_with = "dimensions")]
    pub environment: BTreeMap<String, String>,
    pub secrets: Vec<Secret>,
    /// Seconds between the signal to stop and the end.
    pub stop_timeout: i32,
    pub log_configuration: Logs,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Port {
    pub container_port: i32,
    pub protocol: String,
}

/// Fetched by ECS when a task starts; only the place is known here.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Secret {
    pub name: String,
    pub value_from: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Logs {
    pub log_driver: String,
    pub options: LogOptions,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LogOptions {
    #[serde(rename = "awslogs-group")]
    pub group: Ref,
    #[serde(rename = "awslogs-region")]
    pub region: String,
    #[serde(rename = "awslogs-stream-prefix")]
    pub prefix: String,
}

const REGISTER: Call = "ecs:RegisterTaskDefinition";
const DEREGISTER: Call = "ecs:DeregisterTaskDefinition";
const DELETE: Call = "ecs:DeleteTaskDefinitions";
const DESCRIBE: Call = "ecs:DescribeTaskDefinition";
const LIST: Call = "ecs:ListTaskDefinitions";

/// Revisions that one call deletes.
const DELETE_MAX: usize = 10;

impl Container {
    fn request(&self, call: Call, at: At<'_>) -> Result<ecs::ContainerDefinition, Failure> {
        let incomplete = |_| Failure::incomplete(call, "field that it needs");
        let port = |port: &Port| {
            let protocol = ecs::TransportProtocol::from(port.protocol.as_str());
            ecs::PortMapping::builder().container_port(port.container_port).protocol(protocol).build()
        };
        let secret = |secret: &Secret| {
            ecs::Secret::builder().name(&secret.name).value_from(&secret.value_from).build()
        };
        let variable =
            |(name, value): (&String, &String)| ecs::KeyValuePair::builder().name(name).value(value).build();
        let options = &self.log_configuration.options;
        let logs = ecs::LogConfiguration::builder()
            .log_driver(ecs::LogDriver::from(self.log_configuration.log_driver.as_str()))
            .options("awslogs-group", at.id(call, &options.group)?)
            .options("awslogs-region", &options.region)
            .options("awslogs-stream-prefix", &options.prefix)
            .build();
        let secrets = self.secrets.iter().map(secret).collect::<Result<Vec<_>, _>>();
        Ok(ecs::ContainerDefinition::builder()
            .name(&self.name)
            .image(&self.image)
            .essential(self.essential)
            .set_port_mappings(Some(self.port_mappings.iter().map(port).collect()))
            .set_environment(Some(self.environment.iter().map(variable).collect()))
            .set_secrets(Some(secrets.map_err(incomplete)?))
            .stop_timeout(self.stop_timeout)
            .log_configuration(logs.map_err(incomplete)?)
            .build())
    }
}

impl Kind for TaskDefinition {
    const TYPE: &'static str = "AWS::ECS::TaskDefinition";

    fn name(&self) -> String {
        self.family.clone()
    }

    fn calls(&self, have: Option<&Self>) -> Vec<Call> {
        if have == Some(self) { Vec::new() } else { vec![REGISTER] }
    }

    async fn send(&self, call: Call, _have: Option<&Self>, at: At<'_>) -> Result<Option<String>, Failure> {
        if call != REGISTER {
            return Err(no_such(call));
        }
        let containers = self.container_definitions.iter().map(|container| container.request(call, at));
        let launches = self.requires_compatibilities.iter().map(|one| ecs::Compatibility::from(one.as_str()));
        let request = at.cloud.ecs.register_task_definition().family(&self.family);
        let request = request
            .cpu(&self.cpu)
            .memory(&self.memory)
            .network_mode(ecs::NetworkMode::from(self.network_mode.as_str()))
            .set_requires_compatibilities(Some(launches.collect()))
            .execution_role_arn(&self.execution_role_arn)
            .task_role_arn(&self.task_role_arn)
            .set_container_definitions(Some(containers.collect::<Result<_, _>>()?))
            .set_tags(Some(tags(at.names)));
        let made = request.send().await.map_err(of(call))?;
        Ok(made.task_definition.and_then(|made| made.task_definition_arn))
    }

    fn removal(&self) -> Vec<Call> {
        vec![DEREGISTER, DELETE]
    }

    /// All revisions: earlier ones are of no use without the service.
    async fn remove(&self, call: Call, _id: &str, at: At<'_>) -> Result<(), Failure> {
        match call {
            DEREGISTER => {
                for revision in revisions(&self.family, ecs::TaskDefinitionStatus::Active, at).await? {
                    let request = at.cloud.ecs.deregister_task_definition().task_definition(revision);
                    request.send().await.map_err(of(call))?;
                }
            }
            _ => {
                let inactive = revisions(&self.family, ecs::TaskDefinitionStatus::Inactive, at).await?;
                for revisions in inactive.chunks(DELETE_MAX) {
                    let request = at.cloud.ecs.delete_task_definitions();
                    let request = request.set_task_definitions(Some(revisions.to_vec()));
                    request.send().await.map_err(of(call))?;
                }
            }
        }
        Ok(())
    }
}

/// ARNs of the family's revisions, newest first.
pub(in crate::aws) async fn revisions(
    family: &str,
    status: ecs::TaskDefinitionStatus,
    at: At<'_>,
) -> Result<Vec<String>, Failure> {
    let request = at.cloud.ecs.list_task_definitions().family_prefix(family).status(status);
    let mut pages = request.sort(ecs::SortOrder::Desc).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        found.extend(page.map_err(of(LIST))?.task_definition_arns.unwrap_or_default());
    }
    // The prefix of another family's name would match as well.
    let own = format!("/{family}:");
    found.retain(|arn| arn.contains(&own));
    Ok(found)
}

async fn describe(name: &str, at: At<'_>) -> Result<Option<(ecs::TaskDefinition, bool)>, Failure> {
    let request = at.cloud.ecs.describe_task_definition().task_definition(name);
    let request = request.include(ecs::TaskDefinitionField::Tags);
    let found = request.send().await.map_err(of(DESCRIBE)).absent()?;
    let Some((definition, tags)) = found.and_then(|found| Some((found.task_definition?, found.tags))) else {
        return Ok(None);
    };
    Ok(Some((definition, is_ours(&tags.unwrap_or_default(), at))))
}

/// The family's newest revision; or, where only retired ones are left, what they would be to a plan: nothing that fits.
pub(in crate::aws) async fn find(family: &str, at: At<'_>) -> Result<Option<Found>, Failure> {
    // One on its way out goes by itself, and nobody can use it again.
    let is_going = |definition: &ecs::TaskDefinition| {
        definition.status() == Some(&ecs::TaskDefinitionStatus::DeleteInProgress)
    };
    let newest = match describe(family, at).await?.filter(|(definition, _)| !is_going(definition)) {
        Some(newest) => Some(newest),
        None => match revisions(family, ecs::TaskDefinitionStatus::Inactive, at).await?.first() {
            Some(retired) => describe(retired, at).await?,
            None => None,
        },
    };
    let Some((definition, ours)) = newest else { return Ok(None) };
    let is_active = definition.status() == Some(&ecs::TaskDefinitionStatus::Active);
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let containers = definition.container_definitions().iter().filter(|_| is_active);
    let launches = definition.requires_compatibilities().iter();
    let value = TaskDefinition {
        family: family.to_owned(),
        cpu: text(definition.cpu()),
        memory: text(definition.memory()),
        network_mode: text(definition.network_mode().map(ecs::NetworkMode::as_str)),
        requires_compatibilities: launches.map(|one| one.as_str().to_owned()).collect(),
        execution_role_arn: text(definition.execution_role_arn()),
        task_role_arn: text(definition.task_role_arn()),
        container_definitions: containers.map(|container| read(container, at)).collect(),
    };
    let id = text(definition.task_definition_arn());
    Ok(Some(Found { resource: value.into(), id, ours }))
}

fn read(container: &ecs::ContainerDefinition, at: At<'_>) -> Container {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let port = |port: &ecs::PortMapping| Port {
        container_port: port.container_port().unwrap_or_default(),
        protocol: text(port.protocol().map(ecs::TransportProtocol::as_str)),
    };
    let secret = |secret: &ecs::Secret| Secret {
        name: secret.name().to_owned(),
        value_from: secret.value_from().to_owned(),
    };
    // In order of the names, as ours are.
    let mut secrets: Vec<Secret> = container.secrets().iter().map(secret).collect();
    secrets.sort_by(|one, other| one.name.cmp(&other.name));
    let logs = container.log_configuration();
    let option = |key: &str| {
        let options = logs.and_then(|logs| logs.options());
        text(options.and_then(|options| options.get(key)).map(String::as_str))
    };
    Container {
        name: text(container.name()),
        image: text(container.image()),
        essential: container.essential().unwrap_or(true),
        port_mappings: container.port_mappings().iter().map(port).collect(),
        environment: container
            .environment()
            .iter()
            .filter_map(|pair| Some((pair.name()?.to_owned(), pair.value()?.to_owned())))
            .collect(),
        secrets,
        stop_timeout: container.stop_timeout().unwrap_or_default(),
        log_configuration: Logs {
            log_driver: text(logs.map(|logs| logs.log_driver().as_str())),
            options: LogOptions {
                group: at.ids.reference(&option("awslogs-group"), Part::Id),
                region: option("awslogs-region"),
                prefix: option("awslogs-stream-prefix"),
            },
        },
    }
}
