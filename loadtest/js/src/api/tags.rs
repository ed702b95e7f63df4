//! The tags a VU puts on every sample.

use std::collections::BTreeMap;
use std::rc::Rc;

/// The VU's state that is tagged on whatever it measures. Immutable and shared: a change makes a new one, so
/// that an engine may cache by address what it derived from it (while it holds the `Rc`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TagContext {
    /// The scenario's name; empty in setup and teardown.
    pub scenario: Rc<str>,
    /// `::outer::inner`; empty at the root. Setup runs in `::setup`, teardown in `::teardown`.
    pub group: Rc<str>,
    /// The scenario's tags and what the script set through `exec.vu.metrics.tags`.
    pub tags: BTreeMap<String, String>,
    /// What the script set through `exec.vu.metrics.metadata`; not indexed, only written to outputs.
    pub metadata: BTreeMap<String, String>,
}

/// The tags of one sample.
#[derive(Debug, Clone, Copy)]
pub struct SampleTags<'a> {
    /// The VU's.
    pub context: &'a Rc<TagContext>,
    /// Of this sample alone, over those of `context`.
    pub extra: &'a [(String, String)],
}
