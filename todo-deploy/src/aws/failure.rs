//! What AWS answered when it did not do what was asked: one type over all services and protocols.
//!
//! Error codes differ in protocol (`DependencyViolation`, `ResourceInUse`, `Throttling`, `ThrottlingException`, …) and
//! some answers have none (HTML, an empty body, XML where JSON was promised): then the HTTP status decides, and what can be
//! read of the body is told (the module `answer`).

mod answer;

use std::fmt;

use aws_sdk_sts::operation::RequestId as _;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// A call that failed after the SDK's own retries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// `ec2:CreateSecurityGroup`, as IAM writes it; nothing where we found out without a call.
    pub call: &'static str,
    pub kind: Kind,
    /// AWS's own code, where the answer had one.
    pub code: Option<String>,
    /// AWS's own words, or what broke on the way; never empty.
    pub message: String,
    /// What AWS's support and its audit trail know the call by.
    pub request: Option<String>,
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
    /// A file of credentials cannot be read.
    BadFile,
    /// The account may not have more of it, or the lab's budget is spent.
    Limit,
    /// Nobody answered: network, name resolution, timeout.
    Unreachable,
    /// AWS's own trouble (5xx).
    Server,
    /// Whoever answered does not know this call: an imitation of AWS, a proxy, a region without the service.
    Unsupported,
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
            let (status, meta) = (service.raw().status().as_u16(), service.err().meta());
            let code = meta.code().map(str::to_owned);
            let said = meta.message().filter(|message| !message.trim().is_empty()).map(str::to_owned);
            let message = said.unwrap_or_else(|| answer::words(service.raw()));
            let kind = classify(code.as_deref(), status, &message);
            let request = meta.request_id().or_else(|| answer::request(service.raw())).map(str::to_owned);
            Failure { call, kind, code, message, request }
        }
        SdkError::ResponseError(broken) => {
            let status = broken.raw().status().as_u16();
            let (message, request) = (answer::words(broken.raw()), answer::request(broken.raw()));
            let request = request.map(str::to_owned);
            Failure { call, kind: classify(None, status, ""), code: None, message, request }
        }
        _ => {
            let message = chain(&error);
            let kind = of_no_answer(&message);
            let message = if message.contains(BAD_ENDPOINT) { BAD_ENDPOINT.to_owned() } else { message };
            Failure { call, kind, code: None, message, request: None }
        }
    }
}

/// What the SDK says of an address of an endpoint that is none.
const BAD_ENDPOINT: &str = "endpoint is not a valid URI";

const NO_CREDENTIALS: &str = "there are no AWS credentials: none in the environment, in ~/.aws, in a file `credentials` in this directory, or of this \
     machine's role";

/// Why nobody could be asked, from the SDK's words: it has no codes for this.
fn of_no_answer(message: &str) -> Kind {
    let has = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if has(&["no providers in chain"]) {
        Kind::NoCredentials
    } else if has(&[
        "ProfileFile provider could not be built",
        "could not parse profile file",
        "was not defined",
        "No profiles were defined",
        "did not contain credential information",
    ]) {
        Kind::BadFile
    } else if has(&["no credentials found", "not enabled", "CredentialsNotLoaded"]) {
        Kind::NoCredentials
    } else if has(&["credential"]) {
        Kind::Expired
    } else {
        Kind::Unreachable
    }
}

/// An error and what is behind it, without what the SDK says of every one, and without the request, which may hold secrets.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let part = error.to_string();
        let says_nothing = ["dispatch failure", "other"].contains(&part.as_str()) || part.contains("SdkBody");
        if !says_nothing && !parts.iter().any(|known| known.contains(&part)) {
            parts.push(part);
        }
        next = error.source();
    }
    if parts.is_empty() { "nobody could be asked".to_owned() } else { parts.join(": ") }
}

