"""What the emulator's tests begin with: one emulator, and a fork of it with clients for each test."""

import atexit
import json
import os
import subprocess
import sys
import unittest
import urllib.request
from functools import cache
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

HERE = Path(__file__).parent
ONCE = Config(retries={"total_max_attempts": 1}, read_timeout=60)
IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
os.environ.update(AWS_ACCESS_KEY_ID="AKIAEXAMPLE", AWS_SECRET_ACCESS_KEY="x", AWS_DEFAULT_REGION="us-east-1")


@cache
def original():
    """The address of the one that all tests are forks of."""
    command = [sys.executable, "-B", "-m", "emulator"]
    process = subprocess.Popen(command, cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(end, process)
    return "http://" + process.stdout.readline().strip()


def end(process):
    process.stdin.close()
    process.stdout.close()
    assert process.wait(10) == 0


class Emulated(unittest.TestCase):
    def setUp(self):
        self.address = "http://" + self.control("POST", "/_fork", {}, original())["address"]
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
        asked = {
            "AutoScalingGroupName": "todo",
            "MinSize": 1,
            "MaxSize": 4,
            "DesiredCapacity": 2,
            "LaunchTemplate": template,
        }
        asked = {**asked, "VPCZoneIdentifier": ",".join(self.subnets()), **more}
        self.scaling.create_auto_scaling_group(**asked)
        return asked

    def seen(self):
        return self.scaling.describe_auto_scaling_groups(AutoScalingGroupNames=["todo"])["AutoScalingGroups"][0]
