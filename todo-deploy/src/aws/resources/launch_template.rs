//! Launch templates: what an instance is.

use std::collections::BTreeSet;

use aws_sdk_ec2::types as ec2;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::{At, Call, Found, Kind, made_or_changed, no_such};
use crate::aws::failure::{Absent as _, Failure, of};
use crate::aws::value::{Part, Ref};

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct LaunchTemplate {
    pub launch_template_name: String,
    pub launch_template_data: Data,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Data {
    pub image_id: String,
    pub instance_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_name: Option<String>,
    pub security_group_ids: BTreeSet<Ref>,
    pub iam_instance_profile: Profile,
    pub metadata_options: Metadata,
    pub monitoring: Monitoring,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credit_specification: Option<Credits>,
    pub user_data: UserData,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Profile {
    pub name: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Metadata {
    pub http_tokens: String,
    pub http_put_response_hop_limit: i32,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Monitoring {
    pub enabled: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Credits {
    pub cpu_credits: String,
}

/// The script that an instance runs when it boots; sent in base64.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UserData {
    #[serde(rename = "Fn::Base64")]
    pub script: String,
}

const CREATE: Call = "ec2:CreateLaunchTemplate";
const VERSION: Call = "ec2:CreateLaunchTemplateVersion";
const DELETE: Call = "ec2:DeleteLaunchTemplate";
const DESCRIBE: Call = "ec2:DescribeLaunchTemplates";
const VERSIONS: Call = "ec2:DescribeLaunchTemplateVersions";

impl LaunchTemplate {
    fn request(&self, call: Call, at: At<'_>) -> Result<ec2::RequestLaunchTemplateData, Failure> {
        let data = &self.launch_template_data;
        let groups: Vec<Ref> = data.security_group_ids.iter().cloned().collect();
        let profile = ec2::LaunchTemplateIamInstanceProfileSpecificationRequest::builder();
        let metadata = ec2::LaunchTemplateInstanceMetadataOptionsRequest::builder()
            .http_tokens(ec2::LaunchTemplateHttpTokensState::from(data.metadata_options.http_tokens.as_str()))
            .http_put_response_hop_limit(data.metadata_options.http_put_response_hop_limit);
        let monitoring =
            ec2::LaunchTemplatesMonitoringRequest::builder().enabled(data.monitoring.enabled).build();
        let credits = data.credit_specification.as_ref().map(|credits| {
            ec2::CreditSpecificationRequest::builder().cpu_credits(&credits.cpu_credits).build()
        });
        Ok(ec2::RequestLaunchTemplateData::builder()
            .image_id(&data.image_id)
            .instance_type(ec2::InstanceType::from(data.instance_type.as_str()))
            .set_key_name(data.key_name.clone())
            .set_security_group_ids(Some(at.all(call, &groups)?))
            .iam_instance_profile(profile.name(&data.iam_instance_profile.name).build())
            .metadata_options(metadata.build())
            .monitoring(monitoring)
            .set_credit_specification(credits)
            .user_data(STANDARD.encode(&data.user_data.script))
            .build())
    }
}

impl Kind for LaunchTemplate {
    const TYPE: &'static str = "AWS::EC2::LaunchTemplate";

    fn name(&self) -> String {
        self.launch_template_name.clone()
    }

    /// A template changes by a new version; instances that run keep theirs.
    fn calls(&self, have: Option<&Self>) -> Vec<Call> {
        made_or_changed(self, have, CREATE, VERSION)
    }

    async fn send(&self, call: Call, _have: Option<&Self>, at: At<'_>) -> Result<Option<String>, Failure> {
        let data = self.request(call, at)?;
        match call {
            CREATE => {
                let tags =
                    at.names.tags().map(|(key, value)| ec2::Tag::builder().key(key).value(value).build());
                let tags = ec2::TagSpecification::builder()
                    .resource_type(ec2::ResourceType::LaunchTemplate)
                    .set_tags(Some(tags.into()))
                    .build();
                let request = at.cloud.ec2.create_launch_template().launch_template_data(data);
                let request =
                    request.launch_template_name(&self.launch_template_name).tag_specifications(tags);
                let made = request.send().await.map_err(of(call))?;
                Ok(made.launch_template().and_then(id))
            }
            VERSION => {
                let template = at.own(call)?;
                let template = template.split_once('/').map_or(template, |(id, _)| id);
                let request = at.cloud.ec2.create_launch_template_version().launch_template_id(template);
                let made = request.launch_template_data(data).send().await.map_err(of(call))?;
                let version = made.launch_template_version().and_then(|made| made.version_number());
                Ok(version.map(|version| format!("{template}/{version}")))
            }
            _ => Err(no_such(call)),
        }
    }

    fn removal(&self) -> Vec<Call> {
        vec![DELETE]
    }

    async fn remove(&self, call: Call, id: &str, at: At<'_>) -> Result<(), Failure> {
        let id = id.split_once('/').map_or(id, |(id, _)| id);
        at.cloud.ec2.delete_launch_template().launch_template_id(id).send().await.map_err(of(call))?;
        Ok(())
    }
}

/// `lt-…/VERSION`, the newest version.
fn id(template: &ec2::LaunchTemplate) -> Option<String> {
    Some(format!("{}/{}", template.launch_template_id()?, template.latest_version_number()?))
}

/// The newest version of the template of this name.
pub(in crate::aws) async fn find(name: &str, at: At<'_>) -> Result<Option<Found>, Failure> {
    let request = at.cloud.ec2.describe_launch_templates().launch_template_names(name);
    let found = request.send().await.map_err(of(DESCRIBE)).absent()?;
    let template = found.and_then(|found| found.launch_templates().first().cloned());
    let Some((template, id)) = template.and_then(|t| id(&t).map(|id| (t, id))) else { return Ok(None) };
    let tags = template.tags().iter().filter_map(|tag| Some((tag.key()?, tag.value()?)));
    let ours = at.names.owns(tags);
    let request = at.cloud.ec2.describe_launch_template_versions().launch_template_name(name);
    let versions = request.versions("$Latest").send().await.map_err(of(VERSIONS))?;
    let newest =
        versions.launch_template_versions().first().and_then(|version| version.launch_template_data());
    let data = newest.ok_or_else(|| Failure::incomplete(VERSIONS, "data"))?;
    let value =
        LaunchTemplate { launch_template_name: name.to_owned(), launch_template_data: read(data, at) };
    Ok(Some(Found { resource: value.into(), id, ours }))
}

fn read(data: &ec2::ResponseLaunchTemplateData, at: At<'_>) -> Data {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let script = STANDARD.decode(data.user_data().unwrap_or_default()).unwrap_or_default();
    let metadata = data.metadata_options();
    Data {
        image_id: text(data.image_id()),
        instance_type: text(data.instance_type().map(ec2::InstanceType::as_str)),
        key_name: data.key_name().filter(|name| !name.is_empty()).map(str::to_owned),
        security_group_ids: data
            .security_group_ids()
            .iter()
            .map(|id| at.ids.reference(id, Part::GroupId))
            .collect(),
        iam_instance_profile: Profile {
            name: text(data.iam_instance_profile().and_then(|profile| profile.name())),
        },
        metadata_options: Metadata {
            http_tokens: text(metadata.and_then(|m| m.http_tokens()).map(|tokens| tokens.as_str())),
            http_put_response_hop_limit: metadata
                .and_then(|metadata| metadata.http_put_response_hop_limit())
                .unwrap_or_default(),
        },
        monitoring: Monitoring {
            enabled: data.monitoring().and_then(|monitoring| monitoring.enabled()).unwrap_or_default(),
        },
        credit_specification: data
            .credit_specification()
            .and_then(|credits| credits.cpu_credits())
            .map(|credits| Credits { cpu_credits: credits.to_owned() }),
        user_data: UserData { script: String::from_utf8_lossy(&script).into_owned() },
    }
}
