//! Errors for our modules that are written in JavaScript.

use std::rc::Rc;

use rquickjs::{Ctx, Object, Result};

use super::text::Text;
use super::{NativeModule, add};
use crate::vm::error::throw;
use crate::vm::state::VuState;

pub(crate) struct Go;

impl NativeModule for Go {
    const NAMES: &'static [&'static str] = &["fail"];

    fn build<'js>(ctx: &Ctx<'js>, _: &Rc<VuState>) -> Result<Object<'js>> {
        let object = Object::new(ctx.clone())?;
        add(&object, "fail", |ctx: Ctx<'js>, message: Text| -> Result<()> { Err(throw(&ctx, &message.0)) })?;
        Ok(object)
    }
}
