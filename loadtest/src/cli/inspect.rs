//! `loadtest inspect`: the options as JSON on standard output.

use std::process::ExitCode;

use super::args::InspectArgs;
use super::exit::Failure;
use super::log::Log;
use super::target;
use crate::config::{Options, inspect as shape};

pub(super) fn inspect(args: &InspectArgs) -> Result<ExitCode, Failure> {
    let target = target::load_file(&args.target, &args.script, &Log::plain())?;
    // As in k6: the target's own options alone, unless requirements are asked for.
    let json = if args.execution_requirements {
        target::merged(&target, &args.script, serde_json::Map::new())?
    } else {
        target.options.clone().unwrap_or_default()
    };
    let (options, _) = Options::read(json).map_err(Failure::config)?;
    let shown = shape::inspect(&options, args.execution_requirements);
    let text = serde_json::to_string_pretty(&shown).map_err(|error| Failure::system(error.to_string()))?;
    // As Go writes them; the same to whoever parses it.
    print(&text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"));
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stdout, reason = "data goes to standard output")]
fn print(text: &str) {
    println!("{text}");
}
