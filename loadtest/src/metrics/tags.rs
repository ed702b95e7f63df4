//! The tags of one sample, looked up lazily: most runs never need them written out.

use std::borrow::Cow;
use std::net::IpAddr;

use loadtest_js::TagContext;

/// k6's system tags with whether they are on by default.
const SYSTEM: [(&str, bool); 18] = [
    ("proto", true),
    ("subproto", true),
    ("status", true),
    ("method", true),
    ("url", true),
    ("name", true),
    ("group", true),
    ("check", true),
    ("error", true),
    ("error_code", true),
    ("tls_version", true),
    ("scenario", true),
    ("service", true),
    ("expected_response", true),
    ("iter", false),
    ("vu", false),
    ("ocsp_status", false),
    ("ip", false),
];

/// The option `systemTags`: which tags the generator itself sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SystemTags(u32);

impl Default for SystemTags {
    fn default() -> Self {
        Self(SYSTEM.iter().enumerate().filter(|(_, (_, on))| *on).fold(0, |bits, (i, _)| bits | 1 << i))
    }
}

impl SystemTags {
    /// Whether there is a system tag of that name.
    pub fn knows(name: &str) -> bool {
        SYSTEM.iter().any(|(known, _)| *known == name)
    }

    /// The named ones only; unknown names are passed over.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let at = |name: &str| SYSTEM.iter().position(|(known, _)| *known == name);
        Self(names.into_iter().filter_map(at).fold(0, |bits, at| bits | 1 << at))
    }

    pub fn has(self, name: &str) -> bool {
        SYSTEM.iter().position(|(known, _)| *known == name).is_some_and(|at| self.0 & 1 << at != 0)
    }

    /// All but one.
    pub fn without(self, name: &str) -> Self {
        let at = SYSTEM.iter().position(|(known, _)| *known == name);
        at.map_or(self, |at| Self(self.0 & !(1 << at)))
    }

    /// The names that are on, as in the inspected options.
    pub fn names(self) -> Vec<&'static str> {
        SYSTEM.iter().enumerate().filter(|(i, _)| self.0 & 1 << i != 0).map(|(_, (name, _))| *name).collect()
    }
}

/// Tags that can be asked for by name and listed.
pub trait Tagged {
    fn tag(&self, name: &str) -> Option<Cow<'_, str>>;
    /// All tags, by name, without empty ones.
    fn list(&self) -> Vec<(String, String)>;
}

/// The tags of samples that are no request: context and extras.
#[derive(Debug, Clone, Copy)]
pub struct PlainTags<'a> {
    pub context: &'a TagContext,
    pub extra: &'a [(String, String)],
    pub system: SystemTags,
    /// Set by the sample itself, such as `check`.
    pub own: &'a [(&'static str, &'a str)],
}

impl PlainTags<'_> {
    fn base(&self, name: &str) -> Option<Cow<'_, str>> {
        if let Some((_, value)) = self.extra.iter().find(|(key, _)| key == name) {
            return Some(Cow::Borrowed(value));
        }
        match name {
            "scenario" if self.system.has("scenario") && !self.context.scenario.is_empty() => {
                Some(Cow::Borrowed(&self.context.scenario))
            }
            "group" if self.system.has("group") => Some(Cow::Borrowed(&self.context.group)),
            _ => self.context.tags.get(name).map(|value| Cow::Borrowed(value.as_str())),
        }
    }
}

impl Tagged for PlainTags<'_> {
    fn tag(&self, name: &str) -> Option<Cow<'_, str>> {
        if let Some((_, value)) = self.own.iter().find(|(key, _)| *key == name) {
            return self.system.has(name).then_some(Cow::Borrowed(value));
        }
        self.base(name)
    }

    fn list(&self) -> Vec<(String, String)> {
        let mut list: std::collections::BTreeMap<&str, &str> =
            self.context.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        if self.system.has("scenario") && !self.context.scenario.is_empty() {
            list.insert("scenario", &self.context.scenario);
        }
        if self.system.has("group") {
            list.insert("group", &self.context.group);
        }
        list.extend(self.extra.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        list.extend(self.own.iter().filter(|(key, _)| self.system.has(key)).copied());
        list.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }
}

