"""ECS: clusters that can be created twice, sizes that Fargate has, services whose deployments come to an end."""

from . import tasks
from .cloud import around, ask, backend, is_own
from .wire import Refused
from .world import SETTINGS, forget, keep

# CPU units to GB of memory: least, most, step. 256 also has half a GB.
SIZES = {
    256: (1, 2, 1),
    512: (1, 4, 1),
    1024: (2, 8, 1),
    2048: (4, 16, 1),
    4096: (8, 30, 1),
    8192: (16, 60, 4),
    16384: (32, 120, 8),
}
FORGOTTEN = ("healthCheckGracePeriodSeconds", "deploymentConfiguration", "networkConfiguration", "enableECSManagedTags")


def client_error(message, code="InvalidParameterException"):
    return Refused(code, message)


@around("ecs", "CreateCluster")
def create_cluster(call, proceed):
    have = backend("ecs").clusters.get(call.params.get("clusterName", "default"))
    if have and have.status == "ACTIVE":
        return {
            "cluster": ask("ecs", "DescribeClusters", {"clusters": [have.name], "include": ["TAGS"]})["clusters"][0]
        }
    return proceed()


@around("ecs", "DeleteCluster")
def delete_cluster(call, proceed):
    name = call.params["cluster"].rpartition("/")[2]
    services = [one for one in backend("ecs").services.values() if one.cluster_name == name]
    for service in services:
        tasks.time_passes(service.arn)
    if any(one.status in ("ACTIVE", "DRAINING") for one in services):
        raise client_error(
            "The Cluster cannot be deleted while Services are active.", "ClusterContainsServicesException"
        )
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


# Services as they were before an update that is not seen everywhere yet: ARN to (looks left, as described).
_stale = {}


def _service(params):
    found, _ = backend("ecs").describe_services(
        params.get("cluster", "default"), [params.get("service") or params["serviceName"]]
    )
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
    for known in (tasks.DEPLOYMENTS, tasks.TASKS, tasks.DRAINING):
        known.pop(arn, None)
    forget("service", arn)
    keep("service", arn, params, *FORGOTTEN)
    tasks.deploy(arn, made["service"]["taskDefinition"])
    return {"service": tasks.shown_as(made["service"])}


