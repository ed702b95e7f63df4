//! Sockets: binding, accepting, and what a client may do to a connection.

mod guarded;
mod serve;

pub use serve::{Limits, bind, serve};
