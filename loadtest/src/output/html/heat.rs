//! The latency heat map: how many requests took how long, over time. Darker means more.

use std::fmt::Write;

use super::chart::{BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, short, time_axis};
use crate::metrics::series::{BUCKETS, Series, bucket_ms};

/// Columns and rows of the map; finer data is added up.
const COLUMNS_MAX: usize = 160;
const BUCKETS_A_ROW: usize = 4;

pub(super) fn render(series: &Series) -> String {
    let used = |bucket: &usize| series.slices.iter().any(|slice| slice.latency[*bucket] > 0);
    let (Some(low), Some(high)) = ((0..BUCKETS).find(used), (0..BUCKETS).rev().find(used)) else {
        return String::new();
    };
    let (low, high) = (low / BUCKETS_A_ROW, high / BUCKETS_A_ROW);
    let rows = high - low + 1;
    let step = series.slices.len().div_ceil(COLUMNS_MAX).max(1);
    let columns: Vec<Vec<u64>> = series
        .slices
        .chunks(step)
        .map(|chunk| {
            let row = |row: usize| {
                let buckets = (low + row) * BUCKETS_A_ROW..((low + row + 1) * BUCKETS_A_ROW).min(BUCKETS);
                chunk
                    .iter()
                    .flat_map(|slice| &slice.latency[buckets.clone()])
                    .map(|count| u64::from(*count))
                    .sum()
            };
            (0..rows).map(row).collect()
        })
        .collect();
    let most = columns.iter().flatten().copied().max().unwrap_or(1).max(1) as f64;
    let cell_width = (WIDTH - LEFT - RIGHT) / columns.len() as f64;
    let cell_height = (HEIGHT - TOP - BOTTOM) / rows as f64;
    let mut svg = format!(
        "<svg class=\"heat\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"Latency heat map\">"
    );
    for (column, counts) in columns.iter().enumerate() {
        for (row, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            // A logarithmic scale, so that a few slow requests among thousands can be seen.
            let shade = 0.12 + 0.88 * (*count as f64 + 1.0).ln() / (most + 1.0).ln();
            let (x, y) =
                (LEFT + column as f64 * cell_width, HEIGHT - BOTTOM - (row + 1) as f64 * cell_height);
            // Writing to a text cannot fail.
            let _ = write!(
                svg,
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill-opacity=\"{shade:.2}\"/>",
                cell_width + 0.3,
                cell_height + 0.3
            );
        }
    }
    let every = rows.div_ceil(8).max(1);
    for row in (0..rows).step_by(every) {
        let y = HEIGHT - BOTTOM - (row as f64 + 0.5) * cell_height + 4.0;
        let label = short(bucket_ms((low + row) * BUCKETS_A_ROW + BUCKETS_A_ROW / 2));
        let _ = write!(svg, "<text x=\"{}\" y=\"{y:.1}\" text-anchor=\"end\">{label} ms</text>", LEFT - 6.0);
    }
    svg.push_str(&time_axis(series.slices.len(), series.slice_s));
    format!(
        "<section><h2>Latency heat map</h2>{svg}</svg><p class=\"key\">Requests by latency over time; the darker, the \
         more (logarithmic).</p></section>"
    )
}
