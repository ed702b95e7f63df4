//! Listeners: where traffic enters the balancer, and what becomes of it.

use aws_sdk_elasticloadbalancingv2::types as elb;
use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, ProtocolEnum, RedirectActionConfig, RedirectActionStatusCodeEnum,
};
use serde::Serialize;

use super::attributes::tags;
use super::{At, Call, Found, Kind, made_or_changed, no_such};
use crate::aws::failure::{Failure, of};
use crate::aws::value::{Part, Ref};

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Listener {
    pub load_balancer_arn: Ref,
    pub port: i32,
    pub protocol: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<Certificate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssl_policy: Option<String>,
    pub default_actions: Vec<DefaultAction>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Certificate {
    pub certificate_arn: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DefaultAction {
    #[serde(rename = "Type")]
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_group_arn: Option<Ref>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_config: Option<Redirect>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Redirect {
    pub protocol: String,
    pub port: String,
    pub status_code: String,
}

const CREATE: Call = "elasticloadbalancing:CreateListener";
const MODIFY: Call = "elasticloadbalancing:ModifyListener";
const DELETE: Call = "elasticloadbalancing:DeleteListener";
const DESCRIBE: Call = "elasticloadbalancing:DescribeListeners";

impl Listener {
    fn actions(&self, call: Call, at: At<'_>) -> Result<Vec<Action>, Failure> {
        let action = |action: &DefaultAction| {
            let target = action.target_group_arn.as_ref().map(|target| at.id(call, target)).transpose()?;
            let redirect = action.redirect_config.as_ref().map(|redirect| {
                RedirectActionConfig::builder()
                    .protocol(&redirect.protocol)
                    .port(&redirect.port)
                    .status_code(RedirectActionStatusCodeEnum::from(redirect.status_code.as_str()))
                    .build()
            });
            Ok(Action::builder()
                .r#type(ActionTypeEnum::from(action.kind.as_str()))
                .set_target_group_arn(target)
                .set_redirect_config(redirect)
                .build())
        };
        self.default_actions.iter().map(action).collect()
    }

    fn certificates(&self) -> Option<Vec<elb::Certificate>> {
        let certificate =
            |one: &Certificate| elb::Certificate::builder().certificate_arn(&one.certificate_arn).build();
        (!self.certificates.is_empty()).then(|| self.certificates.iter().map(certificate).collect())
    }
}

impl Kind for Listener {
    const TYPE: &'static str = "AWS::ElasticLoadBalancingV2::Listener";

    fn name(&self) -> String {
        format!("port {}", self.port)
    }

    fn calls(&self, have: Option<&Self>) -> Vec<Call> {
        made_or_changed(self, have, CREATE, MODIFY)
    }

    async fn send(&self, call: Call, _have: Option<&Self>, at: At<'_>) -> Result<Option<String>, Failure> {
        let protocol = ProtocolEnum::from(self.protocol.as_str());
        match call {
            CREATE => {
                let request = at.cloud.elb.create_listener().port(self.port).protocol(protocol);
                let request = request
                    .load_balancer_arn(at.id(call, &self.load_balancer_arn)?)
                    .set_certificates(self.certificates())
                    .set_ssl_policy(self.ssl_policy.clone())
                    .set_default_actions(Some(self.actions(call, at)?))
                    .set_tags(Some(tags(at.names)));
                let made = request.send().await.map_err(of(call))?;
                Ok(made.listeners().first().and_then(elb::Listener::listener_arn).map(str::to_owned))
            }
            MODIFY => {
                let request = at.cloud.elb.modify_listener().listener_arn(at.own(call)?);
                let request = request
                    .port(self.port)
                    .protocol(protocol)
                    .set_certificates(self.certificates())
                    .set_ssl_policy(self.ssl_policy.clone())
                    .set_default_actions(Some(self.actions(call, at)?));
                request.send().await.map_err(of(call))?;
                Ok(None)
            }
            _ => Err(no_such(call)),
        }
    }

    fn removal(&self) -> Vec<Call> {
        vec![DELETE]
    }

    async fn remove(&self, call: Call, id: &str, at: At<'_>) -> Result<(), Failure> {
        at.cloud.elb.delete_listener().listener_arn(id).send().await.map_err(of(call))?;
        Ok(())
    }
}

/// All listeners of this balancer. They are ours when it is.
pub(in crate::aws) async fn of_balancer(arn: &str, at: At<'_>) -> Result<Vec<Found>, Failure> {
    let request = at.cloud.elb.describe_listeners().load_balancer_arn(arn);
    let listeners = request.send().await.map_err(of(DESCRIBE))?;
    Ok(listeners.listeners().iter().filter_map(|listener| found(listener, arn, at)).collect())
}

fn found(listener: &elb::Listener, balancer: &str, at: At<'_>) -> Option<Found> {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let certificates = listener.certificates().iter();
    let is_https = listener.protocol() == Some(&ProtocolEnum::Https);
    let value = Listener {
        load_balancer_arn: at.ids.reference(balancer, Part::Id),
        port: listener.port()?,
        protocol: text(listener.protocol().map(ProtocolEnum::as_str)),
        certificates: certificates
            .filter_map(|one| Some(Certificate { certificate_arn: one.certificate_arn()?.to_owned() }))
            .collect(),
        ssl_policy: listener.ssl_policy().filter(|_| is_https).map(str::to_owned),
        default_actions: listener.default_actions().iter().map(|action| default_action(action, at)).collect(),
    };
    Some(Found { resource: value.into(), id: listener.listener_arn()?.to_owned(), ours: true })
}

fn default_action(action: &Action, at: At<'_>) -> DefaultAction {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let forward = action.forward_config().and_then(|forward| forward.target_groups().first());
    let target = action.target_group_arn().or(forward.and_then(elb::TargetGroupTuple::target_group_arn));
    DefaultAction {
        kind: text(action.r#type().map(ActionTypeEnum::as_str)),
        target_group_arn: target.map(|arn| at.ids.reference(arn, Part::Id)),
        redirect_config: action.redirect_config().map(|redirect| Redirect {
            protocol: text(redirect.protocol()),
            port: text(redirect.port()),
            status_code: text(redirect.status_code().map(RedirectActionStatusCodeEnum::as_str)),
        }),
    }
}
