//! Processes that are identified safely.
//!
//! The kernel uses process ids again, so to kill the process of a recorded id may kill another one. An id together
//! with the process's start time, in ticks since the machine started (proc_pid_stat(5), field 22), is unique as long
//! as the machine runs. After a reboot no recorded id means anything, which the boot id tells.

use std::fs;

use minicontainer::core::container::ProcessIdentity;
use nix::{
    errno::Errno,
    sys::signal::{Signal, kill as send, killpg},
    unistd::Pid,
};

/// The process that has this id now; none if there is none, or only its remains.
fn identify(pid: i32) -> Option<ProcessIdentity> {
    Some(ProcessIdentity { pid, start_time: start_time(pid)?, boot_id: boot_id() })
}

/// A child of this process, which may have ended already but has not been waited for, so that the id is its own.
pub(super) fn identify_child(pid: i32) -> ProcessIdentity {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let start_time = parse_stat(&stat).map_or(0, |(_, start_time)| start_time);
    ProcessIdentity { pid, start_time, boot_id: boot_id() }
}

/// Whether it still runs.
pub(super) fn is_alive(process: &ProcessIdentity) -> bool {
    identify(process.pid).as_ref() == Some(process)
}

/// Kills it. It may have ended already.
pub(super) fn kill(process: &ProcessIdentity) -> Result<(), Errno> {
    if !is_alive(process) {
        return Ok(());
    }
    // The first process of a container began a session: without a pid namespace what it started is found by its
    // group.
    let pid = Pid::from_raw(process.pid);
    for result in [killpg(pid, Signal::SIGKILL), send(pid, Signal::SIGKILL)] {
        match result {
            Err(Errno::ESRCH) => {}
            result => result?,
        }
    }
    Ok(())
}

/// Which run of the machine this is.
pub(super) fn boot_id() -> String {
    // A kernel without it has run once only, as far as can be told.
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// None for a zombie as well: it is dead, only its parent has not asked how it died.
fn start_time(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    parse_stat(&stat).filter(|(state, _)| !matches!(state, 'Z' | 'X')).map(|(_, start_time)| start_time)
}

/// State and start time. The second field is the program's name between parentheses, and may itself hold both spaces
/// and parentheses.
fn parse_stat(stat: &str) -> Option<(char, u64)> {
    let (_, behind_name) = stat.rsplit_once(") ")?;
    let mut fields = behind_name.split(' ');
    let state = fields.next()?.chars().next()?;
    // The state is the third field, the start time the twenty-second.
    Some((state, fields.nth(18)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, state: char) {
        let between = (4..22).map(|field| field.to_string()).collect::<Vec<_>>().join(" ");
        assert_eq!(parse_stat(&format!("7 ({name}) {state} {between} 4242 23 24\n")), Some((state, 4242)));
    }

    #[test]
    fn start_time_is_field_22_of_stat() {
        check("sh", 'S');
        check("a) R 1 (b", 'S');
        check("sh", 'Z');
        assert_eq!(parse_stat("7 (sh) S 1"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn process_is_alive_only_with_same_start_time() {
        let this = identify(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(is_alive(&this));
        assert!(!is_alive(&ProcessIdentity { start_time: this.start_time + 1, ..this.clone() }));
        assert!(!is_alive(&ProcessIdentity { boot_id: "another".to_owned(), ..this }));
    }

    #[test]
    fn only_the_identified_process_is_killed() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let process = identify(i32::try_from(child.id()).unwrap()).unwrap();
        let other = ProcessIdentity { start_time: process.start_time + 1, ..process.clone() };
        kill(&other).unwrap();
        assert!(is_alive(&process));
        kill(&process).unwrap();
        child.wait().unwrap();
        assert!(!is_alive(&process));
        kill(&process).unwrap();
    }
}
