//! Why no instance and no task comes: what the group and the service say of their last attempts. Waiting goes on, because
//! AWS tries again, but nobody should have to look it up in the console.

use aws_sdk_autoscaling::types::ScalingActivityStatusCode;

use super::Ready;
use crate::aws::resources::service;
use crate::deployment::Target;

/// How a service says that a task did not come.
const TROUBLES: [&str; 2] = ["unable to", "failed"];

impl Ready<'_> {
    /// The last attempt, if it failed; nothing where that cannot be seen.
    pub(super) async fn why_none_comes(&self) -> Option<String> {
        match self.names.target {
            Target::Ec2 => {
                let request = self.cloud.autoscaling.describe_scaling_activities();
                let request = request.auto_scaling_group_name(self.names.service()).max_records(1);
                let found = request.send().await.ok()?;
                let last = found.activities().first()?;
                let has_failed = last.status_code() == Some(&ScalingActivityStatusCode::Failed);
                let words = [last.description(), last.status_message()];
                let said = words.into_iter().flatten().collect::<Vec<_>>().join(": ");
                has_failed.then(|| format!("the last launch failed: {said}"))
            }
            Target::Ecs => {
                let name = self.names.cluster();
                let found = service::describe(&name, &name, self.at()).await.ok()??;
                let last = found.events().first()?.message()?.to_owned();
                TROUBLES.iter().any(|word| last.contains(word)).then(|| format!("the service says: {last}"))
            }
            Target::Local => None,
        }
    }
}
