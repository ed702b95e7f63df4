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
    #[error("unknown modules {}: {why}", quoted(modules))]
    UnknownModules {
        /// As the script calls them.
        modules: Vec<String>,
        /// What can be done about it.
        why: &'static str,
    },
    /// The init code failed.
    #[error(transparent)]
    Init(VuError),
    /// `options` cannot be read.
    #[error("the exported options are not valid: {0}")]
    Options(String),
}

fn quoted(modules: &[String]) -> String {
    let quoted: Vec<String> = modules.iter().map(|m| format!("\"{m}\"")).collect();
    quoted.join(", ")
}
