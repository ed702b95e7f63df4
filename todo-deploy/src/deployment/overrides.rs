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
        0 => Err(match parts.as_slice() {
            ["scaling", "policy", policy, _, ..] | ["scaling", policy, _, ..] => {
                format!("there is no field `{field}`: no policy is called `{policy}`; {}", policies(spec))
            }
            ["scaling", key] => {
                let hint =
                    if *key == "target" { "; target tracking is the default of --target ecs" } else { "" };
                format!("there is no field `{field}`: no policy here has `{key}`; {}{hint}", policies(spec))
            }
            _ => format!("there is no field `{field}` to set; `todo-deploy init` shows all of them"),
        }),
        _ => Ok(()),
    }
}

/// The policies that there are, with their kinds.
fn policies(spec: &Table) -> String {
    let all = spec.get("scaling").and_then(|scaling| scaling.get("policy")).and_then(Value::as_array);
    let text = |policy: &Value, key: &str| policy.get(key).and_then(Value::as_str).unwrap_or("?").to_owned();
    let each = |policy: &Value| format!("{} ({})", text(policy, "name"), text(policy, "kind"));
    match all.into_iter().flatten().map(each).collect::<Vec<_>>() {
        none if none.is_empty() => "there is none".to_owned(),
        some => format!("they are {}", some.join(", ")),
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
            changed += set_in_policy(policy, key, value, only.is_some());
        }
    }
    changed
}

/// Fields of an alarm that may be left out.
const OPTIONAL_IN_ALARM: [&str; 3] = ["statistic", "datapoints_to_alarm", "missing_data"];

/// Of a policy that is `named`, a field that is absent may be set too; the reader refuses what does not exist.
fn set_in_policy(policy: &mut Table, key: &str, value: &Value, named: bool) -> usize {
    if let Some(field) = policy.get(key) {
        let value = fitting(Some(field), value);
        policy.insert(key.to_owned(), value);
        return 1;
    }
    let in_alarm = key.strip_prefix("alarm.");
    let Some(alarm) = policy.get_mut("alarm").and_then(Value::as_table_mut) else {
        return set_absent(policy, key, value, named);
    };
    let key = in_alarm.unwrap_or(key);
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
        None if in_alarm.is_some() || OPTIONAL_IN_ALARM.contains(&key) => {
            set_absent(alarm, key, value, named)
        }
        None => set_absent(policy, key, value, named),
    }
}

fn set_absent(table: &mut Table, key: &str, value: &Value, named: bool) -> usize {
    if named {
        table.insert(key.to_owned(), value.clone());
    }
    usize::from(named)
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
        assert!(wrong.contains(
            "no policy here has `target`; they are todo_scale_up (simple), todo_scale_down (simple); "
        ));
        assert!(wrong.ends_with("target tracking is the default of --target ecs"), "{wrong}");
        let wrong =
            deployment(Target::Ec2, "scaling.up.cooldown", Value::Integer(30)).expect_err("no such policy");
        assert!(wrong.contains("no policy is called `up`; they are todo_scale_up (simple)"), "{wrong}");
        let wrong =
            deployment(Target::Ec2, "capacity.maximum", Value::Integer(30)).expect_err("no such field");
        assert!(wrong.contains("unknown field"), "{wrong}");
    }
    /// What a file may leave out can be set all the same; what does not exist is refused by name.
    #[test]
    fn absent_fields_of_a_named_policy() {
        let set = |field: &str, value: i64| {
            deployment(Target::Ec2, &format!("scaling.policy.todo_scale_up.{field}"), Value::Integer(value))
        };
        for field in ["alarm.datapoints_to_alarm", "datapoints_to_alarm"] {
            let found = set(field, 1).expect(field);
            let alarm = found.scaling.policies[0].alarm().expect("a simple policy has one");
            assert_eq!(alarm.datapoints_to_alarm, Some(1), "{field}");
            assert_eq!(found.scaling.policies[1].alarm().expect("an alarm").datapoints_to_alarm, None);
        }
        let found = set("min_magnitude", 2).expect("a simple policy has it");
        assert!(
            matches!(&found.scaling.policies[0], Policy::Simple(policy) if policy.min_magnitude == Some(2))
        );
        for (field, unknown) in [("speed", "speed"), ("alarm.speed", "alarm.speed"), ("target", "target")] {
            let wrong = set(field, 1).expect_err("no such field");
            assert!(wrong.contains(&format!("scaling.policy.0.{unknown}: unknown field")), "{wrong}");
        }
        let warm_up = Value::String("90s".to_owned());
        let found = deployment(Target::Ecs, "scaling.todo-cpu.warm_up", warm_up).expect("it may have one");
        assert!(
            matches!(&found.scaling.policies[0], Policy::TargetTracking(policy) if policy.warm_up.is_some())
        );
    }
}
