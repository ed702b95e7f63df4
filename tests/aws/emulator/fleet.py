"""Auto Scaling groups: refusals, attributes that moto forgets, versions of instances, targets of instances that left."""

from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

from moto.autoscaling.models import AutoScalingBackend, FakeAutoScalingGroup, InstanceState

from .cloud import around, ask, backend
from .wire import Refused
from .world import SETTINGS, forget, keep, kept, look

FORGOTTEN = ("DefaultCooldown", "DefaultInstanceWarmup", "HealthCheckGracePeriod")

# What groups did, newest first, by group.
_activities = {}


def validation(message):
    return Refused("ValidationError", message)


def _group(name):
    return backend("autoscaling").autoscaling_groups.get(name)


def _check_sizes(least, most, wanted):
    if least is not None and most is not None and least > most:
        raise validation("Min size must be less than or equal to max size")
    if wanted is not None and ((least or 0) > wanted or (most is not None and wanted > most)):
        raise validation(
            f"Desired capacity:{wanted} must be between the specified min size:{least} and max size:{most}"
        )


def _check_references(params):
    for arn in params.get("TargetGroupARNs", []):
        if arn not in backend("elbv2").target_groups:
            raise validation(f"Provided Target Groups may not be valid. Please ensure they exist and try again: {arn}")
    spec = params.get("LaunchTemplate")
    if spec:
        templates = backend("ec2").launch_templates
        name = backend("ec2").launch_template_name_to_ids.get(spec.get("LaunchTemplateName"))
        template = templates.get(spec.get("LaunchTemplateId") or name)
        if template is None:
            raise validation("You must use a valid fully-formed launch template. The launch template does not exist")
        version = spec.get("Version", "$Default")
        if version.isdigit() and not any(one.number == int(version) for one in template.versions):
            raise validation(f"You must use a valid fully-formed launch template. Version {version} does not exist")


@around("autoscaling", "CreateAutoScalingGroup")
def create_group(call, proceed):
    params = call.params
    name = params["AutoScalingGroupName"]
    if _group(name):
        raise Refused(
            "AlreadyExists",
            f"AutoScalingGroup by this name already exists - A group with the name {name} already exists",
        )
    if name in _gone and not _is_gone(name):
        raise Refused(
            "AlreadyExists",
            f"AutoScalingGroup by this name already exists - A group with the name {name} already exists and is pending delete",
        )
    _check_sizes(params["MinSize"], params["MaxSize"], params.get("DesiredCapacity"))
    _check_references(params)
    keep("group", name, params, *FORGOTTEN)
    return proceed()


@around("autoscaling", "UpdateAutoScalingGroup")
def update_group(call, proceed):
    params = call.params
    group = _group(params["AutoScalingGroupName"])
    if group:
        least, most = params.get("MinSize", group.min_size), params.get("MaxSize", group.max_size)
        _check_sizes(least, most, params.get("DesiredCapacity"))
        _check_references(params)
        keep("group", group.name, params, *FORGOTTEN)
        # Moto reads the policy's limits only where it is told the size; AWS moves the group into them.
        if "DesiredCapacity" not in params and not least <= group.desired_capacity <= most:
            done = proceed()
            group.set_desired_capacity(min(max(group.desired_capacity, least), most))
            return done
    return proceed()


@around("autoscaling", "SetDesiredCapacity")
def set_desired(call, proceed):
    if group := _group(call.params["AutoScalingGroupName"]):
        _check_sizes(group.min_size, group.max_size, call.params["DesiredCapacity"])
    return proceed()


@around("autoscaling", "DeleteAutoScalingGroup")
def delete_group(call, proceed):
    name = call.params["AutoScalingGroupName"]
    group = _group(name)
    if group and not call.params.get("ForceDelete") and (group.instance_states or _are_leaving(name)):
        raise Refused(
            "ResourceInUse",
            "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) still in the group.",
        )
    done = proceed()
    scaling = backend("autoscaling")
    for policy in [one for one in scaling.policies.values() if one.auto_scaling_group_name == name]:
        ask("autoscaling", "DeletePolicy", {"AutoScalingGroupName": name, "PolicyName": policy.name})
    forget("group", name)
    _activities.pop(name, None)
    _gone[name] = group
    return done


def _are_leaving(name):
    """One look further."""
    return SETTINGS.instances_linger > 0 and look("leaving instances", name) <= SETTINGS.instances_linger


# Deleted groups that are still seen, by name.
_gone = {}


@around("autoscaling", "DescribeAutoScalingGroups")
def describe_groups(call, proceed):
    found = proceed()
    for one in found["AutoScalingGroups"]:
        one.update(kept("group", one["AutoScalingGroupName"]))
        one["CreatedTime"] -= timedelta(seconds=SETTINGS.age)
        group = _group(one["AutoScalingGroupName"])
        instances = {state.instance_id: state for state in group.instance_states}
        for instance in one.get("Instances", []):
            state = instances[instance["InstanceId"]]
            instance["LaunchTemplate"] = state.launch_template
    for name in sorted(set(call.params.get("AutoScalingGroupNames", [])) & set(_gone)):
        if not _is_gone(name):
            found["AutoScalingGroups"].append(_leaving(_gone[name]))
    return found


