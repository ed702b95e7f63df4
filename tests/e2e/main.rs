//! Every end-to-end test, in one binary: it is linked once, and all tests share one PostgreSQL server.
//!
//! To add a file, name it here; a test fails when one is forgotten.
#![cfg(test)]

mod aws;
mod browser;
mod clients;
mod course;
mod dashboard;
mod deadlines;
mod durability;
mod fuzz;
mod http;
mod image;
mod input;
mod local_commands;
mod local_failures;
mod local_scaling;
mod local_services;
mod malformed;
mod many;
mod metrics;
mod outage;
mod overload;
mod paging;
mod queries;
mod schema;
mod secrets;
mod sharing;
mod shutdown;
mod site;
mod tidy;
mod tls;
mod todos;
