//! Plans: the same scenarios declared as data, in TOML.

use std::collections::BTreeMap;
use std::time::Duration;

use loadtest_js::{NativeRequest, NativeStep, ResponseType};
use serde_json::{Map, Value};

mod check;

pub use check::check;

const EXAMPLE: &str = "\
for example:\n\
[options]\n\
stages = [{ duration = \"1m\", target = 100 }]\n\
[[steps]]\n\
get = \"http://localhost:6400/api/v1/todos\"\n\
check = [\"status=200\"]\n\
[[steps]]\n\
sleep = \"1s\"";

const METHODS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "options"];

/// A plan: options, and what the scenarios do.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub options: Map<String, Value>,
    /// What every scenario does that has no steps of its own.
    pub all: Vec<NativeStep>,
    /// By the scenario's name.
    pub by_scenario: BTreeMap<String, Vec<NativeStep>>,
}

impl Plan {
    /// Reads a plan from the text of its file; errors name the place and what is allowed there.
    pub fn parse(text: &str) -> Result<Self, String> {
        let plan: toml::Table = toml::from_str(text).map_err(|error| error.to_string())?;
        let plan = serde_json::to_value(plan).map_err(|error| error.to_string())?;
        let mut plan = read(&plan)?;
        plan.options.retain(|_, value| !value.is_null());
        Ok(plan)
    }
}

fn read(plan: &Value) -> Result<Plan, String> {
    let plan = plan.as_object().ok_or("is empty")?;
    if let Some(unknown) = plan.keys().find(|key| !["options", "scenarios", "steps"].contains(&key.as_str()))
    {
        return Err(format!("there is no `{unknown}`; a plan has options, scenarios and steps, {EXAMPLE}"));
    }
    let object = |key: &str| match plan.get(key) {
        None => Ok(Map::new()),
        Some(Value::Object(map)) => Ok(map.clone()),
        Some(_) => Err(format!("`{key}` must be a table")),
    };
    let mut options = object("options")?;
    let all = plan.get("steps").map(|list| steps(list, "steps")).transpose()?.unwrap_or_default();
    let mut by_scenario = BTreeMap::new();
    let mut scenarios = object("scenarios")?;
    for (name, scenario) in &mut scenarios {
        let scenario =
            scenario.as_object_mut().ok_or_else(|| format!("scenario `{name}` must be a table"))?;
        match scenario.remove("steps") {
            Some(list) => {
                by_scenario.insert(name.clone(), steps(&list, &format!("scenario `{name}`"))?);
            }
            None if all.is_empty() => return Err(format!("scenario `{name}` has no steps, {EXAMPLE}")),
            None => {}
        }
    }
    if scenarios.is_empty() {
        if all.is_empty() {
            return Err(format!("there are no steps, {EXAMPLE}"));
        }
    } else {
        options.insert("scenarios".to_owned(), Value::Object(scenarios));
    }
    Ok(Plan { options, all, by_scenario })
}

fn steps(list: &Value, place: &str) -> Result<Vec<NativeStep>, String> {
    let list = list.as_array().ok_or_else(|| format!("{place}: steps must be a list, {EXAMPLE}"))?;
    let (mut steps, mut requests) = (Vec::new(), 0);
    for (index, step) in list.iter().enumerate() {
        let place = format!("{place}, step {}", index + 1);
        let step = step.as_object().ok_or_else(|| format!("{place} must be a table"))?;
        if let Some(sleep) = step.get("sleep") {
            steps.push(NativeStep::Sleep(
                crate::config::fields::duration(sleep).map_err(|why| format!("{place}: {why}"))?,
            ));
            continue;
        }
        steps.push(NativeStep::Request(request(step, &place)?));
        for text in step.get("check").map(texts).transpose()?.unwrap_or_default() {
            let (name, test) = check(&text).map_err(|why| format!("{place}: {why}"))?;
            steps.push(NativeStep::Check { request: requests, name, test, tags: Vec::new() });
        }
        requests += 1;
    }
    Ok(steps)
}

