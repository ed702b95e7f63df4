//! The same desired state as a CloudFormation template: to read, to lint, to hand to somebody who wants a stack.

use serde_json::{Map, Value, json};

use super::names::Names;
use super::render::{self, State};
use super::resources::Resource;

/// Format version of CloudFormation templates; there is only this one.
const VERSION: &str = "2010-09-09";

/// The template. What CloudFormation has no words for is said in its metadata.
pub fn template(state: &State, names: &Names) -> Value {
    let mut resources = Map::new();
    let mut left_out = Vec::new();
    for (logical, resource) in state {
        match resource {
            Resource::Parameter(parameter) => {
                left_out.push(format!("{}: CloudFormation makes no SecureString", parameter.name));
            }
            Resource::Rollout(_) => {}
            resource => {
                let mut entry = json!({ "Type": resource.kind(), "Properties": properties(resource, names) });
                if matches!(resource, Resource::Database(_)) {
                    entry["DeletionPolicy"] = json!("Snapshot");
                    entry["UpdateReplacePolicy"] = json!("Snapshot");
                }
                if matches!(resource, Resource::Service(_)) {
                    // ECS refuses a target group without a balancer.
                    let listeners = state.keys().filter(|logical| logical.starts_with("Listener"));
                    entry["DependsOn"] = json!(listeners.collect::<Vec<_>>());
                    left_out
                        .push("Service: CloudFormation has no threshold of the circuit breaker".to_owned());
                }
                resources.insert(logical.clone(), entry);
            }
        }
    }
    let mut template = json!({
        "AWSTemplateFormatVersion": VERSION,
        "Description": format!("{} on {}, by todo-deploy", names.deployment, names.target),
        "Resources": resources,
        "Outputs": { "Url": { "Value": { "Fn::Sub": format!("http://${{{}.DNSName}}", render::LOAD_BALANCER) } } },
    });
    if !left_out.is_empty() {
        template["Metadata"] = json!({ "LeftOut": left_out });
    }
    template
}

fn properties(resource: &Resource, names: &Names) -> Value {
    let mut properties = resource.properties();
    let tags = names.tags().map(|(key, value)| json!({ "Key": key, "Value": value }));
    let Value::Object(map) = &mut properties else { return properties };
    match resource {
        Resource::Group(_) => {
            let tags = tags.map(|mut tag| {
                tag["PropagateAtLaunch"] = json!(true);
                tag
            });
            map.insert("Tags".to_owned(), json!(tags));
        }
        Resource::LaunchTemplate(_) => {
            let specification = json!([{ "ResourceType": "launch-template", "Tags": tags }]);
            map.insert("TagSpecifications".to_owned(), specification);
        }
        Resource::Database(_) => {
            let password = format!("{{{{resolve:ssm-secure:{}}}}}", names.parameter("database-password"));
            map.insert("MasterUserPassword".to_owned(), json!(password));
            map.insert("Tags".to_owned(), json!(tags));
        }
        Resource::Service(_) => {
            map.insert("Tags".to_owned(), json!(tags));
            let breaker = map.get_mut("DeploymentConfiguration").and_then(|deploying| {
                deploying.get_mut("DeploymentCircuitBreaker").and_then(Value::as_object_mut)
            });
            if let Some(breaker) = breaker {
                breaker.remove("ThresholdConfiguration");
            }
        }
        Resource::Policy(_) | Resource::Listener(_) | Resource::ScalableTarget(_) | Resource::Tracking(_) => {
        }
        _ => drop(map.insert("Tags".to_owned(), json!(tags))),
    }
    properties
}
