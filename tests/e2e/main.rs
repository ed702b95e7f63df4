//! Every end-to-end test, in one binary: it is linked once, and all tests share one PostgreSQL server.
//!
//! To add a file, name it here; a test fails when one is forgotten.

#[cfg(test)]
mod basics;
#[cfg(test)]
mod browser;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod durability;
#[cfg(test)]
mod image;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod overload;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod shutdown;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod tls;
