//! All modules of a script: read, told apart by kind, and brought into the one form the engine is given.
//!
//! Whatever its kind, a module becomes an ES module: JSON and CommonJS ones export a function that fills
//! `module.exports`; an import of such a module goes through a small front with the names that are asked for.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::ScriptError;
use super::parse::{self, Import, Parsed};
use super::resolve::{self, Place, Target};
use super::{Code, Remote, Source};
use crate::modules;
use crate::vm::fiber::Bytecode;
use crate::vm::intrinsics::{REFLECTIVE, REGEXP_LITERAL};

/// Ends the name of the function of a CommonJS module, as opposed to its front.
pub(crate) const BODY: &str = "#body";

/// How a module is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// It has to be there.
    Import,
    /// Perhaps never.
    Require,
}

/// Modules in one script.
const MODULES_MAX: usize = 10_000;

pub(crate) struct Graph {
    pub(crate) entry: String,
    /// As it was written.
    pub(crate) entry_text: Arc<str>,
    /// Of the script's ES modules, as JavaScript.
    pub(crate) texts: HashMap<String, Arc<str>>,
    /// Of the entry; absolute.
    pub(crate) directory: PathBuf,
    codes: BTreeMap<String, Arc<Code>>,
    /// From importing module and specifier to name.
    resolved: HashMap<(String, String), String>,
    common_js: HashSet<String>,
    /// Names that ES modules import from each module.
    wanted: BTreeMap<String, BTreeSet<String>>,
    words: HashSet<String>,
    read: HashSet<String>,
    remote: Arc<dyn Remote>,
    /// Originals of helpers by address; none: they could not be had.
    originals: HashMap<String, Option<String>>,
}

impl Graph {
    pub(crate) fn load(source: Source, remote: Arc<dyn Remote>) -> Result<Self, ScriptError> {
        let (path, text) = match source {
            Source::File(path) => {
                let path = std::path::absolute(&path).map_err(|source| ScriptError::Read { path, source })?;
                let path = resolve::normalise(&path);
                let text = read(&path)?;
                (path, text)
            }
            Source::Text { text, name, directory } => (directory.join(name), text),
        };
        let directory = path.parent().unwrap_or(Path::new("/")).to_owned();
        let place = Place::File(path);
        let mut graph = Self {
            entry: place.name(),
            entry_text: text.as_str().into(),
            texts: HashMap::new(),
            directory,
            codes: BTreeMap::new(),
            resolved: HashMap::new(),
            common_js: HashSet::new(),
            wanted: BTreeMap::new(),
            words: HashSet::new(),
            read: HashSet::new(),
            remote,
            originals: HashMap::new(),
        };
        graph.read_all(place, text)?;
        Ok(graph)
    }

    /// Reads a module and what it imports, and what that imports, and makes fronts.
    fn read_all(&mut self, place: Place, text: String) -> Result<(), ScriptError> {
        let mut unknown = BTreeMap::<String, &'static str>::new();
        self.read.insert(place.name());
        let mut waiting = vec![(place, Some(text))];
        while let Some((place, text)) = waiting.pop() {
            // Nothing is downloaded for a script that cannot run.
            if matches!(place, Place::Remote(_)) && !unknown.is_empty() {
                continue;
            }
            let text = text.map_or_else(|| self.text(&place), Ok)?;
            for (specifier, target, how) in self.add(&place, &text)? {
                let name = match target {
                    Target::Own(name) => {
                        self.mention_own(name);
                        name.to_owned()
                    }
                    // A call of `require` that is never reached does no harm; one that is, throws.
                    Target::Unknown(_) if how == How::Require => continue,
                    Target::Unknown(why) => {
                        unknown.insert(specifier, why);
                        continue;
                    }
                    Target::Place(place) => {
                        let name = place.name();
                        if !self.read.contains(&name) {
                            let text = match how {
                                How::Import => None,
                                How::Require => match self.text(&place) {
                                    Ok(text) => Some(text),
                                    Err(_) => continue,
                                },
                            };
                            self.read.insert(name.clone());
                            waiting.push((place, text));
                        }
                        name
                    }
                };
                self.resolved.entry((place.name(), specifier)).or_insert(name);
            }
            assert!(self.read.len() <= MODULES_MAX, "a script of more than {MODULES_MAX} modules");
        }
        if !unknown.is_empty() {
            return Err(ScriptError::UnknownModules { modules: unknown.into_iter().collect() });
        }
        self.make_fronts();
        Ok(())
    }

