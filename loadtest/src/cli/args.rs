//! The arguments, with the text of `--help`. Where k6 has a flag, ours has the same name.
#![expect(clippy::doc_markdown, reason = "the documentation is the text of --help, shown as it is")]

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Push load at an HTTP service with virtual users (VUs), and see how it holds up.
///
/// TARGET is a URL (no script needed), a k6 script (JavaScript or TypeScript), a plan (TOML), or - to read a
/// script from standard input.
#[derive(Debug, Parser)]
#[command(
    name = "loadtest",
    version,
    args_conflicts_with_subcommands = true,
    arg_required_else_help = true,
    max_term_width = 110,
    after_help = AFTER_HELP
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) run: RunArgs,
}

const AFTER_HELP: &str = "\
Examples:
  loadtest http://localhost:6400/api/v1/todos                         10 VUs for 30 s, a request a second each
  loadtest http://localhost:6400/api/v1/todos --practical             0 to 1000 VUs in 1m, to 5000 in 10m
  loadtest http://localhost:6400/ --stage 1m:1000 --stage 10m:5000
  loadtest http://localhost:6400/ --rate 500 -d 1m --threshold 'http_req_duration: p(95)<200'
  loadtest k6.js --base-url http://localhost:8080 --speed 10          the practical's script, unchanged
  loadtest inspect k6.js
  loadtest new script.js                                              a script to begin with

Exit codes: 0 done, also when checks failed; 99 a threshold failed; 100/101 setup/teardown took too long;
102 the script was stuck; 104 bad options; 105 interrupted; 107 the script failed; 108 the script aborted the test; 110 the script
marked the test as failed.";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run a test; the same as without `run`
    Run(Box<RunArgs>),
    /// Print the options of a script or a plan as JSON
    Inspect(InspectArgs),
    /// Write a script or a plan to begin with
    New(NewArgs),
    /// Print the version
    Version(VersionArgs),
}

#[derive(Debug, Args)]
pub(super) struct NewArgs {
    /// The file to write; a plan if it ends in .toml
    #[arg(default_value = "script.js")]
    pub(super) file: PathBuf,
    /// Overwrite the file if it exists
    #[arg(short = 'f', long)]
    pub(super) force: bool,
    /// minimal, protocol, plan, or the path of a template of your own
    #[arg(long, value_name = "NAME|PATH")]
    pub(super) template: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct VersionArgs {
    /// As JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args, Default)]
pub(super) struct InspectArgs {
    /// The script or plan; - reads a script from standard input
    pub(super) target: String,
    /// Add the length of the test and the VUs it needs
    #[arg(long)]
    pub(super) execution_requirements: bool,
    #[command(flatten)]
    pub(super) script: ScriptArgs,
}

#[derive(Debug, Args, Default)]
pub(super) struct ScriptArgs {
    /// Where k6/secrets finds secrets: file=PATH or mock=KEY=VALUE,…; with name=NAME and default if
    /// there are several (repeatable)
    #[arg(long, value_name = "KIND=SETTINGS", help_heading = "Script")]
    pub(super) secret_source: Vec<String>,
    /// Set a variable of the script's __ENV (repeatable)
    #[arg(short = 'e', long = "env", value_name = "KEY=VALUE", help_heading = "Script")]
    pub(super) env: Vec<String>,
    /// Give the script the environment of this process too (default: true)
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        help_heading = "Script"
    )]
    pub(super) include_system_env_vars: Option<bool>,
    /// Options as JSON; the script's own, variables and flags stand over it
    #[arg(short = 'c', long, value_name = "FILE", help_heading = "Script")]
    pub(super) config: Option<PathBuf>,
}

/// What VUs may share, and whether scripts may run without JavaScript where they are simple enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Isolation {
    /// Natively, or several VUs in an interpreter, where that gives the same results
    #[default]
    Auto,
    /// Always an interpreter for each VU
    Vu,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum SummaryMode {
    #[default]
    Compact,
    /// All HTTP metrics, and a block for each group and scenario
    Full,
    /// No summary
    Disabled,
}

