//! The numbers of `Math.random` after `randomSeed`: those of k6, which are Go's `math/rand`.
//!
//! That is a lagged Fibonacci generator: each number is the sum of those 607 and 273 places before it, modulo 2^64.
//! Its start is a seed's own sequence mixed with the state that the generator has after 7.8e12 steps from seed 1.
//! The way there is not walked: the recurrence is linear, so its power is computed by squaring.

use std::sync::OnceLock;

use rquickjs::{Ctx, Function, Object, Result};

const LENGTH: usize = 607;
const TAP: usize = 273;
/// Steps after which the state is mixed in.
const WARM_UP: u64 = 7_800_000_000_000;
/// The modulus of the generator that spreads a seed.
const PRIME: i64 = (1 << 31) - 1;

/// Makes `Math.random` repeatable.
pub(crate) fn seed<'js>(ctx: &Ctx<'js>, seed: i64) -> Result<()> {
    let state = std::cell::RefCell::new(Generator::new(seed));
    let random = move || state.borrow_mut().fraction();
    ctx.globals().get::<_, Object>("Math")?.set("random", Function::new(ctx.clone(), random)?)
}

struct Generator {
    state: Box<[u64]>,
    tap: usize,
    feed: usize,
}

impl Generator {
    fn new(seed: i64) -> Self {
        let state = spread(seed, [40, 20, 0]).zip(mixed_in()).map(|(own, common)| own ^ common).collect();
        Self { state, tap: 0, feed: LENGTH - TAP }
    }

    fn next(&mut self) -> u64 {
        self.tap = self.tap.checked_sub(1).unwrap_or(LENGTH - 1);
        self.feed = self.feed.checked_sub(1).unwrap_or(LENGTH - 1);
        let sum = self.state[self.feed].wrapping_add(self.state[self.tap]);
        self.state[self.feed] = sum;
        sum
    }

    /// The lower 63 bits as a fraction of 1.
    fn fraction(&mut self) -> f64 {
        const STEPS: u64 = 1 << 63;
        loop {
            #[expect(clippy::cast_precision_loss, reason = "k6 rounds as well")]
            let fraction = (self.next() % STEPS) as f64 / STEPS as f64;
            if fraction < 1.0 {
                return fraction;
            }
        }
    }
}

/// A seed's sequence of words, each of three numbers shifted to the left and laid over each other.
fn spread(seed: i64, shifts: [u32; 3]) -> impl Iterator<Item = u64> {
    let start = match seed.rem_euclid(PRIME) {
        0 => 89_482_311,
        other => other,
    };
    let mut x = start;
    let mut step = move || {
        x = x * 48_271 % PRIME;
        x.cast_unsigned()
    };
    for _ in 0..20 {
        step();
    }
    (0..LENGTH).map(move |_| shifts.iter().fold(0, |word, shift| word ^ (step() << shift)))
}

/// The state after the warm-up, by place.
fn mixed_in() -> impl Iterator<Item = u64> {
    static STATE: OnceLock<Box<[u64]>> = OnceLock::new();
    STATE.get_or_init(warmed_up).iter().copied()
}

/// The sequence from the seed 1, whose element `place_of(k)` is that of step k for k up to 0, jumps ahead by as many
/// steps as the warm-up has.
fn warmed_up() -> Box<[u64]> {
    let start: Vec<u64> = spread(1, [20, 10, 0]).collect();
    // Oldest first: step k is kept where the feed stands then.
    let place_of = |k: i128| usize::try_from((334 - k).rem_euclid(607)).unwrap_or_default();
    let sequence: Vec<u64> = (-606..=0).map(|k| start[place_of(k)]).collect();
    let mut power = power_of_t(WARM_UP);
    let mut state = vec![0u64; LENGTH].into_boxed_slice();
    for k in i128::from(WARM_UP) - 606..=i128::from(WARM_UP) {
        let value =
            power.iter().zip(&sequence).fold(0u64, |sum, (a, b)| sum.wrapping_add(a.wrapping_mul(*b)));
        state[place_of(k)] = value;
        times_t(&mut power);
    }
    state
}

/// t^n modulo t^607 = t^334 + 1, the recurrence as a polynomial.
fn power_of_t(n: u64) -> Vec<u64> {
    let mut power = vec![0u64; LENGTH];
    power[0] = 1;
    for bit in (0..u64::BITS - n.leading_zeros()).rev() {
        power = square(&power);
        if n >> bit & 1 == 1 {
            times_t(&mut power);
        }
    }
    power
}

fn times_t(power: &mut [u64]) {
    power.rotate_right(1);
    power[LENGTH - TAP] = power[LENGTH - TAP].wrapping_add(power[0]);
}

fn square(power: &[u64]) -> Vec<u64> {
    let mut product = vec![0u64; 2 * LENGTH - 1];
    for (i, a) in power.iter().enumerate().filter(|(_, a)| **a != 0) {
        for (sum, b) in product[i..].iter_mut().zip(power) {
            *sum = sum.wrapping_add(a.wrapping_mul(*b));
        }
    }
    for i in (LENGTH..product.len()).rev() {
        let high = product[i];
        product[i - LENGTH] = product[i - LENGTH].wrapping_add(high);
        product[i - TAP] = product[i - TAP].wrapping_add(high);
    }
    product.truncate(LENGTH);
    product
}

#[cfg(test)]
mod tests {
    use super::Generator;

    /// What k6 2.2.1 prints after `randomSeed`.
    #[test]
    fn numbers_are_those_of_k6() {
        for (seed, first, second) in [
            (0, 0.945_196_149_294_116_4, 0.244_965_085_293_779_75),
            (1, 0.604_660_287_979_619_6, 0.940_509_088_045_012_4),
            (42, 0.373_028_361_046_632_6, 0.066_000_496_793_517_91),
            (123_456_789, 0.764_978_064_279_259, 0.805_182_020_193_376_6),
            (1 << 40, 0.593_084_323_159_079_4, 0.685_489_550_248_101),
        ] {
            let mut generator = Generator::new(seed);
            assert_eq!((generator.fraction(), generator.fraction()), (first, second), "seed {seed}");
        }
        let mut generator = Generator::new(99);
        let sum: f64 = (0..2000).map(|_| generator.fraction()).sum();
        assert!((sum - 1_003.794_138_937_143).abs() < 1e-9, "{sum}");
    }
}
