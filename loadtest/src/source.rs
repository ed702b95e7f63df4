//! What a test is told from outside: a script, a plan or options, read with limits, and options of every rank merged.
//! A real run and a dry one have this in common.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use loadtest_js::Source;
use serde_json::{Map, Value, json};

use crate::config::layers;

/// A script on standard input, a plan or a file of options is at most this long.
const TEXT_MAX: u64 = 64 << 20;
/// What a bare URL gets where nothing says how much: gentle enough for any service.
const GENTLE_VUS: u64 = 10;
const GENTLE_DURATION: &str = "30s";

/// Whether `target` names a URL rather than a file.
pub fn is_url(target: &str) -> bool {
    target.starts_with("http://") || target.starts_with("https://")
}

/// Why a target that is no file cannot be one, and what can be written instead.
pub fn missing(target: &str) -> String {
    match target.starts_with("localhost") || target.contains(':') {
        true => format!("there is no file {target}; if it is a URL, write http://{target}"),
        false => format!(
            "there is no file {target}; give a URL, a script (.js, .ts), a plan (.toml) or - for a script on \
             standard input"
        ),
    }
}

/// A script from standard input.
///
/// # Errors
/// When it cannot be read, is too long, or is no text.
pub fn standard_input() -> Result<Source, String> {
    let bad = |why: String| format!("cannot read a script from standard input: {why}");
    let text = text_within(std::io::stdin().lock(), TEXT_MAX).map_err(bad)?;
    let directory = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    Ok(Source::Text { text, name: "-".to_owned(), directory })
}

/// The text of a plan.
///
/// # Errors
/// See [`text_of`].
pub fn plan(path: &Path) -> Result<String, String> {
    text_of(path, TEXT_MAX)
}

/// The text of a file or a pipe of at most `max` bytes.
///
/// # Errors
/// When it cannot be read, may have no end (a device), is too long, or is no text.
pub fn text_of(path: &Path, max: u64) -> Result<String, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let kind = file.metadata().map_err(|error| error.to_string())?.file_type();
    if !(kind.is_file() || is_pipe(kind)) {
        return Err("it is neither a file nor a pipe".to_owned());
    }
    text_within(file, max)
}

/// Whether the bytes of `kind` can be read only once.
pub fn is_pipe(kind: std::fs::FileType) -> bool {
    use std::os::unix::fs::FileTypeExt;
    kind.is_fifo()
}

