//! Which program is the service, where none is named: todo-api, beside todo-deploy or built from these sources.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::docker;
use super::service::Runs;
use crate::deployment::Spec;

/// The service of a deployment: the program or image that is named here, the deployment's own, or todo-api.
///
/// # Errors
/// When it is not there; the error says what to do.
pub fn find(
    spec: &Spec,
    program: Option<&Path>,
    image: Option<&str>,
    arguments: Option<Vec<String>>,
    say: &dyn Fn(&str),
) -> Result<Runs> {
    let arguments = arguments.unwrap_or_else(|| spec.local.arguments.clone());
    let of_program = |path: PathBuf| Runs::Program { path, arguments: arguments.clone() };
    let of_image = |image: &str| Runs::Image { image: image.to_owned(), arguments: arguments.clone() };
    if let Some(program) = program {
        return Ok(of_program(existing(program)?));
    }
    if let Some(image) = image {
        ensure!(
            docker::answers(),
            "image {image} needs a container engine, and none answers `docker version`"
        );
        return Ok(of_image(image));
    }
    if let Some(program) = &spec.local.program {
        return Ok(of_program(existing(Path::new(program)).context("local.program")?));
    }
    if let Some(image) = &spec.service.image {
        if docker::answers() {
            return Ok(of_image(image));
        }
        say(&format!("no container engine answers, so that todo-api runs in place of image {image}"));
    }
    let own = std::env::current_exe().context("this program's own path cannot be read")?;
    if let Some(workspace) = workspace(&own) {
        return Ok(of_program(build(&workspace, &own, say)?));
    }
    let beside = own.with_file_name(format!("todo-api{}", std::env::consts::EXE_SUFFIX));
    if beside.is_file() {
        return Ok(of_program(beside));
    }
    bail!(
        "there is no todo-api beside {}: build it (cargo build -p todo-api), or name a program (--program) or an image \
         (--image)",
        own.display()
    )
}

/// An absolute path, because instances may start when somebody has moved on.
fn existing(program: &Path) -> Result<PathBuf> {
    let is_name = program.components().count() == 1 && !program.exists();
    let found = if is_name { in_path(program) } else { Some(program.to_path_buf()) };
    let found = found.filter(|path| path.is_file());
    let found = found.with_context(|| format!("there is no program {}", program.display()))?;
    std::path::absolute(&found).context("the current directory cannot be read")
}

fn in_path(name: &Path) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(name)).find(|candidate| candidate.is_file())
}

/// The sources that this program was built from, while it still lies among what they build.
fn workspace(own: &Path) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    let is_built_there = own.ancestors().any(|place| place.join("CACHEDIR.TAG").is_file());
    (is_built_there && root.join("todo-api/Cargo.toml").is_file()).then(|| root.to_path_buf())
}

/// Builds todo-api as this program was built, so that what runs is what the sources say.
fn build(workspace: &Path, own: &Path, say: &dyn Fn(&str)) -> Result<PathBuf> {
    let is_release = own.parent().is_some_and(|place| place.ends_with("release"));
    let beside = own.with_file_name("todo-api");
    if !beside.exists() {
        say("building todo-api; the first time takes minutes");
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "-q", "-p", "todo-api", "--bin", "todo-api"]);
    command.args(["--message-format", "json-render-diagnostics"]);
    command.args(is_release.then_some("--release"));
    command.current_dir(workspace).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut cargo =
        command.spawn().context("cargo cannot be run to build todo-api; name a program with --program")?;
    let output = cargo.stdout.take().context("cargo's output is piped")?;
    let mut built = None;
    for line in BufReader::new(output).lines() {
        let message: Value = serde_json::from_str(&line?).unwrap_or_default();
        if message["target"]["name"] == "todo-api" {
            built = message["executable"].as_str().map(PathBuf::from).or(built);
        }
    }
    let status = cargo.wait().context("cargo cannot be waited for")?;
    ensure!(status.success(), "todo-api could not be built; cargo says above why");
    built.context("cargo did not say where todo-api is")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployment::{Defaults, Deployment, Target};

    #[test]
    fn what_is_named_comes_first_and_must_be_there() {
        let spec = Deployment::parse("local.arguments = [\"-x\"]", "t", Defaults::of(Target::Local)).unwrap();
        let found = find(&spec, Some(Path::new("sh")), None, None, &|_| {}).unwrap();
        let Runs::Program { path, arguments } = found else { panic!("a program") };
        assert!(path.is_absolute() && path.ends_with("sh"));
        assert_eq!(arguments, ["-x"]);
        let error = find(&spec, Some(Path::new("/no/such")), None, None, &|_| {}).unwrap_err();
        assert_eq!(error.to_string(), "there is no program /no/such");
        let spec =
            Deployment::parse("local.program = \"nowhere\"", "t", Defaults::of(Target::Local)).unwrap();
        let error = find(&spec, None, None, None, &|_| {}).unwrap_err();
        assert_eq!(format!("{error:#}"), "local.program: there is no program nowhere");
    }
}