fn classify(code: Option<&str>, status: u16, message: &str) -> Kind {
    let Some(code) = code else {
        return match status {
            401 | 403 => Kind::Denied,
            // What AWS does not find it names.
            404 | 405 | 501 => Kind::Unsupported,
            429 => Kind::Throttled,
            500.. => Kind::Server,
            _ => Kind::Refused,
        };
    };
    let has = |words: &[&str]| words.iter().any(|word| code.contains(word));
    if has(&["InvalidAction", "UnknownOperation", "NotImplemented"]) {
        Kind::Unsupported
    } else if has(&[
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
        Self { call, kind: Kind::Server, code: None, message, request: None }
    }

    /// In words of our own, the remedy included.
    pub(super) fn ours(kind: Kind, message: String) -> Self {
        Self { call: "", kind, code: None, message, request: None }
    }

    /// The remedy, where there is one.
    fn remedy(&self) -> Option<&'static str> {
        let service_linked = self.message.contains("CreateServiceLinkedRole");
        match self.kind {
            _ if self.call.is_empty() => None,
            Kind::NoCredentials => Some(
                "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, name a \
                 --profile, or put the lab's AWS CLI details into a file `credentials` in this directory",
            ),
            Kind::BadFile => Some(
                "a credentials file begins with a line [default], or the --profile's name in brackets, and below it come \
                 aws_access_key_id, aws_secret_access_key and, in the lab, aws_session_token: copy all of the lab's AWS CLI \
                 details into it",
            ),
            Kind::Expired => Some(
                "the credentials have expired or are wrong: start the lab again (or renew the session) and copy its AWS CLI \
                 details anew",
            ),
            Kind::Denied if service_linked => Some(
                "the first use of a service creates its role: let somebody with iam:CreateServiceLinkedRole do it once",
            ),
            Kind::Denied if self.message.contains("explicit deny") => Some(
                "a policy forbids it whatever else is allowed: in the Learner Lab that is a service or size the lab does not \
                 offer, or a budget that is spent (see the top of the lab's page)",
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
            Kind::Unsupported => Some(
                "whoever answered does not know this call: check --region, the AWS_ENDPOINT_URL variables and any proxy on \
                 the way",
            ),
            // Words of our own say it themselves.
            _ if self.code.is_none() => None,
            Kind::NotFound => Some("what is there has changed meanwhile: run it again, which looks anew"),
            Kind::Exists => Some(
                "something of that name is there that was not seen before: run it again, or choose another --name",
            ),
            Kind::InUse => {
                Some("something still uses it: run it again in a few minutes, it goes on where it stopped")
            }
            Kind::Refused => Some(
                "change what these words name in the description or the options, and run it again; `plan --json` shows \
                 what is sent",
            ),
        }
    }

    /// What happened, without the remedy: part of a longer sentence.
    pub(super) fn said(&self) -> String {
        // Nobody wants to read through which providers the SDK has gone, for which call.
        if self.kind == Kind::NoCredentials {
            return NO_CREDENTIALS.to_owned();
        }
        let parts = [self.call, self.code.as_deref().unwrap_or_default(), self.message.trim_end_matches('.')];
        let said = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ");
        match &self.request {
            Some(request) => format!("{said} (request {request})"),
            None => said,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.said())?;
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

    /// An error with a chain behind it.
    #[derive(Debug)]
    struct Nested(&'static str, Option<Box<Self>>);

    impl fmt::Display for Nested {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl std::error::Error for Nested {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            self.1.as_deref().map(|source| source as _)
        }
    }

    #[test]
    fn what_nobody_answered_is_said_without_the_request() {
        let of = |words: &[&'static str]| {
            let nested = words.iter().rev().fold(None, |inner, word| Some(Box::new(Nested(word, inner))));
            chain(&*nested.expect("words"))
        };
        let request = "failed to apply endpoint to request `Request { body: SdkBody { \"secret\" } }`";
        assert_eq!(of(&["dispatch failure", "other", request, BAD_ENDPOINT]), BAD_ENDPOINT);
        assert_eq!(
            of(&["dispatch failure", "io error", "client error: refused", "refused"]),
            "io error: client error: refused"
        );
        assert_eq!(of(&["dispatch failure"]), "nobody could be asked");
        for (words, kind) in [
            ("ProfileFile provider could not be built: invalid profile", Kind::BadFile),
            ("no providers in chain provided credentials", Kind::NoCredentials),
            ("profile `lab` was not defined: it does not exist", Kind::BadFile),
            ("the credentials provider timed out", Kind::Expired),
            ("io error: refused", Kind::Unreachable),
        ] {
            assert_eq!(of_no_answer(words), kind, "{words}");
        }
    }

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
        assert_eq!(classify(Some("UnknownOperationException"), 400, ""), Kind::Unsupported);
        assert_eq!(classify(None, 404, ""), Kind::Unsupported);
        assert_eq!(classify(None, 403, ""), Kind::Denied);
        assert_eq!(classify(None, 500, ""), Kind::Server);
    }
}