fn text_within(from: impl Read, max: u64) -> Result<String, String> {
    let mut bytes = Vec::new();
    from.take(max + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > max {
        return Err(format!("it has more than {max} bytes, which is the limit"));
    }
    String::from_utf8(bytes).map_err(|_| "it is no text in UTF-8".to_owned())
}

/// Options from every source, k6's precedence: the file that `config` or `K6_CONFIG` names, the target's own, those of
/// variables, those of flags. `own` is none for a bare URL, which gets a gentle load where none of them says how much.
///
/// # Errors
/// When a variable or the file cannot be read.
pub fn options(
    own: Option<Map<String, Value>>,
    lookup: impl Fn(&str) -> Option<String>,
    config: Option<&Path>,
    flags: Map<String, Value>,
) -> Result<Map<String, Value>, String> {
    let is_bare = own.is_none();
    // The one that k6 itself reads counts for its scripts only, and need not be there.
    let usual = k6_config(&lookup).filter(|path| !is_bare && path.exists());
    let variables = layers::from_environment(lookup)?;
    let named = variables.get("config").and_then(Value::as_str).map(Path::new);
    let file = match config.or(named).or(usual.as_deref()) {
        None => Map::new(),
        Some(path) => config_file(path)?,
    };
    let mut options =
        layers::over(layers::over(layers::over(file, own.unwrap_or_default()), variables), flags);
    if is_bare {
        gentle(&mut options);
    }
    Ok(options)
}

fn gentle(options: &mut Map<String, Value>) {
    let has = |key: &str| options.get(key).is_some_and(|value| !value.is_null());
    if has("stages") || has("iterations") || has("scenarios") {
        return;
    }
    let (has_vus, has_duration) = (has("vus"), has("duration"));
    if !has_vus {
        options.insert("vus".to_owned(), json!(GENTLE_VUS));
    }
    if !has_duration {
        options.insert("duration".to_owned(), json!(GENTLE_DURATION));
    }
}

/// Where k6 keeps its options for all tests of a user.
fn k6_config(lookup: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let home = || lookup("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    let directory = if cfg!(target_os = "macos") {
        home()?.join("Library/Application Support")
    } else {
        match lookup("XDG_CONFIG_HOME").filter(|path| !path.is_empty()) {
            Some(path) => PathBuf::from(path),
            None => home()?.join(".config"),
        }
    };
    Some(directory.join("k6/config.json"))
}

/// The options of a file. Like k6 it passes over what is none, such as the account of a service.
fn config_file(path: &Path) -> Result<Map<String, Value>, String> {
    let bad = |why: String| format!("config file {}: {why}", path.display());
    let text = text_of(path, TEXT_MAX).map_err(bad)?;
    let options: Map<String, Value> = serde_json::from_str(&text)
        .map_err(|error| bad(format!("must be a JSON object of options: {error}")))?;
    let known = |key: &str| key == "out" || layers::KEYS.iter().any(|known| known.eq_ignore_ascii_case(key));
    Ok(options.into_iter().filter(|(key, _)| known(key)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn a_bare_url_is_gentle_only_where_nothing_says_how_much() {
        let merged = |variables: &[(&str, &str)], flags: Value| {
            let lookup = |name: &str| {
                variables.iter().find(|(key, _)| *key == name).map(|(_, text)| (*text).to_owned())
            };
            Value::Object(options(None, lookup, None, map(&flags)).expect("is valid"))
        };
        assert_eq!(merged(&[], json!({})), json!({"vus": 10, "duration": "30s"}));
        assert_eq!(merged(&[], json!({"vus": 3})), json!({"vus": 3, "duration": "30s"}));
        assert_eq!(merged(&[], json!({"duration": "1s"})), json!({"vus": 10, "duration": "1s"}));
        assert_eq!(merged(&[("K6_ITERATIONS", "3")], json!({})), json!({"iterations": 3}));
        assert_eq!(merged(&[("K6_VUS", "3")], json!({})), json!({"vus": 3, "duration": "30s"}));
        let stages = json!([{"duration": "1s", "target": 2}, {"duration": "1s", "target": 0}]);
        assert_eq!(merged(&[("K6_STAGES", "1s:2,1s:0")], json!({})), json!({ "stages": stages }));
        assert_eq!(merged(&[], json!({"scenarios": {"a": {}}})), json!({"scenarios": {"a": {}}}));
        assert_eq!(merged(&[], json!({"rps": 5})), json!({"vus": 10, "duration": "30s", "rps": 5}));
    }

    #[test]
    fn a_config_file_counts_for_a_url_too() {
        let file = std::env::temp_dir().join(format!("loadtest-config-{}.json", std::process::id()));
        std::fs::write(&file, r#"{"vus": 2, "duration": "2s"}"#).expect("can be written");
        let none = |_: &str| None;
        let merged = options(None, none, Some(&file), Map::new()).expect("is valid");
        assert_eq!(Value::Object(merged), json!({"vus": 2, "duration": "2s"}));
        let named = |name: &str| (name == "K6_CONFIG").then(|| file.display().to_string());
        let merged = options(None, named, None, map(&json!({"iterations": 7}))).expect("is valid");
        assert_eq!(Value::Object(merged).get("iterations"), Some(&json!(7)));
        let scripts =
            options(Some(map(&json!({"vus": 4}))), none, Some(&file), Map::new()).expect("is valid");
        assert_eq!(Value::Object(scripts), json!({"vus": 4, "duration": "2s"}));
        std::fs::write(&file, r#"{"vus": 2, "collectors": {"cloud": {"token": "x"}}}"#)
            .expect("can be written");
        let home = std::env::temp_dir().join(format!("loadtest-home-{}", std::process::id()));
        std::fs::create_dir_all(home.join("k6")).expect("can be made");
        std::fs::rename(&file, home.join("k6/config.json")).expect("is there");
        let usual = |name: &str| (name == "XDG_CONFIG_HOME").then(|| home.display().to_string());
        let of_script = options(Some(Map::new()), usual, None, Map::new()).expect("is valid");
        let expected = if cfg!(target_os = "macos") { json!({}) } else { json!({"vus": 2}) };
        assert_eq!(Value::Object(of_script), expected);
        let of_url = options(None, usual, None, Map::new()).expect("is valid");
        assert_eq!(of_url.get("vus"), Some(&json!(GENTLE_VUS)), "what k6's user chose is not for bare URLs");
        std::fs::remove_dir_all(&home).expect("is there");
    }

    #[test]
    fn nothing_endless_is_read() {
        let why = text_of(Path::new("/dev/zero"), 10).expect_err("has no end");
        assert_eq!(why, "it is neither a file nor a pipe");
        assert_eq!(
            text_of(&std::env::temp_dir(), 10).expect_err("is no file"),
            "it is neither a file nor a pipe"
        );
        let why = text_within(std::io::repeat(b'x'), 10).expect_err("has no end");
        assert_eq!(why, "it has more than 10 bytes, which is the limit");
        assert_eq!(text_within(&b"1234567890"[..], 10), Ok("1234567890".to_owned()));
    }
}
