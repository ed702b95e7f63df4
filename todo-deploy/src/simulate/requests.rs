//! The kinds of request that a load makes, and what each costs.
//!
//! Requests of the same method and path are one kind; parts of a path that are numbers or ids count as the same
//! (`/todos/17` is `/todos/{id}`), and a `name` tag counts instead of both.

use std::str::FromStr;

use loadtest::dry;

use crate::deployment::{Model, RequestPattern};
use crate::sim::dist::Dist;

/// Requests that cost the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestKind {
    pub method: String,
    /// Without host and query, ids replaced.
    pub path: String,
    pub name: Option<String>,
}

impl RequestKind {
    /// The practical's: a list of all todos.
    pub(super) fn list() -> Self {
        Self { method: "GET".to_owned(), path: "/api/v1/todos".to_owned(), name: None }
    }

    fn of(request: &dry::Request) -> Self {
        let after_scheme = request.url.split_once("://").map_or(request.url.as_str(), |(_, rest)| rest);
        let path = after_scheme.find('/').map_or("/", |start| &after_scheme[start..]);
        let path = path.split(['?', '#']).next().unwrap_or(path);
        let part = |part: &str| if is_id(part) { "{id}".to_owned() } else { part.to_owned() };
        let path = path.split('/').map(part).collect::<Vec<_>>().join("/");
        Self { method: request.method.clone(), path, name: request.name.clone() }
    }

    fn is_same(&self, other: &Self) -> bool {
        match (&self.name, &other.name) {
            (None, None) => self == other,
            (one, another) => one == another,
        }
    }

    /// For people: its name, or method and path.
    pub fn label(&self) -> String {
        match &self.name {
            Some(name) => format!("name {name}"),
            None => format!("{} {}", self.method, self.path),
        }
    }

    fn fits(&self, pattern: &RequestPattern) -> bool {
        pattern.matches(&self.method, &self.path, self.name.as_deref())
    }

    /// The pattern of the model that says most about it, and its time.
    fn in_model(&self, model: &Model) -> Option<std::time::Duration> {
        let fitting = model.service_times.iter().filter(|(pattern, _)| self.fits(pattern));
        fitting.max_by_key(|(pattern, _)| pattern.precision()).map(|(_, time)| time.0)
    }

    /// Mean CPU time, as the deployment says.
    pub(super) fn mean_s(&self, model: &Model) -> f64 {
        self.in_model(model).unwrap_or(model.service_time).as_secs_f64()
    }

    /// CPU time: of the first rule that fits, else the deployment's own, else `all`, else the deployment's for all.
    pub(super) fn service_time(&self, rules: &[CostRule], all: Option<&Dist>, model: &Model) -> Dist {
        let log_normal = |time: std::time::Duration| Dist::log_normal(time.as_nanos() as f64, 1.0);
        let rule = rules.iter().find(|rule| self.fits(&rule.pattern)).map(|rule| rule.time.clone());
        rule.or_else(|| self.in_model(model).map(log_normal))
            .or_else(|| all.cloned())
            .unwrap_or_else(|| log_normal(model.service_time))
    }
}

/// A number, or something like a UUID: what no route has as a fixed part.
fn is_id(part: &str) -> bool {
    let digits = part.chars().filter(char::is_ascii_digit).count();
    let is_hex = part.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    digits > 0 && (digits == part.len() || (is_hex && part.len() >= 16))
}

/// The kinds of one load, in the order in which they were met.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Kinds(pub(super) Vec<RequestKind>);

impl Kinds {
    /// The number of this request's kind.
    pub(super) fn number(&mut self, request: &dry::Request) -> usize {
        let kind = RequestKind::of(request);
        let known = self.0.iter().position(|other| other.is_same(&kind));
        known.unwrap_or_else(|| {
            self.0.push(kind);
            self.0.len() - 1
        })
    }
}

/// What single requests cost: `POST /api/v1/todos=4ms`.
#[derive(Debug, Clone, PartialEq)]
pub struct CostRule {
    pub pattern: RequestPattern,
    pub time: Dist,
}

/// What `--service-time` says: of all requests, or of some.
#[derive(Debug, Clone, PartialEq)]
pub enum Cost {
    All(Dist),
    Some(CostRule),
}

impl Cost {
    /// Where it says something of some requests only.
    pub fn rule(&self) -> Option<&CostRule> {
        match self {
            Self::All(_) => None,
            Self::Some(rule) => Some(rule),
        }
    }
}

