//! `loadtest new`: a file to begin with.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use super::args::NewArgs;
use super::exit::Failure;
use crate::source;

/// Templates by name. In each, and in those of others, `{{ .ScriptName }}` stands for the file's name, as in k6's.
const TEMPLATES: [(&str, &str); 3] = [
    ("minimal", include_str!("templates/minimal.js")),
    ("protocol", include_str!("templates/protocol.js")),
    ("plan", include_str!("templates/plan.toml")),
];

/// Bytes of a template of one's own.
const TEMPLATE_MAX: u64 = 1024 * 1024;

/// Writes the file and says what to do with it.
pub(super) fn new(args: &NewArgs) -> Result<ExitCode, Failure> {
    let path = args.file.as_path();
    let name = path.display().to_string();
    let is_plan = path.extension().is_some_and(|extension| extension == "toml");
    let default = if is_plan { "plan" } else { "minimal" };
    let template = text_of(args.template.as_deref().unwrap_or(default))?;
    write(path, args.force, &fill(&template, &name)).map_err(|error| {
        Failure::system(if error.kind() == std::io::ErrorKind::AlreadyExists {
            format!("{name} already exists; add --force to overwrite it, or name another file")
        } else {
            format!("cannot write {name}: {error}")
        })
    })?;
    say(&format!("{name} is written; run it with: loadtest {name}"));
    Ok(ExitCode::SUCCESS)
}

fn text_of(template: &str) -> Result<String, Failure> {
    if let Some((_, text)) = TEMPLATES.iter().find(|(name, _)| *name == template) {
        return Ok((*text).to_owned());
    }
    let known = TEMPLATES.map(|(name, _)| name).join(", ");
    if !template.contains(['/', '.']) {
        let why = if template == "browser" { "; there is no browser module here" } else { "" };
        return Err(Failure::system(format!(
            "there is no template `{template}`{why}; write one of {known}, or the path of a file"
        )));
    }
    source::text_of(Path::new(template), TEMPLATE_MAX).map_err(|error| {
        Failure::system(format!("template {template}: {error}; the built-in ones are {known}"))
    })
}

fn fill(template: &str, name: &str) -> String {
    ["{{ .ScriptName }}", "{{.ScriptName}}"]
        .iter()
        .fold(template.to_owned(), |text, mark| text.replace(mark, name))
}

fn write(path: &Path, force: bool, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true);
    if force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    options.open(path)?.write_all(text.as_bytes())
}

#[expect(clippy::print_stderr, reason = "words for the user go to standard error")]
fn say(text: &str) {
    eprintln!("{text}");
}
