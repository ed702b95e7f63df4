//! What a description must satisfy. Each problem names the field, what is wrong with it, and what is allowed.

use std::collections::BTreeSet;
use std::time::Duration;

use super::*;

/// Something wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// `capacity.desired`, `scaling.policy.0.alarm.period`
    pub(super) field: String,
    /// What is wrong, and what is allowed.
    pub(super) wrong: String,
}

/// Every problem, not only the first.
pub(super) fn problems(spec: &Spec, target: Target) -> Vec<Problem> {
    let mut found = Found(Vec::new());
    name(spec, target, &mut found);
    service(spec, target, &mut found);
    balancer(&spec.load_balancer, spec.aws.certificate.is_some(), target, &mut found);
    health(&spec.health_check, &mut found);
    capacity(&spec.capacity, &mut found);
    scaling(&spec.scaling, &mut found);
    aws(&spec.aws, &mut found);
    assumptions(spec, &mut found);
    found.0
}

struct Found(Vec<Problem>);

impl Found {
    fn unless(&mut self, fine: bool, field: impl Into<String>, wrong: impl FnOnce() -> String) {
        if !fine {
            self.0.push(Problem { field: field.into(), wrong: wrong() });
        }
    }

    fn within(&mut self, value: Duration, least: u64, most: u64, field: &str) {
        let fine = (Duration::from_secs(least)..=Duration::from_secs(most)).contains(&value);
        self.unless(fine, field, || {
            let range =
                (duration::text(Duration::from_secs(least)), duration::text(Duration::from_secs(most)));
            format!("{} is outside {} to {}", duration::text(value), range.0, range.1)
        });
    }
}

/// Names of load balancers and target groups: at most 32 letters, digits and hyphens; ours get a suffix.
/// Security groups must not look like an id, and RDS wants a letter first and no two hyphens together.
fn name(spec: &Spec, target: Target, found: &mut Found) {
    let name = &spec.name;
    let letters = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let edges = !name.starts_with('-') && !name.ends_with('-');
    let edges = edges && !name.starts_with("internal-") && !name.starts_with("sg-");
    found.unless(letters && edges && (1..=24).contains(&name.len()), "name", || {
        format!(
            "`{name}` is no name: 1 to 24 letters, digits and inner hyphens, not beginning with `internal-` or `sg-`"
        )
    });
    let is_created = target != Target::Local && spec.database.source == DatabaseSource::Create;
    let suits = name.starts_with(|c: char| c.is_ascii_alphabetic()) && !name.contains("--");
    found.unless(suits || !is_created || !letters || !edges, "name", || {
        format!(
            "RDS takes no database called `{name}-db`: begin with a letter and write no two hyphens together"
        )
    });
}

fn service(spec: &Spec, target: Target, found: &mut Found) {
    let Service { port, environment, secrets, .. } = &spec.service;
    found.unless(*port != 0, "service.port", || "a service listens on a port from 1 to 65535".to_owned());
    for variable in secrets.keys().filter(|variable| environment.contains_key(*variable)) {
        found.unless(false, format!("service.secrets.{variable}"), || {
            format!("`{variable}` is also in service.environment; keep one")
        });
    }
    let database = &spec.database;
    let has_url = database.url.is_some();
    match database.source {
        DatabaseSource::Existing => found.unless(has_url, "database.source", || {
            "an existing database needs database.url: a URL, or a secret such as ssm:/todo/database-url"
                .to_owned()
        }),
        DatabaseSource::Create | DatabaseSource::None => {
            found.unless(!has_url, "database.url", || "a URL is only for source = \"existing\"".to_owned())
        }
    }
    let url = database.url.as_deref().unwrap_or_default();
    let private_file = url.starts_with("sqlite") && target != Target::Local;
    found.unless(!private_file || spec.capacity.max <= 1, "database.url", || {
        "each instance would have an SQLite file of its own and the todos would differ from request to request; \
         use PostgreSQL, or capacity.max = 1"
            .to_owned()
    });
    found.unless(!url_has_password(url), "database.url", || {
        "a password does not belong in a file; keep the whole URL in a secret and refer to it (ssm:/todo/database-url)"
            .to_owned()
    });
}

/// PostgreSQL reads one before the host, or in the query.
fn url_has_password(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else { return false };
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    let user = authority.rsplit_once('@');
    let query = rest.split_once('?').map(|(_, query)| query).unwrap_or_default();
    let names = query.split(['&', '#']).filter_map(|pair| pair.split_once('='));
    user.is_some_and(|(user, _)| user.contains(':'))
        || names.into_iter().any(|(name, value)| name.eq_ignore_ascii_case("password") && !value.is_empty())
}

