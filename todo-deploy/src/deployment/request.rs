//! Which requests something is said about: `/api/v1/todos`, `POST /api/v1/todos`, `/api/v1/todos/{id}`, `name list`.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A pattern for requests.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum RequestPattern {
    /// A path, and perhaps a method; a part of the path in braces, or `*`, stands for anything.
    Path { method: Option<String>, path: String },
    /// The `name` tag that a script gives to its requests.
    Name(String),
}

impl RequestPattern {
    /// Whether a request is meant: its method, its path without query, and its name where it has one.
    pub fn matches(&self, method: &str, path: &str, name: Option<&str>) -> bool {
        match self {
            Self::Name(wanted) => name == Some(wanted),
            Self::Path { method: wanted, path: pattern } => {
                wanted.as_ref().is_none_or(|wanted| wanted == method) && fits(pattern, path)
            }
        }
    }

    /// The more a pattern says, the larger.
    pub fn precision(&self) -> (bool, usize, bool) {
        match self {
            Self::Name(_) => (true, 0, false),
            Self::Path { method, path } => {
                (false, path.split('/').filter(|part| !is_open(part)).count(), method.is_some())
            }
        }
    }
}

fn is_open(part: &str) -> bool {
    part == "*" || (part.starts_with('{') && part.ends_with('}'))
}

fn fits(pattern: &str, path: &str) -> bool {
    let (mut parts, mut wanted) = (path.split('/'), pattern.split('/'));
    loop {
        match (wanted.next(), parts.next()) {
            (None, None) => return true,
            (Some(wanted), Some(part)) if wanted == part || (is_open(wanted) && !part.is_empty()) => {}
            _ => return false,
        }
    }
}

impl FromStr for RequestPattern {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let path =
            |path: &str| path.starts_with('/').then(|| path.split('?').next().unwrap_or(path).to_owned());
        let found = match words.as_slice() {
            ["name", name] => Some(Self::Name((*name).to_owned())),
            [one] => path(one).map(|path| Self::Path { method: None, path }),
            [method, one] if method.chars().all(|c| c.is_ascii_uppercase()) => {
                path(one).map(|path| Self::Path { method: Some((*method).to_owned()), path })
            }
            _ => None,
        };
        found.ok_or_else(|| {
            format!(
                "`{text}` names no requests; write /path, METHOD /path or name NAME, such as POST /api/v1/todos or \
                 /api/v1/todos/{{id}}"
            )
        })
    }
}

impl TryFrom<String> for RequestPattern {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<RequestPattern> for String {
    fn from(pattern: RequestPattern) -> Self {
        match pattern {
            RequestPattern::Name(name) => format!("name {name}"),
            RequestPattern::Path { method: Some(method), path } => format!("{method} {path}"),
            RequestPattern::Path { method: None, path } => path,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let matches = |pattern: &str, method: &str, path: &str| {
            pattern.parse::<RequestPattern>().expect(pattern).matches(method, path, Some("list"))
        };
        assert!(matches("/api/todos", "GET", "/api/todos") && !matches("/api/todos", "GET", "/api/todos/1"));
        assert!(matches("POST /a", "POST", "/a") && !matches("POST /a", "GET", "/a"));
        assert!(
            matches("/a/{id}/b", "GET", "/a/7/b")
                && matches("/a/*", "GET", "/a/7")
                && !matches("/a/*", "GET", "/a/")
        );
        assert!(matches("name list", "PUT", "/x") && !matches("name other", "PUT", "/x"));
        for text in ["/a", "POST /a/{id}", "name x"] {
            assert_eq!(String::from(text.parse::<RequestPattern>().expect(text)), text);
        }
        for wrong in ["", "a", "post /a", "POST", "GET a b"] {
            assert!(wrong.parse::<RequestPattern>().is_err(), "{wrong}");
        }
        let of = |text: &str| text.parse::<RequestPattern>().expect(text).precision();
        assert!(of("name x") > of("POST /a/b") && of("POST /a/b") > of("/a/b") && of("/a/b") > of("/a/{id}"));
    }
}
