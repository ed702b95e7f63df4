//! Following a roll-out: our revision of the tasks, our refresh of the instances. One that AWS rolled back has failed,
//! however steady the service is now.

use std::cmp::Reverse;

use aws_sdk_autoscaling::types::{Activity, InstanceRefreshStatus, ScalingActivityStatusCode};
use aws_sdk_ecs::types::{DeploymentRolloutState, DesiredStatus, Task};
use aws_smithy_types::DateTime;

use super::{FINAL, Missing, Ready};
use crate::aws::apply::LOOKS_MAX;
use crate::aws::failure::{Failure, of};
use crate::aws::render;
use crate::aws::resources::service;

/// Newest activities among which failed ones are looked for.
const ACTIVITIES_MAX: i32 = 20;

/// Messages of a failed service that are shown.
const MESSAGES_MAX: usize = 5;

impl Ready<'_> {
    /// The replacement of instances by those of a new template, if one runs.
    pub(super) async fn replaced(&self) -> Result<Result<(), Missing>, Failure> {
        let Some(refresh) = self.ids.get(render::ROLLOUT).filter(|id| !id.is_empty()) else {
            return Ok(Ok(()));
        };
        let request = self.cloud.autoscaling.describe_instance_refreshes();
        let request = request.auto_scaling_group_name(self.names.service()).instance_refresh_ids(refresh);
        let found = request.send().await.map_err(of("autoscaling:DescribeInstanceRefreshes"))?;
        let Some(refresh) = found.instance_refreshes().first() else {
            return Ok(Err(match self.is_not_visible_yet() {
                true => "the replacement of the instances is not visible yet".to_owned(),
                false => format!("{FINAL}AWS knows nothing of the replacement {refresh} that it began"),
            }));
        };
        let is_undone = self.followed.borrow().is_undone;
        let percent = refresh.percentage_complete().unwrap_or_default();
        let why = refresh.rollback_details().and_then(|details| details.rollback_reason());
        let why = why.or(refresh.status_reason());
        let reason = why.unwrap_or("no reason given");
        Ok(match refresh.status() {
            None | Some(InstanceRefreshStatus::Successful) => Ok(()),
            Some(InstanceRefreshStatus::RollbackSuccessful) if is_undone => Ok(()),
            Some(InstanceRefreshStatus::RollbackInProgress) if is_undone => {
                Err(format!("the earlier version comes back ({percent} %)"))
            }
            Some(
                status @ (InstanceRefreshStatus::Failed
                | InstanceRefreshStatus::Cancelled
                | InstanceRefreshStatus::RollbackFailed
                | InstanceRefreshStatus::RollbackSuccessful),
            ) => {
                let said = match status {
                    InstanceRefreshStatus::RollbackSuccessful => "the earlier version runs again".to_owned(),
                    status => format!("it ended as {}", status.as_str()),
                };
                let more = self.why_not_replaced().await;
                Err(format!("{FINAL}the instances could not be replaced, {said}: {reason}{more}"))
            }
            Some(InstanceRefreshStatus::RollbackInProgress) => {
                Err(format!("the new instances failed, and the earlier version comes back: {reason}"))
            }
            // What AWS waits for is the health of the new instances.
            Some(status) => {
                let reason = why.map(|reason| format!(": {reason}")).unwrap_or_default();
                Err(format!("instances are being replaced: {} ({percent} %){reason}", status.as_str()))
            }
        })
    }

    /// What the group's last activities and the services' last lines say, where they can be had.
    async fn why_not_replaced(&self) -> String {
        let request = self.cloud.autoscaling.describe_scaling_activities();
        let request = request.auto_scaling_group_name(self.names.service()).max_records(ACTIVITIES_MAX);
        let activities = request.send().await.map(|found| found.activities.unwrap_or_default());
        let mut said = Vec::new();
        let failed = |activity: &&Activity| {
            matches!(
                activity.status_code(),
                Some(ScalingActivityStatusCode::Failed | ScalingActivityStatusCode::Cancelled)
            ) || activity.cause().is_some_and(|cause| cause.contains("health"))
        };
        for activity in activities.unwrap_or_default().iter().filter(failed).take(MESSAGES_MAX) {
            let words = [activity.description(), activity.status_message(), activity.cause()];
            said.push(format!("activity: {}", words.into_iter().flatten().collect::<Vec<_>>().join(": ")));
        }
        let lines = crate::aws::logs::last(self.cloud, self.names, MESSAGES_MAX).await;
        said.extend(lines.unwrap_or_default().into_iter().map(|line| format!("log: {}", line.text)));
        said.into_iter().map(|line| format!("\n{line}")).collect()
    }

    /// The service's deployment of our revision.
    pub(super) async fn deployed(&self) -> Result<Result<(), Missing>, Failure> {
        let (Some(ours), Some(cluster)) =
            (self.ids.get(render::TASK_DEFINITION), self.ids.get(render::CLUSTER))
        else {
            return Ok(Ok(()));
        };
        let Some(service) = service::describe(cluster, &self.names.cluster(), self.at()).await? else {
            return Ok(Err("the service is not visible yet".to_owned()));
        };
        let of_ours = |one: &&aws_sdk_ecs::types::Deployment| one.task_definition() == Some(ours);
        let known = self.followed.borrow().id.clone();
        let is_known =
            |one: &&aws_sdk_ecs::types::Deployment| known.is_some() && one.id() == known.as_deref();
        let deployments = service.deployments();
        let Some(deployment) = deployments.iter().find(is_known).or_else(|| deployments.iter().find(of_ours))
        else {
            if self.is_not_visible_yet() {
                return Ok(Err("our deployment is not visible yet".to_owned()));
            }
            let why = self.why_failed(&service).await?;
            return Ok(Err(format!("{FINAL}ECS rolled our revision back\n{why}")));
        };
        // Another deployment of the same revision may follow ours; ours is the one that was seen first.
        let id = deployment.id().unwrap_or_default().to_owned();
        let followed = known.unwrap_or_else(|| id.clone());
        if id == followed {
            let mut seen = self.followed.borrow_mut();
            (seen.id, seen.is_seen) = (Some(id.clone()), true);
        } else if self.is_not_visible_yet() {
            return Ok(Err("our deployment is not visible yet".to_owned()));
        }
        let counts = format!("{} of {} tasks run", deployment.running_count(), deployment.desired_count());
        match deployment.rollout_state() {
            Some(DeploymentRolloutState::Failed) => {
                let why = self.why_failed(&service).await?;
                // The first deployment has nothing to go back to, and would start tasks for ever.
                if service.deployments().len() == 1 {
                    let request =
                        self.cloud.ecs.update_service().cluster(cluster).service(self.names.cluster());
                    request.desired_count(0).send().await.map_err(of("ecs:UpdateService"))?;
                }
                let reason = deployment.rollout_state_reason().unwrap_or("no reason given");
                Ok(Err(format!("{FINAL}the deployment failed: {reason}\n{why}")))
            }
            Some(DeploymentRolloutState::InProgress) => Ok(Err(format!(
                "the deployment is in progress: {counts}, {} failed",
                deployment.failed_tasks()
            ))),
            _ if id != followed => {
                let why = self.why_failed(&service).await?;
                Ok(Err(format!("{FINAL}our deployment {followed} was replaced by {id}\n{why}")))
            }
            _ => Ok(Ok(())),
        }
    }

    /// Only what was seen can have been rolled back; a look right after a change may still see the time before it.
    fn is_not_visible_yet(&self) -> bool {
        let mut followed = self.followed.borrow_mut();
        followed.unseen += 1;
        !followed.is_seen && followed.unseen <= LOOKS_MAX
    }

    /// Why tasks stopped, what the service says, and the last lines that they wrote.
    async fn why_failed(&self, service: &aws_sdk_ecs::types::Service) -> Result<String, Failure> {
        let mut said = Vec::new();
        let cluster = service.cluster_arn().unwrap_or_default();
        let request = self.cloud.ecs.list_tasks().cluster(cluster).service_name(self.names.cluster());
        let stopped = request.desired_status(DesiredStatus::Stopped).send().await;
        let stopped = stopped.map_err(of("ecs:ListTasks"))?.task_arns.unwrap_or_default();
        if !stopped.is_empty() {
            let request = self.cloud.ecs.describe_tasks().cluster(cluster);
            // Both calls go to a hundred; they come in no order, and earlier roll-outs left tasks, too.
            let tasks = request.set_tasks(Some(stopped)).send().await.map_err(of("ecs:DescribeTasks"))?;
            for task in newest(tasks.tasks.unwrap_or_default()).iter().take(MESSAGES_MAX) {
                let id = task.task_arn().and_then(|arn| arn.rsplit('/').next()).unwrap_or("?");
                let reason = task.stopped_reason().unwrap_or("no reason given");
                said.push(format!("task {id} stopped: {reason}"));
                for container in task.containers() {
                    let code = container.exit_code().map(|code| format!("exit code {code}"));
                    let parts = [code, container.reason().map(str::to_owned)];
                    let parts: Vec<String> = parts.into_iter().flatten().collect();
                    if !parts.is_empty() {
                        said.push(format!(
                            "  container {}: {}",
                            container.name().unwrap_or("?"),
                            parts.join(", ")
                        ));
                    }
                }
            }
        }
        let events = service.events().iter().take(MESSAGES_MAX).filter_map(|event| event.message());
        said.extend(events.map(|event| format!("event: {event}")));
        let lines = crate::aws::logs::last(self.cloud, self.names, MESSAGES_MAX).await;
        said.extend(lines.unwrap_or_default().into_iter().map(|line| format!("log: {}", line.text)));
        said.dedup();
        Ok(said.join("\n"))
    }
}

/// Those that stopped last come first.
fn newest(mut tasks: Vec<Task>) -> Vec<Task> {
    tasks.sort_by_key(|task| Reverse(task.stopped_at().map(DateTime::as_nanos)));
    tasks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stopped_last_is_told_first() {
        let task = |name: &str, at: Option<i64>| {
            let task = Task::builder().task_arn(name);
            task.set_stopped_at(at.map(DateTime::from_secs)).build()
        };
        let tasks =
            vec![task("old", Some(10)), task("unknown", None), task("new", Some(30)), task("mid", Some(20))];
        let names: Vec<_> = newest(tasks).into_iter().filter_map(|task| task.task_arn).collect();
        assert_eq!(names, ["new", "mid", "old", "unknown"]);
    }
}
