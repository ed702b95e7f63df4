//! The defaults: the practical's figures, corrected where they would not work; and the originals.
//!
//! Why a field was corrected stands at the field. The figures of the originals are those of the practical
//! "Scaling Stateless Components" (2023), with the provider's own defaults where it says nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;

/// Which defaults stand behind a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Defaults {
    pub target: Target,
    /// `--as-in-the-practical`: the practical's values, attribute for attribute.
    pub as_in_the_practical: bool,
}

impl Defaults {
    /// Ours, for this target.
    pub fn of(target: Target) -> Self {
        Self { target, as_in_the_practical: false }
    }

    pub fn spec(self) -> Spec {
        let ours = ours(self.target);
        if self.as_in_the_practical { practical(ours, self.target) } else { ours }
    }
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn ours(target: Target) -> Spec {
    Spec {
        name: "todo".to_owned(),
        service: Service { image: None, port: 6400, environment: BTreeMap::new(), secrets: BTreeMap::new() },
        database: Database {
            source: DatabaseSource::Create,
            url: None,
            variable: "SQLALCHEMY_DATABASE_URI".to_owned(),
        },
        load_balancer: LoadBalancer {
            kind: BalancerKind::Application,
            algorithm: Algorithm::RoundRobin,
            stickiness: Stickiness::Off,
            deregistration_delay: seconds(30),
            slow_start: seconds(0),
            idle_timeout: seconds(60),
            listeners: vec![Listener { port: 80, protocol: Protocol::Http, redirect_to: None }],
        },
        health_check: HealthCheck {
            path: "/api/v1/health".to_owned(),
            matcher: Matcher::ok(),
            interval: seconds(10),
            timeout: seconds(5),
            healthy_threshold: 2,
            unhealthy_threshold: 2,
            grace: match target {
                Target::Ec2 => seconds(180),
                Target::Ecs | Target::Local => seconds(60),
            },
            replaces_instances: true,
        },
        capacity: Capacity { min: 1, desired: 1, max: 4 },
        scaling: Scaling {
            default_cooldown: seconds(300),
            warm_up: match target {
                Target::Ec2 => model(target).boot_time,
                Target::Ecs | Target::Local => Duration::ZERO,
            },
            metric_period: seconds(60),
            policies: policies(target),
        },
        aws: aws(),
        local: Local { program: None, arguments: Vec::new(), share: 0.1, seed_todos: 100 },
        model: model(target),
    }
}

/// EC2 and local: one instance more at 20 % average CPU, one less at 10 %, for two periods of 120 s, cooldown
/// 120 s. ECS: target tracking at 20 %.
fn policies(target: Target) -> Vec<Policy> {
    let simple = |name: &str, adjustment, when: &str| {
        Policy::Simple(SimplePolicy {
            name: name.to_owned(),
            adjust: AdjustmentKind::Change,
            adjustment,
            min_magnitude: None,
            cooldown: Some(seconds(120)),
            alarm: Alarm {
                metric: Metric::Cpu,
                statistic: Statistic::Average,
                when: when
                    .to_owned()
                    .try_into()
                    .unwrap_or(Condition { comparison: Comparison::AtLeast, threshold: 20.0 }),
                period: seconds(120),
                evaluation_periods: 2,
                datapoints_to_alarm: None,
                missing_data: MissingData::Missing,
            },
        })
    };
    match target {
        Target::Ec2 | Target::Local => {
            vec![simple("todo_scale_up", 1, ">= 20"), simple("todo_scale_down", -1, "<= 10")]
        }
        Target::Ecs => vec![Policy::TargetTracking(TargetTracking {
            name: "todo-cpu".to_owned(),
            metric: Metric::Cpu,
            target: 20.0,
            scale_in: true,
            scale_out_cooldown: seconds(300),
            scale_in_cooldown: seconds(300),
            warm_up: None,
        })],
    }
}

fn aws() -> Aws {
    Aws {
        region: "us-east-1".to_owned(),
        instance_type: "t2.micro".to_owned(),
        unlimited_credits: false,
        fargate_cpu: 256,
        fargate_memory: 512,
        ami: None,
        zones: Vec::new(),
        subnets: Vec::new(),
        certificate: None,
        key_name: None,
        open_to_world: Vec::new(),
        instance_profile: "LabInstanceProfile".to_owned(),
        role: "LabRole".to_owned(),
        update_at_boot: false,
        database_class: "db.t4g.micro".to_owned(),
        database_storage_gb: 20,
    }
}

fn model(target: Target) -> Model {
    let (launch_time, boot_time) = match target {
        Target::Ec2 => (seconds(45), seconds(120)),
        Target::Ecs => (seconds(45), seconds(15)),
        Target::Local => (Duration::from_millis(200), Duration::from_millis(300)),
    };
    Model {
        launch_time,
        boot_time,
        boot_cpu: 0.0,
        metric_lag: seconds(60),
        range_extra: 2,
        low_ratio: if target == Target::Ecs { 0.9 } else { 0.7 },
        high_periods: 3,
        low_periods: 15,
        cooldown_base: CooldownBase::Before,
        scale_in_waits: false,
        drain_ends_early: target == Target::Local,
        service_time: Duration::from_micros(50),
        service_times: BTreeMap::new(),
        round_trip: Duration::from_millis(1),
        load_ends: LoadEnds::AtOnce,
        request_bytes: 300,
        response_bytes: 10_000,
        idle_memory_mib: 100.0,
        request_memory_kib: 100.0,
        answers: BTreeMap::new(),
        custom: BTreeMap::new(),
    }
}

/// The practical's values instead of ours.
fn practical(ours: Spec, target: Target) -> Spec {
    let mut spec = ours;
    spec.load_balancer.deregistration_delay = seconds(300);
    spec.health_check.grace = seconds(0);
    spec.health_check.replaces_instances = false;
    spec.scaling.warm_up = Duration::ZERO;
    spec.aws.zones = vec!["us-east-1a".to_owned()];
    spec.aws.open_to_world = vec![6400, 22];
    spec.aws.key_name = Some("vockey".to_owned());
    spec.model.drain_ends_early = false;
    spec.model.answers.insert("/".to_owned(), 404);
    if target == Target::Ec2 {
        spec.aws.update_at_boot = true;
        spec.scaling.metric_period = seconds(300);
        // Terraform's own defaults for a target group without a health_check block.
        spec.health_check.path = "/".to_owned();
        spec.health_check.interval = seconds(30);
        spec.health_check.healthy_threshold = 3;
        spec.health_check.unhealthy_threshold = 3;
    }
    spec
}
