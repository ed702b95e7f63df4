//! Distributions of durations: service demands, sleeps, boot times.
//!
//! All values are nanoseconds. Only `libm` and exact IEEE operations are used, never the platform's mathematics
//! library, whose last digits differ between systems and would end up in event times.

use super::rng::Rng;

mod parse;

pub use parse::ParseDistError;

/// How long something takes, in nanoseconds; its parameters are checked when it is made.
#[derive(Debug, Clone, PartialEq)]
pub enum Dist {
    /// Always the same.
    Constant(f64),
    /// Uniform between two values.
    Uniform { low: f64, high: f64 },
    /// Memoryless: coefficient of variation 1.
    Exponential { mean: f64 },
    /// The exponential of a normal variable: what measured service times usually look like.
    LogNormal { mu: f64, sigma: f64 },
    /// For a coefficient of variation below 1 the sum of exponential phases, generalised.
    Gamma { shape: f64, scale: f64 },
    /// With probability `p` exponential of the first mean, else of the second: coefficient of variation above 1.
    HyperExponential { p: f64, means: [f64; 2] },
    /// Measured values, ascending; drawn from the line through their quantiles.
    Empirical(Vec<f64>),
}

impl Dist {
    /// Nothing at all.
    pub const ZERO: Self = Self::Constant(0.0);

    /// A log-normal distribution of this mean (ns) and coefficient of variation.
    #[must_use]
    pub fn log_normal(mean: f64, cv: f64) -> Self {
        let variance = libm::log1p(cv * cv);
        Self::LogNormal { mu: libm::log(mean) - variance / 2.0, sigma: variance.sqrt() }
    }

    /// A gamma distribution of this mean (ns) and coefficient of variation (above 0).
    #[must_use]
    pub fn gamma(mean: f64, cv: f64) -> Self {
        let shape = 1.0 / (cv * cv);
        Self::Gamma { shape, scale: mean / shape }
    }

    /// A hyperexponential distribution of this mean (ns) and coefficient of variation (at least 1) with
    /// balanced means, that is, either branch brings half of the work (Allen 1990).
    #[must_use]
    pub fn hyper_exponential(mean: f64, cv: f64) -> Self {
        let squared = (cv * cv).max(1.0);
        let p = (1.0 + ((squared - 1.0) / (squared + 1.0)).sqrt()) / 2.0;
        Self::HyperExponential { p, means: [mean / (2.0 * p), mean / (2.0 * (1.0 - p))] }
    }

    /// The distribution of these measured values (ns); none at all is [`Dist::ZERO`].
    #[must_use]
    pub fn empirical(mut values: Vec<f64>) -> Self {
        values.retain(|v| v.is_finite() && *v >= 0.0);
        values.sort_by(f64::total_cmp);
        match values.as_slice() {
            [] => Self::ZERO,
            [only] => Self::Constant(*only),
            _ => Self::Empirical(values),
        }
    }

    /// The mean, in nanoseconds.
    #[must_use]
    pub fn mean(&self) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Uniform { low, high } => f64::midpoint(*low, *high),
            Self::Exponential { mean } => *mean,
            Self::LogNormal { mu, sigma } => libm::exp(mu + sigma * sigma / 2.0),
            Self::Gamma { shape, scale } => shape * scale,
            Self::HyperExponential { p, means } => p * means[0] + (1.0 - p) * means[1],
            // Of the line through the quantiles: the trapezoidal rule.
            Self::Empirical(values) => {
                let ends = f64::midpoint(values[0], values[values.len() - 1]);
                (values.iter().sum::<f64>() - ends) / (values.len() - 1) as f64
            }
        }
    }

    /// One value, in nanoseconds, never negative.
    pub fn sample(&self, rng: &mut Rng) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Uniform { low, high } => low + (high - low) * rng.unit(),
            Self::Exponential { mean } => exponential(*mean, rng),
            Self::LogNormal { mu, sigma } => libm::exp(mu + sigma * normal(rng)),
            Self::Gamma { shape, scale } => gamma(*shape, rng) * scale,
            Self::HyperExponential { p, means } => {
                let branch = usize::from(rng.unit() > *p);
                exponential(means[branch], rng)
            }
            Self::Empirical(values) => {
                let at = rng.unit() * (values.len() - 1) as f64;
                let below = (at as usize).min(values.len() - 2);
                let (low, high) = (values[below], values[below + 1]);
                low + (high - low) * (at - below as f64)
            }
        }
    }

    /// One value in whole nanoseconds.
    pub fn sample_nanos(&self, rng: &mut Rng) -> u64 {
        self.sample(rng) as u64
    }

    /// Whether every value is zero, so that nothing needs to be drawn.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        matches!(self, Self::Constant(value) if *value == 0.0)
    }
}

