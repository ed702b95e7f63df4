//! Hands the command line to the library; only here does the process end.

use std::process::ExitCode;

fn main() -> ExitCode {
    todo_deploy::cli::main()
}
