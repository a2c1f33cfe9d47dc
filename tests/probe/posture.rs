//! The identity and the privileges of the process, as one JSON document.
//!
//! Numbers that differ between two runs (inodes of namespaces, process ids) are included; the test replaces them.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use crate::calls::{call, open};

/// The identity and the privileges of the process.
pub fn posture() -> String {
    let status = status();
    let field = |name: &str| status.get(name).cloned().unwrap_or_default();
    let capabilities: BTreeMap<&str, String> =
        ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].into_iter().map(|name| (name, field(name))).collect();
    let signals: BTreeMap<&str, String> =
        ["SigBlk", "SigIgn", "SigCgt"].into_iter().map(|name| (name, field(name))).collect();
    let document = json!({
        "uid": field("Uid"),
        "gid": field("Gid"),
        "groups": field("Groups"),
        "capabilities": capabilities,
        "no_new_privileges": field("NoNewPrivs"),
        "seccomp": { "mode": field("Seccomp"), "filters": field("Seccomp_filters") },
        "signals": signals,
        "umask": field("Umask"),
        "namespaces": namespaces(),
        "uid_map": lines("/proc/self/uid_map"),
        "gid_map": lines("/proc/self/gid_map"),
        "setgroups": read("/proc/self/setgroups"),
        "cgroup": lines("/proc/self/cgroup"),
        "root": link("/proc/self/root"),
        "working_directory": link("/proc/self/cwd"),
        "descriptors": descriptors(),
        "limits": limits(),
        "oom_score_adj": read("/proc/self/oom_score_adj"),
        "dumpable": prctl(libc::PR_GET_DUMPABLE),
        "parent_death_signal": parent_death_signal(),
        "secure_bits": prctl(libc::PR_GET_SECUREBITS),
        "personality": call(libc::SYS_personality, &[0xffff_ffff]).map_or(-1, |domain| domain as i64),
        "pid": std::process::id(),
        "parent": field("PPid"),
        "session_leader": call(libc::SYS_getsid, &[0]) == call(libc::SYS_getpid, &[]),
        "controlling_terminal": open("/dev/tty", libc::O_RDWR).is_ok(),
        "threads": field("Threads"),
        "environment": std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned()).collect::<Vec<_>>(),
        "mounts": mounts(),
    });
    format!("{document:#}")
}

/// The seconds of the clocks that a time namespace can change: the monotonic clock and the boot time.
pub fn clocks() -> [f64; 2] {
    [libc::CLOCK_MONOTONIC, libc::CLOCK_BOOTTIME].map(|clock| {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the call writes to a valid structure of ours.
        let result = unsafe { libc::clock_gettime(clock, &raw mut time) };
        if result == 0 { time.tv_sec as f64 + time.tv_nsec as f64 / 1e9 } else { f64::NAN }
    })
}

/// The open descriptors with their kinds, except the one that reads the directory.
pub fn descriptors() -> Vec<String> {
    let mut descriptors: Vec<(u32, String)> = (0..4096u32)
        .filter(|number| call(libc::SYS_fcntl, &[*number as usize, libc::F_GETFD as usize]).is_ok())
        .map(|number| (number, link(&format!("/proc/self/fd/{number}"))))
        .collect();
    descriptors.sort();
    descriptors.into_iter().map(|(number, what)| format!("{number} {}", class(&what))).collect()
}

/// The kind of file behind a descriptor, without the numbers, which differ in each run.
fn class(what: &str) -> String {
    what.split(":[").next().unwrap_or_default().to_owned()
}

fn status() -> BTreeMap<String, String> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let fields = status.lines().filter_map(|line| line.split_once(':'));
    fields.map(|(name, value)| (name.to_owned(), value.split_whitespace().collect::<Vec<_>>().join(" "))).collect()
}

fn namespaces() -> BTreeMap<String, String> {
    let entries = fs::read_dir("/proc/self/ns").into_iter().flatten().flatten();
    entries
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), link(&entry.path().display().to_string())))
        .collect()
}

fn limits() -> BTreeMap<String, String> {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let lines = limits.lines().skip(1).filter(|line| line.len() > 26);
    let words = |text: &str| text.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    lines.map(|line| (line[..26].trim().to_owned(), words(&line[26..]))).collect()
}

/// Each mount: mount point, type, and both lists of options.
fn mounts() -> Vec<Value> {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mount = |line: &str| {
        let (left, right) = line.split_once(" - ")?;
        let left: Vec<&str> = left.split(' ').collect();
        let place = left.get(4)?;
        let propagation = left.get(6..).unwrap_or_default().join(" ");
        Some(json!([place, right.split(' ').next()?, left.get(5)?, propagation]))
    };
    table.lines().filter_map(mount).collect()
}

fn prctl(option: i32) -> i64 {
    call(libc::SYS_prctl, &[option as usize, 0, 0, 0, 0]).map_or(-1, |value| value as i64)
}

fn parent_death_signal() -> i32 {
    let mut signal = 0i32;
    let asked = call(libc::SYS_prctl, &[libc::PR_GET_PDEATHSIG as usize, &raw mut signal as usize]);
    if asked.is_ok() { signal } else { -1 }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim_end().to_owned()
}

fn lines(path: &str) -> Vec<String> {
    read(path).lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

fn link(path: &str) -> String {
    fs::read_link(path).map(|target| target.display().to_string()).unwrap_or_default()
}
