//! `status --web` of a deployment on AWS: the same page, fed by what AWS tells.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use e2e::aws::{Deploy, Emulator};
use e2e::chromium::Chromium;
use e2e::{skipped, within};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::runtime::Builder;

use super::text;
use crate::aws::watching::scaled_out;

/// From the start of the command to its address.
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn a_deployment_on_aws_is_seen_on_the_same_page() {
    let Some(program) = Chromium::program() else {
        return skipped("the dashboard of a deployment on AWS: no chromium in PATH").unwrap_or_default();
    };
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for target in ["ec2", "ecs"] {
        let Some(emulator) = runtime.block_on(Emulator::started()) else { return };
        let deploy = runtime.block_on(Deploy::to(target));
        runtime.block_on(scaled_out(&emulator, &deploy, target));
        let mut command =
            deploy.command(&emulator, &["status", "--web", "--listen", "127.0.0.1:0", "--poll", "200ms"]);
        command.stderr(Stdio::piped()).kill_on_drop(true);
        let (mut running, url) = runtime.block_on(async {
            let mut running = command.spawn().expect("todo-deploy was built with this test");
            let said = running.stderr.take().expect("standard error is piped");
            let mut lines = BufReader::new(said).lines();
            let first = within("the page's address", PATIENCE, lines.next_line()).await;
            let first = first.expect("readable").expect("a line");
            // What it says later must find a reader.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            (running, first.split_whitespace().next().expect("an address").to_owned())
        });
        let mut page = Chromium::open(program, &url);
        page.see(&text("link", "Live"));
        let (name, alarm) = match target {
            "ec2" => ("on EC2 · running", "todo_scale_up"),
            _ => ("on ECS · running", "todo-cpu-AlarmHigh"),
        };
        page.see(&text("where", name));
        page.see(&text("of", "of 2 wanted"));
        page.see(&super::instances(2));
        let alarm = format!("alarm-{alarm}");
        page.see(&text(&alarm, "In alarm"));
        page.see(&text(&alarm, "Threshold Crossed: 2 out of the last 2 datapoints"));
        page.see(&text("activity", "triggered policy"));
        page.see(&text("facts", "elb.amazonaws.com"));
        let drawn = |element: &str| {
            format!(
                "document.querySelector('[data-testid=\"{element}\"] path.line').getAttribute('d').length > 50"
            )
        };
        page.see(&drawn(&alarm));
        page.see(&drawn("plot-requests"));
        page.see(&drawn("plot-latency"));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots").join("dashboard");
        for scheme in ["light", "dark"] {
            page.prefer(scheme);
            for width in [1280, 390] {
                page.resize(width, 800);
                page.see(&format!("document.documentElement.scrollWidth <= {width}"));
                page.screenshot(&folder.join(format!("{target}-{scheme}-{width}.png")));
                assert_eq!(
                    page.eval(super::looks::FAINT),
                    serde_json::json!([]),
                    "{target}, {scheme}, {width}"
                );
            }
        }
        // What happens meanwhile arrives by itself.
        page.resize(1280, 800);
        runtime.block_on(deploy.run(&emulator, &["scale", "3"])).is(0);
        page.see(&text("of", "of 3 wanted"));
        assert_eq!(page.complaints(), [""; 0], "the console stays empty");
        let strange: Vec<_> = page.requests().into_iter().filter(|asked| !asked.starts_with(&url)).collect();
        assert_eq!(strange, [""; 0], "nothing is asked of any other host");
        let id =
            running.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed())).expect("it runs");
        rustix::process::kill_process(id, rustix::process::Signal::INT).expect("our own child");
        let ended = runtime.block_on(within("the page to end", PATIENCE, running.wait())).expect("a child");
        assert_eq!(ended.code(), Some(0));
    }
}
