//! What must be there before anything is made and is not ours to make, asked before the first change: each problem with its
//! remedy. What is asked for the sake of a change only ([`of_plan`]) is asked only where that change is planned.

mod image;
mod registry;
mod room;
mod vcpus;

use std::collections::BTreeSet;

use aws_sdk_acm::types::CertificateStatus;
use aws_sdk_ec2::types::{Filter, InstanceType, InstanceTypeInfo, RouteState, RouteTable};

pub use self::registry::Registry;

use super::clients::Cloud;
use super::failure::{Absent as _, Failure, Kind, of};
use super::plan::{Action, Plan};
use super::render;
use super::site::Site;
use crate::deployment::{Deployment, Target};

/// What was found out before the first change.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// What stands in the way, each with its remedy.
    pub problems: Vec<String>,
    /// What could not be checked, or will be in the way later.
    pub notes: Vec<String>,
}

impl Findings {
    fn problem(problem: Option<String>) -> Self {
        problem.into_iter().collect::<Vec<_>>().into()
    }

    fn note(note: String) -> Self {
        Self { problems: Vec::new(), notes: vec![note] }
    }

    fn and(mut self, more: impl Into<Self>) -> Self {
        let more = more.into();
        self.problems.extend(more.problems);
        self.notes.extend(more.notes);
        self
    }
}

impl From<Vec<String>> for Findings {
    fn from(problems: Vec<String>) -> Self {
        Self { problems, notes: Vec::new() }
    }
}

impl From<Option<String>> for Findings {
    fn from(problem: Option<String>) -> Self {
        Self::problem(problem)
    }
}

/// What must be there whatever changes: roles, keys, secrets. Each problem with its remedy.
pub async fn preflight(
    cloud: &Cloud,
    deployment: &Deployment,
    target: Target,
) -> Result<Vec<String>, Failure> {
    let (profile, role, key, secrets) = tokio::try_join!(
        profile(cloud, deployment, target),
        role(cloud, deployment, target),
        key(cloud, deployment, target),
        secrets(cloud, deployment),
    )?;
    Ok([profile, role, key].into_iter().flatten().chain(secrets).collect())
}

/// Looking may be forbidden where using is not, and what only imitates AWS may not know the question: then AWS decides
/// later.
fn tolerant<T>(answer: Result<T, Failure>) -> Result<Option<Option<T>>, Failure> {
    match answer {
        Err(failure) if matches!(failure.kind, Kind::Denied | Kind::Unsupported) => Ok(None),
        answer => answer.absent().map(Some),
    }
}

async fn profile(cloud: &Cloud, deployment: &Deployment, target: Target) -> Result<Option<String>, Failure> {
    let name = &deployment.aws.instance_profile;
    if target != Target::Ec2 {
        return Ok(None);
    }
    let request = cloud.iam.get_instance_profile().instance_profile_name(name);
    let Some(found) = tolerant(request.send().await.map_err(of("iam:GetInstanceProfile")))? else {
        return Ok(None);
    };
    Ok(match found.and_then(|found| found.instance_profile) {
        None => Some(format!(
            "there is no instance profile `{name}`: in the Learner Lab it is LabInstanceProfile; elsewhere name one in \
             aws.instance_profile whose role may read the secrets, pull the image and write logs"
        )),
        Some(found) => found.roles().is_empty().then(|| {
            format!("the instance profile `{name}` has no role: `aws iam add-role-to-instance-profile` gives it one")
        }),
    })
}

async fn role(cloud: &Cloud, deployment: &Deployment, target: Target) -> Result<Option<String>, Failure> {
    if target != Target::Ecs {
        return Ok(None);
    }
    // A name, or an ARN with a path.
    let name = deployment.aws.role.rsplit('/').next().unwrap_or_default();
    let request = cloud.iam.get_role().role_name(name);
    let Some(found) = tolerant(request.send().await.map_err(of("iam:GetRole")))? else { return Ok(None) };
    Ok(match found.and_then(|found| found.role) {
        None => Some(format!(
            "there is no role `{name}`: in the Learner Lab it is LabRole; elsewhere name one in aws.role that \
             {TASKS} may assume and that may read the secrets, pull the image and write logs"
        )),
        // The document is percent-encoded, which leaves this name as it is.
        Some(role) => {
            role.assume_role_policy_document().is_some_and(|trust| !trust.contains(TASKS)).then(|| {
                format!(
                    "the role `{name}` does not let {TASKS} assume it: add that service to its trust policy"
                )
            })
        }
    })
}

