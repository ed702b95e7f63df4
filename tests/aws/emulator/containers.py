"""ECS: clusters that can be created twice, sizes that Fargate has, services whose deployments come to an end."""

from datetime import datetime, timezone

from .balancing import health
from .cloud import around, ask, backend
from .network import attach, detach
from .wire import Refused
from .world import SETTINGS, forget, keep, kept, look

# CPU units to GB of memory: least, most, step. 256 also has half a GB.
SIZES = {256: (1, 2, 1), 512: (1, 4, 1), 1024: (2, 8, 1), 2048: (4, 16, 1), 4096: (8, 30, 1), 8192: (16, 60, 4), 16384: (32, 120, 8)}
FORGOTTEN = ("healthCheckGracePeriodSeconds", "deploymentConfiguration", "networkConfiguration", "enableECSManagedTags")
FAILED_SEEN = 3
EPOCH = datetime(2026, 1, 1, tzinfo=timezone.utc)

# Deployments, newest first, and tasks, by service ARN; services on their way out.
_deployments, _tasks, _draining = {}, {}, {}


def client_error(message, code="InvalidParameterException"):
    return Refused(code, message)


@around("ecs", "CreateCluster")
def create_cluster(call, proceed):
    have = backend("ecs").clusters.get(call.params.get("clusterName", "default"))
    if have and have.status == "ACTIVE":
        return {"cluster": ask("ecs", "DescribeClusters", {"clusters": [have.name], "include": ["TAGS"]})["clusters"][0]}
    return proceed()


@around("ecs", "DeleteCluster")
def delete_cluster(call, proceed):
    name = call.params["cluster"].rpartition("/")[2]
    services = [one for one in backend("ecs").services.values() if one.cluster_name == name]
    if any(one.status in ("ACTIVE", "DRAINING") for one in services):
        raise client_error("The Cluster cannot be deleted while Services are active.", "ClusterContainsServicesException")
    return proceed()


@around("ecs", "RegisterTaskDefinition")
def register_task_definition(call, proceed):
    params = call.params
    if "FARGATE" in params.get("requiresCompatibilities", []):
        cpu, memory = int(params.get("cpu", 0)), int(params.get("memory", 0))
        least, most, step = SIZES.get(cpu, (0, 0, 1))
        fits = memory % 1024 == 0 and least <= memory // 1024 <= most and (memory // 1024 - least) % step == 0
        if not fits and (cpu, memory) != (256, 512):
            raise client_error("No Fargate configuration exists for given values.", "ClientException")
        if params.get("networkMode") != "awsvpc":
            raise client_error("Fargate only supports network mode 'awsvpc'.", "ClientException")
    return proceed()


def _service(params):
    found, _ = backend("ecs").describe_services(params.get("cluster", "default"), [params.get("service") or params["serviceName"]])
    return found[0] if found else None


@around("ecs", "CreateService")
def create_service(call, proceed):
    params = call.params
    have = _service(params)
    if have and have.status == "ACTIVE":
        raise client_error("Creation of service was not idempotent.")
    if have and have.status == "DRAINING":
        raise client_error("Unable to Start a service that is still Draining.")
    _check_service(params)
    made = proceed()
    arn = made["service"]["serviceArn"]
    for known in (_deployments, _tasks, _draining):
        known.pop(arn, None)
    forget("service", arn)
    keep("service", arn, params, *FORGOTTEN)
    _deploy(arn, made["service"]["taskDefinition"])
    return {"service": _shown(made["service"])}


