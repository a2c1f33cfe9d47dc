//! Files in a container: which are visible, which can be changed, and images with links in unexpected places.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use minicontainer::rootfs::Driver;
use minicontainer::{Sandbox, store::Image};

use crate::fixture::Fixture;
use crate::sandboxes::{busybox, shell, succeeds, text};

/// Every path below a directory with its size and modification time.
fn listing(directory: &Path) -> Vec<String> {
    let mut paths = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).expect("a directory").flatten() {
            let metadata = entry.metadata().expect("metadata");
            paths.push(format!("{} {} {:?}", entry.path().display(), metadata.len(), metadata.modified().ok()));
            if metadata.is_dir() {
                open.push(entry.path());
            }
        }
    }
    paths.sort();
    paths
}

#[track_caller]
fn check_two_containers(image: &Image, driver: Driver) {
    let layers: Vec<Vec<String>> = image.layers.iter().map(|layer| listing(&layer.directory)).collect();
    let write = shell(image, "echo one > /made-in-one; echo changed >> /etc/passwd; rm /etc/group; cat /made-in-one");
    assert_eq!(text(&write.driver(driver)), "one");
    // Neither another container of the same image nor the layers or the host are affected.
    assert!(!succeeds(&shell(image, "test -e /made-in-one || grep changed /etc/passwd").driver(driver)));
    assert!(succeeds(&shell(image, "test -f /etc/group").driver(driver)));
    let after: Vec<Vec<String>> = image.layers.iter().map(|layer| listing(&layer.directory)).collect();
    assert_eq!(layers, after);
    assert!(!Path::new("/made-in-one").exists());
}

#[test]
fn file_of_one_container_is_absent_in_others() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    check_two_containers(&image, Driver::Overlay);
    check_two_containers(&image, Driver::Copy);
}

#[test]
fn concurrent_containers_do_not_share_writes() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let script = "echo $NAME > /x; while [ ! -e /go ]; do sleep 0.01; touch /go; done; cat /x";
    let names = ["one", "two", "three", "four"];
    let running = names.map(|name| {
        let sandbox = shell(&image, script).env("NAME", name).stdout(minicontainer::Stdio::Piped);
        sandbox.spawn().expect("the sandbox starts")
    });
    for (running, name) in running.into_iter().zip(names) {
        let output = running.wait_with_output().expect("its output");
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), name);
    }
}

#[test]
fn read_only_root_allows_writes_in_mounts_only() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    assert!(!succeeds(&shell(&image, "touch /x").read_only()));
    assert!(!succeeds(&shell(&image, "touch /etc/x").read_only()));
    assert!(succeeds(&shell(&image, "touch /tmp/x && touch /dev/shm/x").read_only().tmpfs("/tmp")));
    // The control: the same without the option.
    assert!(succeeds(&shell(&image, "touch /x && touch /etc/x")));
}

#[test]
fn tmpfs_size_is_enforced() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let fill = "dd if=/dev/zero of=/t/x bs=1024 count=2048 2>/dev/null";
    assert!(!succeeds(&shell(&image, fill).tmpfs("/t:size=1m")));
    assert!(succeeds(&shell(&image, fill).tmpfs("/t:size=4m")));
    assert_eq!(
        text(&shell(&image, "grep ' /t ' /proc/mounts | cut -d' ' -f4 | cut -d, -f1-4").tmpfs("/t:size=1m")),
        "rw,nosuid,nodev,noexec"
    );
}

#[test]
fn bind_mount_shows_host_files() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let shared = tempfile::tempdir().expect("a directory");
    fs::write(shared.path().join("in"), "from the host").expect("a file");
    let script = "cat /data/in; echo from the container > /data/out";
    assert_eq!(text(&shell(&image, script).bind(shared.path(), "/data")), "from the host");
    assert_eq!(fs::read_to_string(shared.path().join("out")).expect("the file"), "from the container\n");
    // A read-only mount can be read but not changed.
    assert!(succeeds(&shell(&image, "cat /data/in").bind_ro(shared.path(), "/data")));
    assert!(!succeeds(&shell(&image, "echo x > /data/in").bind_ro(shared.path(), "/data")));
    assert!(!succeeds(
        &shell(&image, "mount -o remount,rw /data; echo x > /data/in").bind_ro(shared.path(), "/data")
    ));
    // A single file is mounted on a single file, which is created if it is missing.
    assert_eq!(
        text(&shell(&image, "cat /deep/er/file").bind_ro(shared.path().join("in"), "/deep/er/file")),
        "from the host"
    );
}

/// A bundle with the image's root file system, changed by `lie`.
fn bundle(image: &Image, directory: &Path, script: &str, lie: impl FnOnce(&Path)) -> Sandbox {
    let layers: Vec<_> = image.layers.iter().map(|layer| layer.directory.clone()).collect();
    minicontainer::rootfs::prepare(&layers, directory, Driver::Copy, false).expect("a copy of the layers");
    lie(&directory.join("rootfs"));
    let spec = shell(image, script).spec().expect("a runtime config");
    spec.save(directory.join("config.json")).expect("a file");
    Sandbox::from_bundle(directory).expect("a bundle")
}

