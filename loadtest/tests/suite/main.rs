//! The program as its users run it, against servers in this process; loopback only.

mod auth;
mod failures;
mod http;
mod k6;
mod load;
mod new;
mod options;
mod outputs;
mod pacing;
mod server;
mod timeline;
mod tls;
mod tool;
