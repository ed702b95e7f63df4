//! The script that an instance runs when it boots: pure text from a deployment, with no secret in it.
//!
//! Anyone who may describe the template, and every process on the instance, can read user data. So it holds the
//! names of secrets only; the service's unit fetches them each time it starts, so that a rotated one arrives with a
//! restart. Nothing is updated at boot unless asked: that adds minutes to every scale-out.

use super::names::Names;
use super::render::service_secrets;
use crate::deployment::{Deployment, SecretRef};

/// EC2's limit, before base64.
pub(super) const BYTES_MAX: usize = 16 * 1024;

pub(super) fn script(deployment: &Deployment, names: &Names, image: &str) -> String {
    let update = match deployment.aws.update_at_boot {
        true => "retry dnf -y upgrade\n",
        false => "",
    };
    let start = start(deployment, names, image);
    let container = names.container();
    let delay = deployment.load_balancer.deregistration_delay.as_secs().clamp(1, 300);
    format!(
        r#"#!/bin/bash
# Made by todo-deploy. Installs Docker and a unit that keeps the service running.
set -euo pipefail
retry() {{ for pause in 1 2 4 8 16 32; do "$@" && return; sleep "$pause"; done; "$@"; }}
{update}command -v docker >/dev/null || retry dnf install -y docker
systemctl enable --now docker

cat > /usr/local/bin/service-start <<'START'
{start}START
chmod 755 /usr/local/bin/service-start

cat > /etc/systemd/system/service.service <<'UNIT'
[Unit]
Description={container}
After=docker.service network-online.target
Wants=network-online.target
Requires=docker.service
StartLimitIntervalSec=0

[Service]
ExecStart=/usr/local/bin/service-start
ExecStop=/usr/bin/docker stop --time {delay} {container}
Restart=always
RestartSec=5

[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
systemctl enable --now service
"#
    )
}

/// The program of the unit: everything that is fetched, then the container in the foreground.
fn start(deployment: &Deployment, names: &Names, image: &str) -> String {
    let region = &deployment.aws.region;
    let mut text = format!("#!/bin/bash\nset -euo pipefail\nexport AWS_DEFAULT_REGION={}\n", quoted(region));
    let mut arguments = Vec::new();
    for (variable, secret) in service_secrets(deployment, names) {
        if let Some(fetch) = fetch(&secret) {
            text.push_str(&format!("{variable}=\"$({fetch})\"\nexport {variable}\n"));
            arguments.push(format!("--env {variable}"));
        }
    }
    for (variable, value) in super::render::plain_environment(deployment) {
        arguments.push(format!("--env {}", quoted(&format!("{variable}={value}"))));
    }
    if let Some(registry) = registry(image) {
        text.push_str(&format!(
            "aws ecr get-login-password | docker login --username AWS --password-stdin {}\n",
            quoted(registry)
        ));
    }
    let (port, container, image) = (deployment.service.port, names.container(), quoted(image));
    let logs = format!(
        "--log-driver awslogs --log-opt awslogs-region={region} --log-opt awslogs-group={} --log-opt mode=non-blocking",
        names.log_group()
    );
    text.push_str(&format!(
        "docker pull --quiet {image} || docker image inspect {image} >/dev/null\n\
         docker rm --force {container} >/dev/null 2>&1 || true\n\
         exec docker run --rm --name {container} --publish {port}:{port} \\\n  {logs} \\\n"
    ));
    for argument in arguments {
        text.push_str(&format!("  {argument} \\\n"));
    }
    text + &format!("  {image}\n")
}

/// The image that a script of ours (in base64) runs; for people, who compare versions.
pub(super) fn image_of(script: &str) -> String {
    use base64::Engine as _;
    let script = base64::engine::general_purpose::STANDARD.decode(script).unwrap_or_default();
    let script = String::from_utf8_lossy(&script);
    let image = script.lines().find_map(|line| line.strip_prefix("docker pull --quiet '"));
    image.and_then(|rest| rest.split('\'').next()).unwrap_or_default().to_owned()
}

fn fetch(secret: &SecretRef) -> Option<String> {
    match secret {
        SecretRef::Parameter(name) => Some(format!(
            "aws ssm get-parameter --with-decryption --name {} --query Parameter.Value --output text",
            quoted(name)
        )),
        SecretRef::Secret(name) => Some(format!(
            "aws secretsmanager get-secret-value --secret-id {} --query SecretString --output text",
            quoted(name)
        )),
        SecretRef::Environment(_) | SecretRef::File(_) => None,
    }
}

/// The host of an image kept in ECR, which wants a login.
fn registry(image: &str) -> Option<&str> {
    let host = image.split('/').next()?;
    (host.contains(".dkr.ecr.") && host.contains(".amazonaws.com")).then_some(host)
}

/// One word to a shell, whatever is in it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;
    use crate::deployment::{Defaults, Target};

    fn names() -> Names {
        Names { deployment: "todo".to_owned(), target: Target::Ec2 }
    }

    #[test]
    fn the_default_script() {
        let deployment = Deployment::default_for(Defaults::of(Target::Ec2));
        insta::assert_snapshot!(script(
            &deployment,
            &names(),
            "1.dkr.ecr.us-east-1.amazonaws.com/todo@sha256:00"
        ));
    }

    #[test]
    fn values_cannot_leave_their_quotes() {
        let file = "[service.environment]\nGREETING = \"it's $HOME `date`\"\n";
        let deployment = Deployment::parse(file, "f", Defaults::of(Target::Ec2)).expect("valid");
        let script = script(&deployment, &names(), "todo:1");
        assert!(script.contains(r"--env 'GREETING=it'\''s $HOME `date`'"), "{script}");
        assert!(is_shell(&script) && is_shell(&start(&deployment, &names(), "todo:1")));
    }

    /// The unit's program, run twice with programs in the place of `aws` and `docker`, the secret rotated in between.
    #[test]
    fn a_rotated_secret_arrives_with_the_next_start() {
        let file = "[service.secrets]\nTOKEN = \"secretsmanager:shop/token\"\n";
        let deployment = Deployment::parse(file, "f", Defaults::of(Target::Ec2)).expect("valid");
        let directory = tempfile::TempDir::new().expect("a directory");
        let at = |name: &str| directory.path().join(name);
        let write = |name: &str, text: &str| std::fs::write(at(name), text).expect("a file");
        write("start", &start(&deployment, &names(), "todo:1"));
        // `docker run` notes its arguments, and what the container would see.
        let docker = "#!/bin/bash\n[ \"$1\" = run ] || exit 0\necho \"$*\" >> arguments\necho \"$SQLALCHEMY_DATABASE_URI $TOKEN\" \
                      >> seen\n";
        let aws = "#!/bin/bash\ncase \"$*\" in *get-parameter*database-url*) cat url;; *get-secret-value*shop/token*) cat token;; \
                   esac\n";
        for (name, text) in [("docker", docker), ("aws", aws)] {
            write(name, text);
            let made = Command::new("chmod").arg("755").arg(at(name)).status();
            assert!(made.is_ok_and(|made| made.success()));
        }
        let path = format!("{}:{}", directory.path().display(), std::env::var("PATH").unwrap_or_default());
        for (url, token) in [("postgres://a:1@db", "t1"), ("postgres://a:2@db", "t2")] {
            write("url", url);
            write("token", token);
            let mut run = Command::new("bash");
            let run = run.arg("start").current_dir(directory.path()).env("PATH", &path).status();
            assert!(run.is_ok_and(|run| run.success()));
        }
        let read = |name: &str| std::fs::read_to_string(at(name)).expect("written");
        assert_eq!(read("seen"), "postgres://a:1@db t1\npostgres://a:2@db t2\n");
        assert!(!read("arguments").contains("postgres"), "no secret where `ps` shows it");
    }

    fn is_shell(script: &str) -> bool {
        let mut bash = Command::new("bash").arg("-n").stdin(Stdio::piped()).spawn().expect("bash is there");
        bash.stdin.take().expect("piped").write_all(script.as_bytes()).expect("bash reads");
        bash.wait().expect("bash ends").success()
    }
}
