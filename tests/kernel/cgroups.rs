//! The control group as a whole: files of its parent, its name, its removal.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use minicontainer::core::{RunOptions, options::Isolation};
use minicontainer::{Error, MIB, Running, Sandbox, Stdio, Verdict};

use crate::fixture::Fixture;
use crate::sandboxes::{busybox, run, shell, succeeds, text};

/// The directories of all groups with this name, in all hierarchies.
fn groups(name: &str) -> Vec<PathBuf> {
    let hierarchies = fs::read_dir("/sys/fs/cgroup").expect("the hierarchies").flatten().map(|entry| entry.path());
    let places = hierarchies.chain([PathBuf::from("/sys/fs/cgroup")]);
    places.map(|place| place.join(name)).filter(|group| group.is_dir()).collect()
}

#[test]
fn cpuset_is_enforced() {
    let Some(fixture) = Fixture::limited() else { return };
    let image = busybox(&fixture);
    let allowed = "grep Cpus_allowed_list /proc/self/status | cut -f2";
    let cpuset = |list: &str| {
        let command = ["sh", "-c", allowed].map(str::to_owned).to_vec();
        let mut options = RunOptions::with(|options| options.command = command);
        options.limits.cpuset = Some(list.parse().expect("a set"));
        Sandbox::from_image(&image).options(options)
    };
    assert_eq!(text(&cpuset("1")), "1");
    assert_ne!(text(&shell(&image, allowed)), "1");
    let error = cpuset("8191").output().expect_err("no such processor");
    assert!(matches!(error, Error::Cgroup(_)) && error.to_string().contains("8191"), "{error}");
}

#[test]
fn swap_limit_is_enforced() {
    let Some(fixture) = Fixture::limited() else { return };
    let image = busybox(&fixture);
    let file =
        "cat /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.swap.max";
    let swap = |swap: Option<&str>| {
        let command = ["sh", "-c", file].map(str::to_owned).to_vec();
        let mut options = RunOptions::with(|options| options.command = command);
        options.limits.memory = "16m".parse().ok();
        options.limits.memory_swap = swap.map(|text| text.parse().expect("a size"));
        text(&Sandbox::from_image(&image).options(options))
    };
    let v1 = Path::new("/sys/fs/cgroup/memory").exists();
    let sum = |swap: u64| (if v1 { 16 * MIB + swap } else { swap }).to_string();
    assert_eq!(swap(None), sum(0));
    assert_eq!(swap(Some("16m")), sum(0));
    assert_eq!(swap(Some("24m")), sum(8 * MIB));
    assert!(["9223372036854771712", "max"].contains(&swap(Some("-1")).as_str()));
}

