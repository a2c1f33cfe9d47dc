//! A launch with the library: its hooks, and a container that is started again from a stored launch.

use std::fs;
use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};

use minicontainer::core::RunOptions;
use minicontainer::rootfs::{self, Driver};
use minicontainer::store::Image;
use minicontainer::{Error, Hooks, Launch, LaunchSettings, Lifetime, RootLocation, StartError, Stdio, Verdict};

use crate::fixture::Fixture;
use crate::sandboxes::{busybox, shell};

#[test]
fn hook_sees_new_namespaces_before_the_program_runs() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let launch = shell(&image, "readlink /proc/self/ns/net").stdout(Stdio::Piped).launch().expect("a launch");
    let (mut network, mut program) = (String::new(), String::new());
    let mut order = Vec::new();
    let hooks = Hooks::none()
        .and("look", |process| {
            let link = |name| fs::read_link(format!("/proc/{}/{name}", process.pid));
            network = link("ns/net")?.display().to_string();
            program = link("exe")?.display().to_string();
            assert!(process.pidfd.as_raw_fd() > 2, "a descriptor of this process's own");
            Ok::<(), std::io::Error>(())
        })
        .and("come second", |_| {
            order.push("second");
            Ok::<(), std::io::Error>(())
        });
    let output = launch.start(hooks).expect("it starts").wait_with_output().expect("its end");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), network, "the program is where the hook has looked");
    assert_ne!(network, fs::read_link("/proc/self/ns/net").expect("a link").display().to_string());
    assert_eq!(program, fs::read_link("/proc/self/exe").expect("a link").display().to_string(), "nothing runs yet");
    assert_eq!(order, ["second"]);
}

/// The control is the same launch with the hook's answer changed.
#[test]
fn failing_hook_aborts_the_start_and_leaves_nothing() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let shared = fixture.directory().join("shared");
    fs::create_dir(&shared).expect("a directory");
    let launch = |answer: Result<(), ErrorKind>, second: &mut bool| {
        let launch = shell(&image, "touch /shared/ran").bind(&shared, "/shared").launch().expect("a launch");
        let mut pid = 0;
        let hooks = Hooks::none()
            .and("set up the network", |process| {
                pid = process.pid;
                answer.map_err(std::io::Error::from)
            })
            .and("go on", |_| {
                *second = true;
                Ok::<(), std::io::Error>(())
            });
        let ended = launch.start(hooks).and_then(|mut running| running.wait());
        assert!(pid != 0 && !fs::exists(format!("/proc/{pid}")).expect("procfs"), "{pid} is gone");
        ended
    };
    let mut second = false;
    let error = launch(Err(ErrorKind::AddrInUse), &mut second).expect_err("the hook has failed");
    assert!(matches!(&error, Error::Start(StartError::Hook { name, .. }) if name == "set up the network"), "{error}");
    assert!(error.to_string().starts_with("cannot run the hook set up the network: "), "{error}");
    assert!(!second && !shared.join("ran").exists());
    fixture.snapshot().check();

    let report = launch(Ok(()), &mut second).expect("it runs");
    assert_eq!(report.verdict, Verdict::Exited(0));
    assert!(second && shared.join("ran").exists());
}

/// A hook is the caller's code, and the new process may share the caller's memory: the process has exited before the
/// panic continues.
#[test]
fn panicking_hook_leaves_no_process() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let launch = shell(&image, "sleep 100").launch().expect("a launch");
    let mut pid = 0;
    let hooks = Hooks::none().and("panic", |process| -> Result<(), std::io::Error> {
        pid = process.pid;
        std::panic::resume_unwind(Box::new("on purpose"))
    });
    let panic = catch_unwind(AssertUnwindSafe(|| launch.start(hooks).map(drop))).expect_err("the panic goes on");
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"on purpose"));
    assert!(pid != 0 && !fs::exists(format!("/proc/{pid}")).expect("procfs"), "{pid} is gone");
    fixture.snapshot().check();
}

/// The content of a container's directory after an interrupted start.
fn spoil(place: &RootLocation) {
    for name in ["work", "rootfs.partial"] {
        let left = place.directory.join(name);
        fs::create_dir(&left).expect("a directory");
        fs::write(left.join("half"), "").expect("a file");
    }
}

#[track_caller]
fn check_started_again(image: &Image, fixture: &Fixture, driver: Driver) {
    let layers = image.layers.iter().map(|layer| layer.directory.clone()).collect();
    let mut place = RootLocation::new(layers, fixture.store().join(format!("kept-{driver}")));
    (place.driver, place.lifetime) = (Some(driver), Lifetime::Kept);
    fs::create_dir(&place.directory).expect("a directory");
    let script = "echo again >> /note; cat /note";
    let options = RunOptions::with(|options| options.command = ["sh", "-c", script].map(str::to_owned).to_vec());
    let settings = || LaunchSettings::with(|settings| settings.stdio = [Stdio::Null, Stdio::Piped, Stdio::Inherit]);
    let id = "4f3c".repeat(16);
    let first =
        Launch::from_options(&options, &image.config.config, &id, place.clone(), settings()).expect("a launch");
    let stored = serde_json::to_string(first.spec()).expect("text");
    drop(first);
    spoil(&place);
    for round in 1..=3 {
        let spec = serde_json::from_str(&stored).expect("a document");
        let launch = Launch::from_stored(spec, place.clone(), settings()).expect("a launch");
        let output = launch.start(Hooks::none()).expect("it starts").wait_with_output().expect("its end");
        assert_eq!(output.report.verdict, Verdict::Exited(0), "{driver}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "again\n".repeat(round), "{driver}");
    }
    rootfs::remove(&place.directory).expect("it can be removed");
}

#[test]
fn stored_container_restarts_with_its_files() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    for driver in [Driver::Overlay, Driver::Copy] {
        check_started_again(&image, &fixture, driver);
    }
}