    /// Adds one module; what it imports.
    fn add(&mut self, place: &Place, text: &str) -> Result<Vec<(String, Target, How)>, ScriptError> {
        let name = place.name();
        if place.is_json() {
            self.add_common_js(name, &format!("module.exports = ({text}\n)"));
            return Ok(Vec::new());
        }
        let parsed = parse::parse(&name, text)?;
        let Parsed { code, is_module, imports, requires, exported, has_regexp, has_any_member, assigned } =
            parsed;
        self.words.extend(parse::words(&code));
        self.words.extend(assigned);
        if has_regexp {
            self.words.insert(REGEXP_LITERAL.to_owned());
        }
        if has_any_member {
            self.words.insert(parse::ANY_MEMBER.to_owned());
        }
        // What the host itself imports for those who use these.
        for (word, own) in [
            ("html", "k6/html"),
            ("submitForm", "k6/html"),
            ("clickLink", "k6/html"),
            ("TextEncoder", "#text"),
            ("TextDecoder", "#text"),
            ("getRandomValues", "#webcrypto"),
            ("randomUUID", "#webcrypto"),
            ("subtle", "#webcrypto"),
        ] {
            if self.words.contains(word) {
                self.mention_own(own);
            }
        }
        let mut targets = Vec::new();
        for import in imports {
            let target = self.original(resolve::resolve(place, &import.specifier), &import.specifier);
            match &target {
                Target::Place(place) => {
                    self.wanted.entry(place.name()).or_default().extend(import.names);
                }
                Target::Own(own) => self.make_lenient(&name, &import, own),
                Target::Unknown(_) => {}
            }
            targets.push((import.specifier, target, How::Import));
        }
        for specifier in requires {
            let target = resolve::resolve(place, &specifier);
            targets.push((specifier, target, How::Require));
        }
        if is_module {
            self.texts.insert(name.clone(), code.as_str().into());
            self.codes.insert(name, Arc::new(Code::Source(code)));
        } else {
            self.wanted.entry(name.clone()).or_default().extend(exported);
            self.add_common_js(name, &code);
        }
        Ok(targets)
    }

    /// What our own modules need of the language, their users need too.
    fn mention_own(&mut self, name: &str) {
        let Some(text) = modules::source(name) else { return };
        if !self.read.insert(name.to_owned()) {
            return;
        }
        self.words.extend(parse::words(text));
        self.words.insert(REGEXP_LITERAL.to_owned());
        if modules::reads_any_member(name) {
            self.words.insert(parse::ANY_MEMBER.to_owned());
        }
        for import in text.split(" from '").skip(1) {
            self.mention_own(import.split('\'').next().unwrap_or_default());
        }
    }

    /// What a script imports from one of our modules that does not have it is `undefined`, as in k6: some scripts
    /// import names that they never use.
    fn make_lenient(&mut self, importer: &str, import: &Import, own: &str) {
        let missing = |name: &&String| *name != "*" && !modules::exports(own, name);
        let missing: Vec<&String> = import.names.iter().filter(missing).collect();
        if missing.is_empty() {
            return;
        }
        let mut front = format!("export * from \"{own}\";\n");
        if modules::exports(own, "default") {
            front.push_str(&format!("export {{ default }} from \"{own}\";\n"));
        }
        for (i, name) in missing.iter().enumerate() {
            front.push_str(&format!("let v{i};\nexport {{ v{i} as {name} }};\n"));
        }
        let name = format!("{own}#for {importer}");
        self.codes.insert(name.clone(), Arc::new(Code::Source(front)));
        self.resolved.insert((importer.to_owned(), import.specifier.clone()), name);
    }

    fn add_common_js(&mut self, name: String, code: &str) {
        let body = format!("export default (function (module, exports, require) {{{code}\n}});");
        self.codes.insert(format!("{name}{BODY}"), Arc::new(Code::Source(body)));
        self.common_js.insert(name);
    }

    fn make_fronts(&mut self) {
        for name in &self.common_js {
            let wanted = self.wanted.get(name).into_iter().flatten().filter(|n| *n != "default" && *n != "*");
            let mut front = format!(
                "import {{ load }} from \"#commonjs\";\nconst m = load({});\n\
                 export default (m.default === undefined ? m : m.default);\n",
                serde_json::Value::from(name.as_str())
            );
            for (i, export) in wanted.enumerate() {
                front.push_str(&format!("const v{i} = m.{export};\nexport {{ v{i} as {export} }};\n"));
            }
            self.codes.insert(name.clone(), Arc::new(Code::Source(front)));
        }
    }

