//! The handle of a running program: input from memory, waiting with and without a time limit, killing; what it was
//! given as bytes; a plain directory as its root; and the usage in its report.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use minicontainer::core::plan::Step;
use minicontainer::core::report::LimitKind;
use minicontainer::{Error, Report, Sandbox, Stdio, Verdict};

use crate::fixture::Fixture;
use crate::sandboxes::{busybox, run, shell, text};

/// A root file system with nothing but this machine's programs, which are mounted from the host.
fn bare_root(fixture: &Fixture) -> PathBuf {
    let root = fixture.path("bare-root");
    fs::create_dir(&root).expect("a directory");
    fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).expect("the mode is set");
    root
}

fn with_programs(sandbox: Sandbox) -> Sandbox {
    let directories = ["/usr", "/bin", "/lib", "/lib64"].into_iter().filter(|path| Path::new(path).exists());
    directories.fold(sandbox, |sandbox, path| sandbox.bind_ro(path, path))
}

#[test]
fn input_and_output_of_any_size_are_copied_at_the_same_time() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let bytes: Vec<u8> = (0..=255).cycle().take(3 * 1024 * 1024).collect();
    // Each pipe holds 64 KiB, so a caller that first wrote everything and then read would wait forever.
    let output = run(&Sandbox::from_image(&image).command("cat").input(bytes.clone()));
    assert_eq!(output.report.verdict, Verdict::Exited(0));
    assert!(output.stdout == bytes, "every byte comes back as it was");
    assert_eq!(run(&Sandbox::from_image(&image).command("cat").input("")).stdout, b"");
    // A program that reads nothing does not keep the caller from its report.
    let report = Sandbox::from_image(&image).command("true").input(bytes).status().expect("it runs");
    assert_eq!(report.verdict, Verdict::Exited(0));
}

#[test]
fn try_wait_returns_at_once_and_wait_timeout_in_time() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let sandbox = shell(&image, "read line; exit 7").stdin(Stdio::Piped);
    let mut running = sandbox.spawn().expect("it starts");
    let before = Instant::now();
    assert_eq!(running.try_wait().expect("a state"), None);
    assert!(before.elapsed() < Duration::from_secs(1), "{:?}", before.elapsed());
    assert!(running.stdin.is_some(), "try_wait leaves stdin open, as in std::process");
    drop(running.stdin.take());
    let report = running.wait_timeout(Duration::from_secs(60)).expect("a state").expect("its end");
    assert_eq!(report.verdict, Verdict::Exited(7));
    // The report stays available.
    assert_eq!(running.try_wait().expect("a state"), Some(report.clone()));
    assert_eq!(running.wait().expect("its end"), report);

    let mut sleeping = Sandbox::from_image(&image).command("sleep").arg("100").spawn().expect("it starts");
    let before = Instant::now();
    assert_eq!(sleeping.wait_timeout(Duration::from_millis(300)).expect("a state"), None);
    assert!(before.elapsed() >= Duration::from_millis(300));
    sleeping.kill().expect("a kill");
    assert_eq!(sleeping.wait().expect("its end").verdict, Verdict::Signalled(9));
}

