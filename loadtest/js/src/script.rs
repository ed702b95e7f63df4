//! A script: its modules, what they compile to, and what its init code says of it.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use url::Url;

use crate::api::host::{MetricDef, Recorder};
use crate::vm::fiber::Bytecode;
use crate::{NativeScenario, Scenario, Vu, VuConfig};

mod error;
mod graph;
pub(crate) mod parse;
mod resolve;
mod shareable;

pub use error::ScriptError;
use graph::Graph;
pub(crate) use graph::{BODY, instance, of_instance};

/// A loaded script. Cheap to clone; shared by all threads.
#[derive(Clone)]
pub struct Script(Arc<Inner>);

struct Inner {
    env: BTreeMap<String, String>,
    graph: Mutex<Graph>,
    facts: OnceLock<Facts>,
    files: Mutex<HashMap<PathBuf, Arc<[u8]>>>,
    shared: Mutex<HashMap<String, Arc<[Arc<str>]>>>,
}

/// What the init code says of the script.
#[derive(Debug, Clone, Default)]
struct Facts {
    options: serde_json::Value,
    functions: Vec<String>,
    metrics: Vec<MetricDef>,
}

/// A module's code.
pub(crate) enum Code {
    /// Not compiled yet. Always an ES module; see `graph`.
    Source(String),
    /// For this process only.
    Bytecode(Bytecode),
}

/// Where a script comes from.
#[derive(Debug, Clone)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// A text, such as one from standard input; its relative imports start at `directory`.
    Text {
        /// JavaScript or, if `name` ends in `.ts`, TypeScript.
        text: String,
        /// What errors call it.
        name: String,
        /// Absolute.
        directory: PathBuf,
    },
}

/// How modules from the net are had: only whoever may open sockets can.
pub trait Remote: Send + Sync {
    /// The text at an `https` address.
    ///
    /// # Errors
    /// Why it cannot be had, in words.
    fn fetch(&self, url: &Url) -> Result<String, String>;
}

/// Nothing comes from the net.
#[derive(Debug, Clone, Copy)]
pub struct Offline;

impl Remote for Offline {
    fn fetch(&self, _: &Url) -> Result<String, String> {
        Err("nothing is downloaded here".to_owned())
    }
}

impl Script {
    /// Reads a script and all it imports, and runs its init code once to learn its options. `env` is what
    /// `__ENV` holds. What the init code logs goes to `recorder`. Modules from the net are an error.
    ///
    /// # Errors
    /// When something cannot be read, parsed, found or run; the text says what and where.
    pub fn load(
        source: Source,
        env: BTreeMap<String, String>,
        recorder: Rc<dyn Recorder>,
    ) -> Result<Self, ScriptError> {
        Self::load_with(source, env, recorder, Arc::new(Offline))
    }

    /// As [`Script::load`], with modules from the net by way of `remote`.
    ///
    /// # Errors
    /// See there.
    pub fn load_with(
        source: Source,
        env: BTreeMap<String, String>,
        recorder: Rc<dyn Recorder>,
        remote: Arc<dyn Remote>,
    ) -> Result<Self, ScriptError> {
        let script = Self(Arc::new(Inner {
            env,
            graph: Mutex::new(Graph::load(source, remote)?),
            facts: OnceLock::new(),
            files: Mutex::default(),
            shared: Mutex::default(),
        }));
        let notes = Rc::new(RefCell::default());
        let mode = crate::vm::inspect_mode(&notes);
        Vu::with_mode(&script, VuConfig::default(), recorder, mode).map_err(ScriptError::Init)?;
        let notes = notes.take();
        let options = match notes.options.as_deref() {
            None => serde_json::Value::Object(serde_json::Map::new()),
            Some(json) => serde_json::from_str(json).map_err(|e| ScriptError::Options(e.to_string()))?,
        };
        let facts = Facts { options, functions: notes.functions, metrics: notes.metrics };
        if script.0.facts.set(facts).is_err() {
            unreachable!("nobody else has this script yet");
        }
        Ok(script)
    }

    /// The exported `options`, as the script has them; `{}` without.
    #[must_use]
    pub fn options(&self) -> &serde_json::Value {
        &self.facts().options
    }

    /// The names of the exported functions: `default`, `setup`, `teardown`, `handleSummary`, others for `exec`.
    #[must_use]
    pub fn functions(&self) -> &[String] {
        &self.facts().functions
    }

    /// Whether a function of this name is exported.
    #[must_use]
    pub fn has_function(&self, name: &str) -> bool {
        self.functions().iter().any(|f| f == name)
    }

    /// The metrics that the init code declares, by name.
    #[must_use]
    pub fn metrics(&self) -> &[MetricDef] {
        &self.facts().metrics
    }

    /// A scenario as data, if its function is nothing more than a list of requests with constant parameters,
    /// checks of their responses, and pauses; then it can be run without an interpreter, with the same results.
    /// `scenario` tells the function and the variables, `config` the options that requests depend on.
    #[must_use]
    pub fn native(&self, scenario: &Rc<Scenario>, config: &VuConfig) -> Option<NativeScenario> {
        crate::native::classify(self, scenario, config)
    }

    /// The entry's name as a URL, such as `file:///home/me/k6.js`.
    #[must_use]
    pub fn name(&self) -> String {
        self.entry()
    }

