use minicontainer::core::{
    RunOptions,
    container::{Exit, ProcessIdentity, StartFailure},
    options::{CapabilityChanges, Device, DeviceNumber, Limits, MountSpec, Network, Profile, Users},
};
use serde_json::{Value, json};

use super::*;
use crate::container::{AfterExit, ContainerConfig, State};

fn container(options: RunOptions, state: State) -> Container {
    let config = ContainerConfig {
        image: "busybox".to_owned(),
        image_id: format!("sha256:{}", "0".repeat(64)),
        command: vec!["sh".to_owned(), "-c".to_owned(), "exit 3".to_owned()],
        entrypoint_length: options.entrypoint.as_ref().map_or(0, Vec::len),
        labels: options.labels.clone(),
        options,
        driver: Driver::Overlay,
        cgroup: None,
        after_exit: AfterExit::Keep,
    };
    let id = "0123456789abcdef".repeat(4).parse().unwrap();
    Container { id, name: "web".parse().unwrap(), created: time(0), config, state }
}

fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn document(options: RunOptions, runtime: &str, state: State) -> Value {
    let runtime: Spec = serde_json::from_str(runtime).unwrap();
    let layers = ["/store/layers/1/fs", "/store/layers/2/fs"].map(PathBuf::from);
    let place = Path::new("/store/containers/ID");
    let document = Document::new(&container(options, state), place, &runtime, &layers, &ImageDefaults::default());
    serde_json::to_value(document).unwrap()
}

/// The runtime config of a container without options.
const PLAIN: &str = r#"{
    "ociVersion": "1.2.0", "hostname": "0123456789ab", "root": {"path": "rootfs"},
    "process": {"user": {"uid": 0, "gid": 0}, "args": ["sh", "-c", "exit 3"], "env": ["PATH=/bin"], "cwd": "/"},
    "linux": {"maskedPaths": ["/proc/kcore"], "readonlyPaths": ["/proc/sys"]}
}"#;

fn all_options() -> RunOptions {
    let number = DeviceNumber { kind: 'c', major: 10, minor: 229 };
    RunOptions::with(|options| {
        options.entrypoint = Some(vec!["sh".to_owned()]);
        options.limits = Limits::with(|limits| {
            limits.memory = "64m".parse().ok();
            limits.memory_swap = "-1".parse().ok();
            limits.cpus = "0.5".parse().ok();
            limits.cpuset = "0-1".parse().ok();
            limits.pids = "32".parse().ok();
        });
        options.mounts = vec![
            MountSpec::from_volume("/srv/data:/data:ro", "/").unwrap(),
            MountSpec::from_tmpfs("/t:size=1m,mode=700").unwrap(),
        ];
        options.network = Network::Host;
        options.privileged = true;
        options.capabilities =
            CapabilityChanges { add: vec!["NET_ADMIN".parse().unwrap()], drop: vec!["ALL".parse().unwrap()] };
        options.users = Users::Own;
        options.devices = vec![Device::parse("/dev/fuse:/dev/f:r", |_| Some(number)).unwrap()];
        options.sysctls = vec!["net.ipv4.ip_forward=1".parse().unwrap()];
        options.without = [Isolation::Pid].into();
    })
}

#[test]
fn plain_container_has_empty_lists_instead_of_nulls() {
    let document = document(RunOptions::default(), PLAIN, State::created());
    insta::assert_json_snapshot!(document);
    // A field is null only if it is null in Docker too. The exception is the report of a program that has not exited.
    let mut nulls = Vec::new();
    find_nulls("", &document, &mut nulls);
    assert_eq!(
        nulls,
        ["/Config/Healthcheck", "/Config/StopTimeout", "/HostConfig/PidsLimit", "/State/Health", "/State/Report"]
    );
}

fn find_nulls(path: &str, value: &Value, nulls: &mut Vec<String>) {
    match value {
        Value::Null => nulls.push(path.to_owned()),
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| find_nulls(&format!("{path}/{name}"), value, nulls));
        }
        Value::Array(elements) => elements.iter().for_each(|value| find_nulls(path, value, nulls)),
        _ => {}
    }
}

