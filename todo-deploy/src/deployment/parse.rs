//! From the text of a file to a [`Deployment`], or to errors that say where and what.
//!
//! The file is laid over the defaults, key by key (lists are replaced whole), then read into a [`Spec`] and
//! checked. Lines are found by looking the field up again in the text, so that every problem has one.

use std::fmt;

use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::validate::{Problem, problems};
use super::{Defaults, Deployment, SimplePolicy, Spec, StepPolicy, TargetTracking};

/// A file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistakes {
    /// As the user named it.
    pub file: String,
    pub mistakes: Vec<Mistake>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Counted from 1; none where the field stands in no line (a default that clashes, an override).
    pub line: Option<usize>,
    pub field: String,
    pub wrong: String,
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.mistakes.iter().enumerate() {
            let newline = if index > 0 { "\n" } else { "" };
            write!(f, "{newline}{}", self.file)?;
            if let Some(line) = mistake.line {
                write!(f, ":{line}")?;
            }
            if !mistake.field.is_empty() {
                write!(f, ": {}", mistake.field)?;
            }
            write!(f, ": {}", mistake.wrong)?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

impl Deployment {
    /// The defaults themselves.
    pub fn default_for(defaults: Defaults) -> Self {
        Self(defaults.spec())
    }

    /// Reads a file's text over the defaults. `file` is only for the messages.
    pub fn parse(text: &str, file: &str, defaults: Defaults) -> Result<Self, Mistakes> {
        Self::parse_with(text, file, defaults, &[])
    }

    /// As [`Self::parse`], with single fields set differently: `("capacity.max", "8")`.
    pub fn parse_with(
        text: &str,
        file: &str,
        defaults: Defaults,
        overrides: &[(String, Value)],
    ) -> Result<Self, Mistakes> {
        let refuse = |mistakes| Mistakes { file: file.to_owned(), mistakes };
        let given: Table = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| line_at(text, span.start));
            refuse(vec![Mistake { line, field: String::new(), wrong: first_line(error.message()) }])
        })?;
        let mut merged = Table::try_from(defaults.spec()).map_err(|error| {
            refuse(vec![Mistake { line: None, field: String::new(), wrong: error.to_string() }])
        })?;
        let follows = desired_follows(&given, overrides);
        overlay(&mut merged, given);
        for (field, value) in overrides {
            super::overrides::set(&mut merged, field, value)
                .map_err(|wrong| refuse(vec![Mistake { line: None, field: field.clone(), wrong }]))?;
        }
        let table = Value::Table(merged.clone());
        let mut spec: Spec = serde_path_to_error::deserialize(table).map_err(|error| {
            let path = error.path().to_string().replace('[', ".").replace(']', "");
            let (path, message) =
                in_policy(&merged, &path).unwrap_or((path, error.inner().message().to_owned()));
            let wrong = first_line(&message);
            let field = match unknown_field(&wrong) {
                Some(unknown) if !path.ends_with(unknown) => format!("{path}.{unknown}"),
                _ => path,
            };
            let field = field.trim_matches('.').replace("?", "");
            refuse(vec![Mistake { line: find_line(text, &field), field, wrong }])
        })?;
        if follows {
            spec.capacity.desired = spec.capacity.desired.max(spec.capacity.min).min(spec.capacity.max);
        }
        let problems = problems(&spec, defaults.target);
        if problems.is_empty() {
            return Ok(Self(spec));
        }
        let mistake = |Problem { field, wrong }| Mistake { line: find_line(text, &field), field, wrong };
        Err(refuse(problems.into_iter().map(mistake).collect()))
    }
}

/// What is wrong inside a policy. Which kind it is decides how it is read, and that hides where the reader stood.
fn in_policy(merged: &Table, path: &str) -> Option<(String, String)> {
    fn wrong<T: serde::de::DeserializeOwned>(table: Table) -> Option<(String, String)> {
        let error = serde_path_to_error::deserialize::<_, T>(Value::Table(table)).err()?;
        Some((
            error.path().to_string().replace('[', ".").replace(']', ""),
            error.inner().message().to_owned(),
        ))
    }
    let index: usize = path.strip_prefix("scaling.policy.")?.parse().ok()?;
    let mut policy = merged.get("scaling")?.get("policy")?.get(index)?.as_table()?.clone();
    let kind = policy.remove("kind")?;
    let (inner, message) = match kind.as_str()? {
        "simple" => wrong::<SimplePolicy>(policy),
        "step" => wrong::<StepPolicy>(policy),
        "target-tracking" => wrong::<TargetTracking>(policy),
        _ => None,
    }?;
    Some((format!("{path}.{inner}"), message))
}

/// `min = 2` alone begins with two: the default for `desired` is only meant for the default limits.
fn desired_follows(given: &Table, overrides: &[(String, Value)]) -> bool {
    let capacity = given.get("capacity").and_then(Value::as_table);
    let in_file = capacity.is_some_and(|capacity| capacity.contains_key("desired"));
    !in_file && overrides.iter().all(|(field, _)| field != "capacity.desired")
}

/// Lays one table over another: tables merge, everything else replaces.
fn overlay(under: &mut Table, over: Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Table(under)), Value::Table(over)) => overlay(under, over),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}

/// What serde says, without Rust's names.
pub(crate) fn first_line(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    line.replace("expected u32", "expected a whole number from 0 up")
        .replace("expected u16", "expected a number up to 65535")
        .replace("expected i32", "expected a whole number")
        .replace("expected f64", "expected a number")
}

fn unknown_field(message: &str) -> Option<&str> {
    message.strip_prefix("unknown field `")?.split('`').next()
}

fn line_at(text: &str, offset: usize) -> usize {
    text[..offset.min(text.len())].matches('\n').count() + 1
}

/// The line of the field, or of the nearest table around it that stands in the text.
fn find_line(text: &str, field: &str) -> Option<usize> {
    let root = DeTable::parse(text).ok()?;
    let mut table = root.get_ref();
    let mut found = None;
    let mut parts = field.split('.').peekable();
    while let Some(part) = parts.next() {
        let (key, value) = table.iter().find(|(key, _)| key.get_ref().as_ref() == part)?.to_owned();
        found = Some(line_at(text, key.span().start));
        match value.get_ref() {
            DeValue::Table(inner) => table = inner,
            DeValue::Array(items) => {
                let Some(index) = parts.peek().and_then(|part| part.parse::<usize>().ok()) else { break };
                let item: &Spanned<DeValue<'_>> = items.get(index)?;
                parts.next();
                found = Some(line_at(text, item.span().start));
                match item.get_ref() {
                    DeValue::Table(inner) => table = inner,
                    _ => break,
                }
            }
            _ => break,
        }
        let next_is_missing =
            parts.peek().is_some_and(|part| !table.iter().any(|(key, _)| key.get_ref() == part));
        if next_is_missing {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests;