/// An exponential variable: `-mean · ln(u)`.
pub(super) fn exponential(mean: f64, rng: &mut Rng) -> f64 {
    -mean * libm::log(rng.unit())
}

/// A standard normal variable, by the polar method (Marsaglia and Bray 1964). The second of the pair is thrown
/// away: keeping it would make a draw depend on what was drawn before.
fn normal(rng: &mut Rng) -> f64 {
    loop {
        let (u, v) = (2.0 * rng.unit() - 1.0, 2.0 * rng.unit() - 1.0);
        let s = u * u + v * v;
        if s < 1.0 && s > 0.0 {
            return u * (-2.0 * libm::log(s) / s).sqrt();
        }
    }
}

/// A gamma variable of scale 1 (Marsaglia and Tsang 2000; below shape 1 by their boost).
fn gamma(shape: f64, rng: &mut Rng) -> f64 {
    if shape < 1.0 {
        let boost = libm::pow(rng.unit(), 1.0 / shape);
        return gamma(shape + 1.0, rng) * boost;
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = normal(rng);
        let t = 1.0 + c * x;
        if t <= 0.0 {
            continue;
        }
        let v = t * t * t;
        if libm::log(rng.unit()) < 0.5 * x * x + d - d * v + d * libm::log(v) {
            return d * v;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean and coefficient of variation of many draws.
    fn moments(dist: &Dist) -> (f64, f64) {
        let mut rng = Rng::new(42);
        let values: Vec<f64> = (0..400_000).map(|_| dist.sample(&mut rng)).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / values.len() as f64;
        assert!(values.iter().all(|v| *v >= 0.0));
        (mean, variance.sqrt() / mean)
    }

    #[test]
    fn draws_have_the_stated_mean_and_variation() {
        let cases = [
            (Dist::Constant(4e6), 4e6, 0.0),
            (Dist::Uniform { low: 0.0, high: 2e6 }, 1e6, 1.0 / 3f64.sqrt()),
            (Dist::Exponential { mean: 4e6 }, 4e6, 1.0),
            (Dist::log_normal(4e6, 1.0), 4e6, 1.0),
            (Dist::log_normal(4e6, 0.3), 4e6, 0.3),
            (Dist::gamma(4e6, 0.5), 4e6, 0.5),
            (Dist::gamma(4e6, 1.5), 4e6, 1.5),
            (Dist::hyper_exponential(4e6, 2.0), 4e6, 2.0),
            (Dist::empirical(vec![2e6, 0.0]), 1e6, 1.0 / 3f64.sqrt()),
        ];
        for (dist, mean, cv) in cases {
            let (drawn, variation) = moments(&dist);
            assert!((dist.mean() - mean).abs() < 1e-6 * mean, "{dist:?} says {}", dist.mean());
            assert!((drawn - mean).abs() < 0.02 * mean, "{dist:?} drew a mean of {drawn}");
            assert!((variation - cv).abs() < 0.03 * cv + 1e-9, "{dist:?} drew a variation of {variation}");
        }
    }
}
