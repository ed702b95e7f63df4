//! F18: the desync corpus that AWS publishes, by raw sockets.
//!
//! It is test data of the crate `http_desync_guardian` (a dependency for tests only), found where Cargo unpacked
//! that. Requests without a `Host` get one: the corpus looks at one head at a time and leaves it out. What is
//! severe must be refused and the connection closed; what is ambiguous may be refused, or forwarded alone; of no
//! request may the target see two.

use std::path::PathBuf;
use std::process::Command;

use super::*;

/// One case of the corpus.
#[derive(Debug, Default, Clone)]
struct Case {
    name: Vec<u8>,
    method: Vec<u8>,
    uri: Vec<u8>,
    version: Vec<u8>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    tier: String,
}

/// The files of the corpus.
fn files() -> Vec<PathBuf> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--offline", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .expect("Cargo runs");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let corpus = packages
        .iter()
        .find(|package| package["name"] == "http_desync_guardian")
        .expect("it is a dependency");
    let manifest = PathBuf::from(corpus["manifest_path"].as_str().expect("a path"));
    let directory = manifest.parent().expect("a directory").join("tests");
    let files = directory.read_dir().expect("the crate comes with its test data");
    files
        .filter_map(|file| Some(file.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .collect()
}

/// A scalar of the part of YAML that the corpus is written in.
fn scalar(text: &str) -> Vec<u8> {
    let text = text.trim();
    if let Some(inner) = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
        return inner.replace("''", "'").into_bytes();
    }
    let Some(inner) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else {
        return text.as_bytes().to_vec();
    };
    let (mut out, mut chars) = (Vec::new(), inner.chars());
    while let Some(char) = chars.next() {
        let escaped = if char == '\\' { chars.next() } else { None };
        match escaped {
            None => out.extend_from_slice(char.to_string().as_bytes()),
            Some('x') => {
                let digits: String = chars.by_ref().take(2).collect();
                out.push(u8::from_str_radix(&digits, 16).expect("hexadecimal"));
            }
            Some('t') => out.push(b'\t'),
            Some('r') => out.push(b'\r'),
            Some('n') => out.push(b'\n'),
            Some('0') => out.push(0),
            Some(other) => out.extend_from_slice(other.to_string().as_bytes()),
        }
    }
    out
}

fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        if key == "- name" {
            cases.push(Case { name: scalar(value), ..Case::default() });
        }
        let Some(case) = cases.last_mut() else { continue };
        match key {
            "  uri" => case.uri = scalar(value),
            "  method" => case.method = scalar(value),
            "  version" => case.version = scalar(value),
            "    - name" => case.headers.push((scalar(value), Vec::new())),
            "      value" => case.headers.last_mut().expect("a name comes first").1 = scalar(value),
            "    tier" => case.tier = String::from_utf8(scalar(value)).expect("a word"),
            _ => {}
        }
    }
    cases
}

/// A longer body is not sent: of the well-formed cases, the one that has such is left out.
const LARGE: usize = 100_000;

impl Case {
    fn length(&self) -> Option<usize> {
        let (_, value) =
            self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(b"content-length"))?;
        std::str::from_utf8(value).ok()?.trim().parse().ok()
    }

    fn bytes(&self) -> Vec<u8> {
        let mut out = [&self.method[..], b" ", &self.uri, b" ", &self.version, b"\r\n"].concat();
        if self.version.is_empty() {
            out = [&self.method[..], b" ", &self.uri, b"\r\n"].concat();
        }
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(b"host")) {
            out.extend_from_slice(b"Host: localhost\r\n");
        }
        for (name, value) in &self.headers {
            out.extend_from_slice(&[&name[..], b": ", value, b"\r\n"].concat());
        }
        out.extend_from_slice(b"\r\n");
        let coded = |(_, value): &(Vec<u8>, Vec<u8>)| value.eq_ignore_ascii_case(b"chunked");
        if self.headers.iter().any(coded) {
            out.extend_from_slice(b"0\r\n\r\n");
        } else if let Some(length) = self.length().filter(|&length| length < LARGE) {
            out.resize(out.len() + length, b'x');
        }
        out
    }
}

#[test]
fn f18_the_desync_corpus() {
    let (mut count, mut refused, mut wrong) = (0, Vec::new(), Vec::new());
    for file in files() {
        let text = std::fs::read_to_string(&file).expect("readable");
        for case in cases(&text) {
            let well_formed = matches!(case.tier.as_str(), "Compliant" | "Acceptable");
            if well_formed && case.length().is_some_and(|length| length >= LARGE) {
                continue;
            }
            count += 1;
            let name = format!("{}: {}", case.tier, String::from_utf8_lossy(&case.name));
            // Each its own: a request that is cut off may reach its target late, and not count as the next case's.
            let target = Stub::saying("ok");
            let bench = bench(quiet(), &[&target]);
            let mut client = bench.client();
            client.send(case.bytes());
            client.send("GET /next HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
            let back = client.rest();
            let seen = target.seen();
            let status = back.get(9..12).and_then(|code| code.parse::<u16>().ok()).unwrap_or(0);
            let answers = back.matches("HTTP/1.1 ").count();
            let well = match case.tier.as_str() {
                "Severe" => (400..=505).contains(&status) && answers == 1 && seen.is_empty(),
                "Ambiguous" => answers == 1 && seen.len() <= 1,
                _ => seen.len() <= 2,
            };
            if !well {
                wrong.push(format!("{name}: {status}, {answers} answers, the target saw {seen:?}"));
            }
            if well_formed && status != 200 {
                refused.push(format!("{status} {name}"));
            }
        }
    }
    assert!(count > 100, "the corpus has more than {count} cases");
    assert_eq!(wrong, Vec::<String>::new());
    // Where we are stricter than AWS's own classes.
    insta::assert_snapshot!(refused.join("\n"));
}
