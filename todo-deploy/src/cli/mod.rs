//! The command line. The only module that reads files and prints: data on stdout, words for people on stderr.

#[cfg(feature = "aws")]
mod aws;
mod balance;
mod calibrate;
mod check;
mod dashboard;
mod init;
mod input;
mod local;
#[cfg(feature = "aws")]
mod panel;
mod simulate;
mod terminal;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[cfg(feature = "aws")]
use crate::deployment::Target;

/// Scale out a stateless service: describe it once, and see what it would do under load before it costs anything.
///
/// Exit codes: 0 it is done; 1 the answer is no (`check` found a trap that is not one of the decided defaults, a run
/// missed its objective); 2 it could not be done, and stderr says why.
#[derive(Debug, Parser)]
#[command(name = "todo-deploy", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Args),
    Check(Box<check::Args>),
    Simulate(Box<simulate::Args>),
    Dashboard(dashboard::Args),
    Local(Box<local::Args>),
    /// Virtual machines on AWS: an Auto Scaling group behind a load balancer
    ///
    /// Exit codes: 0 done, or nothing to change; 1 it could not be done; 2 (`plan`) there is something to change.
    ///
    /// Credentials come from the environment, --profile, or a file `credentials` in this directory (the Learner Lab's
    /// "AWS CLI" details). The `AWS_ENDPOINT_URL` variables are honoured.
    #[cfg(feature = "aws")]
    Ec2(Box<aws::Args>),
    /// Containers on AWS: an ECS service on Fargate behind a load balancer
    ///
    /// Exit codes: 0 done, or nothing to change; 1 it could not be done; 2 (`plan`) there is something to change.
    ///
    /// Credentials come from the environment, --profile, or a file `credentials` in this directory (the Learner Lab's
    /// "AWS CLI" details). The `AWS_ENDPOINT_URL` variables are honoured.
    #[cfg(feature = "aws")]
    Ecs(Box<aws::Args>),
    #[cfg(feature = "aws")]
    Image(Box<aws::image::Args>),
    Balance(Box<balance::Args>),
}

/// What a command has to say with its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Yes,
    No,
}

/// Reads the command line and runs it. What cannot be read is no answer of `plan`'s, whose 2 says that there is something
/// to change: of `ec2`, `ecs` and `image` it is 1, as everything that they cannot do.
pub fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => run(cli),
        Err(error) => {
            // Help and versions go to standard output; a reader who has seen enough is no error.
            let _ = error.print();
            let on_aws =
                std::env::args().nth(1).is_some_and(|name| ["ec2", "ecs", "image"].contains(&&*name));
            match error.exit_code() {
                0 => ExitCode::SUCCESS,
                _ => ExitCode::from(if on_aws { 1 } else { 2 }),
            }
        }
    }
}

/// Runs the command; errors go to stderr as a chain of causes.
fn run(cli: Cli) -> ExitCode {
    let answer = match cli.command {
        Command::Init(args) => init::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Dashboard(args) => dashboard::run(&args),
        Command::Local(args) => local::run(&args),
        #[cfg(feature = "aws")]
        Command::Ec2(args) => return aws::run(&args, Target::Ec2),
        #[cfg(feature = "aws")]
        Command::Ecs(args) => return aws::run(&args, Target::Ecs),
        #[cfg(feature = "aws")]
        Command::Image(args) => return aws::run_image(&args),
        Command::Balance(args) => balance::run(&args),
    };
    match answer {
        Ok(Answer::Yes) => ExitCode::SUCCESS,
        Ok(Answer::No) => ExitCode::from(1),
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::from(2)
        }
    }
}

/// Data, for pipes. A reader who has seen enough (`| head`) is no error.
fn print(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{}", text.trim_end_matches('\n'));
}

/// Words, for people.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests;
