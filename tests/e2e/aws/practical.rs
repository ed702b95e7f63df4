//! Everything that the practical's Terraform declares is there after `up --as-in-the-practical`.
//!
//! The tables are the practical's text: resource, attribute, value. What it only refers to and never declares (subnets,
//! database, cluster, task definition) and what no longer exists or must not be (the machine image's id, the password in
//! user data) is ours.

use e2e::aws::{Deploy, Emulator};
use serde_json::{Value, json};

use super::only;

/// One attribute: where the emulator's state has it, and what it is to be.
type Row = (&'static str, Value);

fn group() -> Vec<Row> {
    vec![
        ("/AutoScalingGroupName", json!("todo")),
        ("/AvailabilityZones", json!(["us-east-1a"])),
        ("/DesiredCapacity", json!(1)),
        ("/MaxSize", json!(4)),
        ("/MinSize", json!(1)),
        ("/LaunchTemplate/LaunchTemplateName", json!("todo-launch-template")),
        // resource aws_autoscaling_attachment
        ("/TargetGroupARNs/0", json!("arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/todo")),
        // What Terraform sends where nothing is declared.
        ("/HealthCheckType", json!("EC2")),
        ("/DefaultCooldown", json!(300)),
    ]
}

fn template() -> Vec<Row> {
    vec![
        ("/LaunchTemplateName", json!("todo-launch-template")),
        ("/Latest/InstanceType", json!("t2.micro")),
        ("/Latest/KeyName", json!("vockey")),
        ("/Latest/SecurityGroupIds", json!(["<group todo>"])),
    ]
}

fn target_group(kind: &str) -> Vec<Row> {
    let common = vec![
        ("/TargetGroupName", json!("todo")),
        ("/Port", json!(6400)),
        ("/Protocol", json!("HTTP")),
        ("/TargetType", json!(kind)),
    ];
    let check = match kind {
        "ip" => vec![
            ("/HealthCheckPath", json!("/api/v1/health")),
            ("/HealthCheckPort", json!("6400")),
            ("/HealthCheckProtocol", json!("HTTP")),
            ("/HealthyThresholdCount", json!(2)),
            ("/UnhealthyThresholdCount", json!(2)),
            ("/HealthCheckTimeoutSeconds", json!(5)),
            ("/HealthCheckIntervalSeconds", json!(10)),
        ],
        _ => vec![("/HealthCheckPath", json!("/")), ("/HealthCheckIntervalSeconds", json!(30))],
    };
    [common, check].concat()
}

fn balancer() -> Vec<Row> {
    vec![
        ("/LoadBalancerName", json!("taskoverflow")),
        ("/Scheme", json!("internet-facing")),
        ("/Type", json!("application")),
        ("/SecurityGroups", json!(["<group taskoverflow>"])),
        // resource aws_lb_listener
        ("/Listeners/0/Port", json!(80)),
        ("/Listeners/0/Protocol", json!("HTTP")),
        ("/Listeners/0/DefaultActions/0/Type", json!("forward")),
        (
            "/Listeners/0/DefaultActions/0/TargetGroupArn",
            json!("arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/todo"),
        ),
    ]
}

fn security_group(name: &'static str, ports: &[u16]) -> Vec<Row> {
    let rules: Vec<Value> = ports.iter().map(|port| rule("tcp", Some(*port))).collect();
    vec![
        ("/GroupName", json!(name)),
        ("/Description", json!("TaskOverflow Security Group")),
        ("/IpPermissions", json!(rules)),
        ("/IpPermissionsEgress", json!([rule("-1", None)])),
    ]
}

/// Open to the world.
fn rule(protocol: &str, port: Option<u16>) -> Value {
    let mut rule = json!({
        "IpProtocol": protocol,
        "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
        "Ipv6Ranges": [],
        "PrefixListIds": [],
        "UserIdGroupPairs": [],
    });
    if let Some(port) = port {
        rule["FromPort"] = json!(port);
        rule["ToPort"] = json!(port);
    }
    rule
}

/// A policy and the alarm that invokes it.
fn policy(name: &'static str, adjustment: i32) -> Vec<Row> {
    vec![
        ("/PolicyName", json!(name)),
        ("/AutoScalingGroupName", json!("todo")),
        ("/AdjustmentType", json!("ChangeInCapacity")),
        ("/ScalingAdjustment", json!(adjustment)),
        ("/Cooldown", json!(120)),
        ("/Alarms/0/AlarmName", json!(name)),
    ]
}

fn alarm(name: &'static str, comparison: &str, threshold: f64) -> Vec<Row> {
    let arn = "arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:<uuid>:autoScalingGroupName/todo:policyName/";
    vec![
        ("/AlarmName", json!(name)),
        ("/AlarmDescription", json!("Monitors CPU utilization for Todo")),
        ("/AlarmActions", json!([format!("{arn}{name}")])),
        ("/ComparisonOperator", json!(comparison)),
        ("/Namespace", json!("AWS/EC2")),
        ("/MetricName", json!("CPUUtilization")),
        ("/Threshold", json!(threshold)),
        ("/EvaluationPeriods", json!(2)),
        ("/Period", json!(120)),
        ("/Statistic", json!("Average")),
        ("/Dimensions", json!([{"Name": "AutoScalingGroupName", "Value": "todo"}])),
    ]
}

fn scalable_target() -> Vec<Row> {
    vec![
        ("/MaxCapacity", json!(4)),
        ("/MinCapacity", json!(1)),
        ("/ResourceId", json!("service/taskoverflow/taskoverflow")),
        ("/ScalableDimension", json!("ecs:service:DesiredCount")),
        ("/ServiceNamespace", json!("ecs")),
    ]
}

fn tracking() -> Vec<Row> {
    vec![
        ("/PolicyName", json!("todo-cpu")),
        ("/PolicyType", json!("TargetTrackingScaling")),
        ("/ResourceId", json!("service/taskoverflow/taskoverflow")),
        ("/ScalableDimension", json!("ecs:service:DesiredCount")),
        ("/ServiceNamespace", json!("ecs")),
        (
            "/TargetTrackingScalingPolicyConfiguration/PredefinedMetricSpecification/PredefinedMetricType",
            json!("ECSServiceAverageCPUUtilization"),
        ),
        ("/TargetTrackingScalingPolicyConfiguration/TargetValue", json!(20.0)),
    ]
}

fn service() -> Vec<Row> {
    vec![
        ("/serviceName", json!("taskoverflow")),
        ("/loadBalancers/0/containerName", json!("todo")),
        ("/loadBalancers/0/containerPort", json!(6400)),
        (
            "/loadBalancers/0/targetGroupArn",
            json!("arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/todo"),
        ),
    ]
}

/// Every row holds for the thing.
#[track_caller]
fn assert_rows(thing: &Value, rows: &[Row]) {
    for (path, value) in rows {
        assert_eq!(thing.pointer(path), Some(value), "{path} of {thing:#}");
    }
}

/// The thing of a kind that has this name.
#[track_caller]
fn named<'a>(state: &'a Value, kind: &str, field: &str, name: &str) -> &'a Value {
    let things = state[kind].as_array().unwrap_or_else(|| panic!("no {kind}"));
    let found = things.iter().find(|thing| thing[field] == json!(name));
    found.unwrap_or_else(|| panic!("no {name} in {kind}: {things:#?}"))
}

