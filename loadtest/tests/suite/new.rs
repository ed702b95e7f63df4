//! `loadtest new` and `loadtest version`.

use crate::server::{Server, answer};
use crate::tool::{Dir, run};

#[test]
fn what_it_writes_runs() {
    let server = Server::start(|request| {
        let status = if request.method == "POST" { "201 Created" } else { "200 OK" };
        Some(answer(status, &[("Content-Type", "application/json")], b"[]"))
    });
    let dir = Dir::new("new");
    for (file, template) in
        [("a.js", None), ("b.js", Some("minimal")), ("c.js", Some("protocol")), ("d.toml", None)]
    {
        let path = dir.path(file);
        let mut args = vec!["new", path.as_str()];
        args.extend(template.iter().flat_map(|name| ["--template", name]));
        let written = run(&args);
        assert_eq!(written.code, 0, "{}", written.stderr);
        assert!(written.stderr.contains(&format!("loadtest {path}")), "{}", written.stderr);
        let base = format!("BASE_URL={}", server.url);
        let target: &[&str] =
            if file.ends_with(".toml") { &["--base-url", &server.url] } else { &["-e", &base] };
        let ran = run(&[&["run", &path, "-q", "-i", "2", "-u", "2"], target].concat());
        assert_eq!(ran.code, 0, "{file}: {}", ran.stderr);
        assert!(ran.stdout.contains("checks_succeeded...: 100.00%"), "{file}: {}", ran.stdout);
    }
}

#[test]
fn nothing_is_overwritten_and_templates_may_be_ones_own() {
    let dir = Dir::new("new-own");
    let (file, own) = (dir.write("mine.js", "precious"), dir.write("own.tpl", "// {{ .ScriptName }}"));
    let refused = run(&["new", &file]);
    assert_eq!(refused.code, 255);
    assert!(refused.stderr.contains("--force"), "{}", refused.stderr);
    assert_eq!(dir.read("mine.js"), "precious");
    for (template, why) in [
        ("nonsense", "minimal, protocol, plan"),
        ("browser", "no browser module"),
        ("./no.tpl", "os error 2"),
    ] {
        let refused = run(&["new", &file, "--force", "--template", template]);
        assert_eq!(refused.code, 255, "{template}");
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
    }
    assert_eq!(dir.read("mine.js"), "precious");
    assert_eq!(run(&["new", &file, "-f", "--template", &own]).code, 0);
    assert_eq!(dir.read("mine.js"), format!("// {file}"));
}

#[test]
fn the_version_is_told() {
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(run(&["version"]).stdout, format!("loadtest {version}\n"));
    assert_eq!(run(&["version", "--json"]).stdout, format!("{{\"version\":\"{version}\"}}\n"));
}
