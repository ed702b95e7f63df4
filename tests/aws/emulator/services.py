"""Brings in the hooks of all services, and makes what a Learner Lab has from the start."""

from . import account, application, balancing, containers, fleet, network, registry, rollout, storage, watching
from .cloud import ask

HOOKS = (account, application, balancing, containers, fleet, network, registry, rollout, storage, watching)

TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":["ec2.amazonaws.com","ecs-tasks.amazonaws.com"]},"Action":"sts:AssumeRole"}]}'


def prepare():
    """LabRole, LabInstanceProfile and vockey; and the first calls are slow, so that the tests' are not."""
    ask("iam", "CreateRole", {"RoleName": "LabRole", "AssumeRolePolicyDocument": TRUST})
    ask("iam", "CreateInstanceProfile", {"InstanceProfileName": "LabInstanceProfile"})
    ask("iam", "AddRoleToInstanceProfile", {"InstanceProfileName": "LabInstanceProfile", "RoleName": "LabRole"})
    ask("ec2", "CreateKeyPair", {"KeyName": "vockey"})
    account.connect()
    for service, operation in WARM:
        ask(service, operation)


WARM = (
    ("acm", "ListCertificates"),
    ("autoscaling", "DescribeAutoScalingGroups"),
    ("cloudwatch", "DescribeAlarms"),
    ("ec2", "DescribeInstanceTypes"),
    ("ec2", "DescribeSubnets"),
    ("ecr", "DescribeRepositories"),
    ("ecs", "ListClusters"),
    ("elbv2", "DescribeLoadBalancers"),
    ("logs", "DescribeLogGroups"),
    ("rds", "DescribeDBInstances"),
    ("secretsmanager", "ListSecrets"),
    ("ssm", "DescribeParameters"),
    ("sts", "GetCallerIdentity"),
)
