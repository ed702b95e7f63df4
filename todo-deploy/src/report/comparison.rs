//! Variants side by side, and the cheapest that is good enough.

use super::table::{millis, table, thousands};
use crate::simulate::Run;
use crate::simulate::slo::Slo;
use crate::simulate::variants::cheapest;

pub fn comparison(runs: &[(String, Run)], slo: Option<&Slo>) -> String {
    let row = |(name, run): &(String, Run)| {
        let totals = &run.totals;
        let mut cells = vec![
            name.clone(),
            totals.first_scale_out.map_or("never".to_owned(), |at| at.to_string()),
            totals.in_service_max.to_string(),
            thousands(totals.requests),
            format!("{:.3} %", totals.error_percent),
            millis(totals.p50_ms),
            millis(totals.p95_ms),
            millis(totals.p99_ms),
            format!("{:.2}", totals.instance_hours),
            format!("${:.4}", totals.bill.total()),
        ];
        if let Some(slo) = slo {
            let missed = slo.missed(totals);
            cells.push(if missed.is_empty() {
                "met".to_owned()
            } else {
                format!("missed: {}", missed.join(", "))
            });
        }
        cells
    };
    let mut headings =
        vec!["variant", "first out", "most", "requests", "errors", "p50", "p95", "p99", "inst-h", "cost"];
    if slo.is_some() {
        headings.push("objective");
    }
    let rows: Vec<Vec<String>> = runs.iter().map(row).collect();
    let mut lines = table(&headings, &rows, true);
    if let Some(slo) = slo {
        lines.push(String::new());
        lines.push(match cheapest(runs, slo) {
            Some((name, run)) => format!("cheapest that meets it: {name} (${:.4})", run.totals.bill.total()),
            None => "none meets it".to_owned(),
        });
    }
    lines.join("\n")
}
