//! Every flag of `docker run`: it works here, or is refused with a hint what to use instead.

use std::fs;

use crate::test_env::TestEnv;

/// The expected result for a flag.
enum Outcome {
    /// It works. These are the flag and its value.
    Works(&'static [&'static str]),
    /// It sets a limit. It works, or the message says why the limit is not available on this machine.
    Limit(&'static [&'static str]),
    /// It is refused by its name, with a hint. These are the flag and its value.
    Refused(&'static [&'static str]),
}

use Outcome::{Limit, Refused, Works};

/// The platform of this machine.
const PLATFORM: &str = if cfg!(target_arch = "aarch64") { "linux/arm64" } else { "linux/amd64" };

/// The flags of `docker run --help` in Docker 28.2.2, and its hidden flags.
const FLAGS: &[(&str, Outcome)] = &[
    ("add-host", Works(&["--add-host", "db:10.0.0.2"])),
    ("annotation", Refused(&["--annotation", "a=b"])),
    ("attach", Refused(&["-a", "stdout"])),
    ("blkio-weight", Refused(&["--blkio-weight", "10"])),
    ("blkio-weight-device", Refused(&["--blkio-weight-device", "/dev/sda:10"])),
    ("cap-add", Works(&["--cap-add", "CHOWN"])),
    ("cap-drop", Works(&["--cap-drop", "ALL"])),
    ("cgroup-parent", Refused(&["--cgroup-parent", "a"])),
    ("cgroupns", Works(&["--cgroupns", "private"])),
    ("cidfile", Works(&["--cidfile", "cid"])),
    ("cpu-count", Refused(&["--cpu-count", "1"])),
    ("cpu-percent", Refused(&["--cpu-percent", "1"])),
    ("cpu-period", Refused(&["--cpu-period", "1000"])),
    ("cpu-quota", Refused(&["--cpu-quota", "1000"])),
    ("cpu-rt-period", Refused(&["--cpu-rt-period", "1000"])),
    ("cpu-rt-runtime", Refused(&["--cpu-rt-runtime", "1000"])),
    ("cpu-shares", Refused(&["-c", "512"])),
    ("cpus", Limit(&["--cpus", "0.5"])),
    ("cpuset-cpus", Limit(&["--cpuset-cpus", "0"])),
    ("cpuset-mems", Refused(&["--cpuset-mems", "0"])),
    ("detach", Refused(&["-d"])),
    ("detach-keys", Refused(&["--detach-keys", "ctrl-a"])),
    ("device", Works(&["--device", "/dev/null"])),
    ("device-cgroup-rule", Refused(&["--device-cgroup-rule", "c 1:3 r"])),
    ("device-read-bps", Refused(&["--device-read-bps", "/dev/sda:1m"])),
    ("device-read-iops", Refused(&["--device-read-iops", "/dev/sda:1"])),
    ("device-write-bps", Refused(&["--device-write-bps", "/dev/sda:1m"])),
    ("device-write-iops", Refused(&["--device-write-iops", "/dev/sda:1"])),
    ("disable-content-trust", Refused(&["--disable-content-trust=false"])),
    ("dns", Works(&["--dns", "192.0.2.1"])),
    ("dns-option", Works(&["--dns-option", "ndots:2"])),
    ("dns-opt", Works(&["--dns-opt", "ndots:2"])),
    ("dns-search", Works(&["--dns-search", "example.com"])),
    ("domainname", Refused(&["--domainname", "example.com"])),
    ("entrypoint", Works(&["--entrypoint", "true"])),
    ("env", Works(&["-e", "A=b"])),
    ("env-file", Works(&["--env-file", "variables"])),
    ("expose", Refused(&["--expose", "80"])),
    ("gpus", Refused(&["--gpus", "all"])),
    ("group-add", Works(&["--group-add", "0"])),
    ("health-cmd", Refused(&["--health-cmd", "true"])),
    ("health-interval", Refused(&["--health-interval", "1s"])),
    ("health-retries", Refused(&["--health-retries", "1"])),
    ("health-start-interval", Refused(&["--health-start-interval", "1s"])),
    ("health-start-period", Refused(&["--health-start-period", "1s"])),
    ("health-timeout", Refused(&["--health-timeout", "1s"])),
    ("help", Works(&["--help"])),
    ("hostname", Works(&["-h", "at_tic"])),
    ("init", Works(&["--init"])),
    ("interactive", Works(&["-i"])),
    ("io-maxbandwidth", Refused(&["--io-maxbandwidth", "1m"])),
    ("io-maxiops", Refused(&["--io-maxiops", "1"])),
    ("ip", Refused(&["--ip", "192.0.2.1"])),
    ("ip6", Refused(&["--ip6", "2001:db8::1"])),
    ("ipc", Works(&["--ipc", "private"])),
    ("isolation", Refused(&["--isolation", "hyperv"])),
    ("kernel-memory", Refused(&["--kernel-memory", "1g"])),
    ("label", Works(&["-l", "a=b"])),
    ("label-file", Works(&["--label-file", "variables"])),
    ("link", Refused(&["--link", "db"])),
    ("link-local-ip", Refused(&["--link-local-ip", "169.254.1.1"])),
    ("log-driver", Refused(&["--log-driver", "syslog"])),
    ("log-opt", Refused(&["--log-opt", "max-size=1m"])),
    ("mac-address", Refused(&["--mac-address", "92:d0:c6:0a:29:33"])),
    ("memory", Limit(&["-m", "64m"])),
    ("memory-reservation", Refused(&["--memory-reservation", "32m"])),
    ("memory-swap", Limit(&["--memory", "64m", "--memory-swap", "-1"])),
    ("memory-swappiness", Refused(&["--memory-swappiness", "50"])),
    ("mount", Works(&["--mount", "type=tmpfs,target=/m"])),
    ("name", Works(&["--name", "web"])),
    ("net", Works(&["--net", "none"])),
    ("net-alias", Refused(&["--net-alias", "db"])),
    ("network", Works(&["--network", "none"])),
    ("network-alias", Refused(&["--network-alias", "db"])),
    ("no-healthcheck", Works(&["--no-healthcheck"])),
    ("oom-kill-disable", Refused(&["--oom-kill-disable"])),
    ("oom-score-adj", Refused(&["--oom-score-adj", "-500"])),
    ("pid", Works(&["--pid", ""])),
    ("pids-limit", Limit(&["--pids-limit", "50"])),
    ("platform", Works(&["--platform", PLATFORM])),
    ("privileged", Works(&["--privileged"])),
    ("publish", Refused(&["-p", "80:80"])),
    ("publish-all", Refused(&["-P"])),
    ("pull", Works(&["--pull", "never"])),
    ("quiet", Works(&["-q"])),
    ("read-only", Works(&["--read-only"])),
    ("restart", Refused(&["--restart", "always"])),
    ("rm", Works(&["--rm"])),
    ("runtime", Refused(&["--runtime", "runc"])),
    ("security-opt", Works(&["--security-opt", "no-new-privileges"])),
    ("shm-size", Works(&["--shm-size", "1m"])),
    ("sig-proxy", Works(&["--sig-proxy=false"])),
    ("stop-signal", Refused(&["--stop-signal", "SIGINT"])),
    ("stop-timeout", Refused(&["--stop-timeout", "3"])),
    ("storage-opt", Works(&["--storage-opt", "size=1m"])),
    ("sysctl", Works(&["--sysctl", "net.ipv4.ip_forward=1"])),
    ("tmpfs", Works(&["--tmpfs", "/t"])),
    ("tty", Works(&["-t"])),
    ("ulimit", Works(&["--ulimit", "nofile=64"])),
    ("use-api-socket", Refused(&["--use-api-socket"])),
    ("user", Works(&["-u", "0"])),
    ("userns", Works(&["--userns", "host"])),
    ("uts", Works(&["--uts", ""])),
    ("volume", Works(&["-v", ".:/v:z"])),
    ("volume-driver", Refused(&["--volume-driver", "local"])),
    ("volumes-from", Refused(&["--volumes-from", "db"])),
    ("workdir", Works(&["-w", "/tmp"])),
];

