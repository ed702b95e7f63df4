//! `todo-deploy local deploy`

#![expect(clippy::doc_markdown, reason = "the doc comments are the text of --help, which is no Markdown")]

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{Which, ask};
use crate::cli::{Answer, say};
use crate::deployment::{Defaults, Deployment, Target};
use crate::local::control::{Request, Version};
use crate::local::{Runs, find};

/// Roll out another version of the service without failing a request
///
/// Each instance gets a successor, and is drained and stopped once that is healthy. A version whose instances end
/// three times before they serve is taken back. Without --program and --image todo-api is built anew and rolled out,
/// or what runs is started anew where it is another.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Run this program from now on
    #[arg(long, value_name = "PROGRAM", conflicts_with = "image")]
    program: Option<PathBuf>,
    /// Run this container image from now on
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// Set a variable of the service
    #[arg(short = 'e', long = "env", value_name = "KEY=VALUE", value_parser = crate::cli::input::variable)]
    env: Vec<(String, String)>,
    /// Its arguments; {port}, {metrics_port} and {instance} are filled in
    #[arg(last = true, value_name = "ARGUMENT")]
    arguments: Vec<String>,
    #[command(flatten)]
    which: Which,
}

pub(super) fn run(args: &Args) -> Result<Answer> {
    let dir = args.which.running()?;
    let status = ask::ask(&dir, &Request::Status)?;
    let facts = status["about"]["facts"].as_array().into_iter().flatten();
    let mut services =
        facts.filter(|fact| fact["name"] == "Service").filter_map(|fact| fact["value"].as_str());
    let serves_todo_api = services.any(is_todo_api);
    let mut version = Version {
        image: args.image.clone(),
        arguments: (!args.arguments.is_empty()).then(|| args.arguments.clone()),
        environment: args.env.clone(),
        ..Version::default()
    };
    let program = args.program.as_deref();
    if program.is_some() || (args.image.is_none() && serves_todo_api) {
        version.program = Some(resolved(program)?);
    }
    let done = ask::ask(&dir, &Request::Deploy(version))?;
    say(&format!("every instance runs {}", done["deployed"].as_str().unwrap_or_default()));
    Ok(Answer::Yes)
}

/// Whether a status says so that the program todo-api runs; an image may have that name, too.
fn is_todo_api(service: &str) -> bool {
    !service.starts_with("image ") && Path::new(service).file_name().is_some_and(|name| name == "todo-api")
}

fn resolved(program: Option<&Path>) -> Result<PathBuf> {
    let defaults = Deployment::default_for(Defaults::of(Target::Local));
    match find(&defaults, program, None, None, &|text| say(text))? {
        Runs::Program { path, .. } => Ok(path),
        Runs::Image { .. } => None.context("a program was looked for"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_program_todo_api_is_built_anew() {
        assert!(is_todo_api("/home/me/target/debug/todo-api"));
        for other in ["/usr/bin/other", "image registry/x/todo-api", "/usr/bin/not-todo-api", ""] {
            assert!(!is_todo_api(other), "{other}");
        }
    }
}
