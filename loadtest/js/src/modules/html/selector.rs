//! Selectors as `k6/html` knows them: CSS level 3 with some of jQuery's additions. What it does not know matches
//! nothing rather than failing.

use dom_query::NodeRef;
use regex::Regex;

mod parse;

/// A list of alternatives.
#[derive(Debug, Default)]
pub(super) struct Selector(Vec<Path>);

/// One alternative, read from its end: what the element itself is, and what stands before it.
#[derive(Debug)]
struct Path {
    own: Vec<Test>,
    before: Option<(Relation, Box<Self>)>,
}

#[derive(Debug, Clone, Copy)]
enum Relation {
    Descendant,
    Child,
    Next,
    Later,
}

#[derive(Debug)]
enum Test {
    Tag(String),
    Id(String),
    Class(String),
    Attribute {
        name: String,
        wanted: Wanted,
        ignore_case: bool,
    },
    Not(Selector),
    Has(Selector),
    HasChild(Selector),
    /// In lower case.
    Contains {
        text: String,
        own: bool,
    },
    Matches {
        regex: Regex,
        own: bool,
    },
    /// The place among the siblings is `step * n + offset`.
    Nth {
        step: i64,
        offset: i64,
        last: bool,
        of_type: bool,
    },
    Only {
        of_type: bool,
    },
    Lang(String),
    Input,
    Empty,
    Root,
    Link,
    Enabled,
    Disabled,
    Checked,
    Never,
}

#[derive(Debug)]
enum Wanted {
    Present,
    Equal(String),
    Unequal(String),
    Word(String),
    Dash(String),
    Prefix(String),
    Suffix(String),
    Part(String),
    Regex(Regex),
}

impl Selector {
    /// Reads a selector; what is none matches nothing.
    pub(super) fn new(text: &str) -> Self {
        parse::group(text).unwrap_or_default()
    }

    pub(super) fn matches(&self, node: &NodeRef<'_>) -> bool {
        node.is_element() && self.0.iter().any(|path| path.matches(node))
    }
}

impl Path {
    fn matches(&self, node: &NodeRef<'_>) -> bool {
        self.own.iter().all(|test| test.holds(node))
            && self.before.as_ref().is_none_or(|(relation, path)| {
                let element =
                    |node: Option<NodeRef<'_>>| node.is_some_and(|n| n.is_element() && path.matches(&n));
                match relation {
                    Relation::Child => element(node.parent()),
                    Relation::Next => element(node.prev_element_sibling()),
                    Relation::Descendant => {
                        std::iter::successors(node.parent(), NodeRef::parent).any(|n| element(Some(n)))
                    }
                    Relation::Later => {
                        std::iter::successors(node.prev_element_sibling(), NodeRef::prev_element_sibling)
                            .any(|n| element(Some(n)))
                    }
                }
            })
    }
}

impl Test {
    fn holds(&self, node: &NodeRef<'_>) -> bool {
        match self {
            Self::Tag(tag) => name(node) == *tag,
            Self::Id(id) => attribute(node, "id").is_some_and(|own| own == *id),
            Self::Class(class) => attribute(node, "class")
                .is_some_and(|own| own.split_ascii_whitespace().any(|one| one == class)),
            Self::Attribute { name, wanted, ignore_case } => {
                let own = attribute(node, name);
                wanted.fits(own.map(|own| if *ignore_case { own.to_lowercase() } else { own }))
            }
            Self::Not(selector) => !selector.matches(node),
            Self::Has(selector) => node.descendants_it().any(|n| selector.matches(&n)),
            Self::HasChild(selector) => node.element_children().iter().any(|n| selector.matches(n)),
            Self::Contains { text, own } => text_of(node, *own).to_lowercase().contains(text.as_str()),
            Self::Matches { regex, own } => regex.is_match(&text_of(node, *own)),
            Self::Nth { step, offset, last, of_type } => {
                place(node, *last, *of_type).is_some_and(|place| is_in_row(place, *step, *offset))
            }
            Self::Only { of_type } => {
                place(node, false, *of_type) == Some(1) && place(node, true, *of_type) == Some(1)
            }
            Self::Lang(lang) => {
                let near = std::iter::successors(Some(*node), NodeRef::parent);
                near.into_iter().find_map(|n| attribute(&n, "lang")).is_some_and(|own| {
                    let own = own.to_lowercase();
                    own == *lang || own.strip_prefix(lang.as_str()).is_some_and(|rest| rest.starts_with('-'))
                })
            }
            Self::Input => matches!(name(node).as_str(), "input" | "select" | "textarea" | "button"),
            Self::Empty => !node.children().iter().any(|child| child.is_element() || child.is_text()),
            Self::Root => node.parent().is_some_and(|parent| parent.is_document()),
            Self::Link => is_link(node),
            Self::Enabled => match name(node).as_str() {
                "a" | "area" | "link" => is_link(node),
                _ => can_be_disabled(node) && !is_disabled(node),
            },
            Self::Disabled => can_be_disabled(node) && is_disabled(node),
            Self::Checked => match name(node).as_str() {
                "input" => {
                    let kind = attribute(node, "type").unwrap_or_default();
                    matches!(kind.as_str(), "checkbox" | "radio") && attribute(node, "checked").is_some()
                }
                "option" => attribute(node, "selected").is_some(),
                _ => false,
            },
            Self::Never => false,
        }
    }
}

