"""What an ECS service runs: deployments that come to an end, tasks with interfaces and targets, the circuit breaker."""

from datetime import datetime, timedelta, timezone

from .balancing import health
from .cloud import backend
from .network import attach, detach
from .world import SETTINGS, forget, kept, look

FAILED_SEEN = 3
EPOCH = datetime(2026, 1, 1, tzinfo=timezone.utc)

# Deployments, newest first, and tasks, by service ARN; services on their way out.
DEPLOYMENTS, TASKS, DRAINING = {}, {}, {}

# When services were made, by service ARN.
BORN = {}

# What services say of themselves, newest first: (when, words), by service ARN.
EVENTS = {}

# Tasks that stopped by themselves, newest first, by service ARN.
STOPPED = {}


def deploy(arn, definition):
    if arn not in DEPLOYMENTS:
        BORN[arn] = datetime.now(timezone.utc)
        EVENTS[arn] = []
    known = DEPLOYMENTS.setdefault(arn, [])
    for old in known:
        old["status"] = "ACTIVE"
    number = look("deployments", arn)
    about = {"id": f"ecs-svc/{number:019}", "taskDefinition": definition, "status": "PRIMARY"}
    about["createdAt"] = datetime.now(timezone.utc)
    known.insert(0, {**about, "rolloutState": "IN_PROGRESS", "failedTasks": 0, "stops": SETTINGS.tasks_stop})


def say(arn, words):
    name = arn.rpartition("/")[2]
    EVENTS.setdefault(arn, []).insert(0, (datetime.now(timezone.utc), f"(service {name}) {words}"))


def service_of(arn):
    return next(one for one in backend("ecs").services.values() if one.arn == arn)


def time_passes(arn):
    service = service_of(arn)
    if arn in DRAINING:
        if look("draining", arn) > SETTINGS.gone_after:
            service.status = "INACTIVE"
            del DRAINING[arn]
            forget("draining", arn)
        return
    known = DEPLOYMENTS.get(arn)
    if service.status != "ACTIVE" or not known:
        return
    current = known[0]
    is_new = current["rolloutState"] == "IN_PROGRESS"
    if is_new and look("deployment", current["id"] + arn) <= SETTINGS.tasks_after:
        return
    if is_new and SETTINGS.tasks_wait and service.desired_count:
        EVENTS.setdefault(arn, []).insert(0, (datetime.now(timezone.utc), SETTINGS.tasks_wait))
        return
    if is_new and current["stops"] and service.desired_count:
        fail(arn, service, known)
        return
    mine = scale(arn, service, current)
    healthy = [health(group, task["ip"])["State"] == "healthy" for group in groups_of(service) for task in mine]
    # A deployment that failed is still seen for a while.
    known[1:] = [
        one for one in known[1:] if one["rolloutState"] != "FAILED" or look("failed", one["id"] + arn) <= FAILED_SEEN
    ]
    if is_new and all(healthy):
        current["rolloutState"] = "COMPLETED"
        say(arn, f"(deployment {current['id']}) deployment completed.")
        say(arn, "has reached a steady state.")
        del known[1:]
        for old in [one for one in TASKS[arn] if one not in mine]:
            stop(arn, service, old)


def fail(arn, service, known):
    """The circuit breaker: three tasks have stopped; the last completed one comes back, if there is one."""
    failed = known.pop(0)
    failed.update(rolloutState="FAILED", failedTasks=3, status="INACTIVE")
    say(arn, f"was unable to start tasks: {failed['stops']}")
    circuit = kept("service", arn).get("deploymentConfiguration", {}).get("deploymentCircuitBreaker", {})
    stopped = STOPPED.setdefault(arn, [])
    stopped.insert(
        0, {"id": f"{len(stopped):032x}", "taskDefinition": failed["taskDefinition"], "reason": failed["stops"]}
    )
    if not circuit.get("enable"):
        failed.update(rolloutState="IN_PROGRESS", status="PRIMARY")
        known.insert(0, failed)
    elif circuit.get("rollback") and known:
        service.task_definition = known[0]["taskDefinition"]
        reason = "ECS deployment circuit breaker: rolling back to deploymentId " + known[0]["id"]
        known[0].update(status="PRIMARY", rolloutState="COMPLETED")
        known.insert(1, {**failed, "status": "ACTIVE", "rolloutStateReason": reason})
    else:
        failed.update(status="PRIMARY", rolloutStateReason="ECS deployment circuit breaker: tasks failed to start.")
        known.insert(0, failed)


