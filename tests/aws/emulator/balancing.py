"""Load balancers, listeners, target groups: AWS's refusals, and targets that need time to become healthy."""

import re

from .cloud import ask, around, backend
from .network import attach, detach, interfaces
from .wire import Refused
from .world import SETTINGS, forget, look

NAME = re.compile(r"^(?!internal-)(?!-)[A-Za-z0-9-]{1,32}(?<!-)$")

# Target health by (target group, target): looks so far.
INITIAL = ("initial", "Elb.RegistrationInProgress", "Target registration is in progress")


def _check_name(kind, name):
    if not NAME.match(name):
        raise Refused("ValidationError", f"{kind} name '{name}' must have 1 to 32 letters, digits or hyphens")


def _balancer(name):
    return next((one for one in backend("elbv2").load_balancers.values() if one.name == name), None)


def _interfaces_of(arn):
    return "ELB " + arn.partition("loadbalancer/")[2]


@around("elbv2", "CreateLoadBalancer")
def create_load_balancer(call, proceed):
    params = call.params
    kind = params.get("Type", "application")
    subnets = params.get("Subnets") or [one["SubnetId"] for one in params.get("SubnetMappings", [])]
    groups = params.get("SecurityGroups", [])
    _check_name("Load balancer", params["Name"])
    ec2 = backend("ec2")
    zones = [ec2.get_subnet(subnet).availability_zone for subnet in subnets]
    if len(set(zones)) < len(zones):
        raise Refused(
            "InvalidConfigurationRequest", "A load balancer cannot be attached to multiple subnets in the same zone"
        )
    if kind == "application" and len(zones) < 2:
        raise Refused("ValidationError", "At least two subnets in two different Availability Zones must be specified")
    for group in groups:
        if not ec2.get_security_group_from_id(group):
            raise Refused("InvalidSecurityGroup", f"Security group '{group}' does not exist")
    if have := _balancer(params["Name"]):
        same = {one.id for one in have.subnets} == set(subnets) and set(have.security_groups or []) == set(groups)
        scheme = params.get("Scheme", "internet-facing")
        if same and (have.scheme or "internet-facing") == scheme and (have.type or "application") == kind:
            return ask("elbv2", "DescribeLoadBalancers", {"LoadBalancerArns": [have.arn]})
        raise Refused("DuplicateLoadBalancerName", f"A load balancer with the name '{params['Name']}' already exists")
    made = proceed()
    for one in made["LoadBalancers"]:
        one["State"] = {"Code": "provisioning"}
        attach(subnets, groups, _interfaces_of(one["LoadBalancerArn"]))
    return made


@around("elbv2", "DescribeLoadBalancers")
def describe_load_balancers(call, proceed):
    found = proceed()
    for one in found["LoadBalancers"]:
        is_active = look("balancer", one["LoadBalancerArn"]) > SETTINGS.balancer_after
        one["State"] = {"Code": "active" if is_active else "provisioning"}
    return found


@around("elbv2", "SetSecurityGroups")
def set_security_groups(call, proceed):
    done = proceed()
    groups = [backend("ec2").get_security_group_from_id(one) for one in call.params["SecurityGroups"]]
    for interface in interfaces(_interfaces_of(call.params["LoadBalancerArn"])):
        interface._group_set = groups
    return done


@around("elbv2", "SetSubnets")
def set_subnets(call, proceed):
    done = proceed()
    arn = call.params["LoadBalancerArn"]
    detach(_interfaces_of(arn))
    attach(call.params["Subnets"], backend("elbv2").load_balancers[arn].security_groups or [], _interfaces_of(arn))
    return done


@around("elbv2", "DeleteLoadBalancer")
def delete_load_balancer(call, proceed):
    arn = call.params["LoadBalancerArn"]
    have = backend("elbv2").load_balancers.get(arn)
    if have and have.attrs.get("deletion_protection.enabled") == "true":
        raise Refused(
            "OperationNotPermitted", f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
        )
    detach(_interfaces_of(arn))
    forget("balancer", arn)
    return proceed()


