//! `todo-deploy image`

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Subcommand;

use super::super::{print, say};
use super::Common;
use super::session::Session;
use crate::aws::registry;
use crate::deployment::Target;

/// Build the container image, and push it to where AWS finds it
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(subcommand)]
    command: Image,
}

#[derive(Debug, Subcommand)]
enum Image {
    Build(Build),
    Push(Box<Push>),
}

/// Build the Dockerfile with the docker command
#[derive(Debug, clap::Args)]
struct Build {
    /// The directory with the Dockerfile
    #[arg(value_name = "DIR", default_value = ".")]
    directory: PathBuf,
    /// What the image is called
    #[arg(short, long, value_name = "NAME:TAG", default_value = "todo-api:latest")]
    tag: String,
}

/// Push a built image, and print it by digest: what to give as service.image
///
/// The digest stays what it is when somebody pushes the tag again, so that instances that start later run the same. A
/// repository in ECR is made where there is none; it keeps the newest twenty images for roll-backs.
#[derive(Debug, clap::Args)]
struct Push {
    #[command(flatten)]
    common: Common,
    /// The built image
    #[arg(long, value_name = "NAME:TAG", default_value = "todo-api:latest")]
    from: String,
    /// Where to: a name alone is a repository of this account's ECR, HOST/NAME is any registry that docker is
    /// logged in to
    #[arg(long, value_name = "NAME|HOST/NAME", default_value = "todo-api")]
    repository: String,
}

pub(super) async fn run(args: &Args) -> Result<ExitCode> {
    match &args.command {
        Image::Build(args) => build(args),
        Image::Push(args) => push(args).await,
    }
}

fn build(args: &Build) -> Result<ExitCode> {
    let file = args.directory.join("Dockerfile");
    ensure!(
        file.is_file(),
        "there is no {}; name the directory that has it: `image build DIR`",
        file.display()
    );
    docker(&["build", "--tag", &args.tag, &args.directory.display().to_string()])?;
    print(&args.tag);
    Ok(ExitCode::SUCCESS)
}

async fn push(args: &Push) -> Result<ExitCode> {
    ensure!(exists(&args.from)?, "there is no image {}; `todo-deploy image build` makes it", args.from);
    let repository = if args.repository.contains('/') {
        args.repository.clone()
    } else {
        let session = Session::open(&args.common, Target::Ec2).await?;
        let uri = registry::repository(&session.cloud, &session.names, &args.repository).await?;
        let host = uri.split('/').next().unwrap_or_default().to_owned();
        login(&host, &registry::password(&session.cloud).await?)?;
        uri
    };
    let tag = args.from.rsplit_once(':').map_or("latest", |(_, tag)| tag);
    let target = format!("{repository}:{tag}");
    docker(&["tag", &args.from, &target])?;
    docker(&["push", &target])?;
    let digests = said(&["image", "inspect", "--format", "{{join .RepoDigests \"\\n\"}}", &target])?;
    let prefix = format!("{repository}@");
    let Some(pinned) = digests.lines().find(|digest| digest.starts_with(&prefix)) else {
        bail!("docker does not tell the digest of {target} although it was pushed");
    };
    say("give this as service.image, or with --image:");
    print(pinned);
    Ok(ExitCode::SUCCESS)
}

fn exists(image: &str) -> Result<bool> {
    let output = Command::new("docker").args(["image", "inspect", image]).output().context(MISSING)?;
    let said = String::from_utf8_lossy(&output.stderr);
    // Without an engine to ask, nobody knows.
    ensure!(
        output.status.success() || said.to_lowercase().contains("no such image"),
        "docker cannot look for {image}: {}",
        said.trim()
    );
    Ok(output.status.success())
}

/// The password goes by standard input: arguments can be read by everybody on the machine.
fn login(host: &str, password: &str) -> Result<()> {
    let mut command = Command::new("docker");
    command.args(["login", "--username", "AWS", "--password-stdin", host]).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::null()).spawn().context(MISSING)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(password.as_bytes()).context("cannot hand docker the password")?;
    }
    ensure!(child.wait()?.success(), "docker could not log in to {host}");
    Ok(())
}

const MISSING: &str =
    "cannot run docker; install it, or name an image that is in a registry already (--image)";

/// What docker says goes to stderr: stdout is for the result.
fn docker(args: &[&str]) -> Result<()> {
    let mut command = Command::new("docker");
    let status = command.args(args).stdout(std::io::stderr()).status().context(MISSING)?;
    ensure!(status.success(), "docker {} failed ({status})", args[0]);
    Ok(())
}

fn said(args: &[&str]) -> Result<String> {
    let output = Command::new("docker").args(args).output().context(MISSING)?;
    ensure!(
        output.status.success(),
        "docker {} failed: {}",
        args[0],
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
