//! A plan for people: `+` made, `~` changed, `−` removed, `±` replaced.

use std::fmt;

use serde_json::Value;

use super::{Action, Attribute, Change, Plan};

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for change in &self.changes {
            write!(f, "{change}")?;
        }
        for kept in &self.kept {
            writeln!(f, "  {kept}: kept")?;
        }
        let count = |action: Action| self.changes.iter().filter(|change| change.action == action).count();
        let counts = [
            ("to make", Action::Create),
            ("to change", Action::Update),
            ("to replace", Action::Replace),
            ("to remove", Action::Delete),
        ];
        let counts = counts.map(|(word, action)| (word, count(action)));
        let said: Vec<String> = counts
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(word, count)| format!("{count} {word}"))
            .chain([format!("{} as they should be", self.unchanged)])
            .collect();
        writeln!(f, "{}", said.join(", "))
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.action {
            Action::Create => "+",
            Action::Update => "~",
            Action::Replace => "±",
            Action::Delete => "−",
        };
        let kind = self.kind.strip_prefix("AWS::").unwrap_or(self.kind);
        write!(f, "{sign} {} ({kind} `{}`)", self.logical, self.name)?;
        writeln!(f, "{}", if self.action == Action::Replace { ": must be replaced" } else { "" })?;
        if self.action != Action::Delete {
            self.attributes.iter().try_for_each(|attribute| write!(f, "{attribute}"))?;
        }
        Ok(())
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match (&self.old, &self.new) {
            (Some(old), Some(new)) => writeln!(f, "    {path}: {} → {}", shown(old), shown(new)),
            (None, Some(new)) => writeln!(f, "    {path}: + {}", shown(new)),
            (Some(old), None) => writeln!(f, "    {path}: − {}", shown(old)),
            (None, None) => Ok(()),
        }
    }
}

/// Short: a reference as an arrow, text without quotes, objects on one line.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(map) => match (map.get("Ref"), map.get("Fn::GetAtt"), map.get("Fn::Join")) {
            (Some(target), ..) => format!("→{}", shown(target)),
            (_, Some(Value::Array(parts)), _) => match parts.as_slice() {
                [target, part] if part == "LatestVersionNumber" => format!("newest of →{}", shown(target)),
                [target, ..] => format!("→{}", shown(target)),
                [] => String::new(),
            },
            (.., Some(Value::Array(parts))) => parts.get(1).map(shown).unwrap_or_default(),
            _ => {
                let fields = map.iter().map(|(key, value)| format!("{key} {}", shown(value)));
                fields.collect::<Vec<_>>().join(", ")
            }
        },
        Value::Array(list) => list.iter().map(shown).collect::<Vec<_>>().join("/"),
        other => other.to_string(),
    }
}
