"""Security groups that are in use, network interfaces that linger, launch templates."""

import base64

from moto.ec2.models.launch_templates import LaunchTemplate
from moto.ec2.utils import parse_user_data

from .cloud import around, backend
from .wire import Refused
from .world import SETTINGS, look

USER_DATA_MAX = 16 * 1024

# Interfaces of what was deleted: {interface id}.
_lingering = set()

# What else comes to an end while somebody waits for a security group.
ENDINGS = []


def attach(subnets, groups, description):
    """Network interfaces of a balancer, a task or a database: what holds a security group."""
    ec2 = backend("ec2")
    for subnet in subnets:
        address = ec2.get_subnet(subnet).get_available_subnet_ip(None)
        made = ec2.create_network_interface(
            ec2.get_subnet(subnet), address, group_ids=list(groups), description=description
        )
        made.status = "in-use"


def detach(description):
    """They go at once, or linger as long as the settings say."""
    ec2 = backend("ec2")
    for identity in [one.id for one in ec2.enis.values() if one.description == description]:
        if SETTINGS.interfaces_linger:
            _lingering.add(identity)
        else:
            del ec2.enis[identity]


def interfaces(description):
    return [one for one in backend("ec2").enis.values() if one.description == description]


def _time_passes():
    for ending in ENDINGS:
        ending()
    for identity in [one.id for one in backend("ec2").enis.values() if _is_orphan(one)]:
        del backend("ec2").enis[identity]
    for identity in sorted(_lingering):
        if look("interface", identity) > SETTINGS.interfaces_linger:
            _lingering.discard(identity)
            backend("ec2").enis.pop(identity, None)


def _is_orphan(interface):
    """Moto leaves an instance's interface when the instance ends."""
    if interface.description != "Primary network interface":
        return False
    return interface.instance is None or interface.instance.state in ("terminated", "shutting-down")


@around("ec2", "DescribeNetworkInterfaces")
def describe_network_interfaces(call, proceed):
    _time_passes()
    return proceed()


@around("ec2", "DeleteSecurityGroup")
def delete_security_group(call, proceed):
    _time_passes()
    ec2 = backend("ec2")
    name = call.params.get("GroupId") or call.params.get("GroupName")
    group = ec2.get_security_group_by_name_or_id(name)
    if group and (holder := _holder(ec2, group)):
        raise Refused("DependencyViolation", f"resource {group.id} has a dependent object ({holder})")
    return proceed()


def _holder(ec2, group):
    for interface in ec2.enis.values():
        if any(one.id == group.id for one in interface.group_set):
            return interface.id
    for instance in ec2.all_instances():
        running = instance.state not in ("terminated", "shutting-down")
        if running and any(one.id == group.id for one in instance.security_groups):
            return instance.id
    for other in ec2.describe_security_groups():
        rules = [*other.ingress_rules, *other.egress_rules]
        if other.id != group.id and any((rule.source_group or {}).get("GroupId") == group.id for rule in rules):
            return other.id
    return None


def _version_with_user_data(make):
    """Moto keeps the user data of later versions as plain text, from which no instance starts."""

    def create_version(self, data, description):
        if isinstance(data.get("UserData"), str):
            data = {**data, "UserData": parse_user_data(data["UserData"])}
        return make(self, data, description)

    return create_version


LaunchTemplate.create_version = _version_with_user_data(LaunchTemplate.create_version)


@around("ec2", "CreateLaunchTemplate", "CreateLaunchTemplateVersion")
def create_launch_template(call, proceed):
    data = call.params.get("LaunchTemplateData", {})
    try:
        script = base64.b64decode(data.get("UserData") or "", validate=True)
    except ValueError as broken:
        raise Refused("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.") from broken
    if len(script) > USER_DATA_MAX:
        raise Refused("InvalidUserData.Malformed", "User data is limited to 16384 bytes")
    for group in data.get("SecurityGroupIds", []):
        if not backend("ec2").get_security_group_from_id(group):
            raise Refused("InvalidGroup.NotFound", f"The security group '{group}' does not exist")
    return proceed()


@around("ec2", "DeleteLaunchTemplate")
def delete_launch_template(call, proceed):
    """AWS lets this happen, and the group cannot launch any more. Here the wrong order shows at once."""
    for group in backend("autoscaling").autoscaling_groups.values():
        template = group.ec2_launch_template
        if template and call.params.get("LaunchTemplateId", template.id) == template.id:
            if call.params.get("LaunchTemplateName", template.name) == template.name:
                raise Refused("OperationNotPermitted", f"{template.id} is the template of group {group.name}")
    return proceed()
