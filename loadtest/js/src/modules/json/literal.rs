//! Literals in paths: `!"text"`, `!12`, `!true`, `!{"a":1}`.

use super::scan;

/// The text of the literal that a path begins with, and what follows it.
pub(super) fn read(path: &str) -> Option<(&str, &str)> {
    let text = &path[1..];
    if text.starts_with(['{', '[', '"', '+', '-']) || text.starts_with(|c: char| c.is_ascii_digit()) {
        // Whatever it begins with, it goes on to a closing bracket.
        return Some(text.split_at(scan::bracket_end(text.as_bytes(), 0)));
    }
    let (name, rest) = text.split_at(text.find(['|', '.']).unwrap_or(text.len()));
    let known = ["true", "false", "null", "nan", "inf"];
    known.contains(&name.to_lowercase().as_str()).then_some((name, rest))
}