@around("elbv2", "CreateTargetGroup")
def create_target_group(call, proceed):
    params = call.params
    _check_name("Target group", params["Name"])
    if params.get("HealthCheckTimeoutSeconds", 5) > params.get("HealthCheckIntervalSeconds", 30):
        raise Refused("ValidationError", "Health check timeout must be smaller than the interval")
    groups = backend("elbv2").target_groups.values()
    if have := next((one for one in groups if one.name == params["Name"]), None):
        found = ask("elbv2", "DescribeTargetGroups", {"TargetGroupArns": [have.arn]})
        now = found["TargetGroups"][0]
        if all(now.get(name) == value for name, value in params.items() if name not in ("Name", "Tags")):
            return found
        raise Refused("DuplicateTargetGroupName", f"A target group with the same name '{params['Name']}' exists")
    return proceed()


@around("elbv2", "CreateListener")
def create_listener(call, proceed):
    balancer = backend("elbv2").load_balancers.get(call.params["LoadBalancerArn"])
    for have in balancer.listeners.values() if balancer else ():
        if int(have.port) == call.params["Port"]:
            found = ask("elbv2", "DescribeListeners", {"ListenerArns": [have.arn]})
            if _same_listener(found["Listeners"][0], call.params):
                return found
            raise Refused("DuplicateListener", f"A listener already exists on this port: {have.port}")
    for action in call.params.get("DefaultActions", []):
        group = backend("elbv2").target_groups.get(action.get("TargetGroupArn"))
        if group and set(group.load_balancer_arns) - {call.params["LoadBalancerArn"]}:
            raise Refused(
                "TargetGroupAssociationLimit", f"{group.arn} cannot be associated with more than one load balancer"
            )
    return proceed()


def _same_listener(have, want):
    def actions(listener):
        return [
            (one.get("Type"), one.get("TargetGroupArn"), one.get("RedirectConfig"))
            for one in listener["DefaultActions"]
        ]

    return have["Protocol"] == want.get("Protocol") and actions(have) == actions(want)


@around("elbv2", "DeleteListener")
def delete_listener(call, proceed):
    """Moto leaves the target group tied to the balancer."""
    elbv2 = backend("elbv2")
    listener = next((one.listeners.get(call.params["ListenerArn"]) for one in elbv2.load_balancers.values()), None)
    done = proceed()
    if listener:
        _untie(listener.load_balancer_arn)
    return done


def _untie(arn):
    elbv2 = backend("elbv2")
    balancer = elbv2.load_balancers.get(arn)
    listeners = balancer.listeners.values() if balancer else ()
    used = {action.data.get("TargetGroupArn") for listener in listeners for action in listener.default_actions}
    for group in elbv2.target_groups.values():
        if arn in group.load_balancer_arns and group.arn not in used:
            group.load_balancer_arns = [one for one in group.load_balancer_arns if one != arn]


@around("elbv2", "DeleteTargetGroup")
def delete_target_group(call, proceed):
    for arn in {arn for group in backend("elbv2").target_groups.values() for arn in group.load_balancer_arns}:
        _untie(arn)
    return proceed()


@around("elbv2", "DescribeTargetHealth")
def describe_target_health(call, proceed):
    found = proceed()
    for one in found.get("TargetHealthDescriptions", []):
        if one["TargetHealth"].get("State") == "healthy":
            one["TargetHealth"] = health(call.params["TargetGroupArn"], one["Target"]["Id"])
    return found


def health(group, target):
    """Of a registered target, now."""
    looks = look("target", f"{group}/{target}")
    if SETTINGS.unhealthy and looks > SETTINGS.healthy_after:
        reason = SETTINGS.unhealthy.get("reason", "Target.FailedHealthChecks")
        return {"State": "unhealthy", "Reason": reason, "Description": SETTINGS.unhealthy.get("description", "")}
    if looks <= SETTINGS.healthy_after:
        state, reason, description = INITIAL
        return {"State": state, "Reason": reason, "Description": description}
    return {"State": "healthy"}
