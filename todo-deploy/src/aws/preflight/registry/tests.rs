//! Registries as they answer anonymous pulls, on this machine.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;

const ATTEMPT: Duration = Duration::from_secs(10);
const INDEX: &str =
    r#"{"manifests": [{"platform": {"architecture": "amd64"}}, {"platform": {"architecture": "arm64"}}]}"#;
const SINGLE: &str = r#"{"config": {"digest": "sha256:cf"}, "layers": []}"#;

/// What is answered to "PATH" or, with a token, "PATH TOKEN"; `{base}` stands for the registry's address.
type Answers = BTreeMap<&'static str, (u16, &'static str, &'static str)>;

/// A registry that gives these answers, 404 to everything else, and notes what it was asked.
async fn registry(answers: Answers) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound listener has an address");
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, address, answers.clone(), Arc::clone(&seen)));
        }
    });
    (format!("http://{address}"), asked)
}

async fn serve(mut stream: TcpStream, address: SocketAddr, answers: Answers, seen: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let token = head.lines().find_map(|line| line.strip_prefix("authorization: Bearer ")).unwrap_or_default();
    let asked = format!("{path} {token}").trim_end().to_owned();
    seen.lock().expect("no panic").push(asked.clone());
    let (status, header, body) = answers.get(asked.as_str()).copied().unwrap_or((404, "", "{}"));
    let header = header.replace("{base}", &format!("http://{address}"));
    let length = body.len();
    let answer =
        format!("HTTP/1.1 {status} x\r\n{header}content-length: {length}\r\nconnection: close\r\n\r\n{body}");
    let _ = stream.write_all(answer.as_bytes()).await;
}

async fn asked(image: &str, url: &str) -> Answer {
    ask(image, &Registry::Mirror(url.to_owned()), ATTEMPT).await
}

fn made_for<const N: usize>(processors: [&str; N]) -> Answer {
    Answer::For(processors.map(str::to_owned).into())
}

#[tokio::test]
async fn an_index_says_its_processors() {
    let (url, _) = registry([("/v2/team/todo/manifests/1", (200, "", INDEX))].into()).await;
    assert_eq!(asked("ghcr.io/team/todo:1", &url).await, made_for(["amd64", "arm64"]));
    assert_eq!(asked("ghcr.io/team/todo:2", &url).await, Answer::Absent);
}

const CHALLENGE: &str = "www-authenticate: Bearer realm=\"{base}/token\",service=\"a registry\",scope=\"repository:library/todo:pull\"\r\n";

#[tokio::test]
async fn a_token_is_fetched_where_one_is_wanted() {
    let manifest = "/v2/library/todo/manifests/latest";
    let token = "/token?scope=repository:library/todo:pull&service=a%20registry";
    let answers: Answers = [
        (manifest, (401, CHALLENGE, "")),
        (token, (200, "", r#"{"access_token": "t1"}"#)),
        ("/v2/library/todo/manifests/latest t1", (200, "", SINGLE)),
        ("/v2/library/todo/blobs/sha256:cf t1", (307, "location: {base}/elsewhere\r\n", "")),
        ("/elsewhere", (200, "", r#"{"architecture": "arm64", "os": "linux"}"#)),
    ]
    .into();
    let (url, seen) = registry(answers).await;
    assert_eq!(asked("todo", &url).await, made_for(["arm64"]));
    let seen = seen.lock().expect("no panic").clone();
    assert_eq!(seen.last().map(String::as_str), Some("/elsewhere"), "without the token: {seen:?}");
}

#[tokio::test]
async fn what_is_not_public_is_no_refusal() {
    let manifest = "/v2/team/todo/manifests/1";
    let token = "/token?scope=repository:library/todo:pull&service=a%20registry";
    let tables: [Answers; 5] = [
        [(manifest, (401, "www-authenticate: Basic realm=\"x\"\r\n", ""))].into(),
        [(manifest, (401, "", ""))].into(),
        [(manifest, (403, "", ""))].into(),
        [(manifest, (401, CHALLENGE, "")), (token, (401, "", ""))].into(),
        [
            (manifest, (401, CHALLENGE, "")),
            (token, (200, "", r#"{"token": "t"}"#)),
            ("/v2/team/todo/manifests/1 t", (401, "", "")),
        ]
        .into(),
    ];
    for answers in tables {
        let (url, _) = registry(answers.clone()).await;
        let answer = asked("ghcr.io/team/todo:1", &url).await;
        assert_eq!(answer, Answer::Unknown(format!("ghcr.io: {CREDENTIALS}")), "{answers:?}");
    }
    for (status, words) in [(429, "too often"), (500, "answers 500")] {
        let (url, _) = registry([(manifest, (status, "", ""))].into()).await;
        let answer = asked("ghcr.io/team/todo:1", &url).await;
        assert!(matches!(&answer, Answer::Unknown(why) if why.contains(words)), "{answer:?}");
    }
}

#[tokio::test]
async fn whoever_does_not_answer_is_not_waited_for() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", silent.local_addr().expect("an address"));
    let quick = Duration::from_millis(100);
    let answer = ask("ghcr.io/team/todo:1", &Registry::Mirror(url), quick).await;
    assert!(matches!(&answer, Answer::Unknown(_)), "{answer:?}");
    let here = ask("localhost:5000/todo:1", &Registry::Own, quick).await;
    assert!(matches!(&here, Answer::Unknown(why) if why.contains("this machine")), "{here:?}");
    assert_eq!(ask("todo", &Registry::Nobody, quick).await, made_for([]));
}

#[test]
fn names_are_read_as_the_container_engine_reads_them() {
    let hub = "registry-1.docker.io";
    for (image, host, repository, version) in [
        ("todo", hub, "library/todo", "latest"),
        ("team/todo:2", hub, "team/todo", "2"),
        ("docker.io/team/todo", hub, "team/todo", "latest"),
        ("ghcr.io/a/b/c@sha256:ab", "ghcr.io", "a/b/c", "sha256:ab"),
        ("ghcr.io/a/b:1@sha256:ab", "ghcr.io", "a/b", "sha256:ab"),
        ("localhost:5000/todo:1", "localhost:5000", "todo", "1"),
    ] {
        let (host, repository, version) = (host.to_owned(), repository.to_owned(), version.to_owned());
        assert_eq!(Place::of(image), Place { host, repository, version }, "{image}");
    }
}

#[test]
fn addresses_of_registries() {
    assert_eq!("none".parse(), Ok(Registry::Nobody));
    assert_eq!("https://m.example/".parse(), Ok(Registry::Mirror("https://m.example".to_owned())));
    assert!("m.example".parse::<Registry>().is_err());
}
