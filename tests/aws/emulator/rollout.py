"""Instance refreshes, and policies with their ARN and alarms: what moto lacks of scaling."""

from datetime import datetime, timezone

from .cloud import around, ask, backend
from .fleet import record, validation
from .wire import Refused
from .world import SETTINGS, look

ACTIVE = ("Pending", "InProgress", "RollbackInProgress")

# By group, newest first.
_refreshes = {}


def _group(params):
    name = params["AutoScalingGroupName"]
    group = backend("autoscaling").autoscaling_groups.get(name)
    if group is None:
        raise validation(f"AutoScalingGroup name not found - AutoScalingGroup '{name}' not found")
    return group


@around("autoscaling", "StartInstanceRefresh")
def start_refresh(call, proceed):
    group = _group(call.params)
    known = _refreshes.setdefault(group.name, [])
    if known and known[0]["Status"] in ACTIVE:
        _time_passes(group)
        raise Refused(
            "InstanceRefreshInProgress",
            "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh.",
        )
    preferences = call.params.get("Preferences", {})
    version = str(group.launch_template_version)
    if preferences.get("AutoRollback"):
        wanted = call.params.get("DesiredConfiguration", {}).get("LaunchTemplate", {}).get("Version")
        if not wanted or wanted.startswith("$") or version.startswith("$"):
            raise validation("AutoRollback needs a desired configuration and numbered versions of the launch template")
    # AWS keeps the new configuration only when the refresh succeeds.
    wanted = call.params.get("DesiredConfiguration", {}).get("LaunchTemplate")
    refresh = {
        "InstanceRefreshId": f"refresh-{len(known) + 1}",
        "AutoScalingGroupName": group.name,
        "Status": "Pending",
        "PercentageComplete": 0,
        "InstancesToUpdate": len(group.instance_states),
        "Preferences": preferences,
        "StartTime": datetime.now(timezone.utc),
        "before": version,
    }
    if wanted:
        refresh["DesiredConfiguration"] = {"LaunchTemplate": wanted}
    known.insert(0, refresh)
    return {"InstanceRefreshId": refresh["InstanceRefreshId"]}


def _time_passes(group):
    """One look further: pending, in progress, done."""
    known = _refreshes.get(group.name, [])
    if not known or known[0]["Status"] not in ACTIVE:
        return
    _goes_on(group, known[0])
    if known[0]["Status"] not in ACTIVE:
        known[0]["EndTime"] = datetime.now(timezone.utc)


def _goes_on(group, refresh):
    looks = look("refresh", f"{group.name}/{refresh['InstanceRefreshId']}")
    if looks <= SETTINGS.refresh_after and refresh["Status"] != "RollbackInProgress":
        refresh["Status"] = "InProgress"
        refresh["PercentageComplete"] = 100 * looks // (SETTINGS.refresh_after + 1)
        return
    if refresh["Status"] == "RollbackInProgress":
        refresh["Status"] = "RollbackSuccessful"
        return
    if SETTINGS.refresh_fails:
        back = refresh["Preferences"].get("AutoRollback")
        refresh.update(Status="RollbackInProgress" if back else "Failed", StatusReason=SETTINGS.refresh_fails)
        if back:
            refresh["RollbackDetails"] = {"RollbackReason": SETTINGS.refresh_fails}
        record(group.name, f"Launching a new EC2 instance: {SETTINGS.refresh_fails}", "Failed")
        return
    if spec := refresh.get("DesiredConfiguration", {}).get("LaunchTemplate"):
        group._set_launch_configuration(None, spec, None)
    _replace(group, refresh["Preferences"])
    refresh.update(Status="Successful", PercentageComplete=100, InstancesToUpdate=0)


def _replace(group, preferences):
    version = group.ec2_launch_template.get_version(group.launch_template_version).number
    matching = [one for one in group.instance_states if getattr(one.instance, "launched_version", None) == version]
    stay = matching if preferences.get("SkipMatching") else []
    leave = [one for one in group.instance_states if one not in stay]
    group.instance_states = stay
    if leave:
        group.autoscaling_backend.ec2_backend.terminate_instances([one.instance.id for one in leave])
    group.set_desired_capacity(group.desired_capacity)


@around("autoscaling", "DescribeInstanceRefreshes")
def describe_refreshes(call, proceed):
    group = _group(call.params)
    _time_passes(group)
    wanted = call.params.get("InstanceRefreshIds")
    known = [one for one in _refreshes.get(group.name, []) if not wanted or one["InstanceRefreshId"] in wanted]
    if wanted and len(known) < len(wanted):
        raise validation(f"Instance refresh {wanted} not found")
    return {"InstanceRefreshes": known[: call.params.get("MaxRecords", 50)]}


