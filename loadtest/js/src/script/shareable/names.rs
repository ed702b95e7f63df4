//! What is known of names: which globals do what, which modules keep no state.

/// Our modules that keep nothing of a VU to themselves: each either has no state, or keeps it with the VU that runs.
pub(super) const MODULES: &[&str] = &[
    "k6",
    "k6/crypto",
    "k6/crypto/x509",
    "k6/data",
    "k6/encoding",
    "k6/execution",
    "k6/html",
    "k6/http",
    "k6/metrics",
    "#formdata",
    "#httpx",
    "#k6-summary",
    "#k6-utils",
    "#lodash",
    "#papaparse",
    "#url",
];

/// Names of properties that lead to what all VUs of an interpreter share, or that make promises, whose queue they
/// share, or that show the interpreter's own frames.
pub(super) const HIDDEN: &[&str] = &[
    "__defineGetter__",
    "__defineSetter__",
    "__lookupGetter__",
    "__lookupSetter__",
    "__proto__",
    "callee",
    "caller",
    "constructor",
    "prepareStackTrace",
    "prototype",
    "randomSeed",
    "stack",
    "stackTraceLimit",
    "subtle",
    "then",
];

/// Globals that are plain values.
pub(super) const VALUES: &[&str] = &["Infinity", "NaN", "__ITER", "__VU", "arguments", "undefined"];

/// Globals that may be called.
pub(super) const CALLED: &[&str] = &[
    "Array",
    "BigInt",
    "Boolean",
    "Date",
    "Error",
    "Number",
    "Object",
    "RangeError",
    "RegExp",
    "String",
    "Symbol",
    "SyntaxError",
    "TypeError",
    "atob",
    "btoa",
    "decodeURI",
    "decodeURIComponent",
    "encodeURI",
    "encodeURIComponent",
    "isFinite",
    "isNaN",
    "open",
    "parseFloat",
    "parseInt",
];

/// Globals that may be called with `new`, or stand after `instanceof`.
pub(super) const CONSTRUCTED: &[&str] = &[
    "Array",
    "ArrayBuffer",
    "Boolean",
    "DataView",
    "Date",
    "Error",
    "EvalError",
    "Float32Array",
    "Float64Array",
    "Int16Array",
    "Int32Array",
    "Int8Array",
    "Map",
    "Number",
    "Object",
    "RangeError",
    "ReferenceError",
    "RegExp",
    "Set",
    "String",
    "SyntaxError",
    "TextDecoder",
    "TextEncoder",
    "TypeError",
    "URIError",
    "Uint16Array",
    "Uint32Array",
    "Uint8Array",
    "Uint8ClampedArray",
    "WeakMap",
    "WeakSet",
];

/// Globals that a class may extend.
pub(super) const EXTENDED: &[&str] = &["Error", "RangeError", "SyntaxError", "TypeError"];

/// Functions that are members of globals, by the global.
pub(super) const METHODS: &[(&str, &[&str])] = &[
    ("Array", &["from", "isArray", "of"]),
    ("ArrayBuffer", &["isView"]),
    ("Date", &["UTC", "now", "parse"]),
    ("JSON", &["parse", "stringify"]),
    (
        "Math",
        &[
            "abs", "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "ceil", "clz32",
            "cos", "cosh", "exp", "expm1", "floor", "fround", "hypot", "imul", "log", "log10", "log1p",
            "log2", "max", "min", "pow", "random", "round", "sign", "sin", "sinh", "sqrt", "tan", "tanh",
            "trunc",
        ],
    ),
    ("Number", &["isFinite", "isInteger", "isNaN", "isSafeInteger", "parseFloat", "parseInt"]),
    ("Object", &["assign", "entries", "freeze", "fromEntries", "hasOwn", "is", "isFrozen", "keys", "values"]),
    ("String", &["fromCharCode", "fromCodePoint", "raw"]),
    ("Uint8Array", &["from", "of"]),
    ("console", &["debug", "error", "info", "log", "warn"]),
    ("crypto", &["getRandomValues", "randomUUID"]),
];

