//! What AWS answered when it did not do what was asked: one type over all services and protocols.
//!
//! Error codes differ in protocol (`DependencyViolation`, `ResourceInUse`, `Throttling`, `ThrottlingException`, …) and
//! some answers have none (HTML, an empty body, XML where JSON was promised): then the HTTP status decides.

use std::fmt;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// A call that failed after the SDK's own retries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// `ec2:CreateSecurityGroup`, as IAM writes it.
    pub call: &'static str,
    pub kind: Kind,
    /// AWS's own code, where the answer had one.
    pub code: Option<String>,
    /// AWS's own words, or what broke on the way.
    pub message: String,
}

/// What a failure means to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing of that name or id.
    NotFound,
    /// Something of that name is there already.
    Exists,
    /// Something else still uses it; may pass by itself.
    InUse,
    /// Too many calls; the SDK has tried again several times.
    Throttled,
    /// These credentials may not do that.
    Denied,
    /// The credentials are no longer, or not yet, any.
    Expired,
    /// There are no credentials at all.
    NoCredentials,
    /// The account may not have more of it, or the lab's budget is spent.
    Limit,
    /// Nobody answered: network, name resolution, timeout.
    Unreachable,
    /// AWS's own trouble (5xx).
    Server,
    /// AWS understood and refused.
    Refused,
}

/// Turns what the SDK returns into a [`Failure`]: `.map_err(of("ec2:DescribeVpcs"))`.
pub(super) fn of<E>(call: &'static str) -> impl FnOnce(SdkError<E, HttpResponse>) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    move |error| match &error {
        SdkError::ServiceError(service) => {
            let status = service.raw().status().as_u16();
            let code = service.err().code().map(str::to_owned);
            let message = service.err().message().unwrap_or_default().to_owned();
            let kind = classify(code.as_deref(), status, &message);
            Failure { call, kind, code, message }
        }
        SdkError::ResponseError(answer) => {
            let status = answer.raw().status().as_u16();
            let message = format!("an answer that is none (HTTP {status})");
            Failure { call, kind: classify(None, status, ""), code: None, message }
        }
        _ => {
            let message = chain(&error);
            let absent =
                ["no providers in chain", "no credentials found", "not enabled", "CredentialsNotLoaded"];
            let has_none = absent.iter().any(|words| message.contains(words));
            let credentials = message.contains("credential");
            let kind = match (has_none, credentials) {
                (true, _) => Kind::NoCredentials,
                (_, true) => Kind::Expired,
                _ => Kind::Unreachable,
            };
            Failure { call, kind, code: None, message }
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let part = error.to_string();
        if !text.contains(&part) {
            text = format!("{text}: {part}");
        }
        source = error.source();
    }
    text
}

fn classify(code: Option<&str>, status: u16, message: &str) -> Kind {
    let Some(code) = code else {
        return match status {
            401 | 403 => Kind::Denied,
            404 => Kind::NotFound,
            429 => Kind::Throttled,
            500.. => Kind::Server,
            _ => Kind::Refused,
        };
    };
    let has = |words: &[&str]| words.iter().any(|word| code.contains(word));
    if has(&[
        "ExpiredToken",
        "InvalidClientTokenId",
        "UnrecognizedClient",
        "RequestExpired",
        "AuthFailure",
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
    ]) {
        Kind::Expired
    } else if has(&["Throttl", "RequestLimitExceeded", "TooManyRequests", "PriorRequestNotComplete"]) {
        Kind::Throttled
    } else if has(&["AccessDenied", "Unauthorized", "NotAuthorized", "OptInRequired", "AuthorizationError"]) {
        Kind::Denied
    } else if has(&[
        "LimitExceeded",
        "QuotaExceeded",
        "TooMany",
        "InstanceLimit",
        "VcpuLimit",
        "PendingVerification",
        "Blocked",
        "InsufficientInstanceCapacity",
    ]) {
        Kind::Limit
    } else if has(&[
        "DependencyViolation",
        "InUse",
        "DeleteConflict",
        "ScalingActivityInProgress",
        "InstanceRefreshInProgress",
        "InvalidDBSubnetGroupState",
        "InvalidDBInstanceState",
        "ClusterContains",
        "NotEmpty",
    ]) {
        Kind::InUse
    } else if has(&["Duplicate", "AlreadyExists"])
        || (code == "InvalidParameterException" && message.contains("not idempotent"))
    {
        Kind::Exists
    } else if has(&["NotFound", "NoSuch", "DoesNotExist", "ServiceNotActive", "Unknown"])
        || (code == "ValidationError"
            && (message.contains("not found") || message.contains("does not exist")))
        || (code == "ClientException" && message.contains("Unable to describe task definition"))
    {
        Kind::NotFound
    } else if status >= 500 {
        Kind::Server
    } else {
        Kind::Refused
    }
}

