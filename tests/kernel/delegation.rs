//! Limits for an ordinary user to whom root has delegated a control group, see the story of `delegation` in the
//! engine. The tests require root, to delegate one, and a machine with only version 2 of control groups.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::{fs::chown, process::CommandExt},
    path::PathBuf,
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::fixture::{Fixture, ORDINARY_USER};
use crate::skip;

/// A timeout for operations that normally take milliseconds, long enough for a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The group `user` below a group of root that determines the available controllers, and a user whose processes are
/// in it.
struct Delegated {
    group: PathBuf,
    fixture: Fixture,
}

impl Delegated {
    /// Delegates a group with these controllers to the user; `None` if the test must be skipped.
    fn with(controllers: &str) -> Option<Delegated> {
        let version2 = fs::exists("/sys/fs/cgroup/cgroup.controllers").unwrap_or_default();
        if !skip::require(version2, skip::VERSION_2) || !skip::require(crate::fixture::is_root(), skip::ROOT) {
            return None;
        }
        let fixture = Fixture::user()?;
        let roots = PathBuf::from(format!("/sys/fs/cgroup/delegation-{}", std::process::id()));
        let group = roots.join("user");
        fs::write("/sys/fs/cgroup/cgroup.subtree_control", controllers).expect("the machine's root hands them on");
        fs::create_dir(&roots).expect("a group of root's");
        let delegated = Delegated { group: group.clone(), fixture };
        fs::write(roots.join("cgroup.subtree_control"), controllers).expect("it hands them on");
        fs::create_dir(&group).expect("a group");
        for file in ["", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"] {
            chown(group.join(file), Some(ORDINARY_USER), Some(ORDINARY_USER)).expect("it is given away");
        }
        let seeded = delegated.fixture.command().args(["image", "seed"]).output().expect("the command starts");
        assert!(seeded.status.success(), "{seeded:?}");
        Some(delegated)
    }

    /// A script of the user, whose shell is in the group, or in the leaf if there is one; `$ENGINE` is the command.
    fn script(&self, script: &str) -> Command {
        let places = [self.group.join("minicontainer-engine"), self.group.clone()];
        let place = places.iter().find(|place| place.is_dir()).expect("the group");
        let mut door = OpenOptions::new().write(true).open(place.join("cgroup.procs")).expect("root may");
        let engine = self.fixture.command().get_program().to_owned();
        let mut shell = self.fixture.command_of("sh");
        shell.args(["-c", script]).env("ENGINE", engine);
        // SAFETY: makes one system call, and allocates nothing. The kernel checks the credentials of the process that
        // opened the file.
        unsafe { shell.pre_exec(move || door.write_all(b"0")) };
        shell
    }

    #[track_caller]
    fn output(&self, script: &str) -> Output {
        self.script(script).output().expect("a shell")
    }

    /// The output of the script, which must succeed.
    #[track_caller]
    fn text(&self, script: &str) -> String {
        let output = self.output(script);
        assert!(output.status.success(), "{script}: {output:?}");
        String::from_utf8(output.stdout).expect("text").trim_end().to_owned()
    }

    /// The error output of the script, which must fail because the engine refuses it.
    #[track_caller]
    fn refusal(&self, script: &str) -> String {
        let output = self.output(script);
        assert_eq!(output.status.code(), Some(125), "{script}: {output:?}");
        String::from_utf8(output.stderr).expect("text")
    }

    /// The groups that exist in it now.
    fn inner(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.group).expect("the group").flatten();
        let groups = entries.filter(|entry| entry.path().is_dir());
        groups.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }
}

impl Drop for Delegated {
    fn drop(&mut self) {
        let roots = self.group.parent().map_or_else(PathBuf::new, PathBuf::from);
        // A container's group that was left behind makes this fail, and is so detected.
        remove_groups(&[self.group.join("minicontainer-engine"), self.group.clone(), roots]);
    }
}

