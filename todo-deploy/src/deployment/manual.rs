//! The commented default file: the manual of the format, filled in from the defaults themselves, so that it
//! cannot say anything else than what happens when a field is left out.

use toml::{Table, Value};

use super::Defaults;

const TEMPLATE: &str = include_str!("default.toml");

/// The text that `todo-deploy init` prints.
pub fn manual(defaults: Defaults) -> String {
    let spec = Table::try_from(defaults.spec()).unwrap_or_default();
    let mut text = String::new();
    let mut rest = TEMPLATE;
    while let Some((before, after)) = rest.split_once("{{") {
        let (field, after) = after.split_once("}}").unwrap_or((after, ""));
        text.push_str(before);
        text.push_str(&match field {
            "target" => defaults.target.to_string(),
            "policies" => policies(&spec),
            "answers" => answers(&spec),
            // Optional fields keep their whole line, as a comment where the default has none.
            "aws.key_name" => optional(&spec, field, "key_name = \"my-key\""),
            field => lookup(&spec, field).map(Value::to_string).unwrap_or_default(),
        });
        rest = after;
    }
    text + rest
}

fn lookup<'a>(spec: &'a Table, field: &str) -> Option<&'a Value> {
    let (table, key) = match field.split_once('.') {
        Some((table, key)) => (spec.get(table)?.as_table()?, key),
        None => (spec, field),
    };
    table.get(key)
}

fn optional(spec: &Table, field: &str, example: &str) -> String {
    let key = field.rsplit('.').next().unwrap_or(field);
    match lookup(spec, field) {
        Some(value) => format!("{key} = {value}"),
        None => format!("# {example}"),
    }
}

/// What the service answers by path; where that is always 200, an example.
fn answers(spec: &Table) -> String {
    let answers = lookup(spec, "model.answers").and_then(Value::as_table);
    let lines: Vec<String> = answers
        .into_iter()
        .flatten()
        .map(|(path, status)| format!("{} = {status}", Value::String(path.clone())))
        .collect();
    if lines.is_empty() { "# \"/\" = 404".to_owned() } else { lines.join("\n") }
}

fn policies(spec: &Table) -> String {
    let policies = lookup(spec, "scaling.policy").and_then(Value::as_array);
    let mut text = String::new();
    for policy in policies.into_iter().flatten().filter_map(Value::as_table) {
        text.push_str("[[scaling.policy]]\n");
        let (tables, fields): (Vec<_>, Vec<_>) = policy.iter().partition(|(_, value)| value.is_table());
        fields.into_iter().for_each(|(key, value)| text.push_str(&format!("{key} = {value}\n")));
        for (key, table) in tables {
            text.push_str(&format!("[scaling.policy.{key}]\n"));
            let fields = table.as_table().into_iter().flatten();
            fields.for_each(|(key, value)| text.push_str(&format!("{key} = {value}\n")));
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployment::{Deployment, Target};

    #[test]
    fn the_manual_is_the_default() {
        for target in Target::ALL {
            for as_in_the_practical in [false, true] {
                let defaults = Defaults { target, as_in_the_practical };
                let text = manual(defaults);
                let parsed =
                    Deployment::parse(&text, "deployment.toml", Defaults::of(target)).expect("it parses");
                assert_eq!(parsed, Deployment::default_for(defaults), "{defaults:?}");
            }
        }
    }

    #[test]
    fn no_field_is_left_out() {
        let text = manual(Defaults::of(Target::Ec2));
        let spec = Table::try_from(Defaults::of(Target::Ec2).spec()).expect("it is a table");
        for (table, fields) in spec.iter().filter_map(|(name, value)| Some((name, value.as_table()?))) {
            assert!(text.contains(&format!("[{table}")), "{table}");
            for key in fields.keys().filter(|key| !fields[*key].is_array() && !fields[*key].is_table()) {
                assert!(text.contains(&format!("\n{key} = ")), "{table}.{key}");
            }
        }
    }
}
