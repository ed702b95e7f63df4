//! What the names in imports mean.

use std::path::{Component, Path, PathBuf};

use url::Url;

/// Where an import leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// One of ours, by its name there.
    Own(&'static str),
    /// A file or an address.
    Place(Place),
    /// Something that this program does not have, and why.
    Unknown(&'static str),
}

/// Where a module's text is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// Absolute.
    File(PathBuf),
    /// With the scheme `https`.
    Remote(Url),
}

impl Place {
    /// The place of a module that has been read, by its name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name.strip_prefix("file://") {
            Some(path) => Some(Self::File(path.into())),
            None => Some(Self::Remote(Url::parse(name).ok().filter(|url| url.scheme() == "https")?)),
        }
    }

    /// The module's name.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::File(path) => format!("file://{}", path.display()),
            Self::Remote(url) => url.to_string(),
        }
    }

    pub(crate) fn is_json(&self) -> bool {
        let path = match self {
            Self::File(path) => path.as_path(),
            Self::Remote(url) => Path::new(url.path()),
        };
        path.extension().is_some_and(|e| e == "json")
    }

    /// Where `path` leads, written in this module.
    fn join(&self, path: &str) -> Target {
        match self {
            Self::File(file) => {
                let directory = file.parent().unwrap_or(Path::new("/"));
                Target::Place(Self::File(normalise(&directory.join(path))))
            }
            Self::Remote(url) => match url.join(path) {
                Ok(url) => Target::Place(Self::Remote(url)),
                Err(_) => Target::Unknown(NO_ADDRESS),
            },
        }
    }
}

const NO_MODULE: &str = "this program has no such module; k6's extensions, browser, gRPC and WebSocket modules \
                         are not supported";

/// Modules that k6 once had, and what to do about them.
const REMOVED: [(&str, &str); 5] = [
    ("k6/experimental/browser", "it is k6/browser now, which this program does not have"),
    ("k6/experimental/grpc", "it is k6/net/grpc now, which this program does not have"),
    ("k6/experimental/redis", "it is the extension k6/x/redis now; this program has no extensions"),
    ("k6/experimental/timers", "setTimeout and the like are globals now; remove the import"),
    ("k6/experimental/webcrypto", "crypto is a global now; remove the import"),
];
const NO_ADDRESS: &str = "it is no address";
const TRACING: &str = "import https://jslib.k6.io/http-instrumentation-tempo/1.0.1/index.js instead";

/// Resolves `specifier` in the module at `base`.
pub(crate) fn resolve(base: &Place, specifier: &str) -> Target {
    if specifier == "k6" || specifier.starts_with("k6/") {
        let removed = REMOVED.iter().find(|(name, _)| *name == specifier).map(|(_, why)| *why);
        let why = removed.unwrap_or(if specifier == "k6/experimental/tracing" { TRACING } else { NO_MODULE });
        return crate::modules::own_name(specifier).map_or(Target::Unknown(why), Target::Own);
    }
    if let Some(path) = specifier.strip_prefix("file://") {
        return match base {
            Place::File(_) => Target::Place(Place::File(normalise(Path::new(path)))),
            Place::Remote(_) => Target::Unknown("a module from the net may not read files of this machine"),
        };
    }
    if let Some((scheme, rest)) = specifier.split_once("://") {
        return match (helper(rest), scheme) {
            (Some(own), "https" | "http") => Target::Own(own),
            (None, "https") => match Url::parse(specifier) {
                Ok(url) => Target::Place(Place::Remote(url)),
                Err(_) => Target::Unknown(NO_ADDRESS),
            },
            _ => Target::Unknown("modules can be imported from files and https:// addresses only"),
        };
    }
    // k6 once allowed addresses without a scheme.
    if !specifier.starts_with(['.', '/'])
        && let Some(own) = helper(specifier)
    {
        return Target::Own(own);
    }
    base.join(specifier)
}

/// The helper that `address` (host and path) is known to serve, in whatever version.
fn helper(address: &str) -> Option<&'static str> {
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
