//! The builder and the errors, without starting anything.

use minicontainer_core::options::{Access, Isolation, MountSpec, RunOptions, StorageLimit};

use super::*;
use crate::cgroup::Cgroup;
use crate::process::{JoinedNamespace, StartError};
use crate::store::Store;

fn sandbox() -> (tempfile::TempDir, Sandbox) {
    let root = tempfile::tempdir().expect("a directory");
    let sandbox = Sandbox::from_rootfs(root.path(), "sh");
    (root, sandbox)
}

#[test]
fn public_types_can_be_used_by_many_threads() {
    fn check<T: Send + Sync>() {}
    check::<Sandbox>();
    check::<Stdio>();
    check::<Launch>();
    check::<LaunchSettings>();
    check::<RootLocation>();
    check::<Running>();
    check::<Signaller>();
    check::<Output>();
    check::<Error>();
    check::<StartError>();
    check::<JoinedNamespace>();
    check::<Store>();
    check::<Image>();
    check::<Cgroup>();
    check::<minicontainer_core::Report>();
    check::<RunOptions>();
    check::<Plan>();
}

#[test]
fn error_of_main_shows_message_and_hint() {
    let (_root, sandbox) = sandbox();
    let error = sandbox.hostname("attic").without(Isolation::Uts).plan().expect_err("a conflict");
    let report = "conflicting options: `Sandbox::hostname` and `Sandbox::without(Isolation::Uts)`: the host itself \
                  would be renamed\n\nhint: leave one of them out";
    assert_eq!(format!("{error:?}"), report);
    let boxed: Box<dyn std::error::Error> = error.into();
    assert_eq!(format!("{boxed:?}"), report);
}

#[test]
fn invalid_values_are_errors_when_the_sandbox_is_used() {
    #[track_caller]
    fn check(change: impl FnOnce(Sandbox) -> Sandbox, expect: &str) {
        let (_root, sandbox) = sandbox();
        let error = change(sandbox).plan().expect_err("an invalid value").to_string();
        assert!(error.contains(expect), "{error}");
    }
    check(|sandbox| sandbox.cap_add("FLY"), "unknown capability \"FLY\"");
    check(|sandbox| sandbox.cap_drop(""), "unknown capability \"\"");
    check(|sandbox| sandbox.ulimit("files", 1, 1), "unknown resource \"files\"");
    check(|sandbox| sandbox.ulimit("nofile", 2, 1), "cannot be above the hard limit");
    check(|sandbox| sandbox.sysctl("kernel.core_pattern", "x"), "belongs to the whole machine");
    check(|sandbox| sandbox.device("/dev/no-such-device"), "not a device of this host");
    check(|sandbox| sandbox.cpuset("one"), "one");
    check(|sandbox| sandbox.env("A=B", "c"), "cannot contain '='");
    check(|sandbox| sandbox.env("A", "b\0"), "NUL byte");
    check(|sandbox| sandbox.arg("a\0b"), "NUL byte");
    check(|sandbox| sandbox.workdir("relative"), "must be absolute");
    check(|sandbox| sandbox.bind("/", "relative"), "invalid target");
    let limit = || StorageLimit::of_bytes(1 << 20).expect("a limit");
    check(|sandbox| sandbox.disk_limit(limit()), "has no writable layer");
    check(|sandbox| sandbox.driver(Driver::Copy), "it has no layers");
}

#[test]
fn first_invalid_value_is_reported() {
    let (_root, sandbox) = sandbox();
    let error = sandbox.cap_add("FLY").hostname("not a name").plan().expect_err("two invalid values");
    assert!(error.to_string().contains("FLY"), "{error}");
}

#[test]
fn builder_reaches_the_runtime_config() {
    let (_root, sandbox) = sandbox();
    let sandbox = sandbox
        .args(["-c", "id"])
        .envs([("A", "1"), ("B", "2")])
        .env("A", "3")
        .workdir("/work")
        .ulimit("nofile", 50, u64::MAX)
        .cap_drop("ALL")
        .cap_add("KILL")
        .sysctl("net.ipv4.ip_forward", "1")
        .bind_ro("/a:b", "/c:d")
        .read_only();
    let spec = sandbox.spec().expect("a runtime config");
    let process = spec.process().as_ref().expect("a process");
    assert_eq!(process.args().as_deref(), Some(["sh", "-c", "id"].map(str::to_owned).as_slice()));
    let env = process.env().as_ref().expect("an environment");
    assert!(env.contains(&"A=3".to_owned()) && env.contains(&"B=2".to_owned()), "{env:?}");
    assert!(!env.contains(&"A=1".to_owned()), "{env:?}");
    assert_eq!(process.cwd(), Path::new("/work"));
    let limits = process.rlimits().as_ref().expect("limits");
    assert!(limits.iter().any(|limit| (limit.soft(), limit.hard()) == (50, u64::MAX)), "{limits:?}");
    let sysctls = spec.linux().as_ref().and_then(|linux| linux.sysctl().as_ref()).expect("sysctls");
    assert_eq!(sysctls.get("net.ipv4.ip_forward").map(String::as_str), Some("1"));
    // A colon is an ordinary character of a path here, unlike in docker-run(1).
    let mount = MountSpec::bind("/a:b", "/c:d", Access::ReadOnly).expect("a mount");
    assert_eq!(sandbox.options.mounts, [mount]);
    assert_eq!(spec.root().as_ref().and_then(|root| root.readonly()), Some(true));
}
