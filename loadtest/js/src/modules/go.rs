//! Errors and secrets for our modules that are written in JavaScript.

use std::rc::Rc;

use rquickjs::function::Opt;
use rquickjs::{Ctx, Exception, Object, Result};

use super::text::Text;
use super::{NativeModule, add};
use crate::vm::error::throw;
use crate::vm::state::VuState;

pub(crate) struct Go;

impl NativeModule for Go {
    const NAMES: &'static [&'static str] = &["fail", "secret"];

    fn build<'js>(ctx: &Ctx<'js>, _: &Rc<VuState>) -> Result<Object<'js>> {
        let object = Object::new(ctx.clone())?;
        add(&object, "fail", |ctx: Ctx<'js>, message: Text| -> Result<()> { Err(throw(&ctx, &message.0)) })?;
        add(&object, "secret", |ctx: Ctx<'js>, source: Text, key: Opt<Text>| {
            crate::secrets::get(&source.0, &key.0.unwrap_or_default().0)
                .map_err(|why| Exception::throw_message(&ctx, &why))
        })?;
        Ok(object)
    }
}
