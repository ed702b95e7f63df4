//! The command line as its users meet it.

use clap::CommandFactory;

use super::*;

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

/// With a little more room than a terminal has; wider lines are wrapped.
fn help(name: &str) -> clap::builder::StyledStr {
    let mut command = Cli::command().term_width(100);
    let sub = command.find_subcommand_mut(name).expect("it exists").clone();
    sub.bin_name(format!("todo-deploy {name}")).term_width(100).render_long_help()
}

#[test]
#[cfg(feature = "aws")]
fn help_with_aws_reads_well() {
    insta::assert_snapshot!("help", Cli::command().term_width(100).render_long_help());
    for name in ["ec2", "image"] {
        insta::assert_snapshot!(format!("help_{name}"), help(name));
    }
}

#[test]
fn help_reads_well() {
    for name in ["init", "check", "simulate", "balance"] {
        insta::assert_snapshot!(format!("help_{name}"), help(name));
    }
    let mut command = Cli::command().term_width(100);
    let local = command.find_subcommand_mut("local").expect("it exists");
    insta::assert_snapshot!("help_local", local.clone().bin_name("todo-deploy local").render_long_help());
    let up = local.find_subcommand_mut("up").expect("it exists").clone();
    insta::assert_snapshot!(
        "help_local_up",
        up.bin_name("todo-deploy local up").term_width(100).render_long_help()
    );
}
