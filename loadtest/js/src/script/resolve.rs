//! What the names in imports mean.

use std::path::{Component, Path, PathBuf};

/// Where an import leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// One of ours, by its name there.
    Own(&'static str),
    /// A file.
    File(PathBuf),
    /// Something that this program does not have.
    Unknown(&'static str),
}

const NO_MODULE: &str = "this program has no such module; k6's extensions, browser, gRPC and WebSocket modules \
                         are not supported";
const NO_REMOTE: &str = "remote modules are not downloaded; save them beside the script and import the file";

/// Resolves `specifier` for a module in `directory`.
pub(crate) fn resolve(directory: &Path, specifier: &str) -> Target {
    if specifier == "k6" || specifier.starts_with("k6/") {
        return crate::modules::own_name(specifier).map_or(Target::Unknown(NO_MODULE), Target::Own);
    }
    if let Some(path) = specifier.strip_prefix("file://") {
        return Target::File(normalise(Path::new(path)));
    }
    if let Some((scheme, rest)) = specifier.split_once("://") {
        return match remote(rest) {
            Some(own) if scheme == "https" || scheme == "http" => Target::Own(own),
            _ => Target::Unknown(NO_REMOTE),
        };
    }
    // k6 once allowed addresses without a scheme.
    if !specifier.starts_with(['.', '/'])
        && let Some(own) = remote(specifier)
    {
        return Target::Own(own);
    }
    Target::File(normalise(&directory.join(specifier)))
}

/// The helper that `address` (host and path) is known to serve, in whatever version.
fn remote(address: &str) -> Option<&'static str> {
    let (host, path) = address.split_once('/')?;
    let package = match host {
        "jslib.k6.io" => path.split('/').next()?,
        "cdnjs.cloudflare.com" => path.strip_prefix("ajax/libs/")?.split('/').next()?,
        "cdn.jsdelivr.net" => path.strip_prefix("npm/")?.split(['/', '@']).next()?,
        "unpkg.com" | "esm.sh" | "cdn.skypack.dev" => path.split(['/', '@']).next()?,
        _ => return None,
    };
    crate::modules::helper(package)
}

/// Takes `.` and `..` out of a path without asking the file system.
pub(crate) fn normalise(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => clean.push(part),
        }
    }
    clean
}