def _check_service(params):
    definition = ask("ecs", "DescribeTaskDefinition", {"taskDefinition": params["taskDefinition"]})["taskDefinition"]
    if definition.get("status") != "ACTIVE":
        raise client_error("TaskDefinition is inactive", "ClientException")
    if definition.get("networkMode") == "awsvpc" and not params.get("networkConfiguration"):
        raise client_error("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
    for balancer in params.get("loadBalancers", []):
        group = backend("elbv2").target_groups.get(balancer["targetGroupArn"])
        if group is None or not group.load_balancer_arns:
            raise client_error(
                f"The target group with targetGroupArn {balancer['targetGroupArn']} does not have an associated load balancer."
            )
        if definition.get("networkMode") == "awsvpc" and group.target_type != "ip":
            raise client_error(
                f"The provided target group {group.arn} has target type {group.target_type}, which is incompatible with the awsvpc network mode"
            )
        if balancer.get("containerName") not in [one["name"] for one in definition["containerDefinitions"]]:
            raise client_error(f"The container {balancer.get('containerName')} does not exist in the task definition.")


@around("ecs", "UpdateService")
def update_service(call, proceed):
    params = call.params
    service = _service(params)
    if service and service.status != "ACTIVE":
        raise Refused("ServiceNotActiveException", "Service was not ACTIVE.")
    before = service and (service.task_definition, service.desired_count, service.load_balancers)
    if service and SETTINGS.service_stale:
        asked = {"cluster": service.cluster_arn, "services": [service.arn], "include": ["TAGS"]}
        _stale[service.arn] = (SETTINGS.service_stale, ask("ecs", "DescribeServices", asked)["services"][0])
    made = proceed()["service"]
    arn = made["serviceArn"]
    keep("service", arn, params, *FORGOTTEN)
    if "taskDefinition" in params:
        # Moto keeps what it was given, which may be a family; AWS resolves it.
        definition = ask("ecs", "DescribeTaskDefinition", {"taskDefinition": params["taskDefinition"]})[
            "taskDefinition"
        ]
        service.task_definition = definition["taskDefinitionArn"]
    if params.get("forceNewDeployment") or service.task_definition != before[0] or "networkConfiguration" in params:
        tasks.deploy(arn, service.task_definition)
    return {
        "service": tasks.shown_as(
            ask("ecs", "DescribeServices", {"cluster": service.cluster_arn, "services": [arn]})["services"][0]
        )
    }


@around("ecs", "DescribeServices")
def describe_services(call, proceed):
    wanted = {one.rpartition("/")[2] for one in call.params["services"]}
    for service in list(backend("ecs").services.values()):
        if service.name in wanted:
            tasks.time_passes(service.arn)
    found = proceed()
    found["services"] = [_seen(tasks.shown_as(one)) for one in found.get("services", [])]
    return found


def _seen(service):
    """As whoever asks sees it, which may be how it was."""
    left, before = _stale.get(service["serviceArn"], (0, None))
    if is_own() or not left:
        return service
    _stale[service["serviceArn"]] = (left - 1, before)
    return before


@around("ecs", "DeleteService")
def delete_service(call, proceed):
    made = proceed()["service"]
    arn = made["serviceArn"]
    service = tasks.service_of(arn)
    service.status = "DRAINING"
    tasks.DRAINING[arn] = True
    for task in list(tasks.TASKS.get(arn, [])):
        tasks.stop(arn, service, task)
    tasks.DEPLOYMENTS.pop(arn, None)
    return {"service": {**made, "status": "DRAINING"}}


@around("ecs", "ListTasks")
def list_tasks(call, proceed):
    services = [call.params["serviceName"].rpartition("/")[2]] if call.params.get("serviceName") else None
    stopped = call.params.get("desiredStatus") == "STOPPED"
    found = []
    for service in backend("ecs").services.values():
        if service.cluster_name == call.params.get("cluster", "default").rpartition("/")[2]:
            if services is None or service.name in services:
                found += [
                    _task_arn(service, one["id"])
                    for one in (tasks.STOPPED if stopped else tasks.TASKS).get(service.arn, [])
                ]
    return {"taskArns": found}


def _task_arn(service, identity):
    return f"{service.arn.partition(':service/')[0]}:task/{service.cluster_name}/{identity}"


@around("ecs", "DescribeTasks")
def describe_tasks(call, proceed):
    wanted = {one.rpartition("/")[2] for one in call.params["tasks"]}
    found = []
    for service in backend("ecs").services.values():
        running = [(one, "RUNNING") for one in tasks.TASKS.get(service.arn, [])]
        for task, status in running + [(one, "STOPPED") for one in tasks.STOPPED.get(service.arn, [])]:
            if task["id"] not in wanted:
                continue
            name = ask("ecs", "DescribeTaskDefinition", {"taskDefinition": task["taskDefinition"]})
            name = name["taskDefinition"]["containerDefinitions"][0]["name"]
            shown = {
                "taskArn": _task_arn(service, task["id"]),
                "clusterArn": service.cluster_arn,
                "taskDefinitionArn": task["taskDefinition"],
                "lastStatus": status,
                "desiredStatus": status,
                "group": f"service:{service.name}",
                "createdAt": task.get("at", tasks.EPOCH),
                "startedAt": task.get("at", tasks.EPOCH),
                "launchType": "FARGATE",
                "containers": [{"name": name, "lastStatus": status}],
            }
            if status == "STOPPED":
                shown.update(stoppedReason=task["reason"], stopCode="EssentialContainerExited")
                shown["containers"][0].update(exitCode=1, reason=task["reason"])
            else:
                shown["attachments"] = [
                    {
                        "type": "ElasticNetworkInterface",
                        "status": "ATTACHED",
                        "details": [{"name": "privateIPv4Address", "value": task["ip"]}],
                    }
                ]
            found.append(shown)
    return {"tasks": found, "failures": []}
