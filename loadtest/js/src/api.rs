//! The crate's public vocabulary: plain values, no behaviour to speak of.

pub(crate) mod host;
pub(crate) mod http;
pub(crate) mod tags;
