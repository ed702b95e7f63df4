//! Passwords: taken from a file, rotated without a restart, and never shown.

use std::fs;
use std::time::Duration;

use e2e::{OwnPostgres, Process, eventually, todo_api, within};
use serde_json::json;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(30);
const SECRETS: [&str; 2] = ["first-secret", "second-secret"];

#[track_caller]
fn no_secret_in(text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret} is shown:\n{text}");
    }
}

#[tokio::test]
async fn a_password_file_that_is_rotated() {
    let Some(postgres) = OwnPostgres::started().await else { return };
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("password");
    fs::write(&file, format!("{}\n", SECRETS[0])).unwrap();
    let url = postgres.url_with("a-password-that-is-wrong");
    let flags = ["--database-password-file", file.to_str().unwrap(), "--log", "trace"];
    let process = Process::at(&url, &flags).await;
    let works = async || {
        eventually("todos to be served", PATIENCE, || async {
            (process.get("/api/v1/todos").await.status == 200).then_some(())
        })
        .await;
        process.get("/api/v1/health").await.is(200);
    };
    works().await;

    // Sessions that are open stay so when a password changes; the next one needs the new one.
    postgres.execute(&format!("ALTER ROLE postgres PASSWORD '{}'", SECRETS[1])).await;
    fs::write(&file, SECRETS[1]).unwrap();
    let end =
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'todo-api'";
    assert!(postgres.number_with(SECRETS[1], end).await >= 2);
    works().await;
    process.post("/api/v1/todos", &json!({"title": "after the rotation"})).await.is(201);
    no_secret_in(&process.log());
    assert!(!process.log().contains("a-password-that-is-wrong"));
}

#[tokio::test]
async fn a_wrong_password_is_said_and_not_shown() {
    let Some(postgres) = OwnPostgres::started().await else { return };
    let process = Process::at(&postgres.url_with(SECRETS[1]), &["--log", "trace"]).await;
    eventually("the log to say why", PATIENCE, || async {
        process.log().contains("password authentication failed").then_some(())
    })
    .await;
    process.get("/api/v1/health").await.is(503);
    no_secret_in(&process.get("/api/v1/todos").await.is(503).text());
    no_secret_in(&process.log());
}

#[tokio::test]
async fn a_missing_password_file_is_named() {
    let Some(postgres) = OwnPostgres::started().await else { return };
    let flags = ["--database-password-file", "/nowhere/password"];
    let process = Process::at(&postgres.url(), &flags).await;
    eventually("the log to name the file", PATIENCE, || async {
        process.log().contains("/nowhere/password").then_some(())
    })
    .await;
    process.get("/api/v1/health").await.is(503);
    no_secret_in(&process.log());
}

#[tokio::test]
async fn no_secret_in_help_or_errors() {
    let url = "postgresql://me:first-secret@localhost:1/todo?sslmode=sideways";
    for (flag, code) in
        [("--help", 0), ("-h", 0), ("--no-such-flag", 2), ("--check-health", 1), ("--log=off", 1)]
    {
        let mut command = todo_api();
        command.env("DATABASE_URL", url).env("SQLALCHEMY_DATABASE_URI", url);
        command.args(["--listen", "127.0.0.1:0", flag]).stdout(std::process::Stdio::piped());
        let output = within("todo-api to end", PATIENCE, command.output()).await.unwrap();
        assert_eq!(output.status.code(), Some(code), "{flag}");
        no_secret_in(&String::from_utf8(output.stdout).unwrap());
        let errors = String::from_utf8(output.stderr).unwrap();
        no_secret_in(&errors);
        assert_eq!(errors.is_empty(), code == 0, "{flag}: {errors}");
    }
}
