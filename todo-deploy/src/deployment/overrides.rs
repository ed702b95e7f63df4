//! One field set differently: what `--set` and `--sweep` do.
//!
//! A field is named by its path in the file (`capacity.max`). A policy's field is named with the policy
//! (`scaling.policy.todo_scale_up.cooldown`) or, as a short form, without it (`scaling.target`), which sets the
//! field of every policy that has it; a threshold is `scaling.todo_scale_up.threshold`.

use toml::{Table, Value};

/// Sets `field` to `value`, or says why there is no such field.
pub(super) fn set(spec: &mut Table, field: &str, value: &Value) -> Result<(), String> {
    let parts: Vec<&str> = field.split('.').collect();
    let changed = match parts.as_slice() {
        ["scaling", key] if !has(spec, "scaling", key) => set_in_policies(spec, None, key, value),
        ["scaling", "policy", policy, rest @ ..] | ["scaling", policy, rest @ ..] if !rest.is_empty() => {
            set_in_policies(spec, Some(policy), &rest.join("."), value)
        }
        _ => set_path(spec, &parts, value),
    };
    match changed {
        0 => Err(format!("there is no field `{field}` to set; `todo-deploy init` shows all of them")),
        _ => Ok(()),
    }
}

fn has(spec: &Table, table: &str, key: &str) -> bool {
    spec.get(table).and_then(Value::as_table).is_some_and(|table| table.contains_key(key))
}

fn set_path(table: &mut Table, parts: &[&str], value: &Value) -> usize {
    match parts {
        [key] => {
            // A field that is absent by default may still be set; the reader refuses what does not exist.
            table.insert((*key).to_owned(), fitting(table.get(*key), value));
            1
        }
        [key, rest @ ..] => {
            table.get_mut(*key).and_then(Value::as_table_mut).map_or(0, |inner| set_path(inner, rest, value))
        }
        [] => 0,
    }
}

fn set_in_policies(spec: &mut Table, only: Option<&str>, key: &str, value: &Value) -> usize {
    let scaling = spec.get_mut("scaling").and_then(Value::as_table_mut);
    let Some(policies) = scaling.and_then(|scaling| scaling.get_mut("policy")).and_then(Value::as_array_mut)
    else {
        return 0;
    };
    let mut changed = 0;
    for policy in policies.iter_mut().filter_map(Value::as_table_mut) {
        let named = policy.get("name").and_then(Value::as_str);
        if only.is_none_or(|only| named == Some(only)) {
            changed += set_in_policy(policy, key, value);
        }
    }
    changed
}

fn set_in_policy(policy: &mut Table, key: &str, value: &Value) -> usize {
    if let Some(field) = policy.get(key) {
        let value = fitting(Some(field), value);
        policy.insert(key.to_owned(), value);
        return 1;
    }
    let Some(alarm) = policy.get_mut("alarm").and_then(Value::as_table_mut) else { return 0 };
    let key = key.strip_prefix("alarm.").unwrap_or(key);
    if key == "threshold" {
        let when = alarm.get("when").and_then(Value::as_str).unwrap_or_default().to_owned();
        let comparison: String = when.chars().take_while(|c| "<>=".contains(*c)).collect();
        alarm.insert("when".to_owned(), Value::String(format!("{comparison} {}", plain(value))));
        return 1;
    }
    match alarm.get(key) {
        Some(field) => {
            let value = fitting(Some(field), value);
            alarm.insert(key.to_owned(), value);
            1
        }
        None => 0,
    }
}

/// The value as the kind that the field already has: a number for a duration becomes seconds.
fn fitting(field: Option<&Value>, value: &Value) -> Value {
    match (field, value) {
        (Some(Value::String(_)), Value::Integer(_) | Value::Float(_)) => {
            Value::String(format!("{}s", plain(value)))
        }
        (Some(Value::Float(_)), Value::Integer(whole)) => Value::Float(*whole as f64),
        (Some(Value::Integer(_)), Value::Float(number)) if number.fract() == 0.0 => {
            Value::Integer(*number as i64)
        }
        _ => value.clone(),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Defaults, Deployment, Policy, Target};
    use super::*;

    fn deployment(target: Target, field: &str, value: Value) -> Result<Deployment, String> {
        let overrides = [(field.to_owned(), value)];
        Deployment::parse_with("", "f", Defaults::of(target), &overrides)
            .map_err(|mistakes| mistakes.to_string())
    }

    #[test]
    fn fields_policies_and_thresholds() {
        let found = deployment(Target::Ec2, "capacity.max", Value::Integer(8)).expect("capacity");
        assert_eq!(found.capacity.max, 8);
        let found = deployment(Target::Ec2, "capacity.min", Value::Integer(3)).expect("capacity");
        assert_eq!((found.capacity.min, found.capacity.desired), (3, 3), "as in a file");
        let found = deployment(Target::Ecs, "scaling.target", Value::Integer(35)).expect("target");
        assert!(
            matches!(&found.scaling.policies[0], Policy::TargetTracking(policy) if policy.target == 35.0)
        );
        let found = deployment(Target::Ec2, "scaling.todo_scale_up.threshold", Value::Integer(30))
            .expect("threshold");
        assert!(
            matches!(&found.scaling.policies[0], Policy::Simple(policy) if policy.alarm.when.threshold == 30.0)
        );
        assert!(
            matches!(&found.scaling.policies[1], Policy::Simple(policy) if policy.alarm.when.threshold == 10.0)
        );
        let found = deployment(Target::Ec2, "scaling.cooldown", Value::Integer(60)).expect("cooldown");
        assert!(matches!(&found.scaling.policies[1], Policy::Simple(policy)
            if policy.cooldown == Some(std::time::Duration::from_secs(60))));
        let wrong = deployment(Target::Ec2, "scaling.target", Value::Integer(30)).expect_err("no such field");
        assert!(wrong.contains("scaling.target") && wrong.contains("no field"), "{wrong}");
        let wrong =
            deployment(Target::Ec2, "capacity.maximum", Value::Integer(30)).expect_err("no such field");
        assert!(wrong.contains("unknown field"), "{wrong}");
    }
}