/// While a fork bomb runs, the host can still fork, and the whole bomb ends when the container is killed.
pub fn check_bomb_ends(mut running: Running) {
    assert!(std::process::Command::new("true").status().expect("a process").success());
    let begun = Instant::now();
    running.kill().expect("it is killed");
    assert_eq!(running.wait().expect("its end").verdict, Verdict::Signalled(9));
    drop(running);
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

/// A fork bomb is stopped by the limit, and ends with the container while it is still forking. This also holds after
/// it has left the first process's group and session, and without a PID namespace, where the end of the first process
/// does not end the others.
#[test]
fn fork_bomb_is_limited_and_killed() {
    let Some(fixture) = Fixture::limited() else { return };
    let image = busybox(&fixture);
    // A shell that can no longer fork exits. The loops below fork one process after the other and never exit.
    let bomb = shell(&image, "(while :; do sleep 100 & done) 2>/dev/null & exec sleep 100");
    let loops =
        "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do setsid sh -c 'while :; do sleep 0; done' & done; exec sleep 100";
    let loops = shell(&image, loops);
    for sandbox in [bomb.clone(), bomb.without(Isolation::Pid), loops.clone(), loops.without(Isolation::Pid)] {
        let running = sandbox.pids(60).spawn().expect("it starts");
        std::thread::sleep(Duration::from_millis(400));
        check_bomb_ends(running);
    }
}

/// Processes in nested groups that the container created are ended, and the groups removed. The host snapshot checks
/// it.
#[test]
fn nested_cgroups_are_removed_with_the_container() {
    let Some(fixture) = Fixture::root() else { return };
    let image = busybox(&fixture);
    let own = "cd /sys/fs/cgroup/memory 2>/dev/null || cd /sys/fs/cgroup";
    let script = format!(
        "{own}; mount -o remount,bind,rw . && mkdir -p probe/deeper && (sleep 100 & echo $! >probe/deeper/cgroup.procs) \
         && cat probe/deeper/cgroup.procs | wc -l"
    );
    let sandbox = shell(&image, &script).without(Isolation::Capabilities).without(Isolation::Pid);
    assert_eq!(text(&sandbox.wall_time(Duration::from_secs(120))), "1");
}

/// A sandbox whose document specifies its group.
fn in_group(fixture: &Fixture, name: &str) -> Sandbox {
    let directory = fixture.store().join("bundle");
    let path = directory.join("config.json");
    if !path.exists() {
        busybox(fixture);
        let mut command = fixture.command();
        command.arg("spec").arg("--bundle").arg(&directory).args(["--memory", "64m", "busybox", "sleep", "100"]);
        assert!(command.output().expect("the command starts").status.success());
    }
    let mut config: serde_json::Value = serde_json::from_slice(&fs::read(&path).expect("it")).expect("JSON");
    config["linux"]["cgroupsPath"] = name.into();
    fs::write(&path, config.to_string()).expect("the document");
    Sandbox::from_bundle(&directory).expect("a bundle")
}

/// A group's name is relative to the root of the hierarchy and does not lead elsewhere; an invalid name is refused
/// before anything is created. The host snapshot would find a group elsewhere.
#[test]
fn cgroup_path_cannot_climb() {
    let Some(fixture) = Fixture::root() else { return };
    for name in ["/../outside", "inner/../../outside", "..", ".", "/", "", "a//b", "./a", "/a/."] {
        let error = in_group(&fixture, name).spawn().expect_err(name).to_string();
        assert!(error.contains("linux.cgroupsPath"), "{name}: {error}");
    }
}

/// A limit that no controller can enforce is an error, and leaves no group. On version 1 the controller's hierarchy
/// may not be mounted; on version 2 a group with processes of its own cannot enable controllers for its children.
#[test]
fn missing_controller_is_an_error() {
    let Some(fixture) = Fixture::root() else { return };
    if Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
        let above = PathBuf::from(format!("/sys/fs/cgroup/minicontainer-test-{}", std::process::id()));
        let sandbox = in_group(&fixture, &format!("/minicontainer-test-{}/inner", std::process::id()));
        fs::create_dir(&above).expect("a group");
        let mut member = std::process::Command::new("sleep").arg("100").spawn().expect("a process");
        fs::write(above.join("cgroup.procs"), member.id().to_string()).expect("it moves");
        let error = sandbox.spawn().map(drop);
        let left = above.join("inner").exists();
        member.kill().expect("it runs");
        member.wait().expect("its end");
        let deadline = Instant::now() + Duration::from_secs(60);
        while fs::remove_dir(&above).is_err() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(2));
        }
        assert!(matches!(error, Err(Error::Cgroup(_))), "{error:?}");
        assert!(!left, "the group stays");
        return;
    }
    busybox(&fixture);
    let without_memory = "mount -t tmpfs none \"$1\" && for group in /sys/fs/cgroup/*; do name=${group##*/}; \
        [ $name = memory ] || { mkdir \"$1/$name\" && mount --bind $group \"$1/$name\"; }; done && \
        mount --rbind \"$1\" /sys/fs/cgroup && shift && exec \"$@\"";
    let place = fixture.store().join("hierarchies");
    fs::create_dir(&place).expect("a directory");
    let run = |flags: &[&str]| {
        let engine = fixture.command().get_program().to_owned();
        let mut command = fixture.command_of("unshare");
        command.args(["--mount", "sh", "-ec", without_memory, "sh"]).arg(&place).arg(engine);
        command.args(["run", "--rm"]).args(flags).args(["busybox", "true"]);
        command.output().expect("the command starts")
    };
    assert!(run(&[]).status.success());
    let refused = run(&["--memory", "64m"]);
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(125), "{stderr}");
    assert!(stderr.contains("the memory limit cannot be applied"), "{stderr}");
}

/// Of two containers with one name the second is refused, and the first is not affected. An empty group that was left
/// behind, even a frozen one, blocks no other container.
#[test]
fn cgroup_in_use_is_refused_and_empty_one_reused() {
    let Some(fixture) = Fixture::root() else { return };
    let name = format!("minicontainer-test-{}/inner", std::process::id());
    let sandbox = in_group(&fixture, &format!("/{name}"));

    let mut first = sandbox.spawn().expect("the first starts");
    let error = sandbox.spawn().expect_err("the second is refused").to_string();
    assert!(error.contains("exists already and is in use"), "{error}");
    assert!(
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(first.id().cast_signed()), None).is_ok(),
        "the first lives"
    );
    let members = groups(&name);
    first.kill().expect("it is killed");
    first.wait().expect("its end");
    drop(first);
    assert!(!members.is_empty() && groups(&name).is_empty(), "{members:?}");

    for group in &members {
        fs::create_dir_all(group).expect("a group");
        // Version 2 can freeze any group.
        let _no_freezer = fs::write(group.join("cgroup.freeze"), "1");
    }
    let mut again = sandbox
        .clone()
        .wall_time(Duration::from_millis(200))
        .spawn()
        .expect("an empty group does not prevent a start");
    assert_eq!(again.wait().expect("its end").verdict, Verdict::TimeLimit);
    drop(again);
    // Parent groups that existed before remain, because the container did not create them.
    for group in members.iter().filter_map(|group| group.parent()).filter(|group| group.is_dir()) {
        fs::remove_dir(group).expect("it is empty");
    }
}

