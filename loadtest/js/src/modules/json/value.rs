//! A value that a path has found: its kind, and its text as it stands in the document.

use std::borrow::Cow;

use super::scan;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Kind {
    #[default]
    Null,
    False,
    Number,
    Text,
    True,
    /// An array or an object.
    Json,
}

/// By default nothing, which is not the same as `null`.
#[derive(Clone, Debug, Default)]
pub(super) struct Found<'t> {
    pub(super) kind: Kind,
    pub(super) raw: Cow<'t, str>,
}

impl<'t> Found<'t> {
    /// The first value in a text.
    pub(super) fn parse(text: impl Into<Cow<'t, str>>) -> Self {
        let text = text.into();
        let bytes = text.as_bytes();
        let start = bytes.iter().position(|&b| b > b' ').unwrap_or(bytes.len());
        let Some(kind) = scan::kind_at(bytes, start) else { return Self::default() };
        let end = if kind == Kind::Json { bytes.len() } else { scan::end_of(bytes, start, kind) };
        let raw = match text {
            Cow::Borrowed(text) => Cow::Borrowed(&text[start..end]),
            Cow::Owned(text) => Cow::Owned(text[start..end].to_owned()),
        };
        Self { kind, raw }
    }

    pub(super) fn exists(&self) -> bool {
        self.kind != Kind::Null || !self.raw.is_empty()
    }

    pub(super) fn into_owned<'o>(self) -> Found<'o> {
        Found { kind: self.kind, raw: Cow::Owned(self.raw.into_owned()) }
    }

    pub(super) fn is_array(&self) -> bool {
        self.kind == Kind::Json && self.raw.starts_with('[')
    }

    pub(super) fn is_object(&self) -> bool {
        self.kind == Kind::Json && self.raw.starts_with('{')
    }

    /// Of a number.
    pub(super) fn number(&self) -> f64 {
        self.raw.parse().unwrap_or(0.0)
    }

    /// The characters of a string.
    pub(super) fn text(&self) -> Cow<'_, str> {
        let inner = self.raw.strip_prefix('"').unwrap_or(&self.raw);
        unescaped(inner.strip_suffix('"').unwrap_or(inner))
    }

    /// The value as `@fromstr` takes it.
    pub(super) fn shown(&self) -> String {
        match self.kind {
            Kind::Null => String::new(),
            Kind::Text => self.text().into_owned(),
            Kind::Number
                if self
                    .raw
                    .bytes()
                    .skip(usize::from(self.raw.starts_with('-')))
                    .all(|b| b.is_ascii_digit()) =>
            {
                self.raw.clone().into_owned()
            }
            Kind::Number => format!("{}", self.number()),
            Kind::False => "false".to_owned(),
            Kind::True => "true".to_owned(),
            Kind::Json => self.raw.clone().into_owned(),
        }
    }

    /// As the option of a modifier.
    pub(super) fn is_true(&self) -> bool {
        match self.kind {
            Kind::True => true,
            Kind::Text => bool_of(&self.text()) == Some(true),
            Kind::Number => self.number() != 0.0,
            _ => false,
        }
    }

    /// As the option of a modifier that is off.
    pub(super) fn is_false(&self) -> bool {
        match self.kind {
            Kind::Null | Kind::False => true,
            Kind::Text => bool_of(&self.text()) == Some(false),
            Kind::Number => self.number() == 0.0,
            _ => false,
        }
    }
}

fn bool_of(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "1" | "t" | "true" => Some(true),
        "0" | "f" | "false" => Some(false),
        _ => None,
    }
}

/// What stands between the quotes of a JSON string, without escapes. It ends where one is broken.
pub(super) fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|b| b == b'\\' || b < b' ') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c < ' ' {
            break;
        }
        if c != '\\' {
            plain.push(c);
            continue;
        }
        plain.push(match rest.next() {
            Some(c @ ('\\' | '/' | '"')) => c,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => match unit(&mut rest) {
                Some(c) => c,
                None => break,
            },
            _ => break,
        });
    }
    Cow::Owned(plain)
}

/// The character of `XXXX`, or of `XXXX\uXXXX` where the first is half of one.
fn unit(rest: &mut std::str::Chars<'_>) -> Option<char> {
    let hex = |rest: &mut std::str::Chars<'_>| {
        let digits = rest.as_str().get(..4)?;
        *rest = rest.as_str()[4..].chars();
        Some(u16::from_str_radix(digits, 16).unwrap_or(0))
    };
    let first = hex(rest)?;
    let mut units = vec![first];
    if (0xd800..0xe000).contains(&first)
        && let Some(second) = rest.as_str().strip_prefix("\\u")
        && second.get(..4).is_some()
    {
        *rest = second.chars();
        units.push(hex(rest)?);
    }
    char::decode_utf16(units).next().map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
}

/// A JSON string of `text`, escaped as Go does.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\\' | '"' => quoted.extend(['\\', c]),
            '\0'..='\x1f' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