fn flag_env() -> TestEnv {
    let place = TestEnv::new();
    fs::write(place.path("variables"), "A=b\n").unwrap();
    place
}

#[test]
fn every_flag_of_docker_works_or_is_refused_by_name() {
    let place = flag_env();
    assert_eq!(FLAGS.len(), 104 + 3, "the flags of --help, and --dns-opt, --net and --net-alias");
    let mut refusals = String::new();
    for (name, outcome) in FLAGS {
        let (Works(words) | Limit(words) | Refused(words)) = outcome;
        let answer = place.run(&[&["run", "--rm"], *words, &["busybox", "true"]].concat());
        let printed = &answer.stderr;
        let names_flag = printed.starts_with("minicontainer: ")
            && printed.lines().next().unwrap().contains(&format!("--{name}: "));
        match outcome {
            Works(_) => assert_eq!(answer.code, 0, "{name}: {printed}"),
            Limit(_) => assert!(answer.code == 0 || printed.contains("limit cannot be applied"), "{name}: {printed}"),
            Refused(_) => {
                assert!(
                    answer.code == 125 && names_flag && printed.contains("\n  hint: "),
                    "{name}: {}",
                    answer.show()
                );
                refusals += printed;
            }
        }
        assert_eq!(place.containers(), 0, "{name} left something behind");
    }
    insta::assert_snapshot!(refusals);
}

