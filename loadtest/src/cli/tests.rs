//! The arguments themselves.

use clap::CommandFactory;

use super::args::Cli;

#[test]
fn arguments_are_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn help_reads_well() {
    insta::assert_snapshot!(Cli::command().render_long_help().to_string());
}
