//! Where scripts get secrets from, and how these are kept out of the log. One set for the whole process, as k6 has it.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::{OnceLock, RwLock};

/// What is written in place of a secret.
const REDACTED: &str = "***SECRET_REDACTED***";

/// The name under which a script finds the source that it does not name.
const DEFAULT: &str = "default";

/// One place where secrets are: names and values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecretSource {
    name: String,
    is_default: bool,
    secrets: HashMap<String, String>,
}

impl SecretSource {
    /// Reads what `--secret-source` says: `mock=KEY=VALUE,…` or `file=PATH`, the parts `name=NAME` and `default` among
    /// them. `read` gives the text of a file, whose lines are `KEY=VALUE`.
    ///
    /// # Errors
    /// What cannot be understood, or the file's error.
    pub fn parse(text: &str, read: impl Fn(&str) -> Result<String, String>) -> Result<Self, String> {
        let (kind, rest) = text.split_once('=').unwrap_or((text, ""));
        let mut source = Self { name: kind.to_owned(), ..Self::default() };
        let mut parts = Vec::new();
        for part in rest.split(',') {
            match part.split_once('=') {
                _ if part == "default" => source.is_default = true,
                Some(("name", name)) => source.name = name.to_owned(),
                _ => parts.push(part),
            }
        }
        let pair = |line: &str| match line.split_once('=') {
            Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
            None => Err(format!("the secret source `{kind}` cannot use {line:?}; write KEY=VALUE")),
        };
        source.secrets = match kind {
            "mock" => parts.into_iter().map(pair).collect::<Result<_, _>>()?,
            "file" => {
                let path = parts.last().copied().unwrap_or_default();
                let path = path.strip_prefix("filename=").unwrap_or(path);
                if path.is_empty() {
                    return Err("the secret source `file` needs a file, as in file=secrets.txt".to_owned());
                }
                read(path)?.lines().map(pair).collect::<Result<_, _>>()?
            }
            other => {
                return Err(format!(
                    "there is no secret source `{other}`; write file=PATH or mock=KEY=VALUE,…"
                ));
            }
        };
        Ok(source)
    }
}

type Sources = BTreeMap<String, HashMap<String, String>>;

static SOURCES: OnceLock<Sources> = OnceLock::new();
/// Those that a script has got, longest first.
static KNOWN: RwLock<Vec<String>> = RwLock::new(Vec::new());

/// Makes sources known to all scripts of this process; once, before any is loaded.
///
/// # Errors
/// When two have the same name, or it is not clear which is the default.
pub fn set_secret_sources(sources: Vec<SecretSource>) -> Result<(), String> {
    let alone = sources.len() == 1;
    let mut all = Sources::new();
    for SecretSource { name, is_default, secrets } in sources {
        if (is_default || alone)
            && name != DEFAULT
            && all.insert(DEFAULT.to_owned(), secrets.clone()).is_some()
        {
            return Err("two secret sources are the default; leave `default` at one of them".to_owned());
        }
        if all.insert(name.clone(), secrets).is_some() {
            return Err(format!("two secret sources have the name {name:?}; give each a name=… of its own"));
        }
    }
    SOURCES.set(all).map_err(|_| "the secret sources are set already".to_owned())
}

/// A secret by the name of its source and its own; from then on it is kept out of the log.
pub(crate) fn get(source: &str, key: &str) -> Result<String, String> {
    let Some(all) = SOURCES.get().filter(|all| !all.is_empty()) else {
        return Err("no secret sources are configured".to_owned());
    };
    let source =
        all.get(source).ok_or_else(|| format!("no secret source with name {source:?} is configured"))?;
    let value = source.get(key).ok_or("no value")?;
    let mut known = KNOWN.write().unwrap_or_else(std::sync::PoisonError::into_inner);
    if !value.is_empty() && !known.contains(value) {
        known.push(value.clone());
        known.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    }
    Ok(value.clone())
}

/// A text for the log, without the secrets that scripts have got.
#[must_use]
pub fn redact(text: &str) -> Cow<'_, str> {
    let known = KNOWN.read().unwrap_or_else(std::sync::PoisonError::into_inner);
    known.iter().fold(Cow::Borrowed(text), |text, secret| {
        if text.contains(secret.as_str()) { text.replace(secret, REDACTED).into() } else { text }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_read_as_k6_reads_them() {
        let file = |path: &str| match path {
            "s.txt" => Ok("a=1\nb=x=y\n".to_owned()),
            _ => Err("no such file".to_owned()),
        };
        let source = SecretSource::parse("file=name=other,s.txt", file).expect("reads");
        assert_eq!(source.name, "other");
        assert_eq!(source.secrets["b"], "x=y");
        assert_eq!(SecretSource::parse("file=filename=s.txt", file).expect("reads").secrets.len(), 2);
        let source = SecretSource::parse("mock=default,cool=some,q=", file).expect("reads");
        assert!(source.is_default && source.secrets.len() == 2);
        for bad in ["mock=cool", "file=", "file=gone", "vault=x"] {
            assert!(SecretSource::parse(bad, file).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_secret_is_kept_out_of_the_log_once_it_was_given() {
        let file = |_: &str| Err(String::new());
        let sources = ["mock=name=one,k=hunter2", "mock=default,k=swordfish"];
        let sources = sources.iter().map(|text| SecretSource::parse(text, file).expect("reads")).collect();
        set_secret_sources(sources).expect("once");
        assert_eq!(redact("hunter2"), "hunter2");
        assert_eq!(get("one", "k").as_deref(), Ok("hunter2"));
        assert_eq!(redact("a hunter2!"), "a ***SECRET_REDACTED***!");
        assert_eq!(get("default", "k").as_deref(), Ok("swordfish"));
        assert_eq!(get("one", "x"), Err("no value".to_owned()));
        assert_eq!(get("two", "x"), Err("no secret source with name \"two\" is configured".to_owned()));
    }
}