#[derive(Debug, Args, Default)]
pub(super) struct RunArgs {
    /// URL, script (.js, .mjs, .ts), plan (.toml), or - for a script on standard input
    #[arg(required = true)]
    pub(super) target: Option<String>,
    #[command(flatten)]
    pub(super) load: LoadArgs,
    #[command(flatten)]
    pub(super) request: RequestArgs,
    #[command(flatten)]
    pub(super) script: ScriptArgs,
    #[command(flatten)]
    pub(super) http: HttpArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    #[command(flatten)]
    pub(super) log: LogArgs,
    #[command(flatten)]
    pub(super) k6: K6Args,
    /// Replace scheme and host of every request, such as http://localhost:8080
    #[arg(long, value_name = "URL", help_heading = "Script")]
    pub(super) base_url: Option<String>,
    /// Run the load's time axis K times as fast: stages, start times and graceful periods, not think times
    #[arg(long, value_name = "K", help_heading = "Script")]
    pub(super) speed: Option<f64>,
    /// How scripts run
    #[arg(long, value_enum, default_value_t, help_heading = "Script")]
    pub(super) isolation: Isolation,
    /// Run one share of the test, such as 0:1/3 or 25%; other machines run the others
    #[arg(long, value_name = "FROM:TO", help_heading = "Load")]
    pub(super) execution_segment: Option<String>,
    /// All shares of the test, such as 0,1/3,2/3,1
    #[arg(long, value_name = "LIST", help_heading = "Load")]
    pub(super) execution_segment_sequence: Option<String>,
    /// Do not run setup()
    #[arg(long, help_heading = "Script")]
    pub(super) no_setup: bool,
    /// Do not run teardown()
    #[arg(long, help_heading = "Script")]
    pub(super) no_teardown: bool,
    /// Worker threads (default: one per core; half as many when native iterations without pauses
    /// all go to a loopback address)
    #[arg(long, value_name = "N", help_heading = "Load")]
    pub(super) threads: Option<usize>,
}

#[derive(Debug, Args, Default)]
pub(super) struct LoadArgs {
    /// Number of VUs
    #[arg(short = 'u', long, value_name = "N", help_heading = "Load")]
    pub(super) vus: Option<u64>,
    /// How long, such as 30s or 1m30s
    #[arg(short = 'd', long, help_heading = "Load")]
    pub(super) duration: Option<String>,
    /// Iterations over all VUs
    #[arg(short = 'i', long, value_name = "N", help_heading = "Load")]
    pub(super) iterations: Option<u64>,
    /// Ramp to TARGET within DURATION (repeatable); VUs, or iterations per second with --rate
    #[arg(short = 's', long = "stage", value_name = "DURATION:TARGET", help_heading = "Load")]
    pub(super) stages: Vec<String>,
    /// Start N iterations a second, whatever the server does
    #[arg(long, value_name = "N", help_heading = "Load")]
    pub(super) rate: Option<u64>,
    /// VUs that --rate may use at most
    #[arg(long, value_name = "N", help_heading = "Load")]
    pub(super) max_vus: Option<u64>,
    /// The practical's plan: up to 1000 VUs in 1 minute, then up to 5000 in 10
    #[arg(long, help_heading = "Load")]
    pub(super) practical: bool,
    /// A rule that fails the run, such as 'http_req_duration: p(95)<200' (repeatable)
    #[arg(long = "threshold", value_name = "METRIC: RULE", help_heading = "Load")]
    pub(super) thresholds: Vec<String>,
    /// Ignore all thresholds
    #[arg(long, help_heading = "Load")]
    pub(super) no_thresholds: bool,
}