fn request(step: &Map<String, Value>, place: &str) -> Result<NativeRequest, String> {
    let known = ["headers", "body", "json", "check", "timeout", "tags", "name"];
    if let Some(unknown) =
        step.keys().find(|key| !METHODS.contains(&key.as_str()) && !known.contains(&key.as_str()))
    {
        return Err(format!(
            "{place}: there is no `{unknown}`; known are {}, {}",
            METHODS.join(", "),
            known.join(", ")
        ));
    }
    let method = METHODS.iter().find(|method| step.contains_key(**method));
    let method = method.ok_or_else(|| format!("{place}: needs one of {} or sleep", METHODS.join(", ")))?;
    let url = step[*method].as_str().ok_or_else(|| format!("{place}: `{method}` must be a URL"))?;
    let pairs = |key: &str| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let map = step.get(key).and_then(Value::as_object);
        map.into_iter().flatten().map(|(name, value)| (name.clone(), text(value))).collect()
    };
    let (mut headers, mut tags) = (pairs("headers"), pairs("tags"));
    if let Some(name) = step.get("name").and_then(Value::as_str) {
        tags.push(("name".to_owned(), name.to_owned()));
    }
    let body = match (step.get("body"), step.get("json")) {
        (Some(body), _) => {
            Some(body.as_str().ok_or_else(|| format!("{place}: `body` must be a text"))?.to_owned())
        }
        (None, Some(json)) => {
            if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
                headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
            }
            Some(json.to_string())
        }
        (None, None) => None,
    };
    let timeout = step.get("timeout").map(crate::config::fields::duration).transpose();
    Ok(NativeRequest {
        method: method.to_ascii_uppercase(),
        url: url.to_owned(),
        headers,
        body: body.map(Into::into),
        timeout: timeout.map_err(|why| format!("{place}: {why}"))?.unwrap_or(Duration::from_secs(60)),
        tags,
        name: None,
        redirects_max: None,
        response_type: ResponseType::Text,
    })
}

fn texts(value: &Value) -> Result<Vec<String>, String> {
    match value {
        Value::String(text) => Ok(vec![text.clone()]),
        Value::Array(list) => list
            .iter()
            .map(|text| text.as_str().map(str::to_owned).ok_or_else(|| "a check must be a text".to_owned()))
            .collect(),
        other => Err(format!("a check must be a text, not {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_becomes_options_and_steps() {
        let plan = Plan::parse(
            "[scenarios.browse]\nexecutor = 'constant-vus'\nvus = 2\nduration = '5s'\n\
             [[scenarios.browse.steps]]\nget = 'http://a/'\ncheck = 'status=200'\n\
             [[scenarios.browse.steps]]\nsleep = 250\n\
             [[scenarios.browse.steps]]\npost = 'http://a/b'\njson = { a = 1 }\ncheck = ['body~x']\n",
        )
        .expect("reads");
        assert_eq!(plan.options["scenarios"]["browse"]["vus"], 2);
        let steps = &plan.by_scenario["browse"];
        assert_eq!(steps.len(), 5);
        assert_eq!(steps[2], NativeStep::Sleep(Duration::from_millis(250)));
        let NativeStep::Request(post) = &steps[3] else { panic!("no request") };
        assert_eq!(post.body.as_deref(), Some(b"{\"a\":1}".as_slice()));
        assert!(matches!(&steps[4], NativeStep::Check { request: 1, test, .. } if test.reads_body()));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, part) in [
            ("a = 1", "`a`"),
            ("[options]\nvus = 1", "no steps"),
            ("[[steps]]\nfetch = 'x'", "`fetch`"),
            ("[[steps]]\nget = 'http://a'\ncheck = 'colour=red'", "unknown rule"),
            ("[scenarios.a]\nexecutor = 'constant-vus'", "has no steps"),
        ] {
            let Err(error) = Plan::parse(text) else { panic!("{text} was accepted") };
            assert!(error.contains(part), "{error}");
        }
    }
}
