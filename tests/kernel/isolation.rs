//! Each isolation, with the positive control: the same probe must succeed `without` it.

use std::fs;
use std::net::TcpListener;

use minicontainer::core::options::Isolation;
use minicontainer::{Sandbox, Stdio, store::Image};

use crate::fixture::{Fixture, is_root};
use crate::sandboxes::{busybox, run, shell, succeeds, text};

/// A probe finds something of the host if the isolation is left out, and does not otherwise.
#[track_caller]
fn check(image: &Image, isolation: Isolation, probe: &str) {
    assert!(!succeeds(&shell(image, probe)), "the container must not get through: {probe}");
    assert!(
        succeeds(&shell(image, probe).without(isolation)),
        "the probe must get through without {isolation}: {probe}"
    );
}

/// The inode number of a process's namespace, see namespaces(7).
fn namespace(pid: u32, kind: &str) -> String {
    fs::read_link(format!("/proc/{pid}/ns/{kind}")).expect("a namespace").display().to_string()
}

/// Checks with inode numbers whether a container shares a namespace with the test.
#[track_caller]
fn check_namespace(sandbox: &Sandbox, kind: &str, shared: bool) {
    let mut running = sandbox.clone().stdin(Stdio::Piped).spawn().expect("the sandbox starts");
    let same = namespace(running.id(), kind) == namespace(std::process::id(), kind);
    assert_eq!(same, shared, "{kind}");
    running.wait().expect("its end");
}

#[test]
fn every_namespace_is_separate_unless_left_out() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    // It reads until the end of its input, so that it can be examined meanwhile.
    let waiting = Sandbox::from_image(&image).command("cat");
    for (isolation, kind) in [
        (Isolation::Pid, "pid"),
        (Isolation::Net, "net"),
        (Isolation::Ipc, "ipc"),
        (Isolation::Uts, "uts"),
        (Isolation::Mount, "mnt"),
        (Isolation::Cgroup, "cgroup"),
    ] {
        check_namespace(&waiting, kind, false);
        check_namespace(&waiting.clone().without(isolation), kind, true);
    }
    // Root's container needs no user namespace; an ordinary user's always has one.
    check_namespace(&waiting, "user", is_root());
}

#[test]
fn host_processes_are_hidden() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    check(&image, Isolation::Pid, &format!("test -d /proc/{}", std::process::id()));
    // The init is process 1; without it, the program.
    assert_eq!(text(&shell(&image, "echo $$")), "2");
    assert_eq!(text(&shell(&image, "echo $$").without_init()), "1");
}

#[test]
fn host_sockets_are_unreachable() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let port = listener.local_addr().expect("its address").port();
    check(&image, Isolation::Net, &format!("grep -q ':{port:04X} ' /proc/net/tcp"));
    // Its own loopback interface is up, and there is no other.
    assert_eq!(text(&shell(&image, "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '")), "lo");
    assert_eq!(text(&shell(&image, "cat /sys/class/net/lo/operstate; cat /sys/class/net/lo/flags")), "unknown\n0x9");
}

#[test]
fn host_shared_memory_is_unreachable() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let key = 0x6d63_0000 + (std::process::id() & 0xffff) as i32;
    // SAFETY: creates a segment of shared memory and does not access memory.
    let segment = unsafe { nix::libc::shmget(key, 4096, nix::libc::IPC_CREAT | 0o600) };
    assert!(segment >= 0, "a segment");
    check(&image, Isolation::Ipc, &format!("grep -q '^ *{key} ' /proc/sysvipc/shm"));
    // SAFETY: removes the segment created above, which no process has attached.
    let removed = unsafe { nix::libc::shmctl(segment, nix::libc::IPC_RMID, std::ptr::null_mut()) };
    assert_eq!(removed, 0);
}

#[test]
fn hostname_is_separate() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let hosts = nix::unistd::gethostname().expect("a name").into_string().expect("text");
    check(&image, Isolation::Uts, &format!("test \"$(hostname)\" = '{hosts}'"));
    assert_eq!(text(&shell(&image, "hostname").hostname("ada")), "ada");
    // A hostname set by root with all capabilities stays inside: the host snapshot checks the host's.
    let rename = shell(&image, "hostname probe && hostname").without(Isolation::Capabilities);
    assert_eq!(text(&rename), "probe");
    // The kernel is the same: only the name is isolated.
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").expect("its release");
    assert_eq!(text(&shell(&image, "uname -r")), kernel.trim());
}

#[test]
fn cgroup_appears_as_root() {
    // Without its own group there is nothing to hide, and only root's containers have one.
    let Some(fixture) = Fixture::root() else { return };
    let image = busybox(&fixture);
    check(&image, Isolation::Cgroup, "grep -q /minicontainer- /proc/self/cgroup");
}

/// Only root with all capabilities can create groups below its own, and they are removed with it.
#[test]
fn cgroups_cannot_be_created_inside() {
    let Some(fixture) = Fixture::root() else { return };
    let image = busybox(&fixture);
    assert!(!succeeds(&shell(&image, "mkdir /sys/fs/cgroup/probe || touch /sys/fs/cgroup/probe")));
    let own = "cd /sys/fs/cgroup/memory 2>/dev/null || cd /sys/fs/cgroup";
    check(&image, Isolation::Capabilities, &format!("{own}; mount -o remount,bind,rw . && mkdir -p probe/deeper"));
}

