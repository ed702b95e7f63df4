"""What IAM policies allow: each call is checked, before it is executed, against its action, the resources it names and the
conditions of a statement.

Moto's own enforcement sees neither resources nor conditions. Which resources an action names is as the Service
Authorization Reference has it: an action of which it knows none is allowed by `*` only.
"""

import re
from fnmatch import translate
from functools import cache

from .cloud import ACCOUNT, REGION, ask
from .faults import Rule, refusal
from .wire import Refused

_policies = None


def allow_only(documents):
    """From now on, only what these policies allow; None allows everything again."""
    global _policies
    _policies = documents


def denied(call):
    """The refusal of a call that no policy allows. Who we are may always be asked."""
    if _policies is None or call.name == "sts:GetCallerIdentity":
        return None
    for action, resource, context in _checks(call):
        if not _is_allowed(action, resource, context):
            message = f"User: arn:aws:sts::{ACCOUNT}:user/moto is not authorized to perform: {action} on {resource}"
            return refusal(Rule(code="denied", message=message), call)
    return None


def _is_allowed(action, resource, context):
    effects = {
        one["Effect"] for one in _statements() if _concerns(one, action, resource) and _holds(one, context)
    }
    return effects == {"Allow"}


def _statements():
    for document in _policies:
        statements = document["Statement"]
        yield from statements if isinstance(statements, list) else [statements]


def _list(value):
    return value if isinstance(value, list) else [value]


@cache
def _pattern(text, ignore_case):
    # Brackets mean nothing to IAM.
    return re.compile(translate(text.replace("[", "[[]")), re.IGNORECASE if ignore_case else 0)


def _concerns(statement, action, resource):
    actions = any(_pattern(one, True).match(action) for one in _list(statement["Action"]))
    return actions and any(_pattern(one, False).match(resource) for one in _list(statement["Resource"]))


def _holds(statement, context):
    """A key that the call does not have is no match."""
    for operator, keys in statement.get("Condition", {}).items():
        if operator != "StringEquals":
            raise NotImplementedError(operator)
        if not all(context.get(key) in _list(values) for key, values in keys.items()):
            return False
    return True


def _checks(call):
    """(action, resource, context) of everything that must be allowed for a call, what it does on the way included."""
    service, _, operation = call.name.partition(":")
    params = call.params
    rule = RESOURCES.get(service)
    resources = rule(operation, params) if rule else ["*"]
    context = _context(service, params)
    for resource in resources:
        yield call.name, resource, {**context, **_tags(service, resource)}
    yield from _on_the_way(service, operation, params, resources)


def _context(service, params):
    if service == "application-autoscaling":
        return {"application-autoscaling:service-namespace": params.get("ServiceNamespace")}
    return {}


def _on_the_way(service, operation, params, resources):
    """Tags that are given, roles that are passed, instances that are launched."""
    if service == "ec2" and params.get("TagSpecifications"):
        yield "ec2:CreateTags", resources[0], {"ec2:CreateAction": operation}
    if service == "elasticloadbalancing" and operation.startswith("Create") and params.get("Tags"):
        kind = _arn("elasticloadbalancing", f"listener/app/{resources[0].partition('/app/')[2]}/0")
        yield "elasticloadbalancing:AddTags", kind if operation == "CreateListener" else resources[0], {}
    if service == "ecs" and params.get("tags"):
        yield "ecs:TagResource", _new_in_ecs(operation, params), {}
    tagging = {"cloudwatch": "TagResource", "logs": "TagResource", "rds": "AddTagsToResource", "ssm": "AddTagsToResource"}
    if service in tagging and (params.get("Tags") or params.get("tags")):
        yield f"{service}:{tagging[service]}", resources[0], {}
    if (service, operation) == ("autoscaling", "CreateAutoScalingGroup"):
        yield "ec2:RunInstances", _arn("ec2", "instance/*"), {}
        yield _pass("LabRole", "ec2.amazonaws.com")
    if (service, operation) == ("ecs", "RegisterTaskDefinition"):
        for role in {params.get("executionRoleArn"), params.get("taskRoleArn")} - {None}:
            yield _pass(role.rpartition("/")[2], "ecs-tasks.amazonaws.com")


def _pass(role, to):
    return "iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/{role}", {"iam:PassedToService": to}


def _arn(service, rest):
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"


def _is_read(operation):
    return operation.startswith(("Describe", "Get", "List"))


def _ec2(operation, params):
    if _is_read(operation):
        return ["*"]
    if operation == "CreateSecurityGroup":
        vpc = params.get("VpcId", "vpc-0")
        return [_arn("ec2", "security-group/sg-0"), _arn("ec2", f"vpc/{vpc}")]
    if operation == "CreateLaunchTemplate":
        return [_arn("ec2", "launch-template/lt-0")]
    if operation in ("CreateTags", "DeleteTags"):
        return [_arn("ec2", f"{_kind(one)}/{one}") for one in params["Resources"]]
    identity = params.get("GroupId") or params.get("LaunchTemplateId")
    return [_arn("ec2", f"{_kind(identity)}/{identity}")] if identity else ["*"]


def _kind(identity):
    return "launch-template" if identity.startswith("lt-") else "security-group"


