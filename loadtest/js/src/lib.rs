//! Virtual users that run k6 scripts, without doing any I/O themselves.
//!
//! A [`Script`] is loaded once: its modules are read, types are stripped, and its init code runs to learn its
//! options. Each [`Vu`] then runs the init code for itself, in an interpreter of its own on a stack of its own,
//! and is given tasks: iterations, setup, teardown, handleSummary. Whenever the script wants something of the
//! world, in the middle of whatever it does, the VU hands out a [`HostCall`] and sleeps until it is resumed
//! with a [`Reply`]; checks, samples and log lines go to a [`Recorder`] on the way. So there is no socket, no
//! timer, no thread and no clock in here, and tests need none either.
//!
//! ```
//! use std::rc::Rc;
//! use loadtest_js::{Script, Source, Unrecorded};
//!
//! let text = "export const options = { vus: 3 }; export default function () {}";
//! let source = Source::Text { text: text.to_owned(), name: "k6.js".to_owned(), directory: "/".into() };
//! let script = Script::load(source, Default::default(), Rc::new(Unrecorded::default()))?;
//! assert_eq!(script.options()["vus"], 3);
//! # Ok::<(), loadtest_js::ScriptError>(())
//! ```
//!
//! What it deliberately does not do: follow redirects, keep time, decide when iterations start, aggregate.

mod address;
mod api;
mod cookies;
mod modules;
mod native;
mod script;
mod secrets;
mod vm;

pub use address::Address;
pub use api::host::{
    AsyncOp, Event, HostCall, Iteration, LogLevel, MetricDef, MetricKind, OpId, Outcome, Recorder, Reply,
    Scenario, ScriptException, Step, Task, TaskResult, TaskValue, TestStatus,
};
pub use api::http::{
    Auth, AuthScheme, Compression, Expected, HttpRequest, HttpResponse, Reads, RequestCookie, ResponseType,
    SentRequest, Timings,
};
pub use api::tags::{SampleTags, TagContext};
pub use cookies::{CookieJar, SetCookie, cookie_header, cookies_of};
pub use modules::http::canonical;
pub use native::{
    NativeNumber, NativeOrder, NativeRequest, NativeScenario, NativeStep, NativeTest, NativeView,
};
pub use script::{Offline, Remote, Script, ScriptError, Source, Unrecorded};
pub use secrets::{SecretSource, redact, set_secret_sources};
pub use vm::{Vu, VuConfig, VuError, VuPool};
