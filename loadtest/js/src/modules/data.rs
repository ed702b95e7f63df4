//! What `SharedArray` is made of: elements kept once as JSON for all VUs.

use std::rc::Rc;
use std::sync::Arc;

use rquickjs::class::Trace;
use rquickjs::{Class, Ctx, JsLifetime, Object, Result, Value};

use super::{NativeModule, add};
use crate::vm::state::{Phase, VuState};

/// The elements of one array.
#[derive(Trace, JsLifetime)]
#[rquickjs::class(frozen)]
pub(crate) struct Elements {
    #[qjs(skip_trace)]
    json: Arc<[Arc<str>]>,
}

#[rquickjs::methods]
impl Elements {
    #[qjs(get)]
    fn length(&self) -> usize {
        self.json.len()
    }

    /// A fresh copy of an element.
    fn at<'js>(&self, ctx: Ctx<'js>, index: usize) -> Result<Value<'js>> {
        match self.json.get(index) {
            Some(json) => ctx.json_parse(json.as_bytes()),
            None => Ok(Value::new_undefined(ctx)),
        }
    }
}

pub(crate) struct Data;

impl NativeModule for Data {
    const NAMES: &'static [&'static str] = &["find", "inInit", "share"];

    fn build<'js>(ctx: &Ctx<'js>, state: &Rc<VuState>) -> Result<Object<'js>> {
        let object = Object::new(ctx.clone())?;
        let s = Rc::clone(state);
        add(&object, "find", move |ctx: Ctx<'js>, name: String| {
            s.script.shared(&name).and_then(|json| Class::instance(ctx, Elements { json }).ok())
        })?;
        let s = Rc::clone(state);
        add(&object, "share", move |ctx: Ctx<'js>, name: String, elements: Vec<String>| {
            let json = s.script.share(&name, elements.into_iter().map(Arc::from).collect());
            Class::instance(ctx, Elements { json })
        })?;
        let s = Rc::clone(state);
        add(&object, "inInit", move || s.phase.get() == Phase::Init)?;
        Ok(object)
    }
}
