//! The words of a whole report, and that the page stands alone.

use crate::deployment::{Defaults, Deployment, Target};
use crate::report;
use crate::simulate::plan::Iteration;
use crate::simulate::{Options, Plan, Run, simulate};

fn run() -> (Deployment, Run) {
    let deployment = Deployment::default_for(Defaults::of(Target::Ec2));
    let stages = ["1m:100".to_owned(), "9m:400".to_owned()];
    let plan = Plan::from_stages(&stages, &Iteration::default()).expect("a plan");
    let service_time = Some("4ms".parse().expect("a time"));
    let options = Options { service_time, ..Options::default() };
    let run = simulate(&deployment, Target::Ec2, &plan, &options);
    (deployment, run)
}

#[test]
fn the_text_reads_well() {
    insta::assert_snapshot!(report::text(&run().1));
}

#[test]
fn the_page_is_whole_and_alone() {
    let (deployment, run) = run();
    let page = report::page(&deployment, &run);
    for title in ["Load", "Response time, ms", "Errors per minute", "CPU of the group, %", "Instances"] {
        assert!(page.contains(title), "{title}");
    }
    for outside in ["http://", "https://", "<script", "<link", "src="] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn variants_side_by_side_name_the_cheapest() {
    let (_, run) = run();
    let mut dear = run.clone();
    dear.totals.bill.instances += 1.0;
    let runs = [("dear".to_owned(), dear), ("cheap".to_owned(), run)];
    let slo = "p95<100s".parse().expect("conditions");
    let text = report::comparison(&runs, Some(&slo));
    assert!(text.contains("cheapest that meets it: cheap"), "{text}");
    let slo = "p50<1us".parse().expect("conditions");
    assert!(report::comparison(&runs, Some(&slo)).ends_with("none meets it"));
}
