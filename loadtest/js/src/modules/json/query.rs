//! Queries: `#(path op value)`, and wildcards.

use std::borrow::Cow;

use super::scan;
use super::value::{Found, Kind, unescaped};

#[derive(Clone, Debug, Default)]
pub(super) struct Query<'p> {
    pub(super) path: &'p str,
    op: &'p str,
    value: Cow<'p, str>,
    /// All that it accepts, not the first.
    pub(super) all: bool,
}

fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c <= ' ')
}

impl<'p> Query<'p> {
    /// The query that `path` begins with, and where it ends; nothing if its brackets are not closed.
    pub(super) fn parse(path: &'p str) -> Option<(Self, usize)> {
        let bytes = path.as_bytes();
        let (mut i, mut depth, mut operator) = (2, 1, None);
        loop {
            match bytes.get(i)? {
                b'!' | b'=' | b'<' | b'>' | b'%' if depth == 1 && operator.is_none() => operator = Some(i),
                b'\\' => i += 1,
                b'[' | b'(' => depth += 1,
                b']' | b')' => {
                    depth -= 1;
                    if depth == 0 {
                        break;
                    }
                }
                b'"' => {
                    i = scan::string_end(bytes, i);
                    continue;
                }
                _ => {}
            }
            i += 1;
        }
        let all = false;
        let Some(start) = operator else {
            let query = Self { path: trimmed(&path[2..i]), op: "", value: "".into(), all };
            return Some((query, i + 1));
        };
        let right = trimmed(&path[start..i]);
        let (op, length) = match right.as_bytes() {
            [b'=', b'=', ..] => ("=", 2),
            [b'!', b'=' | b'%', ..] | [b'<' | b'>', b'=', ..] => (&right[..2], 2),
            // A single `!` is no operator, unless nothing follows it.
            [b'!', _, ..] => ("", 0),
            _ => (&right[..1], 1),
        };
        let value = trimmed(&right[length..]);
        let value = match value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) {
            Some(text) if text.contains('\\') => unescaped(text),
            Some(text) => text.into(),
            None => value.into(),
        };
        Some((Self { path: trimmed(&path[2..start]), op, value, all }, i + 1))
    }

    /// Whether it accepts what its path has found.
    pub(super) fn accepts(&self, found: &Found<'_>) -> bool {
        if let Some(sort) = self.value.strip_prefix('~') {
            let is = match sort {
                "*" => found.exists(),
                "null" => found.kind == Kind::Null,
                "true" => found.is_true(),
                "false" => found.is_false(),
                _ => return false,
            };
            return self.op.is_empty() || self.compare_bool(is, "true");
        }
        if !found.exists() {
            return false;
        }
        if self.op.is_empty() {
            return true;
        }
        match found.kind {
            Kind::Text => match self.op {
                "%" => like(&found.text(), &self.value),
                "!%" => !like(&found.text(), &self.value),
                _ => self.compare(&*found.text(), &*self.value),
            },
            Kind::Number => self.compare(&found.number(), &self.value.parse().unwrap_or(0.0)),
            Kind::True => self.compare_bool(true, &self.value),
            Kind::False => self.compare_bool(false, &self.value),
            Kind::Null | Kind::Json => false,
        }
    }

    fn compare<T: PartialOrd + ?Sized>(&self, left: &T, right: &T) -> bool {
        match self.op {
            "=" => left == right,
            "!=" => left != right,
            "<" => left < right,
            "<=" => left <= right,
            ">" => left > right,
            ">=" => left >= right,
            _ => false,
        }
    }

    fn compare_bool(&self, left: bool, right: &str) -> bool {
        let same = if left { "true" } else { "false" };
        let other = if left { "false" } else { "true" };
        match self.op {
            "=" => right == same,
            "!=" => right != same,
            ">" => left && right == other,
            ">=" => left,
            "<" => !left && right == other,
            "<=" => !left,
            _ => false,
        }
    }
}

/// Whether `text` is like `pattern`, with `*` for any characters, `?` for one, and `\` before one that is meant.
pub(super) fn like(text: &str, pattern: &str) -> bool {
    enum Token {
        Star,
        Any,
        One(char),
        Never,
    }
    let mut tokens = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        tokens.push(match c {
            '*' => Token::Star,
            '?' => Token::Any,
            '\\' => chars.next().map_or(Token::Never, Token::One),
            c => Token::One(c),
        });
    }
    let text: Vec<char> = text.chars().collect();
    // Only the last star need be tried again.
    let (mut t, mut p, mut star) = (0, 0, None);
    while t < text.len() {
        match tokens.get(p) {
            Some(Token::Star) => {
                star = Some((p + 1, t));
                p += 1;
                continue;
            }
            Some(Token::Any) => {
                (t, p) = (t + 1, p + 1);
                continue;
            }
            Some(Token::One(c)) if *c == text[t] => {
                (t, p) = (t + 1, p + 1);
                continue;
            }
            _ => {}
        }
        let Some((after, from)) = &mut star else { return false };
        *from += 1;
        (p, t) = (*after, *from);
    }
    tokens[p..].iter().all(|token| matches!(token, Token::Star))
}
