"""All that exists, in a form that two runs can be compared by: ids become names, times go, lists are sorted."""

import json
import re

from .cloud import ask, backend

# Names of fields that say when, how often or how far, not what.
NOISE = re.compile(
    r"(Time|Date|createdAt|updatedAt|registeredAt|CreatedBy|registeredBy|startedAt|CreationTime|creationTime|Timestamp|"
    r"ResponseMetadata|NextToken|LastModifiedDate|DbiResourceId|StateReason\w*|storedBytes|revisionId|ETag|"
    r"LastModifiedUser|ClientToken|clientToken|Version|LatestVersionNumber|DefaultVersionNumber|revision)$"
)

# What is looked at: how it is asked for, and the field that holds the answer.
SOURCES = (
    ("ec2", "DescribeSecurityGroups", {}, "SecurityGroups"),
    ("ec2", "DescribeNetworkInterfaces", {}, "NetworkInterfaces"),
    ("ec2", "DescribeLaunchTemplates", {}, "LaunchTemplates"),
    (
        "ec2",
        "DescribeInstances",
        {"Filters": [{"Name": "instance-state-name", "Values": ["pending", "running"]}]},
        "Reservations",
    ),
    ("autoscaling", "DescribeAutoScalingGroups", {}, "AutoScalingGroups"),
    ("autoscaling", "DescribePolicies", {}, "ScalingPolicies"),
    ("cloudwatch", "DescribeAlarms", {}, "MetricAlarms"),
    ("elbv2", "DescribeLoadBalancers", {}, "LoadBalancers"),
    ("elbv2", "DescribeTargetGroups", {}, "TargetGroups"),
    ("application-autoscaling", "DescribeScalableTargets", {"ServiceNamespace": "ecs"}, "ScalableTargets"),
    ("application-autoscaling", "DescribeScalingPolicies", {"ServiceNamespace": "ecs"}, "ScalingPolicies"),
    ("logs", "DescribeLogGroups", {}, "logGroups"),
    ("rds", "DescribeDBInstances", {}, "DBInstances"),
    ("rds", "DescribeDBSubnetGroups", {}, "DBSubnetGroups"),
    ("rds", "DescribeDBSnapshots", {"SnapshotType": "manual"}, "DBSnapshots"),
    ("ecr", "DescribeRepositories", {}, "repositories"),
)


def settled():
    """The state once it no longer changes by being looked at: what was on its way has arrived."""
    before, now = None, dump()
    for _ in range(LOOKS_MAX):
        if before == now:
            break
        before, now = now, dump()
    return now


LOOKS_MAX = 20


def dump():
    """A dictionary of lists by kind."""
    found = {}
    for service, operation, params, field in SOURCES:
        found[f"{service}:{field}"] = ask(service, operation, params).get(field, [])
    _more(found)
    found["ec2:SecurityGroups"] = [one for one in found["ec2:SecurityGroups"] if one["GroupName"] != "default"]
    found["ec2:Instances"] = [_instance(one) for r in found.pop("ec2:Reservations") for one in r["Instances"]]
    found["ec2:NetworkInterfaces"] = [
        _interface(one) for one in found["ec2:NetworkInterfaces"] if not one.get("Attachment", {}).get("InstanceId")
    ]
    labels = _labels(found)
    plain = {kind: sorted((_plain(one, labels) for one in things), key=_text) for kind, things in found.items()}
    return {kind: things for kind, things in plain.items() if things}


def _text(value):
    return json.dumps(value, sort_keys=True, default=str)


def _instance(one):
    """What an instance is; where it is may differ."""
    tags = {tag["Key"]: tag["Value"] for tag in one.get("Tags", [])}
    return {"Tags": tags, "ImageId": one["ImageId"], "InstanceType": one["InstanceType"]}


def _interface(one):
    return {"Description": one.get("Description"), "Groups": [group["GroupId"] for group in one.get("Groups", [])]}


def _more(found):
    """What must be asked for thing by thing."""
    for one in found["ec2:LaunchTemplates"]:
        asked = {"LaunchTemplateId": one["LaunchTemplateId"]}
        versions = ask("ec2", "DescribeLaunchTemplateVersions", {**asked, "Versions": ["$Latest"]})[
            "LaunchTemplateVersions"
        ]
        one["Latest"] = versions[0]["LaunchTemplateData"]
    for one in found["elbv2:LoadBalancers"]:
        arn = {"LoadBalancerArn": one["LoadBalancerArn"]}
        one["Attributes"] = ask("elbv2", "DescribeLoadBalancerAttributes", arn)["Attributes"]
        one["Listeners"] = ask("elbv2", "DescribeListeners", arn)["Listeners"]
    for one in found["elbv2:TargetGroups"]:
        arn = {"TargetGroupArn": one["TargetGroupArn"]}
        one["Attributes"] = ask("elbv2", "DescribeTargetGroupAttributes", arn)["Attributes"]
        one["Targets"] = len(ask("elbv2", "DescribeTargetHealth", arn).get("TargetHealthDescriptions", []))
    for kind, field in (("LoadBalancers", "LoadBalancerArn"), ("TargetGroups", "TargetGroupArn")):
        for one in found[f"elbv2:{kind}"]:
            arns = [one[field], *(listener["ListenerArn"] for listener in one.get("Listeners", []))]
            one["Tags"] = ask("elbv2", "DescribeTags", {"ResourceArns": arns})["TagDescriptions"]
    for one in found["cloudwatch:MetricAlarms"]:
        one["Tags"] = ask("cloudwatch", "ListTagsForResource", {"ResourceARN": one["AlarmArn"]})["Tags"]
    for one in found["autoscaling:AutoScalingGroups"]:
        versions = {
            instance.get("LaunchTemplate", {}).get("Version") == one["LaunchTemplate"]["Version"]
            for instance in one.get("Instances", [])
        }
        one["Instances"] = {"Count": len(one.get("Instances", [])), "Current": versions <= {True}}
    for one in found["logs:logGroups"]:
        one["Tags"] = ask("logs", "ListTagsForResource", {"resourceArn": one["arn"].removesuffix(":*")})["tags"]
    _containers(found)
    _secrets(found)


