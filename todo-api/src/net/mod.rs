//! Sockets: binding, accepting, and what a client may do to a connection.

mod guarded;
mod lazy_timer;
mod serve;

pub(crate) use lazy_timer::RequestTimer;
pub use serve::{Limits, bind, serve};
