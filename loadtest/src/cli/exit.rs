//! How the program ends: k6's exit codes.

use std::process::ExitCode;

/// A failure with its exit code and what to tell the user.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: u8,
    pub(super) message: String,
}

/// What k6 answers where it has no code of its own.
pub(super) const UNNAMED: u8 = 255;
pub(super) const THRESHOLDS: u8 = 99;
pub(super) const SETUP_TIMEOUT: u8 = 100;
pub(super) const TEARDOWN_TIMEOUT: u8 = 101;
/// Something else took too long.
pub(super) const TIMEOUT: u8 = 102;
pub(super) const BAD_CONFIG: u8 = 104;
pub(super) const INTERRUPTED: u8 = 105;
pub(super) const SCRIPT: u8 = 107;
pub(super) const ABORTED: u8 = 108;
pub(super) const FAILED_BY_SCRIPT: u8 = 110;

impl Failure {
    pub(super) fn config(message: impl Into<String>) -> Self {
        Self { code: BAD_CONFIG, message: message.into() }
    }

    pub(super) fn script(message: impl Into<String>) -> Self {
        Self { code: SCRIPT, message: message.into() }
    }

    /// Something outside failed: a file that is not there or cannot be written, a thread that cannot be made.
    pub(super) fn system(message: impl Into<String>) -> Self {
        Self { code: UNNAMED, message: message.into() }
    }

    #[expect(clippy::print_stderr, reason = "errors go to standard error")]
    pub(super) fn report(&self) -> ExitCode {
        eprintln!("error: {}", self.message);
        ExitCode::from(self.code)
    }
}
