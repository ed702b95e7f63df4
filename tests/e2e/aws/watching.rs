//! `status` of a deployment that has scaled: what the console would show, and why it happened.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use e2e::aws::{Deploy, Emulator, Web};
use e2e::eventually;
use serde_json::{Value, json};

use super::{TARGETS, UP, assert_well_formed, only};

/// Until something that happened is seen on the dashboard.
const PATIENCE: Duration = Duration::from_secs(120);
/// Minutes with measurements.
const MINUTES: u64 = 20;

/// `up`, twenty minutes of load that grows, and the alarm that it raises.
pub(crate) async fn scaled_out(emulator: &Emulator, deploy: &Deploy, target: &str) {
    deploy.run(emulator, &UP).await.is(0);
    // Two hours ago.
    emulator.settings(json!({"age": 7200})).await;
    measure(emulator, target).await;
    let alarm = high_alarm(emulator).await;
    let reason = "Threshold Crossed: 2 out of the last 2 datapoints [58.0, 55.0] were greater than the threshold (20.0).";
    for (state, reason) in
        [("OK", "Threshold Crossed: 1 datapoint [4.0] was not greater."), ("ALARM", reason)]
    {
        let params = json!({"AlarmName": alarm, "StateValue": state, "StateReason": reason});
        emulator.ask("cloudwatch", "SetAlarmState", params).await;
    }
    // Until the new instance is healthy.
    emulator.state().await;
    emulator.forget().await;
}

/// What the alarm that scales out is called at AWS.
async fn high_alarm(emulator: &Emulator) -> String {
    let alarms = emulator.ask("cloudwatch", "DescribeAlarms", json!({})).await;
    let alarms = alarms["MetricAlarms"].as_array().expect("alarms").clone();
    let upward =
        |alarm: &&Value| alarm["ComparisonOperator"].as_str().is_some_and(|one| one.starts_with("Greater"));
    let alarm = alarms.iter().find(upward).expect("an alarm that scales out");
    alarm["AlarmName"].as_str().expect("a name").to_owned()
}

#[expect(clippy::disallowed_methods, reason = "measurements are found by the hour they claim")]
async fn measure(emulator: &Emulator, target: &str) {
    let state = emulator.state().await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let first = now - now % 60 - 60 * MINUTES;
    let asked = emulator.ask("elbv2", "DescribeLoadBalancers", json!({})).await;
    let arn =
        |value: &Value| value.as_str().and_then(|arn| arn.rsplit(':').next()).unwrap_or_default().to_owned();
    let balancer = arn(&asked["LoadBalancers"][0]["LoadBalancerArn"]).replace("loadbalancer/", "");
    let asked = emulator.ask("elbv2", "DescribeTargetGroups", json!({})).await;
    let targets = arn(&asked["TargetGroups"][0]["TargetGroupArn"]);
    let dimension = |name: &str, value: &str| json!({"Name": name, "Value": value});
    let of_balancer = json!([dimension("LoadBalancer", &balancer)]);
    let both = json!([dimension("LoadBalancer", &balancer), dimension("TargetGroup", &targets)]);
    let (cpu, of_service) = match target {
        "ec2" => {
            let group = only(&state, "autoscaling:AutoScalingGroups")["AutoScalingGroupName"].as_str();
            ("AWS/EC2", json!([dimension("AutoScalingGroupName", group.expect("a name"))]))
        }
        _ => {
            let name = only(&state, "ecs:services")["serviceName"].as_str().expect("a name");
            ("AWS/ECS", json!([dimension("ClusterName", name), dimension("ServiceName", name)]))
        }
    };
    for minute in 0..MINUTES {
        let at = first + 60 * minute;
        let load = minute as f64 / MINUTES as f64;
        let point = |metric: &str, dimensions: &Value, values: &[f64]| json!({"MetricName": metric, "Dimensions": dimensions, "Timestamp": at, "Values": values});
        let put = |namespace: &str, points: Value| json!({"Namespace": namespace, "MetricData": points});
        let measured = put(cpu, json!([point("CPUUtilization", &of_service, &[60.0 * load])]));
        emulator.ask("cloudwatch", "PutMetricData", measured).await;
        let errors: &[f64] = if minute > 17 { &[30.0] } else { &[] };
        let mut points = vec![
            point("RequestCount", &of_balancer, &[6000.0 * load]),
            point("TargetResponseTime", &of_balancer, &[0.004, 0.006, 0.012 + 0.1 * load]),
            point("HealthyHostCount", &both, &[1.0]),
        ];
        points.extend((!errors.is_empty()).then(|| point("HTTPCode_Target_5XX_Count", &of_balancer, errors)));
        emulator.ask("cloudwatch", "PutMetricData", put("AWS/ApplicationELB", json!(points))).await;
    }
}

