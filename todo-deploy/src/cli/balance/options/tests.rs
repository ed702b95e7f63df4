//! What can be written down, and what is said about what cannot.

use clap::Parser;

use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

fn line(args: &[&str]) -> Result<Settings> {
    let parsed = Line::try_parse_from([&["balance"], args].concat())?;
    parsed.options.settings()
}

#[test]
fn options_stand_before_the_file() {
    let file = "listen = [\"127.0.0.1:1\"]\ntarget = [\"127.0.0.1:2,weight=3\"]\nretries = 0\nidle-timeout = \"5s\"\n\
                max-header = \"8K\"\ncheck = \"tcp\"\nalgorithm = \"least-connections\"";
    let below = parse(file, "b.toml").expect("valid");
    let args = Line::try_parse_from(["balance", "--target", "127.0.0.1:4", "--retries", "2"]).expect("valid");
    let options = args.options.over(below);
    let settings = options.settings().expect("valid");
    assert_eq!(options.target.iter().map(|target| target.weight).collect::<Vec<_>>(), [3, 1]);
    assert_eq!((settings.retries, settings.timeouts.idle.as_secs(), settings.limits.header), (2, 5, 8192));
    assert_eq!((settings.checks.kind, settings.algorithm), (CheckKind::Tcp, Algorithm::LeastConnections));
}

#[test]
fn mistakes_say_what_to_do() {
    let wrong = |args: &[&str]| line(args).expect_err("wrong").to_string();
    let said = [
        wrong(&["--target", "nowhere"]),
        wrong(&["--target", "127.0.0.1:1,wait=2"]),
        wrong(&["--listen", "ftp://127.0.0.1:1"]),
        wrong(&["--listen", "https://127.0.0.1:1?cert=a"]),
        wrong(&["--check-timeout", "9s"]),
        wrong(&["--mode", "network", "--listen", "https://127.0.0.1:1"]),
        wrong(&["--admin", "0.0.0.0:1"]),
        wrong(&["--workers", "0"]),
        wrong(&["--idle-timeout", "60"]),
        wrong(&["--check-path", "health"]),
        wrong(&["--listen", "http://127.0.0.1:1?cert"]),
        wrong(&["--listen", "redirect://127.0.0.1:1?port"]),
        wrong(&["--mode", "network", "--algorithm", "consistent-hash by path"]),
        wrong(&["--slow-start", "30s", "--algorithm", "least-connections"]),
        parse("listen = [\"127.0.0.1:1\"]\nretrys = 1", "b.toml").expect_err("wrong").to_string(),
        parse("mode = \"udp\"", "b.toml").expect_err("wrong").to_string(),
    ];
    let first = |text: &String| text.lines().next().unwrap_or_default().to_owned();
    insta::assert_snapshot!(said.iter().map(first).collect::<Vec<_>>().join("\n"));
}
