//! What a status says about the run as a whole: what it is to do, with what, and where.

use std::net::SocketAddr;
use std::time::{Duration, UNIX_EPOCH};

use super::Hub;
use crate::deployment::Deployment;
use crate::local::driver::Driver;
use crate::local::journal::config;
use crate::local::limit::Limiter;
use crate::local::service::{Runs, Service};
use crate::local::wanted::{Shape, Wanted};
use crate::status::About;

/// What it is made of, now.
pub(super) struct Parts<'a> {
    pub(super) wanted: &'a Wanted,
    pub(super) deployment: &'a Deployment,
    /// What instances launched from now on run.
    pub(super) service: &'a Service,
    pub(super) driver: &'a Driver,
    pub(super) limiter: &'a Limiter,
    pub(super) listening: Option<SocketAddr>,
    pub(super) dashboard: Option<SocketAddr>,
    /// Distance of the measurements.
    pub(super) sample_every: Duration,
}

impl Parts<'_> {
    pub(super) fn about(&self) -> About {
        let Wanted { like, speed, .. } = *self.wanted;
        let config = config(self.deployment, like, speed);
        let unix = self.driver.began_unix().duration_since(UNIX_EPOCH).unwrap_or_default();
        let shape = Shape::of(self.deployment, like, speed);
        let is_image = matches!(self.service.runs, Runs::Image { .. });
        let mechanism = if is_image {
            "the container engine (--cpus)".to_owned()
        } else {
            self.limiter.mechanism().to_string()
        };
        let cpu = format!("{} vCPU each, held by {mechanism}", shape.vcpus);
        let mut about = About::new(self.deployment, like, &config)
            .started(unix)
            .at_speed(speed)
            .sampled_every(self.sample_every)
            .fact("CPU", &cpu)
            .fact("Service", &self.service.to_string());
        if let Some(burst) = shape.burst {
            let credits = format!(
                "{} vCPU-minutes at launch, then {} %; spent {speed} × as fast",
                burst.credits_at_launch,
                burst.baseline * 100.0,
            );
            about = about.fact("CPU credits", &credits);
        }
        for (name, address) in [("Load balancer", self.listening), ("Dashboard", self.dashboard)] {
            if let Some(address) = address {
                about = about.link(name, &url(address));
            }
        }
        about
    }
}

impl Hub {
    /// Something of it has changed: readers see how it is now.
    pub(super) fn renew_about(&mut self) {
        let parts = Parts {
            wanted: &self.wanted,
            deployment: &self.deployment,
            service: &self.service,
            driver: &self.driver,
            limiter: &self.limiter,
            listening: self.handle.addresses().first().copied(),
            dashboard: self.dashboard,
            sample_every: self.sample_every,
        };
        self.board.about(parts.about());
        self.publish();
    }
}

/// What to type into a browser.
pub fn url(address: SocketAddr) -> String {
    match address.ip().is_unspecified() {
        true => format!("http://localhost:{}", address.port()),
        false => format!("http://{address}"),
    }
}

/// Six samples in each period of the metrics, a second apart at most and a tenth at least.
pub(super) fn sample_every(deployment: &Deployment, speed: f64) -> Duration {
    let sixth = deployment.scaling.metric_period.div_f64(speed * 6.0);
    sixth.clamp(Duration::from_millis(100), Duration::from_secs(1))
}
