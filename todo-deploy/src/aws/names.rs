//! What things are called and how ours are told from others': names and tags are the whole state.

use crate::deployment::{Deployment, Target};

/// The tag that makes a resource ours; its value is the deployment's name.
pub const TAG: &str = "todo-deploy:deployment";

/// The tag that tells `ec2` from `ecs`.
pub const TARGET_TAG: &str = "todo-deploy:target";

/// Who a deployment is, to AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    pub deployment: String,
    pub target: Target,
}

impl Names {
    pub fn of(deployment: &Deployment, target: Target) -> Self {
        Self { deployment: deployment.name.clone(), target }
    }

    /// The practical's names for the practical's deployment (`todo`): others get their own name and a suffix.
    fn practical(&self, original: &str, suffix: &str) -> String {
        match self.deployment.as_str() {
            "todo" => original.to_owned(),
            name => format!("{name}{suffix}"),
        }
    }

    /// Load balancer, and its security group.
    pub fn balancer(&self) -> String {
        self.practical("taskoverflow", "-lb")
    }

    /// Security group of the instances; target group; Auto Scaling group; log group.
    pub fn service(&self) -> String {
        self.deployment.clone()
    }

    pub fn launch_template(&self) -> String {
        self.practical("todo-launch-template", "-launch")
    }

    /// ECS cluster and service.
    pub fn cluster(&self) -> String {
        self.practical("taskoverflow", "")
    }

    /// What Application Auto Scaling calls the service.
    pub fn scaled_service(&self) -> String {
        format!("service/{cluster}/{cluster}", cluster = self.cluster())
    }

    /// Task definition family and container.
    pub fn container(&self) -> String {
        self.deployment.clone()
    }

    /// RDS writes names in small letters, whatever it is told.
    pub fn database(&self) -> String {
        format!("{}-db", self.deployment.to_ascii_lowercase())
    }

    /// Of the database; not its name, so that the two are never taken for each other.
    pub fn subnet_group(&self) -> String {
        format!("{}-db-subnets", self.deployment.to_ascii_lowercase())
    }

    /// Security group of the database.
    pub fn database_group(&self) -> String {
        format!("{}-db", self.deployment)
    }

    /// Alarms and policies are called as in the description, prefixed where the deployment is not `todo`.
    pub fn policy(&self, name: &str) -> String {
        match self.deployment.as_str() {
            "todo" => name.to_owned(),
            deployment => format!("{deployment}-{name}"),
        }
    }

    pub fn log_group(&self) -> String {
        format!("/todo-deploy/{}", self.deployment)
    }

    /// Parameters of Systems Manager that we make.
    pub fn parameter(&self, what: &str) -> String {
        format!("/todo-deploy/{}/{what}", self.deployment)
    }

    /// What [`Self::policy`] was made from.
    pub fn policy_given<'a>(&self, name: &'a str) -> &'a str {
        match self.deployment.as_str() {
            "todo" => name,
            deployment => {
                let rest = name.strip_prefix(deployment).and_then(|rest| rest.strip_prefix('-'));
                rest.unwrap_or(name)
            }
        }
    }

    /// Namespace of metrics that the service publishes itself (`custom:NAME`).
    pub fn metrics(&self) -> String {
        format!("todo-deploy/{}", self.deployment)
    }

    pub fn tags(&self) -> [(&'static str, String); 2] {
        [(TAG, self.deployment.clone()), (TARGET_TAG, self.target.to_string())]
    }

    /// Whether a resource with these tags is ours: of this deployment, and of this one of `ec2` and `ecs`, which share
    /// names.
    pub fn owns<'a>(&self, tags: impl Iterator<Item = (&'a str, &'a str)>) -> bool {
        let (mut deployment, mut target) = (false, false);
        for (key, value) in tags {
            deployment |= key == TAG && value == self.deployment;
            target |= key == TARGET_TAG && value == self.target.to_string();
        }
        deployment && target
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_fits_where_it_goes() {
        for deployment in ["todo".to_owned(), "x".repeat(24)] {
            let names = Names { deployment, target: Target::Ec2 };
            for name in [names.balancer(), names.service()] {
                assert!(name.len() <= 32, "{name}: load balancers and target groups have 32 characters");
            }
            assert!(names.database().len() <= 63);
        }
    }

    #[test]
    fn names_of_databases_are_as_rds_tells_them() {
        let names = Names { deployment: "Shop-EU".to_owned(), target: Target::Ecs };
        assert_eq!(
            (names.database(), names.subnet_group()),
            ("shop-eu-db".into(), "shop-eu-db-subnets".into())
        );
        assert_eq!(names.database_group(), "Shop-EU-db", "security groups keep their letters");
    }

    #[test]
    fn the_practicals_deployment_has_its_names() {
        let names = Names { deployment: "todo".to_owned(), target: Target::Ec2 };
        assert_eq!(names.balancer(), "taskoverflow");
        assert_eq!(names.launch_template(), "todo-launch-template");
        assert_eq!(names.policy("todo_scale_up"), "todo_scale_up");
        assert_eq!(names.policy_given("todo-cpu"), "todo-cpu");
        let names = Names { deployment: "shop".to_owned(), ..names };
        assert_eq!(names.policy("todo_scale_up"), "shop-todo_scale_up");
        assert_eq!(names.policy_given("shop-todo_scale_up"), "todo_scale_up");
    }

    #[test]
    fn what_is_ours_has_both_tags() {
        let names = Names { deployment: "todo".to_owned(), target: Target::Ec2 };
        let all = names.tags();
        let tags = |count: usize| all.iter().take(count).map(|(key, value)| (*key, value.as_str()));
        assert!(names.owns(tags(2)));
        assert!(!names.owns(tags(1)), "the deployment alone");
        assert!(!names.owns(tags(2).skip(1)), "the target alone");
        assert!(!Names { target: Target::Ecs, ..names.clone() }.owns(tags(2)));
        assert!(!Names { deployment: "shop".to_owned(), ..names.clone() }.owns(tags(2)));
    }
}
