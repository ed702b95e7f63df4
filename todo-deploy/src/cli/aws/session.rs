//! What every command begins with: the deployment, the clients, what there is and what there should be.

use std::time::Duration;

use anyhow::{Result, bail};

use super::Common;
use crate::aws::observe::{Observed, observe};
use crate::aws::plan::{Plan, plan};
use crate::aws::preflight::{Registry, of_plan, preflight};
use crate::aws::render::{State, desired};
use crate::aws::site::Site;
use crate::aws::{Cloud, Names};
use crate::deployment::{Deployment, Target};

/// A deployment and the account it goes to.
pub(super) struct Session {
    pub(super) deployment: Deployment,
    pub(super) target: Target,
    pub(super) names: Names,
    pub(super) cloud: Cloud,
    registry: Registry,
}

/// What there is, what there should be, and the difference.
pub(super) struct Comparison {
    pub(super) observed: Observed,
    pub(super) desired: State,
    pub(super) plan: Plan,
    /// What could not be checked beforehand, or will be in the way later.
    pub(super) notes: Vec<String>,
}

impl Session {
    pub(super) async fn open(common: &Common, target: Target) -> Result<Self> {
        let deployment = common.deployment(target)?;
        let names = Names::of(&deployment, target);
        let access = common.access(&deployment);
        access.profile_is_there()?;
        let cloud = Cloud::connect(&access, common.pace()).await;
        Ok(Self { deployment, target, names, cloud, registry: common.registry_mirror.clone() })
    }

    pub(super) async fn observe(&self) -> Result<Observed> {
        Ok(observe(&self.cloud, &self.names, &self.deployment, self.target).await?)
    }

    /// Waits until what an earlier `down` began to remove is gone, so that its names are free.
    pub(super) async fn wait_for_leaving(&self, tell: &dyn Fn(&str, Duration)) -> Result<()> {
        let mut clock = None;
        loop {
            let leaving = self.observe().await?.leaving;
            let Some(what) = leaving.first() else { return Ok(()) };
            let clock = clock.get_or_insert_with(|| self.cloud.patience());
            tell(&format!("{what} of an earlier run is still being removed"), clock.elapsed());
            if !clock.again().await {
                bail!("{what} of an earlier run is still being removed when the time was over (--timeout)");
            }
        }
    }

    /// Looks at everything and checks what can be checked before the first change.
    pub(super) async fn compare(&self) -> Result<Comparison> {
        let observed = self.observe().await?;
        let image = observed.image();
        let (site, problems) = tokio::join!(
            Site::look(&self.cloud, &self.deployment, self.target, image),
            preflight(&self.cloud, &self.deployment, self.target),
        );
        let site = site?;
        let desired = desired(&self.deployment, self.target, &site, &self.names)?;
        let problems = problems?;
        if !problems.is_empty() {
            bail!("{}", problems.join("\n"));
        }
        let plan = plan(&desired, &observed, &self.names.deployment)?;
        let asked = of_plan(&self.cloud, &self.deployment, self.target, &site, &plan, &self.registry);
        let found = asked.await?;
        if !found.problems.is_empty() {
            bail!("{}", found.problems.join("\n"));
        }
        Ok(Comparison { observed, desired, plan, notes: found.notes })
    }
}
