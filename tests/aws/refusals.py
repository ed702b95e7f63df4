"""What AWS refuses and moto lets pass: duplicates, deletes of what is in use. Asked before every call."""

from gaps import backend


def refuse(call):
    """(code, message, status) where AWS would refuse, else None."""
    handler = globals().get(f"{call.service}_{call.operation}".replace("-", "_"))
    return handler(call) if handler else None


def elasticloadbalancing_CreateLoadBalancer(call):
    name = call.params.get("Name", "")
    if len(name) > 32:
        return "ValidationError", f"Load balancer name '{name}' cannot be longer than '32' characters", 400
    if len(call.many("Subnets")) < 2 and call.params.get("Type", "application") == "application":
        return "ValidationError", "At least two subnets in two different Availability Zones must be specified", 400
    if any(lb.name == name for lb in backend("elbv2").load_balancers.values()):
        return "DuplicateLoadBalancerName", f"A load balancer with the name '{name}' exists", 400
    return None


def elasticloadbalancing_CreateListener(call):
    arn, port = call.params.get("LoadBalancerArn"), call.params.get("Port")
    balancer = backend("elbv2").load_balancers.get(arn)
    if balancer and any(str(one.port) == port for one in balancer.listeners.values()):
        return "DuplicateListener", f"A listener already exists on this port for this load balancer '{arn}'", 400
    return None


def elasticloadbalancing_DeleteTargetGroup(call):
    arn = call.params.get("TargetGroupArn")
    for listener in listeners():
        if arn in str([vars(action) for action in listener.default_actions]):
            return "ResourceInUse", f"Target group '{arn}' is currently in use by a listener or a rule", 400
    return None


def listeners():
    for balancer in backend("elbv2").load_balancers.values():
        yield from balancer.listeners.values()


def autoscaling_CreateAutoScalingGroup(call):
    name = call.params.get("AutoScalingGroupName")
    if name in backend("autoscaling").autoscaling_groups:
        return "AlreadyExists", f"AutoScalingGroup by this name already exists - {name}", 400
    if int(call.params.get("MinSize", 0)) > int(call.params.get("MaxSize", 0)):
        return "ValidationError", "Max bound must be greater than or equal to min bound", 400
    return None


def autoscaling_DeleteAutoScalingGroup(call):
    group = backend("autoscaling").autoscaling_groups.get(call.params.get("AutoScalingGroupName"))
    if group and group.instance_states and call.params.get("ForceDelete") != "true":
        return "ResourceInUse", "You cannot delete an AutoScalingGroup while there are instances still in it", 400
    return None


def ec2_DeleteSecurityGroup(call):
    """In use by another group's rules, a load balancer, an instance or a database."""
    group_id = call.params.get("GroupId")
    users = []
    for groups in backend("ec2").groups.values():
        for group in groups.values():
            for rule in group.ingress_rules + group.egress_rules:
                sources = [pair.get("GroupId") for pair in rule.source_groups]
                if group_id in sources and group.id != group_id:
                    users.append(group.id)
    users += [lb.arn for lb in backend("elbv2").load_balancers.values() if group_id in (lb.security_groups or [])]
    for reservation in backend("ec2").reservations.values():
        for instance in reservation.instances:
            held = [group.id for group in instance.security_groups]
            if group_id in held and instance.state not in ("terminated",):
                users.append(instance.id)
    for database in backend("rds").databases.values():
        if group_id in (getattr(database, "vpc_security_group_ids", None) or []):
            users.append(database.db_instance_identifier)
    if users:
        return "DependencyViolation", f"resource {group_id} has a dependent object", 400
    return None


def rds_DeleteDBInstance(call):
    if call.params.get("SkipFinalSnapshot") != "true" and not call.params.get("FinalDBSnapshotIdentifier"):
        return "InvalidParameterCombination", "FinalDBSnapshotIdentifier is required", 400
    return None


def rds_DeleteDBSubnetGroup(call):
    name = call.params.get("DBSubnetGroupName")
    for database in backend("rds").databases.values():
        group = getattr(database, "db_subnet_group", None)
        if group is not None and getattr(group, "name", getattr(group, "subnet_name", None)) == name:
            return "InvalidDBSubnetGroupStateFault", f"Cannot delete the subnet group '{name}' because at least one database instance is still using it", 400
    return None
