//! What a run would have cost.

use serde::Serialize;

use super::Prices;
use crate::deployment::{BalancerKind, DatabaseSource, Deployment, Target};

/// How much of what was used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Use {
    pub seconds: f64,
    /// Sum over the instances of the time they ran.
    pub instance_s: f64,
    /// Users, each with one connection, on average.
    pub users_mean: f64,
    pub policies: usize,
}

/// US dollars, by what they are for. Data transfer out is left out: nothing is known of the answers' size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Bill {
    pub instances: f64,
    pub balancer: f64,
    pub addresses: f64,
    pub database: f64,
    pub monitoring: f64,
}

impl Bill {
    pub fn total(&self) -> f64 {
        self.instances + self.balancer + self.addresses + self.database + self.monitoring
    }
}

const HOURS_PER_MONTH: f64 = 730.0;

/// Connections that one load balancer capacity unit holds.
const CONNECTIONS_PER_UNIT: f64 = 3000.0;

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
    let (per_hour, per_unit) = match deployment.load_balancer.kind {
        BalancerKind::Application => (balancer.application, balancer.application_unit),
        BalancerKind::Network => (balancer.network, balancer.network_unit),
    };
    let storage = f64::from(aws.database_storage_gb) * prices.database.storage_per_gb_month / HOURS_PER_MONTH;
    let class = prices.database.class.get(&aws.database_class).copied().unwrap_or(0.0);
    let alarms = usage.policies as f64 * prices.monitoring.alarm_per_month / HOURS_PER_MONTH;
    let detailed = target == Target::Ec2 && deployment.scaling.metric_period.as_secs() < 300;
    let detail = prices.monitoring.detailed_per_instance_month / HOURS_PER_MONTH;
    // The balancer has one public address in each of its zones, at least two; every instance has one.
    let zones = aws.zones.len().max(2) as f64;
    Bill {
        instances: instance_hours * per_instance_hour,
        balancer: hours * (per_hour + per_unit * usage.users_mean / CONNECTIONS_PER_UNIT),
        addresses: (instance_hours + hours * zones) * prices.network.public_address,
        database: match deployment.database.source {
            DatabaseSource::Create => hours * (class + storage),
            DatabaseSource::Existing | DatabaseSource::None => 0.0,
        },
        monitoring: hours * alarms + if detailed { instance_hours * detail } else { 0.0 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployment::Defaults;

    #[test]
    fn an_hour_of_one_t2_micro() {
        let usage = Use { seconds: 3600.0, instance_s: 3600.0, users_mean: 0.0, policies: 2 };
        let deployment = Deployment::default_for(Defaults::of(Target::Ec2));
        let bill = bill(&Prices::default(), &deployment, Target::Ec2, &usage);
        assert!((bill.instances - 0.0116).abs() < 1e-12);
        assert!((bill.balancer - 0.0225).abs() < 1e-12);
        assert!((bill.addresses - 0.015).abs() < 1e-12);
        assert!((bill.database - (0.016 + 20.0 * 0.115 / 730.0)).abs() < 1e-12);
        assert!((bill.monitoring - (0.2 + 2.1) / 730.0).abs() < 1e-12);
    }
}
