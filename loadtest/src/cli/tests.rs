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

#[test]
fn switches_may_have_values() {
    for (given, taken) in [
        ("--throw=true", "--throw"),
        ("--throw=false", "--off=throw"),
        ("--throw", "--throw"),
        ("--throw=yes", "--throw=yes"),
        ("--vus=1", "--vus=1"),
        ("throw=true", "throw=true"),
    ] {
        assert_eq!(super::flags::switch(given.into()), *taken, "{given}");
    }
}
