//! Reads selectors.

use regex::Regex;

use super::{Path, Relation, Selector, Test, Wanted};

/// Selectors within each other, as in `:not(:not(…))`.
const DEPTH_MAX: usize = 16;

/// A whole text as a list of selectors.
pub(super) fn group(text: &str) -> Option<Selector> {
    let mut parser = Parser { rest: text, depth: 0 };
    let selector = parser.group()?;
    parser.rest.is_empty().then_some(selector)
}

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn take(&mut self, wanted: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(wanted)?;
        Some(())
    }

    /// Space and comments; true if there was any.
    fn space(&mut self) -> bool {
        let before = self.rest.len();
        loop {
            self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n', '\u{c}']);
            match self.rest.strip_prefix("/*").and_then(|rest| rest.split_once("*/")) {
                Some((_, rest)) => self.rest = rest,
                None => return self.rest.len() < before,
            }
        }
    }

    fn group(&mut self) -> Option<Selector> {
        let mut paths = vec![self.path()?];
        while self.take(',').is_some() {
            paths.push(self.path()?);
        }
        Some(Selector(paths))
    }

    fn path(&mut self) -> Option<Path> {
        self.space();
        let mut path = Path { own: self.compound()?, before: None };
        loop {
            let mut relation = self.space().then_some(Relation::Descendant);
            let sign = match self.peek() {
                None | Some(',' | ')') => return Some(path),
                Some('+') => Some(Relation::Next),
                Some('>') => Some(Relation::Child),
                Some('~') => Some(Relation::Later),
                _ => None,
            };
            if sign.is_some() {
                relation = sign;
                self.rest = &self.rest[1..];
                self.space();
            }
            path = Path { before: Some((relation?, Box::new(path))), own: self.compound()? };
        }
    }

    fn compound(&mut self) -> Option<Vec<Test>> {
        let mut tests = Vec::new();
        match self.peek()? {
            '*' => self.rest = &self.rest[1..],
            '#' | '.' | '[' | ':' => {}
            _ => tests.push(Test::Tag(self.identifier()?.to_ascii_lowercase())),
        }
        loop {
            tests.push(match self.peek() {
                Some('#') => {
                    self.rest = &self.rest[1..];
                    Test::Id(self.name()?)
                }
                Some('.') => {
                    self.rest = &self.rest[1..];
                    Test::Class(self.identifier()?)
                }
                Some('[') => self.attribute()?,
                Some(':') => self.pseudo()?,
                _ => return Some(tests),
            });
        }
    }

    /// Letters, digits, `-`, `_`, anything beyond ASCII, and what is escaped.
    fn name(&mut self) -> Option<String> {
        let mut name = String::new();
        while let Some(c) = self.peek() {
            if c == '\\' {
                name.push(self.escaped()?);
            } else if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') || !c.is_ascii() {
                name.push(c);
                self.rest = &self.rest[c.len_utf8()..];
            } else {
                break;
            }
        }
        (!name.is_empty()).then_some(name)
    }

    fn identifier(&mut self) -> Option<String> {
        let first = self.rest.trim_start_matches('-').chars().next()?;
        (first.is_ascii_alphabetic() || matches!(first, '_' | '\\') || !first.is_ascii()).then_some(())?;
        self.name()
    }

    fn escaped(&mut self) -> Option<char> {
        self.take('\\')?;
        let digits = self.rest.bytes().take(6).take_while(u8::is_ascii_hexdigit).count();
        if digits == 0 {
            let c = self.peek().filter(|c| !matches!(c, '\n' | '\r' | '\u{c}'))?;
            self.rest = &self.rest[c.len_utf8()..];
            return Some(c);
        }
        let (hex, rest) = self.rest.split_at(digits);
        self.rest = rest.strip_prefix([' ', '\t', '\r', '\n', '\u{c}']).unwrap_or(rest);
        char::from_u32(u32::from_str_radix(hex, 16).ok()?)
    }

    fn quoted(&mut self) -> Option<String> {
        let quote = self.peek().filter(|c| matches!(c, '"' | '\''))?;
        self.rest = &self.rest[1..];
        let mut text = String::new();
        loop {
            match self.peek()? {
                c if c == quote => break,
                '\\' if self.rest[1..].starts_with('\n') => self.rest = &self.rest[2..],
                '\\' => text.push(self.escaped()?),
                '\n' | '\r' | '\u{c}' => return None,
                c => {
                    text.push(c);
                    self.rest = &self.rest[c.len_utf8()..];
                }
            }
        }
        self.take(quote)?;
        Some(text)
    }

    fn word(&mut self) -> Option<String> {
        match self.peek()? {
            '"' | '\'' => self.quoted(),
            _ => self.identifier(),
        }
    }

    fn attribute(&mut self) -> Option<Test> {
        self.take('[')?;
        self.space();
        let name = self.identifier()?.to_ascii_lowercase();
        self.space();
        if self.take(']').is_some() {
            return Some(Test::Attribute { name, wanted: Wanted::Present, ignore_case: false });
        }
        let sign = self.peek()?;
        if sign != '=' {
            self.rest = &self.rest[sign.len_utf8()..];
        }
        self.take('=')?;
        self.space();
        if sign == '#' {
            let wanted = Wanted::Regex(self.regex(']')?);
            return Some(Test::Attribute { name, wanted, ignore_case: false });
        }
        let mut value = self.word()?;
        self.space();
        let ignore_case = self.take('i').or_else(|| self.take('I')).is_some();
        self.space();
        self.take(']')?;
        if ignore_case {
            value = value.to_lowercase();
        }
        let wanted = match sign {
            '=' => Wanted::Equal(value),
            '!' => Wanted::Unequal(value),
            '~' => Wanted::Word(value),
            '|' => Wanted::Dash(value),
            '^' => Wanted::Prefix(value),
            '$' => Wanted::Suffix(value),
            '*' => Wanted::Part(value),
            _ => return None,
        };
        Some(Test::Attribute { name, wanted, ignore_case })
    }

    /// Up to the bracket that closes what is open.
    fn regex(&mut self, close: char) -> Option<Regex> {
        let mut open = 0;
        for (at, c) in self.rest.char_indices() {
            match c {
                '(' | '[' => open += 1,
                ')' | ']' if open == 0 => {
                    let regex = Regex::new(&self.rest[..at]).ok().filter(|_| c == close)?;
                    self.rest = &self.rest[at + 1..];
                    return Some(regex);
                }
                ')' | ']' => open -= 1,
                _ => {}
            }
        }
        None
    }

    fn pseudo(&mut self) -> Option<Test> {
        self.take(':')?;
        let name = self.identifier()?.to_ascii_lowercase();
        let nth = |step, offset, last, of_type| Test::Nth { step, offset, last, of_type };
        Some(match name.as_str() {
            "not" | "has" | "haschild" => {
                self.depth += 1;
                if self.depth > DEPTH_MAX {
                    return None;
                }
                self.take('(')?;
                let inner = self.group()?;
                self.take(')')?;
                self.depth -= 1;
                match name.as_str() {
                    "not" => Test::Not(inner),
                    "has" => Test::Has(inner),
                    _ => Test::HasChild(inner),
                }
            }
            "contains" | "containsown" => {
                self.take('(')?;
                self.space();
                let text = self.word()?.to_lowercase();
                self.space();
                self.take(')')?;
                Test::Contains { text, own: name == "containsown" }
            }
            "matches" | "matchesown" => {
                self.take('(')?;
                Test::Matches { regex: self.regex(')')?, own: name == "matchesown" }
            }
            "nth-child" | "nth-last-child" | "nth-of-type" | "nth-last-of-type" => {
                self.take('(')?;
                let (inside, rest) = self.rest.split_once(')')?;
                self.rest = rest;
                let (step, offset) = row(inside)?;
                nth(step, offset, name.contains("last"), name.ends_with("type"))
            }
            "first-child" => nth(0, 1, false, false),
            "last-child" => nth(0, 1, true, false),
            "first-of-type" => nth(0, 1, false, true),
            "last-of-type" => nth(0, 1, true, true),
            "only-child" => Test::Only { of_type: false },
            "only-of-type" => Test::Only { of_type: true },
            "lang" => {
                self.take('(')?;
                self.space();
                let lang = self.identifier()?.to_lowercase();
                self.space();
                self.take(')')?;
                Test::Lang(lang)
            }
            "input" => Test::Input,
            "empty" => Test::Empty,
            "root" => Test::Root,
            "link" => Test::Link,
            "enabled" => Test::Enabled,
            "disabled" => Test::Disabled,
            "checked" => Test::Checked,
            "visited" | "hover" | "active" | "focus" | "target" => Test::Never,
            _ => return None,
        })
    }
}

/// `2n+1`, `odd`, `-n + 3` and the like, as step and offset.
fn row(text: &str) -> Option<(i64, i64)> {
    let text = text.trim().to_ascii_lowercase();
    match text.as_str() {
        "odd" => return Some((2, 1)),
        "even" => return Some((2, 0)),
        _ => {}
    }
    let Some((step, offset)) = text.split_once('n') else { return Some((0, text.parse().ok()?)) };
    let step = match step {
        "" | "+" => 1,
        "-" => -1,
        number => number.parse().ok()?,
    };
    let offset: String = offset.split_whitespace().collect();
    let offset = if offset.is_empty() { 0 } else { offset.parse().ok()? };
    Some((step, offset))
}
