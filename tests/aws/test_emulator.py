"""The emulator does what it says: AWS's refusals, things that take time, faults, halts, forks, CBOR."""

import json
import os
import subprocess
import sys
import unittest
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import boto3
import cbor2
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

HERE = Path(__file__).parent
ONCE = Config(retries={"total_max_attempts": 1}, read_timeout=60)
IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
SCOPE = "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260101/us-east-1/monitoring/aws4_request, Signature=0"
os.environ.update(AWS_ACCESS_KEY_ID="AKIAEXAMPLE", AWS_SECRET_ACCESS_KEY="x", AWS_DEFAULT_REGION="us-east-1")


class Emulated(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        command = [sys.executable, "-B", "-m", "emulator"]
        cls.process = subprocess.Popen(command, cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        cls.original = "http://" + cls.process.stdout.readline().strip()

    @classmethod
    def tearDownClass(cls):
        cls.process.stdin.close()
        cls.process.stdout.close()
        assert cls.process.wait(10) == 0

    def setUp(self):
        self.address = "http://" + self.control("POST", "/_fork", {}, self.original)["address"]
        self.addCleanup(self.control, "POST", "/_quit", {})
        self.ec2, self.elb, self.scaling, self.ecs = map(self.client, ("ec2", "elbv2", "autoscaling", "ecs"))

    def client(self, service):
        return boto3.client(service, endpoint_url=self.address, config=ONCE)

    def control(self, method, path, body=None, address=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request((address or self.address) + path, method=method, data=data)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def refused(self, code, call, **params):
        with self.assertRaises(ClientError) as caught:
            call(**params)
        self.assertEqual(caught.exception.response["Error"]["Code"], code)

    def subnets(self, count=3):
        return [one["SubnetId"] for one in self.ec2.describe_subnets()["Subnets"]][:count]

    def group(self, name):
        return self.ec2.create_security_group(GroupName=name, Description="x")["GroupId"]

    def balancer(self, group):
        made = self.elb.create_load_balancer(Name="todo", Subnets=self.subnets(), SecurityGroups=[group])
        return made["LoadBalancers"][0]["LoadBalancerArn"]

    def target_group(self, kind="instance", **more):
        vpc = self.ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
        asked = {"Name": "todo", "Port": 6400, "Protocol": "HTTP", "VpcId": vpc, "TargetType": kind, **more}
        return self.elb.create_target_group(**asked)["TargetGroups"][0]["TargetGroupArn"]

    def listener(self, balancer, group, port=80):
        action = {"Type": "forward", "TargetGroupArn": group}
        return self.elb.create_listener(LoadBalancerArn=balancer, Port=port, Protocol="HTTP", DefaultActions=[action])

    def data(self, text="aGVsbG8="):
        image = self.client("ssm").get_parameter(Name=IMAGE)["Parameter"]["Value"]
        return {"ImageId": image, "InstanceType": "t2.micro", "UserData": text}

    def fleet(self, **more):
        made = self.ec2.create_launch_template(LaunchTemplateName="todo", LaunchTemplateData=self.data())
        template = {"LaunchTemplateId": made["LaunchTemplate"]["LaunchTemplateId"], "Version": "1"}
        asked = {"AutoScalingGroupName": "todo", "MinSize": 1, "MaxSize": 4, "DesiredCapacity": 2, "LaunchTemplate": template}
        asked = {**asked, "VPCZoneIdentifier": ",".join(self.subnets()), **more}
        self.scaling.create_auto_scaling_group(**asked)
        return asked

    def seen(self):
        return self.scaling.describe_auto_scaling_groups(AutoScalingGroupNames=["todo"])["AutoScalingGroups"][0]


class Refusals(Emulated):
    def test_groups_in_use(self):
        balancers, services = self.group("lb"), self.group("todo")
        rule = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "UserIdGroupPairs": [{"GroupId": balancers}]}
        self.ec2.authorize_security_group_ingress(GroupId=services, IpPermissions=[rule])
        self.refused("DependencyViolation", self.ec2.delete_security_group, GroupId=balancers)
        self.ec2.delete_security_group(GroupId=services)
        arn = self.balancer(balancers)
        self.refused("DependencyViolation", self.ec2.delete_security_group, GroupId=balancers)
        self.control("POST", "/_settings", {"interfaces_linger": 2})
        self.elb.delete_load_balancer(LoadBalancerArn=arn)
        held = [{"Name": "group-id", "Values": [balancers]}]
        self.assertEqual(len(self.ec2.describe_network_interfaces(Filters=held)["NetworkInterfaces"]), 3)
        self.refused("DependencyViolation", self.ec2.delete_security_group, GroupId=balancers)
        self.ec2.delete_security_group(GroupId=balancers)

    def test_balancers_and_target_groups(self):
        group = self.group("lb")
        self.refused("ValidationError", self.elb.create_load_balancer, Name="todo", Subnets=self.subnets(1))
        self.refused("ValidationError", self.elb.create_load_balancer, Name="x" * 33, Subnets=self.subnets())
        balancer, targets = self.balancer(group), self.target_group()
        self.assertEqual(self.balancer(group), balancer)
        self.refused("DuplicateLoadBalancerName", self.elb.create_load_balancer, Name="todo", Subnets=self.subnets(2))
        self.assertEqual(self.target_group(), targets)
        with self.assertRaises(ClientError):
            self.target_group(HealthCheckPath="/other")
        self.listener(balancer, targets)
        self.listener(balancer, targets)
        self.assertEqual(len(self.elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"]), 1)
        self.refused("ResourceInUse", self.elb.delete_target_group, TargetGroupArn=targets)
        self.elb.delete_load_balancer(LoadBalancerArn=balancer)
        self.elb.delete_target_group(TargetGroupArn=targets)

    def test_scaling_groups(self):
        asked = self.fleet(DefaultInstanceWarmup=33)
        self.assertEqual(self.seen()["DefaultInstanceWarmup"], 33)
        self.refused("AlreadyExists", self.scaling.create_auto_scaling_group, **asked)
        self.refused("ValidationError", self.scaling.update_auto_scaling_group, AutoScalingGroupName="todo", MinSize=5)
        self.refused("ValidationError", self.scaling.set_desired_capacity, AutoScalingGroupName="todo", DesiredCapacity=5)
        self.refused("ResourceInUse", self.scaling.delete_auto_scaling_group, AutoScalingGroupName="todo")
        self.refused("OperationNotPermitted", self.ec2.delete_launch_template, LaunchTemplateName="todo")
        self.scaling.delete_auto_scaling_group(AutoScalingGroupName="todo", ForceDelete=True)
        self.assertEqual(self.seen()["Status"], "Delete in progress")
        with self.assertRaises(IndexError):
            self.seen()
        self.ec2.delete_launch_template(LaunchTemplateName="todo")

    def test_databases(self):
        rds = self.client("rds")
        rds.create_db_subnet_group(DBSubnetGroupName="g", DBSubnetGroupDescription="x", SubnetIds=self.subnets(2))
        asked = {"DBInstanceIdentifier": "d", "Engine": "postgres", "DBInstanceClass": "db.t3.micro", "DBSubnetGroupName": "g"}
        asked |= {"MasterUsername": "todo", "MasterUserPassword": "password", "AllocatedStorage": 20}
        rds.create_db_instance(**asked)
        states = [rds.describe_db_instances(DBInstanceIdentifier="d")["DBInstances"][0]["DBInstanceStatus"] for _ in range(3)]
        self.assertEqual(states, ["creating", "creating", "available"])
        self.refused("InvalidParameterCombination", rds.delete_db_instance, DBInstanceIdentifier="d")
        rds.delete_db_instance(DBInstanceIdentifier="d", SkipFinalSnapshot=True)
        self.refused("InvalidDBSubnetGroupStateFault", rds.delete_db_subnet_group, DBSubnetGroupName="g")
        for _ in range(2):
            rds.describe_db_instances()
        self.refused("DBInstanceNotFound", rds.describe_db_instances, DBInstanceIdentifier="d")
        rds.delete_db_subnet_group(DBSubnetGroupName="g")


class Time(Emulated):
    def test_targets_become_healthy_and_leave(self):
        targets = self.target_group()
        self.fleet(TargetGroupARNs=[targets])

        def states():
            found = self.elb.describe_target_health(TargetGroupArn=targets)["TargetHealthDescriptions"]
            return [one["TargetHealth"]["State"] for one in found]

        self.assertEqual(states(), ["initial", "initial"])
        self.assertEqual(states(), ["healthy", "healthy"])
        self.scaling.set_desired_capacity(AutoScalingGroupName="todo", DesiredCapacity=1)
        self.assertEqual(states(), ["healthy"])
        self.control("POST", "/_settings", {"unhealthy": {"reason": "Target.Timeout"}})
        self.assertEqual(states(), ["unhealthy"])

    def test_an_instance_refresh(self):
        template = self.fleet()["LaunchTemplate"]
        self.ec2.create_launch_template_version(LaunchTemplateName="todo", LaunchTemplateData=self.data("Z29vZGJ5ZQ=="))
        self.scaling.update_auto_scaling_group(AutoScalingGroupName="todo", LaunchTemplate={**template, "Version": "2"})
        self.assertEqual({one["LaunchTemplate"]["Version"] for one in self.seen()["Instances"]}, {"1"})
        self.scaling.start_instance_refresh(AutoScalingGroupName="todo")
        self.refused("InstanceRefreshInProgress", self.scaling.start_instance_refresh, AutoScalingGroupName="todo")

        def status():
            return self.scaling.describe_instance_refreshes(AutoScalingGroupName="todo")["InstanceRefreshes"][0]["Status"]

        self.assertEqual([status() for _ in range(3)], ["InProgress", "InProgress", "Successful"])
        self.assertEqual({one["LaunchTemplate"]["Version"] for one in self.seen()["Instances"]}, {"2"})
        self.assertEqual(len({one["AvailabilityZone"] for one in self.seen()["Instances"]}), 2)

    def test_an_alarm_invokes_its_policy(self):
        self.fleet()
        change = {"AdjustmentType": "ChangeInCapacity", "ScalingAdjustment": 1}
        policy = self.scaling.put_scaling_policy(AutoScalingGroupName="todo", PolicyName="up", **change)["PolicyARN"]
        watch = self.client("cloudwatch")
        metric = {"Namespace": "AWS/EC2", "MetricName": "CPUUtilization", "Statistic": "Average", "Period": 60}
        limit = {"EvaluationPeriods": 1, "Threshold": 20, "ComparisonOperator": "GreaterThanThreshold"}
        watch.put_metric_alarm(AlarmName="up", AlarmActions=[policy], **metric, **limit)
        self.assertEqual(watch.describe_alarms()["MetricAlarms"][0]["StateValue"], "INSUFFICIENT_DATA")
        watch.set_alarm_state(AlarmName="up", StateValue="ALARM", StateReason="x")
        self.assertEqual(len(self.seen()["Instances"]), 3)
        self.scaling.delete_auto_scaling_group(AutoScalingGroupName="todo", ForceDelete=True)
        self.assertEqual(watch.describe_alarms()["MetricAlarms"], [])

    def test_a_service_rolls_out_and_back(self):
        group = self.group("todo")
        targets = self.target_group("ip")
        self.ecs.create_cluster(clusterName="c", tags=[{"key": "k", "value": "v"}])
        self.assertEqual(self.ecs.create_cluster(clusterName="c")["cluster"]["tags"], [{"key": "k", "value": "v"}])
        definition = {"family": "f", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256"}
        definition["containerDefinitions"] = [{"name": "todo", "image": "todo:1"}]
        self.refused("ClientException", self.ecs.register_task_definition, **definition, memory="4096")
        first, second = (
            self.ecs.register_task_definition(**definition, memory="512")["taskDefinition"]["taskDefinitionArn"] for _ in range(2)
        )
        network = {"awsvpcConfiguration": {"subnets": self.subnets(), "securityGroups": [group]}}
        behind = [{"targetGroupArn": targets, "containerName": "todo", "containerPort": 6400}]
        breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
        asked = {"cluster": "c", "serviceName": "s", "taskDefinition": first, "desiredCount": 2, "loadBalancers": behind}
        asked |= {"networkConfiguration": network, "deploymentConfiguration": breaker}
        self.refused("InvalidParameterException", self.ecs.create_service, **asked)
        self.listener(self.balancer(self.group("lb")), targets)
        self.ecs.create_service(**asked)
        self.refused("InvalidParameterException", self.ecs.create_service, **asked)

        def service():
            return self.ecs.describe_services(cluster="c", services=["s"])["services"][0]

        def states(looks):
            return [service()["deployments"][0]["rolloutState"] for _ in range(looks)][-1]

        self.assertEqual(states(2), "IN_PROGRESS")
        self.assertEqual(states(2), "COMPLETED")
        self.assertEqual(service()["runningCount"], 2)
        self.control("POST", "/_settings", {"tasks_stop": "CannotPullContainerError"})
        self.ecs.update_service(cluster="c", service="s", taskDefinition=second)
        states(3)
        self.assertEqual((service()["taskDefinition"], service()["deployments"][0]["taskDefinition"]), (first, first))
        stopped = self.ecs.list_tasks(cluster="c", serviceName="s", desiredStatus="STOPPED")["taskArns"]
        told = self.ecs.describe_tasks(cluster="c", tasks=stopped)["tasks"][0]["stoppedReason"]
        self.assertEqual(told, "CannotPullContainerError")
        self.refused("InvalidParameterException", self.ecs.delete_service, cluster="c", service="s")
        self.ecs.delete_service(cluster="c", service="s", force=True)
        self.refused("ClusterContainsServicesException", self.ecs.delete_cluster, cluster="c")
        self.assertEqual([service()["status"] for _ in range(2)], ["DRAINING", "INACTIVE"])
        self.ecs.delete_cluster(cluster="c")
        self.ec2.delete_security_group(GroupId=group)


class Faults(Emulated):
    def test_errors_in_every_protocol(self):
        calls = (
            ("RequestLimitExceeded", self.ec2.describe_vpcs),
            ("Throttling", self.elb.describe_load_balancers),
            ("ThrottlingException", self.ecs.list_clusters),
            ("ThrottlingException", self.client("cloudwatch").describe_alarms),
        )
        self.control("POST", "/_faults", [{"call": "*", "code": "throttle", "each": True}])
        for code, call in calls:
            self.refused(code, call)
            call()
        self.control("DELETE", "/_faults")

    def test_executed_and_yet_failed(self):
        self.control("POST", "/_faults", [{"call": "ec2:Create*", "mode": "after", "code": "InternalError", "status": 500}])
        with self.assertRaises(ClientError):
            self.group("todo")
        self.refused("InvalidGroup.Duplicate", self.ec2.create_security_group, GroupName="todo", Description="x")
        self.control("POST", "/_faults", [{"call": "ec2:Delete*", "mode": "reset-after"}])
        with self.assertRaises(BotoCoreError):
            self.ec2.delete_security_group(GroupName="todo")
        self.group("todo")

    def test_later_and_only_so_often(self):
        rule = {"call": "ec2:DescribeVpcs", "code": "X", "since": "ec2:CreateSecurityGroup", "times": 2, "skip": 1}
        self.control("POST", "/_faults", [rule])
        self.ec2.describe_vpcs()
        self.group("todo")
        self.ec2.describe_vpcs()
        for _ in range(2):
            self.refused("X", self.ec2.describe_vpcs)
        self.ec2.describe_vpcs()

    def test_a_halt_freezes_and_cuts_off(self):
        for when, exists in (("before", False), ("after", True)):
            self.control("DELETE", "/_calls")
            self.control("POST", "/_halt", {"at": 2, "when": when})
            self.group(f"first-{when}")
            with ThreadPoolExecutor() as threads:
                frozen = threads.submit(self.group, f"second-{when}")
                self.assertTrue(self.control("GET", "/_halted?seconds=30")["halted"])
                self.control("POST", "/_thaw", {})
                self.assertIsInstance(frozen.exception(), BotoCoreError)
            names = [one["GroupName"] for one in self.ec2.describe_security_groups()["SecurityGroups"]]
            self.assertEqual(f"second-{when}" in names, exists)

    def test_the_log_knows_what_does_not_fit_the_model(self):
        self.group("todo")
        self.scaling.describe_auto_scaling_groups(MaxRecords=10)
        log = self.control("GET", "/_calls")
        self.assertEqual([one["call"] for one in log], ["ec2:CreateSecurityGroup", "autoscaling:DescribeAutoScalingGroups"])
        self.assertEqual([one["mutating"] for one in log], [True, False])
        self.assertEqual([one["problems"] for one in log], [[], []])
        body = b"Action=CreateLoadBalancer&Version=2015-12-01&Name=x&Type=round&Colour=red"
        scope = SCOPE.replace("monitoring", "elasticloadbalancing")
        request = urllib.request.Request(self.address, data=body, headers={"Authorization": scope})
        with self.assertRaises(urllib.error.HTTPError):
            urllib.request.urlopen(request)
        problems = " ".join(self.control("GET", "/_calls")[-1]["problems"])
        self.assertIn("'round' is none of", problems)
        self.assertIn("Colour is unknown", problems)

    def test_permissions(self):
        allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"}]}
        self.control("POST", "/_policy", [allowed])
        self.ec2.describe_vpcs()
        self.refused("UnauthorizedOperation", self.ec2.create_security_group, GroupName="todo", Description="x")
        self.refused("AccessDeniedException", self.ecs.list_clusters)


class Copies(Emulated):
    def test_a_fork_begins_with_the_same_and_goes_its_own_way(self):
        self.group("todo")
        before = self.control("GET", "/_state")
        fork = "http://" + self.control("POST", "/_fork", {})["address"]
        self.addCleanup(self.control, "POST", "/_quit", {}, fork)
        self.assertEqual(self.control("GET", "/_state", address=fork), before)
        self.group("shop")
        self.assertEqual(self.control("GET", "/_state", address=fork), before)
        self.assertNotEqual(self.control("GET", "/_state"), before)

    def test_repeated_tokens(self):
        asked = {"LaunchTemplateName": "todo", "LaunchTemplateData": self.data(), "ClientToken": "t"}
        first, second = (self.ec2.create_launch_template(**asked)["LaunchTemplate"]["LaunchTemplateId"] for _ in range(2))
        self.assertEqual(first, second)

    def test_cbor(self):
        def send(operation, params):
            url = f"{self.address}/service/GraniteServiceVersion20100801/operation/{operation}"
            headers = {"Authorization": SCOPE, "smithy-protocol": "rpc-v2-cbor", "content-type": "application/cbor"}
            request = urllib.request.Request(url, data=cbor2.dumps(params), headers=headers)
            with urllib.request.urlopen(request) as answer:
                return cbor2.loads(answer.read())

        alarm = {"AlarmName": "a", "MetricName": "m", "Namespace": "n", "Period": 60, "EvaluationPeriods": 1}
        send("PutMetricAlarm", {**alarm, "Threshold": 20, "ComparisonOperator": "LessThanThreshold", "Statistic": "Sum"})
        found = send("DescribeAlarms", {})["MetricAlarms"][0]
        self.assertIsInstance(found["Threshold"], float)
        self.assertIsInstance(found["StateUpdatedTimestamp"], datetime)
        with self.assertRaises(urllib.error.HTTPError) as caught:
            send("SetAlarmState", {"AlarmName": "other", "StateValue": "OK", "StateReason": "x"})
        self.assertIn("ResourceNotFound", cbor2.loads(caught.exception.read())["__type"])
        caught.exception.close()


if __name__ == "__main__":
    unittest.main()
