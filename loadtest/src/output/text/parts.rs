//! The blocks of the full summary: groups of the default scenario, then scenarios with the groups within them.

use std::collections::BTreeMap;

use super::{Ink, Summary, block::Block};
use crate::metrics::totals::Part;

/// A group or scenario with the groups within it, in the order in which they were first seen.
#[derive(Default)]
struct Node<'a> {
    part: Option<&'a Part>,
    groups: Vec<(&'a str, Self)>,
}

impl<'a> Node<'a> {
    /// The group of a path such as `outer::inner`, made where it is missing.
    fn at(&mut self, path: &'a str) -> &mut Self {
        path.split("::").filter(|name| !name.is_empty()).fold(self, |node, name| {
            let at = node.groups.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
                node.groups.push((name, Self::default()));
                node.groups.len() - 1
            });
            &mut node.groups[at].1
        })
    }
}

impl Summary<'_> {
    pub(super) fn parts(&self, out: &mut String) {
        let mut scenarios: BTreeMap<&str, Node<'_>> = BTreeMap::new();
        for (scenario, group, part) in self.totals.parts.rows() {
            scenarios.entry(scenario).or_default().at(group).part = Some(part);
        }
        for (name, group) in scenarios.remove("").unwrap_or_default().groups {
            self.part(out, &format!("GROUP: {name}"), &group);
        }
        for (name, scenario) in &scenarios {
            self.part(out, &format!("SCENARIO: {name}"), scenario);
        }
    }

    fn part(&self, out: &mut String, title: &str, node: &Node<'_>) {
        out.push('\n');
        self.title(out, title);
        self.node(out, node, 0);
    }

    fn node(&self, out: &mut String, node: &Node<'_>, level: usize) {
        if let Some(part) = node.part {
            self.block(out, &Block::part(part, &self.totals.registry.metrics, self.mode), level);
        }
        for (name, group) in &node.groups {
            let title = self.ink(Ink::Bold, &format!("GROUP: {name}"));
            out.push_str(&format!("\n{}↳ {title} \n", "  ".repeat(level + 2)));
            self.node(out, group, level + 1);
        }
    }
}
