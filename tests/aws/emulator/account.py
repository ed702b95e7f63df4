"""What an account has and may have: quotas, databases that are sold, certificates, a VPC that reaches the internet."""

from .cloud import around, ask, backend
from .wire import Refused
from .world import SETTINGS

# Families of database instances that RDS sells PostgreSQL on.
CLASSES = ("db.t3.", "db.t4g.", "db.m5.", "db.m6g.", "db.m6i.", "db.r5.", "db.r6g.")


def _quota(name, usual):
    return (SETTINGS.quotas or {}).get(name, usual)


@around("elbv2", "DescribeAccountLimits")
def balancer_limits(call, proceed):
    found = proceed()
    for one in found["Limits"]:
        one["Max"] = str(_quota(one["Name"], one["Max"]))
    return found


@around("autoscaling", "DescribeAccountLimits")
def group_limits(call, proceed):
    return {
        "MaxNumberOfAutoScalingGroups": _quota("groups", 500),
        "MaxNumberOfLaunchConfigurations": 200,
        "NumberOfAutoScalingGroups": len(backend("autoscaling").autoscaling_groups),
        "NumberOfLaunchConfigurations": 0,
    }


@around("rds", "DescribeAccountAttributes")
def database_quotas(call, proceed):
    databases = backend("rds").databases.values()
    used = {"DBInstances": len(databases), "AllocatedStorage": sum(int(one.allocated_storage) for one in databases)}
    usual = {"DBInstances": 40, "AllocatedStorage": 100_000}
    quotas = [
        {"AccountQuotaName": name, "Used": used[name], "Max": _quota(name, most)} for name, most in usual.items()
    ]
    return {"AccountQuotas": quotas}


@around("rds", "DescribeOrderableDBInstanceOptions")
def offers(call, proceed):
    kind = call.params.get("DBInstanceClass", "")
    if call.params["Engine"] != "postgres" or not kind.startswith(CLASSES):
        return {"OrderableDBInstanceOptions": []}
    offer = {"Engine": "postgres", "EngineVersion": "16.8", "DBInstanceClass": kind, "Vpc": True}
    least = {"gp2": 20, "io1": 100, "standard": 5}
    offers = [{"StorageType": kind, "MinStorageSize": size, "MaxStorageSize": 65536} for kind, size in least.items()]
    return {"OrderableDBInstanceOptions": [{**offer, **one} for one in offers]}


# vCPUs of on-demand standard instances, and of Fargate.
VCPUS = {"L-1216C47A": 64, "L-3032A538": 64}


@around("service-quotas", "GetServiceQuota")
def service_quota(call, proceed):
    code = call.params["QuotaCode"]
    if code not in VCPUS:
        raise Refused("NoSuchResourceException", f"The quota {code} does not exist.")
    quota = {"ServiceCode": call.params["ServiceCode"], "QuotaCode": code, "Value": float(_quota(code, VCPUS[code]))}
    return {"Quota": quota}


@around("acm", "DescribeCertificate")
def certificate(call, proceed):
    found = proceed()
    found["Certificate"]["Status"] = SETTINGS.certificate
    return found


def connect():
    """The default VPC's way to the internet, which moto leaves out."""
    vpc = ask("ec2", "DescribeVpcs")["Vpcs"][0]["VpcId"]
    gateway = ask("ec2", "CreateInternetGateway")["InternetGateway"]["InternetGatewayId"]
    ask("ec2", "AttachInternetGateway", {"InternetGatewayId": gateway, "VpcId": vpc})
    tables = ask("ec2", "DescribeRouteTables", {"Filters": [{"Name": "vpc-id", "Values": [vpc]}]})["RouteTables"]
    route = {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": gateway}
    ask("ec2", "CreateRoute", {"RouteTableId": tables[0]["RouteTableId"], **route})
