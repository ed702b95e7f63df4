"""What moto lacks or gets wrong, mended: fixes of its own classes, and answers to calls that it does not know."""

import copy
import re
import uuid

import wire
from moto.autoscaling import models as autoscaling
from moto.autoscaling import responses as autoscaling_responses
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID as ACCOUNT
from moto.core.model_instances import reset_model_data
from moto.ec2.models import launch_templates

REGION = "us-east-1"


def backend(name):
    return get_backend(name)[ACCOUNT][REGION]


def reset():
    reset_model_data()


def patch():
    """Fixes inside moto."""
    create = launch_templates.LaunchTemplate.create_version

    def create_version(self, data, description):
        # moto forgets to encode the user data of later versions, and instances from them then fail.
        data = copy.deepcopy(data)
        if isinstance(data.get("UserData"), str):
            data["UserData"] = data["UserData"].encode()
        return create(self, data, description)

    launch_templates.LaunchTemplate.create_version = create_version

    begin = autoscaling.InstanceState.__init__

    def begin_with_version(self, *args, **kwargs):
        begin(self, *args, **kwargs)
        self.version = getattr(self.auto_scaling_group, "provided_launch_template_version", None)

    def launch_template(self):
        template = self.auto_scaling_group.ec2_launch_template if self.auto_scaling_group else None
        if template is None:
            return None
        return {"LaunchTemplateId": template.id, "LaunchTemplateName": template.name, "Version": self.version}

    autoscaling.InstanceState.__init__ = begin_with_version
    autoscaling.InstanceState.launch_template = property(launch_template)

    put = autoscaling_responses.AutoScalingResponse.put_scaling_policy

    def put_scaling_policy(self):
        result = put(self)
        result.result["PolicyARN"] = result.result.pop("PolicyArn", None)
        return result

    autoscaling_responses.AutoScalingResponse.put_scaling_policy = put_scaling_policy


class World:
    """What is between the calls: instance refreshes, how the deployed service behaves."""

    def __init__(self):
        self.settings = {}
        self.refreshes = []

    def answer(self, call):
        """An answer instead of moto's, or None."""
        handler = getattr(self, f"{call.service}_{call.operation}".replace("-", "_"), None)
        return handler(call) if handler else None

    def mend(self, call, answer):
        """moto's answer made right."""
        handler = getattr(self, f"mend_{call.service}_{call.operation}".replace("-", "_"), None)
        return handler(call, answer) if handler and answer[0] < 300 else answer

    # Auto Scaling: what moto does not store.

    def group(self, call):
        return backend("autoscaling").autoscaling_groups.get(call.params.get("AutoScalingGroupName"))

    def keep_warmup(self, call, answer):
        warmup = call.params.get("DefaultInstanceWarmup")
        if warmup is not None and (group := self.group(call)):
            group.default_instance_warmup = int(warmup)
        return answer

    mend_autoscaling_CreateAutoScalingGroup = keep_warmup
    mend_autoscaling_UpdateAutoScalingGroup = keep_warmup

    def mend_autoscaling_DescribeAutoScalingGroups(self, call, answer):
        status, headers, body = answer
        text = body.decode()
        for name, group in backend("autoscaling").autoscaling_groups.items():
            warmup = getattr(group, "default_instance_warmup", None)
            mark = f"<AutoScalingGroupName>{name}</AutoScalingGroupName>"
            if warmup is not None and "<DefaultInstanceWarmup>" not in text:
                text = text.replace(mark, f"{mark}<DefaultInstanceWarmup>{warmup}</DefaultInstanceWarmup>")
        return status, headers, text.encode()

    # Instance refresh: moto has none. Begun, seen once as running, then done.

    def autoscaling_StartInstanceRefresh(self, call):
        group = self.group(call)
        if group is None:
            return wire.error(call, "ValidationError", "AutoScalingGroup name not found - null")
        name = call.params["AutoScalingGroupName"]
        if any(r["group"] == name and r["status"] in ("Pending", "InProgress") for r in self.refreshes):
            return wire.error(call, "InstanceRefreshInProgress", "An Instance Refresh is already in progress")
        refresh = {"id": str(uuid.uuid4()), "group": name, "status": "Pending"}
        self.refreshes.append(refresh)
        for instance in group.instance_states:
            instance.version = group.provided_launch_template_version
        return wire.query(call, f"<InstanceRefreshId>{refresh['id']}</InstanceRefreshId>")

    def autoscaling_DescribeInstanceRefreshes(self, call):
        ids = call.many("InstanceRefreshIds")
        name = call.params["AutoScalingGroupName"]
        found = [r for r in self.refreshes if r["group"] == name and (not ids or r["id"] in ids)]
        end = self.settings.get("refresh_ends", "Successful")
        steps = {"Pending": "InProgress", "InProgress": end}
        text = ""
        for refresh in reversed(found):
            refresh["status"] = steps.get(refresh["status"], refresh["status"])
            done = 100 if refresh["status"] == "Successful" else 50
            reason = self.settings.get("refresh_reason", "")
            text += (f"<member><InstanceRefreshId>{refresh['id']}</InstanceRefreshId><Status>{refresh['status']}</Status>"
                     f"<StatusReason>{reason}</StatusReason><PercentageComplete>{done}</PercentageComplete>"
                     f"<AutoScalingGroupName>{name}</AutoScalingGroupName></member>")
        return wire.query(call, f"<InstanceRefreshes>{text}</InstanceRefreshes>")

    # Targets that are not well, on request.

    def mend_elasticloadbalancing_DescribeTargetHealth(self, call, answer):
        reason = self.settings.get("unhealthy")
        if not reason:
            return answer
        status, headers, body = answer
        unwell = f"<TargetHealth><State>unhealthy</State><Reason>{reason}</Reason><Description>on request</Description></TargetHealth>"
        text = re.sub(r"<TargetHealth>.*?</TargetHealth>", unwell, body.decode(), flags=re.S)
        return status, headers, text.encode()
