//! The price table: dated, and any line of it overridable by a file.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::deployment::first_line;

const TABLE: &str = include_str!("prices.toml");

/// US dollars per hour, unless a field's name says otherwise.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// As of when, and where.
    pub dated: String,
    pub instance: BTreeMap<String, f64>,
    pub fargate: Fargate,
    pub balancer: Balancer,
    pub network: Network,
    pub database: Database,
    pub monitoring: Monitoring,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fargate {
    pub vcpu: f64,
    pub gb: f64,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Balancer {
    pub application: f64,
    pub network: f64,
    pub application_unit: f64,
    pub network_unit: f64,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    pub public_address: f64,
    pub out_per_gb: f64,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Database {
    pub storage_per_gb_month: f64,
    #[serde(flatten)]
    pub class: BTreeMap<String, f64>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Monitoring {
    pub alarm_per_month: f64,
    pub detailed_per_instance_month: f64,
}

impl Default for Prices {
    fn default() -> Self {
        Self::parse("").unwrap_or_else(|error| unreachable!("the built-in table is one: {error}"))
    }
}

impl Prices {
    /// The built-in table with the lines of `text` in place of its own.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut table: toml::Table = toml::from_str(TABLE).map_err(|error| error.to_string())?;
        let given: toml::Table = toml::from_str(text).map_err(|error| error.to_string())?;
        for (key, value) in given {
            match (table.get_mut(&key), value) {
                (Some(toml::Value::Table(under)), toml::Value::Table(over)) => under.extend(over),
                (_, value) => {
                    table.insert(key, value);
                }
            }
        }
        if let Some(name) = no_price(&table) {
            return Err(format!("{name}: a price is a number from 0 up"));
        }
        serde_path_to_error::deserialize(table)
            .map_err(|error| format!("{}: {}", error.path(), first_line(error.inner().message())))
    }

    /// The built-in table's text, to copy and change.
    pub fn table() -> &'static str {
        TABLE
    }
}

/// The first number that is no price.
fn no_price(table: &toml::Table) -> Option<String> {
    table.iter().find_map(|(key, value)| match value {
        toml::Value::Table(inner) => no_price(inner).map(|name| format!("{key}.{name}")),
        toml::Value::Integer(price) => (*price < 0).then(|| key.clone()),
        toml::Value::Float(price) => (!(0.0..1e9).contains(price)).then(|| key.clone()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_replaces_single_prices() {
        let prices = Prices::parse("[instance]\n\"t2.micro\" = 1.5\n").expect("valid");
        assert_eq!((prices.instance["t2.micro"], prices.instance["t3.micro"]), (1.5, 0.0104));
        for (wrong, part) in [
            ("[fargate]\nvcpus = 1.0\n", "fargate.vcpus: unknown field"),
            (
                "[instance]\n\"t2.micro\" = \"cheap\"\n",
                "instance.t2.micro: invalid type: string \"cheap\", expected a number",
            ),
            ("[database]\n\"db.m5.large\" = -1\n", "database.db.m5.large: a price is a number from 0 up"),
            ("[network]\nout_per_gb = nan\n", "network.out_per_gb: a price"),
        ] {
            let error = Prices::parse(wrong).expect_err(wrong);
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn every_known_type_has_a_price() {
        let prices = Prices::default();
        for name in super::super::instance_types() {
            assert!(prices.instance.contains_key(name), "{name}");
        }
    }
}