#[test]
fn options_are_shown_in_docker_format() {
    let runtime = r#"{
        "ociVersion": "1.2.0", "hostname": "attic", "root": {"path": "rootfs", "readonly": false},
        "process": {
            "terminal": true, "user": {"uid": 1000, "gid": 100}, "args": ["sh"], "cwd": "/work",
            "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 64, "hard": 18446744073709551615}]
        },
        "linux": {
            "resources": {"pids": {"limit": 32}},
            "timeOffsets": {"boottime": {"secs": 86400, "nanosecs": 0}}
        }
    }"#;
    insta::assert_json_snapshot!(document(all_options(), runtime, State::created()));
}

/// Docker's `HostConfig.MemorySwap` is the sum of memory and swap space; equal to the memory, it means no swap space.
#[test]
fn memory_swap_is_the_sum_that_applies() {
    for (memory, swap, expect) in [
        (None, None, 0),
        (Some("64m"), None, 64 << 20),
        (Some("64m"), Some("96m"), 96 << 20),
        (Some("64m"), Some("-1"), -1),
    ] {
        let parsed = |text: &str| text.parse().unwrap();
        let limits = Limits::with(|limits| {
            limits.memory = memory.map(parsed);
            limits.memory_swap = swap.map(|text| text.parse().unwrap());
        });
        let document = document(RunOptions::with(|options| options.limits = limits), PLAIN, State::created());
        assert_eq!(document["HostConfig"]["MemorySwap"], expect, "{memory:?} {swap:?}");
    }
    // Docker's own default, which its profile applies.
    let limits = Limits::with(|limits| limits.memory = "64m".parse().ok());
    let options = RunOptions::with(|options| {
        options.limits = limits;
        options.profile = Profile::Docker;
    });
    assert_eq!(document(options, PLAIN, State::created())["HostConfig"]["MemorySwap"], 128 << 20);
}

#[test]
fn states_are_shown_in_docker_format() {
    let process = ProcessIdentity { pid: 7, start_time: 1, boot_id: String::new() };
    let exit = Exit { code: Some(3), started: time(1), finished: Some(time(2)), report: None, failure: None };
    let failure = StartFailure { code: 127, message: "no such program".to_owned() };
    let check = |state: State, expect: Value| {
        let document = serde_json::to_value(StateDocument::new(&state)).unwrap();
        let fields = ["Status", "Running", "Paused", "Restarting", "Dead", "Pid", "ExitCode", "Error"];
        assert_eq!(Value::from_iter(fields.map(|field| document[field].clone())), expect, "{state:?}");
        document
    };
    let never = check(State::created(), json!(["created", false, false, false, false, 0, 0, ""]));
    assert_eq!((&never["StartedAt"], &never["FinishedAt"]), (&json!(NEVER), &json!(NEVER)));
    check(
        State::Created { failure: Some(failure.clone()) },
        json!(["created", false, false, false, false, 0, 127, "no such program"]),
    );
    check(State::Starting { before: None }, json!(["created", false, false, false, false, 0, 0, ""]));
    let running = State::Running { process: process.clone(), started: time(1) };
    let document = check(running, json!(["running", true, false, false, false, 7, 0, ""]));
    assert_eq!(document["StartedAt"], "1970-01-01T00:00:01.000000000Z");
    check(State::Paused { process, started: time(1) }, json!(["paused", true, true, false, false, 7, 0, ""]));
    check(State::Restarting(exit.clone()), json!(["restarting", true, false, true, false, 0, 3, ""]));
    let document = check(State::Exited(exit.clone()), json!(["exited", false, false, false, false, 0, 3, ""]));
    assert_eq!(document["FinishedAt"], "1970-01-01T00:00:02.000000000Z");
    let again = Exit { failure: Some(failure), ..exit.clone() };
    check(State::Exited(again), json!(["exited", false, false, false, false, 0, 127, "no such program"]));
    check(
        State::Exited(Exit { code: None, finished: None, ..exit }),
        json!([
            "exited",
            false,
            false,
            false,
            false,
            0,
            null,
            "the engine was killed before it could see how the process ended"
        ]),
    );
    check(State::Removing { before: None }, json!(["removing", false, false, false, false, 0, 0, ""]));
    check(State::Dead { before: None }, json!(["dead", false, false, false, true, 0, 0, ""]));
}
