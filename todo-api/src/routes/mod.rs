//! One file per route group; in each: parameters, response, documentation, handler, in this order.

pub mod docs;
pub mod health;
pub mod page;
pub mod refusals;
pub mod todos;
