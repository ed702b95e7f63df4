//! Hands the command line to the library; only here does the process end.

use std::process::ExitCode;

use clap::Parser;
use todo_deploy::cli::{Cli, run};

fn main() -> ExitCode {
    run(Cli::parse())
}
