//! Lesson 4: checks that the program runs in its own UTS namespace with the given name, and that the machine's name
//! has not changed.
//!
//! A wrong solution, run by root, would rename the machine. So the check first moves its own thread to a new UTS
//! namespace, if it may, and starts the student's program there. An ordinary user cannot create the namespace, but
//! cannot rename the machine either.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    thread,
};

use anyhow::{Context, Result};
use nix::{
    sched::{CloneFlags, unshare},
    sys::utsname::uname,
    unistd::geteuid,
};

use super::{random_word, text_of};
use crate::{Outcome, Refusal, Refused};

pub(super) fn check(program: &Path) -> Result<Outcome> {
    thread::scope(|scope| {
        let check = scope.spawn(|| {
            if geteuid().is_root() {
                unshare(CloneFlags::CLONE_NEWUTS).context("cannot protect the machine's name: unshare(2) failed")?;
            }
            check_on_this_thread(program)
        });
        check.join().map_err(|_| anyhow::anyhow!("the check panicked"))?
    })
}

fn check_on_this_thread(program: &Path) -> Result<Outcome> {
    let name = random_word("house");
    let before = hostname()?;
    let folder = tempfile::tempdir().context("cannot make a folder for the check")?;
    let answer = folder.path().join("name");

    let mut stderr = tempfile::tempfile().context("cannot make a file for the program's errors")?;
    // The program writes its hostname to a file, prints "ready", and runs as long as its stdin is open.
    let mut child = Command::new(program)
        .arg(&name)
        .args(["sh", "-c", "uname -n > \"$0\"; echo ready; read -r line"])
        .arg(&answer)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(stderr.try_clone()?)
        .spawn()
        .with_context(|| format!("cannot run {}", program.display()))?;
    let mut output = BufReader::new(child.stdout.take().context("the program's output is not piped")?);
    let mut line = String::new();
    while line.trim_end() != "ready" {
        line.clear();
        if output.read_line(&mut line)? == 0 {
            let refusal = Refusal::EndedEarly { status: child.wait()? };
            return Ok(Outcome::Refused(Refused { refusal, stderr: text_of(&mut stderr)? }));
        }
    }

    let namespace = uts_namespace(&format!("/proc/{}/ns/uts", child.id()))?;
    let now = hostname()?;
    let seen = fs::read_to_string(&answer).context("the program left no answer")?.trim().to_owned();
    drop(child.stdin.take());
    child.wait()?;
    folder.close().context("cannot remove the check's folder")?;

    let refusal = if now != before {
        Refusal::MachineRenamed { before, now }
    } else if namespace == uts_namespace("/proc/thread-self/ns/uts")? {
        Refusal::SameUtsNamespace { namespace }
    } else if seen != name {
        Refusal::WrongHostname { seen, expected: name }
    } else {
        return Ok(Outcome::Accepted);
    };
    Ok(Outcome::Refused(Refused { refusal, stderr: text_of(&mut stderr)? }))
}

fn hostname() -> Result<String> {
    Ok(uname()?.nodename().to_string_lossy().into_owned())
}

fn uts_namespace(link: &str) -> Result<String> {
    let target = fs::read_link(link).with_context(|| format!("cannot read {link}"))?;
    Ok(target.to_string_lossy().into_owned())
}
