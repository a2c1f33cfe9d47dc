//! Tests of the command line: help, output, and errors. Each test runs the real command with its own store.
//!
//! Messages are snapshots, so a reviewer sees each new message and each change. Directories and ids are redacted,
//! because they differ between machines.

mod answer;
mod build;
mod bundle;
mod commit;
#[path = "../console.rs"]
mod console;
mod credentials;
mod demo;
mod disk_usage;
mod docker_manifests;
mod docker_words;
mod errors;
#[cfg(target_arch = "x86_64")]
mod faults;
mod help;
mod hostile;
mod image_metadata;
mod inspect;
mod interrupted_transfer;
mod judge;
mod languages;
mod layers;
mod lifecycle;
mod messages;
mod names;
mod newcomer;
mod output_files;
mod ps;
mod pull_and_push;
mod readme;
mod registry;
mod run_flags;
#[path = "../kernel/skip.rs"]
mod skip;
mod store_ownership;
mod streams;
mod system_check;
mod terminal;
#[path = "../test_env.rs"]
#[expect(dead_code, reason = "the kernel tests use the rest")]
mod test_env;
mod tls;
#[cfg(target_arch = "x86_64")]
mod tracer;
mod transfer;
mod unwritable_streams;