    /// See [`super::Script::resolve`].
    pub(crate) fn resolve(
        &mut self,
        base: &str,
        specifier: &str,
        frozen: bool,
    ) -> Result<String, ScriptError> {
        let importer = base.strip_suffix(BODY).unwrap_or(base);
        if let Some(name) = self.resolved.get(&(importer.to_owned(), specifier.to_owned())) {
            return Ok(name.clone());
        }
        if specifier.starts_with('#') && modules::is_own(base) || self.codes.contains_key(specifier) {
            return Ok(specifier.to_owned());
        }
        if modules::is_own(base) || self.common_js.contains(importer) {
            if let Target::Own(name) = resolve::resolve(&self.place_of(base), specifier) {
                return Ok(name.to_owned());
            }
            if specifier.starts_with('#') {
                return Ok(specifier.to_owned());
            }
        }
        let unknown = |why| ScriptError::UnknownModules { modules: vec![(specifier.to_owned(), why)] };
        match resolve::resolve(&self.place_of(base), specifier) {
            Target::Own(name) => Ok(name.to_owned()),
            Target::Unknown(why) => Err(unknown(why)),
            Target::Place(place) => {
                let name = place.name();
                if self.read.contains(&name) {
                    return Ok(name);
                }
                if frozen {
                    return Err(unknown("it was not loaded by the first run of the init code"));
                }
                let text = self.text(&place)?;
                self.read_all(place, text)?;
                Ok(name)
            }
        }
    }

    /// See [`super::Script::locate`].
    pub(crate) fn locate(&self, base: &str, specifier: &str) -> Result<String, String> {
        match resolve::resolve(&self.place_of(base), specifier) {
            Target::Own(name) => Ok(name.to_owned()),
            Target::Place(place) => Ok(place.name()),
            Target::Unknown(why) => Err(format!("cannot resolve \"{specifier}\": {why}")),
        }
    }

    /// Where relative imports of the module `name` start.
    fn place_of(&self, name: &str) -> Place {
        let own = || Place::File(self.directory.join("-"));
        Place::named(name.strip_suffix(BODY).unwrap_or(name)).unwrap_or_else(own)
    }

    /// The original of a helper that ours only stands in for, if it can be downloaded.
    fn original(&mut self, target: Target, specifier: &str) -> Target {
        let Some(place @ Place::Remote(_)) = Place::named(specifier) else { return target };
        let stands_in = matches!(target, Target::Own(name) if modules::STAND_INS.contains(&name));
        if !stands_in {
            return target;
        }
        let name = place.name();
        if !self.originals.contains_key(&name) {
            let text = self.text(&place).ok();
            self.originals.insert(name.clone(), text);
        }
        if self.originals[&name].is_some() { Target::Place(place) } else { target }
    }

    fn text(&self, place: &Place) -> Result<String, ScriptError> {
        if let Some(Some(text)) = self.originals.get(&place.name()) {
            return Ok(text.clone());
        }
        match place {
            Place::File(path) => read(path),
            Place::Remote(url) => {
                let bad = |why| ScriptError::Remote { url: url.to_string(), why };
                self.remote.fetch(url).map(without_mark).map_err(bad)
            }
        }
    }

    pub(crate) fn code(&mut self, name: &str) -> Option<Arc<Code>> {
        if let Some(code) = self.codes.get(name) {
            return Some(Arc::clone(code));
        }
        let code = Arc::new(Code::Source(modules::source(name)?.to_owned()));
        self.codes.insert(name.to_owned(), Arc::clone(&code));
        Some(code)
    }

    pub(crate) fn keep(&mut self, name: &str, code: Bytecode) {
        self.codes.insert(name.to_owned(), Arc::new(Code::Bytecode(code)));
    }

    pub(crate) fn is_common_js(&self, name: &str) -> bool {
        self.common_js.contains(name)
    }

    /// See [`super::Script::mentions`].
    pub(crate) fn mentions(&self, word: &str) -> bool {
        self.words.contains(word) || REFLECTIVE.iter().any(|reflective| self.words.contains(*reflective))
    }
}

fn read(path: &Path) -> Result<String, ScriptError> {
    let bytes = std::fs::read(path).map_err(|source| ScriptError::Read { path: path.to_owned(), source })?;
    let text = String::from_utf8(bytes).map_err(|_| ScriptError::NotText { path: path.to_owned() })?;
    Ok(without_mark(text))
}

/// A byte order mark is no part of the program.
fn without_mark(text: String) -> String {
    text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)
}
