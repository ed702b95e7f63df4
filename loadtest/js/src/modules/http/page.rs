//! What a response can do when its body is a page: `html`, `submitForm`, `clickLink`.

use rquickjs::{Array, Class, Ctx, Function, IntoJs, Object, Result, Value};

use super::response::Response;
use crate::address::Address;
use crate::vm::body::import;
use crate::vm::error::throw;
use crate::vm::state::state;

/// The body as a selection, or what a selector finds in it.
pub(crate) fn html<'js>(
    ctx: &Ctx<'js>,
    text: &str,
    url: &str,
    selector: Option<String>,
) -> Result<Value<'js>> {
    let parse: Function = import(ctx, "k6/html")?.get("parseHTML")?;
    let root: Object = parse.call((text, url))?;
    let Some(selector) = selector else { return Ok(root.into_value()) };
    let find: Function = root.get("find")?;
    find.call((rquickjs::function::This(root), selector))
}

/// Makes the request that `function` of the module `k6/html` reads from the page.
pub(crate) fn follow<'js>(
    ctx: &Ctx<'js>,
    response: &Class<'js, Response<'js>>,
    function: &str,
    options: Option<Value<'js>>,
) -> Result<Value<'js>> {
    // Nothing may be borrowed while the script or the engine runs.
    let (text, url) = {
        let response = response.borrow();
        (response.text(ctx, "HTML")?, response.base_url().to_owned())
    };
    let root = html(ctx, &text, &url, None)?;
    let read: Function = import(ctx, "k6/html")?.get(function)?;
    let resolve = Function::new(ctx.clone(), |ctx: Ctx<'js>, base: String, link: String| {
        let joined = Address::parse(&base).and_then(|base| base.join(&link));
        joined.map(|address| address.to_string()).map_err(|why| throw(&ctx, &why))
    })?;
    let parts: Array = read.call((root, url, options.filter(|o| !o.is_null()), resolve))?;
    let method: String = parts.get(0)?;
    let target: String = parts.get(1)?;
    super::request(ctx, &state(ctx), &method, Some(target.into_js(ctx)?), parts.get(2)?, parts.get(3)?)
}
