//! What an instance runs: a program of this machine or a container image, with its arguments and environment.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use tokio::process::Command;

use super::docker;
use crate::deployment::{DatabaseSource, SecretRef, Spec};
use crate::timeline::InstanceId;

/// One version of the service. Instances launched from now on run the newest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Service {
    pub(super) runs: Runs,
    pub(super) environment: Environment,
    /// The port it listens on inside its container.
    port_inside: u16,
    /// Whether it is todo-api, whose flags and metrics are known.
    pub(super) is_todo_api: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Runs {
    Program { path: PathBuf, arguments: Vec<String> },
    Image { image: String, arguments: Vec<String> },
}

/// Variables of the service. Their values may be secret and are never shown.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Environment(pub(super) BTreeMap<String, String>);

impl Environment {
    pub fn extend(&mut self, variables: impl IntoIterator<Item = (String, String)>) {
        self.0.extend(variables);
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.runs {
            Runs::Program { path, .. } => write!(f, "{}", path.display()),
            Runs::Image { image, .. } => write!(f, "image {image}"),
        }
    }
}

/// What one start of it needs to know.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pub(super) id: InstanceId,
    pub(super) port: u16,
    pub(super) metrics_port: u16,
    /// Where the process writes who it is, before anything else.
    pub(super) record: &'a Path,
    /// Control groups that it puts itself into.
    pub(super) groups: &'a [PathBuf],
    /// Name and vCPUs of its container.
    pub(super) container: Option<(&'a str, f64)>,
    pub(super) logs: Option<(std::io::PipeWriter, std::io::PipeWriter)>,
}

/// Flags of todo-api; the service's own arguments follow them.
const TODO_API: [&str; 8] = [
    "--listen",
    "127.0.0.1:{port}",
    "--metrics-listen",
    "127.0.0.1:{metrics_port}",
    "--instance-id",
    "{instance}",
    "--log-format",
    "text",
];

/// Writes who it is ($1), joins the groups up to `--`, and becomes the program. The process id stays the same.
const WRAPPER: &str = r#"{ IFS= read -r stat </proc/$$/stat && printf 'stat %s\n' "$stat" >>"$1"; } 2>/dev/null; shift
while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs" || exit 125; shift; done; shift; exec "$@""#;

impl Service {
    pub(super) fn new(runs: Runs, spec: &Spec, environment: Environment) -> Self {
        let is_todo_api = match &runs {
            Runs::Program { path, .. } => path
                .file_stem()
                .and_then(|name| name.to_str())
                .is_some_and(|name| matches!(name, "todo-api" | "todo-api-under-test")),
            Runs::Image { .. } => false,
        };
        Self { runs, environment, port_inside: spec.service.port, is_todo_api }
    }

    /// Whether its metrics are on a port of their own; otherwise they are at `/metrics` of the service.
    pub(super) fn has_metrics_port(&self) -> bool {
        let arguments = match &self.runs {
            Runs::Program { arguments, .. } | Runs::Image { arguments, .. } => arguments,
        };
        self.is_todo_api || arguments.iter().any(|argument| argument.contains("{metrics_port}"))
    }

    /// How a program is told its port, in words.
    pub(super) fn port_given(&self, port: u16) -> String {
        let arguments = match &self.runs {
            Runs::Program { arguments, .. } | Runs::Image { arguments, .. } => arguments,
        };
        let port = port.to_string();
        let given = arguments.iter().filter(|argument| argument.contains("{port}"));
        let given: Vec<String> = given.map(|argument| argument.replace("{port}", &port)).collect();
        match given.is_empty() {
            true => format!(
                "it was given as the environment variable PORT={port}; where it reads another, or an argument, write \
                 {{port}} into that: -- --port {{port}}, or local.arguments in the deployment"
            ),
            false => format!(
                "it was given as the environment variable PORT={port} and by its arguments: {}",
                given.join(" ")
            ),
        }
    }

    pub(super) fn is_image(&self) -> bool {
        matches!(self.runs, Runs::Image { .. })
    }

