"""What a test steers: faults, halts, permissions, forks, the log; and CBOR."""

import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import cbor2
from botocore.exceptions import BotoCoreError, ClientError
from emulated import Emulated

SCOPE = "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260101/us-east-1/monitoring/aws4_request, Signature=0"


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
        self.control(
            "POST", "/_faults", [{"call": "ec2:Create*", "mode": "after", "code": "InternalError", "status": 500}]
        )
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
        self.assertEqual(
            [one["call"] for one in log], ["ec2:CreateSecurityGroup", "autoscaling:DescribeAutoScalingGroups"]
        )
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
        allowed = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"}],
        }
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
        first, second = (
            self.ec2.create_launch_template(**asked)["LaunchTemplate"]["LaunchTemplateId"] for _ in range(2)
        )
        self.assertEqual(first, second)

    def test_cbor(self):
        def send(operation, params):
            url = f"{self.address}/service/GraniteServiceVersion20100801/operation/{operation}"
            headers = {"Authorization": SCOPE, "smithy-protocol": "rpc-v2-cbor", "content-type": "application/cbor"}
            request = urllib.request.Request(url, data=cbor2.dumps(params), headers=headers)
            with urllib.request.urlopen(request) as answer:
                return cbor2.loads(answer.read())

        alarm = {"AlarmName": "a", "MetricName": "m", "Namespace": "n", "Period": 60, "EvaluationPeriods": 1}
        send(
            "PutMetricAlarm", {**alarm, "Threshold": 20, "ComparisonOperator": "LessThanThreshold", "Statistic": "Sum"}
        )
        found = send("DescribeAlarms", {})["MetricAlarms"][0]
        self.assertIsInstance(found["Threshold"], float)
        self.assertIsInstance(found["StateUpdatedTimestamp"], datetime)
        with self.assertRaises(urllib.error.HTTPError) as caught:
            send("SetAlarmState", {"AlarmName": "other", "StateValue": "OK", "StateReason": "x"})
        self.assertIn("ResourceNotFound", cbor2.loads(caught.exception.read())["__type"])
        caught.exception.close()
