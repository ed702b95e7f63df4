"""CloudWatch: percentiles, alarms that invoke their policies, and a history that says why."""

import json
from datetime import datetime, timedelta, timezone
from math import ceil

from . import application, fleet
from .cloud import around, backend

STATISTICS = {
    "Average": lambda values: sum(values) / len(values),
    "Sum": sum,
    "Minimum": min,
    "Maximum": max,
    "SampleCount": len,
}


def statistic(name, values):
    if name in STATISTICS:
        return float(STATISTICS[name](values))
    share = float(name.removeprefix("p")) / 100
    return sorted(values)[max(0, ceil(share * len(values)) - 1)]


def _moment(value):
    moment = value if isinstance(value, datetime) else datetime.fromtimestamp(float(value), timezone.utc)
    return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment


@around("cloudwatch", "GetMetricData")
def get_metric_data(call, proceed):
    """Moto knows no percentiles, and looks at every point for every period."""
    start, end = _moment(call.params["StartTime"]), _moment(call.params["EndTime"])
    series = {}
    for point in backend("cloudwatch").metric_data:
        if start <= _moment(point.timestamp) < end:
            dimensions = frozenset((one.name, one.value) for one in point.dimensions)
            series.setdefault((point.namespace, point.name, dimensions), []).append(point)
    results = []
    for query in call.params["MetricDataQueries"]:
        stat = query["MetricStat"]
        metric, period = stat["Metric"], timedelta(seconds=stat["Period"])
        dimensions = frozenset((one["Name"], one["Value"]) for one in metric.get("Dimensions", []))
        bins = {}
        for point in series.get((metric["Namespace"], metric["MetricName"], dimensions), []):
            bins.setdefault((_moment(point.timestamp) - start) // period, []).append(float(point.value))
        answer = {"Id": query["Id"], "Label": metric["MetricName"], "StatusCode": "Complete"}
        answer["Timestamps"] = [start + number * period for number in sorted(bins)]
        answer["Values"] = [statistic(stat["Stat"], bins[number]) for number in sorted(bins)]
        results.append(answer)
    return {"MetricDataResults": results}


# Changes of alarms, newest first.
_history = []


@around("cloudwatch", "SetAlarmState")
def set_alarm_state(call, proceed):
    alarm = backend("cloudwatch").alarms.get(call.params["AlarmName"])
    if alarm is None:
        return proceed()
    before = {"stateValue": alarm.state_value, "stateReason": alarm.state_reason}
    done = proceed()
    after = {"stateValue": alarm.state_value, "stateReason": alarm.state_reason}
    data = {"version": "1.0", "oldState": before, "newState": after}
    summary = f"Alarm updated from {before['stateValue']} to {after['stateValue']}"
    about = {"AlarmName": alarm.name, "AlarmType": "MetricAlarm", "HistoryItemType": "StateUpdate"}
    now = datetime.now(timezone.utc)
    _history.insert(0, {**about, "Timestamp": now, "HistorySummary": summary, "HistoryData": json.dumps(data)})
    if alarm.state_value == "ALARM" and alarm.actions_enabled:
        _invoke(alarm)
    return done


def _invoke(alarm):
    application.invoke(alarm)
    for policy in list(backend("autoscaling").policies.values()):
        if policy.arn not in alarm.alarm_actions or policy.policy_type != "SimpleScaling":
            continue
        group = backend("autoscaling").autoscaling_groups[policy.auto_scaling_group_name]
        before = group.desired_capacity
        wanted = min(max(before + policy.scaling_adjustment, group.min_size), group.max_size)
        cause = f"a monitor alarm {alarm.name} in state ALARM triggered policy {policy.name} changing the desired capacity"
        with fleet.because(f"At {datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ} {cause} from {before} to {wanted}."):
            policy.execute()


@around("cloudwatch", "DescribeAlarmHistory")
def describe_history(call, proceed):
    wanted = call.params.get("AlarmName")
    found = [one for one in _history if wanted in (None, one["AlarmName"])]
    return {"AlarmHistoryItems": found[: call.params.get("MaxRecords", 100)]}
