//! The least that a principal must be allowed, as an IAM policy: what the calls of a path are, on what carries the
//! deployment's names. Where AWS knows no names before a resource is there, its tag decides.

use serde_json::{Value, json};

use super::names::{Names, TAG, TARGET_TAG};
use super::site::partition;
use crate::deployment::{Deployment, Target};

/// Calls that only look. They name no resource, or AWS does not let them.
const LOOK: [&str; 31] = [
    "autoscaling:Describe*",
    "application-autoscaling:Describe*",
    "cloudwatch:DescribeAlarmHistory",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:GetMetricData",
    "cloudwatch:ListTagsForResource",
    "ec2:DescribeImages",
    "ec2:DescribeInstanceTypeOfferings",
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeInstances",
    "ec2:DescribeKeyPairs",
    "ec2:DescribeLaunchTemplates",
    "ec2:DescribeLaunchTemplateVersions",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "elasticloadbalancing:Describe*",
    "logs:DescribeLogGroups",
    "ecs:DescribeClusters",
    "ecs:ListClusters",
    "rds:DescribeAccountAttributes",
    "rds:DescribeDBInstances",
    "rds:DescribeDBSnapshots",
    "rds:DescribeDBSubnetGroups",
    "rds:DescribeOrderableDBInstanceOptions",
    "rds:ListTagsForResource",
    "secretsmanager:DescribeSecret",
    "servicequotas:GetServiceQuota",
    "ssm:DescribeParameters",
    "sts:GetCallerIdentity",
];

/// Further ones of the ECS path.
const LOOK_ECS: [&str; 5] = [
    "ecs:DescribeServices",
    "ecs:DescribeTaskDefinition",
    "ecs:DescribeTasks",
    "ecs:ListTaskDefinitions",
    "ecs:ListTasks",
];

/// The policy document.
pub fn policy(deployment: &Deployment, names: &Names) -> Value {
    let region = &deployment.aws.region;
    let place = Place { partition: partition(region), region };
    let arn = |service: &str, rest: &str| place.arn(service, rest);
    let (balancer, service) = (names.balancer(), names.service());
    let look = LOOK.iter().chain(if names.target == Target::Ecs { &LOOK_ECS[..] } else { &[] });
    let look: Vec<&str> = look.copied().collect();
    let mut statements = vec![
        json!({ "Sid": "Look", "Effect": "Allow", "Action": look, "Resource": "*" }),
        allow("Groups", &["ec2:CreateSecurityGroup"], &[arn("ec2", "security-group/*"), arn("ec2", "vpc/*")]),
        // Only while it is made: whoever may tag anything makes everything ours.
        json!({
            "Sid": "Tags", "Effect": "Allow", "Action": "ec2:CreateTags",
            "Resource": [arn("ec2", "security-group/*"), arn("ec2", "launch-template/*")],
            "Condition": {
                "StringEquals": { "ec2:CreateAction": ["CreateSecurityGroup", "CreateLaunchTemplate"] },
            },
        }),
        ours(
            "OurGroups",
            &[
                "ec2:AuthorizeSecurityGroupIngress",
                "ec2:RevokeSecurityGroupIngress",
                "ec2:DeleteSecurityGroup",
            ],
            &[arn("ec2", "security-group/*")],
            names,
        ),
        allow(
            "Balancer",
            &[
                "elasticloadbalancing:AddTags",
                "elasticloadbalancing:CreateListener",
                "elasticloadbalancing:CreateLoadBalancer",
                "elasticloadbalancing:CreateTargetGroup",
                "elasticloadbalancing:DeleteListener",
                "elasticloadbalancing:DeleteLoadBalancer",
                "elasticloadbalancing:DeleteTargetGroup",
                "elasticloadbalancing:ModifyListener",
                "elasticloadbalancing:ModifyLoadBalancerAttributes",
                "elasticloadbalancing:ModifyTargetGroup",
                "elasticloadbalancing:ModifyTargetGroupAttributes",
                "elasticloadbalancing:SetSecurityGroups",
                "elasticloadbalancing:SetSubnets",
            ],
            &[
                arn("elasticloadbalancing", &format!("loadbalancer/*/{balancer}/*")),
                arn("elasticloadbalancing", &format!("listener/*/{balancer}/*")),
                arn("elasticloadbalancing", &format!("targetgroup/{service}/*")),
            ],
        ),
        allow(
            "Alarms",
            &["cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms", "cloudwatch:TagResource"],
            &alarms(deployment, names)
                .iter()
                .map(|name| arn("cloudwatch", &format!("alarm:{name}")))
                .collect::<Vec<_>>(),
        ),
        allow(
            "Logs",
            &[
                "logs:CreateLogGroup",
                "logs:DeleteLogGroup",
                "logs:DescribeLogStreams",
                "logs:FilterLogEvents",
                "logs:GetLogEvents",
                "logs:ListTagsForResource",
                "logs:PutRetentionPolicy",
                "logs:TagResource",
            ],
            &[arn("logs", &format!("log-group:{}*", names.log_group()))],
        ),
        allow(
            "Parameters",
            &[
                "ssm:AddTagsToResource",
                "ssm:DeleteParameter",
                "ssm:GetParameter",
                "ssm:ListTagsForResource",
                "ssm:PutParameter",
            ],
            &[
                arn("ssm", &format!("parameter{}", names.parameter("*"))),
                format!("arn:{}:ssm:{region}::parameter/aws/service/*", place.partition),
            ],
        ),
        allow(
            "Database",
            &[
                "rds:AddTagsToResource",
                "rds:CreateDBInstance",
                "rds:CreateDBSnapshot",
                "rds:CreateDBSubnetGroup",
                "rds:DeleteDBInstance",
                "rds:DeleteDBSubnetGroup",
                "rds:ModifyDBInstance",
                "rds:ModifyDBSubnetGroup",
            ],
            &[
                arn("rds", &format!("db:{}", names.database())),
                arn("rds", &format!("snapshot:{}-final-*", names.database())),
                arn("rds", &format!("subgrp:{}", names.subnet_group())),
                // What a database gets of options and parameters when nobody names any.
                arn("rds", "og:default*"),
                arn("rds", "pg:default*"),
            ],
        ),
        allow(
            "Images",
            &[
                "ecr:BatchCheckLayerAvailability",
                "ecr:BatchGetImage",
                "ecr:CompleteLayerUpload",
                "ecr:CreateRepository",
                "ecr:DescribeRepositories",
                "ecr:InitiateLayerUpload",
                "ecr:ListTagsForResource",
                "ecr:PutImage",
                "ecr:PutLifecyclePolicy",
                "ecr:TagResource",
                "ecr:UploadLayerPart",
            ],
            &[arn("ecr", "repository/*")],
        ),
        json!({ "Sid": "Registry", "Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*" }),
        json!({
            "Sid": "ServiceRoles", "Effect": "Allow", "Action": "iam:CreateServiceLinkedRole",
            "Resource": place.iam("role/aws-service-role/*"),
        }),
    ];
    statements.extend(certificate(deployment));
    statements.extend(match names.target {
        Target::Ec2 => instances(deployment, names, place),
        Target::Ecs => tasks(deployment, names, place),
        Target::Local => Vec::new(),
    });
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// What ARNs begin with.
#[derive(Clone, Copy)]
struct Place<'a> {
    partition: &'static str,
    region: &'a str,
}

