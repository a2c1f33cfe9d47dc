//! Attacks on the machine as a whole: its clock, its log, its ports, its execution domains.

use std::fs;

use nix::errno::Errno;

use crate::calls::{address, call, call_32, open, text};
use crate::denied::number;
use crate::outcome::{Outcome, done_if, not_live};
use crate::processes::is_initial;

/// The attacks of this module.
pub fn attack(name: &str, arguments: &[String]) -> Option<Outcome> {
    Some(match name {
        "set-clock" => set_clock().into(),
        "set-time-of-day" => set_time_of_day().into(),
        "adjust-clock" => adjust_clock(libc::SYS_clock_adjtime).into(),
        // Invalid pointers: the kernel itself answers EFAULT.
        "set-clock-32" => call_32(25, &[1]).into(),
        "read-log" => read_log().into(),
        "reboot" => reboot(arguments.first().map_or("restart", String::as_str)),
        "swap" => swap(),
        "accounting" => call(libc::SYS_acct, &[address(&text("/tmp"))]).into(),
        "ports" => ports().into(),
        "hang-up" => call(libc::SYS_setsid, &[]).and_then(|_| call(libc::SYS_vhangup, &[])).into(),
        "personality" => match arguments.first().and_then(|word| number(word)) {
            Some(domain) => call(libc::SYS_personality, &[domain]).into(),
            None => not_live("no number given"),
        },
        "dump-core" => dump_core(),
        "rename-machine" => rename_machine(arguments),
        _ => return None,
    })
}

fn now() -> Result<[i64; 2], Errno> {
    let mut now = [0i64; 2];
    call(libc::SYS_clock_gettime, &[libc::CLOCK_REALTIME as usize, now.as_mut_ptr() as usize])?;
    Ok(now)
}

/// Sets the clock to its current time.
fn set_clock() -> Result<usize, Errno> {
    let now = now()?;
    call(libc::SYS_clock_settime, &[libc::CLOCK_REALTIME as usize, now.as_ptr() as usize])
}

fn set_time_of_day() -> Result<usize, Errno> {
    let [seconds, nanoseconds] = now()?;
    let now = [seconds, nanoseconds / 1000];
    call(libc::SYS_settimeofday, &[now.as_ptr() as usize, 0])
}

/// Shifts the clock by zero: ADJ_SETOFFSET.
fn adjust_clock(number: i64) -> Result<usize, Errno> {
    let mut change = [0u64; 26];
    change[0] = 0x0100;
    call(number, &[libc::CLOCK_REALTIME as usize, change.as_mut_ptr() as usize])
}

/// SYSLOG_ACTION_READ_ALL.
fn read_log() -> Result<usize, Errno> {
    let mut log = [0u8; 256];
    call(libc::SYS_syslog, &[3, log.as_mut_ptr() as usize, log.len()])
}

/// In a PID namespace it ends that namespace. In the initial one it would restart the machine, so it is not tried
/// there.
fn reboot(command: &str) -> Outcome {
    if is_initial("pid") {
        return not_live("this would be the machine");
    }
    let command = match command {
        "halt" => libc::RB_HALT_SYSTEM,
        "power-off" => libc::RB_POWER_OFF,
        _ => libc::RB_AUTOBOOT,
    };
    call(libc::SYS_reboot, &[0xfee1_dead, 672_274_793, command as u32 as usize, 0]).into()
}

/// Swaps into a file that is not a swap file, so a caller with permission gets EINVAL.
fn swap() -> Outcome {
    let path = "/tmp/swap";
    if fs::write(path, vec![0; 65536]).is_err() {
        return not_live("no file could be made");
    }
    let swapped = call(libc::SYS_swapon, &[address(&text(path)), 0]);
    let _removed = fs::remove_file(path);
    swapped.into()
}

#[cfg(target_arch = "x86_64")]
fn ports() -> Result<usize, Errno> {
    call(libc::SYS_iopl, &[3]).and_then(|_| call(libc::SYS_ioperm, &[0x80, 1, 1]))
}

#[cfg(not(target_arch = "x86_64"))]
fn ports() -> Result<usize, Errno> {
    Err(Errno::ENOSYS)
}

/// Whether a crash would write a core dump: to a file, or to the configured program.
fn dump_core() -> Outcome {
    let mut limit = [0u64; 2];
    let _raised = call(libc::SYS_prlimit64, &[0, libc::RLIMIT_CORE as usize, [u64::MAX; 2].as_ptr() as usize, 0]);
    let _read = call(libc::SYS_prlimit64, &[0, libc::RLIMIT_CORE as usize, 0, limit.as_mut_ptr() as usize]);
    done_if(limit[0] > 0, Errno::EPERM)
}

/// Changes the hostname, unless the process is in the machine's own UTS namespace.
fn rename_machine(arguments: &[String]) -> Outcome {
    if is_initial("uts") {
        return not_live("this would be the machine's name");
    }
    let name = arguments.first().map_or("probe", String::as_str);
    let bytes = text(name);
    call(libc::SYS_sethostname, &[address(&bytes), name.len()])
        .and_then(|_| call(libc::SYS_setdomainname, &[address(&bytes), name.len()]))
        .and_then(|_| open("/proc/sys/kernel/hostname", libc::O_RDONLY))
        .into()
}
