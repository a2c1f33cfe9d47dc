//! The system call filter: what it allows, tried from inside, and what the kernel reports about it.

use minicontainer::Sandbox;
use minicontainer::core::RunOptions;
use minicontainer::core::options::{Isolation, Profile, SeccompChoice};
use minicontainer::core::report::DeniedCall;
use minicontainer::store::Image;

use crate::attacks::Ground;
use crate::fixture::Fixture;
use crate::sandboxes::{busybox, run, shell, succeeds, text};

/// The state of a process's filter in /proc, see proc_pid_status(5): mode 2 is "filter".
const STATUS: &str = "grep Seccomp /proc/self/status | tr -d '\\t' | tr '\\n' ' '";

/// Every user may create a user namespace, and mount in it, unless a filter denies it.
const OWN_NAMESPACE: &str = "unshare -U true";

#[track_caller]
fn check(image: &Image, probe: &str) {
    assert!(!succeeds(&shell(image, probe)), "the filter must refuse: {probe}");
    assert!(succeeds(&shell(image, probe).without(Isolation::Seccomp)), "without it, this must succeed: {probe}");
}

fn with(image: &Image, seccomp: SeccompChoice, script: &str) -> Sandbox {
    let command = ["sh", "-c", script].map(str::to_owned).to_vec();
    Sandbox::from_image(image).options(RunOptions::with(|options| {
        options.command = command;
        options.seccomp = seccomp;
    }))
}

fn dockers(image: &Image, script: &str) -> Sandbox {
    let command = ["sh", "-c", script].map(str::to_owned).to_vec();
    Sandbox::from_image(image).options(RunOptions::with(|options| {
        options.command = command;
        options.profile = Profile::Docker;
    }))
}

#[test]
fn every_process_has_one_filter() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    assert_eq!(text(&shell(&image, STATUS)), "Seccomp:2 Seccomp_filters:1");
    assert_eq!(text(&dockers(&image, STATUS)), "Seccomp:2 Seccomp_filters:1");
    for sandbox in
        [shell(&image, STATUS).without(Isolation::Seccomp), with(&image, SeccompChoice::Unconfined, STATUS)]
    {
        assert_eq!(text(&sandbox), "Seccomp:0 Seccomp_filters:0");
    }
}

/// Without no_new_privs the kernel accepts a filter only from a process with CAP_SYS_ADMIN, which the container will
/// not have. So the filter must be installed before that capability is dropped, and must still allow all later steps.
#[test]
fn filter_is_installed_without_no_new_privileges() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let sandbox = shell(&image, &format!("grep NoNewPrivs /proc/self/status; {STATUS}"));
    assert_eq!(text(&sandbox.without(Isolation::NoNewPrivileges)), "NoNewPrivs:\t0\nSeccomp:2 Seccomp_filters:1");
}

#[test]
fn filter_is_installed_before_user_change() {
    let Some(fixture) = Fixture::root() else { return };
    let image = busybox(&fixture);
    let sandbox = shell(&image, STATUS).user("1000:1000");
    assert_eq!(text(&sandbox.without(Isolation::NoNewPrivileges)), "Seccomp:2 Seccomp_filters:1");
}

/// The traced filter refuses the same calls with the same errors, and the report lists them.
#[test]
fn refused_calls_are_traced() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let script = "unshare -m true; unshare -m true; mount -t tmpfs none /tmp; echo end";
    for sandbox in [shell(&image, script), shell(&image, script).without_init()] {
        let untraced = run(&sandbox);
        let traced = run(&sandbox.trace_denied_calls());
        assert_eq!(untraced.report.denied_calls, []);
        let denied = |name: &str, count| DeniedCall::new(name, 1, count);
        assert_eq!(traced.report.denied_calls, [denied("mount", 1), denied("unshare", 2)]);
        assert_eq!((&traced.stdout, &traced.stderr), (&untraced.stdout, &untraced.stderr));
        assert!(String::from_utf8_lossy(&traced.stderr).contains("Operation not permitted"), "{traced:?}");
    }
    // Several processes at once.
    let script = "for n in $(seq 50); do unshare -m true & done 2>/dev/null; wait";
    let traced = run(&shell(&image, script).trace_denied_calls());
    assert_eq!(traced.report.denied_calls, [DeniedCall::new("unshare", 1, 50)]);
    // Numbers that no kernel has are counted together, so that the record stays small.
    let ground = Ground::new(&fixture);
    let unknown: Vec<String> = (1000..1040).map(|number| format!("syscall,{number}")).collect();
    let sandbox = Sandbox::from_image(&image).bind_ro(ground.probe(), "/probe").command("/probe").arg("batch");
    let traced = run(&sandbox.args(&unknown).trace_denied_calls());
    // The probe itself also calls umount(2), once for each attack.
    let denied = |name: &str, errno| DeniedCall::new(name, errno, 40);
    assert_eq!(traced.report.denied_calls, [denied("umount2", 1), denied("unknown", 38)]);
    // Without a filter there is nothing to trace.
    let open = run(&shell(&image, "true").without(Isolation::Seccomp).trace_denied_calls());
    assert_eq!(open.report.denied_calls, []);
}

#[test]
fn new_namespaces_are_refused() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    check(&image, OWN_NAMESPACE);
    check(&image, "unshare -U -r -m mount -t tmpfs none /tmp");
    assert!(!succeeds(&dockers(&image, OWN_NAMESPACE)), "Docker's list refuses them too");
    // Programs continue after a refusal, and the calls that they need are allowed: children, pipes, signals, files.
    let script = "unshare -U true; (echo a | cat >/tmp/x) & wait; kill -0 $$ && cat /tmp/x";
    assert_eq!(text(&shell(&image, script)), "a");
}
