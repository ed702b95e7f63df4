//! Quotas of vCPUs, which only Service Quotas tells: whether the instances or tasks of the beginning fit, and as many as the
//! policies may want. What others of the account use of EC2's is seen, of Fargate's it is not.

use aws_sdk_ec2::types::{Filter, Instance, InstanceTypeInfo};

use super::Findings;
use crate::aws::clients::Cloud;
use crate::aws::failure::{Failure, Kind, of};
use crate::aws::names::TAG;
use crate::deployment::{Deployment, Target};
use crate::pricing;

/// CPU units of a vCPU, as ECS counts them.
const UNITS: f64 = 1024.0;

/// A quota of Service Quotas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Quota {
    service: &'static str,
    code: &'static str,
    what: &'static str,
}

const FARGATE: Quota = Quota { service: "fargate", code: "L-3032A538", what: "vCPUs of Fargate on demand" };

/// On-demand instances share a quota by family; the letters before the generation say which.
/// <https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html>
fn of_family(instance_type: &str) -> Option<Quota> {
    let letters: String = instance_type.chars().take_while(char::is_ascii_lowercase).collect();
    let (code, what) = match letters.as_str() {
        "dl" => ("L-6E869C2A", "vCPUs of on-demand DL instances"),
        "f" => ("L-74FC7D96", "vCPUs of on-demand F instances"),
        "g" | "gr" | "vt" => ("L-DB2E81BA", "vCPUs of on-demand G and VT instances"),
        "hpc" => ("L-F7808C92", "vCPUs of on-demand HPC instances"),
        "inf" => ("L-1945791B", "vCPUs of on-demand Inf instances"),
        "p" => ("L-417A185B", "vCPUs of on-demand P instances"),
        "trn" => ("L-2C3B7624", "vCPUs of on-demand Trn instances"),
        "u" => ("L-43DA4232", "vCPUs of on-demand high memory instances"),
        "x" => ("L-7295265B", "vCPUs of on-demand X instances"),
        other if other.starts_with(['a', 'c', 'd', 'h', 'i', 'm', 'r', 't', 'z']) => {
            ("L-1216C47A", "vCPUs of on-demand standard instances")
        }
        _ => return None,
    };
    Some(Quota { service: "ec2", code, what })
}

/// Whether there is room for what the deployment begins with, and for what it may become.
pub(super) async fn room(
    cloud: &Cloud,
    deployment: &Deployment,
    target: Target,
    machine: Option<&InstanceTypeInfo>,
) -> Result<Findings, Failure> {
    let (quota, each) = match target {
        Target::Ec2 => {
            let name = &deployment.aws.instance_type;
            let told = machine.and_then(|kind| kind.v_cpu_info()).and_then(|info| info.default_v_cpus());
            let each = told.map(f64::from).or_else(|| pricing::instance_type(name).map(|known| known.vcpus));
            (of_family(name), each)
        }
        Target::Ecs => (Some(FARGATE), Some(f64::from(deployment.aws.fargate_cpu) / UNITS)),
        Target::Local => (None, None),
    };
    let (Some(quota), Some(each)) = (quota, each) else { return Ok(Findings::default()) };
    let request = cloud.quotas.get_service_quota().service_code(quota.service).quota_code(quota.code);
    let most = match request.send().await.map_err(of("servicequotas:GetServiceQuota")) {
        Ok(found) => found.quota.and_then(|quota| quota.value),
        // Not everybody may ask, not every region knows it.
        Err(failure) if matches!(failure.kind, Kind::Expired | Kind::NoCredentials) => return Err(failure),
        Err(failure) => return Ok(unknown(quota, &failure.said())),
    };
    let Some(most) = most else { return Ok(unknown(quota, "Service Quotas has no value for it")) };
    let others = if target == Target::Ec2 { others(cloud, quota).await } else { None };
    Ok(compared(deployment, each, most, others, quota.what))
}

