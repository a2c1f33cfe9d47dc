//! Privileges over the machine, over other processes and over itself that a container must not have.

use std::process::Stdio;

use crate::attacks::Naive::{IfKnown, NotLive, Otherwise, Through};
use crate::attacks::{Attack, ENOSYS, EPERM, Ground, text, without_protections};
use crate::fixture::Fixture;

/// The machine's clock, log, swap, accounting, ports and terminals: they belong to the machine, not to a namespace.
const MACHINE: &[Attack] = &[
    ("set-clock", EPERM, Through, NotLive),
    ("set-time-of-day", EPERM, Through, NotLive),
    ("adjust-clock", EPERM, Through, NotLive),
    ("read-log", EPERM, Through, NotLive),
    ("swap", EPERM, Otherwise, NotLive),
    ("accounting", EPERM, Otherwise, NotLive),
    ("denied,swapoff", EPERM, Otherwise, NotLive),
    ("hang-up", EPERM, Through, NotLive),
    ("rename-machine", EPERM, Through, Through),
    ("bpf-map", ENOSYS, Through, NotLive),
    ("device,c,1,11", EPERM, Otherwise, NotLive),
    ("unshare,mount", EPERM, Through, Through),
    ("unshare,uts", EPERM, Through, Through),
    ("unshare,net", EPERM, Through, Through),
    ("unshare,pid", EPERM, Through, Through),
    ("unshare,ipc", EPERM, Through, Through),
    ("unshare,cgroup", EPERM, Through, Through),
    ("clone,mount", EPERM, Through, Through),
    ("clone,net", EPERM, Through, Through),
    ("setns,mount", EPERM, Through, Through),
    ("setns,uts", EPERM, Through, Through),
    ("unshare-32,uts", &["refused EPERM", "refused ENOSYS", "killed 31"], IfKnown, IfKnown),
    ("clone-32,uts", &["refused EPERM", "refused ENOSYS", "killed 31"], IfKnown, IfKnown),
    // A process that becomes an ordinary user gains nothing from a program file with root's privileges.
    ("set-user-id", EPERM, Through, IfKnown),
    ("file-capabilities", EPERM, Through, IfKnown),
];

#[test]
fn root_container_cannot_affect_the_machine() {
    let Some(fixture) = Fixture::root() else { return };
    // A user with subordinate ids succeeds where one without has no other id to become.
    Ground::new(&fixture).check(MACHINE);
}

#[test]
fn rootless_container_cannot_affect_the_machine() {
    let Some(fixture) = Fixture::user() else { return };
    let attacks: Vec<Attack> =
        MACHINE.iter().filter(|(words, ..)| !["set-user-id", "file-capabilities"].contains(words)).copied().collect();
    Ground::new(&fixture).check(&attacks);
}

/// All ways to read a process.
const LOOK: [&str; 5] = ["ptrace", "process-vm-read", "pidfd-getfd", "proc-mem", "proc-root"];
/// All ways to send it a signal.
const SIGNAL: [&str; 4] = ["kill", "tgkill", "pidfd-signal", "signal-by-owner"];

/// A process of the host has no id in the container. With the host's PID namespace the same attacks succeed.
#[track_caller]
fn check_processes(fixture: &Fixture) {
    let ground = Ground::new(fixture);
    // The same user as the container, because otherwise the kernel would refuse it for that reason.
    let mut victim = fixture.command_of("sleep").arg("60").spawn().expect("a process of the host");
    let attacks: Vec<String> = LOOK.iter().chain(&SIGNAL).map(|name| format!("{name},{}", victim.id())).collect();
    let attacks = || attacks.iter().map(String::as_str);
    let protected = ground.answers(&[], attacks());
    let naive = ground.answers(&["--without", &format!("pid,{}", without_protections())], attacks());
    let unharmed = victim.try_wait();
    victim.kill().expect("the victim lives");
    victim.wait().expect("its end");
    assert!(unharmed.is_ok_and(|ended| ended.is_none()));
    let absent = ["refused ESRCH", "refused ENOENT", "refused EPERM"];
    let reached: Vec<_> = protected.iter().filter(|(_, answer)| !absent.contains(&answer.as_str())).collect();
    assert!(reached.is_empty(), "{reached:?}");
    // No process in a user namespace can read a process outside of it, whatever its user; signals pass.
    let must_go_through = |words: &str| fixture.is_of_root() || SIGNAL.iter().any(|name| words.starts_with(name));
    let vain: Vec<_> = naive.iter().filter(|(words, answer)| must_go_through(words) && *answer != "done").collect();
    assert!(vain.is_empty(), "attacks that show nothing: {vain:?}");
    assert_eq!([protected.len(), naive.len()], [LOOK.len() + SIGNAL.len(); 2]);
}

#[test]
fn root_container_cannot_reach_host_processes() {
    let Some(fixture) = Fixture::root() else { return };
    check_processes(&fixture);
}