fn balancer(balancer: &LoadBalancer, has_certificate: bool, target: Target, found: &mut Found) {
    found.within(balancer.deregistration_delay, 0, 3600, "load_balancer.deregistration_delay");
    found.within(balancer.idle_timeout, 1, 4000, "load_balancer.idle_timeout");
    let slow_start = balancer.slow_start;
    let off = slow_start == Duration::ZERO;
    if !off {
        found.within(slow_start, 30, 900, "load_balancer.slow_start");
    }
    found.unless(off || balancer.algorithm == Algorithm::RoundRobin, "load_balancer.slow_start", || {
        "slow start works with round-robin only; set it to 0s or change the algorithm".to_owned()
    });
    found.unless(!balancer.listeners.is_empty(), "load_balancer.listener", || {
        "without a listener no traffic enters; give at least one".to_owned()
    });
    let mut ports = BTreeSet::new();
    for (index, listener) in balancer.listeners.iter().enumerate() {
        let field = format!("load_balancer.listener.{index}");
        found.unless(listener.port != 0 && ports.insert(listener.port), format!("{field}.port"), || {
            format!("port {} is no port or has a listener already", listener.port)
        });
        let is_tcp = listener.protocol == Protocol::Tcp;
        let is_network = balancer.kind == BalancerKind::Network;
        found.unless(is_tcp == is_network, format!("{field}.protocol"), || match is_network {
            true => "a network load balancer listens with protocol = \"tcp\"".to_owned(),
            false => "an application load balancer listens with \"http\" or \"https\"".to_owned(),
        });
        let needs = listener.protocol == Protocol::Https && target != Target::Local;
        found.unless(!needs || has_certificate, format!("{field}.protocol"), || {
            "an https listener needs aws.certificate, the ARN of a certificate".to_owned()
        });
        if let Some(to) = listener.redirect_to {
            let exists = balancer.listeners.iter().any(|l| l.port == to && l.protocol == Protocol::Https);
            found.unless(exists, format!("{field}.redirect_to"), || {
                format!("there is no https listener on port {to}")
            });
        }
    }
}

fn health(health: &HealthCheck, found: &mut Found) {
    let path = &health.path;
    let fine = path.starts_with('/') && path.len() <= 1024 && !path.contains(char::is_whitespace);
    found.unless(fine, "health_check.path", || {
        format!("`{path}` is no path; it begins with / and has no spaces")
    });
    found.within(health.interval, 1, 300, "health_check.interval");
    found.within(health.timeout, 1, 120, "health_check.timeout");
    found.within(health.grace, 0, 7200, "health_check.grace");
    found.unless(health.timeout <= health.interval, "health_check.timeout", || {
        let interval = duration::text(health.interval);
        format!("{} is longer than the interval ({interval})", duration::text(health.timeout))
    });
    for (field, threshold) in
        [("healthy_threshold", health.healthy_threshold), ("unhealthy_threshold", health.unhealthy_threshold)]
    {
        found.unless((2..=10).contains(&threshold), format!("health_check.{field}"), || {
            format!("{threshold} is outside 2 to 10")
        });
    }
}

fn capacity(capacity: &Capacity, found: &mut Found) {
    let Capacity { min, desired, max } = *capacity;
    found.unless((1..=10_000).contains(&max), "capacity.max", || format!("{max} is outside 1 to 10000"));
    found.unless(min <= max, "capacity.min", || format!("{min} is more than capacity.max ({max})"));
    found.unless(min > max || (min..=max).contains(&desired), "capacity.desired", || {
        format!("{desired} is outside capacity.min to capacity.max ({min} to {max})")
    });
}

fn scaling(scaling: &Scaling, found: &mut Found) {
    found.within(scaling.default_cooldown, 0, 86_400, "scaling.default_cooldown");
    let period = scaling.metric_period.as_secs();
    found.unless([10, 30, 60, 300].contains(&period), "scaling.metric_period", || {
        format!("points come every 10s, 30s, 60s (detailed) or 300s (basic), not {period}s")
    });
    let mut names = BTreeSet::new();
    for (index, policy) in scaling.policies.iter().enumerate() {
        let field = format!("scaling.policy.{index}");
        let name = policy.name();
        found.unless(
            !name.is_empty() && name.len() <= 200 && names.insert(name),
            format!("{field}.name"),
            || format!("`{name}` is empty, too long or names another policy too"),
        );
        match policy {
            Policy::Simple(policy) => alarm(&policy.alarm, &field, found),
            Policy::Step(policy) => {
                alarm(&policy.alarm, &field, found);
                steps(policy, &field, found);
            }
            Policy::TargetTracking(policy) => {
                found.unless(
                    policy.target.is_finite() && policy.target > 0.0,
                    format!("{field}.target"),
                    || format!("a target is a number above 0, not {}", policy.target),
                );
            }
        }
    }
}