impl Place<'_> {
    fn arn(self, service: &str, rest: &str) -> String {
        format!("arn:{}:{service}:{}:*:{rest}", self.partition, self.region)
    }

    /// IAM is in no region.
    fn iam(self, rest: &str) -> String {
        format!("arn:{}:iam::*:{rest}", self.partition)
    }
}

/// Looking at the certificate of https listeners, where there is one.
fn certificate(deployment: &Deployment) -> Option<Value> {
    let arn = deployment.aws.certificate.as_ref()?;
    let action = if arn.contains(":acm:") { "acm:DescribeCertificate" } else { "iam:GetServerCertificate" };
    Some(allow("Certificate", &[action], std::slice::from_ref(arn)))
}

fn alarms(deployment: &Deployment, names: &Names) -> Vec<String> {
    deployment.scaling.policies.iter().map(|policy| names.policy(policy.name())).collect()
}

fn instances(deployment: &Deployment, names: &Names, place: Place<'_>) -> Vec<Value> {
    let arn = |service: &str, rest: &str| place.arn(service, rest);
    let group = names.service();
    let profile = &deployment.aws.instance_profile;
    vec![
        allow(
            "Group",
            &[
                "autoscaling:AttachLoadBalancerTargetGroups",
                "autoscaling:CreateAutoScalingGroup",
                "autoscaling:CreateOrUpdateTags",
                "autoscaling:DeleteAutoScalingGroup",
                "autoscaling:DeletePolicy",
                "autoscaling:DetachLoadBalancerTargetGroups",
                "autoscaling:PutScalingPolicy",
                "autoscaling:RollbackInstanceRefresh",
                "autoscaling:SetDesiredCapacity",
                "autoscaling:StartInstanceRefresh",
                "autoscaling:UpdateAutoScalingGroup",
            ],
            &[arn("autoscaling", &format!("autoScalingGroup:*:autoScalingGroupName/{group}"))],
        ),
        allow("Template", &["ec2:CreateLaunchTemplate"], &[arn("ec2", "launch-template/*")]),
        ours(
            "OurTemplate",
            &["ec2:CreateLaunchTemplateVersion", "ec2:DeleteLaunchTemplate"],
            &[arn("ec2", "launch-template/*")],
            names,
        ),
        // Auto Scaling asks whether whoever names the template could launch from it.
        json!({ "Sid": "Launch", "Effect": "Allow", "Action": "ec2:RunInstances", "Resource": "*" }),
        allow("Profile", &["iam:GetInstanceProfile"], &[place.iam(&format!("instance-profile/{profile}"))]),
        pass(&place.iam("role/*"), "ec2.amazonaws.com"),
    ]
}

