//! What a run would have cost.

use serde::Serialize;

use super::Prices;
use crate::deployment::{BalancerKind, DatabaseSource, Deployment, Policy, Target};

/// How much of what was used.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Use {
    pub seconds: f64,
    /// Sum over the instances of the time they ran.
    pub instance_s: f64,
    /// CloudWatch alarms: one for a simple or step policy; for target tracking two, or one where it does not scale in.
    pub alarms: usize,
    /// Traffic through the balancer, hour by hour; the last may be cut short.
    pub traffic: Vec<Traffic>,
}

/// What went through the balancer in up to an hour.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Traffic {
    pub seconds: f64,
    /// Connections open, on average, and connections opened.
    pub connections: f64,
    pub opened: f64,
    /// Bytes towards the instances, and back to the clients.
    pub bytes_in: f64,
    pub bytes_out: f64,
}

/// How many alarms watch for the policies: CloudWatch's, or those that target tracking makes.
pub fn alarms(deployment: &Deployment) -> usize {
    let of = |policy: &Policy| match policy {
        Policy::Simple(_) | Policy::Step(_) => 1,
        Policy::TargetTracking(tracking) => 1 + usize::from(tracking.scale_in),
    };
    deployment.scaling.policies.iter().map(of).sum()
}

/// US dollars, by what they are for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Bill {
    pub instances: f64,
    pub balancer: f64,
    pub addresses: f64,
    pub database: f64,
    pub monitoring: f64,
    /// Answers that leave AWS; what comes in is free. Nothing is taken off for the free first 100 GB of a month.
    pub transfer: f64,
}

impl Bill {
    pub fn total(&self) -> f64 {
        self.instances + self.balancer + self.addresses + self.database + self.monitoring + self.transfer
    }
}

const HOURS_PER_MONTH: f64 = 730.0;
const GB: f64 = 1e9;

/// What one capacity unit of a balancer holds.
struct Unit {
    opened_per_s: f64,
    connections: f64,
    gb_per_hour: f64,
}

impl Unit {
    /// The balancers' pricing pages: LCU (application) and NLCU (network, TCP). Rules are left out: there are
    /// fewer than the ten that are free.
    const fn of(kind: BalancerKind) -> Self {
        match kind {
            BalancerKind::Application => Self { opened_per_s: 25.0, connections: 3000.0, gb_per_hour: 1.0 },
            BalancerKind::Network => Self { opened_per_s: 800.0, connections: 100_000.0, gb_per_hour: 1.0 },
        }
    }

    /// Unit-hours: the dimension that needs most units counts, hour by hour.
    fn hours(&self, traffic: &Traffic) -> f64 {
        let hours = traffic.seconds / 3600.0;
        let processed = (traffic.bytes_in + traffic.bytes_out) / GB / self.gb_per_hour;
        let opened = traffic.opened / 3600.0 / self.opened_per_s;
        (traffic.connections / self.connections * hours).max(opened).max(processed)
    }
}

/// What the bill leaves out because nothing is known of its price, in words.
pub fn unpriced(prices: &Prices, deployment: &Deployment, target: Target) -> Vec<String> {
    let aws = &deployment.aws;
    let mut notes = Vec::new();
    if target == Target::Ec2 && !prices.instance.contains_key(&aws.instance_type) {
        let name = &aws.instance_type;
        notes.push(format!(
            "no price for {name}: its hours cost nothing here; name it under [instance] in --prices FILE"
        ));
    }
    let creates = target != Target::Local && deployment.database.source == DatabaseSource::Create;
    if creates && !prices.database.class.contains_key(&aws.database_class) {
        let name = &aws.database_class;
        notes.push(format!(
            "no price for {name}: only its storage is counted; name it under [database] in --prices FILE"
        ));
    }
    notes
}