fn alarm(alarm: &Alarm, field: &str, found: &mut Found) {
    let field = format!("{field}.alarm");
    let seconds = alarm.period.as_secs();
    let fine =
        alarm.period.subsec_nanos() == 0 && (seconds == 10 || seconds == 30 || seconds.is_multiple_of(60));
    found.unless(fine && seconds > 0, format!("{field}.period"), || {
        format!("a period is 10s, 30s or a multiple of 60s, not {}", duration::text(alarm.period))
    });
    let (n, m) = (alarm.evaluation_periods, alarm.datapoints_to_alarm());
    let day = u64::from(n).saturating_mul(seconds) <= 86_400;
    found.unless(n >= 1 && day, format!("{field}.evaluation_periods"), || {
        format!("{n} periods of {seconds}s; at least 1, and all of them within one day")
    });
    found.unless((1..=n).contains(&m), format!("{field}.datapoints_to_alarm"), || {
        format!("{m} is outside 1 to evaluation_periods ({n})")
    });
}

fn steps(policy: &StepPolicy, field: &str, found: &mut Found) {
    let field = format!("{field}.step");
    found.unless(!policy.steps.is_empty(), field.clone(), || {
        "a step policy needs at least one step".to_owned()
    });
    let upward = policy.alarm.when.comparison.is_upward();
    let away = |from: f64| if upward { from } else { -from };
    let ordered = policy.steps.windows(2).all(|pair| away(pair[0].from) < away(pair[1].from));
    let fine = ordered && policy.steps.first().is_none_or(|step| away(step.from) >= 0.0);
    found.unless(fine, field, || {
        let direction = if upward { "0, 10, 20" } else { "0, -10, -20" };
        format!("`from` grows away from the threshold, such as {direction}")
    });
}

fn aws(aws: &Aws, found: &mut Found) {
    let Aws { fargate_cpu: cpu, fargate_memory: memory, .. } = *aws;
    found.unless(fargate_fits(cpu, memory), "aws.fargate_memory", || {
        format!(
            "{cpu} CPU units with {memory} MiB is no Fargate size: 256 with 512-2048, 512 with 1024-4096, 1024 with \
             2048-8192, 2048 with 4096-16384, 4096 with 8192-30720, in steps of 1024"
        )
    });
    found.unless(is_region(&aws.region), "aws.region", || {
        format!("`{}` is no region's name; they look like us-east-1", aws.region)
    });
    found.unless(crate::pricing::instance_type(&aws.instance_type).is_some(), "aws.instance_type", || {
        format!("`{}` is unknown; one of {}", aws.instance_type, crate::pricing::instance_types().join(", "))
    });
}

/// By its form; which regions there are changes too often to be known here.
fn is_region(name: &str) -> bool {
    let parts: Vec<&str> = name.split('-').collect();
    let (words, number) = parts.split_at(parts.len() - 1);
    let is = |part: &&str, fits: fn(&u8) -> bool| !part.is_empty() && part.bytes().all(|byte| fits(&byte));
    words.len() >= 2
        && words.iter().all(|part| is(part, u8::is_ascii_lowercase))
        && number.iter().all(|part| is(part, u8::is_ascii_digit))
}

fn fargate_fits(cpu: u32, memory: u32) -> bool {
    let whole_gib = memory.is_multiple_of(1024);
    match cpu {
        256 => matches!(memory, 512 | 1024 | 2048),
        512 => whole_gib && (1024..=4096).contains(&memory),
        1024 => whole_gib && (2048..=8192).contains(&memory),
        2048 => whole_gib && (4096..=16_384).contains(&memory),
        4096 => whole_gib && (8192..=30_720).contains(&memory),
        _ => false,
    }
}

