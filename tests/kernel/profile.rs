//! Profiles and the flags that relax or tighten them: what Docker's users expect of each, and what always holds.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use minicontainer::Sandbox;
use minicontainer::core::RunOptions;
use minicontainer::core::options::{CapabilityChanges, NewPrivileges, Profile, Users};
use minicontainer::store::Image;

use crate::fixture::Fixture;
use crate::sandboxes::{busybox, run, shell, text};

/// A shell with these options.
fn held(image: &Image, options: RunOptions, script: &str) -> Sandbox {
    Sandbox::from_image(image).options(options).command("sh").args(["-c", script])
}

/// The bounding set of capabilities of the container's first process, as shown by the kernel.
fn bounding_set(image: &Image, options: RunOptions) -> String {
    text(&held(image, options, "sed -n 's/^CapBnd:\t//p' /proc/self/status"))
}

#[test]
fn capabilities_follow_profile_and_options() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let changed = |add: &[&str], drop: &[&str]| {
        RunOptions::with(|options| {
            options.capabilities = CapabilityChanges {
                add: add.iter().map(|word| word.parse().expect("a capability")).collect(),
                drop: drop.iter().map(|word| word.parse().expect("a capability")).collect(),
            };
        })
    };
    assert_eq!(bounding_set(&image, RunOptions::default()), "00000000800405fb");
    assert_eq!(bounding_set(&image, changed(&[], &["ALL"])), "0000000000000000");
    assert_eq!(bounding_set(&image, changed(&["KILL"], &["ALL"])), "0000000000000020");
    assert_eq!(bounding_set(&image, changed(&["SYS_TIME"], &["CHOWN"])), "00000000820405fa");
    let dockers = RunOptions::with(|options| options.profile = Profile::Docker);
    assert_eq!(bounding_set(&image, dockers), "00000000a80425fb");
}

#[test]
fn no_new_privileges_unless_allowed() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let word = "sed -n 's/^NoNewPrivs:\t//p' /proc/self/status";
    assert_eq!(text(&shell(&image, word)), "1");
    let allowed = RunOptions::with(|options| options.new_privileges = Some(NewPrivileges::Allowed));
    assert_eq!(text(&held(&image, allowed, word)), "0");
}

#[test]
fn kernel_files_are_masked_unless_left_open() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let probe = "wc -c < /proc/kallsyms | grep -qv '^0$'";
    assert!(!crate::sandboxes::succeeds(&shell(&image, probe)));
    for options in [
        RunOptions::with(|options| options.system_paths_open = true),
        RunOptions::with(|options| options.profile = Profile::Docker),
    ] {
        assert!(crate::sandboxes::succeeds(&held(&image, options, probe)));
    }
}

#[test]
fn ulimits_shm_size_and_sysctls_are_applied() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let options = RunOptions::with(|options| {
        options.ulimits = vec!["nofile=50:60".parse().expect("a limit")];
        options.shm_size = Some("1m".parse().expect("a size"));
        options.sysctls = vec!["net.ipv4.ip_forward=1".parse().expect("a sysctl")];
    });
    let script =
        "ulimit -Sn; ulimit -Hn; df -k /dev/shm | tail -1 | awk '{print $2}'; cat /proc/sys/net/ipv4/ip_forward";
    assert_eq!(text(&held(&image, options, script)), "50\n60\n1024\n1");
    // The host's setting was not changed, and low ports need no capability inside.
    assert_eq!(text(&shell(&image, "cat /proc/sys/net/ipv4/ip_unprivileged_port_start")), "0");
    assert_ne!(fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").expect("the host's"), "0\n");
}

#[test]
fn container_root_is_unprivileged_on_the_host() {
    let Some(fixture) = Fixture::root() else { return };
    let image = busybox(&fixture);
    let outside = fixture.canary().with_file_name("outside");
    fs::create_dir(&outside).expect("a directory");
    fs::set_permissions(&outside, fs::Permissions::from_mode(0o777)).expect("open to all");
    let script = "id -u; touch /outside/file /root/file; stat -c %u /root/file /etc/passwd; ! cat /outside/secret";
    fs::write(outside.join("secret"), "root's alone").expect("a file");
    fs::set_permissions(outside.join("secret"), fs::Permissions::from_mode(0o600)).expect("root's alone");

    let own = RunOptions::with(|options| options.users = Users::Own);
    assert_eq!(text(&held(&image, own, script).bind(&outside, "/outside")), "0\n0\n0");
    let owner = fs::metadata(outside.join("file")).expect("made inside").uid();
    assert!(owner >= 65536, "a file of the container's root belongs to {owner} outside");

    // The positive control: root of an ordinary container is root.
    fs::remove_file(outside.join("file")).expect("removed");
    let same =
        held(&image, RunOptions::default(), "touch /outside/file; cat /outside/secret").bind(&outside, "/outside");
    assert_eq!(text(&same), "root's alone");
    assert_eq!(fs::metadata(outside.join("file")).expect("made inside").uid(), 0);
    fs::remove_dir_all(&outside).expect("removed");
}

/// What was mounted before the user namespace was entered belongs to the host's root: capabilities inside have no
/// effect on it.
#[test]
fn user_namespace_capabilities_do_not_affect_older_namespaces() {
    let Some(fixture) = Fixture::root() else { return };
    let image = busybox(&fixture);
    let options = |users| {
        RunOptions::with(|options| {
            options.users = users;
            options.capabilities = CapabilityChanges { add: vec!["ALL".parse().expect("all")], drop: Vec::new() };
        })
    };
    for probe in ["mkdir -p /m && mount -t tmpfs none /m", "umount /proc/sys", "hostname probe"] {
        let naive =
            held(&image, options(Users::Same), probe).without(minicontainer::core::options::Isolation::MaskedPaths);
        let held = held(&image, options(Users::Own), probe);
        assert!(!crate::sandboxes::succeeds(&held), "{probe}");
        if !probe.contains("umount") {
            assert!(crate::sandboxes::succeeds(&naive), "the probe must get through where root is root: {probe}");
        }
    }
}

#[test]
fn untrusted_profile_limits_every_resource() {
    let Some(fixture) = Fixture::root() else { return };
    let image = busybox(&fixture);
    let options = RunOptions::with(|options| options.profile = Profile::Untrusted);
    let output =
        run(&held(&image, options, "id -u; cut -c-20 /proc/self/uid_map | awk '{print ($2 > 0)}'; ulimit -n"));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "0\n1\n1024\n");
    let limits = output.report.limits;
    assert_eq!((limits.memory, limits.millicpus, limits.pids), (Some(512 << 20), Some(1000), Some(128)));
}
