//! Which statuses are no failure: `expectedStatuses` and `setResponseCallback`.

use std::rc::Rc;

use rquickjs::class::Trace;
use rquickjs::function::{Opt, Rest};
use rquickjs::{Class, Ctx, JsLifetime, Object, Result, Value};

use super::request;
use crate::api::http::Expected;
use crate::modules::add;
use crate::vm::error::throw;
use crate::vm::state::VuState;

/// What `http.expectedStatuses` makes. Scripts cannot look into it.
#[derive(Trace, JsLifetime)]
#[rquickjs::class(frozen)]
pub(crate) struct ExpectedStatuses {
    #[qjs(skip_trace)]
    ranges: Rc<[(u16, u16)]>,
}

impl ExpectedStatuses {
    pub(crate) fn expected(&self) -> Expected {
        Expected::Statuses(Rc::clone(&self.ranges))
    }
}

pub(crate) fn install<'js>(object: &Object<'js>, state: &Rc<VuState>) -> Result<()> {
    add(object, "expectedStatuses", |ctx: Ctx<'js>, statuses: Rest<Value<'js>>| {
        let ranges = ranges(&ctx, &statuses.0)?;
        Class::instance(ctx, ExpectedStatuses { ranges: ranges.into() })
    })?;
    let s = Rc::clone(state);
    add(object, "setResponseCallback", move |ctx: Ctx<'js>, callback: Opt<Value<'js>>| {
        let value = callback.0.unwrap_or_else(|| Value::new_null(ctx.clone()));
        if value.is_undefined() {
            return Err(throw(&ctx, "unsupported argument, expected http.expectedStatuses"));
        }
        match request::callback(&value) {
            Some(expected) => {
                *s.expected.borrow_mut() = expected;
                Ok(())
            }
            None => Err(throw(&ctx, "unsupported argument, expected http.expectedStatuses")),
        }
    })
}

fn ranges<'js>(ctx: &Ctx<'js>, statuses: &[Value<'js>]) -> Result<Vec<(u16, u16)>> {
    if statuses.is_empty() {
        return Err(throw(ctx, "no arguments"));
    }
    let mut ranges = Vec::new();
    for (i, status) in statuses.iter().enumerate() {
        let n = i + 1;
        if let Some(status) = integer(status) {
            ranges.push((status, status));
            continue;
        }
        let neither = format!(
            "argument number {n} to expectedStatuses was neither an integer nor an object like {{min:100, max:329}}"
        );
        let Some(object) = status.as_object() else { return Err(throw(ctx, &neither)) };
        let (min, max): (Value, Value) = (object.get("min")?, object.get("max")?);
        if min.is_undefined() || max.is_undefined() {
            return Err(throw(ctx, &neither));
        }
        match integer(&min).zip(integer(&max)) {
            Some(range) => ranges.push(range),
            None => {
                return Err(throw(
                    ctx,
                    &format!("both min and max need to be integers for argument number {n}"),
                ));
            }
        }
    }
    Ok(ranges)
}

fn integer(value: &Value<'_>) -> Option<u16> {
    let number = value.as_number().filter(|n| n.fract() == 0.0)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
    let status = number as u16;
    Some(status)
}