def scale(arn, service, deployment):
    """As many tasks of this deployment as are wanted; the tasks."""
    network = (kept("service", arn).get("networkConfiguration") or {}).get("awsvpcConfiguration", {})
    tasks = TASKS.setdefault(arn, [])
    mine = [one for one in tasks if one["deployment"] == deployment["id"]]
    while len(mine) < service.desired_count:
        number = look("tasks", arn)
        say(arn, f"has started 1 tasks: (task {number:032x}).")
        task = {
            "id": f"{number:032x}",
            "at": datetime.now(timezone.utc),
            "ip": f"172.31.200.{number % 250}",
            "taskDefinition": deployment["taskDefinition"],
        }
        mine.append({**task, "deployment": deployment["id"]})
        tasks.append(mine[-1])
        if subnets := network.get("subnets"):
            attach([subnets[number % len(subnets)]], network.get("securityGroups", []), f"arn:aws:ecs:{task['id']}")
        for group in groups_of(service):
            port = next(one["containerPort"] for one in service.load_balancers if one["targetGroupArn"] == group)
            backend("elbv2").target_groups[group].targets[task["ip"]] = {"Id": task["ip"], "Port": port}
    while len(mine) > service.desired_count:
        stop(arn, service, mine.pop())
    return mine


def stop(arn, service, task):
    TASKS[arn].remove(task)
    say(arn, f"has stopped 1 running tasks: (task {task['id']}).")
    detach(f"arn:aws:ecs:{task['id']}")
    for group in groups_of(service):
        backend("elbv2").target_groups[group].targets.pop(task["ip"], None)
        forget("target", f"{group}/{task['ip']}")


def groups_of(service):
    """Target groups of the service that are there."""
    groups = [one["targetGroupArn"] for one in service.load_balancers]
    return [group for group in groups if group in backend("elbv2").target_groups]


def shown_as(service):
    arn = service["serviceArn"]
    shown = {**service, **kept("service", arn)}
    shown["createdAt"] = BORN[arn] - timedelta(seconds=SETTINGS.age)
    tasks, wanted = TASKS.get(arn, []), service.get("desiredCount", 0)
    running = len(tasks)
    shown["runningCount"], shown["pendingCount"] = running, max(0, wanted - running)
    shown["taskDefinition"] = service_of(arn).task_definition
    shown["deployments"] = []
    for number, one in enumerate(DEPLOYMENTS.get(arn, [])):
        counts = {
            "desiredCount": wanted if number == 0 else 0,
            "runningCount": sum(task["deployment"] == one["id"] for task in tasks),
        }
        about = {name: one[name] for name in ("id", "taskDefinition", "status", "rolloutState", "failedTasks")}
        reason = one.get(
            "rolloutStateReason", f"ECS deployment {one['id']} {one['rolloutState'].lower().replace('_', ' ')}."
        )
        times = {"createdAt": one["createdAt"], "updatedAt": one["createdAt"]}
        shown["deployments"].append(
            {**about, **counts, **times, "pendingCount": 0, "rolloutStateReason": reason, "launchType": "FARGATE"}
        )
    events = EVENTS.get(arn, [])
    shown["events"] = [
        {"id": f"event-{len(events) - n}", "createdAt": at, "message": words} for n, (at, words) in enumerate(events)
    ]
    return shown
