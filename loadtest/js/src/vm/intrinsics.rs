//! Which parts of the language a VU gets. Each costs every VU memory, so a part that the script's text does not
//! even mention is left out; a script that could build names at run time gets all.

use rquickjs::{Ctx, Object, Result};

use crate::script::Script;

/// A part of the language, and the words without which no script can get hold of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Date,
    RegExp,
    Json,
    Proxy,
    MapSet,
    TypedArrays,
    Performance,
    WeakRef,
    DomException,
}

const PARTS: &[(Part, &[&str])] = &[
    (Part::Date, &["Date"]),
    (Part::RegExp, &["RegExp", "localeCompare", "match", "matchAll", "search", REGEXP_LITERAL]),
    (Part::Json, &["JSON"]),
    (Part::Proxy, &["Proxy"]),
    (Part::MapSet, &["Map", "Set", "WeakMap", "WeakSet", "groupBy"]),
    (Part::TypedArrays, BINARY),
    (Part::Performance, &["performance"]),
    (Part::WeakRef, &["WeakRef", "FinalizationRegistry"]),
    (Part::DomException, &["DOMException", "atob", "btoa"]),
];

/// Bytes come from typed arrays themselves, and from what the host makes of files, bodies and codes.
const BINARY: &[&str] = &[
    "ArrayBuffer",
    "Atomics",
    "BigInt64Array",
    "BigUint64Array",
    "DataView",
    "Float16Array",
    "Float32Array",
    "Float64Array",
    "Int16Array",
    "Int32Array",
    "Int8Array",
    "SharedArrayBuffer",
    "TextDecoder",
    "TextEncoder",
    "Uint16Array",
    "Uint32Array",
    "Uint8Array",
    "Uint8ClampedArray",
    "binary",
    "crypto",
    "encoding",
    "open",
    // Whatever its value is, which may come from anywhere.
    "responseType",
];

/// Stands in the words of a script for a regular expression literal, which is no word.
pub(crate) const REGEXP_LITERAL: &str = "/./";

/// With any of these a script could reach what it does not name: it counts as naming everything.
pub(crate) const REFLECTIVE: &[&str] = &["Function", "eval", "global", "globalThis"];

/// The parts that `script` gets.
pub(crate) fn parts(script: &Script) -> Vec<Part> {
    let any = |words: &[&str]| words.iter().any(|word| script.mentions(word));
    PARTS.iter().filter(|(_, words)| any(words)).map(|&(part, _)| part).collect()
}

/// Constructors that the language itself never needs to find by name.
const CONSTRUCTORS: &[&str] = &[
    "AggregateError",
    "BigInt",
    "Boolean",
    "EvalError",
    "InternalError",
    "Iterator",
    "Number",
    "RangeError",
    "ReferenceError",
    "String",
    "Symbol",
    "SyntaxError",
    "TypeError",
    "URIError",
    // After the errors that derive from it.
    "Error",
];

/// Takes constructors out of the global scope that the script does not name, so that what they take in every VU's
/// memory is used again for the script. Prototypes, and so all methods, stay.
pub(crate) fn prune(ctx: &Ctx<'_>, script: &Script) -> Result<()> {
    // The console writes the names of classes.
    if script.mentions("console") || script.mentions_member("constructor") {
        return Ok(());
    }
    let globals = ctx.globals();
    for name in CONSTRUCTORS.iter().filter(|name| !script.mentions(name)) {
        let Some(constructor) = globals.get::<_, Option<Object>>(*name)? else { continue };
        constructor.get::<_, Object>("prototype")?.remove("constructor")?;
        globals.remove(*name)?;
    }
    Ok(())
}
