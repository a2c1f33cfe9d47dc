use super::*;

fn parse<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a value")
}

/// All options, each with a value other than its default.
fn all() -> RunOptions {
    let number = DeviceNumber { kind: 'c', major: 10, minor: 229 };
    let profile = serde_json::from_str(r#"{"defaultAction": "SCMP_ACT_ALLOW"}"#).expect("a profile");
    RunOptions {
        command: vec!["sh".to_owned(), "-c".to_owned(), "exit 3".to_owned()],
        entrypoint: Some(vec!["/init".to_owned()]),
        env: vec![parse("A=b=c"), parse("EMPTY=")],
        removed_env: ["UNWANTED".to_owned()].into(),
        workdir: Some("/work".to_owned()),
        user: Some(parse("1000:staff")),
        added_groups: vec![parse("staff"), parse("50")],
        labels: [("course".to_owned(), "networks".to_owned())].into(),
        hostname: Some(parse("attic")),
        limits: Limits {
            memory: Some(parse("64m")),
            memory_swap: Some(parse("-1")),
            cpuset: Some(parse("0-1,3")),
            cpus: Some(parse("0.5")),
            pids: Some(parse("32")),
            cpu_time: Some(Duration::from_millis(1500)),
        },
        storage: StorageLimit::of_bytes(1 << 20),
        root: Access::ReadOnly,
        mounts: vec![
            MountSpec::from_volume("/srv/data:/data:ro", "/").expect("a mount").owned_by([1000, 100]),
            MountSpec::from_tmpfs("/t:size=1m,mode=700,exec,uid=5").expect("a mount"),
        ],
        network: Network::Host,
        added_hosts: vec![parse("db:10.0.0.2")],
        dns: Dns {
            servers: vec![parse("192.0.2.1")],
            search: vec!["example.com".to_owned()],
            options: vec!["ndots:2".to_owned()],
        },
        seccomp: SeccompChoice::Profile(Box::new(profile)),
        profile: Profile::Docker,
        best_effort: true,
        privileged: true,
        capabilities: CapabilityChanges { add: vec![parse("NET_ADMIN")], drop: vec![CapabilityName::All] },
        new_privileges: Some(NewPrivileges::Allowed),
        system_paths_open: true,
        users: Users::Own,
        devices: vec![Device::parse("/dev/fuse:/dev/f:r", |_| Some(number)).expect("a device")],
        ulimits: vec![parse("nofile=64:unlimited")],
        shm_size: Some(parse("1m")),
        sysctls: vec![parse("net.ipv4.ip_forward=1")],
        time_offsets: vec![parse("boottime=-1.5")],
        init: true,
        interactive: true,
        terminal: Some(WindowSize { rows: 24, columns: 80 }),
        without: [Isolation::Pid, Isolation::Cgroup].into(),
    }
}

#[test]
fn all_options_round_trip_through_json() {
    let json = serde_json::to_string_pretty(&all()).expect("JSON");
    assert_eq!(serde_json::from_str::<RunOptions>(&json).expect("options"), all());
    insta::assert_snapshot!(json);
}

#[test]
fn devices_of_older_records_are_read() {
    let older =
        r#"{"outside": "/dev/a", "inside": "/c", "number": {"kind": "c", "major": 1, "minor": 3}, "uses": "rw"}"#;
    let device: Device = serde_json::from_str(older).expect("a device");
    assert_eq!(device.permissions, "rw");
}

#[test]
fn json_contains_only_options_that_were_set() {
    let json = serde_json::to_string(&RunOptions::default()).expect("JSON");
    assert_eq!(json, "{}");
    assert_eq!(serde_json::from_str::<RunOptions>(&json).expect("options"), RunOptions::default());
    let of_the_future = r#"{"network": "host", "optionOfTheFuture": [1]}"#;
    let options: RunOptions = serde_json::from_str(of_the_future).expect("options");
    assert_eq!(options, RunOptions { network: Network::Host, ..RunOptions::default() });
}

/// A record that was edited by hand is validated like the command line.
#[test]
fn values_in_json_are_validated() {
    for (document, reason) in [
        (r#"{"limits": {"memory": "0"}}"#, "invalid size"),
        (r#"{"limits": {"cpus": "0.001"}}"#, "invalid number of processors"),
        (r#"{"limits": {"cpuset": "3-1"}}"#, "invalid list of processors"),
        (r#"{"limits": {"pids": 5}}"#, "expected a string"),
        (r#"{"env": ["NAME"]}"#, "has no '='"),
        (r#"{"user": "a b"}"#, "invalid user"),
        (r#"{"hostname": "a b"}"#, "invalid hostname"),
        (r#"{"capabilities": {"add": ["FLY"]}}"#, "unknown capability"),
        (r#"{"sysctls": ["kernel.core_pattern=x"]}"#, "belongs to the whole machine"),
        (r#"{"ulimits": ["nofile=2:1"]}"#, "cannot be above"),
        (r#"{"without": ["gravity"]}"#, "unknown isolation"),
        (r#"{"mounts": [{"type": "bind", "source": "/a", "target": "/../etc"}]}"#, "must not contain"),
        (r#"{"mounts": [{"type": "bind", "source": "a/b", "target": "/c"}]}"#, "is not absolute"),
        (
            r#"{"mounts": [{"type": "bind", "source": "/a", "target": "/proc"}]}"#,
            "must be the container's own procfs",
        ),
        (r#"{"mounts": [{"type": "tmpfs", "target": "/t", "mode": 99999}]}"#, "must be an octal number"),
        (
            r#"{"devices": [{"outside": "/dev/a:/dev/b", "inside": "/c", "number": {"kind": "c", "major": 1, "minor": 3}, "permissions": "r"}]}"#,
            "invalid device",
        ),
        (
            r#"{"devices": [{"outside": "/dev/a", "inside": "/c", "number": {"kind": "c", "major": 1, "minor": 3}, "permissions": "rx"}]}"#,
            "invalid device",
        ),
    ] {
        let error = serde_json::from_str::<RunOptions>(document).expect_err(document);
        assert!(error.to_string().contains(reason), "{document}: {error}");
    }
}
