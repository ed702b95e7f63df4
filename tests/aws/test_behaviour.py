"""AWS's refusals, and things that take time."""

from botocore.exceptions import ClientError
from emulated import Emulated


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
        self.refused(
            "ValidationError", self.scaling.set_desired_capacity, AutoScalingGroupName="todo", DesiredCapacity=5
        )
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
        asked = {
            "DBInstanceIdentifier": "d",
            "Engine": "postgres",
            "DBInstanceClass": "db.t3.micro",
            "DBSubnetGroupName": "g",
        }
        asked |= {"MasterUsername": "todo", "MasterUserPassword": "password", "AllocatedStorage": 20}
        rds.create_db_instance(**asked)
        states = [
            rds.describe_db_instances(DBInstanceIdentifier="d")["DBInstances"][0]["DBInstanceStatus"] for _ in range(3)
        ]
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
            return self.scaling.describe_instance_refreshes(AutoScalingGroupName="todo")["InstanceRefreshes"][0][
                "Status"
            ]

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
            self.ecs.register_task_definition(**definition, memory="512")["taskDefinition"]["taskDefinitionArn"]
            for _ in range(2)
        )
        network = {"awsvpcConfiguration": {"subnets": self.subnets(), "securityGroups": [group]}}
        behind = [{"targetGroupArn": targets, "containerName": "todo", "containerPort": 6400}]
        breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
        asked = {
            "cluster": "c",
            "serviceName": "s",
            "taskDefinition": first,
            "desiredCount": 2,
            "loadBalancers": behind,
        }
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
        self.assertEqual(service()["status"], "INACTIVE")
        self.ecs.delete_cluster(cluster="c")
        self.ec2.delete_security_group(GroupId=group)
