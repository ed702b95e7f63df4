//! A deployment on this machine: real processes behind the real balancer, driven by the engine.
//!
//! `hub` joins the parts and decides nothing: the engine (`driver`) decides, the balancer routes and checks,
//! `instance` starts and stops one process, `limit` holds it to its share of the CPU. Everything that must survive
//! a `kill -9` of todo-deploy stands in the run directory (`rundir`), so that what it left can be ended (`orphans`).
//! Nothing here prints: what there is to say is given to the caller.

mod backoff;
pub mod control;
mod docker;
mod driver;
mod find;
mod http;
mod hub;
mod instance;
mod journal;
mod limit;
mod listening;
mod log;
mod meter;
mod orphans;
mod procfs;
mod rundir;
mod scrape;
mod seed;
mod service;
mod wanted;

pub use find::find;
pub use hub::{Said, run, url};
pub use instance::Stop;
pub use journal::replay;
pub use limit::CpuLimit;
pub use log::before;
pub use rundir::{Lock, RunDir, check_name};
pub use service::{Environment, Runs, environment};
pub use wanted::Wanted;

/// Ends what a killed todo-deploy left in this run; how many instances that were. The lock says that none runs.
pub fn end_orphans(dir: &RunDir, _lock: &Lock) -> usize {
    orphans::end(dir)
}
