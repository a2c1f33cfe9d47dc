//! Lesson 1: checks that the printed process id is the host's id of the program in a container, and that the printed
//! exit code is right.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context, Result};

use super::{random_number, random_word, text_of};
use crate::{Outcome, Refusal, Refused};

pub(super) fn check(program: &Path) -> Result<Outcome> {
    let store = tempfile::tempdir().context("cannot make a store for the check")?;
    let mut stderr = tempfile::tempfile().context("cannot make a file for the program's errors")?;
    let code = (random_number() % 100 + 20) as u8;
    let token = random_word("task");
    let mut child = Command::new(program)
        .args(["sh", "-c", &format!("sleep 1; exit {code}"), &token])
        .env("MINICONTAINER_ROOT", store.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(stderr.try_clone()?)
        .spawn()
        .with_context(|| format!("cannot run {}", program.display()))?;

    let mut output = BufReader::new(child.stdout.take().context("the program's output is not piped")?);
    let mut printed = String::new();
    let pid = loop {
        let before = printed.len();
        if output.read_line(&mut printed)? == 0 {
            break None;
        }
        if let Some(pid) = printed[before..].trim().strip_prefix("pid ").and_then(|number| number.parse().ok()) {
            break Some(pid);
        }
    };
    let refusal = pid.and_then(|pid| look_at(pid, &token));
    let mut rest = String::new();
    output.read_to_string(&mut rest)?;
    let status = child.wait()?;
    store.close().context("cannot remove the check's store")?;

    let refusal = match (pid, refusal) {
        (None, _) if !status.success() && printed.is_empty() => Refusal::EndedEarly { status },
        (None, _) => Refusal::NoPid { printed },
        (Some(_), Some(refusal)) => refusal,
        _ if rest.lines().any(|line| line.trim() == format!("exited {code}")) => return Ok(Outcome::Accepted),
        _ => Refusal::WrongExit { printed: rest, code },
    };
    Ok(Outcome::Refused(Refused { refusal, stderr: text_of(&mut stderr)? }))
}

/// The error in the process that the student printed, if there is one.
fn look_at(pid: u32, token: &str) -> Option<Refusal> {
    let command = command_line(pid, token);
    if !command.as_ref().is_some_and(|command| command.contains(token)) {
        let command = command.map(|command| command.split(' ').next().unwrap_or_default().to_owned());
        return Some(Refusal::OtherProcess { pid, command, expected: format!("sh -c … {token}") });
    }
    // One id for each pid namespace in which the process is visible, see "NSpid" in proc_pid_status(5).
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
    (numbers.split_whitespace().count() < 2).then_some(Refusal::NotInContainer { pid })
}

/// The command line of a process. A process that is just being started gets a second for its execve(2).
fn command_line(pid: u32, token: &str) -> Option<String> {
    let mut command = None;
    for _ in 0..50 {
        command = fs::read(format!("/proc/{pid}/cmdline"))
            .ok()
            .map(|line| String::from_utf8_lossy(&line).trim_end_matches('\0').replace('\0', " "));
        if command.as_ref().is_none_or(|command| command.contains(token)) {
            break;
        }
        thread::sleep(Duration::from_millis(20));
    }
    command
}