#[test]
fn flags_that_are_on_or_off_take_values() {
    let place = flag_env();
    let listed = |words: &[&str]| {
        place.succeed(&[&["run"], words, &["busybox", "true"]].concat());
        let names = place.succeed(&["ps", "-a", "--format", "{{.Names}}"]);
        names.lines().for_each(|name| drop(place.succeed(&["rm", name])));
        names.lines().count()
    };
    assert_eq!(listed(&["--rm"]), 0);
    assert_eq!(listed(&["--rm=1"]), 0);
    assert_eq!(listed(&["--rm=false"]), 1);
    assert_eq!(listed(&["--rm", "--rm=F"]), 1);
    let says = |words: &[&str], script: &str| {
        let words = [&["run", "--rm"], words, &["busybox", "sh", "-c", script]].concat();
        String::from_utf8(place.run_with_input(&words, b"input\n").stdout.into_bytes()).unwrap()
    };
    assert_eq!(says(&["-i"], "cat"), "input\n");
    assert_eq!(says(&["-i=false"], "cat"), "");
    let first_process = |flag: &str| says(&[flag], "cat /proc/1/comm; true");
    assert_eq!(first_process("--init=false"), "sh\n");
    assert_ne!(first_process("--init=true"), "sh\n");
    assert_eq!(says(&["--read-only=1"], "echo > /x || echo refused"), "refused\n");
    assert_eq!(says(&["--read-only=0"], "echo > /x && echo written"), "written\n");
    let wrong = place.run(&["run", "--rm=maybe", "busybox", "true"]);
    assert!(wrong.code == 125 && wrong.stderr.contains("'maybe' for '--rm"), "{}", wrong.show());
    let other = place.run(&["ps", "-a=0", "--no-trunc=true", "-q=false"]);
    assert_eq!(other.code, 0, "{}", other.show());
}

