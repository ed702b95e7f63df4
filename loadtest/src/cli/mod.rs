//! The command line: the only part of the crate that prints.

mod args;
mod banner;
mod exit;
mod flags;
mod fleet;
mod inspect;
mod limits;
mod log;
mod new;
mod progress;
mod remote;
mod results;
mod run;
mod signals;
mod target;
mod threads;
mod url_mode;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};

/// Parses the arguments and does what they say.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse_from(std::env::args_os().map(flags::switch)) {
        Ok(cli) => cli,
        Err(error) => {
            // A closed stream is no reason to fail otherwise.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(exit::UNNAMED) } else { ExitCode::SUCCESS };
        }
    };
    let done = match cli.command {
        Some(Command::Inspect(args)) => inspect::inspect(&args),
        Some(Command::New(args)) => new::new(&args),
        Some(Command::Version(args)) => Ok(version(args.json)),
        Some(Command::Run(args)) => run::run(&args),
        None => run::run(&cli.run),
    };
    match done {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

#[expect(clippy::print_stdout, reason = "it is what was asked for")]
fn version(json: bool) -> ExitCode {
    let version = env!("CARGO_PKG_VERSION");
    if json {
        println!("{}", serde_json::json!({ "version": version }));
    } else {
        println!("loadtest {version}");
    }
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests;