/// Plain values that are members of globals, by the global.
pub(super) const CONSTANTS: &[(&str, &[&str])] = &[
    ("Math", &["E", "LN10", "LN2", "LOG10E", "LOG2E", "PI", "SQRT1_2", "SQRT2"]),
    (
        "Number",
        &[
            "EPSILON",
            "MAX_SAFE_INTEGER",
            "MAX_VALUE",
            "MIN_SAFE_INTEGER",
            "MIN_VALUE",
            "NEGATIVE_INFINITY",
            "NaN",
            "POSITIVE_INFINITY",
        ],
    ),
    ("Symbol", &["iterator", "toPrimitive", "toStringTag"]),
];

/// Functions of the language that scripts hand to [`TAKERS`] as they are.
pub(super) const HANDED: &[&str] = &[
    "BigInt",
    "Boolean",
    "Number",
    "String",
    "decodeURIComponent",
    "encodeURIComponent",
    "isFinite",
    "isNaN",
    "parseFloat",
    "parseInt",
];

/// Methods of arrays that call what they are given and keep nothing of it.
pub(super) const TAKERS: &[&str] =
    &["every", "filter", "find", "findIndex", "flatMap", "forEach", "map", "reduce", "some"];

/// Methods that values of the language and of our modules inherit, under names that are hardly data: they may be
/// called, but a script that takes the function itself might hang something on it, where all VUs would find it.
pub(super) const INHERITED: &[&str] = &[
    "apply",
    "bind",
    "call",
    "charAt",
    "charCodeAt",
    "codePointAt",
    "concat",
    "copyWithin",
    "endsWith",
    "every",
    "fill",
    "filter",
    "findIndex",
    "findLast",
    "findLastIndex",
    "flat",
    "flatMap",
    "forEach",
    "getDate",
    "getDay",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getSeconds",
    "getTime",
    "getTimezoneOffset",
    "hasOwnProperty",
    "includes",
    "indexOf",
    "isPrototypeOf",
    "join",
    "lastIndexOf",
    "localeCompare",
    "map",
    "match",
    "matchAll",
    "normalize",
    "padEnd",
    "padStart",
    "pop",
    "propertyIsEnumerable",
    "push",
    "reduce",
    "reduceRight",
    "repeat",
    "replace",
    "replaceAll",
    "reverse",
    "setDate",
    "setFullYear",
    "setHours",
    "setMilliseconds",
    "setMinutes",
    "setMonth",
    "setSeconds",
    "setTime",
    "shift",
    "slice",
    "some",
    "sort",
    "splice",
    "split",
    "startsWith",
    "substr",
    "substring",
    "toExponential",
    "toFixed",
    "toISOString",
    "toJSON",
    "toLocaleDateString",
    "toLocaleLowerCase",
    "toLocaleString",
    "toLocaleTimeString",
    "toLocaleUpperCase",
    "toLowerCase",
    "toPrecision",
    "toString",
    "toUTCString",
    "toUpperCase",
    "trim",
    "trimEnd",
    "trimStart",
    "unshift",
    "valueOf",
];

/// Whether `text`, or a part of it as paths of properties have them, is one of [`HIDDEN`].
pub(super) fn hidden_in(text: &str) -> Option<&'static str> {
    let parts = || text.split(['.', '[', ']']);
    // Functions of helpers that make promises are called so.
    let is_async = |part: &str| {
        part.strip_prefix("async").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
    };
    if parts().any(is_async) {
        return Some("async…");
    }
    HIDDEN.iter().find(|name| parts().any(|part| part == **name)).copied()
}

/// Whether `list` has `name` under `key`.
pub(super) fn has(list: &[(&str, &[&str])], key: &str, name: &str) -> bool {
    list.iter().any(|(own, names)| *own == key && names.contains(&name))
}