impl Wanted {
    fn fits(&self, own: Option<String>) -> bool {
        let Some(own) = own else { return matches!(self, Self::Unequal(_)) };
        let said = !own.trim().is_empty();
        match self {
            Self::Present => true,
            Self::Equal(value) => own == *value,
            Self::Unequal(value) => own != *value,
            Self::Word(value) => own.split_ascii_whitespace().any(|word| word == value),
            Self::Dash(value) => {
                own == *value || own.strip_prefix(value.as_str()).is_some_and(|rest| rest.starts_with('-'))
            }
            Self::Prefix(value) => said && own.starts_with(value.as_str()),
            Self::Suffix(value) => said && own.ends_with(value.as_str()),
            Self::Part(value) => said && own.contains(value.as_str()),
            Self::Regex(regex) => regex.is_match(&own),
        }
    }
}

fn name(node: &NodeRef<'_>) -> String {
    node.node_name().map(|name| name.to_string()).unwrap_or_default()
}

fn attribute(node: &NodeRef<'_>, name: &str) -> Option<String> {
    node.attr(name).map(|value| value.to_string())
}

/// All of the text, or only that which is no child element's.
fn text_of(node: &NodeRef<'_>, own: bool) -> String {
    if own {
        return node
            .children()
            .iter()
            .filter(|child| child.is_text())
            .map(|child| child.text().to_string())
            .collect();
    }
    node.text().to_string()
}

/// The place among the siblings that are elements, from 1.
fn place(node: &NodeRef<'_>, last: bool, of_type: bool) -> Option<i64> {
    node.parent()?;
    let step = if last { NodeRef::next_element_sibling } else { NodeRef::prev_element_sibling };
    let own = name(node);
    let siblings = std::iter::successors(step(node), step);
    i64::try_from(siblings.filter(|n| !of_type || name(n) == own).count()).ok().map(|before| before + 1)
}

fn is_in_row(place: i64, step: i64, offset: i64) -> bool {
    match step {
        0 => place == offset,
        _ => (place - offset) % step == 0 && (place - offset) / step >= 0,
    }
}

fn is_link(node: &NodeRef<'_>) -> bool {
    matches!(name(node).as_str(), "a" | "area" | "link") && attribute(node, "href").is_some()
}

fn can_be_disabled(node: &NodeRef<'_>) -> bool {
    matches!(
        name(node).as_str(),
        "button" | "fieldset" | "input" | "menuitem" | "optgroup" | "option" | "select" | "textarea"
    )
}

fn is_disabled(node: &NodeRef<'_>) -> bool {
    if attribute(node, "disabled").is_some() {
        return true;
    }
    let alone = matches!(name(node).as_str(), "fieldset" | "menuitem" | "optgroup");
    // The first legend of a disabled set of fields is not disabled itself.
    let mut inner = *node;
    !alone
        && std::iter::successors(node.parent(), NodeRef::parent).any(|outer| {
            let in_legend = name(&inner) == "legend" && place(&inner, false, true) == Some(1);
            inner = outer;
            name(&outer) == "fieldset" && attribute(&outer, "disabled").is_some() && !in_legend
        })
}
