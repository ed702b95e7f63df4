//! Traps that the defaults have on purpose: the practical's figures, kept because its readers compare with them.

use super::Warning;

/// Says so at the warnings that the untouched defaults give as well.
pub(super) fn explain(warnings: &mut [Warning], of_defaults: &[Warning]) {
    for warning in warnings.iter_mut().filter(|warning| of_defaults.contains(warning)) {
        warning.by_default = reason(warning.id);
    }
}

/// Why the default is so, and when to change it; none where a default must not walk into the trap.
fn reason(id: &str) -> Option<&'static str> {
    Some(match id {
        "too-late" => {
            "the practical's load and periods; it lasts eleven minutes so that one sees the fleet grow, not so that the \
             fleet grows in time. Change it for a service that people wait for"
        }
        "deaf-alarm" | "baseline" => {
            "the practical's t2.micro and thresholds; a new instance has credits for half an hour at full load, longer \
             than the practical's. Change it for loads that last longer"
        }
        "cooldown-before-boot" => {
            "the practical's 120 s; a booting instance is left out of the average (scaling.warm_up), so that at worst \
             one comes too many, a minute early. Change it where instances are expensive"
        }
        "close-thresholds" => {
            "the practical's 20 % and 10 %; a load that grows never sits still at the edge. Change it for a steady load"
        }
        "alarm-at-idle" => {
            "the practical's thresholds, and what every scale-in alarm on CPU does. Nothing to change"
        }
        _ => return None,
    })
}
