//! Covert channels between two containers, in addition to those that belong to a namespace (see `capabilities`):
//! locks and leases on a file that both have, and sockets without namespaces.
//!
//! One channel stays open, and only copying could close it: a user who mounts the same directory of the host in two
//! containers, even read-only, gives them the same files, and the kernel's locks belong to the files. The layers of a
//! shared image are not such a channel: each container has its own overlay with its own files.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use crate::attacks::{Ground, without_protections};
use crate::fixture::Fixture;

/// A container that holds a lock or a lease until it is released.
struct Holder {
    running: Child,
}

impl Holder {
    #[track_caller]
    fn of(ground: &Ground, flags: &[&str], words: &[&str]) -> Holder {
        let flags = [&["-i"], flags].concat();
        let mut run = ground.run(&flags, &[&["/probe", "hold"], words].concat());
        let mut running = run.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the command starts");
        let mut line = String::new();
        BufReader::new(running.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        assert_eq!(line, "done\n", "{words:?}");
        Holder { running }
    }

    fn let_go(mut self) {
        drop(self.running.stdin.take());
        assert!(self.running.wait().expect("its end").success());
    }
}

/// The result in another container while one holds a lock or a lease on this file.
#[track_caller]
fn found(ground: &Ground, flags: &[&str], path: &str) -> [String; 2] {
    [(vec!["lock", path], format!("lock,{path}")), (vec!["lease", "leave", path], format!("lease,find,{path}"))].map(
        |(held, sought)| {
            let holder = Holder::of(ground, flags, &held);
            let answers = ground.answers(flags, [sought.as_str()]);
            holder.let_go();
            answers[&sought].clone()
        },
    )
}

#[test]
fn file_locks_are_not_shared_between_containers() {
    let fixture = Fixture::any();
    let ground = Ground::new(&fixture);
    assert_eq!(found(&ground, &[], "/etc/passwd"), ["done", "done"]);
    // The control is the channel that stays open: a directory of the host in both containers.
    let volume = format!("{}:/shared:ro", fixture.canary().display());
    let shared = found(&ground, &["-v", &volume], "/shared/hello");
    assert_eq!(shared, ["refused EAGAIN", "refused EAGAIN"]);
}

/// Sockets between virtual machines, AF_VSOCK, have no network namespace, and io_uring opens sockets without a
/// filter's check. Both are refused.
#[track_caller]
fn check_sockets(fixture: &Fixture) {
    let attacks = ["socket,40", "io-uring"];
    let ground = Ground::new(fixture);
    let protected = ground.answers(&[], attacks);
    assert_eq!(protected["socket,40"], "refused EAFNOSUPPORT");
    assert_eq!(protected["io-uring"], "refused ENOSYS");
    let naive = ground.answers(&["--without", &without_protections()], attacks);
    assert_eq!(naive["io-uring"], "done");
    // If the kernel has that family.
    assert!(["done", "refused EAFNOSUPPORT"].contains(&naive["socket,40"].as_str()), "{naive:?}");
}

#[test]
fn root_container_has_no_unnamespaced_sockets() {
    let Some(fixture) = Fixture::root() else { return };
    check_sockets(&fixture);
}

#[test]
fn rootless_container_has_no_unnamespaced_sockets() {
    let Some(fixture) = Fixture::user() else { return };
    check_sockets(&fixture);
}