/// Removes groups, the innermost first. The last process of a group leaves it shortly after it has been waited for.
fn remove_groups(groups: &[PathBuf]) {
    for group in groups {
        let deadline = Instant::now() + PATIENCE;
        while fs::remove_dir(group).is_err_and(|error| error.raw_os_error() == Some(nix::libc::EBUSY)) {
            if thread::panicking() {
                return;
            }
            assert!(Instant::now() < deadline, "{} is in use", group.display());
            thread::sleep(Duration::from_millis(20));
        }
    }
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// One group for all of these: creating one, with an image, takes longer on a slow machine than the tests.
#[test]
fn delegated_cgroup_enables_limits() {
    let Some(place) = Delegated::with("+cpu +memory +pids") else { return };
    eight_engines_at_once(&place);
    limits_hold(&place);
    a_container_is_killed_for_memory(&place);
    the_group_of_a_killed_engine_is_removed(&place);
}

/// Each of them finds the group not yet, partly or completely prepared, while the shell that started them is still in
/// it.
fn eight_engines_at_once(place: &Delegated) {
    assert!(place.inner().is_empty());
    let text = place.text(
        "for number in 1 2 3 4 5 6 7 8; do \
             \"$ENGINE\" run --rm --memory 32m busybox cat /sys/fs/cgroup/memory.max & engines=\"$engines $!\"; \
         done; for engine in $engines; do wait $engine || exit; done; cat /proc/self/cgroup",
    );
    let (limits, own) = text.trim_end().rsplit_once('\n').expect("lines");
    assert_eq!(limits.lines().collect::<Vec<_>>(), ["33554432"; 8], "{text}");
    assert!(own.starts_with("0::/delegation-") && own.ends_with("/user/minicontainer-engine"), "{text}");
    assert_eq!(place.inner(), ["minicontainer-engine"]);
    assert_eq!(fs::read_to_string(place.group.join("cgroup.procs")).expect("the group"), "");
}

/// Limits that were requested and one that was not; also for a user who is root only in a user namespace.
fn limits_hold(place: &Delegated) {
    let limits =
        "run --rm --memory 16m --cpus 0.5 busybox sh -c 'cd /sys/fs/cgroup; cat memory.max pids.max cpu.max'";
    for program in ["\"$ENGINE\"", "unshare --user --map-root-user \"$ENGINE\""] {
        assert_eq!(place.text(&format!("{program} {limits}")), "16777216\n512\n50000 100000", "{program}");
    }
}

fn a_container_is_killed_for_memory(place: &Delegated) {
    let report = place.fixture.store().join("report.json");
    let fill = |limit: &str| {
        let script = "dd if=/dev/zero of=/dev/shm/x bs=1048576 count=40";
        format!("\"$ENGINE\" run --rm {limit} --report {} busybox {script}", report.display())
    };
    assert_eq!(place.output(&fill("--memory 16m")).status.code(), Some(137));
    let document: serde_json::Value = serde_json::from_slice(&fs::read(&report).expect("the report")).expect("JSON");
    assert_eq!((&document["verdict"], &document["oom_kills"]), (&"memory-limit".into(), &1.into()), "{document}");
    assert!(place.output(&fill("")).status.success(), "the control");
}

/// The next engine removes the group that a killed engine left behind.
fn the_group_of_a_killed_engine_is_removed(place: &Delegated) {
    let mut run = place.script("exec \"$ENGINE\" run --name left --memory 16m busybox sleep 1000");
    let mut engine = run.stdin(Stdio::null()).stderr(Stdio::null()).spawn().expect("a shell");
    let populated = |name: &String| {
        let processes = fs::read_to_string(place.group.join(name).join("cgroup.procs")).unwrap_or_default();
        name != "minicontainer-engine" && !processes.is_empty()
    };
    let running = || {
        fs::read_dir(place.fixture.store().join("containers")).is_ok_and(|entries| {
            entries.flatten().any(|entry| {
                fs::read_to_string(entry.path().join("state.json")).is_ok_and(|record| record.contains("\"running\""))
            })
        })
    };
    wait_until("a container runs", || running() && place.inner().iter().any(populated));
    engine.kill().and_then(|()| engine.wait()).expect("its end");
    assert_eq!(place.inner().len(), 2, "{:?}", place.inner());
    place.text("\"$ENGINE\" rm -f left");
    assert_eq!(place.inner(), ["minicontainer-engine"]);
}

/// A limit that needs an undelegated controller is refused with a fix; other limits are enforced, and what was not
/// requested is left out.
#[test]
fn undelegated_controller_is_refused_with_hint() {
    let Some(place) = Delegated::with("+memory") else { return };
    for (flag, controller) in [("--cpus 0.5", "cpu"), ("--cpuset-cpus 0", "cpuset"), ("--pids-limit 9", "pids")] {
        let refusal = place.refusal(&format!("\"$ENGINE\" run --rm {flag} busybox true"));
        let cause =
            format!("the {controller} limit cannot be applied: the {controller} controller is not available here");
        assert!(refusal.contains(&cause) && refusal.contains("`Delegate=cpu cpuset io memory pids`"), "{refusal}");
    }
    let memory = "\"$ENGINE\" run --rm --memory 16m busybox cat /sys/fs/cgroup/memory.max";
    assert_eq!(place.text(memory), "16777216");
    assert_eq!(place.text("\"$ENGINE\" run --rm busybox echo hi"), "hi");
    let doctor = place.text("\"$ENGINE\" doctor");
    let reports = |line: &str| assert!(doctor.contains(line), "{line}: {doctor}");
    reports(&format!("works  own cgroup       {} is delegated to you, with memory", place.group.display()));
    reports("works  memory limit");
    reports("lacks  cpu limit ");
    reports("works  limits ");
}

/// If a limit was requested, the error contains the cause and the right fix. Without a requested limit the container
/// runs. No process is moved, and nothing is created.
#[test]
fn unusable_cgroup_is_refused_with_hint() {
    let Some(place) = Delegated::with("+memory +pids") else { return };
    let refusal = |place: &Delegated| {
        assert_eq!(place.text("\"$ENGINE\" run --rm busybox echo hi"), "hi");
        let refusal = place.refusal("\"$ENGINE\" run --rm --memory 16m busybox true");
        let systemd = fs::exists("/run/systemd/system").unwrap_or_default();
        let fix =
            if systemd { "`systemd-run --user --scope -p Delegate=yes" } else { "`sudo sh -c 'cd /sys/fs/cgroup" };
        assert!(refusal.contains(fix) && place.inner().is_empty(), "{refusal}");
        refusal
    };

    let mut roots = Command::new("sleep").arg("1000").spawn().expect("a process");
    fs::write(place.group.join("cgroup.procs"), roots.id().to_string()).expect("root may");
    let shared = refusal(&place);
    assert!(
        shared.contains("the memory limit cannot be applied: processes are in /sys/fs/cgroup/delegation"),
        "{shared}"
    );
    roots.kill().and_then(|()| roots.wait()).expect("its end");

    for file in ["cgroup.procs", "cgroup.subtree_control", ""] {
        chown(place.group.join(file), Some(0), Some(0)).expect("it is taken back");
    }
    let roots = refusal(&place);
    let cause = format!("no cgroup is delegated to you: {} cannot be written: EACCES", place.group.display());
    assert!(roots.contains(&cause), "{roots}");
    suggested_fix_works(&place, &roots);
}

/// Executes the suggested command of machines without systemd exactly, except for `sudo` and the process id of a
/// shell, which waits meanwhile.
fn suggested_fix_works(place: &Delegated, refusal: &str) {
    let Some(fix) = refusal.split('`').find_map(|part| part.strip_prefix("sudo sh -c ")) else { return };
    let run = "read go; \"$ENGINE\" run --rm --memory 16m busybox cat /sys/fs/cgroup/memory.max";
    let mut shell = place.fixture.command_of("sh");
    shell.args(["-c", run]).env("ENGINE", place.fixture.command().get_program());
    let mut shell =
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a shell");
    let fix = format!("sh -c {}", fix.replace("'$$'", &shell.id().to_string()));
    assert!(Command::new("sh").args(["-c", &fix]).status().expect("a shell").success(), "{fix}");
    shell.stdin.take().expect("a pipe").write_all(b"go\n").expect("it reads");
    let output = shell.wait_with_output().expect("its end");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim_end(), "16777216", "{fix}: {output:?}");
    let made = PathBuf::from(format!("/sys/fs/cgroup/{ORDINARY_USER}"));
    remove_groups(&[made.join("minicontainer-engine"), made]);
}