#[derive(Debug, Args, Default)]
pub(super) struct RequestArgs {
    /// Method (default GET, or POST with a body)
    #[arg(short = 'X', long, help_heading = "Request (with a URL)")]
    pub(super) method: Option<String>,
    /// A header (repeatable)
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", help_heading = "Request (with a URL)")]
    pub(super) headers: Vec<String>,
    /// The body, or @FILE to read it from a file
    #[arg(long, value_name = "TEXT", help_heading = "Request (with a URL)")]
    pub(super) body: Option<String>,
    /// Pause after each request (default 1s, none with --rate)
    #[arg(long, value_name = "DURATION", help_heading = "Request (with a URL)")]
    pub(super) think_time: Option<String>,
    /// status=200, status!=404, status<400, body~TEXT, body, or duration<500ms (repeatable)
    #[arg(long = "check", value_name = "RULE", help_heading = "Request (with a URL)")]
    pub(super) checks: Vec<String>,
    /// Give up on a request after this long (default 60s)
    #[arg(long, value_name = "DURATION", help_heading = "Request (with a URL)")]
    pub(super) timeout: Option<String>,
}

#[derive(Debug, Args, Default)]
pub(super) struct HttpArgs {
    /// Requests per second over all VUs, at most
    #[arg(long, value_name = "N", help_heading = "HTTP")]
    pub(super) rps: Option<u64>,
    /// Redirects to follow (default 10)
    #[arg(long, value_name = "N", help_heading = "HTTP")]
    pub(super) max_redirects: Option<u64>,
    /// Parallel requests of one http.batch (default 20)
    #[arg(long, value_name = "N", help_heading = "HTTP")]
    pub(super) batch: Option<u64>,
    /// The same for one host (default 6)
    #[arg(long, value_name = "N", help_heading = "HTTP")]
    pub(super) batch_per_host: Option<u64>,
    /// User-Agent of requests that set none
    #[arg(long, value_name = "TEXT", help_heading = "HTTP")]
    pub(super) user_agent: Option<String>,
    /// Accept any certificate
    #[arg(short = 'k', long, help_heading = "HTTP")]
    pub(super) insecure_skip_tls_verify: bool,
    /// A new connection for each request
    #[arg(long, help_heading = "HTTP")]
    pub(super) no_connection_reuse: bool,
    /// New connections for each iteration
    #[arg(long, help_heading = "HTTP")]
    pub(super) no_vu_connection_reuse: bool,
    /// Read response bodies, but do not keep them
    #[arg(long, help_heading = "HTTP")]
    pub(super) discard_response_bodies: bool,
    /// An iteration takes at least this long
    #[arg(long, value_name = "DURATION", help_heading = "HTTP")]
    pub(super) min_iteration_duration: Option<String>,
    /// Failed requests throw an exception in the script
    #[arg(short = 'w', long, help_heading = "HTTP")]
    pub(super) throw: bool,
    /// Refuse to call a network, such as 10.0.0.0/8 (repeatable)
    #[arg(long = "blacklist-ip", value_name = "NETWORK", help_heading = "HTTP")]
    pub(super) blacklist_ips: Vec<String>,
    /// Refuse to call a host, such as *.example.com (repeatable)
    #[arg(long, value_name = "PATTERN", help_heading = "HTTP")]
    pub(super) block_hostnames: Vec<String>,
    /// Addresses of this machine that VUs call from, such as 10.0.0.1-10.0.0.9 or 10.0.0.0/24
    #[arg(long, value_name = "LIST", help_heading = "HTTP")]
    pub(super) local_ips: Option<String>,
    /// Log requests and answers, with =full their bodies too
    #[arg(
        long,
        value_name = "HOW",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "headers",
        help_heading = "HTTP"
    )]
    pub(super) http_debug: Option<String>,
    /// ttl=5m,select=random,policy=preferIPv4
    #[arg(long, value_name = "RULES", help_heading = "HTTP")]
    pub(super) dns: Option<String>,
    /// Call ADDR instead of HOST:PORT, as in curl (repeatable)
    #[arg(long, value_name = "HOST:PORT:ADDR", help_heading = "HTTP")]
    pub(super) resolve: Vec<String>,
}

