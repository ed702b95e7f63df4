//! Samples for the controller and rows for the result.

use super::super::control::{Control, Reading, Readings};
use super::super::instance::Life;
use super::super::measure::InstanceRow;
use super::event::Kind;
use super::{World, time};

impl<C: Control> World<'_, C> {
    pub(super) fn sample_and_go_on(&mut self) {
        self.sample();
        self.schedule(self.scene.sample_every, Kind::Sample, 0);
    }

    /// Ends a sample period; where it is also the end of a row, the row.
    pub(super) fn sample(&mut self) {
        self.sampled_at = self.now;
        let ends_row = self.now.is_multiple_of(self.scene.row_every) || self.now == self.scene.end;
        let instances = self.sample_instances(ends_row);
        let (elapsed, users, in_flight) = self.measure.levels_since_sample(self.now);
        let readings = Readings {
            instances: &instances,
            requests: self.measure.sent_since_sample(),
            responses: self.measure.responses(),
            seconds: elapsed as f64 / 1e9,
            users,
            in_flight,
        };
        self.control.observe(time(self.now), &readings);
        self.measure.end_sample();
        if ends_row {
            self.measure.end_row(self.now);
        }
        self.obey();
    }

    fn sample_instances(&mut self, ends_row: bool) -> Vec<Reading> {
        let vcpus = self.scene.instance.vcpus;
        let mut readings = Vec::new();
        for (number, instance) in (0..).zip(&mut self.instances) {
            if instance.life != Life::Running {
                continue;
            }
            let usage = instance.sample(self.now);
            self.measure.cpu_used(usage.used);
            if let Some(cpu_percent) = usage.percent_of(vcpus) {
                let (requests, in_flight) = (usage.requests, usage.in_flight());
                readings.push(Reading { instance: number, cpu_percent, requests, in_flight });
            }
            if ends_row && self.scene.instance_rows {
                let usage = instance.row();
                self.measure.instance(InstanceRow {
                    instance: number,
                    cpu_percent: usage.percent_of(vcpus).unwrap_or(0.0) as f32,
                    requests: u32::try_from(usage.requests).unwrap_or(u32::MAX),
                    credits: instance.credits.as_ref().map(|credits| credits.balance() as f32),
                });
            }
        }
        readings
    }
}