#[test]
fn variables_and_labels_come_from_files() {
    let place = flag_env();
    fs::write(place.path("a.env"), "\u{feff}# comment\n  A=from file\nB='quoted'\r\nSET\nUNSET\n").unwrap();
    let script = "echo $A-$B-$SET-${UNSET-none}-$C";
    let words = ["run", "--rm", "--env-file", "a.env", "-e", "C=c", "busybox", "sh", "-c", script];
    let output = place.command(&words).env("SET", "set").output().unwrap();
    assert_eq!(place.answer(output).stdout, "from file-'quoted'-set-none-c\n");
    let words = ["run", "--rm", "-e", "A=flag", "--env-file=a.env", "busybox", "sh", "-c", "echo $A"];
    assert_eq!(place.succeed(&words), "flag\n");

    fs::write(place.path("wrong"), "A=1\nB C=2\n").unwrap();
    for flag in ["--env-file", "--label-file"] {
        let answer = place.run(&["run", "--rm", flag, "wrong", "busybox", "true"]);
        let printed = format!(
            "minicontainer: invalid argument for {flag}: wrong, line 2: the name \"B C\" contains whitespace"
        );
        assert!(answer.code == 125 && answer.stderr.starts_with(&printed), "{}", answer.show());
        let answer = place.run(&["run", "--rm", flag, "missing", "busybox", "true"]);
        assert!(answer.stderr.contains("cannot read missing: No such file"), "{}", answer.show());
    }

    for flag in ["--env-file", "--label-file"] {
        let answer = place.run(&["run", "--rm", flag, "/dev/zero", "busybox", "true"]);
        assert!(
            answer.code == 125 && answer.stderr.contains("/dev/zero is larger than 16777216"),
            "{}",
            answer.show()
        );
    }

    fs::write(place.path("labels"), "a=file\nb\n").unwrap();
    place.succeed(&[
        "run",
        "--name",
        "web",
        "--label-file",
        "labels",
        "-l",
        "a=flag",
        "--label=c=d=e",
        "busybox",
        "true",
    ]);
    let shown = place.succeed(&["inspect", "--format", "{{json .Config.Labels}}", "web"]);
    assert_eq!(shown, "{\"a\":\"flag\",\"b\":\"\",\"c\":\"d=e\"}\n");
}

#[test]
fn cidfile_has_the_id_and_is_never_overwritten() {
    let place = flag_env();
    place.succeed(&["run", "--name", "web", "--cidfile", "cid", "busybox", "true"]);
    assert_eq!(fs::read_to_string(place.path("cid")).unwrap().len(), 64);
    let id = place.engine().args(["inspect", "--format", "{{.Id}}", "web"]).output().unwrap().stdout;
    assert_eq!(fs::read(place.path("cid")).unwrap(), id[..64]);
    let again = place.run(&["run", "--rm", "--cidfile", "cid", "busybox", "true"]);
    let printed =
        "minicontainer: container ID file found, make sure the other container isn't running or delete cid\n";
    assert!(again.code == 125 && again.stderr.starts_with(printed), "{}", again.show());
    place.succeed(&["rm", "web"]);
    assert!(place.path("cid").exists(), "the file outlives the container");
    // If no container is created, the file is not created either.
    assert_eq!(place.run(&["run", "--rm", "--cidfile", "none", "-u", "unknown", "busybox", "true"]).code, 125);
    assert!(!place.path("none").exists());
}

#[test]
fn empty_and_zero_values_are_the_defaults() {
    let place = flag_env();
    let flags =
        ["-m", "0", "--cpus", "0", "--memory-swap=0", "--shm-size=0", "-u", "", "-h", "", "-w=", "--cpuset-cpus="];
    let script = ["busybox", "sh", "-c", "id -u; pwd; df -k /dev/shm | tail -n 1 | awk '{print $2}'"];
    assert_eq!(place.succeed(&[&["run", "--rm"], &flags[..], &script].concat()), "0\n/\n65536\n");
    // moby's daemon/daemon_unix.go
    let processors = std::thread::available_parallelism().unwrap();
    let range =
        format!("range of CPUs is from 0.01 to {processors}.00, as there are only {processors} CPUs available");
    for command in [&["run", "--rm"][..], &["explain"]] {
        let too_many = format!("{processors}.01");
        let answer = place.run(&[command, &["--cpus", &too_many, "busybox", "true"]].concat());
        assert!(answer.code == 125 && answer.stderr.contains(&range), "{}", answer.show());
    }
}