    fn facts(&self) -> &Facts {
        self.0.facts.get().expect("a script that has been loaded has been looked at")
    }

    pub(crate) fn env(&self) -> &BTreeMap<String, String> {
        &self.0.env
    }

    pub(crate) fn entry(&self) -> String {
        self.graph().entry.clone()
    }

    /// The script's own text, as it was written.
    #[must_use]
    pub fn source(&self) -> Arc<str> {
        Arc::clone(&self.graph().entry_text)
    }

    /// The text of one of the script's own modules as JavaScript, if it is an ES module.
    pub(crate) fn text_of(&self, name: &str) -> Option<Arc<str>> {
        self.graph().texts.get(name).cloned()
    }

    /// Whether a module is an ES module of the script's own, or JSON, of which each VU can have an instance.
    pub(crate) fn has_text(&self, name: &str) -> bool {
        self.graph().texts.contains_key(name)
    }

    pub(crate) fn entry_is_common_js(&self) -> bool {
        let graph = self.graph();
        graph.is_common_js(&graph.entry)
    }

    pub(crate) fn is_common_js(&self, name: &str) -> bool {
        self.graph().is_common_js(name)
    }

    /// Whether `word` occurs anywhere in the script's own modules, as an identifier, a part of a string or of a
    /// comment, or something does that lets the script build names (see `REFLECTIVE`). `false` means that no code
    /// can refer to a global of that name.
    pub(crate) fn mentions(&self, word: &str) -> bool {
        self.graph().mentions(word)
    }

    /// Whether a script may read the property `name` of something: it says so, or reads properties by computed
    /// names, or lists them.
    pub(crate) fn mentions_member(&self, name: &str) -> bool {
        self.graph().mentions(name) || self.mentions_any_member()
    }

    /// Whether a script may assign to the property `name` of something.
    pub(crate) fn assigns_member(&self, name: &str) -> bool {
        self.mentions_member(&parse::assigned(name))
    }

    /// Whether a script reads properties by computed names, or lists them.
    pub(crate) fn mentions_any_member(&self) -> bool {
        self.graph().mentions(parse::ANY_MEMBER)
    }

    /// The module that `specifier` means in the module `base`. Reads modules that have not been seen yet, which
    /// only happens in the first run of the init code.
    pub(crate) fn resolve(&self, base: &str, specifier: &str) -> Result<String, String> {
        let frozen = self.0.facts.get().is_some();
        self.graph().resolve(base, specifier, frozen).map_err(|e| e.to_string())
    }

    /// The address of what `specifier` means in the module `base`; it need not be a module, nor exist.
    pub(crate) fn locate(&self, base: &str, specifier: &str) -> Result<String, String> {
        self.graph().locate(base, specifier)
    }

    pub(crate) fn code(&self, name: &str) -> Result<Arc<Code>, String> {
        self.graph().code(name).ok_or_else(|| format!("there is no module {name}"))
    }

    pub(crate) fn keep(&self, name: &str, code: Bytecode) {
        self.graph().keep(name, code);
    }

    /// The directory that `open()` starts from.
    pub(crate) fn directory(&self) -> PathBuf {
        self.graph().directory.clone()
    }

    /// A file's bytes, read once for all VUs.
    pub(crate) fn file(&self, path: &Path) -> std::io::Result<Arc<[u8]>> {
        let mut files = self.0.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = files.get(path) {
            return Ok(Arc::clone(bytes));
        }
        let bytes: Arc<[u8]> = std::fs::read(path)?.into();
        files.insert(path.to_owned(), Arc::clone(&bytes));
        Ok(bytes)
    }

    /// The elements of a shared array as JSON, if it has been built.
    pub(crate) fn shared(&self, name: &str) -> Option<Arc<[Arc<str>]>> {
        self.0.shared.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Keeps a shared array; the first one of a name stays.
    pub(crate) fn share(&self, name: &str, elements: Vec<Arc<str>>) -> Arc<[Arc<str>]> {
        let mut shared = self.0.shared.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(shared.entry(name.to_owned()).or_insert_with(|| elements.into()))
    }

    fn graph(&self) -> std::sync::MutexGuard<'_, Graph> {
        self.0.graph.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Script").field("entry", &self.entry()).finish_non_exhaustive()
    }
}

/// A recorder for whoever only wants to look at a script: it drops what is logged, and its clock is none, but moves
/// by about what the interpreter needs between two readings, so that init code cannot run for ever.
#[derive(Debug, Default)]
pub struct Unrecorded(Cell<Duration>);

impl Recorder for Unrecorded {
    fn now(&self) -> Duration {
        self.0.set(self.0.get() + Duration::from_micros(100));
        self.0.get()
    }
    fn unix_now(&self) -> Duration {
        Duration::ZERO
    }
    fn check(&self, _: &str, _: bool, _: crate::SampleTags<'_>) {}
    fn sample(&self, _: &Rc<MetricDef>, _: f64, _: crate::SampleTags<'_>) {}
    fn group(&self, _: Duration, _: crate::SampleTags<'_>) {}
    fn log(&self, _: crate::LogLevel, _: &str, _: &str) {}
    fn fail_test(&self, _: &str) {}
    fn status(&self) -> crate::TestStatus {
        crate::TestStatus::default()
    }
    fn options(&self) -> Arc<str> {
        "{}".into()
    }
}
