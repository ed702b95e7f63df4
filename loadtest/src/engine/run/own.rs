//! What the coordinator itself measures: how many VUs there are, and iterations that nobody came to run.

use std::sync::atomic::Ordering;

use super::Coordinator;
use crate::metrics::registry;
use crate::metrics::tags::PlainTags;
use crate::profile::Executor;

impl Coordinator<'_> {
    /// Iterations that VUs shared and that the time did not suffice for; what VUs have of their own they tell themselves.
    pub(super) fn count_dropped(&self) {
        let at_ns = self.shared.clock.now_ns();
        for (scenario, live) in self.plans.profile.scenarios.iter().zip(&self.plans.live.scenarios) {
            let Executor::SharedIterations { iterations: wanted, .. } = scenario.executor else { continue };
            let missing = wanted.saturating_sub(live.begun.load(Ordering::Relaxed));
            if missing > 0 {
                let context = loadtest_js::TagContext {
                    scenario: scenario.name.as_str().into(),
                    tags: self.plans.options.tags.clone(),
                    ..Default::default()
                };
                self.shared.recorder.borrow_mut().dropped(missing, &context, at_ns);
            }
        }
    }

    pub(super) fn sample_vus(&self) {
        let live = &self.plans.live;
        let at_ns = self.shared.clock.now_ns();
        let context = loadtest_js::TagContext { tags: self.plans.options.tags.clone(), ..Default::default() };
        let mut recorder = self.shared.recorder.borrow_mut();
        let system = recorder.system.without("group");
        let tags = PlainTags { context: &context, extra: &[], system, own: &[] };
        let active = live.active.load(Ordering::Relaxed);
        recorder.add(registry::VUS, active as f64, &tags, &context, at_ns);
        let initialized = live.initialized.load(Ordering::Relaxed);
        recorder.add(registry::VUS_MAX, initialized as f64, &tags, &context, at_ns);
        recorder.totals.series.at(at_ns).vus = active;
    }
}
