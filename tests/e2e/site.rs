//! Health, the documentation and what a browser gets: nothing of it needs an outside host.

use e2e::{Answer, Database, Kind, Service, todo_api, within};
use rstest::rstest;
use std::time::Duration;

#[rstest]
#[tokio::test]
async fn health_has_an_exact_body(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(service) = Service::on(kind).await else { return };
    for path in ["/api/v1/health", "/api/v1/live"] {
        let answer = service.get(path).await.is(200);
        assert_eq!(answer.text(), r#"{"status":"ok"}"#);
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("cache-control"), "no-store", "a health check must not be cached");
    }
}

#[tokio::test]
async fn the_page_and_the_documentation_need_no_outside_host() {
    let service = Service::on(Kind::Sqlite).await.unwrap();
    for page in ["/", "/docs/"] {
        let html = service.get(page).await.is(200);
        assert!(html.header("content-type").starts_with("text/html"), "{html}");
        let names = references(&html.text());
        assert!(names.len() > 2, "a page refers to its script and style: {names:?}");
        needs_no_other_host(page, &html);
        for name in names.iter().filter(|name| !name.starts_with('#')) {
            let beside = || format!("{page}{}", name.trim_start_matches("./"));
            let path = if name.starts_with('/') { name.clone() } else { beside() };
            let file = service.get(&path).await;
            assert!((200..400).contains(&file.status), "{path}: {file}");
            assert!(file.status != 200 || !file.body.is_empty(), "{path}");
            // Large bundles hold addresses that they only speak of; what ours fetch is plain to see.
            if file.body.len() < 100_000 && !path.ends_with(".svg") {
                needs_no_other_host(&path, &file);
            }
        }
    }
    let moved = service.get("/docs").await;
    assert!((300..400).contains(&moved.status) && moved.header("location").starts_with("/docs/"), "{moved}");
}

/// What `src` and `href` attributes name.
fn references(html: &str) -> Vec<String> {
    let starts = ["src=\"", "href=\""];
    let values =
        starts.iter().flat_map(|start| html.split(start).skip(1).filter_map(|rest| rest.split('"').next()));
    values.map(String::from).filter(|name| !name.starts_with("data:") && !name.is_empty()).collect()
}

#[track_caller]
fn needs_no_other_host(path: &str, file: &Answer) {
    let text = file.text();
    for scheme in ["http://", "https://", "src=\"//", "href=\"//", "url(//", "wss://", "ws://"] {
        for (at, _) in text.match_indices(scheme) {
            let shown: String = text[at..].chars().take(60).collect();
            // The names of XML's languages are spelled like addresses.
            assert!(shown.starts_with("http://www.w3.org/"), "{path} refers to {shown}");
        }
    }
}

#[tokio::test]
async fn the_description_knows_every_endpoint() {
    let service = Service::on(Kind::Sqlite).await.unwrap();
    let document = service.get("/api/v1/openapi.json").await.is(200).value();
    let methods = |path: &str| {
        let item = document["paths"][path].as_object().unwrap_or_else(|| panic!("{path} is not described"));
        let mut methods: Vec<&str> = item.keys().map(String::as_str).collect();
        methods.sort_unstable();
        methods
    };
    assert_eq!(methods("/api/v1/todos"), ["get", "post"]);
    assert_eq!(methods("/api/v1/todos/{id}"), ["delete", "get", "put"]);
    assert_eq!(methods("/api/v1/health"), ["get"]);
    assert_eq!(methods("/api/v1/live"), ["get"]);
    assert_eq!(document["paths"].as_object().unwrap().len(), 4);
    let servers = document["servers"].as_array();
    assert!(servers.is_none_or(|servers| servers.iter().all(|server| server["url"] == "/")), "no other host");
}

#[tokio::test]
async fn a_folder_can_be_served_instead_of_the_page() {
    let files = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(files.path().join("site/assets")).unwrap();
    for (name, content) in [
        ("site/index.html", "<title>Angular</title>"),
        ("site/main.3f2a.js", "console.log(1)"),
        ("site/assets/style.css", "body {}"),
        ("secret.txt", "not to be served"),
    ] {
        std::fs::write(files.path().join(name), content).unwrap();
    }
    let site = files.path().join("site");
    let service = Service::with(Database::sqlite(), &["--static-dir", site.to_str().unwrap()]).await;
    let check = async |path: &str, content_type: &str, content: &str| {
        let file = service.get(path).await.is(200);
        assert!(file.header("content-type").starts_with(content_type), "{file}");
        assert_eq!(file.text(), content, "{path}");
        assert!(!file.header("x-instance-id").is_empty(), "{path}");
    };
    check("/", "text/html", "<title>Angular</title>").await;
    check("/index.html", "text/html", "<title>Angular</title>").await;
    check("/main.3f2a.js", "text/javascript", "console.log(1)").await;
    check("/assets/style.css", "text/css", "body {}").await;
    check("/api/v1/todos", "application/json", "[]\n").await;
    check("/api/v1/health", "application/json", r#"{"status":"ok"}"#).await;
    service.get("/docs/").await.is(200);
    service.get("/app.css").await.refused(404);
    service.get("/assets/none.css").await.refused(404);
    service.get("/api/v1/nothing").await.refused(404);
    service.bodiless("POST", "/index.html").await.is(405);
    for path in [
        "/../secret.txt",
        "/assets/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "//secret.txt",
    ] {
        let answer = service.get(path).await;
        assert!(answer.status == 404 || answer.status == 400, "{path}: {answer}");
        assert!(!answer.text().contains("not to be served"), "{path}");
    }
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_an_error_at_once() {
    let mut command = todo_api();
    command.args([
        "--listen",
        "127.0.0.1:0",
        "--database-url",
        "sqlite::memory:",
        "--static-dir",
        "/no/such/folder",
    ]);
    let output = within("the refusal", Duration::from_secs(30), command.output()).await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("/no/such/folder"), "{told}");
}
