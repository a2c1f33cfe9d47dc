//! The memory that the judge needs for the output of programs.

use std::{
    io,
    os::unix::process::ExitStatusExt,
    process::{Child, ExitStatus, Stdio},
};

use minicontainer::MIB;

use crate::fixture::Fixture;
use crate::homework::Homework;

/// The maximum memory of a process, in bytes.
fn peak_memory(child: Child) -> u64 {
    let mut status = 0;
    // SAFETY: struct rusage consists of plain numbers, for which all zeros is valid.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: waits for a child of this process that nothing else waits for, and writes to both arguments.
    let pid = unsafe { libc::wait4(child.id().cast_signed(), &raw mut status, 0, &raw mut usage) };
    assert_eq!(pid, child.id().cast_signed(), "{}", io::Error::last_os_error());
    assert!(ExitStatus::from_raw(status).code().is_some());
    usage.ru_maxrss.unsigned_abs() * 1024
}

/// An answer is compared while it is read: 16 MiB of newlines from four parallel programs hardly need memory in the
/// judge.
#[test]
fn judge_memory_does_not_grow_with_output() {
    let fixture = Fixture::any();
    let homework = Homework::new(&fixture, "output = '32m'\ntime = '100s'\ncpu-time = '60s'");
    homework.test("one", "", "1\n");
    let peak = |script: &str, verdict: &str| {
        (0..4).for_each(|number| homework.script(&format!("p{number}"), script, 0o755));
        for comparison in ["exact", "lines", "tokens"] {
            let settings = format!("output = '32m'\ntime = '100s'\ncpu-time = '60s'\ncomparison = '{comparison}'");
            homework.file("judge.toml", &settings, 0o644);
            let verdicts = homework.verdicts(&["--jobs", "4"]);
            assert!(verdicts.iter().all(|line| line.contains(verdict)), "{verdicts:?}");
        }
        let mut judge = homework.judge(&["--jobs", "4"]);
        peak_memory(judge.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the command starts"))
    };
    let little = peak("echo 1", "AC");
    let much = peak("yes '' | head -c 16777216", "");
    let long = peak("yes x | tr -d '\\n' | head -c 16777216", "WA");
    assert!(much < little + 8 * MIB && long < little + 8 * MIB, "{little} {much} {long}");
}
