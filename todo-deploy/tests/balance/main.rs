//! `todo-deploy balance` as its users meet it: real processes, real signals, real file descriptors.
//!
//! The targets are this test's own program, started again (see `target::serve_as_a_target`).

mod faults;
mod harness;
mod memory;
mod running;
mod target;