/// Who runs tasks.
const TASKS: &str = "ecs-tasks.amazonaws.com";

async fn key(cloud: &Cloud, deployment: &Deployment, target: Target) -> Result<Option<String>, Failure> {
    let Some(name) = deployment.aws.key_name.as_ref().filter(|_| target == Target::Ec2) else {
        return Ok(None);
    };
    let request = cloud.ec2.describe_key_pairs().key_names(name);
    let missing = matches!(tolerant(request.send().await.map_err(of("ec2:DescribeKeyPairs")))?, Some(None));
    Ok(missing
        .then(|| format!("there is no key pair `{name}`: leave aws.key_name out, or name one that exists")))
}

async fn secrets(cloud: &Cloud, deployment: &Deployment) -> Result<Vec<String>, Failure> {
    let mut missing = Vec::new();
    for secret in super::render::secrets_of(deployment) {
        if let Some(problem) = super::secret::missing(cloud, &secret).await? {
            missing.push(problem);
        }
    }
    Ok(missing)
}

/// What the planned changes need beside that: an image that the instances can run, a certificate, ways to the internet,
/// room in the account's quotas.
pub async fn of_plan(
    cloud: &Cloud,
    deployment: &Deployment,
    target: Target,
    site: &Site,
    plan: &Plan,
    registry: &Registry,
) -> Result<Findings, Failure> {
    let is_there = |logical: &str, actions: &[Action]| {
        plan.changes.iter().any(|change| change.logical == logical && actions.contains(&change.action))
    };
    let (new, any) = ([Action::Create, Action::Replace], [Action::Create, Action::Update, Action::Replace]);
    let runs = is_there(render::LAUNCH_TEMPLATE, &any) || is_there(render::TASK_DEFINITION, &any);
    let listens = plan
        .changes
        .iter()
        .any(|change| change.logical.starts_with("Listener") && any.contains(&change.action));
    // How many instances there may be, or what each has.
    let grows = runs || is_there(render::GROUP, &any) || is_there(render::SCALABLE_TARGET, &any);
    let machine = if grows && target == Target::Ec2 { machine(cloud, deployment).await? } else { None };
    let (images, vcpus, certificate, routes, balancers, groups, databases) = tokio::try_join!(
        only(runs, image::problems(cloud, deployment, target, site, machine.as_ref(), registry)),
        only(grows, vcpus::room(cloud, deployment, target, machine.as_ref())),
        only(listens, certificate(cloud, deployment)),
        only(is_there(render::LOAD_BALANCER, &any), internet(cloud, target, site)),
        only(is_there(render::LOAD_BALANCER, &new), room::balancers(cloud, deployment)),
        only(is_there(render::GROUP, &new), room::groups(cloud)),
        only(is_there(render::DATABASE, &new), room::databases(cloud, deployment)),
    )?;
    let found = [images, vcpus, certificate, routes, balancers, groups, databases];
    Ok(found.into_iter().fold(Findings::default(), Findings::and))
}

async fn only<T: Into<Findings>>(
    is_wanted: bool,
    asked: impl Future<Output = Result<T, Failure>>,
) -> Result<Findings, Failure> {
    if is_wanted { asked.await.map(Into::into) } else { Ok(Findings::default()) }
}

/// What EC2 says of the instance type, where it may be asked.
async fn machine(cloud: &Cloud, deployment: &Deployment) -> Result<Option<InstanceTypeInfo>, Failure> {
    let kind = InstanceType::from(deployment.aws.instance_type.as_str());
    let request = cloud.ec2.describe_instance_types().instance_types(kind).send().await;
    let found = tolerant(request.map_err(of("ec2:DescribeInstanceTypes")))?.flatten();
    Ok(found.and_then(|found| found.instance_types).and_then(|kinds| kinds.into_iter().next()))
}

