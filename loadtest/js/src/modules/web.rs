//! What the globals of browsers are made of: texts as bytes, URLs, and the global `crypto`.

use std::rc::Rc;

use rquickjs::{Ctx, Object, Result, TypedArray, Value};
use url::Url;
use url::form_urlencoded;

use super::encoding::input_bytes;
use super::{NativeModule, add, bytes_of};
use crate::vm::body::import;
use crate::vm::error::throw_type;
use crate::vm::state::VuState;

pub(crate) struct Web;

impl NativeModule for Web {
    const NAMES: &'static [&'static str] =
        &["decode", "encode", "formDecode", "formEncode", "parseUrl", "setUrl"];

    fn build<'js>(ctx: &Ctx<'js>, _: &Rc<VuState>) -> Result<Object<'js>> {
        let object = Object::new(ctx.clone())?;
        add(&object, "encode", |ctx: Ctx<'js>, text: String| TypedArray::<u8>::new(ctx, text.into_bytes()))?;
        add(&object, "decode", |ctx: Ctx<'js>, input: Value<'js>, fatal: bool| {
            let bytes = bytes_of(&input).map_or_else(|| input_bytes(&ctx, &input), Ok)?;
            let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
            match String::from_utf8_lossy(bytes) {
                std::borrow::Cow::Owned(_) if fatal => Err(throw_type(&ctx, "the bytes are not valid UTF-8")),
                text => Ok(text.into_owned()),
            }
        })?;
        add(&object, "formDecode", |text: String| -> Vec<Vec<String>> {
            form_urlencoded::parse(text.as_bytes())
                .map(|(k, v)| vec![k.into_owned(), v.into_owned()])
                .collect()
        })?;
        add(&object, "formEncode", |pairs: Vec<Vec<String>>| {
            let mut form = form_urlencoded::Serializer::new(String::new());
            for pair in &pairs {
                if let [name, value] = pair.as_slice() {
                    form.append_pair(name, value);
                }
            }
            form.finish()
        })?;
        add(
            &object,
            "parseUrl",
            |ctx: Ctx<'js>, text: String, base: rquickjs::function::Opt<Option<String>>| {
                let base = base.0.flatten().map(|b| Url::parse(&b)).transpose();
                let url = base.and_then(|base| Url::options().base_url(base.as_ref()).parse(&text));
                url.ok().map(|url| parts(&ctx, &url)).transpose()
            },
        )?;
        add(&object, "setUrl", |ctx: Ctx<'js>, href: String, part: String, value: String| {
            let url = Url::parse(&href).ok().map(|mut url| {
                set(&mut url, &part, &value);
                url
            });
            url.map(|url| parts(&ctx, &url)).transpose()
        })?;
        Ok(object)
    }
}

fn parts<'js>(ctx: &Ctx<'js>, url: &Url) -> Result<Object<'js>> {
    use url::quirks;
    let object = Object::new(ctx.clone())?;
    object.set("href", quirks::href(url))?;
    object.set("origin", quirks::origin(url))?;
    object.set("protocol", quirks::protocol(url))?;
    object.set("username", quirks::username(url))?;
    object.set("password", quirks::password(url))?;
    object.set("host", quirks::host(url))?;
    object.set("hostname", quirks::hostname(url))?;
    object.set("port", quirks::port(url))?;
    object.set("pathname", quirks::pathname(url))?;
    object.set("search", quirks::search(url))?;
    object.set("hash", quirks::hash(url))?;
    Ok(object)
}

/// What browsers do when a part cannot be set is nothing.
fn set(url: &mut Url, part: &str, value: &str) {
    use url::quirks;
    match part {
        "protocol" => drop(quirks::set_protocol(url, value)),
        "username" => drop(quirks::set_username(url, value)),
        "password" => drop(quirks::set_password(url, value)),
        "host" => drop(quirks::set_host(url, value)),
        "hostname" => drop(quirks::set_hostname(url, value)),
        "port" => drop(quirks::set_port(url, value)),
        "pathname" => quirks::set_pathname(url, value),
        "search" => quirks::set_search(url, value),
        _ => quirks::set_hash(url, value),
    }
}

/// Puts into the global scope what of `TextEncoder`, `TextDecoder` and `crypto` the script mentions, and changes what
/// k6's engine does in another way.
pub(crate) fn install<'js>(ctx: &Ctx<'js>, state: &VuState) -> Result<()> {
    let mentions = |words: &[&str]| words.iter().any(|word| state.script.mentions(word));
    let (text, crypto) = (
        mentions(&["TextEncoder", "TextDecoder"]),
        mentions(&["crypto"]) && mentions(&["getRandomValues", "randomUUID", "subtle"]),
    );
    for (wanted, module, names) in [
        (text, "#text", ["TextEncoder", "TextDecoder"].as_slice()),
        (crypto, "#webcrypto", ["crypto"].as_slice()),
    ] {
        if wanted {
            let namespace = import(ctx, module)?;
            for name in names {
                ctx.globals().set(*name, namespace.get::<_, Value>(*name)?)?;
            }
        }
    }
    for (word, module) in [("Date", "#dates"), ("localeCompare", "#collation")] {
        if mentions(&[word]) {
            import(ctx, module)?.get::<_, rquickjs::Function>("install")?.call::<_, ()>(())?;
        }
    }
    Ok(())
}