def _check_service(params):
    definition = ask("ecs", "DescribeTaskDefinition", {"taskDefinition": params["taskDefinition"]})["taskDefinition"]
    if definition.get("status") != "ACTIVE":
        raise client_error("TaskDefinition is inactive", "ClientException")
    if definition.get("networkMode") == "awsvpc" and not params.get("networkConfiguration"):
        raise client_error("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
    for balancer in params.get("loadBalancers", []):
        group = backend("elbv2").target_groups.get(balancer["targetGroupArn"])
        if group is None or not group.load_balancer_arns:
            raise client_error(f"The target group with targetGroupArn {balancer['targetGroupArn']} does not have an associated load balancer.")
        if definition.get("networkMode") == "awsvpc" and group.target_type != "ip":
            raise client_error(f"The provided target group {group.arn} has target type {group.target_type}, which is incompatible with the awsvpc network mode")
        if balancer.get("containerName") not in [one["name"] for one in definition["containerDefinitions"]]:
            raise client_error(f"The container {balancer.get('containerName')} does not exist in the task definition.")


@around("ecs", "UpdateService")
def update_service(call, proceed):
    params = call.params
    service = _service(params)
    if service and service.status != "ACTIVE":
        raise Refused("ServiceNotActiveException", "Service was not ACTIVE.")
    before = service and (service.task_definition, service.desired_count, service.load_balancers)
    made = proceed()["service"]
    arn = made["serviceArn"]
    keep("service", arn, params, *FORGOTTEN)
    if "taskDefinition" in params:
        # Moto keeps what it was given, which may be a family; AWS resolves it.
        definition = ask("ecs", "DescribeTaskDefinition", {"taskDefinition": params["taskDefinition"]})["taskDefinition"]
        service.task_definition = definition["taskDefinitionArn"]
    if params.get("forceNewDeployment") or service.task_definition != before[0] or "networkConfiguration" in params:
        _deploy(arn, service.task_definition)
    return {"service": _shown(ask("ecs", "DescribeServices", {"cluster": service.cluster_arn, "services": [arn]})["services"][0])}


def _deploy(arn, definition):
    known = _deployments.setdefault(arn, [])
    for old in known:
        old["status"] = "ACTIVE"
    number = look("deployments", arn)
    about = {"id": f"ecs-svc/{number:019}", "taskDefinition": definition, "status": "PRIMARY"}
    known.insert(0, {**about, "rolloutState": "IN_PROGRESS", "failedTasks": 0, "stops": SETTINGS.tasks_stop})


@around("ecs", "DescribeServices")
def describe_services(call, proceed):
    wanted = {one.rpartition("/")[2] for one in call.params["services"]}
    for service in list(backend("ecs").services.values()):
        if service.name in wanted:
            _time_passes(service.arn)
    found = proceed()
    found["services"] = [_shown(one) for one in found.get("services", [])]
    return found


def _of(arn):
    return next(one for one in backend("ecs").services.values() if one.arn == arn)


def _time_passes(arn):
    service = _of(arn)
    if arn in _draining:
        if look("draining", arn) > SETTINGS.gone_after:
            service.status = "INACTIVE"
            del _draining[arn]
            forget("draining", arn)
        return
    known = _deployments.get(arn)
    if service.status != "ACTIVE" or not known:
        return
    current = known[0]
    is_new = current["rolloutState"] == "IN_PROGRESS"
    if is_new and look("deployment", current["id"] + arn) <= SETTINGS.tasks_after:
        return
    if is_new and current["stops"] and service.desired_count:
        _fail(arn, service, known)
        return
    mine = _scale(arn, service, current)
    healthy = [health(group, task["ip"])["State"] == "healthy" for group in _groups(service) for task in mine]
    # A deployment that failed is still seen for a while.
    known[1:] = [one for one in known[1:] if one["rolloutState"] != "FAILED" or look("failed", one["id"] + arn) <= FAILED_SEEN]
    if is_new and all(healthy):
        current["rolloutState"] = "COMPLETED"
        del known[1:]
        for old in [one for one in _tasks[arn] if one not in mine]:
            _stop(arn, service, old)


def _fail(arn, service, known):
    """The circuit breaker: three tasks have stopped; the last deployment that was completed comes back, if there is one."""
    failed = known.pop(0)
    failed.update(rolloutState="FAILED", failedTasks=3, status="INACTIVE")
    circuit = kept("service", arn).get("deploymentConfiguration", {}).get("deploymentCircuitBreaker", {})
    stopped = _stopped.setdefault(arn, [])
    stopped.insert(0, {"id": f"{len(stopped):032x}", "taskDefinition": failed["taskDefinition"], "reason": failed["stops"]})
    if not circuit.get("enable"):
        failed.update(rolloutState="IN_PROGRESS", status="PRIMARY")
        known.insert(0, failed)
    elif circuit.get("rollback") and known:
        service.task_definition = known[0]["taskDefinition"]
        known[0].update(status="PRIMARY", rolloutState="COMPLETED", rolloutStateReason="ECS deployment circuit breaker: rolling back to deploymentId " + known[0]["id"])
        known.insert(1, {**failed, "status": "ACTIVE"})
    else:
        failed.update(status="PRIMARY", rolloutStateReason="ECS deployment circuit breaker: tasks failed to start.")
        known.insert(0, failed)


_stopped = {}


def _scale(arn, service, deployment):
    """As many tasks of this deployment as are wanted; the tasks."""
    network = (kept("service", arn).get("networkConfiguration") or {}).get("awsvpcConfiguration", {})
    tasks = _tasks.setdefault(arn, [])
    mine = [one for one in tasks if one["deployment"] == deployment["id"]]
    while len(mine) < service.desired_count:
        number = look("tasks", arn)
        task = {"id": f"{number:032x}", "ip": f"172.31.200.{number % 250}", "taskDefinition": deployment["taskDefinition"]}
        mine.append({**task, "deployment": deployment["id"]})
        tasks.append(mine[-1])
        if subnets := network.get("subnets"):
            attach([subnets[number % len(subnets)]], network.get("securityGroups", []), f"arn:aws:ecs:{task['id']}")
        for group in _groups(service):
            port = next(one["containerPort"] for one in service.load_balancers if one["targetGroupArn"] == group)
            backend("elbv2").target_groups[group].targets[task["ip"]] = {"Id": task["ip"], "Port": port}
    while len(mine) > service.desired_count:
        _stop(arn, service, mine.pop())
    return mine


def _stop(arn, service, task):
    _tasks[arn].remove(task)
    detach(f"arn:aws:ecs:{task['id']}")
    for group in _groups(service):
        backend("elbv2").target_groups[group].targets.pop(task["ip"], None)
        forget("target", f"{group}/{task['ip']}")


def _groups(service):
    """Target groups of the service that are there."""
    groups = [one["targetGroupArn"] for one in service.load_balancers]
    return [group for group in groups if group in backend("elbv2").target_groups]


def _shown(service):
    arn = service["serviceArn"]
    shown = {**service, **kept("service", arn)}
    tasks, wanted = _tasks.get(arn, []), service.get("desiredCount", 0)
    running = len(tasks)
    shown["runningCount"], shown["pendingCount"] = running, max(0, wanted - running)
    shown["taskDefinition"] = _of(arn).task_definition
    shown["deployments"] = []
    for number, one in enumerate(_deployments.get(arn, [])):
        counts = {"desiredCount": wanted if number == 0 else 0, "runningCount": sum(task["deployment"] == one["id"] for task in tasks)}
        about = {name: one[name] for name in ("id", "taskDefinition", "status", "rolloutState", "failedTasks")}
        reason = one.get("rolloutStateReason", f"ECS deployment {one['id']} {one['rolloutState'].lower().replace('_', ' ')}.")
        times = {"createdAt": EPOCH, "updatedAt": EPOCH}
        shown["deployments"].append({**about, **counts, **times, "pendingCount": 0, "rolloutStateReason": reason, "launchType": "FARGATE"})
    events = [f"(service {service['serviceName']}) has reached a steady state."] if running == wanted else []
    events += [f"(service {service['serviceName']}) was unable to start tasks: {one['reason']}" for one in _stopped.get(arn, [])]
    shown["events"] = [{"id": f"event-{n}", "createdAt": EPOCH, "message": text} for n, text in enumerate(events)]
    return shown


@around("ecs", "DeleteService")
def delete_service(call, proceed):
    made = proceed()["service"]
    arn = made["serviceArn"]
    service = _of(arn)
    service.status = "DRAINING"
    _draining[arn] = True
    for task in list(_tasks.get(arn, [])):
        _stop(arn, service, task)
    _deployments.pop(arn, None)
    return {"service": {**made, "status": "DRAINING"}}


@around("ecs", "ListTasks")
def list_tasks(call, proceed):
    services = [call.params["serviceName"].rpartition("/")[2]] if call.params.get("serviceName") else None
    stopped = call.params.get("desiredStatus") == "STOPPED"
    found = []
    for service in backend("ecs").services.values():
        if service.cluster_name == call.params.get("cluster", "default").rpartition("/")[2]:
            if services is None or service.name in services:
                found += [_task_arn(service, one["id"]) for one in (_stopped if stopped else _tasks).get(service.arn, [])]
    return {"taskArns": found}


def _task_arn(service, identity):
    return f"{service.arn.partition(':service/')[0]}:task/{service.cluster_name}/{identity}"


@around("ecs", "DescribeTasks")
def describe_tasks(call, proceed):
    wanted = {one.rpartition("/")[2] for one in call.params["tasks"]}
    found = []
    for service in backend("ecs").services.values():
        running = [(one, "RUNNING") for one in _tasks.get(service.arn, [])]
        for task, status in running + [(one, "STOPPED") for one in _stopped.get(service.arn, [])]:
            if task["id"] not in wanted:
                continue
            name = ask("ecs", "DescribeTaskDefinition", {"taskDefinition": task["taskDefinition"]})
            name = name["taskDefinition"]["containerDefinitions"][0]["name"]
            shown = {"taskArn": _task_arn(service, task["id"]), "clusterArn": service.cluster_arn, "taskDefinitionArn": task["taskDefinition"], "lastStatus": status, "desiredStatus": status, "group": f"service:{service.name}", "createdAt": EPOCH, "launchType": "FARGATE", "containers": [{"name": name, "lastStatus": status}]}
            if status == "STOPPED":
                shown.update(stoppedReason=task["reason"], stopCode="EssentialContainerExited")
                shown["containers"][0].update(exitCode=1, reason=task["reason"])
            else:
                shown["attachments"] = [{"type": "ElasticNetworkInterface", "status": "ATTACHED", "details": [{"name": "privateIPv4Address", "value": task["ip"]}]}]
            found.append(shown)
    return {"tasks": found, "failures": []}
