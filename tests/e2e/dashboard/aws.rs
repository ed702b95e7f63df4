//! `status --web` of a deployment on AWS: the same page, fed by what AWS tells.

use std::path::Path;

use e2e::aws::{Deploy, Emulator, Web};
use e2e::chromium::Chromium;
use e2e::skipped;
use tokio::runtime::Builder;

use super::text;
use crate::aws::watching::scaled_out;

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
        let web = runtime.block_on(Web::of(&deploy, &emulator));
        let url = web.url.clone();
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
        assert_eq!(runtime.block_on(web.end()), Some(0));
    }
}
