//! The posture of a container's process: everything that determines its privileges, compared with a reviewed
//! snapshot.
//!
//! A test of an attack shows that one protection works. The snapshot shows every change: an additional capability, an
//! open descriptor, a less strict mount. It changes only on purpose.

use serde_json::Value;

use crate::attacks::Ground;
use crate::fixture::Fixture;

/// Replaces values that differ between runs or machines by a description.
fn normalize(posture: &mut Value) {
    let Some(fields) = posture.as_object_mut() else { return };
    // Each namespace is the container's own or the host's.
    if let Some(namespaces) = fields.get_mut("namespaces").and_then(Value::as_object_mut) {
        for (kind, name) in namespaces.iter_mut() {
            let host = std::fs::read_link(format!("/proc/self/ns/{kind}")).unwrap_or_default();
            let shared = name.as_str().is_some_and(|name| host.to_string_lossy() == name);
            *name = Value::from(if shared { "the host's" } else { "its own" });
        }
    }
    // Inherited, unless another value was requested.
    let inherited = std::fs::read_to_string("/proc/self/oom_score_adj").unwrap_or_default();
    if fields.get("oom_score_adj").and_then(Value::as_str) == Some(inherited.trim()) {
        fields.insert("oom_score_adj".to_owned(), Value::from("the host's"));
    }
    // The caught and ignored signals are those of the probe, because Rust programs set them at the start.
    if let Some(signals) = fields.get_mut("signals").and_then(Value::as_object_mut) {
        signals.retain(|set, _| set == "SigBlk");
    }
    for field in ["uid_map", "gid_map"] {
        let lines = fields.get(field).and_then(Value::as_array).map(Vec::len);
        fields.insert(field.to_owned(), Value::from(format!("lines: {}", lines.unwrap_or_default())));
    }
    // Version 1 has a line for each hierarchy.
    if let Some(groups) = fields.get_mut("cgroup").and_then(Value::as_array_mut) {
        let mut paths: Vec<Value> =
            groups.iter().filter_map(|line| line.as_str()?.rsplit(':').next().map(Value::from)).collect();
        paths.dedup();
        *groups = paths;
    }
    // Inherited limits depend on the machine; the one that is set does not.
    if let Some(limits) = fields.get_mut("limits").and_then(Value::as_object_mut) {
        limits.retain(|name, _| name == "Max core file size");
    }
    if let Some(mounts) = fields.get_mut("mounts").and_then(Value::as_array_mut) {
        mounts.retain(|mount| {
            // Masks exist if the path does, and hierarchies if the kernel has them: other tests check these.
            let place = mount[0].as_str().unwrap_or_default();
            // Not every kernel has a file for the magic SysRq key.
            !place.starts_with("/sys/fs/cgroup")
                && place != "/proc/sysrq-trigger"
                && !minicontainer::core::spec::MASKED_PATHS.contains(&place)
        });
        for mount in mounts.iter_mut() {
            // A masked thermal throttle or a bind mount's file system depends on this machine.
            if mount[0] == "/probe" || mount[0].as_str().is_some_and(|place| place.starts_with("/etc/")) {
                mount[1] = Value::from("the host's");
            }
        }
        mounts.retain(|mount| !mount[0].as_str().is_some_and(|place| place.ends_with("/thermal_throttle")));
    }
}

#[track_caller]
fn posture(fixture: &Fixture, flags: &[&str]) -> Value {
    let ground = Ground::new(fixture);
    let flags = [&["--hostname", "posture"], flags].concat();
    let output =
        ground.run(&flags, &["/probe", "posture"]).stdin(std::process::Stdio::null()).output().expect("it starts");
    let mut posture: Value = serde_json::from_str(&crate::attacks::text(&output)).expect("JSON");
    normalize(&mut posture);
    // An ordinary user cannot drop groups: a user whose login lists the primary group, which is 0 inside, keeps it.
    let listed = nix::unistd::getgroups().expect("groups").contains(&nix::unistd::getegid());
    if !crate::fixture::is_root() && listed {
        assert_eq!(posture["groups"], "0");
        posture["groups"] = "".into();
    }
    posture
}

/// Compares with the snapshot. It is compiled into this program, which may run without access to the sources. If the
/// difference is intended, write the printed text to the file in tests/kernel/postures.
#[track_caller]
fn check(fixture: &Fixture, flags: &[&str], known: &str) {
    let seen = serde_json::to_string_pretty(&posture(fixture, flags)).expect("JSON");
    assert!(seen.trim() == known.trim(), "another posture than the known one:\n{seen}");
}

#[test]
fn root_container_matches_recorded_posture() {
    let Some(fixture) = Fixture::root() else { return };
    check(&fixture, &[], include_str!("postures/root.json"));
}

#[test]
fn rootless_container_matches_recorded_posture() {
    let Some(fixture) = Fixture::user() else { return };
    check(&fixture, &[], include_str!("postures/user.json"));
}

#[test]
fn other_user_in_root_container_matches_recorded_posture() {
    let Some(fixture) = Fixture::root() else { return };
    check(&fixture, &["--user", "1000:1000"], include_str!("postures/another-user.json"));
}

/// Time offsets change nothing else.
#[test]
fn time_offsets_change_only_the_time_namespace() {
    let fixture = Fixture::any();
    let mut seen = posture(&fixture, &["--time-offset", "boottime=1h"]);
    for kind in ["time", "time_for_children"] {
        assert_eq!(seen["namespaces"][kind], "its own");
        seen["namespaces"][kind] = "the host's".into();
    }
    assert_eq!(seen, posture(&fixture, &[]));
}

/// Descriptors that the caller left open, without close-on-exec, with low and high numbers.
#[test]
fn only_standard_descriptors_reach_the_container() {
    let fixture = Fixture::any();
    let ground = Ground::new(&fixture);
    let list = ["sh", "-c", "exec 9</ 7<$HOME; exec \"$@\"", "-"];
    let mut shell = fixture.command_of(list[0]);
    let run = ground.run(&[], &["/probe", "descriptors"]);
    shell.args(&list[1..]).arg(run.get_program()).args(run.get_args()).stdin(std::process::Stdio::null());
    let seen = crate::attacks::text(&shell.output().expect("a shell"));
    let numbers: Vec<&str> = seen.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(numbers, ["0", "1", "2"], "{seen}");
    // The control: an ordinary child has all of them.
    let mut control = fixture.command_of(list[0]);
    control.args(&list[1..]).arg(ground.probe()).arg("descriptors");
    let seen = crate::attacks::text(&control.output().expect("a shell"));
    assert!(["9 ", "7 "].iter().all(|number| seen.lines().any(|line| line.starts_with(number))), "{seen}");
}