async fn built(target: &'static str) -> Option<Value> {
    let emulator = Emulator::started().await?;
    let args = ["up", "--as-in-the-practical", "--image", "todo:1"];
    Deploy::to(target).await.run(&emulator, &args).await.is(0);
    Some(emulator.state().await)
}

/// What both paths declare.
fn assert_common(state: &Value, kind: &str) {
    assert_rows(only(state, "elbv2:TargetGroups"), &target_group(kind));
    assert_rows(only(state, "elbv2:LoadBalancers"), &balancer());
    let group = |name| named(state, "ec2:SecurityGroups", "GroupName", name);
    assert_rows(group("taskoverflow"), &security_group("taskoverflow", &[80]));
}

#[tokio::test]
async fn path_a() {
    let Some(state) = built("ec2").await else { return };
    assert_common(&state, "instance");
    assert_rows(only(&state, "autoscaling:AutoScalingGroups"), &group());
    assert_rows(only(&state, "ec2:LaunchTemplates"), &template());
    let services = named(&state, "ec2:SecurityGroups", "GroupName", "todo");
    assert_rows(services, &security_group("todo", &[22, 6400]));
    for (name, adjustment, comparison, threshold) in [
        ("todo_scale_down", -1, "LessThanOrEqualToThreshold", 10.0),
        ("todo_scale_up", 1, "GreaterThanOrEqualToThreshold", 20.0),
    ] {
        assert_rows(
            named(&state, "autoscaling:ScalingPolicies", "PolicyName", name),
            &policy(name, adjustment),
        );
        assert_rows(
            named(&state, "cloudwatch:MetricAlarms", "AlarmName", name),
            &alarm(name, comparison, threshold),
        );
    }
    let script = only(&state, "ec2:LaunchTemplates")["Latest"]["UserData"].as_str().expect("user data");
    let script = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, script).expect("base64");
    let script = String::from_utf8(script).expect("text");
    for part in ["docker", "SQLALCHEMY_DATABASE_URI", "6400:6400", "todo:1"] {
        assert!(script.contains(part), "{part}: {script}");
    }
}

