//! Follows the components of a path into objects and arrays, without reading more of the text than need be.

use super::query::Query;
use super::step::{Element, Member, Next};
use super::value::{Found, Kind, unescaped};
use super::{DEPTH_MAX, MADE_MAX, get, scan};

/// What a path without modifiers and multipaths finds, and what is to be applied to it.
pub(super) fn walk<'t, 'p>(text: &'t str, path: &'p str, depth: usize) -> (Found<'t>, Option<&'p str>) {
    let mut walk = Walk { text, bytes: text.as_bytes(), found: Found::default(), pipe: None };
    match path.strip_prefix("..") {
        // The values of the text, one after the other, are as an array.
        Some(path) => drop(walk.array(0, path, depth)),
        None => {
            if let Some(start) = text.find(['{', '[']) {
                walk.enter(start, path, depth);
            }
        }
    }
    (walk.found, walk.pipe)
}

struct Walk<'t, 'p> {
    text: &'t str,
    bytes: &'t [u8],
    found: Found<'t>,
    pipe: Option<&'p str>,
}

impl<'t, 'p> Walk<'t, 'p> {
    /// Looks into what begins at `start`; says where it went on to and whether that is all.
    fn enter(&mut self, start: usize, path: &'p str, depth: usize) -> (usize, bool) {
        if depth > DEPTH_MAX {
            return (scan::bracket_end(self.bytes, start), false);
        }
        match self.bytes[start] {
            b'{' => self.object(start + 1, path, depth + 1),
            _ => self.array(start + 1, path, depth + 1),
        }
    }

    fn value(&self, start: usize, kind: Kind) -> (Found<'t>, usize) {
        let end = scan::end_of(self.bytes, start, kind);
        (Found { kind, raw: self.text[start..end].into() }, end)
    }

    fn object(&mut self, mut at: usize, path: &'p str, depth: usize) -> (usize, bool) {
        let member = Member::parse(path);
        if let Next::Pipe(pipe) = member.next {
            self.pipe = Some(pipe);
        }
        loop {
            match self.bytes.get(at) {
                None => return (at, false),
                Some(b'}') => return (at + 1, false),
                Some(b'"') => {}
                Some(_) => {
                    at += 1;
                    continue;
                }
            }
            let end = scan::string_end(self.bytes, at);
            let key = self.text.get(at + 1..end - 1).unwrap_or_default();
            let is_meant = member.matches(&unescaped(key));
            at = end;
            let kind = loop {
                match scan::kind_at(self.bytes, at) {
                    Some(kind) => break kind,
                    None if at >= self.bytes.len() => return (at, false),
                    None => at += 1,
                }
            };
            match (is_meant, member.next) {
                (true, Next::More(rest)) if kind == Kind::Json => {
                    let (end, all) = self.enter(at, rest, depth);
                    if all {
                        return (end, true);
                    }
                    at = end;
                }
                (true, Next::Nothing | Next::Pipe(_)) => {
                    let (value, end) = self.value(at, kind);
                    self.found = value;
                    return (end, true);
                }
                _ => at = scan::end_of(self.bytes, at, kind),
            }
        }
    }

    fn array(&mut self, mut at: usize, path: &'p str, depth: usize) -> (usize, bool) {
        let (element, next) = Element::parse(path);
        if let Next::Pipe(pipe) = next {
            self.pipe = Some(pipe);
        }
        let mut matches = Matches { rest: None, found: String::new(), depth };
        if let Next::More(rest) = next {
            matches.rest = Some(rest);
        }
        let (mut count, mut each) = (0, Vec::new());
        while let Some(&byte) = self.bytes.get(at) {
            if byte == b']' {
                break;
            }
            let Some(kind) = scan::kind_at(self.bytes, at) else {
                at += 1;
                continue;
            };
            let is_meant = matches!(element, Element::Index(Some(index)) if index == count);
            count += 1;
            if is_meant
                && kind == Kind::Json
                && let Next::More(rest) = next
            {
                let (end, all) = self.enter(at, rest, depth);
                if all {
                    return (end, true);
                }
                at = end;
                continue;
            }
            let (value, end) = self.value(at, kind);
            at = end;
            match &element {
                Element::Index(_) if is_meant && !matches!(next, Next::More(_)) => {
                    self.found = value;
                    return (at, true);
                }
                Element::Each(_) => each.push(value),
                Element::Where(query) => {
                    if let Some(found) = matches.ask(query, &value, &mut self.pipe) {
                        self.found = found;
                        return (at, true);
                    }
                }
                _ => {}
            }
        }
        at += 1;
        match element {
            Element::Each(key) => {
                let (key, pipe) = split_pipe(key);
                self.pipe = pipe.or(self.pipe);
                self.found = array_of(each.iter().map(|value| get(&value.raw, key, depth + 1)));
                (at, true)
            }
            Element::Count => {
                self.found = Found { kind: Kind::Number, raw: count.to_string().into() };
                (at, true)
            }
            Element::Where(query) if query.all && !self.found.exists() => {
                self.found = Found { kind: Kind::Json, raw: format!("[{}]", matches.found).into() };
                (at, false)
            }
            _ => (at, false),
        }
    }
}