/// The tags of one request.
#[derive(Debug, Clone, Copy)]
pub struct HttpTags<'a> {
    pub plain: PlainTags<'a>,
    pub method: &'a str,
    pub url: &'a str,
    /// Zero: no answer.
    pub status: u16,
    pub proto: &'a str,
    pub error: &'a str,
    /// Zero: none.
    pub error_code: u16,
    pub tls_version: &'a str,
    /// `None`: not judged.
    pub expected: Option<bool>,
    pub ip: Option<IpAddr>,
}

impl HttpTags<'_> {
    /// The tag a request itself has; `None` when it has none of that name.
    fn own(&self, name: &str) -> Option<Cow<'_, str>> {
        let text = |value| Some(Cow::Borrowed(value)).filter(|value: &Cow<'_, str>| !value.is_empty());
        match name {
            "method" => text(self.method),
            // A name set by the script stands for the URL too: what is indexed stays small.
            "name" => Some(self.plain.base("name").unwrap_or(Cow::Borrowed(self.url))),
            "url" => Some(self.plain.base("name").unwrap_or(Cow::Borrowed(self.url))),
            "status" => Some(Cow::Owned(self.status.to_string())),
            "proto" => text(self.proto),
            "error" => text(self.error),
            "error_code" if self.error_code != 0 => Some(Cow::Owned(self.error_code.to_string())),
            "tls_version" => text(self.tls_version),
            "expected_response" => {
                self.expected.map(|expected| Cow::Borrowed(if expected { "true" } else { "false" }))
            }
            "ip" => self.ip.map(|ip| Cow::Owned(ip.to_string())),
            _ => None,
        }
    }
}

const HTTP_TAGS: [&str; 10] = [
    "method",
    "name",
    "url",
    "status",
    "proto",
    "error",
    "error_code",
    "tls_version",
    "expected_response",
    "ip",
];

impl Tagged for HttpTags<'_> {
    fn tag(&self, name: &str) -> Option<Cow<'_, str>> {
        if HTTP_TAGS.contains(&name) && self.plain.system.has(name) {
            return self.own(name).or_else(|| self.plain.tag(name));
        }
        self.plain.tag(name)
    }

    fn list(&self) -> Vec<(String, String)> {
        let mut list: std::collections::BTreeMap<String, String> = self.plain.list().into_iter().collect();
        for name in HTTP_TAGS.iter().filter(|name| self.plain.system.has(name)) {
            if let Some(value) = self.own(name) {
                list.insert((*name).to_owned(), value.into_owned());
            }
        }
        list.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_set_by_the_script_stands_for_the_url() {
        let context = TagContext { scenario: "s".into(), group: "::a".into(), ..TagContext::default() };
        let extra = [("name".to_owned(), "item".to_owned()), ("kind".to_owned(), "x".to_owned())];
        let plain = PlainTags { context: &context, extra: &extra, system: SystemTags::default(), own: &[] };
        let tags = HttpTags {
            plain,
            method: "GET",
            url: "http://a/1",
            status: 404,
            proto: "HTTP/1.1",
            error: "",
            error_code: 1404,
            tls_version: "",
            expected: Some(false),
            ip: None,
        };
        let list = tags.list();
        let get = |name: &str| list.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        assert_eq!(get("url"), Some("item"));
        assert_eq!(get("status"), Some("404"));
        assert_eq!(get("kind"), Some("x"));
        assert_eq!(get("error"), None);
        for (key, value) in &list {
            assert_eq!(tags.tag(key).as_deref(), Some(value.as_str()), "{key}");
        }
        assert_eq!(tags.tag("ip"), None);
    }

    #[test]
    fn system_tags_can_be_chosen() {
        let system = SystemTags::of(["status", "vu", "statsu"]);
        assert_eq!(system.names(), ["status", "vu"]);
        assert!(SystemTags::knows("vu") && !SystemTags::knows("statsu"));
        assert_eq!(SystemTags::default().names().len(), 14);
    }
}
