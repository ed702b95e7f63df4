//! The modules that scripts import, and the globals, in Rust.

use rquickjs::module::{Declarations, Declared, Exports, ModuleDef};
use rquickjs::{Ctx, Function, Module, Object, Result, Value, function::IntoJsFunc};

use std::rc::Rc;

use crate::vm::state::{VuState, state};

pub(crate) mod commonjs;
pub(crate) mod console;
mod crypto;
mod data;
mod encoding;
mod execution;
mod go;
mod html;
pub(crate) mod http;
mod json;
pub(crate) mod k6;
mod metrics;
pub(crate) mod random;
pub(crate) mod tags;
pub(crate) mod text;
pub(crate) mod timers;
pub(crate) mod web;

/// How a native module is made known to the engine.
pub(crate) type Native = for<'a, 'js> fn(&'a Ctx<'js>, &'a str) -> Result<Module<'js, Declared>>;

/// A module whose exports are made by Rust code, anew for each VU that imports it.
pub(crate) trait NativeModule {
    /// What can be imported by name; `default` is the object with all of it.
    const NAMES: &'static [&'static str];
    /// Makes the object.
    fn build<'js>(ctx: &Ctx<'js>, state: &Rc<VuState>) -> Result<Object<'js>>;
}

struct Definition<M>(std::marker::PhantomData<M>);

impl<M: NativeModule> ModuleDef for Definition<M> {
    fn declare<'js>(declarations: &Declarations<'js>) -> Result<()> {
        declarations.declare("default")?;
        for name in M::NAMES {
            declarations.declare(*name)?;
        }
        Ok(())
    }

    fn evaluate<'js>(ctx: &Ctx<'js>, exports: &Exports<'js>) -> Result<()> {
        let object = M::build(ctx, &state(ctx))?;
        for name in M::NAMES {
            exports.export(*name, object.get::<_, Value>(*name)?)?;
        }
        exports.export("default", object)?;
        Ok(())
    }
}

fn define<'js, M: NativeModule>(ctx: &Ctx<'js>, name: &str) -> Result<Module<'js, Declared>> {
    Module::declare_def::<Definition<M>, _>(ctx.clone(), name)
}

