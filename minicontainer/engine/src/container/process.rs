//! Identifies processes safely.
//!
//! The kernel reuses pids, so killing a recorded pid may kill another process. A pid together with the process's
//! start time, in ticks since boot (proc_pid_stat(5), field 22), is unique until the next boot. The boot id shows
//! whether the machine was rebooted since; then no recorded pid is valid.

use std::fs;

use minicontainer::core::container::ProcessIdentity;
use nix::{
    errno::Errno,
    sys::signal::{Signal, kill as send, killpg},
    unistd::Pid,
};

/// The process that has this pid now; none if there is none, or only a zombie.
fn identify(pid: i32) -> Option<ProcessIdentity> {
    Some(ProcessIdentity { pid, start_time: start_time(pid)?, boot_id: boot_id() })
}

/// A child of this process. It may have exited, but has not been waited for, so its pid is not reused.
pub(super) fn identify_child(pid: i32) -> ProcessIdentity {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let start_time = parse_stat(&stat).map_or(0, |(_, start_time)| start_time);
    ProcessIdentity { pid, start_time, boot_id: boot_id() }
}

/// Whether it is still running.
pub(super) fn is_alive(process: &ProcessIdentity) -> bool {
    identify(process.pid).as_ref() == Some(process)
}

/// Kills it, unless it has exited.
pub(super) fn kill(process: &ProcessIdentity) -> Result<(), Errno> {
    if !is_alive(process) {
        return Ok(());
    }
    // The first process of a container has started a session. Without a pid namespace its descendants are found by
    // their process group.
    let pid = Pid::from_raw(process.pid);
    for result in [killpg(pid, Signal::SIGKILL), send(pid, Signal::SIGKILL)] {
        match result {
            Err(Errno::ESRCH) => {}
            result => result?,
        }
    }
    Ok(())
}

/// The id of this boot.
pub(super) fn boot_id() -> String {
    // Without a boot id, all boots count as one.
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// None also for a zombie: it has exited, and only its parent has not waited for it.
fn start_time(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    parse_stat(&stat).filter(|(state, _)| !matches!(state, 'Z' | 'X')).map(|(_, start_time)| start_time)
}

/// State and start time. The second field is the program's name in parentheses, and the name may contain spaces and
/// parentheses itself.
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