impl FromStr for Cost {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let is_rule = text.contains('/') || text.trim_start().starts_with("name ");
        match text.split_once('=').filter(|_| is_rule) {
            Some((pattern, time)) => {
                let time =
                    time.parse().map_err(|wrong: crate::sim::dist::ParseDistError| wrong.to_string())?;
                Ok(Self::Some(CostRule { pattern: pattern.parse()?, time }))
            }
            None if is_rule => Err(format!("`{text}` says no time; write /path=4ms or POST /path=4ms")),
            None => text
                .parse()
                .map(Self::All)
                .map_err(|wrong: crate::sim::dist::ParseDistError| wrong.to_string()),
        }
    }
}

/// Rules that fit no request of the load are a mistake: which, and what there is.
pub fn unused(rules: &[CostRule], kinds: &[RequestKind]) -> Result<(), String> {
    let known = || kinds.iter().map(RequestKind::label).collect::<Vec<_>>().join(", ");
    match rules.iter().find(|rule| !kinds.iter().any(|kind| kind.fits(&rule.pattern))) {
        None => Ok(()),
        Some(rule) => Err(format!(
            "--service-time: the load has no request like `{}`; it has {}",
            String::from(rule.pattern.clone()),
            known()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(method: &str, url: &str, name: Option<&str>) -> RequestKind {
        let (method, url) = (method.to_owned(), url.to_owned());
        RequestKind::of(&dry::Request { method, url, name: name.map(str::to_owned) })
    }

    #[test]
    fn ids_hosts_and_queries_make_no_difference() {
        for (url, path) in [
            ("http://a:6400/api/v1/todos?limit=5", "/api/v1/todos"),
            ("https://b", "/"),
            ("http://a/todos/17/notes", "/todos/{id}/notes"),
            ("http://a/t/0193e0d2-8a7c-7b1e-9f00-1234567890ab", "/t/{id}"),
            ("http://a/v1/face", "/v1/face"),
        ] {
            assert_eq!(kind("GET", url, None).path, path);
        }
        let mut kinds = Kinds::default();
        let request = |url: &str, name: Option<&str>| dry::Request {
            method: "GET".to_owned(),
            url: url.to_owned(),
            name: name.map(str::to_owned),
        };
        let numbers = [
            ("http://a/t/1", None),
            ("http://a/t/2", None),
            ("http://a/x", Some("n")),
            ("http://a/y", Some("n")),
        ]
        .map(|(url, name)| kinds.number(&request(url, name)));
        assert_eq!(numbers, [0, 0, 1, 1]);
        assert_eq!(kinds.0.iter().map(RequestKind::label).collect::<Vec<_>>(), ["GET /t/{id}", "name n"]);
    }

    #[test]
    fn costs_for_all_or_some() {
        assert_eq!("exp 4ms".parse(), Ok(Cost::All(Dist::Exponential { mean: 4e6 })));
        let Ok(Cost::Some(rule)) = "POST /a/{id}=constant 4ms".parse() else { panic!("a rule") };
        assert!(
            kind("POST", "http://h/a/5", None).fits(&rule.pattern)
                && !kind("GET", "http://h/a/5", None).fits(&rule.pattern)
        );
        for wrong in ["/a", "/a=", "/a=fast", "a b c=4ms", "post /a=4ms"] {
            assert!(wrong.parse::<Cost>().is_err(), "{wrong}");
        }
        let error = unused(&[rule], &[RequestKind::list()]).expect_err("no such request");
        assert!(error.contains("POST /a/{id}") && error.contains("it has GET /api/v1/todos"), "{error}");
    }

    #[test]
    fn the_first_rule_counts_then_the_most_precise_of_the_model() {
        use crate::deployment::{Defaults, Deployment, Target};
        let text = "[model]\nservice_time = \"1ms\"\n[model.service_times]\n\"/a/{id}\" = \"2ms\"\n\"GET /a/x\" = \"3ms\"\n";
        let deployment = Deployment::parse(text, "test", Defaults::of(Target::Ec2)).expect("valid");
        let Ok(Cost::Some(rule)) = "/a/y=7ms".parse() else { panic!("a rule") };
        let all = Dist::Constant(5e6);
        for (path, mean) in [("/a/x", 3e6), ("/a/z", 2e6), ("/a/y", 7e6), ("/b", 5e6)] {
            let kind = kind("GET", &format!("http://h{path}"), None);
            let found = kind.service_time(std::slice::from_ref(&rule), Some(&all), &deployment.model);
            assert!((found.mean() / mean - 1.0).abs() < 1e-6, "{path}");
        }
    }
}