def _containers(found):
    clusters = ask("ecs", "ListClusters")["clusterArns"]
    found["ecs:clusters"] = (
        ask("ecs", "DescribeClusters", {"clusters": clusters, "include": ["TAGS"]})["clusters"] if clusters else []
    )
    found["ecs:clusters"] = [one for one in found["ecs:clusters"] if one["status"] == "ACTIVE"]
    found["ecs:services"] = []
    for cluster in found["ecs:clusters"]:
        arns = ask("ecs", "ListServices", {"cluster": cluster["clusterArn"]})["serviceArns"]
        services = (
            ask("ecs", "DescribeServices", {"cluster": cluster["clusterArn"], "services": arns, "include": ["TAGS"]})[
                "services"
            ]
            if arns
            else []
        )
        for one in services:
            if one["status"] != "INACTIVE":
                definition = ask("ecs", "DescribeTaskDefinition", {"taskDefinition": one["taskDefinition"]})[
                    "taskDefinition"
                ]
                one.pop("events", None)
                one["deployments"] = [
                    {"status": each["status"], "rolloutState": each["rolloutState"]} for each in one["deployments"]
                ]
                found["ecs:services"].append({**one, "taskDefinition": definition})
        for name in ("runningTasksCount", "pendingTasksCount", "activeServicesCount"):
            cluster.pop(name, None)
    arns = ask("ecs", "ListTaskDefinitions", {"status": "ACTIVE"})["taskDefinitionArns"]
    found["ecs:families"] = sorted({arn.rpartition("/")[2].partition(":")[0] for arn in arns})


def _secrets(found):
    # AWS's own parameters are many, and shared.
    names = sorted(
        name for name, versions in backend("ssm")._parameters.items() if versions and not name.startswith("/aws/")
    )
    found["ssm:Parameters"] = []
    for name in names:
        one = ask("ssm", "GetParameter", {"Name": name, "WithDecryption": True})["Parameter"]
        tags = ask("ssm", "ListTagsForResource", {"ResourceType": "Parameter", "ResourceId": name})["TagList"]
        found["ssm:Parameters"].append({"Name": name, "Type": one["Type"], "Value": one["Value"], "Tags": tags})
    # A password is another each time; where it is used must be the same.
    for secret in [one for one in found["ssm:Parameters"] if "password" in one["Name"]]:
        for one in found["ssm:Parameters"]:
            if one is not secret:
                one["Value"] = one["Value"].replace(secret["Value"], f"<{secret['Name']}>")
        secret["Value"] = "<secret>"
    found["secretsmanager:Secrets"] = [
        {"Name": one["Name"], "Tags": one.get("Tags", [])} for one in ask("secretsmanager", "ListSecrets")["SecretList"]
    ]


def _labels(found):
    """Ids and the names that stand for them."""
    labels = {one["GroupId"]: f"<group {one['GroupName']}>" for one in found["ec2:SecurityGroups"]}
    labels |= {
        one["LaunchTemplateId"]: f"<template {one['LaunchTemplateName']}>" for one in found["ec2:LaunchTemplates"]
    }
    return labels


IDS = (
    (re.compile(r"\b(subnet|vpc|eni|sgr|i|r)-[0-9a-f]{8,17}\b"), r"<\1>"),
    (
        re.compile(
            r"((?:loadbalancer/(?:app|net)|targetgroup|listener/(?:app|net))/[\w-]+)/[0-9a-f]{16}(?:/[0-9a-f]{16})?"
        ),
        r"\1",
    ),
    (re.compile(r"\b((?:app|net|targetgroup)/[\w-]+)/[0-9a-f]{16}"), r"\1"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<uuid>"),
    (re.compile(r"(task-definition/[\w-]+):\d+"), r"\1"),
    (re.compile(r"-final-\w+"), "-final"),
    (re.compile(r"(scalable-target)/\w+"), r"\1"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "<task>"),
)


def _plain(value, labels):
    if isinstance(value, dict):
        kept = {key: one for key, one in value.items() if not NOISE.search(key) or key == "EngineVersion"}
        return {key: _plain(one, labels) for key, one in kept.items()}
    if isinstance(value, (list, tuple)):
        return sorted((_plain(one, labels) for one in value), key=_text)
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if not isinstance(value, str):
        return value if isinstance(value, (int, float, bool, type(None))) else str(value)
    for identity, label in labels.items():
        value = value.replace(identity, label)
    for pattern, label in IDS:
        value = pattern.sub(label, value)
    return value
