//! From measured response times to a distribution of CPU times.
//!
//! One user who asks again as soon as it is answered never waits for another, so that its response times are
//! the request's own time and the way to the service and back. The way is what it takes to open a connection,
//! which the service's kernel answers alone; what is left is fitted by mean and spread.
//!
//! Left out: time that the service spends waiting for its database counts as CPU time.

use crate::sim::dist::Dist;

/// Fewer answers than this say nothing.
pub const ANSWERS_MIN: usize = 50;

/// Of the slowest answers this share is left out: pauses of the machine, not of the request.
const OUTLIERS: f64 = 0.01;

/// What was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    pub answers: usize,
    /// Mean CPU time, and its coefficient of variation.
    pub mean_ms: f64,
    pub cv: f64,
    pub service_time: Dist,
}

/// Fits response times, in milliseconds, after taking off `way_ms`; none when there are too few.
pub fn fit(mut response_ms: Vec<f64>, way_ms: f64) -> Option<Calibration> {
    if response_ms.len() < ANSWERS_MIN {
        return None;
    }
    response_ms.sort_by(f64::total_cmp);
    let kept = response_ms.len() - (response_ms.len() as f64 * OUTLIERS).ceil() as usize;
    let times: Vec<f64> = response_ms[..kept].iter().map(|ms| (ms - way_ms).max(0.001)).collect();
    let mean = times.iter().sum::<f64>() / kept as f64;
    let variance = times.iter().map(|ms| (ms - mean).powi(2)).sum::<f64>() / kept as f64;
    let cv = variance.sqrt() / mean;
    Some(Calibration {
        answers: response_ms.len(),
        mean_ms: mean,
        cv,
        service_time: Dist::log_normal(mean * 1e6, cv.max(0.01)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_mean_and_spread_without_the_way() {
        // 0.5 ms of way and a request that takes 2 or 4 ms, evenly: mean 3, standard deviation 1.
        let times = (0..1000).map(|i| if i % 2 == 0 { 2.5 } else { 4.5 }).collect();
        let found = fit(times, 0.5).expect("enough answers");
        assert!((found.mean_ms - 3.0).abs() < 0.02 && (found.cv - 1.0 / 3.0).abs() < 0.01, "{found:?}");
        assert!((found.service_time.mean() / 1e6 - 3.0).abs() < 0.02);
        assert_eq!(fit(vec![1.0; 10], 0.0), None);
    }
}
