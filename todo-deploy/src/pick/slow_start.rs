//! Slow start: a target that has just become healthy gets a share that grows linearly to its own.
//!
//! As the Application Load Balancer documents it: 30–900 s, round robin only (least outstanding requests does
//! not use it), and skipped when no other target is healthy. The caller sets the weight again as time passes.

use std::time::Duration;

/// Full weight of a target of weight 1 while slow start is in use: fine enough for one-percent steps.
pub const SCALE: u32 = 128;

/// The weight of a target of weight `base`, `since` after it became healthy; at least one step of the ramp.
#[must_use]
pub fn weight(base: u32, since: Duration, ramp: Duration) -> u32 {
    let full = u128::from(base) * u128::from(SCALE);
    if since >= ramp {
        return u32::try_from(full).unwrap_or(u32::MAX);
    }
    let share = full * since.as_nanos() / ramp.as_nanos();
    u32::try_from(share).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_linearly_to_the_full_weight() {
        let ramp = Duration::from_secs(30);
        let at = |s| weight(2, Duration::from_secs(s), ramp);
        assert_eq!([at(0), at(15), at(30), at(99)], [1, 128, 256, 256]);
    }
}