@around("autoscaling", "DescribeAutoScalingGroups")
def refreshes_go_on(call, proceed):
    """A refresh that nobody follows gets done all the same, and so does a launch that failed."""
    for group in list(backend("autoscaling").autoscaling_groups.values()):
        _time_passes(group)
        if not SETTINGS.launches_fail and len(group.instance_states) < (group.desired_capacity or 0):
            group.set_desired_capacity(group.desired_capacity)
    return proceed()


@around("autoscaling", "CancelInstanceRefresh", "RollbackInstanceRefresh")
def end_refresh(call, proceed):
    group = _group(call.params)
    known = _refreshes.get(group.name, [])
    if not known or known[0]["Status"] not in ACTIVE:
        raise Refused("ActiveInstanceRefreshNotFound", "No active instance refresh was found.")
    known[0]["Status"] = "Cancelled" if call.operation.startswith("Cancel") else "RollbackInProgress"
    return {"InstanceRefreshId": known[0]["InstanceRefreshId"]}


@around("autoscaling", "DeleteAutoScalingGroup")
def forget_refreshes(call, proceed):
    done = proceed()
    _refreshes.pop(call.params["AutoScalingGroupName"], None)
    return done


@around("autoscaling", "PutScalingPolicy")
def put_policy(call, proceed):
    """Moto calls the ARN by a name that no client reads, and makes no alarms for target tracking."""
    params = call.params
    _group(params)
    proceed()
    policy = backend("autoscaling").policies[params["PolicyName"]]
    alarms = []
    for side, compare in (("High", "GreaterThanThreshold"), ("Low", "LessThanThreshold")):
        if params.get("PolicyType") == "TargetTrackingScaling":
            alarms.append(_tracking_alarm(policy, params["TargetTrackingConfiguration"], side, compare))
    return {"PolicyARN": policy.arn, "Alarms": alarms}


def _tracking_alarm(policy, tracking, side, compare):
    name = f"TargetTracking-{policy.auto_scaling_group_name}-{policy.name}-Alarm{side}"
    wanted = tracking["TargetValue"] * (1 if side == "High" else 0.9)
    alarm = {
        "AlarmName": name,
        "AlarmActions": [policy.arn],
        "MetricName": "CPUUtilization",
        "Namespace": "AWS/EC2",
        "Statistic": "Average",
        "Dimensions": [{"Name": "AutoScalingGroupName", "Value": policy.auto_scaling_group_name}],
        "Period": 60,
        "EvaluationPeriods": 3 if side == "High" else 15,
        "Threshold": wanted,
        "ComparisonOperator": compare,
    }
    ask("cloudwatch", "PutMetricAlarm", alarm)
    return {"AlarmName": name, "AlarmARN": backend("cloudwatch").alarms[name].alarm_arn}


@around("autoscaling", "DescribePolicies")
def describe_policies(call, proceed):
    found = proceed()
    alarms = backend("cloudwatch").alarms.values()
    for one in found.get("ScalingPolicies", []):
        using = [alarm for alarm in alarms if one["PolicyARN"] in alarm.alarm_actions]
        one["Alarms"] = [{"AlarmName": alarm.name, "AlarmARN": alarm.alarm_arn} for alarm in using]
    return found


@around("autoscaling", "DeletePolicy")
def delete_policy(call, proceed):
    """Alarms of target tracking go with their policy; others that have no action left, too."""
    policy = backend("autoscaling").policies.get(call.params["PolicyName"].rpartition("policyName/")[2])
    if policy is None:
        raise validation(f"Policy {call.params['PolicyName']} not found")
    done = proceed()
    for alarm in list(backend("cloudwatch").alarms.values()):
        if policy.arn in alarm.alarm_actions:
            alarm.alarm_actions = [action for action in alarm.alarm_actions if action != policy.arn]
            if not alarm.alarm_actions:
                backend("cloudwatch").delete_alarms([alarm.name])
    return done


@around("cloudwatch", "PutMetricAlarm")
def put_alarm(call, proceed):
    params = call.params
    name, period = params["AlarmName"], params.get("Period")
    if period is not None and period not in (10, 20, 30) and period % 60:
        raise Refused("InvalidParameterValue", "The parameter Period must be 10, 20, 30, or a multiple of 60")
    for action in params.get("AlarmActions", []):
        known = [policy.arn for policy in backend("autoscaling").policies.values()]
        if ":scalingPolicy:" in action and "autoScalingGroupName" in action and action not in known:
            raise Refused("ValidationError", f"Invalid use of auto scaling action: {action} does not exist")
    before = backend("cloudwatch").alarms.get(name)
    done = proceed()
    alarm = backend("cloudwatch").alarms[name]
    if before:
        alarm.state_value, alarm.state_reason = before.state_value, before.state_reason
    else:
        alarm.state_value = "INSUFFICIENT_DATA"
    return done