/// The certificate of https listeners: there, in this region, issued.
async fn certificate(cloud: &Cloud, deployment: &Deployment) -> Result<Vec<String>, Failure> {
    let Some(arn) = &deployment.aws.certificate else { return Ok(Vec::new()) };
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let problem = match parts.as_slice() {
        ["arn", _, "acm", region, _, _] if *region != cloud.region => Some(format!(
            "the certificate {arn} is of {region}; a load balancer in {here} takes one of {here} only: request or import it \
             there",
            here = cloud.region
        )),
        ["arn", _, "acm", ..] => of_acm(cloud, arn).await?,
        ["arn", _, "iam", _, _, name] if name.starts_with("server-certificate/") => {
            let name = name.rsplit('/').next().unwrap_or_default();
            let request = cloud.iam.get_server_certificate().server_certificate_name(name).send().await;
            let found = tolerant(request.map_err(of("iam:GetServerCertificate")))?;
            matches!(found, Some(None)).then(|| {
                format!(
                    "there is no certificate {arn}: `aws iam list-server-certificates` lists those there are"
                )
            })
        }
        _ => Some(format!(
            "aws.certificate: `{arn}` is no ARN of a certificate, such as arn:aws:acm:{}:ACCOUNT:certificate/ID",
            cloud.region
        )),
    };
    Ok(problem.into_iter().collect())
}

async fn of_acm(cloud: &Cloud, arn: &str) -> Result<Option<String>, Failure> {
    let request = cloud.acm.describe_certificate().certificate_arn(arn).send().await;
    let Some(found) = tolerant(request.map_err(of("acm:DescribeCertificate")))? else { return Ok(None) };
    let status = found.and_then(|found| found.certificate).and_then(|certificate| certificate.status);
    Ok(match status {
        Some(CertificateStatus::Issued) => None,
        Some(CertificateStatus::PendingValidation) => Some(format!(
            "the certificate {arn} waits for its validation: add the DNS record that `aws acm describe-certificate \
             --certificate-arn {arn}` shows"
        )),
        Some(status) => Some(format!(
            "the certificate {arn} is {}: name one in aws.certificate that is ISSUED",
            status.as_str()
        )),
        None => Some(format!(
            "there is no certificate {arn}: `aws acm list-certificates` lists those there are in {}",
            cloud.region
        )),
    })
}

/// The balancer's subnets must reach the internet, and so must instances, or they cannot pull their image.
async fn internet(cloud: &Cloud, target: Target, site: &Site) -> Result<Vec<String>, Failure> {
    let mut problems = Vec::new();
    if target == Target::Ec2 && !site.private.is_empty() {
        let subnets: Vec<&str> = site.private.iter().map(String::as_str).collect();
        let subnets = subnets.join(", ");
        problems.push(format!(
            "instances in {subnets} would get no public address and could not pull the image: \
             `aws ec2 modify-subnet-attribute --map-public-ip-on-launch --subnet-id …`, or name others in aws.subnets"
        ));
    }
    let filter = Filter::builder().name("vpc-id").values(&site.vpc).build();
    let request = cloud.ec2.describe_route_tables().filters(filter).send().await;
    let Some(Some(found)) = tolerant(request.map_err(of("ec2:DescribeRouteTables")))? else {
        return Ok(problems);
    };
    let wanted: BTreeSet<&String> = site.spread.union(&site.subnets).collect();
    let lost = wanted.into_iter().filter(|subnet| !reaches_internet(found.route_tables(), subnet));
    let lost: Vec<&str> = lost.map(String::as_str).collect();
    if !lost.is_empty() {
        problems.push(format!(
            "{} of {} reach no internet gateway, which a load balancer needs: add a route from 0.0.0.0/0 to one, or name \
             other subnets in aws.subnets",
            lost.join(", "),
            site.vpc
        ));
    }
    Ok(problems)
}

/// A subnet has a route table of its own, or the VPC's main one.
fn reaches_internet(tables: &[RouteTable], subnet: &str) -> bool {
    let own = |table: &&RouteTable| table.associations().iter().any(|one| one.subnet_id() == Some(subnet));
    let main = |table: &&RouteTable| table.associations().iter().any(|one| one.main() == Some(true));
    let table = tables.iter().find(own).or_else(|| tables.iter().find(main));
    table.is_some_and(|table| {
        table.routes().iter().any(|route| {
            route.destination_cidr_block() == Some("0.0.0.0/0")
                && route.gateway_id().is_some_and(|gateway| gateway.starts_with("igw-"))
                && route.state() != Some(&RouteState::Blackhole)
        })
    })
}
