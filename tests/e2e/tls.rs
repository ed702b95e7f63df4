//! PostgreSQL that accepts TLS only, with a certificate of a private authority.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use e2e::{OwnPostgres, Process, eventually, skipped};
use serde_json::json;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(30);

/// Runs openssl in `directory`; `None` where there is no such program.
fn openssl(directory: &Path, args: &str) -> Option<()> {
    let mut command = Command::new("openssl");
    let output = command.args(args.split(' ')).current_dir(directory).output();
    let Ok(output) = output else { return skipped("TLS to PostgreSQL: no openssl in PATH") };
    assert!(output.status.success(), "openssl {args}: {}", String::from_utf8_lossy(&output.stderr));
    Some(())
}

/// An authority `{name}.crt`, and what it signs for `localhost`: `{name}-server.crt` and `.key`.
fn authority(directory: &Path, name: &str) -> Option<()> {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    let ca = format!("req -x509 {key} -keyout {name}.key -out {name}.crt -days 2 -subj /CN={name}");
    openssl(directory, &ca)?;
    let request = format!("req {key} -keyout {name}-server.key -out {name}.csr -subj /CN=localhost");
    openssl(directory, &request)?;
    fs::write(directory.join("names"), "subjectAltName=DNS:localhost\n").unwrap();
    let signed = format!("x509 -req -in {name}.csr -CA {name}.crt -CAkey {name}.key -CAcreateserial -days 2");
    openssl(directory, &format!("{signed} -extfile names -out {name}-server.crt"))
}

async fn healthy(process: &Process) {
    eventually("health", PATIENCE, || async {
        (process.get("/api/v1/health").await.status == 200).then_some(())
    })
    .await;
}

async fn unhealthy_because(process: &Process, reason: &str) {
    eventually(reason, PATIENCE, || async { process.log().contains(reason).then_some(()) }).await;
    process.get("/api/v1/health").await.is(503);
}

#[tokio::test]
async fn a_server_that_accepts_tls_only() {
    let directory = TempDir::new().unwrap();
    let file = |name: &str| fs::read_to_string(directory.path().join(name)).unwrap();
    if authority(directory.path(), "ours").is_none() || authority(directory.path(), "theirs").is_none() {
        return;
    }
    let Some(mut postgres) = OwnPostgres::new() else { return };
    postgres.write("server.crt", &file("ours-server.crt"));
    postgres.write("server.key", &file("ours-server.key"));
    postgres.write("postgresql.auto.conf", "ssl = on\n");
    postgres.write("pg_hba.conf", "hostssl all all all scram-sha-256\n");
    postgres.start().await;
    let root = |name: &str| directory.path().join(name).display().to_string();
    let with = |query: String| format!("{}?{query}", postgres.url());

    let process =
        Process::at(&with(format!("sslmode=verify-full&sslrootcert={}", root("ours.crt"))), &[]).await;
    healthy(&process).await;
    process.post("/api/v1/todos", &json!({"title": "in secret"})).await.is(201);
    let over_tls = "SELECT count(*) FROM pg_stat_activity JOIN pg_stat_ssl USING (pid)
                    WHERE application_name = 'todo-api' AND ssl";
    assert!(postgres.number(over_tls).await >= 2, "the pool and the health check are encrypted");

    let stranger = format!("sslmode=verify-full&sslrootcert={}", root("theirs.crt"));
    let process = Process::at(&with(stranger), &[]).await;
    unhealthy_because(&process, "invalid peer certificate").await;

    let process = Process::at(&with(String::from("sslmode=disable")), &[]).await;
    unhealthy_because(&process, "no encryption").await;

    let missing = format!("sslmode=verify-full&sslrootcert={}", root("missing.crt"));
    let process = Process::at(&with(missing), &[]).await;
    unhealthy_because(&process, "No such file").await;
}