/// A new hierarchy would have a release agent: a program of the *host* that the kernel starts as root.
#[test]
fn cgroup_hierarchy_cannot_be_mounted() {
    let Some(fixture) = Fixture::root() else { return };
    let image = busybox(&fixture);
    let name = format!("minicontainer{}", std::process::id());
    let mounted = format!("mkdir -p /tmp/h && mount -t cgroup -o none,name={name} none /tmp/h");
    let agent = format!("{mounted} && echo /bin/false >/tmp/h/release_agent && cat /tmp/h/release_agent");
    assert!(!succeeds(&shell(&image, &mounted)));
    // A process in a cgroup namespace may mount only existing hierarchies.
    let control = shell(&image, &agent).without(Isolation::Capabilities).without(Isolation::Cgroup);
    assert_eq!(text(&control), "/bin/false");
    // None of the visible groups has a release agent that could be set, or notifies of a release.
    let visible = "for file in $(find /sys/fs/cgroup -name release_agent -o -name notify_on_release); do \
                   (echo 1 >$file) 2>/dev/null && exit 1; done; exit 0";
    assert!(succeeds(&shell(&image, visible)));
    // The same in a nested user namespace, whose root has no privileges outside it.
    for hierarchy in ["memory", "devices", &format!("none,name={name}")] {
        let inner =
            format!("mkdir -p /tmp/h; mount -t cgroup -o {hierarchy} none /tmp/h && echo x >/tmp/h/release_agent");
        let outer = format!("unshare -U -r -m sh -c '{inner}'");
        assert!(!succeeds(&shell(&image, &outer)), "{hierarchy}");
    }
    let output = run(&shell(&image, "cat /proc/self/cgroup"));
    assert!(String::from_utf8_lossy(&output.stdout).lines().any(|line| line.ends_with(":/")));
}

/// A container sees only its own group and the groups below it: the release agent is in the root of a hierarchy.
#[test]
fn cgroup_root_is_not_visible() {
    let Some(fixture) = Fixture::root() else { return };
    let image = busybox(&fixture);
    // It reads until the end of its input, so that it can be examined meanwhile.
    let sandbox = Sandbox::from_image(&image).command("cat").stdin(Stdio::Piped);
    let mut running = sandbox.spawn().expect("it starts");
    let proc_file = |file: &str| fs::read_to_string(format!("/proc/{}/{file}", running.id())).expect("it runs");
    let (mounts, groups) = (proc_file("mountinfo"), proc_file("cgroup"));
    running.wait().expect("its end");
    let is_shown = |controllers: &str| match controllers {
        "" => mounts.contains(" - cgroup2 "),
        _ => controllers.split(',').any(|name| mounts.contains(&format!(" /sys/fs/cgroup/{name} "))),
    };
    let mut shown = 0;
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, group) = (fields.next().expect("controllers"), fields.next().expect("a group"));
        shown += usize::from(is_shown(controllers));
        assert!(!is_shown(controllers) || group.contains("minicontainer"), "{line} is shown in\n{mounts}");
    }
    assert!(shown > 0, "no hierarchy is shown: {groups}{mounts}");
}

/// The groups of other containers contain their ids. A container sees its own groups, or none.
#[test]
fn cgroups_of_other_containers_are_hidden() {
    if !crate::skip::require(crate::fixture::is_root(), crate::skip::ROOT) {
        return;
    }
    for fixture in [Fixture::root, Fixture::user] {
        let Some(fixture) = fixture() else { continue };
        let ground = crate::attacks::Ground::new(&fixture);
        let hierarchies =
            ["/sys/fs/cgroup/pids", "/sys/fs/cgroup/memory", "/sys/fs/cgroup"].map(std::path::Path::new);
        let hierarchy = hierarchies.into_iter().find(|path| path.join("cgroup.procs").exists()).expect("a hierarchy");
        let canary = hierarchy.join(format!("canary-{}", std::process::id()));
        std::fs::create_dir(&canary).expect("a group");
        let seen = |flags: &[&str]| ground.text(flags, &["find", "/sys/fs/cgroup", "-name", "canary-*"]);
        let hidden = [&[][..], &["--network", "host"], &["--without", "pid,ipc,uts"]].map(seen);
        // The control: root's container without a cgroup namespace sees the host's groups.
        let naive = fixture.is_of_root().then(|| seen(&["--without", "cgroup"]));
        std::fs::remove_dir(&canary).expect("the group is empty");
        assert_eq!(hidden, ["", "", ""]);
        assert!(naive.is_none_or(|naive| naive.contains("canary-")), "the control sees nothing");
    }
}
