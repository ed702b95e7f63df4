//! The next component of a path, as an object or an array reads it.

use std::borrow::Cow;

use super::modify;
use super::query::{self, Query};

/// What follows a component.
#[derive(Clone, Copy, Debug)]
pub(super) enum Next<'p> {
    Nothing,
    /// A component for what this one finds.
    More(&'p str),
    /// A path for the result.
    Pipe(&'p str),
}

/// What follows the component that ends with the byte at `at`. `pipes`: modifiers and multipaths after a dot are
/// for the result.
fn next(path: &str, at: usize, pipes: bool) -> Next<'_> {
    let rest = path.get(at + 1..).unwrap_or_default();
    if path.as_bytes()[at] == b'|' || (pipes && (rest.starts_with(['[', '{']) || modify::is_named(rest))) {
        Next::Pipe(rest)
    } else {
        Next::More(rest)
    }
}

/// A component for an object.
pub(super) struct Member<'p> {
    key: Cow<'p, str>,
    /// Its key has wildcards.
    wild: bool,
    pub(super) next: Next<'p>,
}

impl<'p> Member<'p> {
    pub(super) fn parse(path: &'p str) -> Self {
        let bytes = path.as_bytes();
        let (mut plain, mut wild) = (Vec::new(), false);
        let mut i = 0;
        while let Some(&byte) = bytes.get(i) {
            match byte {
                b'|' | b'.' => {
                    return Self { key: key(path, i, plain), wild, next: next(path, i, true) };
                }
                b'*' | b'?' => wild = true,
                b'\\' => {
                    if plain.is_empty() {
                        plain.extend_from_slice(&bytes[..i]);
                    }
                    i += 1;
                    plain.extend(bytes.get(i));
                    i += 1;
                    continue;
                }
                _ => {}
            }
            if !plain.is_empty() {
                plain.push(byte);
            }
            i += 1;
        }
        Self { key: key(path, path.len(), plain), wild, next: Next::Nothing }
    }

    pub(super) fn matches(&self, key: &str) -> bool {
        if self.wild { query::like(key, &self.key) } else { self.key == key }
    }
}

/// The component that ends before `end`, or what stands for it without its backslashes.
fn key(path: &str, end: usize, plain: Vec<u8>) -> Cow<'_, str> {
    if plain.is_empty() && !path[..end].contains('\\') {
        return Cow::Borrowed(&path[..end]);
    }
    String::from_utf8(plain).unwrap_or_default().into()
}

/// A component for an array.
pub(super) enum Element<'p> {
    /// Of that index, if there is one.
    Index(Option<usize>),
    /// How many there are.
    Count,
    /// What a path finds in each.
    Each(&'p str),
    /// Those that a query accepts.
    Where(Query<'p>),
    /// Names no element.
    None,
}

impl<'p> Element<'p> {
    pub(super) fn parse(path: &'p str) -> (Self, Next<'p>) {
        if let Some(key) = path.strip_prefix("#.") {
            return (Self::Each(key), Next::Nothing);
        }
        let mut start = 0;
        let mut found = None;
        if path.starts_with("#(") || path.starts_with("#[") {
            let Some((mut query, end)) = Query::parse(path) else {
                // Asks for nothing, of all that is left.
                return (Self::Where(Query::default()), Next::Nothing);
            };
            query.all = path[end..].starts_with('#');
            (found, start) = (Some(query), end);
        }
        let end = path[start..].find(['|', '.']).map_or(path.len(), |at| start + at);
        let part = &path[..end];
        let hash = part.contains('#');
        let following = if end < path.len() { next(path, end, !hash) } else { Next::Nothing };
        let element = match found {
            Some(query) => Self::Where(query),
            None if part == "#" => Self::Count,
            None if hash => Self::None,
            None if part.bytes().all(|b| b.is_ascii_digit()) => Self::Index(part.parse().ok()),
            None => Self::Index(None),
        };
        (element, following)
    }
}
