//! What only a kernel can show: each test starts the real command or library and looks at the result from both sides.
//!
//! Two rules make a pass mean something. Every test of a protection runs its probe a second time `--without` that
//! protection, where it must succeed: the positive control. And every test holds a [`fixture::Fixture`], whose
//! [`oracle::HostOracle`] compares the machine before and after, and fails the test over anything left behind.
//!
//! Tests that need what this machine or this user lacks say so through [`skip::require`].

mod accounts;
mod answers;
mod attacks;
mod channels;
mod clocks;
mod delegation;
mod devices;
mod endings;
mod escape;
mod files;
mod fixture;
mod groups;
mod handle;
mod homework;
mod inputs;
mod isolation;
mod joining;
mod judging;
mod kept;
mod kernel_files;
mod launch;
mod launcher;
mod library;
mod limits;
mod masks;
mod oracle;
mod oracle_sees;
mod own_ids;
mod owner;
mod posture;
mod powers;
mod profile;
mod races;
mod resources;
mod rootless;
mod sandboxes;
mod seccomp;
mod sensitivity;
mod signals;
mod skip;
mod streams;
#[cfg(target_arch = "x86_64")]
mod supervision;
mod swapper;
mod system_calls;
mod system_directories;
mod terminals;
#[cfg(target_arch = "x86_64")]
#[path = "../cli/tracer.rs"]
#[expect(dead_code, reason = "the tests of the command use the rest")]
mod tracer;
mod verdicts;
mod walks;
mod weak_engine;
mod workdir;
