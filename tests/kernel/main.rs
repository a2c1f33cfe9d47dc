//! Tests that need a real kernel: each starts the real command or library and examines the result from inside and
//! outside.
//!
//! Two rules make a passing test meaningful. Every test of a protection runs its probe a second time `--without` that
//! protection, where it must succeed: the positive control. And every test holds a [`fixture::Fixture`], whose
//! [`host_snapshot::HostSnapshot`] compares the machine before and after, and fails the test if anything was left
//! behind.
//!
//! Tests whose requirements are missing on this machine or for this user report that through [`skip::require`].

mod attacks;
mod capabilities;
mod cgroups;
mod clocks;
mod covert_channels;
mod delegation;
mod devices;
mod engine_capabilities;
mod escape;
mod examples;
mod exit_status;
mod files;
mod fixture;
mod handle;
mod homework;
mod host_snapshot;
mod host_snapshot_test;
mod isolation;
mod joined_namespaces;
mod judge;
mod judge_memory;
mod known_container;
mod launch;
mod launcher;
mod library;
mod limits;
mod masked_paths;
mod owners;
mod positive_controls;
mod posture;
mod proc_and_sys;
mod profile;
mod races;
mod resources;
mod rootless;
mod running;
mod sandboxes;
mod seccomp;
mod signals;
mod skip;
mod store_ownership;
mod streams;
#[cfg(target_arch = "x86_64")]
mod supervision;
mod supplementary_groups;
mod swapper;
mod system_calls;
mod system_directories;
mod terminals;
#[path = "../test_env.rs"]
#[expect(dead_code, reason = "the tests of the command use the rest")]
mod test_env;
#[cfg(target_arch = "x86_64")]
#[path = "../cli/tracer.rs"]
#[expect(dead_code, reason = "the tests of the command use the rest")]
mod tracer;
mod untrusted_input;
mod user_namespace_ids;
mod verdicts;
mod walks;
mod workdir;
