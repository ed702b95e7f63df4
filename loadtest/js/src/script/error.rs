//! Why a script could not be loaded.

use std::path::PathBuf;

use crate::VuError;

/// Why a script could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// A file is not there or not readable.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file that is not UTF-8.
    #[error("{} is not UTF-8 text", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// The text is not a program.
    #[error("{module}:{line}:{column}: SyntaxError: {message}")]
    Syntax {
        /// The module.
        module: String,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// Modules that this program does not have.
    #[error("unknown modules {}", by_reason(modules))]
    UnknownModules {
        /// As the script calls them, and what can be done about it.
        modules: Vec<(String, &'static str)>,
    },
    /// A module from the net could not be had.
    #[error("cannot download {url}: {why}; save it beside the script and import the file")]
    Remote {
        /// Its address.
        url: String,
        /// What went wrong.
        why: String,
    },
    /// The init code failed.
    #[error(transparent)]
    Init(VuError),
    /// `options` cannot be read.
    #[error("the exported options are not valid: {0}")]
    Options(String),
}

fn by_reason(modules: &[(String, &'static str)]) -> String {
    let mut reasons: Vec<&'static str> = Vec::new();
    for (_, why) in modules {
        if !reasons.contains(why) {
            reasons.push(why);
        }
    }
    let of = |why: &&'static str| {
        let names = modules.iter().filter(|(_, own)| own == why).map(|(name, _)| format!("\"{name}\""));
        format!("{}: {why}", names.collect::<Vec<_>>().join(", "))
    };
    reasons.iter().map(of).collect::<Vec<_>>().join("; ")
}