pub fn bill(prices: &Prices, deployment: &Deployment, target: Target, usage: &Use) -> Bill {
    let (hours, instance_hours) = (usage.seconds / 3600.0, usage.instance_s / 3600.0);
    let aws = &deployment.aws;
    let per_instance_hour = match target {
        Target::Ec2 => prices.instance.get(&aws.instance_type).copied().unwrap_or(0.0),
        Target::Ecs => {
            let (vcpus, gb) = (f64::from(aws.fargate_cpu) / 1024.0, f64::from(aws.fargate_memory) / 1024.0);
            vcpus * prices.fargate.vcpu + gb * prices.fargate.gb
        }
        Target::Local => return Bill::default(),
    };
    let balancer = &prices.balancer;
    let kind = deployment.load_balancer.kind;
    let (per_hour, per_unit) = match kind {
        BalancerKind::Application => (balancer.application, balancer.application_unit),
        BalancerKind::Network => (balancer.network, balancer.network_unit),
    };
    let unit = Unit::of(kind);
    let unit_hours: f64 = usage.traffic.iter().map(|hour| unit.hours(hour)).sum();
    let bytes_out: f64 = usage.traffic.iter().map(|hour| hour.bytes_out).sum();
    let storage = f64::from(aws.database_storage_gb) * prices.database.storage_per_gb_month / HOURS_PER_MONTH;
    let class = prices.database.class.get(&aws.database_class).copied().unwrap_or(0.0);
    let alarms = usage.alarms as f64 * prices.monitoring.alarm_per_month / HOURS_PER_MONTH;
    let detailed = target == Target::Ec2 && deployment.scaling.metric_period.as_secs() < 300;
    let detail = prices.monitoring.detailed_per_instance_month / HOURS_PER_MONTH;
    // The balancer has one public address in each of its zones, at least two; every instance has one.
    let zones = aws.zones.len().max(2) as f64;
    Bill {
        instances: instance_hours * per_instance_hour,
        balancer: hours * per_hour + unit_hours * per_unit,
        addresses: (instance_hours + hours * zones) * prices.network.public_address,
        database: match deployment.database.source {
            DatabaseSource::Create => hours * (class + storage),
            DatabaseSource::Existing | DatabaseSource::None => 0.0,
        },
        monitoring: hours * alarms + if detailed { instance_hours * detail } else { 0.0 },
        transfer: bytes_out / GB * prices.network.out_per_gb,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployment::Defaults;

    #[test]
    fn an_hour_of_one_t2_micro() {
        let usage = Use { seconds: 3600.0, instance_s: 3600.0, alarms: 2, traffic: Vec::new() };
        let deployment = Deployment::default_for(Defaults::of(Target::Ec2));
        let bill = bill(&Prices::default(), &deployment, Target::Ec2, &usage);
        assert!((bill.instances - 0.0116).abs() < 1e-12);
        assert!((bill.balancer - 0.0225).abs() < 1e-12);
        assert!((bill.addresses - 0.015).abs() < 1e-12);
        assert!((bill.database - (0.016 + 20.0 * 0.115 / 730.0)).abs() < 1e-12);
        assert!((bill.monitoring - (0.2 + 2.1) / 730.0).abs() < 1e-12);
    }
    #[test]
    fn the_dimension_that_needs_most_units_counts_hour_by_hour() {
        let quiet = Traffic { seconds: 3600.0, connections: 3000.0, ..Traffic::default() };
        let busy = Traffic { bytes_in: 0.5 * GB, bytes_out: 4.5 * GB, ..quiet };
        let opening = Traffic { opened: 25.0 * 3600.0 * 3.0, ..quiet };
        let traffic = vec![quiet, busy, opening];
        let usage = Use { seconds: 3.0 * 3600.0, instance_s: 0.0, alarms: 0, traffic };
        let of = |text: &str| {
            let deployment = Deployment::parse(text, "test", Defaults::of(Target::Ec2)).expect("valid");
            bill(&Prices::default(), &deployment, Target::Ec2, &usage)
        };
        let application = of("");
        assert!((application.balancer - 3.0 * 0.0225 - (1.0 + 5.0 + 3.0) * 0.008).abs() < 1e-12);
        assert!((application.transfer - 4.5 * 0.09).abs() < 1e-12);
        let network = of(
            "[load_balancer]\nkind = \"network\"\n[[load_balancer.listener]]\nport = 80\nprotocol = \"tcp\"\n",
        );
        let units = 0.03 + 5.0 + 25.0 * 3.0 / 800.0;
        assert!((network.balancer - 3.0 * 0.0225 - units * 0.006).abs() < 1e-12);
    }
}
