//! Cookie jars as scripts see them: `cookieJar()` and `CookieJar`.

#![expect(clippy::needless_pass_by_value, reason = "the functions of a script get their arguments by value")]

use std::rc::Rc;

use rquickjs::class::Trace;
use rquickjs::function::{Constructor, Opt};
use rquickjs::{Class, Coerced, Ctx, JsLifetime, Object, Result, Value};

use crate::address::Address;
use crate::cookies::{CookieJar, SetCookie, parse_http_date};
use crate::modules::text::{Text, string_of};
use crate::modules::{add, given};
use crate::vm::error::throw;
use crate::vm::state::{Phase, VuState, state};

/// A jar in a script.
#[derive(Trace, JsLifetime)]
#[rquickjs::class(frozen, rename = "CookieJar")]
pub(crate) struct JarObject {
    #[qjs(skip_trace)]
    jar: CookieJar,
}

impl JarObject {
    pub(crate) fn jar(&self) -> CookieJar {
        self.jar.clone()
    }
}

#[rquickjs::methods(rename_all = "camelCase")]
impl JarObject {
    #[qjs(rename = "cookiesForURL")]
    fn cookies_for_url<'js>(&self, ctx: Ctx<'js>, url: Opt<Text>) -> Result<Object<'js>> {
        let object = Object::new(ctx.clone())?;
        for (name, value) in self.jar.cookies(&url.0.unwrap_or_default().0, state(&ctx).unix_now_s()) {
            let mut values: Vec<String> =
                object.get::<_, Option<Vec<String>>>(name.as_str())?.unwrap_or_default();
            values.push(value);
            object.set(name, values)?;
        }
        Ok(object)
    }

    fn set<'js>(
        &self,
        ctx: Ctx<'js>,
        url: Opt<Text>,
        name: Opt<Text>,
        value: Opt<Text>,
        options: Opt<Value<'js>>,
    ) -> Result<bool> {
        let url = address(&ctx, url)?;
        let (name, value) = (name.0.unwrap_or_default().0, value.0.unwrap_or_default().0);
        let mut cookie = SetCookie { name, value, ..SetCookie::default() };
        if let Some(options) = given(options.0).and_then(|o| o.into_object()) {
            for entry in options.props::<String, Value>() {
                let (key, value) = entry?;
                attribute(&ctx, &mut cookie, &key, &value)?;
            }
        }
        self.jar.set(&url, &cookie, state(&ctx).unix_now_s());
        Ok(true)
    }

    fn clear(&self, ctx: Ctx<'_>, url: Opt<Text>) -> Result<()> {
        let url = address(&ctx, url)?;
        let now = state(&ctx).unix_now_s();
        for (name, _) in self.jar.cookies(&url, now) {
            self.remove(&url, name, now);
        }
        Ok(())
    }

    #[qjs(rename = "delete")]
    fn delete_cookie(&self, ctx: Ctx<'_>, url: Opt<Text>, name: Opt<Text>) -> Result<()> {
        let (url, name) = (address(&ctx, url)?, name.0.unwrap_or_default().0);
        if name.is_empty() {
            return Err(throw(&ctx, "cookie: is null"));
        }
        self.remove(&url, name, state(&ctx).unix_now_s());
        Ok(())
    }
}

impl JarObject {
    fn remove(&self, url: &str, name: String, now: i64) {
        self.jar.set(url, &SetCookie { name, max_age: Some(-1), ..SetCookie::default() }, now);
    }
}

/// A URL that can be one.
fn address(ctx: &Ctx<'_>, url: Opt<Text>) -> Result<String> {
    let url = url.0.unwrap_or_default().0;
    match Address::parse(&url) {
        Ok(_) => Ok(url),
        Err(why) => Err(throw(ctx, &why)),
    }
}

fn attribute<'js>(ctx: &Ctx<'js>, cookie: &mut SetCookie, key: &str, value: &Value<'js>) -> Result<()> {
    let text = || string_of(value);
    match key.to_ascii_lowercase().as_str() {
        "path" => cookie.path = text()?,
        "domain" => cookie.domain = text()?,
        "secure" => cookie.secure = crate::modules::k6::truthy(value),
        "http_only" => cookie.http_only = crate::modules::k6::truthy(value),
        "max_age" => {
            #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
            let age = value.get::<Coerced<f64>>()?.0 as i64;
            cookie.max_age = (age != 0).then_some(age);
        }
        "expires" => {
            let date = text()?;
            cookie.expires = parse_http_date(&date);
            if cookie.expires.is_none() && !date.is_empty() {
                return Err(throw(ctx, &format!("unable to parse \"expires\" date string \"{date}\"")));
            }
        }
        _ => {}
    }
    Ok(())
}

pub(crate) fn install<'js>(object: &Object<'js>, state: &Rc<VuState>) -> Result<()> {
    let constructor = Constructor::new_class::<JarObject, _, _>(object.ctx().clone(), || JarObject {
        jar: CookieJar::default(),
    })?;
    object.set("CookieJar", constructor)?;
    let s = Rc::clone(state);
    add(object, "cookieJar", move |ctx: Ctx<'js>| {
        if s.phase.get() == Phase::Init {
            return Err(throw(&ctx, "Making cookie jars in the init context is not supported"));
        }
        Class::instance(ctx, JarObject { jar: s.jar() })
    })
}
