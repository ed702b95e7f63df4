//! AWS without an account: an emulator (`tests/aws`), the program run against it, and what it found there.
//!
//! One emulator is started for this test process; each test takes a fork of it, which is there at once, begins with the
//! same contents and the same ids, and ends when it is dropped.

mod deploy;
mod emulator;
mod front;
mod venv;
mod web;

pub use deploy::{Deploy, Outcome};
pub use emulator::{Emulator, Logged, When};
pub use front::Front;
pub use venv::{Venv, emulator_sources};
pub use web::Web;
