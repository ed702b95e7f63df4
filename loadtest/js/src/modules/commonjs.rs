//! The globals `open` and `require`, and what CommonJS modules run in.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use rquickjs::function::Opt;
use rquickjs::module::Declared;
use rquickjs::{ArrayBuffer, Ctx, Function, IntoJs, Module, Object, Persistent, Result, Value};

use super::{NativeModule, add};
use crate::script::Script;
use crate::vm::body::import;
use crate::vm::error::throw;
use crate::vm::state::{Phase, VuState};

/// What the front of a CommonJS module imports.
pub(crate) struct CommonJs;

impl NativeModule for CommonJs {
    const NAMES: &'static [&'static str] = &["load"];

    fn build<'js>(ctx: &Ctx<'js>, state: &Rc<VuState>) -> Result<Object<'js>> {
        let object = Object::new(ctx.clone())?;
        let state = Rc::clone(state);
        add(&object, "load", move |ctx: Ctx<'js>, name: String| require(&ctx, &state, &name))?;
        Ok(object)
    }
}

pub(crate) fn install<'js>(ctx: &Ctx<'js>, state: &Rc<VuState>) -> Result<()> {
    let globals = ctx.globals();
    let s = Rc::clone(state);
    add(&globals, "open", move |ctx: Ctx<'js>, name: String, mode: Opt<String>| {
        open(&ctx, &s, &name, mode.0.as_deref() == Some("b"))
    })?;
    let s = Rc::clone(state);
    add(&globals, "require", move |ctx: Ctx<'js>, specifier: String| {
        let base = ctx.script_or_module_name(0).map(|a| a.to_string()).transpose()?;
        require_from(&ctx, &s, &base.unwrap_or_else(|| s.script.entry()), &specifier)
    })
}

fn open<'js>(ctx: &Ctx<'js>, state: &VuState, name: &str, binary: bool) -> Result<Value<'js>> {
    only_in_init(ctx, state, "open")?;
    if name.is_empty() {
        return Err(throw(ctx, "open() can't be used with an empty filename"));
    }
    let path = open_base(ctx, state)?.join(name.strip_prefix("file://").unwrap_or(name));
    if path.is_dir() {
        return Err(throw(
            ctx,
            &format!("open() can't be used with directories, path: \"{}\"", path.display()),
        ));
    }
    let bytes = state.script.file(&path).map_err(|e| {
        throw(
            ctx,
            &format!(
                "open {}: {}",
                path.display(),
                if e.kind() == std::io::ErrorKind::NotFound {
                    "no such file or directory".to_owned()
                } else {
                    e.to_string()
                }
            ),
        )
    })?;
    if binary {
        Ok(ArrayBuffer::new(ctx.clone(), bytes.to_vec())?.into_value())
    } else {
        String::from_utf8_lossy(&bytes).as_ref().into_js(ctx)
    }
}

/// Frames of a call stack that are looked at, at most.
const FRAMES_MAX: isize = 1000;

/// Where relative paths of `open()` start: at the module that is being required, else at the one whose code is at the
/// bottom of the call stack. So a file opened at the top of an imported module is looked for beside that module, and
/// one opened by a function that the entry calls, beside the entry.
fn open_base(ctx: &Ctx<'_>, state: &VuState) -> Result<PathBuf> {
    let directory = |name: &str| {
        let file = name.strip_suffix(crate::script::BODY).unwrap_or(name).strip_prefix("file://")?;
        Some(Path::new(file).parent()?.to_owned())
    };
    // Functions of the host have no frame of their own: the first is the caller's.
    let frame = |level| ctx.script_or_module_name(level).map(|name| name.to_string()).transpose();
    // Our own modules open files for the script as a whole.
    if frame(0)?.is_some_and(|name| super::is_own(&name)) {
        return Ok(state.script.directory());
    }
    let mut base = state.requiring.borrow().last().and_then(|name| directory(name));
    if base.is_none() {
        for level in 0..FRAMES_MAX {
            if let Some(found) = frame(level)?.and_then(|name| directory(&name)) {
                base = Some(found);
            }
        }
    }
    Ok(base.unwrap_or_else(|| state.script.directory()))
}

fn only_in_init(ctx: &Ctx<'_>, state: &VuState, function: &str) -> Result<()> {
    if state.phase.get() == Phase::Init {
        return Ok(());
    }
    let why = format!(
        "the \"{function}\" function is only available in the init stage (i.e. the global scope), see \
         https://grafana.com/docs/k6/latest/using-k6/test-lifecycle/ for more information"
    );
    Err(throw(ctx, &why))
}

fn require_from<'js>(ctx: &Ctx<'js>, state: &Rc<VuState>, base: &str, specifier: &str) -> Result<Value<'js>> {
    only_in_init(ctx, state, "require")?;
    if specifier.is_empty() {
        return Err(throw(ctx, "require() can't be used with an empty specifier"));
    }
    let name = state.script.resolve(base, specifier).map_err(|why| throw(ctx, &why))?;
    require(ctx, state, &name)
}

/// Gives a module of the script its `import.meta.resolve`.
pub(crate) fn set_meta<'js>(module: &Module<'js, Declared>, base: &str, script: &Script) -> Result<()> {
    let (script, base) = (script.clone(), base.to_owned());
    let meta = module.meta()?;
    add(&meta, "resolve", move |ctx: Ctx<'js>, specifier: String| {
        script.locate(&base, &specifier).map_err(|why| throw(&ctx, &why))
    })
}

/// What a module exports: `module.exports` of a CommonJS module, the namespace of another.
pub(crate) fn require<'js>(ctx: &Ctx<'js>, state: &Rc<VuState>, name: &str) -> Result<Value<'js>> {
    if !state.script.is_common_js(name) {
        let namespace = import(ctx, name)?;
        // Modules of k6 without names of their own are their default export.
        return match namespace.get::<_, Value>("default") {
            Ok(default) if super::is_own(name) && default.is_object() => Ok(default),
            _ => Ok(namespace.into_value()),
        };
    }
    if let Some(module) = state.required.borrow().get(name) {
        return module.clone().restore(ctx)?.get("exports");
    }
    let module = Object::new(ctx.clone())?;
    let exports = Object::new(ctx.clone())?;
    module.set("exports", exports.clone())?;
    // Before it runs, so that modules may require each other.
    state.required.borrow_mut().insert(name.to_owned(), Persistent::save(ctx, module.clone()));
    let body: Function = import(ctx, &format!("{name}{}", crate::script::BODY))?.get("default")?;
    let s = Rc::clone(state);
    let base = name.to_owned();
    let local = Function::new(ctx.clone(), move |ctx: Ctx<'js>, specifier: String| {
        require_from(&ctx, &s, &base, &specifier)
    })?;
    state.requiring.borrow_mut().push(name.to_owned());
    let ran =
        body.call::<_, Value>((rquickjs::function::This(exports.clone()), module.clone(), exports, local));
    state.requiring.borrow_mut().pop();
    ran?;
    module.get("exports")
}