impl Failure {
    /// What was expected of an answer and is not in it.
    pub(super) fn incomplete(call: &'static str, missing: &str) -> Self {
        let message = format!("the answer has no {missing}");
        Self { call, kind: Kind::Server, code: None, message }
    }

    /// The remedy, where there is one.
    fn remedy(&self) -> Option<&'static str> {
        let service_linked = self.message.contains("CreateServiceLinkedRole");
        match self.kind {
            Kind::NoCredentials => Some(
                "there are no AWS credentials: set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, name a \
                 --profile, or put the lab's AWS CLI details into a file `credentials` in this directory",
            ),
            Kind::Expired => Some(
                "the credentials have expired or are wrong: start the lab again (or renew the session) and copy its AWS CLI \
                 details anew",
            ),
            Kind::Denied if service_linked => Some(
                "the first use of a service creates its role: let somebody with iam:CreateServiceLinkedRole do it once",
            ),
            Kind::Denied => {
                Some("these credentials may not do that; `todo-deploy policy` prints what is needed")
            }
            Kind::Limit => Some(
                "the account or the lab allows no more: end what runs elsewhere, ask for a higher quota, or check the lab's budget",
            ),
            Kind::Throttled => {
                Some("AWS asks for fewer calls; run it again in a minute, it goes on where it stopped")
            }
            Kind::Unreachable => Some("check the network, --region and the AWS_ENDPOINT_URL variables"),
            Kind::Server => Some("this is AWS's own trouble; run it again, it goes on where it stopped"),
            Kind::NotFound | Kind::Exists | Kind::InUse | Kind::Refused => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.call)?;
        if let Some(code) = &self.code {
            write!(f, ": {code}")?;
        }
        let unsaid = self.kind == Kind::NoCredentials;
        if !self.message.is_empty() && !unsaid {
            write!(f, ": {}", self.message.trim_end_matches('.'))?;
        }
        if let Some(remedy) = self.remedy() {
            write!(f, "\n  {remedy}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

/// Whether nothing of that name is an answer too.
pub(super) trait Absent<T> {
    /// `None` instead of [`Kind::NotFound`].
    fn absent(self) -> Result<Option<T>, Failure>;
}

impl<T> Absent<T> for Result<T, Failure> {
    fn absent(self) -> Result<Option<T>, Failure> {
        match self {
            Ok(found) => Ok(Some(found)),
            Err(failure) if failure.kind == Kind::NotFound => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_all_services_have_one_meaning() {
        let table = [
            (Kind::NotFound, "InvalidGroup.NotFound", 400),
            (Kind::NotFound, "LoadBalancerNotFound", 400),
            (Kind::NotFound, "NoSuchEntity", 404),
            (Kind::NotFound, "DBInstanceNotFound", 404),
            (Kind::NotFound, "InvalidLaunchTemplateName.NotFoundException", 400),
            (Kind::NotFound, "ClusterNotFoundException", 400),
            (Kind::NotFound, "ObjectNotFoundException", 400),
            (Kind::Exists, "InvalidGroup.Duplicate", 400),
            (Kind::Exists, "DuplicateLoadBalancerName", 400),
            (Kind::Exists, "AlreadyExists", 400),
            (Kind::Exists, "InvalidPermission.Duplicate", 400),
            (Kind::Exists, "InvalidLaunchTemplateName.AlreadyExistsException", 400),
            (Kind::InUse, "DependencyViolation", 400),
            (Kind::InUse, "ResourceInUse", 400),
            (Kind::InUse, "InstanceRefreshInProgress", 400),
            (Kind::Throttled, "RequestLimitExceeded", 503),
            (Kind::Throttled, "ThrottlingException", 400),
            (Kind::Throttled, "Throttling", 400),
            (Kind::Denied, "UnauthorizedOperation", 403),
            (Kind::Denied, "AccessDeniedException", 400),
            (Kind::Expired, "ExpiredTokenException", 400),
            (Kind::Expired, "InvalidClientTokenId", 403),
            (Kind::Limit, "VcpuLimitExceeded", 400),
            (Kind::Limit, "TooManyTargetGroups", 400),
            (Kind::Server, "InternalFailure", 500),
            (Kind::Refused, "ValidationError", 400),
        ];
        for (kind, code, status) in table {
            assert_eq!(classify(Some(code), status, ""), kind, "{code}");
        }
        assert_eq!(classify(None, 403, ""), Kind::Denied);
        assert_eq!(classify(None, 500, ""), Kind::Server);
    }
}
