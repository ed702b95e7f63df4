//! Two values of a resource, attribute by attribute.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::aws::resources::Resource;

/// One attribute that differs. A list's elements come and go one by one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Attribute {
    /// `HealthCheckPath`, `TargetGroupAttributes.slow_start.duration_seconds`
    pub path: String,
    pub old: Option<Value>,
    pub new: Option<Value>,
}

/// Properties that count where a resource is made and never afterwards: the policies own the capacity.
const ONLY_AT_FIRST: [&str; 2] = ["DesiredCapacity", "DesiredCount"];

/// Lists of settings of which AWS has more than we name.
const PARTIAL: &str = "Attributes";

pub(super) fn difference(have: Option<&Resource>, want: Option<&Resource>) -> Vec<Attribute> {
    let flat = |resource: Option<&Resource>| {
        let mut found = Flat::default();
        if let Some(resource) = resource {
            flatten("", &resource.properties(), &mut found);
        }
        found
    };
    let (old, new) = (flat(have), flat(want));
    let mut attributes = Vec::new();
    let both = have.is_some() && want.is_some();
    let paths: std::collections::BTreeSet<&String> = old.values.keys().chain(new.values.keys()).collect();
    for path in paths {
        let (before, after) = (old.values.get(path), new.values.get(path));
        let root = path.split('.').next().unwrap_or_default();
        let unnamed = after.is_none() && root.ends_with(PARTIAL);
        let owned = ONLY_AT_FIRST.contains(&root) && before != Some(&Value::from(0));
        if before == after || (both && (owned || unnamed)) {
            continue;
        }
        attributes.push(Attribute { path: path.clone(), old: before.cloned(), new: after.cloned() });
    }
    let paths: std::collections::BTreeSet<&String> = old.lists.keys().chain(new.lists.keys()).collect();
    let nothing = Vec::new();
    for path in paths {
        let (before, after) =
            (old.lists.get(path).unwrap_or(&nothing), new.lists.get(path).unwrap_or(&nothing));
        let gone = before.iter().filter(|one| !after.contains(one));
        let come = after.iter().filter(|one| !before.contains(one));
        attributes.extend(
            gone.map(|old| Attribute { path: path.clone(), old: Some(old.clone()), new: None })
                .chain(come.map(|new| Attribute { path: path.clone(), old: None, new: Some(new.clone()) })),
        );
    }
    attributes
}

#[derive(Default)]
struct Flat {
    values: BTreeMap<String, Value>,
    lists: BTreeMap<String, Vec<Value>>,
}

fn flatten(path: &str, value: &Value, found: &mut Flat) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Object(map) if is_reference(map) => drop(found.values.insert(path.to_owned(), value.clone())),
        Value::Object(map) => match map.get("Fn::Base64") {
            // A script: only the lines that differ are of interest.
            Some(Value::String(script)) => {
                let lines = script.lines().map(|line| Value::String(line.to_owned())).collect();
                found.lists.insert(path.to_owned(), lines);
            }
            _ => map.iter().for_each(|(key, value)| flatten(&below(key), value, found)),
        },
        Value::Array(list) => match list.iter().map(named).collect::<Option<Vec<_>>>() {
            Some(pairs) if !pairs.is_empty() => {
                for (key, values) in pairs {
                    values.iter().for_each(|(inner, value)| match *inner {
                        "Value" => flatten(&below(key), value, found),
                        inner => flatten(&format!("{}.{inner}", below(key)), value, found),
                    });
                }
            }
            _ => drop(found.lists.insert(path.to_owned(), list.clone())),
        },
        value => drop(found.values.insert(path.to_owned(), value.clone())),
    }
}

fn is_reference(map: &serde_json::Map<String, Value>) -> bool {
    map.len() == 1 && ["Ref", "Fn::GetAtt", "Fn::Join"].iter().any(|key| map.contains_key(*key))
}

/// An element that a `Key` or `Name` tells from its neighbours, and what else is in it: settings (`Value`), containers,
/// secrets.
fn named(value: &Value) -> Option<(&str, Vec<(&str, &Value)>)> {
    let map = value.as_object()?;
    let (key, name) = ["Key", "Name"].iter().find_map(|key| Some((*key, map.get(*key)?.as_str()?)))?;
    let others = map.iter().filter(|(field, _)| *field != key);
    Some((name, others.map(|(field, value)| (field.as_str(), value)).collect()))
}