def _elb(operation, params):
    if _is_read(operation):
        return ["*"]
    if operation == "CreateLoadBalancer":
        kind = "net" if params.get("Type") == "network" else "app"
        return [_arn("elasticloadbalancing", f"loadbalancer/{kind}/{params['Name']}/0")]
    if operation == "CreateTargetGroup":
        return [_arn("elasticloadbalancing", f"targetgroup/{params['Name']}/0")]
    # A listener is made on its balancer and changed by itself.
    named = params.get("ListenerArn") or params.get("LoadBalancerArn") or params.get("TargetGroupArn")
    return [named] if named else params.get("ResourceArns", ["*"])


def _autoscaling(operation, params):
    if _is_read(operation):
        return ["*"]
    names = [params.get("AutoScalingGroupName")] + [one.get("ResourceId") for one in params.get("Tags", [])]
    return [_arn("autoscaling", f"autoScalingGroup:0:autoScalingGroupName/{one}") for one in set(names) - {None}]


def _cloudwatch(operation, params):
    if operation in ("DescribeAlarms", "GetMetricData", "GetMetricStatistics", "ListMetrics"):
        return ["*"]
    names = params.get("AlarmNames") or [params.get("AlarmName")]
    return [params["ResourceARN"]] if "ResourceARN" in params else [_arn("cloudwatch", f"alarm:{one}") for one in names]


def _logs(operation, params):
    if operation == "DescribeLogGroups":
        return ["*"]
    arn = params.get("resourceArn") or params.get("logGroupIdentifier")
    return [arn or _arn("logs", f"log-group:{params.get('logGroupName')}:*")]


def _rds(operation, params):
    known = (
        ("DBInstanceIdentifier", "db:"),
        ("DBSubnetGroupName", "subgrp:"),
        ("FinalDBSnapshotIdentifier", "snapshot:"),
    )
    found = [_arn("rds", prefix + params[name]) for name, prefix in known if params.get(name)]
    if operation == "CreateDBInstance":
        # The groups of options and parameters that nobody named.
        found += [_arn("rds", "og:default:postgres-16"), _arn("rds", "pg:default.postgres16")]
    return found or [params.get("ResourceName", "*")]


def _ssm(operation, params):
    if operation == "DescribeParameters":
        return ["*"]
    name = params.get("Name") or params.get("ResourceId", "")
    # AWS's own parameters are nobody's.
    account = "" if name.startswith("/aws/") else ACCOUNT
    return [f"arn:aws:ssm:{REGION}:{account}:parameter/{name.lstrip('/')}"]


# Actions of ECS that accept no resource.
ECS_ANY = ("CreateCluster", "RegisterTaskDefinition", "DeregisterTaskDefinition", "ListClusters", "ListTaskDefinitions",
           "DescribeTaskDefinition")


def _ecs(operation, params):
    if operation in ECS_ANY:
        return ["*"]
    if operation == "DeleteTaskDefinitions":
        return [one if one.startswith("arn:") else _arn("ecs", f"task-definition/{one}") for one in params["taskDefinitions"]]
    if "resourceArn" in params:
        return [params["resourceArn"]]
    cluster = params.get("cluster", "default").rpartition("/")[2]
    services = params.get("services") or [params.get("service") or params.get("serviceName")]
    names = [one.rpartition("/")[2] for one in services if one]
    if names and operation not in ("ListTasks",):
        return [_arn("ecs", f"service/{cluster}/{one}") for one in names]
    if "clusters" in params:
        return [_arn("ecs", f"cluster/{one.rpartition('/')[2]}") for one in params["clusters"]]
    return [_arn("ecs", f"cluster/{cluster}")]


def _new_in_ecs(operation, params):
    if operation == "CreateCluster":
        return _arn("ecs", f"cluster/{params['clusterName']}")
    if operation == "RegisterTaskDefinition":
        return _arn("ecs", f"task-definition/{params['family']}:1")
    return _arn("ecs", f"service/{params['cluster'].rpartition('/')[2]}/{params['serviceName']}")


def _ecr(operation, params):
    if operation == "GetAuthorizationToken":
        return ["*"]
    if "resourceArn" in params:
        return [params["resourceArn"]]
    names = params.get("repositoryNames") or [params.get("repositoryName", "*")]
    return [_arn("ecr", f"repository/{one}") for one in names]


def _iam(operation, params):
    known = (("RoleName", "role/"), ("InstanceProfileName", "instance-profile/"), ("ServerCertificateName", "server-certificate/"))
    return [f"arn:aws:iam::{ACCOUNT}:{prefix}{params[name]}" for name, prefix in known if name in params] or ["*"]


def _acm(operation, params):
    return [params.get("CertificateArn", "*")]


def _scaling(operation, params):
    return ["*"] if _is_read(operation) else [_arn("application-autoscaling", "scalable-target/0")]


RESOURCES = {
    "acm": _acm,
    "application-autoscaling": _scaling,
    "autoscaling": _autoscaling,
    "cloudwatch": _cloudwatch,
    "ec2": _ec2,
    "ecr": _ecr,
    "ecs": _ecs,
    "elasticloadbalancing": _elb,
    "iam": _iam,
    "logs": _logs,
    "rds": _rds,
    "ssm": _ssm,
}


def _tags(service, resource):
    """The tags of something that is there, as the keys of conditions."""
    if service != "ec2" or not re.search(r"/(sg|lt)-\w{3,}$", resource):
        return {}
    asked = {"Filters": [{"Name": "resource-id", "Values": [resource.rpartition("/")[2]]}]}
    try:
        found = ask("ec2", "DescribeTags", asked).get("Tags", [])
    except Refused:
        return {}
    return {f"aws:ResourceTag/{one['Key']}": one["Value"] for one in found}
