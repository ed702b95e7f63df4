//! The program as its users run it, against servers in this process; loopback only.

mod failures;
mod http;
mod load;
mod options;
mod outputs;
mod server;
mod timeline;
mod tls;
mod tool;