def _is_gone(name):
    """One look further."""
    is_gone = look("gone group", name) > SETTINGS.gone_after
    if is_gone:
        del _gone[name]
        forget("gone group", name)
    return is_gone


def _leaving(group):
    sizes = {"MinSize": 0, "MaxSize": 0, "DesiredCapacity": 0, "DefaultCooldown": 300}
    about = {"AutoScalingGroupName": group.name, "AutoScalingGroupARN": group.arn, "Status": "Delete in progress"}
    tags = [{key: tag[key] for key in ("Key", "Value")} for tag in group.tags]
    return {
        **about,
        **sizes,
        "AvailabilityZones": group.availability_zones,
        "HealthCheckType": "EC2",
        "CreatedTime": group.created_time,
        "Tags": tags,
    }


def _launch(make):
    """Instances are spread over the subnets, and know of which version of the template they are."""

    def launch(group, count, tags):
        subnets = group.vpc_zone_identifier
        version = (
            group.ec2_launch_template.get_version(group.launch_template_version).number
            if group.ec2_launch_template
            else None
        )
        for _ in range(count):
            if SETTINGS.launches_fail:
                record(group.name, "Launching a new EC2 instance", "Failed", SETTINGS.launches_fail)
                return
            if subnets:
                options = subnets.split(",")
                group.vpc_zone_identifier = options[len(group.instance_states) % len(options)]
            make(group, 1, dict(tags))
            group.vpc_zone_identifier = subnets
            group.instance_states[-1].instance.launched_version = version
            record(group.name, f"Launching a new EC2 instance: {group.instance_states[-1].instance.id}")

    return launch


FakeAutoScalingGroup.replace_autoscaling_group_instances = _launch(
    FakeAutoScalingGroup.replace_autoscaling_group_instances
)


def _template(state):
    group = state.auto_scaling_group
    if group is None or group.ec2_launch_template is None:
        return None
    template = group.ec2_launch_template
    version = getattr(state.instance, "launched_version", template.default_version_number)
    return {"LaunchTemplateId": template.id, "LaunchTemplateName": template.name, "Version": str(version)}


InstanceState.launch_template = property(_template)


def _resize(make):
    """Moto removes instances by way of a set, in an order of its own each time."""

    def set_desired_capacity(group, capacity):
        before = list(group.instance_states)
        make(group, capacity)
        group.instance_states.sort(key=lambda state: before.index(state) if state in before else len(before))
        for state in before:
            if state not in group.instance_states:
                record(group.name, f"Terminating EC2 instance: {state.instance.id}")

    return set_desired_capacity


FakeAutoScalingGroup.set_desired_capacity = _resize(FakeAutoScalingGroup.set_desired_capacity)


def _follow(make):
    """Instances that left are taken out of the target groups too."""

    def update_attached_target_groups(self, name):
        group = self.autoscaling_groups[name]
        here = {state.instance.id for state in group.instance_states}
        known = self.elbv2_backend.target_groups
        group.target_group_arns = [arn for arn in group.target_group_arns if arn in known]
        for arn in group.target_group_arns:
            for target in [one for one in known[arn].targets if one.startswith("i-") and one not in here]:
                known[arn].targets.pop(target)
                forget("target", f"{arn}/{target}")
        make(self, name)

    return update_attached_target_groups


AutoScalingBackend.update_attached_target_groups = _follow(AutoScalingBackend.update_attached_target_groups)


@around("autoscaling", "DetachLoadBalancerTargetGroups")
def detach_target_groups(call, proceed):
    group = _group(call.params["AutoScalingGroupName"])
    missing = [arn for arn in call.params.get("TargetGroupARNs", []) if group and arn not in group.target_group_arns]
    if missing:
        raise validation(f"The target group '{missing[0]}' is not attached to the Auto Scaling group")
    return proceed()


# Why groups change just now.
_causes = []


@contextmanager
def because(cause):
    """What a group does meanwhile has this cause."""
    _causes.append(cause)
    try:
        yield
    finally:
        _causes.pop()


def record(group, description, status="Successful", message=None):
    known = _activities.setdefault(group, [])
    cause = _causes[-1] if _causes else "a difference between desired and actual capacity"
    about = {"description": description, "status": status, "number": len(known), "cause": cause}
    known.insert(0, {**about, "at": datetime.now(timezone.utc), "message": message})


@around("autoscaling", "DescribeScalingActivities")
def describe_activities(call, proceed):
    name = call.params.get("AutoScalingGroupName")
    if name and not _group(name):
        raise validation(f"AutoScalingGroup name not found - AutoScalingGroup {name} not found")
    activities = [
        {
            "ActivityId": f"{group}-{one['number']}",
            "AutoScalingGroupName": group,
            "Description": one["description"],
            "Cause": one["cause"],
            "StartTime": one["at"].strftime("%Y-%m-%dT%H:%M:%SZ"),
            "EndTime": one["at"].strftime("%Y-%m-%dT%H:%M:%SZ"),
            "StatusCode": one["status"],
            "StatusMessage": one["message"],
            "Progress": 100,
        }
        for group, known in _activities.items()
        if name in (None, group)
        for one in known
    ]
    return {"Activities": activities[: call.params.get("MaxRecords", 100)]}
