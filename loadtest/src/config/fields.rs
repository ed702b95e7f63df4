//! Typed reading of JSON options, with errors that name the option and what was found.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

/// An object of options with a name for errors, such as "scenario `a`".
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a> {
    pub map: &'a Map<String, Value>,
    pub place: &'a str,
}

impl Fields<'_> {
    fn get(&self, key: &str) -> Option<&Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    fn wrong(&self, key: &str, wanted: &str, value: &Value) -> String {
        format!("{}: `{key}` must be {wanted}, not {value}", self.place)
    }

    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    pub fn bool(&self, key: &str) -> Result<Option<bool>, String> {
        self.get(key)
            .map(|value| match value {
                Value::Bool(value) => Ok(*value),
                Value::String(text) if text == "true" => Ok(true),
                Value::String(text) if text == "false" => Ok(false),
                other => Err(self.wrong(key, "true or false", other)),
            })
            .transpose()
    }

    /// A whole number that is not negative.
    pub fn count(&self, key: &str) -> Result<Option<u64>, String> {
        let number = |value: &Value| match value {
            Value::Number(number) => number
                .as_u64()
                .or_else(|| number.as_f64().filter(|n| n.fract() == 0.0 && *n >= 0.0).map(|n| n as u64)),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        self.get(key)
            .map(|value| number(value).ok_or_else(|| self.wrong(key, "a whole number, zero or more", value)))
            .transpose()
    }

    pub fn number(&self, key: &str) -> Result<Option<f64>, String> {
        let number = |value: &Value| value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
        self.get(key).map(|value| number(value).ok_or_else(|| self.wrong(key, "a number", value))).transpose()
    }

    pub fn text(&self, key: &str) -> Result<Option<String>, String> {
        self.get(key)
            .map(|value| match value {
                Value::String(text) => Ok(text.clone()),
                other => Err(self.wrong(key, "a text", other)),
            })
            .transpose()
    }

    pub fn duration(&self, key: &str) -> Result<Option<Duration>, String> {
        self.get(key)
            .map(|value| duration(value).map_err(|why| format!("{}: `{key}`: {why}", self.place)))
            .transpose()
    }

    /// A list of texts; a single text may hold several, separated by commas.
    pub fn texts(&self, key: &str) -> Result<Option<Vec<String>>, String> {
        let one = |value: &Value| {
            value.as_str().map(str::to_owned).ok_or_else(|| self.wrong(key, "a list of texts", value))
        };
        self.get(key)
            .map(|value| match value {
                Value::Array(list) => list.iter().map(one).collect(),
                Value::String(text) => Ok(text.split(',').map(|part| part.trim().to_owned()).collect()),
                other => Err(self.wrong(key, "a list of texts", other)),
            })
            .transpose()
    }

    /// An object whose values are texts; numbers and booleans are written out.
    pub fn strings(&self, key: &str) -> Result<BTreeMap<String, String>, String> {
        match self.get(key) {
            None => Ok(BTreeMap::new()),
            Some(Value::Object(map)) => Ok(map
                .iter()
                .map(|(key, value)| {
                    (key.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned))
                })
                .collect()),
            Some(other) => Err(self.wrong(key, "an object", other)),
        }
    }

    pub fn object(&self, key: &str) -> Result<Option<&Map<String, Value>>, String> {
        self.get(key)
            .map(|value| value.as_object().ok_or_else(|| self.wrong(key, "an object", value)))
            .transpose()
    }

    pub fn list(&self, key: &str) -> Result<Option<&Vec<Value>>, String> {
        self.get(key)
            .map(|value| value.as_array().ok_or_else(|| self.wrong(key, "a list", value)))
            .transpose()
    }
}

/// A duration as options have it: a text such as `1m30s`, or a number of milliseconds.
pub fn duration(value: &Value) -> Result<Duration, String> {
    match value {
        Value::String(text) => crate::duration::parse(text).map_err(|error| error.to_string()),
        Value::Number(number) => number
            .as_f64()
            .and_then(crate::duration::from_millis)
            .ok_or_else(|| format!("{number} is no number of milliseconds, zero or more")),
        other => Err(format!("{other} is not a duration; write for example \"30s\" or \"1m30s\"")),
    }
}
