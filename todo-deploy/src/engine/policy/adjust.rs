//! Adjustments: change by, set to, change by percent, with the provider's rounding.
//!
//! Models EC2 Auto Scaling's adjustment types (user guide, "Step and simple scaling"): a percent change above 1
//! rounds down, between 0 and 1 up to 1, between −1 and 0 down to −1, below −1 towards zero.

use crate::deployment::AdjustmentKind;

/// The capacity that the adjustment asks for, not yet clamped.
pub(super) fn adjusted(capacity: u32, kind: AdjustmentKind, amount: i32, min_magnitude: Option<u32>) -> i64 {
    let (capacity, amount) = (i64::from(capacity), i64::from(amount));
    match kind {
        AdjustmentKind::Exact => amount,
        AdjustmentKind::Change => capacity + amount,
        AdjustmentKind::Percent => {
            let hundredths = capacity * amount;
            let whole = match hundredths.abs() {
                0 => 0,
                1..100 => hundredths.signum(),
                _ => hundredths / 100,
            };
            let least = i64::from(min_magnitude.unwrap_or(0));
            capacity + if amount == 0 { 0 } else { amount.signum() * whole.abs().max(least) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b5_and_b6_percent_rounding() {
        for (capacity, percent, expected) in
            [(10, 10, 11), (11, 30, 14), (14, -10, 13), (13, -30, 10), (10, 5, 11), (10, -5, 9)]
        {
            let found = adjusted(capacity, AdjustmentKind::Percent, percent, None);
            assert_eq!(found, expected, "{capacity} {percent:+} %");
        }
        assert_eq!(adjusted(4, AdjustmentKind::Percent, 25, Some(2)), 6, "B6");
        assert_eq!(adjusted(4, AdjustmentKind::Percent, -25, Some(2)), 2);
        assert_eq!(adjusted(4, AdjustmentKind::Percent, 0, Some(2)), 4);
        assert_eq!(adjusted(4, AdjustmentKind::Exact, 7, None), 7);
    }
}