fn texts(activities: &Value) -> Vec<&str> {
    activities.as_array().expect("activities").iter().filter_map(|one| one["text"].as_str()).collect()
}

#[tokio::test]
async fn status_says_what_was_measured_and_why_it_scaled() {
    for target in TARGETS {
        let Some(emulator) = Emulator::started().await else { return };
        let deploy = Deploy::to(target).await;
        scaled_out(&emulator, &deploy, target).await;
        let said = deploy.run(&emulator, &["status", "--json"]).await.is(0);
        let status: Value = serde_json::from_str(&said.stdout).expect("JSON");
        let (policy, alarm) = match target {
            "ec2" => ("todo_scale_up", "todo_scale_up"),
            _ => ("todo-cpu", "todo-cpu-AlarmHigh"),
        };
        // The alarm under the description's name, in the description's order, with the metric that it looks at.
        let alarms = status["alarms"].as_array().expect("alarms");
        assert_eq!((&alarms[0]["name"], &alarms[0]["state"]), (&json!(alarm), &json!("alarm")), "{status:#}");
        let about = &status["about"]["policies"][0]["alarms"][0];
        assert_eq!(about["name"], json!(alarm), "{status:#}");
        let measured = alarms[0]["history"]["values"].as_array().expect("values");
        let measured: Vec<f64> = measured.iter().filter_map(Value::as_f64).collect();
        assert_eq!(measured.last(), Some(&57.0), "{target}: {status:#}");
        // Who did what, and because of what.
        let texts = texts(&status["activities"]);
        let change =
            format!("{alarm}: ok → ALARM: Threshold Crossed: 2 out of the last 2 datapoints [58.0, 55.0]");
        assert!(texts.iter().any(|text| text.starts_with(&change)), "{texts:#?}");
        let caused = format!("triggered policy {policy}");
        assert!(texts.iter().any(|text| text.contains(&caused)), "{texts:#?}");
        let last = &status["policies"][0]["last"];
        assert_eq!(last["scaled"], true, "{status:#}");
        assert!(last["text"].as_str().is_some_and(|text| text.contains(&caused)), "{last}");
        assert_eq!(status["group"]["desired"], 2);
        let capacity = status["capacity"].as_array().expect("capacity");
        assert_eq!(capacity.last().map(|now| &now["desired"]), Some(&json!(2)));
        // What the dashboard draws.
        let newest = |name: &str| {
            status["series"][name]["recent"]["values"].as_array()?.iter().rev().find_map(Value::as_f64)
        };
        assert_eq!(newest("requests-per-s"), Some(95.0), "{target}: {:#}", status["series"]);
        assert_eq!(newest("errors-per-s"), Some(0.5), "{target}");
        assert_eq!(newest("p99-ms"), Some(107.0), "{target}");
        assert_eq!(newest("cpu-percent"), Some(57.0), "{target}");
        assert_eq!(status["traffic"]["requests_per_s"], 95.0);
        // The same for people.
        let text = deploy.run(&emulator, &["status"]).await.is(0).stdout;
        for words in
            ["ALARM", "now 57.0", "20 is ", "▁", "█", "Threshold Crossed", &caused, "95.0 requests/s"]
        {
            assert!(text.replace("\n          ", " ").contains(words), "{words}:\n{text}");
        }
        assert_eq!(emulator.mutations().await, [""; 0], "looking changes nothing");
        assert_well_formed(&emulator).await;
    }
}