/// Sizes, statuses and custom metrics of the model.
fn amounts(model: &Model, found: &mut Found) {
    for (field, amount) in
        [("idle_memory_mib", model.idle_memory_mib), ("request_memory_kib", model.request_memory_kib)]
    {
        found.unless((0.0..=1e9).contains(&amount), format!("model.{field}"), || {
            format!("{amount} is no amount of memory; a number from 0 up")
        });
    }
    for (path, status) in &model.answers {
        found.unless(path.starts_with('/'), "model.answers", || {
            format!("`{path}` is no path; it begins with /")
        });
        found.unless((100..=599).contains(status), "model.answers", || {
            format!("{status} is no status code; 100 to 599")
        });
    }
    for (pattern, time) in &model.service_times {
        found.unless(time.0 > Duration::ZERO, "model.service_times", || {
            format!("`{}` costs some CPU time; give a duration above 0s", String::from(pattern.clone()))
        });
    }
    for (name, metric) in &model.custom {
        let CustomMetric { base, per_user, per_request_under_way, per_request_per_second } = *metric;
        let all = [base, per_user, per_request_under_way, per_request_per_second];
        found.unless(all.iter().all(|part| part.is_finite()), format!("model.custom.{name}"), || {
            "its parts are finite numbers".to_owned()
        });
    }
}

fn assumptions(spec: &Spec, found: &mut Found) {
    let share = spec.local.share;
    found.unless(share > 0.0 && share <= 64.0, "local.share", || {
        format!("an instance gets a share of the machine from above 0 to 64 vCPUs, not {share}")
    });
    let Model { boot_cpu, low_ratio, high_periods, low_periods, range_extra, service_time, .. } = spec.model;
    found.unless((0.0..=100.0).contains(&boot_cpu), "model.boot_cpu", || {
        format!("{boot_cpu} is no percentage")
    });
    found.unless(low_ratio > 0.0 && low_ratio < 1.0, "model.low_ratio", || {
        format!("{low_ratio} is not between 0 and 1")
    });
    for (field, periods) in [("high_periods", high_periods), ("low_periods", low_periods)] {
        found.unless((1..=1440).contains(&periods), format!("model.{field}"), || {
            format!("{periods} is outside 1 to 1440")
        });
    }
    // As far back as two days of minutes are a model; what is kept grows with it.
    found.unless(range_extra <= 1440, "model.range_extra", || format!("{range_extra} is outside 0 to 1440"));
    found.unless(service_time > Duration::ZERO, "model.service_time", || {
        "a request costs some CPU time; give a duration above 0s".to_owned()
    });
    amounts(&spec.model, found);
    let ten_minutes = Duration::from_secs(600);
    found.unless(spec.model.metric_lag <= ten_minutes, "model.metric_lag", || {
        "metrics later than 10m are no basis for scaling".to_owned()
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of the fields with a problem.
    fn wrong(change: impl FnOnce(&mut Spec), target: Target) -> Vec<String> {
        let mut spec = Defaults::of(target).spec();
        change(&mut spec);
        problems(&spec, target).into_iter().map(|problem| problem.field).collect()
    }

    #[test]
    fn regions_have_the_form_of_one() {
        for (region, fine) in [
            ("us-east-1", true),
            ("us-gov-west-1", true),
            ("ap-southeast-10", true),
            ("us east", false),
            ("us-east", false),
            ("us-east-1a", false),
            ("US-EAST-1", false),
            ("", false),
        ] {
            let wrong = wrong(|spec| spec.aws.region = region.to_owned(), Target::Ecs);
            assert_eq!(wrong.is_empty(), fine, "{region}: {wrong:?}");
        }
    }

    #[test]
    fn names_fit_whatever_carries_them() {
        let table = [
            ("shop", Target::Ec2, true),
            ("Shop-EU", Target::Ecs, true),
            ("sg-shop", Target::Ec2, false),
            ("internal-shop", Target::Ecs, false),
            ("2nd", Target::Ec2, false),
            ("two--hyphens", Target::Ecs, false),
            // No database of ours there.
            ("2nd", Target::Local, true),
        ];
        for (name, target, fine) in table {
            let wrong = wrong(|spec| spec.name = name.to_owned(), target);
            assert_eq!(wrong.is_empty(), fine, "{name} on {target}: {wrong:?}");
        }
        let elsewhere = |spec: &mut Spec| {
            spec.name = "2nd".to_owned();
            spec.database.source = DatabaseSource::None;
        };
        assert_eq!(wrong(elsewhere, Target::Ec2), [""; 0], "only a database that is made has such a name");
    }

    #[test]
    fn a_password_in_a_url_is_found_wherever_postgresql_reads_it() {
        let table = [
            ("postgresql://u:p@h/db", true),
            ("postgresql://u@h/db?password=p", true),
            ("postgresql://u@h/db?sslmode=require&PASSWORD=p", true),
            ("postgresql://u@h?password=p", true),
            ("postgresql://u@h/db?sslmode=require", false),
            ("postgresql://u@h/db?password=", false),
            ("postgresql://u@h:5432/db", false),
            ("ssm:/todo/database-url", false),
        ];
        for (url, has_one) in table {
            assert_eq!(url_has_password(url), has_one, "{url}");
        }
    }
}
