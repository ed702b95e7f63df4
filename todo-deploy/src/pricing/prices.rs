//! The price table: dated, and any line of it overridable by a file.

use std::collections::BTreeMap;

use serde::Deserialize;

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
        table.try_into().map_err(|error: toml::de::Error| error.message().to_owned())
    }

    /// The built-in table's text, to copy and change.
    pub fn table() -> &'static str {
        TABLE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_replaces_single_prices() {
        let prices = Prices::parse("[instance]\n\"t2.micro\" = 1.5\n").expect("valid");
        assert_eq!((prices.instance["t2.micro"], prices.instance["t3.micro"]), (1.5, 0.0104));
        assert!(Prices::parse("[fargate]\nvcpus = 1.0\n").is_err());
    }

    #[test]
    fn every_known_type_has_a_price() {
        let prices = Prices::default();
        for name in super::super::instance_types() {
            assert!(prices.instance.contains_key(name), "{name}");
        }
    }
}
