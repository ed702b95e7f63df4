//! The files of the page: in the binary, nothing from outside, no build step but joining.

use std::hash::{DefaultHasher, Hasher};
use std::sync::LazyLock;

/// One file that a browser asks for.
#[derive(Debug)]
pub(super) struct File {
    pub(super) path: &'static str,
    pub(super) content_type: &'static str,
    pub(super) content: &'static str,
    /// Changes with the content.
    pub(super) tag: String,
}

const SCRIPT: &str = concat!(
    include_str!("page/words.js"),
    include_str!("page/dom.js"),
    include_str!("page/chart.js"),
    include_str!("page/parts.js"),
    include_str!("page/plots.js"),
    include_str!("page/live.js"),
);

static FILES: LazyLock<[File; 4]> = LazyLock::new(|| {
    [
        file("/", "text/html; charset=utf-8", include_str!("page/index.html")),
        file("/app.css", "text/css; charset=utf-8", include_str!("page/app.css")),
        file("/app.js", "text/javascript; charset=utf-8", SCRIPT),
        file("/favicon.svg", "image/svg+xml", include_str!("page/favicon.svg")),
    ]
});

/// The file at this path.
pub(super) fn at(path: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.path == path)
}

fn file(path: &'static str, content_type: &'static str, content: &'static str) -> File {
    let mut hasher = DefaultHasher::new();
    hasher.write(content.as_bytes());
    File { path, content_type, content, tag: format!("\"{:016x}\"", hasher.finish()) }
}