    /// The command that starts it here. Its environment is ours without what would set up another todo-api.
    pub(super) fn command(&self, place: Place<'_>) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", WRAPPER, "todo-deploy-instance"]).arg(place.record).args(place.groups).arg("--");
        match &self.runs {
            Runs::Program { path, arguments } => {
                let ours = if self.is_todo_api { TODO_API.as_slice() } else { &[] };
                command.arg(path);
                command.args(ours.iter().map(|argument| filled(argument, &place)));
                command.args(arguments.iter().map(|argument| filled(argument, &place)));
                for name in unset(std::env::vars_os().map(|(name, _)| name), &self.environment.0) {
                    command.env_remove(name);
                }
                command.env("PORT", place.port.to_string());
                command.envs(&self.environment.0);
            }
            Runs::Image { image, arguments } => {
                let (name, vcpus) = place.container.unwrap_or(("todo-deploy", 1.0));
                command.args(docker::run(name, vcpus, place.port, self.port_inside, &self.environment.0));
                command.arg(image).args(arguments.iter().map(|argument| filled(argument, &place)));
                // The client passes on by name what it has in its own environment: values stay out of the list of
                // processes.
                command.envs(&self.environment.0);
            }
        }
        command.stdin(Stdio::null()).kill_on_drop(true).process_group(0);
        if let Some((out, err)) = place.logs {
            command.stdout(out).stderr(err);
        }
        command
    }
}

fn filled(argument: &str, place: &Place<'_>) -> String {
    argument
        .replace("{port}", &place.port.to_string())
        .replace("{metrics_port}", &place.metrics_port.to_string())
        .replace("{instance}", &place.id.to_string())
}

/// Variables of ours that must not reach the service: they would override what it is given.
fn unset<'a>(
    ours: impl Iterator<Item = OsString> + 'a,
    given: &'a BTreeMap<String, String>,
) -> impl Iterator<Item = OsString> + 'a {
    ours.filter(|name| {
        let text = name.to_string_lossy();
        let sets_up =
            text.starts_with("TODO_") || text.ends_with("DATABASE_URL") || text == "SQLALCHEMY_DATABASE_URI";
        sets_up && !given.contains_key(text.as_ref())
    })
}

/// The service's variables: its plain settings, its secrets, and its database.
pub fn environment(spec: &Spec, database_url: Option<&str>, database: &Path) -> Result<Environment> {
    let mut variables = spec.service.environment.clone();
    for (name, secret) in &spec.service.secrets {
        let value = secret_value(secret).with_context(|| format!("service.secrets.{name}"))?;
        variables.insert(name.clone(), value);
    }
    let url = match (database_url, spec.database.source) {
        (Some(url), _) => Some(url.to_owned()),
        (None, DatabaseSource::Create) => Some(format!("sqlite:///{}", database.display())),
        (None, DatabaseSource::Existing) => Some(existing(spec).context("database.url")?),
        (None, DatabaseSource::None) => None,
    };
    if let Some(url) = url {
        variables.insert(spec.database.variable.clone(), url);
    }
    Ok(Environment(variables))
}

fn existing(spec: &Spec) -> Result<String> {
    let url = spec.database.url.clone().unwrap_or_default();
    match SecretRef::try_from(url.clone()) {
        Ok(secret) => secret_value(&secret),
        Err(_) => Ok(url),
    }
}

fn secret_value(secret: &SecretRef) -> Result<String> {
    match secret {
        SecretRef::Environment(name) => {
            std::env::var(name).with_context(|| format!("the environment of todo-deploy has no {name}"))
        }
        SecretRef::File(path) => {
            let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
            Ok(text.trim_end_matches(['\r', '\n']).to_owned())
        }
        SecretRef::Parameter(_) | SecretRef::Secret(_) => {
            let reference = String::from(secret.clone());
            bail!(
                "{reference} is kept at AWS, which `local` does not ask: give it as env:NAME or file:PATH, or a \
                 database with --database-url"
            )
        }
    }
}

