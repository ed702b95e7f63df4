//! Where URLs lead, and the heads of requests to them. Most scripts ask the same few things over and over: what is
//! the same each time is made once.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use loadtest_js::Address;

use crate::engine::shared::Shared;
use crate::net::{NetError, Origin};

/// A URL taken apart.
#[derive(Debug)]
pub struct Target {
    pub address: Address,
    /// The address as text.
    pub url: Rc<str>,
    /// The same as tags show it: without credentials.
    pub shown: Rc<str>,
    /// Path and query.
    pub path: String,
    /// Where to connect to, or why that is nowhere.
    pub origin: Result<Rc<Origin>, NetError>,
    heads: RefCell<Vec<Known>>,
}

/// A request's head, ready to be sent.
#[derive(Debug)]
pub struct Head {
    /// In the order in which they are sent.
    pub headers: Vec<(String, String)>,
    /// For HTTP/1.1, or why it cannot be sent.
    pub text: Result<Vec<u8>, NetError>,
}

/// A head that was made before, and what it depends on, beside its target and the options.
#[derive(Debug)]
struct Known {
    method: String,
    /// As the script gave them.
    headers: Vec<(String, String)>,
    /// The length of the body.
    body: Option<usize>,
    head: Rc<Head>,
}

impl Target {
    /// Heads that are kept; beyond it, it begins anew.
    const HEADS_MAX: usize = 4;

    pub fn of(address: Address) -> Self {
        let url: Rc<str> = address.to_string().into();
        Self {
            shown: if address.user.is_some() { address.masked().into() } else { Rc::clone(&url) },
            url,
            path: address.target(),
            origin: Origin::at(&address).map(Rc::new),
            address,
            heads: RefCell::default(),
        }
    }

    /// The head of a request, made by `make` unless the same was asked before.
    pub fn head(
        &self,
        method: &str,
        headers: &[(String, String)],
        body: Option<usize>,
        make: impl FnOnce() -> Head,
    ) -> Rc<Head> {
        let mut heads = self.heads.borrow_mut();
        let same = |known: &&Known| known.body == body && known.method == method && known.headers == headers;
        if let Some(known) = heads.iter().find(same) {
            return Rc::clone(&known.head);
        }
        let head = Rc::new(make());
        if heads.len() >= Self::HEADS_MAX {
            heads.clear();
        }
        let (method, headers) = (method.to_owned(), headers.to_vec());
        heads.push(Known { method, headers, body, head: Rc::clone(&head) });
        head
    }
}

/// URLs that were asked lately, taken apart.
#[derive(Debug, Default)]
pub struct Targets(HashMap<String, Rc<Target>>);

impl Targets {
    /// Beyond it, it begins anew.
    const MAX: usize = 256;

    pub fn get(&mut self, shared: &Shared, text: &str) -> Result<Rc<Target>, NetError> {
        if let Some(known) = self.0.get(text) {
            return Ok(Rc::clone(known));
        }
        let target = Rc::new(Target::of(address(shared, text)?));
        if self.0.len() >= Self::MAX {
            self.0.clear();
        }
        self.0.insert(text.to_owned(), Rc::clone(&target));
        Ok(target)
    }
}

/// The URL that is really asked, after `--base-url`.
pub fn address(shared: &Shared, text: &str) -> Result<Address, NetError> {
    let mut address =
        Address::parse(text).map_err(|why| NetError::new(1020, format!("invalid URL: {why}")))?;
    if let Some(base) = &shared.base_url {
        let host = base.host_str().unwrap_or_default();
        let host = base.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        address.set_base(base.scheme(), &host);
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        Head { headers: Vec::new(), text: Ok(Vec::new()) }
    }

    #[test]
    fn a_head_is_made_once_for_what_is_the_same() {
        let target = Target::of(Address::parse("http://a/b?c").expect("a URL"));
        let header = |value: &str| [("A".to_owned(), value.to_owned())];
        let first = target.head("GET", &header("1"), None, head);
        let never = || -> Head { panic!("made before") };
        assert!(Rc::ptr_eq(&first, &target.head("GET", &header("1"), None, never)));
        let others = [("POST", header("1"), None), ("GET", header("2"), None), ("GET", header("1"), Some(0))];
        for (method, headers, body) in others {
            assert!(!Rc::ptr_eq(&first, &target.head(method, &headers, body, head)));
        }
        for length in 0..100 {
            target.head("PUT", &[], Some(length), head);
            assert!(target.heads.borrow().len() <= Target::HEADS_MAX);
        }
    }
}
