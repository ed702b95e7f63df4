"""What is there, without ids and times, so that two worlds can be compared; and what an account has from the start."""

import json

import boto3
from botocore.config import Config

REGION = "us-east-1"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": ["ec2.amazonaws.com", "ecs-tasks.amazonaws.com"]}, "Action": "sts:AssumeRole"}]})


def client(name, port):
    config = Config(user_agent_extra="emulator-self", retries={"max_attempts": 0})
    return boto3.client(name, endpoint_url=f"http://127.0.0.1:{port}", region_name=REGION, config=config,
                        aws_access_key_id="self", aws_secret_access_key="self")


def prepare(port):
    """The Learner Lab's role, profile and key."""
    iam, ec2 = client("iam", port), client("ec2", port)
    iam.create_role(RoleName="LabRole", AssumeRolePolicyDocument=TRUST)
    iam.create_instance_profile(InstanceProfileName="LabInstanceProfile")
    iam.add_role_to_instance_profile(InstanceProfileName="LabInstanceProfile", RoleName="LabRole")
    ec2.create_key_pair(KeyName="vockey")


def state(port):
    """By kind; ids replaced by names."""
    ec2, elb, auto = client("ec2", port), client("elbv2", port), client("autoscaling", port)
    watch, logs, ssm, rds = client("cloudwatch", port), client("logs", port), client("ssm", port), client("rds", port)
    names = {}
    found = {}

    groups = [g for g in ec2.describe_security_groups()["SecurityGroups"] if g["GroupName"] != "default"]
    names |= {group["GroupId"]: group["GroupName"] for group in groups}
    found["security_groups"] = [
        {"name": g["GroupName"], "tags": tags(g.get("Tags")), "rules": sorted(rules(g, names))} for g in groups]

    balancers = elb.describe_load_balancers()["LoadBalancers"]
    targets = elb.describe_target_groups()["TargetGroups"]
    names |= {lb["LoadBalancerArn"]: lb["LoadBalancerName"] for lb in balancers}
    names |= {tg["TargetGroupArn"]: tg["TargetGroupName"] for tg in targets}
    found["load_balancers"] = [
        {"name": lb["LoadBalancerName"], "type": lb["Type"], "scheme": lb["Scheme"],
         "subnets": len(lb["AvailabilityZones"]), "groups": [names.get(g, g) for g in lb["SecurityGroups"]],
         "listeners": sorted(listener(one, names) for one in
                             elb.describe_listeners(LoadBalancerArn=lb["LoadBalancerArn"])["Listeners"]),
         "attributes": pairs(elb.describe_load_balancer_attributes(LoadBalancerArn=lb["LoadBalancerArn"])["Attributes"])}
        for lb in balancers]
    volatile = ("TargetGroupArn", "LoadBalancerArns", "VpcId")
    found["target_groups"] = [
        {**{key: value for key, value in tg.items() if key not in volatile},
         "attributes": pairs(elb.describe_target_group_attributes(TargetGroupArn=tg["TargetGroupArn"])["Attributes"])}
        for tg in targets]

    templates = ec2.describe_launch_templates()["LaunchTemplates"]
    names |= {lt["LaunchTemplateId"]: lt["LaunchTemplateName"] for lt in templates}
    found["launch_templates"] = [
        {"name": lt["LaunchTemplateName"], "data": named(ec2.describe_launch_template_versions(
            LaunchTemplateId=lt["LaunchTemplateId"], Versions=["$Latest"])["LaunchTemplateVersions"][0]["LaunchTemplateData"], names)}
        for lt in templates]

    newest = {lt["LaunchTemplateId"]: str(lt["LatestVersionNumber"]) for lt in templates}
    found["groups"] = [group(one, names, newest) for one in auto.describe_auto_scaling_groups()["AutoScalingGroups"]]
    reservations = ec2.describe_instances(Filters=[{"Name": "instance-state-name", "Values": ["pending", "running"]}])
    found["instances"] = sum(len(r["Instances"]) for r in reservations["Reservations"])

    policies = auto.describe_policies()["ScalingPolicies"]
    names |= {policy["PolicyARN"]: policy["PolicyName"] for policy in policies}
    found["policies"] = [without(named(p, names), "PolicyARN", "Alarms") for p in policies]
    kept = ("AlarmName", "MetricName", "Namespace", "Dimensions", "Period", "EvaluationPeriods", "Threshold",
            "ComparisonOperator", "TreatMissingData", "AlarmActions", "Statistic", "ExtendedStatistic", "DatapointsToAlarm")
    found["alarms"] = [
        named({key: alarm[key] for key in kept if key in alarm}, names) for alarm in watch.describe_alarms()["MetricAlarms"]]
    found["log_groups"] = [
        {"name": lg["logGroupName"], "days": lg.get("retentionInDays")} for lg in logs.describe_log_groups()["logGroups"]]
    found["parameters"] = [p["Name"] for p in ssm.describe_parameters()["Parameters"]]
    found["databases"] = [
        {"name": db["DBInstanceIdentifier"], "class": db["DBInstanceClass"], "storage": db["AllocatedStorage"],
         "groups": [names.get(g["VpcSecurityGroupId"]) for g in db["VpcSecurityGroups"]]}
        for db in rds.describe_db_instances()["DBInstances"]]
    found["subnet_groups"] = [g["DBSubnetGroupName"] for g in rds.describe_db_subnet_groups()["DBSubnetGroups"]]
    found["snapshots"] = len(rds.describe_db_snapshots()["DBSnapshots"])
    return {kind: sorted(items, key=lambda item: json.dumps(item, sort_keys=True, default=str))
            if isinstance(items, list) else items for kind, items in found.items()}


def tags(given):
    return {tag["Key"]: tag["Value"] for tag in given or []}


def pairs(attributes):
    return {one["Key"]: one["Value"] for one in attributes}


def rules(group, names):
    for rule in group["IpPermissions"]:
        port = rule.get("FromPort")
        for world in rule.get("IpRanges", []):
            yield f"{port} from {world['CidrIp']}"
        for pair in rule.get("UserIdGroupPairs", []):
            yield f"{port} from {names.get(pair['GroupId'], pair['GroupId'])}"


def listener(one, names):
    action = one["DefaultActions"][0]
    target = names.get(action.get("TargetGroupArn"), json.dumps(action.get("RedirectConfig")))
    return f"{one['Port']} {one['Protocol']} {action['Type']} {target}"


def group(one, names, newest):
    template = one["LaunchTemplate"]
    version = newest.get(template["LaunchTemplateId"])
    return {
        "name": one["AutoScalingGroupName"], "min": one["MinSize"], "max": one["MaxSize"],
        "desired": one["DesiredCapacity"], "instances": len(one["Instances"]),
        "newest_version": template["Version"] == version,
        "outdated": sum(1 for i in one["Instances"] if i["LaunchTemplate"]["Version"] != version),
        "health": one["HealthCheckType"], "grace": one["HealthCheckGracePeriod"], "cooldown": one["DefaultCooldown"],
        "warmup": one.get("DefaultInstanceWarmup"), "zones": one["VPCZoneIdentifier"].count(",") + 1,
        "targets": [names.get(arn, arn) for arn in one["TargetGroupARNs"]], "tags": tags(one["Tags"]),
    }


def named(value, names):
    """The same value with every id that we know replaced by its name."""
    if isinstance(value, dict):
        return {key: named(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [named(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value


def without(value, *keys):
    return {key: item for key, item in value.items() if key not in keys}
