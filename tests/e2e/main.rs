//! Every end-to-end test, in one binary: it is linked once, and all tests share one PostgreSQL server.
//!
//! To add a file, name it here; a test fails when one is forgotten.

#[cfg(test)]
mod basics;
#[cfg(test)]
mod tidy;
