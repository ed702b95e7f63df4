"""Application Auto Scaling: a scalable target takes its policies and their alarms with it, thresholds follow the target."""

from datetime import datetime, timezone

from .cloud import around, ask, backend
from .wire import Refused

# Below this share of the target, target tracking scales in.
LOW = 0.9


def _policies(params):
    found = backend("application-autoscaling").policies.values()
    return [one for one in found if one.resource_id == params["ResourceId"]]


def _is_there(params):
    targets = backend("application-autoscaling").targets
    return params["ResourceId"] in targets.get(params["ScalableDimension"], {})


def _not_found(what, params):
    return Refused(
        "ObjectNotFoundException", f"No {what} found for {params['ServiceNamespace']} {params['ResourceId']}"
    )


@around("application-autoscaling", "RegisterScalableTarget")
def register(call, proceed):
    params = call.params
    if params.get("MinCapacity", 0) > params.get("MaxCapacity", params.get("MinCapacity", 0)):
        raise Refused("ValidationException", "Maximum capacity cannot be less than minimum capacity")
    if params["ServiceNamespace"] == "ecs":
        _, cluster, service = params["ResourceId"].split("/")
        found = ask("ecs", "DescribeServices", {"cluster": cluster, "services": [service]})["services"]
        if not found or found[0]["status"] != "ACTIVE":
            raise Refused("ValidationException", f"ECS service doesn't exist: {params['ResourceId']}")
    return proceed()


@around("application-autoscaling", "DeregisterScalableTarget")
def deregister(call, proceed):
    params = call.params
    if not _is_there(params):
        raise _not_found("scalable target", params)
    for policy in _policies(params):
        same = {name: params[name] for name in ("ServiceNamespace", "ResourceId", "ScalableDimension")}
        ask("application-autoscaling", "DeleteScalingPolicy", {**same, "PolicyName": policy.policy_name})
    return proceed()


@around("application-autoscaling", "PutScalingPolicy")
def put_policy(call, proceed):
    params = call.params
    if not _is_there(params):
        raise _not_found("scalable target", params)
    for old in _policies(params):
        if old.policy_name == params["PolicyName"]:
            # Moto makes further alarms; AWS changes those that are there.
            old.delete_alarms(old.account_id, old.region_name)
    made = proceed()
    tracking = params.get("TargetTrackingScalingPolicyConfiguration", {})
    alarms = backend("cloudwatch").alarms
    for one in made.get("Alarms", []):
        share = 1 if "-AlarmHigh-" in one["AlarmName"] else LOW
        alarms[one["AlarmName"]].threshold = tracking["TargetValue"] * share
    return made


@around("application-autoscaling", "DeleteScalingPolicy")
def delete_policy(call, proceed):
    if call.params["PolicyName"] not in [one.policy_name for one in _policies(call.params)]:
        raise _not_found("scaling policy", call.params)
    return proceed()


# What policies did, newest first, by resource.
_activities = {}


def invoke(alarm):
    """Policies whose alarm this is: one task more, or one less, within the limits."""
    for policy in backend("application-autoscaling").policies.values():
        if alarm.name not in [one.name for one in policy.alarms]:
            continue
        target = backend("application-autoscaling").targets[policy.scalable_dimension][policy.resource_id]
        _, cluster, service = policy.resource_id.split("/")
        named = {"cluster": cluster, "services": [service]}
        before = ask("ecs", "DescribeServices", named)["services"][0]["desiredCount"]
        change = 1 if alarm.comparison_operator.startswith("Greater") else -1
        wanted = min(max(before + change, target.min_capacity), target.max_capacity)
        if wanted == before:
            continue
        ask("ecs", "UpdateService", {"cluster": cluster, "service": service, "desiredCount": wanted})
        now = datetime.now(timezone.utc).timestamp()
        known = _activities.setdefault(policy.resource_id, [])
        about = {"ServiceNamespace": "ecs", "ResourceId": policy.resource_id, "StartTime": now, "EndTime": now}
        about |= {"ScalableDimension": policy.scalable_dimension, "StatusCode": "Successful"}
        known.insert(
            0,
            {
                **about,
                "ActivityId": f"activity-{len(known)}",
                "Description": f"Setting desired count to {wanted}.",
                "Cause": f"monitor alarm {alarm.name} in state ALARM triggered policy {policy.policy_name}",
                "StatusMessage": f"Successfully set desired count to {wanted}. Change successfully fulfilled by ecs.",
            },
        )


@around("application-autoscaling", "DescribeScalingActivities")
def describe_activities(call, proceed):
    found = _activities.get(call.params.get("ResourceId"), [])
    return {"ScalingActivities": found[: call.params.get("MaxResults", 50)]}