#[test]
fn root_capabilities_are_restricted() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    check(&image, Isolation::Capabilities, "mount -t tmpfs none /tmp");
    let sets = text(&shell(&image, "grep ^Cap /proc/self/status | tr -s '\\t ' ' ' | tr '\\n' ' '"));
    // Docker's a80425fb without CAP_MKNOD, CAP_NET_RAW and CAP_AUDIT_WRITE: bits 27, 13 and 29.
    let ours = "00000000800405fb";
    let none = "0000000000000000";
    assert_eq!(sets, format!("CapInh: {none} CapPrm: {ours} CapEff: {ours} CapBnd: {ours} CapAmb: {none}"));
}

/// A device node that can be opened without harm, created manually or by the author of the files.
#[test]
fn host_devices_are_unreachable() {
    let Some(fixture) = Fixture::root() else { return };
    let image = busybox(&fixture);
    check(&image, Isolation::Capabilities, "mknod /dev/zero2 c 1 5 && head -c 1 /dev/zero2 >/dev/null");
    let shared = tempfile::tempdir().expect("a directory");
    let node = shared.path().join("zero");
    let (kind, device) = (nix::sys::stat::SFlag::S_IFCHR, nix::sys::stat::makedev(1, 5));
    nix::sys::stat::mknod(&node, kind, nix::sys::stat::Mode::from_bits_truncate(0o666), device).expect("a node");
    let control = std::process::Command::new("head").args(["-c", "1"]).arg(&node).output().expect("head");
    assert_eq!(control.stdout, [0], "the host can open it");
    assert!(!succeeds(&shell(&image, "head -c 1 /shared/zero").bind(shared.path(), "/shared")));
    // A node in the root file system itself, which only a container with all capabilities can have created.
    let made = "mknod /zero c 1 5 && ! head -c 1 /zero";
    assert!(succeeds(&shell(&image, made).without(Isolation::Capabilities)));
}

#[test]
fn other_user_has_no_capabilities() {
    let Some(fixture) = Fixture::root() else { return };
    let image = busybox(&fixture);
    let probe = shell(&image, "id; grep -E 'Cap(Prm|Eff)' /proc/self/status | tr -s '\\t' ' '").user("1000:1000");
    let none = "0000000000000000";
    assert_eq!(text(&probe), format!("uid=1000 gid=1000 groups=1000\nCapPrm: {none}\nCapEff: {none}"));
}

#[test]
fn execve_grants_no_privileges() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    check(&image, Isolation::NoNewPrivileges, "grep -q '^NoNewPrivs:.0' /proc/self/status");
}

#[test]
fn kernel_files_are_masked_or_read_only() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    check(&image, Isolation::MaskedPaths, "test -n \"$(head -c 100 /proc/kallsyms)\"");
    if is_root() {
        // The container's own hostname, so that the control changes nothing on the host.
        check(&image, Isolation::MaskedPaths, "echo probe > /proc/sys/kernel/hostname");
        check(&image, Isolation::MaskedPaths, "test -n \"$(head -c 100 /proc/timer_list)\"");
    }
    // A mask cannot be removed either.
    assert!(!succeeds(&shell(&image, "umount /proc/kallsyms")));
}

#[test]
fn caller_descriptors_are_closed() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let root = fs::File::open("/").expect("the host's root");
    // Without close-on-exec any other child of this process inherits it, which is the control.
    nix::fcntl::fcntl(&root, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty())).expect("a flag");
    let number = std::os::fd::AsRawFd::as_raw_fd(&root);
    let probe = format!("test -e /proc/self/fd/{number}");
    let control = std::process::Command::new("sh").args(["-c", &probe]).status().expect("a shell");
    assert!(control.success(), "an ordinary child must inherit it");
    assert!(!succeeds(&shell(&image, &probe)));
    // Listing the directory opens a descriptor, so another process must be listed.
    assert_eq!(text(&shell(&image, "ls /proc/$$/fd; true")), "0\n1\n2");
}

#[test]
fn host_tree_is_unreachable() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let secret = fixture.canary().join("secret");
    assert!(!succeeds(&shell(&image, &format!("cat {}", secret.display()))));
    // Climbing ends at the container's own root.
    let climb = shell(&image, "cd /; cd ../../../..; pwd; ls -d /proc/1/root/../usr").without_init();
    assert_eq!(text(&climb), "/\n/proc/1/root/../usr");
    // Nothing of the host's mount table remains in the container's. What is in /etc are the container's own files.
    let mounts = text(&shell(&image, "cut -d' ' -f2 /proc/mounts | grep -vxE '/etc/(hosts|hostname|resolv.conf)'"));
    assert!(
        mounts.lines().all(|place| ["/", "/proc", "/dev", "/sys"]
            .iter()
            .any(|known| place == *known || place.starts_with(&format!("{known}/")) && *known != "/")),
        "{mounts}"
    );
}

#[test]
fn signals_and_environment_are_reset() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    // Rust programs ignore SIGPIPE, and this test's thread may block signals: the program must inherit neither.
    let status = text(&Sandbox::from_image(&image).command("grep").args(["-E", "Sig(Blk|Ign)", "/proc/self/status"]));
    assert_eq!(status, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000");
    let variables = text(&shell(&image, "env | cut -d= -f1 | sort | tr '\\n' ' '").env("COLOUR", "blue"));
    assert_eq!(variables, "COLOUR HOME HOSTNAME PATH PWD SHLVL");
    let output = run(&shell(&image, "umask; ulimit -c; pwd").workdir("/made/for/this"));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "0022\n0\n/made/for/this\n");
}