#[derive(Debug, Args, Default)]
pub(super) struct OutputArgs {
    /// Write every sample: json=FILE or csv=FILE, compressed if FILE ends in .gz (repeatable)
    #[arg(short = 'o', long, value_name = "KIND=FILE", help_heading = "Output")]
    pub(super) out: Vec<String>,
    /// Write a report: one HTML file with charts
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(super) report: Option<PathBuf>,
    /// Lay the test over what the fleet did meanwhile, and say whether it scaled and whether that helped: the
    /// address of a dashboard, such as http://127.0.0.1:8081, or the file of a timeline
    #[arg(long, value_name = "URL|FILE", help_heading = "Output")]
    pub(super) timeline: Option<String>,
    /// Write the results as JSON
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(super) summary_export: Option<PathBuf>,
    /// Give handleSummary and --summary-export the results in k6's newer shape
    #[arg(long, help_heading = "Output")]
    pub(super) new_machine_readable_summary: bool,
    /// How much the summary shows
    #[arg(long, value_enum, help_heading = "Output")]
    pub(super) summary_mode: Option<SummaryMode>,
    /// Statistics of trends, such as avg,med,p(99.9)
    #[arg(long, value_name = "LIST", help_heading = "Output")]
    pub(super) summary_trend_stats: Option<String>,
    /// s, ms or us
    #[arg(long, value_name = "UNIT", value_parser = ["s", "ms", "us"], hide_possible_values = true, help_heading = "Output")]
    pub(super) summary_time_unit: Option<String>,
    /// Put a tag on every sample (repeatable)
    #[arg(long = "tag", value_name = "NAME=VALUE", help_heading = "Output")]
    pub(super) tags: Vec<String>,
    /// The system tags to set, separated by commas
    #[arg(long, value_name = "LIST", help_heading = "Output")]
    pub(super) system_tags: Option<String>,
    /// No progress
    #[arg(short = 'q', long, help_heading = "Output")]
    pub(super) quiet: bool,
    /// No colours (NO_COLOR does the same)
    #[arg(long, help_heading = "Output")]
    pub(super) no_color: bool,
}

#[derive(Debug, Args, Default)]
pub(super) struct LogArgs {
    /// Show what scripts write with console.debug, too
    #[arg(short = 'v', long, help_heading = "Output")]
    pub(super) verbose: bool,
    /// How lines of the log look: json, raw, or as text
    #[arg(long, value_name = "FORMAT", help_heading = "Output")]
    pub(super) log_format: Option<String>,
    /// Where the log goes: stderr, stdout, none or file=PATH[,level=LEVEL]
    #[arg(long, value_name = "WHERE", help_heading = "Output")]
    pub(super) log_output: Option<String>,
    /// Write what scripts print to a file instead of the log
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(super) console_output: Option<PathBuf>,
}

/// Flags of k6 that have nothing to do here: they are taken, so that command lines run unchanged.
#[derive(Debug, Args, Default)]
pub(super) struct K6Args {
    #[arg(short = 'p', long, hide = true)]
    pub(super) paused: bool,
    #[arg(short = 'l', long, hide = true)]
    pub(super) linger: bool,
    #[arg(long, hide = true)]
    pub(super) no_usage_report: bool,
    #[arg(long, hide = true)]
    pub(super) profiling_enabled: bool,
    #[arg(short = 'a', long, hide = true, value_name = "ADDRESS")]
    pub(super) address: Option<String>,
    #[arg(long, hide = true, value_name = "LIST")]
    pub(super) features: Vec<String>,
    #[arg(long, hide = true, value_parser = ["base", "extended", "experimental_enhanced"])]
    pub(super) compatibility_mode: Option<String>,
    /// Archives cannot be run
    #[arg(short = 't', long = "type", hide = true, value_parser = ["js"])]
    pub(super) kind: Option<String>,
    /// Switches that are told to be off, such as --throw=false
    #[arg(long, hide = true)]
    pub(super) off: Vec<String>,
    /// Traces cannot be sent
    #[arg(long, hide = true, value_parser = ["none"])]
    pub(super) traces_output: Option<String>,
}
