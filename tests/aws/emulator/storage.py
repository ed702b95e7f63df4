"""Databases that need time, are in use, and are called in small letters; subnet groups and clusters that moto loses."""

from moto.rds.models import RDSBackend

from .cloud import around, ask, backend
from .network import ENDINGS, attach, detach
from .wire import Refused
from .world import SETTINGS, forget, look

# Deleted databases that are still seen: {identifier: as it was described}.
_going = {}


def _interfaces_of(identity):
    return f"RDSNetworkInterface {identity}"


@around("rds", "CreateDBInstance")
def create_database(call, proceed):
    params = call.params
    identity = params["DBInstanceIdentifier"]
    if identity != identity.lower():
        return ask("rds", "CreateDBInstance", {**params, "DBInstanceIdentifier": identity.lower()})
    if identity in _going:
        raise Refused("DBInstanceAlreadyExists", "DB instance already exists")
    if not params.get("DBInstanceClass", "").startswith("db."):
        raise Refused("InvalidParameterValue", f"Invalid DB Instance class: {params.get('DBInstanceClass')}")
    made = proceed()
    made["DBInstance"]["DBInstanceStatus"] = "creating"
    made["DBInstance"].pop("Endpoint", None)
    group = backend("rds").subnet_groups.get(params.get("DBSubnetGroupName"))
    if group:
        subnets = [one["SubnetIdentifier"] for one in group.subnets]
        attach(subnets[:1], params.get("VpcSecurityGroupIds", []), _interfaces_of(identity))
    return made


@around("rds", "DescribeDBInstances")
def describe_databases(call, proceed):
    wanted = call.params.get("DBInstanceIdentifier")
    _time_passes()
    if wanted in _going:
        return {"DBInstances": [_going[wanted]]}
    found = proceed()
    for one in found["DBInstances"]:
        if look("database", one["DBInstanceIdentifier"]) <= SETTINGS.database_after:
            one["DBInstanceStatus"] = "creating"
            one.pop("Endpoint", None)
    if wanted is None:
        found["DBInstances"] += list(_going.values())
    return found


def _time_passes():
    for identity in sorted(_going):
        if look("going database", identity) > SETTINGS.database_after:
            del _going[identity]
            forget("going database", identity)
            detach(_interfaces_of(identity))


ENDINGS.append(_time_passes)


@around("rds", "DeleteDBInstance")
def delete_database(call, proceed):
    params = call.params
    identity = params["DBInstanceIdentifier"]
    if identity in _going:
        raise Refused("InvalidDBInstanceState", f"Instance {identity} is already being deleted.")
    if not params.get("SkipFinalSnapshot") and not params.get("FinalDBSnapshotIdentifier"):
        raise Refused(
            "InvalidParameterCombination",
            "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.",
        )
    done = proceed()
    forget("database", identity)
    _going[identity] = {**done["DBInstance"], "DBInstanceStatus": "deleting"}
    return done


@around("rds", "CreateDBSubnetGroup")
def create_subnet_group(call, proceed):
    name = call.params["DBSubnetGroupName"]
    if name != name.lower():
        return ask("rds", "CreateDBSubnetGroup", {**call.params, "DBSubnetGroupName": name.lower()})
    if name in backend("rds").subnet_groups:
        raise Refused("DBSubnetGroupAlreadyExists", f"The DB subnet group '{name}' already exists.")
    ec2 = backend("ec2")
    if len({ec2.get_subnet(one).availability_zone for one in call.params["SubnetIds"]}) < 2:
        raise Refused(
            "DBSubnetGroupDoesNotCoverEnoughAZs",
            "The DB subnet group doesn't meet Availability Zone coverage requirement.",
        )
    return proceed()


def _kept(make):
    """Moto takes the group out of its list when it changes it."""

    def modify_db_subnet_group(self, subnet_name, description, subnets):
        group = make(self, subnet_name, description, subnets)
        self.subnet_groups[subnet_name] = group
        return group

    return modify_db_subnet_group


RDSBackend.modify_db_subnet_group = _kept(RDSBackend.modify_db_subnet_group)


@around("rds", "DeleteDBSubnetGroup")
def delete_subnet_group(call, proceed):
    name = call.params["DBSubnetGroupName"]
    _time_passes()
    groups = [getattr(one, "db_subnet_group", None) for one in backend("rds").databases.values()]
    databases = [group.name for group in groups if group]
    databases += [(one.get("DBSubnetGroup") or {}).get("DBSubnetGroupName") for one in _going.values()]
    if name in databases:
        raise Refused(
            "InvalidDBSubnetGroupStateFault",
            f"Cannot delete the subnet group '{name}' because at least one database instance is still using it.",
        )
    return proceed()
