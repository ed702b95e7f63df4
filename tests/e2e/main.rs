//! Every end-to-end test, in one binary: it is linked once, and all tests share one PostgreSQL server.
//!
//! To add a file, name it here; a test fails when one is forgotten.
#![cfg(test)]

mod course;
mod deadlines;
mod fuzz;
mod http;
mod input;
mod malformed;
mod many;
mod paging;
mod queries;
mod schema;
mod sharing;
mod site;
mod tidy;
mod todos;
