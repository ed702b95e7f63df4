//! Parses the arguments and does what they say; everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    loadtest::cli::main()
}
