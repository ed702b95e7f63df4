//! What `k6/html` is made of: a parsed document, whose nodes scripts know by number.

#![expect(clippy::needless_pass_by_value, reason = "the functions of a script get their arguments by value")]

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use dom_query::{Document, NodeId, NodeRef};
use rquickjs::class::Trace;
use rquickjs::{Class, Ctx, JsLifetime, Object, Result};

use super::text::Text;
use super::{NativeModule, add};
use crate::vm::state::VuState;

mod render;
mod selector;

use selector::Selector;

pub(crate) struct Html;

impl NativeModule for Html {
    const NAMES: &'static [&'static str] = &["parse"];

    fn build<'js>(ctx: &Ctx<'js>, _: &Rc<VuState>) -> Result<Object<'js>> {
        let object = Object::new(ctx.clone())?;
        add(&object, "parse", |ctx: Ctx<'js>, text: Text| Class::instance(ctx, Dom::new(&text.0)))?;
        Ok(object)
    }
}

/// A document. Node 0 is the document itself; others get numbers as they are met.
#[derive(Trace, JsLifetime)]
#[rquickjs::class(frozen)]
pub(crate) struct Dom {
    #[qjs(skip_trace)]
    document: Document,
    #[qjs(skip_trace)]
    nodes: RefCell<Numbers>,
}

#[derive(Default)]
struct Numbers {
    ids: Vec<NodeId>,
    known: HashMap<NodeId, u32>,
}

impl Dom {
    fn new(text: &str) -> Self {
        let dom = Self { document: Document::from(text), nodes: RefCell::default() };
        dom.number(&dom.document.root());
        dom
    }

    fn number(&self, node: &NodeRef<'_>) -> u32 {
        let mut nodes = self.nodes.borrow_mut();
        if let Some(&number) = nodes.known.get(&node.id) {
            return number;
        }
        let number = u32::try_from(nodes.ids.len()).unwrap_or(u32::MAX);
        nodes.ids.push(node.id);
        nodes.known.insert(node.id, number);
        number
    }

    fn node(&self, number: u32) -> Option<NodeRef<'_>> {
        let id = *self.nodes.borrow().ids.get(usize::try_from(number).ok()?)?;
        self.document.tree.get(&id)
    }

    fn near(&self, number: u32, next: impl Fn(&NodeRef<'_>) -> Option<u32>) -> Option<u32> {
        self.node(number).and_then(|node| next(&node))
    }
}

#[rquickjs::methods]
impl Dom {
    /// The descendants of `number` that match, in document order.
    fn find(&self, number: u32, selector: Text) -> Vec<u32> {
        let selector = Selector::new(&selector.0);
        let Some(node) = self.node(number) else { return Vec::new() };
        node.descendants_it().filter(|n| selector.matches(n)).map(|n| self.number(&n)).collect()
    }

    fn matches(&self, number: u32, selector: Text) -> bool {
        let selector = Selector::new(&selector.0);
        self.node(number).is_some_and(|n| selector.matches(&n))
    }

    fn parent(&self, number: u32) -> Option<u32> {
        self.near(number, |n| n.parent().map(|p| self.number(&p)))
    }

    /// The next sibling that is an element.
    fn next(&self, number: u32) -> Option<u32> {
        self.near(number, |n| n.next_element_sibling().map(|s| self.number(&s)))
    }

    /// The previous sibling that is an element.
    fn prev(&self, number: u32) -> Option<u32> {
        self.near(number, |n| n.prev_element_sibling().map(|s| self.number(&s)))
    }

    #[qjs(rename = "nextNode")]
    fn next_node(&self, number: u32) -> Option<u32> {
        self.near(number, |n| n.next_sibling().map(|s| self.number(&s)))
    }

    #[qjs(rename = "prevNode")]
    fn prev_node(&self, number: u32) -> Option<u32> {
        self.near(number, |n| n.prev_sibling().map(|s| self.number(&s)))
    }

    /// Elements only.
    fn children(&self, number: u32) -> Vec<u32> {
        self.node(number)
            .map_or_else(Vec::new, |n| n.element_children().iter().map(|c| self.number(c)).collect())
    }

    /// Texts and comments too.
    fn contents(&self, number: u32) -> Vec<u32> {
        self.node(number).map_or_else(Vec::new, |n| n.children().iter().map(|c| self.number(c)).collect())
    }

    fn text(&self, number: u32) -> String {
        self.node(number).map_or_else(String::new, |n| n.text().to_string())
    }

    /// What is inside.
    fn html(&self, number: u32) -> String {
        self.node(number).map_or_else(String::new, |n| render::inner(&n))
    }

    fn attr(&self, number: u32, name: Text) -> Option<String> {
        self.node(number)?.attr(&name.0).map(|value| value.to_string())
    }

    /// Names and values.
    fn attrs(&self, number: u32) -> Vec<Vec<String>> {
        let list = |n: NodeRef<'_>| {
            n.attrs().iter().map(|a| vec![a.name.local.to_string(), a.value.to_string()]).collect()
        };
        self.node(number).map_or_else(Vec::new, list)
    }

    /// Lower case for elements, `#text` and the like for others.
    fn name(&self, number: u32) -> String {
        let Some(node) = self.node(number) else { return String::new() };
        match node.node_name() {
            Some(name) => name.to_string(),
            None if node.is_text() => "#text".to_owned(),
            None if node.is_comment() => "#comment".to_owned(),
            None if node.is_doctype() => "#doctype".to_owned(),
            None => "#document".to_owned(),
        }
    }
}
