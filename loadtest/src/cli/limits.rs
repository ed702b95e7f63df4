//! The limit on open files: every VU needs a connection.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files beside connections: standard streams, event loops, outputs, name look-ups.
const SPARE: u64 = 128;

/// Raises the soft limit so that `vus` connections fit. The error says what to do.
pub(super) fn raise_file_limit(vus: u64) -> Result<(), String> {
    let needed = vus + SPARE;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    let hard = limit.maximum;
    if hard.is_some_and(|hard| hard < needed) {
        let hard = hard.unwrap_or_default();
        return Err(format!(
            "{vus} VUs need {needed} open files, but this system allows {hard}; raise the limit (ulimit -Hn {needed}, or \
             /etc/security/limits.conf, or --ulimit nofile={needed} for a container) or use fewer VUs"
        ));
    }
    // As high as allowed: a VU may need several connections.
    let raised = Rlimit { current: hard.or(Some(needed * 4)), maximum: hard };
    setrlimit(Resource::Nofile, raised).map_err(|error| {
        format!(
            "the limit of open files cannot be raised to {needed}: {error}; run `ulimit -n {needed}` first"
        )
    })
}
