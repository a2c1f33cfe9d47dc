//! The program that the kernel tests run inside a container: each name is an attack, made by raw system calls.
//!
//! ```console
//! $ probe mount tmpfs /tmp          one attack: prints one line, and exits with 0, 1 or 2
//! refused EPERM
//! $ probe batch mount,tmpfs,/tmp personality,8      several, each in its own process; always exits with 0
//! mount,tmpfs,/tmp: refused EPERM
//! personality,8: done
//! ```
//!
//! The line is `done` (0) if the attack succeeded, `refused ERRNO` (1) if the kernel or the container refused it, and
//! `not-live REASON` (2) if it could not be tried here. In a batch there is also `killed SIGNAL`, because some
//! attacks end their process. A successful attack does not harm the machine: it writes the same content again, and
//! sets values to their current value.
//!
//! A probe is linked statically, so that it runs in any image through a bind mount, `-v PROBE:/probe:ro`.

mod calls;
mod covert_channels;
mod denied;
mod exit_status;
mod files;
mod machine;
mod mounts;
mod namespaces;
mod outcome;
mod posture;
mod processes;
mod resources;
mod sockets;
mod streams;
mod terminals;
mod tree;

use std::env;
use std::process::ExitCode;

use outcome::{Outcome, not_live};

/// The attacks, by name.
fn attack(words: &[String]) -> Outcome {
    let [name, arguments @ ..] = words else { return not_live("no attack named") };
    denied::attack(name, arguments)
        .or_else(|| mounts::attack(name, arguments))
        .or_else(|| namespaces::attack(name, arguments))
        .or_else(|| sockets::attack(name, arguments))
        .or_else(|| files::attack(name, arguments))
        .or_else(|| machine::attack(name, arguments))
        .or_else(|| covert_channels::attack(name, arguments))
        .or_else(|| processes::attack(name, arguments))
        .or_else(|| resources::attack(name, arguments))
        .or_else(|| terminals::attack(name, arguments))
        .or_else(|| streams::attack(name, arguments))
        .unwrap_or_else(|| not_live(&format!("there is no attack {name}")))
}

#[expect(clippy::too_many_lines, reason = "a table of probes")]
fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    match words.first().map(String::as_str) {
        Some("batch") => {
            for line in &words[1..] {
                let words: Vec<String> = line.split(',').map(str::to_owned).collect();
                println!("{line}: {}", processes::apart(|| attack(&words)));
                mounts::clear();
            }
            ExitCode::SUCCESS
        }
        // Used by another attack, which runs it as an ordinary user and checks its exit status.
        Some("effective-root") => attack(&words).exit_code(),
        Some("end") => exit_status::end(words.get(1).map_or("", String::as_str)),
        // These print information and attack nothing.
        Some("posture") => {
            println!("{}", posture::posture());
            ExitCode::SUCCESS
        }
        Some("descriptors") => {
            posture::descriptors().iter().for_each(|line| println!("{line}"));
            ExitCode::SUCCESS
        }
        // To stdout and stderr, because a test may read either.
        Some("streams") => {
            for line in streams::streams() {
                println!("{line}");
                eprintln!("{line}");
            }
            ExitCode::SUCCESS
        }
        Some("clocks") => {
            posture::clocks().iter().for_each(|seconds| println!("{seconds}"));
            ExitCode::SUCCESS
        }
        Some("sweep") => {
            let reached = files::sweep(&words[1..]);
            reached.iter().for_each(|path| println!("{path}"));
            ExitCode::SUCCESS
        }
        Some("writable") => {
            tree::writable(&words[1..]).iter().for_each(|line| println!("{line}"));
            ExitCode::SUCCESS
        }
        Some("uncovered") => {
            tree::uncovered(&words[1..]).iter().for_each(|line| println!("{line}"));
            ExitCode::SUCCESS
        }
        Some("thread-bomb") => resources::thread_bomb(),
        Some("hold-all") => {
            resources::hold_all(words.get(1).map_or("", String::as_str));
            ExitCode::SUCCESS
        }
        Some("owner") => {
            match terminals::owner(&words[1..]) {
                Ok(text) => println!("{text}"),
                Err(errno) => println!("{}", Outcome::Refused(errno)),
            }
            ExitCode::SUCCESS
        }
        // Keeps the resource that an attack has acquired until the input ends.
        Some("hold") => {
            println!("{}", attack(&words[1..]));
            let _ended = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
            ExitCode::SUCCESS
        }
        Some("denied-names") => {
            denied::names().for_each(|name| println!("{name}"));
            ExitCode::SUCCESS
        }
        _ => {
            let outcome = attack(&words);
            println!("{outcome}");
            outcome.exit_code()
        }
    }
}
