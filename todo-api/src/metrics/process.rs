//! This process's CPU time and memory, as Linux counts them; elsewhere these metrics are absent.

use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

/// `/proc/self/stat` counts CPU time in these, whatever the kernel's own tick is (`man 5 proc`, `USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
    if let Some(cpu_s) = std::fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(cpu_seconds) {
        let value = ConstCounter::new(cpu_s);
        let help = "CPU time used, user and system";
        let kind = value.metric_type();
        value.encode(encoder.encode_descriptor("process_cpu", help, Some(&Unit::Seconds), kind)?)?;
    }
    if let Some(bytes) = std::fs::read_to_string("/proc/self/status").ok().as_deref().and_then(resident_bytes)
    {
        let value = ConstGauge::new(bytes);
        let help = "Resident memory";
        let kind = value.metric_type();
        value.encode(encoder.encode_descriptor(
            "process_resident_memory",
            help,
            Some(&Unit::Bytes),
            kind,
        )?)?;
    }
    Ok(())
}

/// Fields 14 and 15; the name in field 2 is in parentheses and may hold blanks.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) as f64 / TICKS_PER_SECOND)
}

fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_linux_writes() {
        let stat = "42 (todo (api) x) S 1 42 42 0 -1 4194560 900 0 0 0 123 27 0 0 20 0 5 0 99 1 2 3";
        assert_eq!(cpu_seconds(stat), Some(1.5));
        assert_eq!(resident_bytes("VmPeak:\t  99 kB\nVmRSS:\t   12 kB\n"), Some(12_288));
    }
}