fn unknown(quota: Quota, why: &str) -> Findings {
    Findings::note(format!("whether the quota of {} suffices was not checked: {why}", quota.what))
}

/// Pure: what the numbers say.
fn compared(deployment: &Deployment, each: f64, most: f64, others: Option<f64>, what: &str) -> Findings {
    let capacity = deployment.capacity;
    let used = others.unwrap_or_default();
    let taken = if used > 0.0 { format!(", of which others use {used}") } else { String::new() };
    let said = |count: u32, when: &str| {
        let need = f64::from(count) * each;
        (need + used > most).then(|| {
            format!("{count} × {each} vCPUs are needed {when}, and the account may have {most} {what}{taken}: {REMEDY}")
        })
    };
    match said(capacity.desired, "to begin with") {
        Some(problem) => Findings::problem(Some(problem)),
        None => said(capacity.max, "at capacity.max").map(Findings::note).unwrap_or_default(),
    }
}

const REMEDY: &str = "ask for a higher quota (Service Quotas), choose something smaller, or another --region";

/// vCPUs of the account's other instances under the quota; nothing when that may not be seen.
async fn others(cloud: &Cloud, quota: Quota) -> Option<f64> {
    let states = Filter::builder().name("instance-state-name").values("pending").values("running").build();
    let mut pages = cloud.ec2.describe_instances().filters(states).into_paginator().send();
    let mut used = 0;
    while let Some(page) = pages.next().await {
        let page = page.ok()?;
        let instances = page.reservations().iter().flat_map(|reservation| reservation.instances());
        used += instances.filter(|one| counts(one, quota)).map(vcpus).sum::<i32>();
    }
    Some(f64::from(used))
}

/// Not ours, on demand, and of the quota's families.
fn counts(instance: &Instance, quota: Quota) -> bool {
    let is_ours = instance.tags().iter().any(|tag| tag.key() == Some(TAG));
    let kind = instance.instance_type().map(|kind| kind.as_str()).unwrap_or_default();
    !is_ours && instance.instance_lifecycle().is_none() && of_family(kind) == Some(quota)
}

fn vcpus(instance: &Instance) -> i32 {
    let options = instance.cpu_options();
    options.map_or(1, |options| options.core_count().unwrap_or(1) * options.threads_per_core().unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployment::Defaults;

    #[test]
    fn families_have_their_quotas() {
        let standard = of_family("t2.micro").expect("a quota");
        assert_eq!(standard.code, "L-1216C47A");
        for kind in
            ["m7g.large", "c6gn.xlarge", "im4gn.large", "is4gen.large", "r6i.large", "z1d.large", "i3.large"]
        {
            assert_eq!(of_family(kind), Some(standard), "{kind}");
        }
        let others =
            ["g5.xlarge", "p4d.24xlarge", "inf2.xlarge", "x2idn.16xlarge", "u-6tb1.metal", "dl1.24xlarge"];
        for kind in others {
            assert!(of_family(kind).is_some_and(|quota| quota != standard), "{kind}");
        }
        assert_eq!(of_family("new9.large"), None);
    }

    #[test]
    fn the_beginning_must_fit_and_the_maximum_should() {
        let text = "[capacity]\nmin = 2\ndesired = 2\nmax = 8\n";
        let deployment = Deployment::parse(text, "f", Defaults::of(Target::Ec2)).expect("valid");
        let of = |most, others| compared(&deployment, 2.0, most, others, "vCPUs");
        assert_eq!(of(16.0, None), Findings::default());
        assert_eq!(of(16.0, Some(0.0)), Findings::default());
        let noted = of(16.0, Some(4.0));
        assert!(
            noted.problems.is_empty() && noted.notes[0].contains("8 × 2 vCPUs are needed at capacity.max")
        );
        assert!(noted.notes[0].contains("of which others use 4"), "{noted:?}");
        let refused = of(3.0, None);
        assert!(
            refused.notes.is_empty() && refused.problems[0].contains("2 × 2 vCPUs are needed to begin with")
        );
    }
}
