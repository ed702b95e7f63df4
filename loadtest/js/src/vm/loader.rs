//! How the engine finds the modules of a script: names were resolved when the script was loaded.

use std::cell::Cell;
use std::rc::Rc;

use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::Declared;
use rquickjs::{Ctx, Error, Module, Result, WriteOptions};

use crate::modules;
use crate::script::{Code, Script, instance, of_instance};
use crate::vm::fiber;

/// `instance` says for which VU of a shared interpreter modules are being loaded; none in any other.
pub(crate) fn loader(script: &Script, instance: &Rc<Cell<Option<usize>>>) -> (Names, Sources) {
    (Names(script.clone(), Rc::clone(instance)), Sources(script.clone()))
}

/// From what an import says to a module's name.
pub(crate) struct Names(Script, Rc<Cell<Option<usize>>>);

impl Resolver for Names {
    fn resolve<'js>(
        &mut self,
        _ctx: &Ctx<'js>,
        base: &str,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> Result<String> {
        let base = of_instance(base).map_or(base, |(base, _)| base);
        let found =
            self.0.resolve(base, name).map_err(|why| Error::new_resolving_message(base, name, why))?;
        Ok(match self.1.get() {
            Some(number) if self.0.has_text(&found) => instance(&found, number),
            _ => found,
        })
    }
}

/// From a module's name to its code.
pub(crate) struct Sources(Script);

impl Loader for Sources {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> Result<Module<'js, Declared>> {
        if let Some(native) = modules::native(name) {
            return native(ctx, name);
        }
        let code = self.0.code(name).map_err(|why| Error::new_loading_message(name, why))?;
        let module = match &*code {
            Code::Bytecode(code) => fiber::load_bytecode(ctx, code),
            Code::Source(source) => {
                // Lines are kept for the stacks of errors; the text itself is not.
                let options = WriteOptions {
                    strip_source: true,
                    strip_debug: modules::is_own(name),
                    ..WriteOptions::default()
                };
                let (module, code) = fiber::compile(ctx, name, source, options)?;
                self.0.keep(name, code);
                Ok(module)
            }
        }?;
        if !modules::is_own(name) && self.0.mentions("meta") {
            modules::commonjs::set_meta(&module, of_instance(name).map_or(name, |(name, _)| name), &self.0)?;
        }
        Ok(module)
    }
}