#[test]
fn two_mounts_at_one_place_are_refused() {
    let place = flag_env();
    for pair in [["-v=.:/x", "-v=/etc:/x/"], ["--tmpfs=/x", "-v=.:/x"], ["--mount=type=tmpfs,dst=/x", "--tmpfs=/x"]] {
        let answer = place.run(&[&["run", "--rm"], &pair[..], &["busybox", "true"]].concat());
        let printed = "minicontainer: Duplicate mount point: /x\n  hint: ";
        assert!(answer.code == 125 && answer.stderr.starts_with(printed), "{}", answer.show());
    }
}

#[test]
fn tmpfs_options_and_groups_take_effect() {
    let Some(place) = TestEnv::seeded_root() else { return };
    for users in ["host", "auto"] {
        let printed = place.succeed(&[
            "run", "--rm", "--userns", users, "--tmpfs", "/t:uid=7,gid=8,nr_inodes=5,mode=750,noatime", "busybox", "sh", "-c",
            "stat -c '%u %g %a' /t; df -i /t | tail -n 1 | awk '{print $2}'; grep -c ' /t tmpfs .*noatime' /proc/mounts",
        ]);
        assert_eq!(printed, "7 8 750\n5\n1\n", "--userns {users}");
    }
    let id = |words: &[&str]| place.succeed(&[&["run", "--rm"], words, &["busybox", "id", "-G"]].concat());
    assert_eq!(id(&["--group-add", "50", "--group-add", "7", "-u", "5:6"]), "6 7 50\n");
    assert_eq!(id(&["-u", "5:6"]), "6\n");
    let unknown = place.run(&["run", "--rm", "--group-add", "nothing", "busybox", "true"]);
    assert!(unknown.code == 125 && unknown.stderr.contains("unknown group \"nothing\""), "{}", unknown.show());
}

/// A device node cannot be created in a user namespace, so the host's is mounted.
#[test]
fn device_of_ordinary_user_can_have_another_name() {
    let Some(place) = TestEnv::seeded_user() else { return };
    let script = "echo lost > /dev/nothing; stat -c '%t %T' /dev/nothing";
    let words = ["run", "--rm", "--device", "/dev/null:/dev/nothing", "busybox", "sh", "-c", script];
    assert_eq!(place.succeed(&words), "1 3\n");
    let covers = place.run(&["run", "--rm", "--device", "/dev/null:/dev/zero", "busybox", "true"]);
    assert!(covers.code == 125 && covers.stderr.contains("/dev/zero"), "{}", covers.show());
}

#[test]
fn namespaces_of_the_host_are_chosen_as_in_docker() {
    let place = flag_env();
    let own = place.succeed(&["run", "--rm", "busybox", "readlink", "/proc/self/ns/uts"]);
    let host = fs::read_link("/proc/self/ns/uts").unwrap();
    let printed = place.succeed(&["run", "--rm", "--uts", "host", "busybox", "readlink", "/proc/self/ns/uts"]);
    assert_eq!(printed.trim(), host.to_str().unwrap());
    assert_ne!(own, printed);
    for (flag, value, printed) in [
        ("--pid", "container:web", "the namespace of another container cannot be joined yet"),
        ("--ipc", "none", "must be private or shareable or host"),
        ("--uts", "private", "must be host"),
    ] {
        let answer = place.run(&["run", "--rm", flag, value, "busybox", "true"]);
        assert!(answer.code == 125 && answer.stderr.contains(printed), "{}", answer.show());
    }
}

#[test]
fn unknown_flags_are_named_without_far_fetched_suggestions() {
    let place = flag_env();
    let first = |words: &[&str]| {
        let answer = place.run(words);
        assert_ne!(answer.code, 0);
        answer.stderr
    };
    let help = "minicontainer: unknown flag: --colour\n  hint: `minicontainer run --help` lists the flags\n";
    assert_eq!(first(&["run", "--colour", "red", "busybox"]), help);
    assert_eq!(
        first(&["run", "--memry=1m", "busybox"]),
        "minicontainer: unknown flag: --memry\n  hint: did you mean --memory?\n"
    );
    assert_eq!(
        first(&["image", "ls", "--xyz"]),
        "minicontainer: unknown flag: --xyz\n  hint: `minicontainer image ls --help` lists the flags\n"
    );
}