#[tokio::test]
async fn path_b() {
    let Some(state) = built("ecs").await else { return };
    assert_common(&state, "ip");
    assert_rows(only(&state, "ecs:services"), &service());
    assert_rows(only(&state, "application-autoscaling:ScalableTargets"), &scalable_target());
    assert_rows(only(&state, "application-autoscaling:ScalingPolicies"), &tracking());
}

/// What we correct where nobody asks for the practical's values.
#[tokio::test]
async fn the_corrections_are_there_by_default() {
    let Some(emulator) = Emulator::started().await else { return };
    Deploy::to("ec2").await.run(&emulator, &super::UP).await.is(0);
    let state = emulator.state().await;
    let fleet = only(&state, "autoscaling:AutoScalingGroups");
    assert!(fleet["AvailabilityZones"].as_array().is_some_and(|zones| zones.len() >= 2), "{fleet:#}");
    assert_rows(
        fleet,
        &[
            ("/HealthCheckType", json!("ELB")),
            ("/HealthCheckGracePeriod", json!(180)),
            ("/DefaultInstanceWarmup", json!(120)),
        ],
    );
    assert_rows(
        only(&state, "ec2:LaunchTemplates"),
        &[
            ("/Latest/MetadataOptions/HttpTokens", json!("required")),
            ("/Latest/MetadataOptions/HttpPutResponseHopLimit", json!(2)),
            ("/Latest/Monitoring/Enabled", json!(true)),
            ("/Latest/IamInstanceProfile/Name", json!("LabInstanceProfile")),
        ],
    );
    let targets = only(&state, "elbv2:TargetGroups");
    assert_rows(
        targets,
        &target_group("ip").into_iter().filter(|(path, _)| *path != "/TargetType").collect::<Vec<_>>(),
    );
    let delay = json!({"Key": "deregistration_delay.timeout_seconds", "Value": "30"});
    assert!(targets["Attributes"].as_array().is_some_and(|all| all.contains(&delay)), "{targets:#}");
    let from = |name: &str, port: u16| {
        let group = named(&state, "ec2:SecurityGroups", "GroupName", name);
        let [rule] = group["IpPermissions"].as_array().expect("rules").as_slice() else {
            panic!("{group:#}")
        };
        assert_eq!((&rule["FromPort"], &rule["IpRanges"]), (&json!(port), &json!([])), "{rule:#}");
        rule["UserIdGroupPairs"][0]["GroupId"].clone()
    };
    assert_eq!(
        from("todo", 6400),
        json!("<group taskoverflow>"),
        "the balancer reaches the service, nobody else"
    );
    assert_eq!(from("todo-db", 5432), json!("<group todo>"), "the service reaches the database, nobody else");
    let database = only(&state, "rds:DBInstances");
    assert_rows(database, &[("/PubliclyAccessible", json!(false)), ("/StorageEncrypted", json!(true))]);
    let url = named(&state, "ssm:Parameters", "Name", "/todo-deploy/todo/database-url");
    assert_eq!(url["Type"], json!("SecureString"));
}