/// A native module: its name, how it is made, and what can be imported from it by name.
type NativeEntry = (&'static str, Native, &'static [&'static str]);

const fn entry<M: NativeModule>(name: &'static str) -> NativeEntry {
    (name, define::<M>, M::NAMES)
}

const NATIVES: &[NativeEntry] = &[
    entry::<k6::K6>("k6"),
    entry::<http::Http>("k6/http"),
    entry::<crypto::Crypto>("k6/crypto"),
    entry::<crypto::x509::X509>("k6/crypto/x509"),
    entry::<encoding::Encoding>("k6/encoding"),
    entry::<timers::Timers>("k6/timers"),
    entry::<commonjs::CommonJs>("#commonjs"),
    entry::<data::Data>("#data"),
    entry::<execution::Execution>("#execution"),
    entry::<html::Html>("#html"),
    entry::<k6::Report>("#check"),
    entry::<go::Go>("#go"),
    entry::<web::Web>("#web"),
    entry::<metrics::Metrics>("#metrics"),
    entry::<crypto::subtle::Subtle>("#subtle"),
];

/// The native module of a name; `#` marks those that only our own modules import.
pub(crate) fn native(name: &str) -> Option<Native> {
    NATIVES.iter().find(|(own, ..)| *own == name).map(|&(_, native, _)| native)
}

/// Our modules that are written in JavaScript.
const SOURCES: &[(&str, &str)] = &[
    ("k6/data", include_str!("js/data.js")),
    ("k6/execution", include_str!("js/execution.js")),
    ("k6/experimental/csv", include_str!("js/csv.js")),
    ("k6/experimental/fs", include_str!("js/fs.js")),
    ("k6/experimental/streams", include_str!("js/streams.js")),
    ("k6/html", include_str!("js/html.js")),
    ("k6/metrics", include_str!("js/metrics.js")),
    ("k6/secrets", include_str!("js/secrets.js")),
    ("#collation", include_str!("js/collation.js")),
    ("#dates", include_str!("js/dates.js")),
    ("#text", include_str!("js/text.js")),
    ("#webcrypto", include_str!("js/webcrypto.js")),
    ("#formdata", include_str!("js/lib/formdata.js")),
    ("#httpx", include_str!("js/lib/httpx.js")),
    ("#k6-summary", include_str!("js/lib/k6-summary.js")),
    ("#k6-utils", include_str!("js/lib/k6-utils.js")),
    ("#k6chaijs", include_str!("js/lib/k6chaijs.js")),
    ("#lodash", include_str!("js/lib/lodash.js")),
    ("#papaparse", include_str!("js/lib/papaparse.js")),
    ("#totp", include_str!("js/lib/totp.js")),
    ("#url", include_str!("js/lib/url.js")),
];

/// The text of one of our own modules in JavaScript.
pub(crate) fn source(name: &str) -> Option<&'static str> {
    SOURCES.iter().find(|(own, _)| *own == name).map(|&(_, text)| text)
}

/// Whether one of our modules exports something of that name.
pub(crate) fn exports(module: &str, name: &str) -> bool {
    match NATIVES.iter().find(|(own, ..)| *own == module) {
        Some((.., names)) => name == "default" || names.contains(&name),
        None => source(module).is_some_and(|text| crate::script::parse::exports(text).contains(name)),
    }
}

/// Whether a name is one of our modules rather than a file of the script or a module from the net.
pub(crate) fn is_own(name: &str) -> bool {
    !name.starts_with("file://") && !name.starts_with("https://")
}

/// The name of the module that scripts mean by `specifier`, which begins with `k6`.
pub(crate) fn own_name(specifier: &str) -> Option<&'static str> {
    let natives = NATIVES.iter().map(|(name, ..)| *name);
    natives.chain(SOURCES.iter().map(|(name, _)| *name)).find(|own| *own == specifier)
}

/// Packages of which we have a version of our own: what addresses call them, and the module.
const HELPERS: &[(&str, &str)] = &[
    ("formdata", "#formdata"),
    ("httpx", "#httpx"),
    ("k6-summary", "#k6-summary"),
    ("k6-utils", "#k6-utils"),
    ("k6chaijs", "#k6chaijs"),
    ("lodash", "#lodash"),
    ("lodash.js", "#lodash"),
    ("papaparse", "#papaparse"),
    ("PapaParse", "#papaparse"),
    ("totp", "#totp"),
    ("url", "#url"),
];

/// The module that stands in for a package from the net.
pub(crate) fn helper(package: &str) -> Option<&'static str> {
    HELPERS.iter().find(|(name, _)| *name == package).map(|&(_, own)| own)
}

/// Our modules that read properties of what they are given by names that they are given, or list them. Others only
/// do so with what is their own.
pub(crate) fn reads_any_member(name: &str) -> bool {
    matches!(name, "#k6chaijs" | "#lodash" | "#papaparse")
}

/// Helpers of which we have the most used part, so that the original is better
/// where it can be had.
pub(crate) const STAND_INS: &[&str] = &["#k6chaijs"];

/// Adds a native function to `object`.
pub(crate) fn add<'js, P, F>(object: &Object<'js>, name: &str, function: F) -> Result<()>
where
    F: IntoJsFunc<'js, P> + 'js,
{
    object.set(name, Function::new(object.ctx().clone(), function)?.with_name(name)?)
}

pub(crate) use crate::vm::fiber::{buffer_bytes, bytes_of};

/// The text of a string, or nothing.
pub(crate) fn text_of(value: &Value<'_>) -> Option<String> {
    value.as_string().and_then(|s| text::lossy(s).ok())
}

/// Neither `undefined` nor `null`.
pub(crate) fn given<'js>(value: Option<Value<'js>>) -> Option<Value<'js>> {
    value.filter(|v| !v.is_undefined() && !v.is_null())
}
