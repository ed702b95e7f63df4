//! Multipaths: `[a,b]` makes an array of what several paths find, `{a,"name":b}` an object.

use super::value::quoted;
use super::{MADE_MAX, get, scan};

/// One path of a multipath.
pub(super) struct Sub<'p> {
    name: &'p str,
    path: &'p str,
}

/// The paths in the brackets that `path` begins with, and what follows these; nothing if they are not closed.
pub(super) fn split(path: &str) -> Option<(Vec<Sub<'_>>, &str)> {
    let bytes = path.as_bytes();
    let (mut subs, mut depth) = (Vec::new(), 1);
    let (mut start, mut colon, mut modifier) = (1, None, false);
    let mut i = 1;
    let sub = |start: usize, colon: Option<usize>, end: usize| {
        let part = |from, to| path.get(from..to).unwrap_or_default();
        match colon {
            Some(colon) => Sub { name: part(start, colon), path: part(colon + 1, end) },
            None => Sub { name: "", path: part(start, end) },
        }
    };
    while let Some(byte) = bytes.get(i) {
        match byte {
            b'\\' => i += 1,
            // Its colon is not that of a name.
            b'@' if matches!(bytes[i - 1], b'.' | b'|') => modifier = true,
            b':' if !modifier && colon.is_none() && depth == 1 => colon = Some(i),
            b',' if depth == 1 => {
                subs.push(sub(start, colon, i));
                (start, colon, modifier) = (i + 1, None, false);
            }
            b'"' => {
                i = scan::string_end(bytes, i);
                continue;
            }
            b'[' | b'(' | b'{' => depth += 1,
            b']' | b')' | b'}' => {
                depth -= 1;
                if depth == 0 {
                    subs.push(sub(start, colon, i));
                    return Some((subs, path.get(i + 1..).unwrap_or_default()));
                }
            }
            _ => {}
        }
        i += 1;
    }
    None
}

/// What those paths find in `text`, as an array or an object.
pub(super) fn collect(text: &str, open: u8, subs: &[Sub<'_>], depth: usize) -> String {
    let mut made = String::from(char::from(open));
    for sub in subs {
        let found = get(text, sub.path, depth + 1);
        if !found.exists() || made.len() + found.raw.len() > MADE_MAX {
            continue;
        }
        if made.len() > 1 {
            made.push(',');
        }
        if open == b'{' {
            let last = last_component(sub.path);
            made.push_str(&match sub.name {
                "" if is_simple(last) => quoted(last),
                "" => quoted("_"),
                name if name.starts_with('"') && gjson::valid(name) => name.to_owned(),
                name => quoted(name),
            });
            made.push(':');
        }
        made.push_str(&found.raw);
    }
    made.push(if open == b'{' { '}' } else { ']' });
    made
}

fn last_component(path: &str) -> &str {
    let ends = |&(at, c): &(usize, char)| matches!(c, '|' | '.') && !path[..at].ends_with('\\');
    let last = path.char_indices().rev().find(ends);
    last.map_or(path, |(at, _)| &path[at + 1..])
}

fn is_simple(name: &str) -> bool {
    !name.chars().any(|c| c < ' ' || "[]{}()#|!".contains(c))
}