/// What differs between two versions, in words; nothing where they are the same.
pub(super) fn difference(old: &Service, new: &Service) -> Option<String> {
    if old == new {
        return None;
    }
    let mut changed = BTreeSet::new();
    if old.to_string() != new.to_string() {
        changed.insert(format!("{old} → {new}"));
    } else if old.runs != new.runs {
        changed.insert("its arguments".to_owned());
    }
    if old.environment != new.environment {
        changed.insert("its environment".to_owned());
    }
    if old.port_inside != new.port_inside {
        changed.insert("its port".to_owned());
    }
    Some(changed.into_iter().collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployment::{Defaults, Deployment, Target};

    fn deployment(text: &str) -> Deployment {
        Deployment::parse(text, "test", Defaults::of(Target::Local)).unwrap()
    }

    #[test]
    fn todo_api_is_given_its_flags_and_others_what_they_ask_for() {
        let spec = deployment("");
        let place = || Place {
            id: InstanceId(3),
            port: 4001,
            metrics_port: 4002,
            record: Path::new("/run/i-3"),
            groups: &[],
            container: None,
            logs: None,
        };
        let arguments = |runs| {
            let service = Service::new(runs, &spec, Environment::default());
            let command = service.command(place());
            let all: Vec<String> =
                command.as_std().get_args().skip(5).map(|a| a.to_string_lossy().into_owned()).collect();
            all.join(" ")
        };
        let program = |path: &str, arguments: &[&str]| Runs::Program {
            path: path.into(),
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
        };
        assert_eq!(
            arguments(program("/x/todo-api", &["--pool-size", "2"])),
            "/x/todo-api --listen 127.0.0.1:4001 --metrics-listen 127.0.0.1:4002 --instance-id i-3 --log-format text \
             --pool-size 2"
        );
        assert_eq!(arguments(program("gunicorn", &["-b", ":{port}"])), "gunicorn -b :4001");
    }

    #[test]
    fn how_a_service_is_told_its_port() {
        let service = |arguments: &[&str]| {
            let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
            let runs = Runs::Program { path: "x".into(), arguments };
            Service::new(runs, &deployment(""), Environment::default()).port_given(4001)
        };
        assert_eq!(
            service(&["-b", "127.0.0.1:{port}"]),
            "it was given as the environment variable PORT=4001 and by its arguments: 127.0.0.1:4001"
        );
        assert_eq!(
            service(&["-v"]),
            "it was given as the environment variable PORT=4001; where it reads another, or an argument, write {port} \
             into that: -- --port {port}, or local.arguments in the deployment"
        );
    }

    #[test]
    fn the_environment_says_where_the_database_is_and_is_not_shown() {
        let spec = deployment("service.environment.LOG = \"debug\"");
        let variables = environment(&spec, None, Path::new("/run/todo.db")).unwrap();
        assert_eq!(variables.0["SQLALCHEMY_DATABASE_URI"], "sqlite:////run/todo.db");
        assert_eq!(variables.0["LOG"], "debug");
        let given = environment(&spec, Some("postgresql://u:hunter2@h/d"), Path::new("/x")).unwrap();
        assert!(!format!("{given:?}").contains("hunter2"));
        let spec = deployment("service.secrets.KEY = \"ssm:/todo/key\"");
        let error = environment(&spec, None, Path::new("/x")).unwrap_err();
        assert!(format!("{error:#}").contains("env:NAME or file:PATH"), "{error:#}");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "s3cret\n").unwrap();
        let spec = deployment(&format!("service.secrets.KEY = \"file:{}\"", file.path().display()));
        assert_eq!(environment(&spec, None, Path::new("/x")).unwrap().0["KEY"], "s3cret");
    }

    #[test]
    fn a_foreign_setting_does_not_reach_the_service() {
        let given = BTreeMap::from([("DATABASE_URL".to_owned(), String::new())]);
        let ours = ["PATH", "TODO_LISTEN", "DATABASE_URL", "TEST_DATABASE_URL"].map(OsString::from);
        let unset: Vec<OsString> = unset(ours.into_iter(), &given).collect();
        assert_eq!(unset, ["TODO_LISTEN", "TEST_DATABASE_URL"]);
    }

    #[test]
    fn what_changed_is_named_without_values() {
        let spec = deployment("");
        let runs = |path: &str| Runs::Program { path: path.into(), arguments: Vec::new() };
        let old = Service::new(runs("/a"), &spec, Environment::default());
        assert_eq!(difference(&old, &old.clone()), None);
        let secret = Environment(BTreeMap::from([("KEY".to_owned(), "hunter2".to_owned())]));
        let new = Service::new(runs("/b"), &spec, secret);
        assert_eq!(difference(&old, &new).unwrap(), "/a → /b, its environment");
    }
}
