//! What a person sees: help, answers, and every kind of mistake, by the real command in a store of its own.
//!
//! Messages are snapshots, so that each is read by a person once and changes only on purpose. What differs between
//! machines is replaced: directories, ids.

mod access;
mod build;
mod bundle;
mod check;
mod credentials;
mod cut;
mod demo;
#[cfg(target_arch = "x86_64")]
mod faults;
mod fetch;
mod help;
mod hostile;
mod images;
mod judge;
mod life;
mod looking;
mod mistakes;
mod output_files;
mod place;
mod printing;
mod registry;
#[path = "../kernel/skip.rs"]
mod skip;
mod streams;
mod terminal;
mod tls;
#[cfg(target_arch = "x86_64")]
mod tracer;
mod travel;
mod usage;
