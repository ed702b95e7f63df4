//! The command line as its users meet it.

use clap::CommandFactory;

use super::*;

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
#[cfg(feature = "aws")]
fn help_reads_well() {
    let mut command = Cli::command().term_width(100);
    insta::assert_snapshot!("help", command.render_long_help());
    for name in ["init", "check", "simulate", "balance", "ec2", "image"] {
        let sub = command.find_subcommand_mut(name).expect("it exists").clone();
        let mut sub = sub.bin_name(format!("todo-deploy {name}")).term_width(100);
        insta::assert_snapshot!(format!("help_{name}"), sub.render_long_help());
    }
    let local = command.find_subcommand_mut("local").expect("it exists");
    insta::assert_snapshot!("help_local", local.clone().bin_name("todo-deploy local").render_long_help());
    let up = local.find_subcommand_mut("up").expect("it exists").clone();
    insta::assert_snapshot!(
        "help_local_up",
        up.bin_name("todo-deploy local up").term_width(100).render_long_help()
    );
}