#[test]
fn bundle_runs() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let directory = tempfile::tempdir().expect("a directory");
    let sandbox = bundle(&image, directory.path(), "echo from a bundle; echo x > /kept", |_| {});
    assert_eq!(text(&sandbox), "from a bundle");
    assert_eq!(fs::read_to_string(directory.path().join("rootfs/kept")).expect("the file"), "x\n");
    minicontainer::rootfs::remove(directory.path()).expect("it can be removed");
}

/// What is in place of a directory, and a function that creates it.
type Lie<'a> = (&'a str, &'a dyn Fn(&Path));

/// The paths where the engine mounts or creates links and nodes are links in the image to a directory of the host.
/// Everything must be created inside, and the directory must stay unchanged (the host snapshot checks it).
#[test]
fn links_in_an_image_do_not_lead_outside() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let canary = fixture.canary();
    let probe = format!("echo ran; ls -d {0} && touch {0}/written; true", canary.display());
    for place in ["dev", "proc", "sys"] {
        let lies: [Lie<'_>; 4] = [
            ("a link to the host", &|path| symlink(&canary, path).expect("a link")),
            ("a climbing link", &|path| symlink(format!("../../..{}", canary.display()), path).expect("a link")),
            ("a link to itself", &|path| symlink(path.file_name().expect("a name"), path).expect("a link")),
            ("a file", &|path| fs::write(path, "no directory").expect("a file")),
        ];
        for (lie, tell) in lies {
            let directory = tempfile::tempdir().expect("a directory");
            let sandbox = bundle(&image, directory.path(), &probe, |rootfs| {
                fs::remove_dir_all(rootfs.join(place)).expect("a directory less");
                tell(&rootfs.join(place));
            });
            match sandbox.output() {
                Ok(output) => panic!("{place}: {lie}: {output:?}"),
                Err(error) => assert!(error.to_string().contains("is in its path"), "{place}: {lie}: {error}"),
            }
            fixture.snapshot().check();
            minicontainer::rootfs::remove(directory.path()).expect("it can be removed");
        }
    }
}

#[test]
fn workdir_outside_is_refused() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    for path in ["/proc/self/fd/3", "/proc/self/fd/7", "/dev/fd/4", "/proc/self/fd/0"] {
        let error = shell(&image, "pwd").workdir(path).output().expect_err("no such directory");
        assert!(error.to_string().contains("cannot enter the working directory"), "{error}");
    }
    assert_eq!(text(&shell(&image, "pwd; ls -d /usr").workdir("/proc/1/cwd")), "/\n/usr");
}

/// A read-only mount stays read-only: with mounts of the host below it, and after an attempt to make it writable. The
/// controls: a writable mount, and a container with the capability to change its mounts.
#[test]
fn read_only_mount_stays_read_only_after_remount() {
    let Some(fixture) = Fixture::root() else { return };
    busybox(&fixture);
    let shared = fixture.store().join("shared");
    fs::create_dir_all(shared.join("below")).expect("directories");
    let run = |flags: &[&str], script: &str| {
        let engine = fixture.command().get_program().to_owned();
        let mut command = fixture.command_of("unshare");
        let mounted = "mount -t tmpfs none \"$1/below\" && shift && exec \"$@\"";
        command.args(["--mount", "sh", "-ec", mounted, "sh"]).arg(&shared).arg(engine);
        command.args(["run", "--rm"]).args(flags).args(["busybox", "sh", "-c", script]);
        command.output().expect("the command starts").status.success()
    };
    let volume = |access: &str| format!("{}:/data{access}", shared.display());
    let (read_only, writable) = (volume(":ro"), volume(""));
    let mount = format!("type=bind,source={},target=/data,readonly", shared.display());
    let with_power = ["--without", "capabilities,seccomp"];
    for flags in [["-v", read_only.as_str()], ["--mount", &mount]] {
        assert!(run(&flags, "test -d /data/below"));
        for place in ["/data", "/data/below"] {
            let write = format!("touch {place}/x");
            let remount = format!("mount -o remount,bind,rw {place}; {write}");
            assert!(!run(&flags, &write), "{write}");
            assert!(!run(&flags, &remount), "{remount}");
            assert!(run(&["-v", &writable], &format!("{write} && rm {place}/x")), "{write}");
            assert!(run(&[&flags[..], &with_power].concat(), &format!("{remount} && rm {place}/x")), "{remount}");
        }
    }
    for (flags, place) in [(&["--read-only"][..], "/"), (&["--tmpfs", "/scratch:ro"], "/scratch")] {
        let remount = format!("mount -o remount,bind,rw {place}; touch {place}/x");
        assert!(!run(flags, &remount), "{remount}");
        assert!(run(&[flags, &with_power[..]].concat(), &remount), "{remount}");
    }
    assert!(run(&["--tmpfs", "/scratch"], "touch /scratch/x"));
}