fn tasks(deployment: &Deployment, names: &Names, place: Place<'_>) -> Vec<Value> {
    let arn = |service: &str, rest: &str| place.arn(service, rest);
    let (cluster, family) = (names.cluster(), names.container());
    let role = deployment.aws.role.rsplit('/').next().unwrap_or_default();
    let role = place.iam(&format!("role/{role}"));
    vec![
        allow(
            "Service",
            &[
                "ecs:CreateService",
                "ecs:DeleteCluster",
                "ecs:DeleteService",
                "ecs:TagResource",
                "ecs:UpdateService",
            ],
            &[
                arn("ecs", &format!("cluster/{cluster}")),
                arn("ecs", &format!("service/{cluster}/{cluster}")),
                arn("ecs", &format!("task-definition/{family}:*")),
            ],
        ),
        // AWS knows no resource for these.
        json!({
            "Sid": "Definitions", "Effect": "Allow", "Resource": "*", "Action": [
                "ecs:CreateCluster", "ecs:DeleteTaskDefinitions", "ecs:DeregisterTaskDefinition",
                "ecs:RegisterTaskDefinition",
            ],
        }),
        json!({
            "Sid": "Scaling", "Effect": "Allow", "Resource": "*", "Action": [
                "application-autoscaling:DeleteScalingPolicy", "application-autoscaling:DeregisterScalableTarget",
                "application-autoscaling:PutScalingPolicy", "application-autoscaling:RegisterScalableTarget",
            ],
            "Condition": { "StringEquals": { "application-autoscaling:service-namespace": "ecs" } },
        }),
        allow("Role", &["iam:GetRole"], std::slice::from_ref(&role)),
        pass(&role, "ecs-tasks.amazonaws.com"),
    ]
}

fn allow(sid: &str, actions: &[&str], resources: &[String]) -> Value {
    json!({ "Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources })
}

/// Only on what carries our tags.
fn ours(sid: &str, actions: &[&str], resources: &[String], names: &Names) -> Value {
    let mut statement = allow(sid, actions, resources);
    let (deployment, target) = (format!("aws:ResourceTag/{TAG}"), format!("aws:ResourceTag/{TARGET_TAG}"));
    statement["Condition"] =
        json!({ "StringEquals": { deployment: names.deployment, target: names.target.to_string() } });
    statement
}

fn pass(role: &str, to: &str) -> Value {
    json!({
        "Sid": "Pass", "Effect": "Allow", "Action": "iam:PassRole", "Resource": role,
        "Condition": { "StringEquals": { "iam:PassedToService": to } },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployment::Defaults;

    /// The policy of the defaults, elsewhere.
    fn policy_in(region: &str, target: Target) -> Value {
        let file = format!("[aws]\nregion = \"{region}\"\n");
        let deployment = Deployment::parse(&file, "f", Defaults::of(target)).expect("valid");
        policy(&deployment, &Names::of(&deployment, target))
    }

    #[test]
    fn arns_are_of_the_regions_partition() {
        for (region, begins) in [("us-east-1", "arn:aws:"), ("cn-north-1", "arn:aws-cn:")] {
            for target in [Target::Ec2, Target::Ecs] {
                let text = policy_in(region, target).to_string();
                let arns: Vec<&str> = text.split('"').filter(|word| word.starts_with("arn:")).collect();
                assert!(!arns.is_empty() && arns.iter().all(|arn| arn.starts_with(begins)), "{arns:?}");
            }
        }
    }

    #[test]
    fn tags_are_given_only_to_what_is_being_made() {
        for target in [Target::Ec2, Target::Ecs] {
            let policy = policy_in("us-east-1", target);
            let statements = policy["Statement"].as_array().expect("statements");
            let may_tag = |one: &&Value| one["Action"].to_string().contains("ec2:CreateTags");
            let tagging: Vec<&Value> = statements.iter().filter(may_tag).collect();
            let [tagging] = tagging.as_slice() else { panic!("one statement: {tagging:?}") };
            let actions = &tagging["Condition"]["StringEquals"]["ec2:CreateAction"];
            assert_eq!(actions, &json!(["CreateSecurityGroup", "CreateLaunchTemplate"]));
            assert_eq!(tagging["Action"], json!("ec2:CreateTags"), "nothing else has that condition");
        }
    }
}
