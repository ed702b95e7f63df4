//! The SDK's clients: one configuration for all of them, with a limit on every wait.

mod profile;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::failure::{Failure, Kind};
use super::wait::Deadline;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

/// Where the credentials come from and where the calls go.
#[derive(Debug, Clone)]
pub struct Access {
    pub region: String,
    /// A profile of `~/.aws`, which stands over the environment; `None` lets that decide.
    pub profile: Option<String>,
    /// A credentials file in the working directory, as the Learner Lab's readers keep it. The environment and
    /// `profile` stand over it.
    pub lab_file: Option<PathBuf>,
}

impl Access {
    /// That the profile that somebody named, here or in `AWS_PROFILE`, is in one of AWS's files.
    ///
    /// # Errors
    /// When it is not: the name, the files and the profiles that they have.
    pub fn profile_is_there(&self) -> Result<(), Failure> {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        // What stands in the environment itself goes before a profile that only the environment names.
        let by_keys = set("AWS_ACCESS_KEY_ID").is_some();
        let named = self.profile.clone().or_else(|| set("AWS_PROFILE").filter(|_| !by_keys));
        match named.and_then(|named| profile::missing(&named, &profile::files())) {
            Some(said) => Err(Failure::ours(Kind::BadFile, said)),
            None => Ok(()),
        }
    }

    /// The file `credentials` of this directory, unless the environment or a profile says who we are.
    pub fn lab_file(has_profile: bool) -> Option<PathBuf> {
        let named = has_profile
            || [
                "AWS_ACCESS_KEY_ID",
                "AWS_PROFILE",
                "AWS_SHARED_CREDENTIALS_FILE",
                "AWS_WEB_IDENTITY_TOKEN_FILE",
            ]
            .iter()
            .any(|variable| std::env::var_os(variable).is_some_and(|value| !value.is_empty()));
        let file = Path::new("credentials");
        (!named && file.is_file()).then(|| file.to_path_buf())
    }
}

/// How long things may take. Tests make it quick.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Between two looks at something that takes its time.
    pub poll: Duration,
    /// For one attempt of one call.
    pub attempt: Duration,
    /// For one call with its repetitions.
    pub call: Duration,
    /// First pause before a repetition; doubles.
    pub backoff: Duration,
    /// For each wait of a command: one resource's turn, the way to readiness, what is still leaving.
    pub total: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            poll: seconds(5),
            attempt: seconds(20),
            call: seconds(120),
            backoff: seconds(1),
            total: seconds(30 * 60),
        }
    }
}

/// Attempts of one call, the first included: throttling, lost answers and 5xx are tried again.
const ATTEMPTS: u32 = 6;

/// Everything we talk to.
#[derive(Clone)]
pub struct Cloud {
    pub(super) acm: aws_sdk_acm::Client,
    pub(super) autoscaling: aws_sdk_autoscaling::Client,
    pub(super) cloudwatch: aws_sdk_cloudwatch::Client,
    pub(super) ec2: aws_sdk_ec2::Client,
    pub(super) ecr: aws_sdk_ecr::Client,
    pub(super) ecs: aws_sdk_ecs::Client,
    pub(super) elb: aws_sdk_elasticloadbalancingv2::Client,
    pub(super) iam: aws_sdk_iam::Client,
    pub(super) logs: aws_sdk_cloudwatchlogs::Client,
    pub(super) quotas: aws_sdk_servicequotas::Client,
    pub(super) rds: aws_sdk_rds::Client,
    pub(super) scaling: aws_sdk_applicationautoscaling::Client,
    pub(super) secrets: aws_sdk_secretsmanager::Client,
    pub(super) ssm: aws_sdk_ssm::Client,
    pub(super) sts: aws_sdk_sts::Client,
    pub region: String,
    pub pace: Pace,
}

impl fmt::Debug for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cloud").field("region", &self.region).finish_non_exhaustive()
    }
}

impl Cloud {
    /// For one wait of a command.
    pub(crate) fn patience(&self) -> Deadline {
        Deadline::after(self.pace.total, self.pace.poll)
    }

    /// Seconds since 1970.
    pub(crate) fn now_unix_s(&self) -> f64 {
        super::wait::unix_s()
    }

    pub async fn connect(access: &Access, pace: Pace) -> Self {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(pace.attempt.min(Duration::from_secs(5)))
            .operation_attempt_timeout(pace.attempt)
            .operation_timeout(pace.call)
            .build();
        let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(pace.backoff);
        let region = Region::new(access.region.clone());
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http.clone())
            .timeout_config(timeouts)
            .retry_config(retries)
            .region(region.clone());
        // Whoever names a profile means it, whatever the environment says.
        if let Some(profile) = &access.profile {
            let with = ProviderConfig::without_region().with_http_client(http).with_region(Some(region));
            let named = ProfileFileCredentialsProvider::builder().configure(&with).profile_name(profile);
            loader = loader.profile_name(profile).credentials_provider(named.build());
        }
        if let Some(file) = &access.lab_file {
            let files = EnvConfigFiles::builder().with_file(EnvConfigFileKind::Credentials, file).build();
            loader = loader.profile_files(files);
        }
        let config = loader.load().await;
        Self {
            acm: aws_sdk_acm::Client::new(&config),
            autoscaling: aws_sdk_autoscaling::Client::new(&config),
            cloudwatch: aws_sdk_cloudwatch::Client::new(&config),
            ec2: aws_sdk_ec2::Client::new(&config),
            ecr: aws_sdk_ecr::Client::new(&config),
            ecs: aws_sdk_ecs::Client::new(&config),
            elb: aws_sdk_elasticloadbalancingv2::Client::new(&config),
            iam: aws_sdk_iam::Client::new(&config),
            logs: aws_sdk_cloudwatchlogs::Client::new(&config),
            quotas: aws_sdk_servicequotas::Client::new(&config),
            rds: aws_sdk_rds::Client::new(&config),
            scaling: aws_sdk_applicationautoscaling::Client::new(&config),
            secrets: aws_sdk_secretsmanager::Client::new(&config),
            ssm: aws_sdk_ssm::Client::new(&config),
            sts: aws_sdk_sts::Client::new(&config),
            region: access.region.clone(),
            pace,
        }
    }
}
