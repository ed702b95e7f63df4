//! Closed forms.

/// Exact mean value analysis (Reiser and Lavenberg 1980) of `n` users who think for `z` and visit one of
/// `stations` equal processor-sharing or exponential first-come-first-served stations at random, with mean
/// demand `s`: throughput and response time.
pub(super) fn mva(n: u32, z: f64, s: f64, stations: u32) -> (f64, f64) {
    let (mut queue, mut x, mut r) = (0.0, 0.0, 0.0);
    for users in 1..=n {
        // Each station has the same mean queue, and one in `stations` visits goes there.
        r = s * (1.0 + queue);
        x = f64::from(users) / (z + r);
        queue = x * r / f64::from(stations);
    }
    (x, r)
}

/// The probability that an arrival at M/M/c has to wait, for `a` Erlangs of load (Erlang 1917).
pub(super) fn erlang_c(c: u32, a: f64) -> f64 {
    // Erlang B by its recursion, then C from B.
    let b = (1..=c).fold(1.0, |b, k| a * b / (f64::from(k) + a * b));
    let rho = a / f64::from(c);
    b / (1.0 - rho * (1.0 - b))
}

#[test]
fn the_closed_forms_give_the_published_values() {
    let near = |(x, r): (f64, f64), (ex, er): (f64, f64)| {
        assert!((x - ex).abs() < 0.005 && (r - er).abs() < 0.0001, "{x} {r} for {ex} {er}");
    };
    near(mva(10, 1.0, 0.05, 1), (9.241, 0.0822));
    near(mva(20, 1.0, 0.05, 1), (16.822, 0.1889));
    near(mva(40, 1.0, 0.05, 1), (19.999, 1.0001));
    near(mva(60, 1.0, 0.05, 4), (52.77, 0.1370));
    assert!((erlang_c(1, 0.5) - 0.5).abs() < 1e-12);
    assert!((erlang_c(2, 1.0) - 1.0 / 3.0).abs() < 1e-12);
}