fn array_of<'f, 't>(values: impl Iterator<Item = Found<'f>>) -> Found<'t> {
    let mut made = String::from("[");
    for value in values.filter(Found::exists) {
        if made.len() > MADE_MAX {
            break;
        }
        if made.len() > 1 {
            made.push(',');
        }
        made.push_str(&value.raw);
    }
    made.push(']');
    Found { kind: Kind::Json, raw: made.into() }
}

/// What a query has found in the elements so far.
struct Matches<'p> {
    /// The components after the query.
    rest: Option<&'p str>,
    found: String,
    depth: usize,
}

impl<'p> Matches<'p> {
    /// Gives what ends the search.
    fn ask<'t>(
        &mut self,
        query: &Query<'p>,
        element: &Found<'t>,
        pipe: &mut Option<&'p str>,
    ) -> Option<Found<'t>> {
        let asked = match element.kind {
            Kind::Json => get(&element.raw, query.path, self.depth + 1),
            _ if query.path.is_empty() => element.clone(),
            _ => return None,
        };
        if !query.accepts(&asked) {
            return None;
        }
        let found = match self.rest {
            Some(rest) => {
                let (path, after) = split_pipe(rest);
                self.rest = Some(path);
                *pipe = after.or(*pipe);
                get(&element.raw, path, self.depth + 1).into_owned()
            }
            None => element.clone(),
        };
        if !query.all {
            return Some(found);
        }
        if !found.raw.is_empty() && self.found.len() < MADE_MAX {
            if !self.found.is_empty() {
                self.found.push(',');
            }
            self.found.push_str(&found.raw);
        }
        None
    }
}

/// What stands before the first pipe outside of queries, and after it.
fn split_pipe(path: &str) -> (&str, Option<&str>) {
    let bytes = path.as_bytes();
    if bytes.first() == Some(&b'{') {
        let end = scan::bracket_end(bytes, 0);
        return match path[end..].strip_prefix('|') {
            Some(rest) => (&path[..end], Some(rest)),
            None => (path, None),
        };
    }
    let mut i = 0;
    while let Some(byte) = bytes.get(i) {
        match byte {
            b'\\' => i += 1,
            b'.' if matches!(bytes.get(i + 1..i + 3), Some([b'#', b'[' | b'('])) => {
                i = query_end(bytes, i + 2);
            }
            b'.' if bytes.get(i + 1) == Some(&b'#') => i += 2,
            b'|' => return (&path[..i], Some(&path[i + 1..])),
            _ => {}
        }
        i += 1;
    }
    (path, None)
}

/// Where the bracket of a query at `at` is closed.
fn query_end(bytes: &[u8], at: usize) -> usize {
    let open = bytes[at];
    let close = if open == b'(' { b')' } else { b']' };
    let (mut i, mut depth) = (at + 1, 1);
    while let Some(&byte) = bytes.get(i) {
        match byte {
            b'\\' => i += 1,
            b'"' => {
                i = scan::string_end(bytes, i);
                continue;
            }
            byte if byte == open => depth += 1,
            byte if byte == close => {
                depth -= 1;
                if depth == 0 {
                    return i;
                }
            }
            _ => {}
        }
        i += 1;
    }
    bytes.len()
}