#[tokio::test]
async fn a_status_of_the_same_moment_is_the_same() {
    let Some(emulator) = Emulator::started().await else { return };
    let deploy = Deploy::to("ec2").await;
    scaled_out(&emulator, &deploy, "ec2").await;
    let keys =
        |value: &Value| -> Vec<String> { value.as_object().expect("an object").keys().cloned().collect() };
    let mut seen = Vec::new();
    for _ in 0..2 {
        let said = deploy.run(&emulator, &["status", "--json"]).await.is(0);
        let mut status: Value = serde_json::from_str(&said.stdout).expect("JSON");
        // The schema of the README, whatever the target.
        let fields = [
            "version",
            "about",
            "at",
            "phase",
            "group",
            "instances",
            "policies",
            "alarms",
            "activities",
            "traffic",
            "capacity",
            "series",
            "notes",
        ];
        assert_eq!(keys(&status), fields);
        for moves in ["at", "capacity", "series", "alarms"] {
            status[moves] = json!(null);
        }
        seen.push(status);
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test]
async fn what_may_not_be_seen_is_a_note() {
    let Some(emulator) = Emulator::started().await else { return };
    let deploy = Deploy::to("ecs").await;
    scaled_out(&emulator, &deploy, "ecs").await;
    let denied = [
        "cloudwatch:GetMetricData",
        "cloudwatch:DescribeAlarmHistory",
        "application-autoscaling:DescribeScalingActivities",
    ];
    let rule = |call: &str| json!({"call": call, "code": "denied", "times": 0});
    emulator.faults(json!(denied.map(rule))).await;
    let text = deploy.run(&emulator, &["status"]).await.is(0).stdout.replace("\n      ", " ");
    for call in denied {
        assert_eq!(text.matches(call).count(), 1, "{call}:\n{text}");
    }
    assert!(text.contains("healthy") && text.contains("ALARM"), "the rest is there:\n{text}");
}

/// The events of one kind, oldest first.
fn events<'a>(timeline: &'a Value, kind: &str) -> Vec<&'a Value> {
    timeline["events"].as_array().expect("events").iter().filter(|event| event["event"] == kind).collect()
}

#[tokio::test]
async fn the_dashboard_tells_the_past_as_a_timeline() {
    for target in TARGETS {
        let Some(emulator) = Emulator::started().await else { return };
        let deploy = Deploy::to(target).await;
        scaled_out(&emulator, &deploy, target).await;
        let web = Web::of(&deploy, &emulator).await;
        let timeline = web.timeline().await;
        let (policy, alarm) = match target {
            "ec2" => ("todo_scale_up", "todo_scale_up"),
            _ => ("todo-cpu", "todo-cpu-AlarmHigh"),
        };
        // Why it scaled, with the alarm's datapoints, oldest first.
        let [scaled] = events(&timeline, "scaled")[..] else { panic!("{timeline:#}") };
        let by = &scaled["by"]["policy"];
        assert_eq!(
            (&scaled["from"], &scaled["to"], &by["name"]),
            (&json!(1), &json!(2), &json!(policy)),
            "{scaled:#}"
        );
        assert_eq!(by["points"], json!([55.0, 58.0]), "{scaled:#}");
        let raised = events(&timeline, "alarm");
        let last = raised.last().expect("a change");
        assert_eq!((&last["alarm"], &last["to"]), (&json!(alarm), &json!("alarm")), "{timeline:#}");
        // Who came, and became healthy.
        for kind in ["launching", "in-service"] {
            assert_eq!(events(&timeline, kind).len(), 2, "{kind}: {timeline:#}");
        }
        let healthy = events(&timeline, "health");
        assert!(healthy.iter().all(|event| event["to"] == "healthy") && healthy.len() == 2, "{timeline:#}");
        assert!(
            timeline["series"]["requests-per-s"].as_array().is_some_and(|points| points.len() >= 10),
            "{timeline:#}"
        );
        let mut last = 0.0;
        for event in timeline["events"].as_array().expect("events") {
            let at = event["at"].as_f64().expect("a moment");
            assert!(at >= last, "in order of time: {timeline:#}");
            last = at;
        }
        // What happens meanwhile is added, and nothing is told twice.
        deploy.run(&emulator, &["scale", "1"]).await.is(0);
        let gone = |timeline: &Value| !events(timeline, "gone").is_empty();
        let look = || async { Some(web.timeline().await).filter(gone) };
        let after = eventually("an instance to leave", PATIENCE, look).await;
        for kind in ["launching", "in-service", "alarm", "health"] {
            assert_eq!(events(&after, kind), events(&timeline, kind), "{kind}: {after:#}");
        }
        assert_eq!(web.end().await, Some(0));
    }
}
