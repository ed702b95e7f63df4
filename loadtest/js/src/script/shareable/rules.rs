//! What a script may do with globals and imports.

use super::names::{self, CALLED, CONSTANTS, CONSTRUCTED, METHODS, VALUES};

/// What is done with something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Read,
    /// Called, with or without `new`, or asked for by `instanceof`.
    Call,
    New,
    Write,
}

/// Something that VUs share.
#[derive(Debug, Clone)]
pub(super) enum Root {
    Global(String),
    /// The module, and the name that is imported from it; none for the module's object.
    Import(String, Option<String>),
}

/// Whether `how` is allowed with the member of `root` that `names` lead to; a computed name is empty.
pub(super) fn allow(root: &Root, names: &[String], how: Use) -> bool {
    match root {
        Root::Global(global) => of_global(global, names, how),
        Root::Import(module, name) => {
            let path: Vec<&str> = name.iter().chain(names).map(String::as_str).collect();
            match module.as_str() {
                "k6/execution" => of_execution(&path, how),
                _ => of_import(&path, how),
            }
        }
    }
}

fn of_global(global: &str, names: &[String], how: Use) -> bool {
    match (how, names) {
        (Use::Write, _) => false,
        (Use::Read, []) => VALUES.contains(&global),
        // `arguments` and the like as the base of a member.
        (Use::Call, []) => CALLED.contains(&global),
        (Use::New, []) => CONSTRUCTED.contains(&global),
        (Use::Read, _) if global == "__ENV" => true,
        (Use::Call, [_, _]) if global == "__ENV" => true,
        (Use::Call, [name]) if names::has(METHODS, global, name) => true,
        (Use::Read, [name]) => names::has(CONSTANTS, global, name) || VALUES.contains(&global),
        // A method of a plain value.
        (Use::Call, [name, _]) => names::has(CONSTANTS, global, name),
        (Use::Call, [_]) => VALUES.contains(&global) && global != "arguments",
        _ => false,
    }
}

fn of_import(path: &[&str], how: Use) -> bool {
    match (how, path) {
        (Use::Call | Use::New, [name]) => !name.is_empty() && *name != "default",
        // Names of versions of TLS and the like.
        (Use::Read, [name]) => {
            name.contains('_')
                && name.chars().all(|c| c == '_' || c.is_ascii_digit() || c.is_ascii_uppercase())
        }
        _ => false,
    }
}

fn of_execution(path: &[&str], how: Use) -> bool {
    match (how, path) {
        (Use::Write, ["vu", "tags", _] | ["vu", "metrics", "tags" | "metadata", _]) => true,
        (Use::Write, _) => false,
        (Use::Call, ["test", "abort" | "fail"]) => true,
        (Use::Read, ["test", "options", ..]) => true,
        (Use::Read, ["vu", "tags", ..] | ["vu", "metrics", "tags" | "metadata", ..]) => true,
        (Use::Read, ["scenario" | "instance" | "vu", name]) => !name.is_empty() && *name != "metrics",
        // A method of a plain value.
        (Use::Call, ["scenario" | "instance", _, _] | ["test", "options", _, ..] | ["vu", "tags", _, _]) => {
            true
        }
        (Use::Call, ["vu", name, _]) => !matches!(*name, "tags" | "metrics"),
        _ => false,
    }
}