#[test]
fn try_wait_in_a_loop_copies_output_and_enforces_limits() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let until_end = |sandbox: Sandbox| -> (Report, String) {
        let file = fixture.path("output");
        let opened = fs::File::create(&file).expect("a file");
        let mut running = sandbox.stdout(opened).spawn().expect("it starts");
        let begin = Instant::now();
        loop {
            if let Some(report) = running.try_wait().expect("a state") {
                return (report, fs::read_to_string(&file).expect("its output"));
            }
            assert!(begin.elapsed() < Duration::from_secs(60), "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    let (report, output) = until_end(shell(&image, "seq 200000 | tail -n 1; exit 3"));
    assert_eq!((report.verdict, output.as_str()), (Verdict::Exited(3), "200000\n"));
    let (report, _) = until_end(shell(&image, "sleep 100").wall_time(Duration::from_millis(200)));
    assert_eq!(report.verdict, Verdict::TimeLimit);
    let (report, output) = until_end(shell(&image, "yes").output_limit(100_000));
    assert_eq!((report.verdict, output.len(), report.output_bytes), (Verdict::OutputLimit, 100_000, Some(100_000)));
}

#[test]
fn bytes_that_are_not_text_reach_the_program() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let (argument, value) = (OsStr::from_bytes(b"a\xff\xfeb"), OsStr::from_bytes(b"x\xfd=y"));
    let directory = OsStr::from_bytes(b"/tmp/d\xfc");
    let script = "printf '%s|' \"$0\" \"$1\" \"$VALUE\"; pwd";
    let sandbox = Sandbox::from_image(&image)
        .command("sh")
        .args(["-c", script])
        .arg(argument)
        .arg("plain")
        .env("VALUE", value)
        .workdir(directory);
    assert_eq!(run(&sandbox).stdout, b"a\xff\xfeb|plain|x\xfd=y|/tmp/d\xfc\n");
    // The plan shows what is not text by U+FFFD.
    let plan = sandbox.plan().expect("a plan");
    assert!(
        plan.steps.iter().any(
            |step| matches!(step, Step::Execute { args, .. } if args.contains(&"a\u{fffd}\u{fffd}b".to_owned()))
        )
    );
    // A runtime config is text, so it cannot describe this process.
    assert!(matches!(sandbox.spec(), Err(Error::Invalid { .. })));
    assert!(matches!(sandbox.kept_in(fixture.path("kept"), "one").plan(), Err(Error::Invalid { .. })));
}

#[test]
fn plain_directory_is_the_root() {
    let fixture = Fixture::any();
    let root = bare_root(&fixture);
    let sandbox =
        with_programs(Sandbox::from_rootfs(&root, "sh").args(["-c", "echo hi > /note; cat /note; ls /proc/self/fd"]));
    assert_eq!(text(&sandbox), "hi\n0\n1\n2\n3");
    assert_eq!(fs::read_to_string(root.join("note")).expect("it was written"), "hi\n");
    fixture.snapshot().check();

    // A program whose own path is not text.
    let busybox = Path::new("/bin/busybox");
    // busybox is what its name begins with.
    let (original, name, args): (_, &[u8], _) = match busybox.exists() {
        true => (busybox, b"busybox\xfb", vec!["env", "-i", "A=1"]),
        false => (Path::new("/usr/bin/env"), b"env\xfb", vec!["-i", "A=1"]),
    };
    let program = OsStr::from_bytes(name);
    fs::copy(original, root.join(program)).expect("a copy");
    let path = Path::new("/").join(program);
    let output = run(&with_programs(Sandbox::from_rootfs(&root, &path).args(args)));
    assert_eq!((output.report.verdict, output.stdout.as_slice()), (Verdict::Exited(0), b"A=1\n".as_slice()));
    fs::remove_file(root.join(program)).expect("it is removed");

    let read_only =
        with_programs(Sandbox::from_rootfs(&root, "sh").args(["-c", "cat /note; echo changed > /note"])).read_only();
    let output = run(&read_only);
    assert_eq!(output.stdout, b"hi\n");
    assert_ne!(output.report.verdict, Verdict::Exited(0), "the root is read-only");
    assert_eq!(fs::read_to_string(root.join("note")).expect("the file"), "hi\n");

    for (wrong, expect) in [
        (Sandbox::from_rootfs(fixture.path("missing"), "sh"), "No such file or directory"),
        (Sandbox::from_rootfs(root.join("note"), "sh"), "not a directory"),
        (Sandbox::from_rootfs(&root, "sh").kept_in(&root, "x"), "plain directory"),
    ] {
        let error = wrong.output().expect_err("no root").to_string();
        assert!(error.to_lowercase().contains(&expect.to_lowercase()), "{error}");
    }
}

#[test]
fn program_is_never_taken_from_the_arguments() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    // The arguments are kept, whatever the order of the calls.
    assert_eq!(text(&Sandbox::from_image(&image).args(["a", "b"]).command("echo").arg("c")), "a b c");
    let error = Sandbox::from_image(&image).arg("id").output().expect_err("no program");
    assert!(error.to_string().contains("`Sandbox::command`"), "{error}");
    // The image's own command needs no program.
    let own = run(&Sandbox::from_image(&image).input("echo own\n"));
    assert_eq!((own.report.verdict, own.stdout.as_slice()), (Verdict::Exited(0), b"own\n".as_slice()));
}

#[test]
fn report_shows_refused_processes_and_used_limits() {
    let Some(fixture) = Fixture::limited() else { return };
    let image = busybox(&fixture);
    let script = "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 1 & done; wait";
    let sandbox = shell(&image, script).pids(6).memory(64 * minicontainer::MIB).wall_time(Duration::from_secs(60));
    let report = run(&sandbox).report;
    // pids.events of cgroups(7): `max` counts the forks that failed because of the limit.
    assert!(report.pids_limit_hits > 0, "{report:?}");
    let usage = |report: &Report, limit| report.usage().into_iter().find(|used| used.limit == limit);
    let memory = usage(&report, LimitKind::Memory).expect("memory is measured");
    assert!(memory.used > 0 && memory.used <= memory.allowed && memory.allowed == 64 << 20, "{memory:?}");
    // pids.peak exists since Linux 6.1.
    if let Some(pids) = usage(&report, LimitKind::Pids) {
        assert_eq!((pids.used, pids.allowed), (6, 6), "{pids:?}");
    }
    let fine = run(&shell(&image, "true").pids(6)).report;
    assert_eq!((fine.pids_limit_hits, fine.verdict), (0, Verdict::Exited(0)));
    let time = usage(&report, LimitKind::WallTime).expect("time is measured");
    assert!(time.fraction() > 0.0 && time.fraction() < 1.0, "{time:?}");
}

#[test]
fn builder_sets_capabilities_limits_and_devices() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let bounding = |sandbox: Sandbox| text(&sandbox).replace("CapBnd:\t", "");
    let status = || Sandbox::from_image(&image).command("grep").args(["CapBnd", "/proc/self/status"]);
    assert_eq!(bounding(status().cap_drop("ALL")), "0000000000000000");
    // CAP_KILL is number 5, capabilities(7).
    assert_eq!(bounding(status().cap_drop("ALL").cap_add("KILL")), "0000000000000020");
    let script =
        "ulimit -Sn; ulimit -Hn; df -k /dev/shm | tail -1 | awk '{print $2}'; cat /proc/sys/net/ipv4/ip_forward";
    let limited = shell(&image, script).ulimit("nofile", 50, 60).shm_size(1 << 20).sysctl("net.ipv4.ip_forward", "1");
    assert_eq!(text(&limited), "50\n60\n1024\n1");
    assert_eq!(text(&shell(&image, "test -c /dev/full && echo there").device("/dev/full")), "there");
    for wrong in [status().cap_add("FLY"), status().ulimit("nofile", 2, 1), status().device("/dev/no-such-device")] {
        assert!(matches!(wrong.output(), Err(Error::Invalid { .. })));
    }
}