#[test]
fn rootless_container_cannot_reach_host_processes() {
    let Some(fixture) = Fixture::user() else { return };
    check_processes(&fixture);
}

/// Signals to all processes stay inside, and so does an attempt to restart the machine.
#[test]
fn kill_all_and_reboot_affect_only_the_container() {
    let Some(fixture) = Fixture::root() else { return };
    let ground = Ground::new(&fixture);
    let script = "sleep 60 & /probe kill-all; echo $?; wait; echo alone";
    assert_eq!(ground.text(&[], &["sh", "-c", script]), "done\n0\nalone");
    for command in ["restart", "halt", "power-off"] {
        let answer = text(
            &ground.run(&[], &["sh", "-c", &format!("/probe reboot {command}; true")]).output().expect("it starts"),
        );
        assert_eq!(answer, "refused EPERM", "{command}");
        // The control: with that capability, only the container's first process is ended.
        let naive = ["--without", &without_protections()];
        let output = ground.run(&naive, &["sh", "-c", &format!("/probe reboot {command}; echo alive")]).output();
        let output = output.expect("the command starts");
        assert!(!output.status.success() && output.stdout.is_empty(), "{command}: {output:?}");
    }
}

/// A name in the abstract socket namespace can be reached only within one network namespace, see unix(7).
#[track_caller]
fn check_abstract_sockets(fixture: &Fixture) {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixListener};
    let ground = Ground::new(fixture);
    let name = format!("minicontainer-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).expect("a name");
    let _listener = UnixListener::bind_addr(&address).expect("a socket of the host");
    let attack = format!("abstract-socket,{name}");
    assert_eq!(ground.answers(&[], [attack.as_str()])[&attack], "refused ECONNREFUSED");
    assert_eq!(ground.answers(&["--network", "host"], [attack.as_str()])[&attack], "done");
}

#[test]
fn host_abstract_sockets_are_unreachable() {
    let fixture = Fixture::any();
    check_abstract_sockets(&fixture);
    // The engine does not listen on any while a container runs.
    let ground = Ground::new(&fixture);
    let sockets = || std::fs::read_to_string("/proc/net/unix").expect("the sockets");
    let abstract_names = |text: String| {
        text.lines()
            .filter(|line| line.contains(" @"))
            .map(|line| line.rsplit(' ').next().unwrap_or_default().to_owned())
            .collect::<std::collections::BTreeSet<_>>()
    };
    let before = abstract_names(sockets());
    let mut running = ground
        .run(&["-i"], &["cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut stdin = running.stdin.take().expect("a pipe");
    std::io::Write::write_all(&mut stdin, b"x").expect("it reads");
    let mut byte = [0];
    std::io::Read::read_exact(running.stdout.as_mut().expect("a pipe"), &mut byte).expect("it runs");
    let during = abstract_names(sockets());
    drop(stdin);
    assert!(running.wait().expect("its end").success());
    let ours: Vec<_> = during.difference(&before).filter(|name| name.contains("minicontainer")).collect();
    assert!(ours.is_empty(), "{ours:?}");
}

/// Channels that belong to a namespace: one container leaves something, another looks for it.
#[test]
fn containers_share_no_ipc_objects() {
    let fixture = Fixture::any();
    let ground = Ground::new(&fixture);
    let key = (0x6d63_0000 + (std::process::id() & 0xffff)).to_string();
    let name = format!("minicontainer-{key}");
    let words = |what: &str, act: &str, name: &str| format!("{what},{act},{name}");
    let channels = [("shared-memory", key.as_str()), ("message-queue", &name), ("shm-file", &name)];
    let leave: Vec<String> = channels.iter().map(|(what, name)| words(what, "leave", name)).collect();
    let find: Vec<String> = channels.iter().map(|(what, name)| words(what, "find", name)).collect();
    // The control: within one container all of it is found.
    let all: Vec<&str> = leave.iter().chain(&find).map(String::as_str).collect();
    let within = ground.answers(&[], all);
    assert!(within.len() == 6 && within.values().all(|answer| answer == "done"), "{within:?}");
    let between = ground.answers(&[], find.iter().map(String::as_str));
    assert!(between.len() == 3 && between.values().all(|answer| answer == "refused ENOENT"), "{between:?}");
}

/// A core dump may be handled by a program of the host, which the kernel runs as root outside. So a crash writes none
/// unless it is requested when the container starts.
#[test]
fn no_core_dumps_are_written() {
    let fixture = Fixture::any();
    let ground = Ground::new(&fixture);
    let attack = "dump-core";
    assert_eq!(ground.answers(&[], [attack])[attack], "refused EPERM");
    // The control, where the user of the test may write core dumps.
    let (_, most) = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_CORE).expect("a limit");
    if most < 4096 {
        return crate::swapper::not_live("core dumps are switched off for the user of the test");
    }
    assert_eq!(ground.answers(&["--ulimit", "core=4096:4096"], [attack])[attack], "done");
}
