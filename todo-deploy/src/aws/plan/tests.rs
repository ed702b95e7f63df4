//! Plans from made-up observations: nothing here talks to anybody.

use super::super::names::Names;
use super::super::render::desired;
use super::super::resources::Found;
use super::super::site::Site;
use super::*;
use crate::deployment::{Defaults, Deployment, Target};

fn site() -> Site {
    let subnets: BTreeSet<String> = ["subnet-a", "subnet-b"].map(str::to_owned).into();
    Site {
        account: "123456789012".to_owned(),
        region: "us-east-1".to_owned(),
        vpc: "vpc-1".to_owned(),
        subnets: subnets.clone(),
        spread: subnets,
        private: BTreeSet::new(),
        image: Some("ami-1".to_owned()),
    }
}

fn state(target: Target, file: &str) -> State {
    described(target, &format!("[service]\nimage = \"todo:1\"\n{file}"))
}

fn described(target: Target, file: &str) -> State {
    let deployment = Deployment::parse(file, "f", Defaults::of(target)).expect("valid");
    desired(&deployment, target, &site(), &Names::of(&deployment, target)).expect("AWS can do it")
}

/// AWS as it would be once all of this was made.
fn made(state: &State) -> Observed {
    let mut observed = Observed { instances: 1, ..Observed::default() };
    for (logical, resource) in state {
        let mut resource = resource.clone();
        match &mut resource {
            Resource::Group(group) => group.desired_capacity = None,
            Resource::Service(service) => service.desired_count = None,
            _ => {}
        }
        let id = match logical.as_str() {
            render::LAUNCH_TEMPLATE => "lt-1/3".to_owned(),
            logical => format!("id of {logical}"),
        };
        observed.ids.insert(logical, &id);
        observed.found.insert(logical.clone(), Found { resource, id, ours: true });
    }
    observed
}

fn calls(plan: &Plan) -> Vec<Call> {
    plan.changes.iter().flat_map(|change| change.calls.clone()).collect()
}

#[test]
fn what_is_there_needs_no_change() {
    for target in [Target::Ec2, Target::Ecs] {
        let state = state(target, "");
        let again = plan(&state, &made(&state), "todo").expect("ours");
        assert_eq!(again.changes, []);
        assert_eq!(again.unchanged, state.len());
        let first = plan(&state, &Observed::default(), "todo").expect("nothing is there");
        assert!(first.changes.iter().all(|change| change.action == Action::Create));
    }
}

#[test]
fn only_what_differs_is_changed() {
    let before = state(Target::Ec2, "");
    let file = "[health_check]\npath = \"/health\"\n[load_balancer]\nalgorithm = \"least-connections\"\n[capacity]\nmax = 6\n";
    let plan = plan(&state(Target::Ec2, file), &made(&before), "todo").expect("ours");
    assert_eq!(
        calls(&plan),
        [
            "autoscaling:UpdateAutoScalingGroup",
            "elasticloadbalancing:ModifyTargetGroup",
            "elasticloadbalancing:ModifyTargetGroupAttributes",
        ]
    );
    let text = plan.to_string();
    assert!(text.contains("HealthCheckPath: /api/v1/health → /health"), "{text}");
    assert!(text.contains("MaxSize: 4 → 6"), "{text}");
}

#[test]
fn a_new_image_takes_its_group_and_instances_along() {
    let file = "environment.LOG_LEVEL = \"debug\"\n";
    let mut observed = made(&state(Target::Ec2, ""));
    let new = plan(&state(Target::Ec2, file), &observed, "todo").expect("ours");
    // The refresh moves the group, so that it can go back.
    assert_eq!(calls(&new), ["ec2:CreateLaunchTemplateVersion", "autoscaling:StartInstanceRefresh"]);
    observed.instances = 0;
    let new = plan(&state(Target::Ec2, file), &observed, "todo").expect("ours");
    assert_eq!(calls(&new), ["autoscaling:UpdateAutoScalingGroup", "ec2:CreateLaunchTemplateVersion"]);
    let new = plan(&state(Target::Ecs, file), &made(&state(Target::Ecs, "")), "todo").expect("ours");
    assert_eq!(calls(&new), ["ecs:UpdateService", "ecs:RegisterTaskDefinition"]);
}

#[test]
fn what_is_not_ours_stops_everything() {
    let state = state(Target::Ec2, "");
    let mut observed = Observed::default();
    let resource = state[render::SERVICE_GROUP].clone();
    observed
        .found
        .insert(render::SERVICE_GROUP.to_owned(), Found { resource, id: "sg-1".to_owned(), ours: false });
    let refused = plan(&state, &observed, "todo").expect_err("foreign").to_string();
    assert!(refused.contains("`todo`") && refused.contains("--name"), "{refused}");
}

#[test]
fn what_cannot_be_changed_is_replaced_with_all_that_stands_on_it() {
    let before = made(&state(Target::Ec2, "[database]\nsource = \"none\"\n"));
    let after = state(Target::Ec2, "port = 6500\n[database]\nsource = \"none\"\n");
    let plan = plan(&after, &before, "todo").expect("ours");
    let replaced: Vec<&str> = plan
        .changes
        .iter()
        .filter(|change| change.action == Action::Replace)
        .map(|change| change.logical.as_str())
        .collect();
    assert!(replaced.contains(&"TargetGroup") && replaced.contains(&"Listener80"), "{replaced:?}");
    assert!(!replaced.contains(&"LoadBalancer"), "{replaced:?}");
}

#[test]
fn down_keeps_the_database_and_its_group_lets_go() {
    let observed = made(&state(Target::Ec2, ""));
    let kept = removal(&observed, false);
    assert_eq!(kept.kept.len(), KEPT.len());
    assert!(calls(&kept).contains(&"ec2:RevokeSecurityGroupIngress"));
    assert!(!calls(&kept).contains(&"rds:DeleteDBInstance"));
    let all = removal(&observed, true);
    assert_eq!(all.kept, [""; 0]);
    assert!(calls(&all).contains(&"rds:DeleteDBInstance"));
}

/// Of a container, too, only what differs.
#[test]
fn another_image_is_one_attribute() {
    let before = made(&state(Target::Ecs, ""));
    let after = described(Target::Ecs, "[service]\nimage = \"todo:2\"\n");
    let plan = plan(&after, &before, "todo").expect("ours");
    let change = plan.changes.iter().find(|change| change.logical == render::TASK_DEFINITION);
    let said: String = change.expect("it changes").attributes.iter().map(ToString::to_string).collect();
    assert!(
        said.starts_with("    ContainerDefinitions.todo.Image: ") && said.ends_with(" → todo:2\n"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn a_policy_of_tasks_always_says_its_cooldown() {
    let simple = r#"
[scaling]
default_cooldown = "70s"
[[scaling.policy]]
kind = "simple"
name = "up"
adjust = "change"
adjustment = 1
COOLDOWN
[scaling.policy.alarm]
metric = "cpu"
statistic = "average"
when = ">= 20"
period = "60s"
evaluation_periods = 2
datapoints_to_alarm = 2
missing_data = "missing"
"#;
    for (line, seconds) in [("", 70), ("cooldown = \"90s\"", 90)] {
        let state = state(Target::Ecs, &simple.replace("COOLDOWN", line));
        let steps = &state["PolicyUp"].properties()["StepScalingPolicyConfiguration"];
        assert_eq!(steps["Cooldown"], serde_json::json!(seconds), "{line}: {steps}");
    }
}
