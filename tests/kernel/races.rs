//! A directory shared by containers is exchanged with a link while another container is started with mounts below it.
//!
//! | Row | The race |
//! |---|---|
//! | E07 | the `/dev/null` of the container becomes a link while files are being covered (CVE-2025-31133) |
//! | E08 | the place of `/dev/console` becomes a link before the terminal is bound to it (CVE-2025-52565) |
//! | E10 | a directory becomes a link to the host's while something is mounted below it (CVE-2021-30465) |
//! | E11 | the same while the missing place of a mount is being made (CVE-2024-45310) |
//!
//! Each has its control: the naive way, which checks the path first and then uses it, with the same swapper. It fails
//! within milliseconds. Our engine opens each path once, with the new root as the root directory, and then uses the
//! descriptor: so no path is looked up a second time.

use std::fs;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use minicontainer::{Error, Sandbox, StartError, Verdict};
use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::unistd::{UnlinkatFlags, mkfifo, unlinkat};
use serde_json::{Value, json};

use crate::attacks::Ground;
use crate::fixture::{Fixture, is_root};
use crate::sandboxes::{busybox, run};
use crate::swapper::{Effort, Swapper, control_is_vulnerable};

/// How many of each kind of mount are below the swapped directory: more mounts mean more attempts in each start.
const EACH: usize = 5;

/// A bundle of busybox whose config the test edits.
fn bundle(fixture: &Fixture, command: &[&str], edit: impl FnOnce(&mut Value)) -> Sandbox {
    busybox(fixture);
    let directory = fixture.store().join("bundle");
    let mut spec = fixture.command();
    spec.arg("spec").arg("--bundle").arg(&directory).arg("busybox").args(command);
    let written = spec.output().expect("the command starts");
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    let path = directory.join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).expect("the document")).expect("JSON");
    edit(&mut config);
    fs::write(&path, config.to_string()).expect("the document");
    Sandbox::from_bundle(&directory).expect("a bundle")
}

fn bind(source: &Path, destination: &str) -> Value {
    json!({"destination": destination, "type": "bind", "source": source, "options": ["bind", "nodev"]})
}

/// A directory with a mount point for each mount.
fn places(directory: &Path) {
    fs::create_dir(directory).expect("a directory");
    for number in 0..EACH {
        for name in ["memory", "bound", "readonly"] {
            fs::create_dir(directory.join(format!("{name}{number}"))).expect("a directory");
        }
        fs::write(directory.join(format!("secret{number}")), "hidden").expect("a file");
    }
}

/// The files of a race: a shared directory that contains a directory and a link to the victim.
struct Shared {
    directory: PathBuf,
    real: PathBuf,
    link: PathBuf,
    /// The link's target outside, and the path of another file inside.
    victim: PathBuf,
    inside: PathBuf,
}

impl Shared {
    fn new(fixture: &Fixture) -> Shared {
        let directory = fixture.directory().join("home").join("shared");
        let (real, link) = (directory.join("real"), directory.join("link"));
        let inside = fixture.directory().join("home").join("inside");
        fs::create_dir(&directory).expect("a directory");
        places(&real);
        places(&inside);
        // The link contains "..", so the kernel must check for renames while it resolves the path, and fails with
        // EAGAIN.
        let victim = fixture.canary().join("directory");
        symlink(format!("../../../../../../../../../../..{}", victim.display()), &link).expect("a link");
        Shared { directory, real, link, victim, inside }
    }

    fn swapper(&self) -> Swapper {
        Swapper::of(&self.real, &self.link)
    }

    /// The shared directory, and another one at the path of the link's target inside.
    fn mounts(&self) -> [Value; 2] {
        [bind(&self.directory, "/shared"), bind(&self.inside, &self.victim.display().to_string())]
    }

    /// A naive engine: resolves the path, checks that it is below the shared directory, and then opens it.
    fn naive_look_and_open(&self) -> bool {
        let fine = fs::canonicalize(&self.real).is_ok_and(|path| path.starts_with(&self.directory));
        let there = fine && fs::metadata(&self.real).is_ok_and(|metadata| metadata.is_dir());
        there && self.is_victim(open(&self.real, OFlag::O_PATH | OFlag::O_DIRECTORY, Mode::empty()))
    }

    fn is_victim(&self, opened: nix::Result<impl AsFd>) -> bool {
        let victim = fs::metadata(&self.victim).expect("the victim");
        opened
            .and_then(nix::sys::stat::fstat)
            .is_ok_and(|file| (file.st_dev, file.st_ino) == (victim.dev(), victim.ino()))
    }
}

/// The mounts in a container below the shared directory, or at the link's target inside.
fn landed(shared: &Shared, mountinfo: &str) -> usize {
    let point = |line: &str| line.split(' ').nth(4).unwrap_or_default().to_owned();
    let below =
        |point: &String| point.starts_with("/shared/") || point.starts_with(&format!("{}/", shared.victim.display()));
    mountinfo.lines().map(point).filter(below).count()
}

#[test]
fn mounts_below_a_swapped_directory_stay_inside() {
    let fixture = Fixture::any();
    let shared = Shared::new(&fixture);
    let bound = fixture.canary();
    let sandbox = bundle(&fixture, &["cat", "/proc/self/mountinfo"], |config| {
        let mounts = config["mounts"].as_array_mut().expect("mounts");
        mounts.extend(shared.mounts());
        let place = |name: &str, number: usize| format!("/shared/real/{name}{number}");
        for number in 0..EACH {
            mounts.push(json!({"destination": place("memory", number), "type": "tmpfs", "source": "tmpfs"}));
            mounts.push(bind(&bound, &place("bound", number)));
        }
        for (list, name) in [("maskedPaths", "secret"), ("readonlyPaths", "readonly")] {
            let paths = config["linux"][list].as_array_mut().expect("a list");
            paths.extend((0..EACH).map(|number| Value::from(place(name, number))));
        }
    });
    let swapper = shared.swapper();
    let live = control_is_vulnerable("an engine that looks and then opens", || shared.naive_look_and_open());
    let (mut tries, effort) = (0, Effort::of(Duration::from_millis(1500), 20_000));
    while effort.continues(tries) {
        // No start fails: each name exists at every moment, and the engine retries after EAGAIN.
        let output = run(&sandbox);
        let mountinfo = String::from_utf8_lossy(&output.stdout);
        assert_eq!(landed(&shared, &mountinfo), 4 * EACH, "a mount is missing inside:\n{mountinfo}");
        tries += 4 * EACH as u64;
    }
    drop(swapper);
    assert!(tries > 0 || !live);
}

/// The errno of a start that was refused because a file was exchanged.
fn refusal(error: &Error) -> Option<Errno> {
    match error {
        Error::Start(StartError::Step { errno, .. }) => Some(Errno::from_raw(errno.0)),
        _ => None,
    }
}

/// The mount point does not exist, and a link leads to a directory that does not exist inside. The mount point is
/// created, or the start is refused; the snapshot checks the victim.
#[test]
fn mount_points_below_a_swapped_directory_are_made_inside() {
    let fixture = Fixture::any();
    let shared = Shared::new(&fixture);
    let sandbox = bundle(&fixture, &["cat", "/proc/self/mountinfo"], |config| {
        let mounts = config["mounts"].as_array_mut().expect("mounts");
        mounts.push(bind(&shared.directory, "/shared"));
        mounts.push(json!({"destination": "/shared/real/new/deep", "type": "tmpfs", "source": "tmpfs"}));
    });
    let real = open(&shared.real, OFlag::O_PATH | OFlag::O_DIRECTORY, Mode::empty()).expect("the directory");
    let remove = || {
        // By descriptor, because the path may lead to the victim at this moment.
        let _not_made = unlinkat(&real, "new/deep", UnlinkatFlags::RemoveDir);
        let _not_made = unlinkat(&real, "new", UnlinkatFlags::RemoveDir);
    };
    let swapper = shared.swapper();
    let naive = || {
        let fine = fs::canonicalize(&shared.real).is_ok_and(|path| path.starts_with(&shared.directory));
        // Created in the victim, and removed again, so that the snapshot does not report it.
        fine && fs::create_dir(shared.real.join("naive")).is_ok() && {
            let fell = fs::remove_dir(shared.victim.join("naive")).is_ok();
            let _of_the_others = unlinkat(&real, "naive", UnlinkatFlags::RemoveDir);
            fell
        }
    };
    let modified = fs::metadata(&shared.victim).and_then(|metadata| metadata.modified()).expect("its time");
    let _live = control_is_vulnerable("an engine that looks and then makes", naive);
    let victim = fs::File::open(&shared.victim).expect("the victim");
    victim.set_modified(modified).expect("its time is put back");
    let (mut tries, mut made, mut refused) = (0, 0, 0);
    let effort = Effort::of(Duration::from_millis(700), 1_000);
    while effort.continues(tries) {
        match sandbox.output() {
            Ok(output) => {
                assert_eq!(output.report.verdict, Verdict::Exited(0));
                assert!(String::from_utf8_lossy(&output.stdout).contains("/new/deep "), "the mount is not inside");
                made += 1;
            }
            Err(error) => {
                let errno = refusal(&error).unwrap_or_else(|| panic!("{error}"));
                assert!([Errno::ENOENT, Errno::EEXIST].contains(&errno), "{error}");
                refused += 1;
            }
        }
        remove();
        tries += 1;
        let left = fs::read_dir(&shared.victim).expect("the victim").flatten().count();
        assert_eq!(left, 0, "something was made outside");
    }
    drop(swapper);
    assert_eq!(made + refused, tries);
    // Without the attack it is created.
    run(&sandbox);
    remove();
}

/// The kernel refuses to resolve ".." while directories are being renamed, and requires a retry.
#[test]
fn openat2_returns_eagain_while_directories_are_swapped() {
    let fixture = Fixture::any();
    let shared = Shared::new(&fixture);
    let root = fs::File::open(fixture.directory()).expect("the directory");
    let _swapper = shared.swapper();
    let how = OpenHow::new().flags(OFlag::O_PATH).resolve(ResolveFlag::RESOLVE_IN_ROOT);
    // The result of the engine's attempts without retries, which the tests above do not show.
    control_is_vulnerable("a single openat2(2)", || {
        openat2(&root, "home/shared/real/memory0", how).err() == Some(Errno::EAGAIN)
    });
}

/// A naive engine for a file: checks that it is the right one, and not a link, and then opens it. Returns whether it
/// opened another file.
fn look_and_open(path: &Path, is_right: impl Fn(&fs::Metadata) -> bool) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| is_right(&metadata))
        && fs::File::open(path).and_then(|file| file.metadata()).is_ok_and(|metadata| !is_right(&metadata))
}

/// Mounts another `/dev` in place of the container's own, before anything else is mounted in it.
fn show_devices(config: &mut Value, devices: &Path) {
    let mounts = config["mounts"].as_array_mut().expect("mounts");
    let place = mounts.iter().position(|mount| mount["destination"] == "/dev").expect("a mount");
    mounts[place] = bind(devices, "/dev");
}

/// The file that replaces the container's `/dev/null`: a kernel file that an attacker would like to access.
const WANTED: &str = "/proc/version";

/// The container's `/dev` is a shared directory in which the null device is sometimes a link. It is not used for
/// masks.
#[test]
fn masks_use_only_the_engines_own_files() {
    let fixture = Fixture::any();
    let devices = fixture.directory().join("home").join("devices");
    fs::create_dir(&devices).expect("a directory");
    let (null, link) = (devices.join("null"), devices.join("link"));
    let is_right = |metadata: &fs::Metadata| match is_root() {
        true => metadata.file_type().is_char_device() && metadata.rdev() == makedev(1, 3),
        // If no device node can be created, it is a file.
        false => metadata.is_file() && metadata.dev() == fs::metadata(&devices).expect("the directory").dev(),
    };
    if is_root() {
        mknod(&null, SFlag::S_IFCHR, Mode::from_bits_truncate(0o666), makedev(1, 3)).expect("a device node");
    } else {
        fs::write(&null, "").expect("a file");
    }
    symlink(WANTED, &link).expect("a link");
    // Every file below /proc that is covered by a file, and which file that is.
    let script = "grep -o ' /file /proc/[^ ]*' /proc/self/mountinfo | cut -d' ' -f3 | sort | uniq >/tmp/covered
        for file in $(cat /tmp/covered); do stat -c '%F %a %s' $file; done | sort | uniq; grep -c . /tmp/covered
        test -s /proc/kallsyms && echo open; true";
    let sandbox = bundle(&fixture, &["sh", "-c", script], |config| {
        show_devices(config, &devices);
        let memory = json!({"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"});
        config["mounts"].as_array_mut().expect("mounts").push(memory);
    });
    // Without the attack.
    let expect = crate::sandboxes::text(&sandbox);
    assert!(expect.starts_with("regular empty file 444 0\n") && !expect.contains("open"), "{expect}");
    let swapper = Swapper::of(&null, &link);
    let naive = || look_and_open(&null, is_right);
    let _live = control_is_vulnerable("an engine that looks at /dev/null and then opens it", naive);
    let (mut tries, effort) = (0, Effort::of(Duration::from_millis(700), 20_000));
    while effort.continues(tries) {
        let seen = crate::sandboxes::text(&sandbox);
        assert_eq!(seen, expect);
        let covered: u64 = seen.lines().nth(1).and_then(|count| count.parse().ok()).expect("a number");
        assert!(covered > 0, "{seen}");
        tries += covered;
    }
    drop(swapper);
}

/// The container's `/dev` is a shared directory, in which the path of the console is sometimes a link to a file of
/// the host. No name of the terminal itself is used twice, so that no process can exchange it: see
/// `process/child_terminal.rs`.
#[test]
fn terminal_is_bound_inside_only() {
    let fixture = Fixture::any();
    let home = fixture.directory().join("home");
    let (devices, inside, victim) = (home.join("devices"), home.join("inside"), fixture.canary().join("hello"));
    let (console, link) = (devices.join("console"), devices.join("link"));
    fs::create_dir(&devices).expect("a directory");
    fs::write(&console, "").expect("a file");
    fs::write(&inside, "").expect("a file");
    symlink(&victim, &link).expect("a link");
    let script = "grep -c ' /0 .* devpts ' /proc/self/mountinfo; test -t 0 && tty";
    let sandbox = bundle(&fixture, &["sh", "-c", script], |config| {
        show_devices(config, &devices);
        let there = bind(&inside, &victim.display().to_string());
        config["mounts"].as_array_mut().expect("mounts").push(there);
        config["process"]["terminal"] = json!(true);
    });
    let swapper = Swapper::of(&console, &link);
    let _live = control_is_vulnerable("an engine that looks at the console's place and then opens it", || {
        look_and_open(&console, |metadata| metadata.is_file() && metadata.len() == 0)
    });
    let in_a_terminal = |mut running: minicontainer::Running| {
        let mut seen = Vec::new();
        // Reading a terminal that no process has open any more fails with EIO.
        let _ended = running.terminal.take().expect("a terminal").read_to_end(&mut seen);
        assert_eq!(running.wait().expect("its end").verdict, Verdict::Exited(0));
        assert_eq!(String::from_utf8_lossy(&seen), "1\r\n/dev/pts/0\r\n", "the console is not inside");
    };
    let (mut tries, effort) = (0, Effort::of(Duration::from_millis(700), 1_000));
    while effort.continues(tries) {
        match sandbox.spawn() {
            Ok(running) => in_a_terminal(running),
            // The link existed at that moment.
            Err(error) => assert_eq!(refusal(&error), Some(Errno::ELOOP), "{error}"),
        }
        tries += 1;
    }
    drop(swapper);
    // Without the swapper the container has a terminal.
    in_a_terminal(sandbox.spawn().unwrap_or_else(|error| panic!("the sandbox must start: {error}")));
}

/// If another file is in place of the container's terminals, it has no terminal.
#[test]
fn terminal_comes_only_from_container_devpts() {
    let fixture = Fixture::any();
    let ground = Ground::new(&fixture);
    let devices = fixture.directory().join("home").join("devices");
    let terminals = devices.join("pts");
    fs::create_dir_all(&terminals).expect("a directory");
    let ptmx = terminals.join("ptmx");
    // A volume at exactly this path is refused before anything is created.
    let volume = format!("{}:/dev/pts", terminals.display());
    let output = ground.run(&["-t", "-v", &volume], &["true"]).stdin(Stdio::null()).output();
    let output = output.expect("the command starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code() == Some(125) && stderr.contains("cannot open a terminal without a devpts mount"),
        "{stderr}"
    );
    // A mount that hides the devpts is detected when the terminal is opened.
    let sandbox = bundle(&fixture, &["true"], |config| {
        config["mounts"].as_array_mut().expect("mounts").push(bind(&devices, "/dev"));
        config["process"]["terminal"] = json!(true);
    });
    let check = |what: &str| match sandbox.spawn() {
        Ok(_) => panic!("{what}: it has a terminal"),
        Err(error) => {
            assert!(error.to_string().contains("a file system of another kind is there"), "{what}: {error}")
        }
    };
    check("nothing");
    symlink("/dev/ptmx", &ptmx).expect("a link");
    check("a link to the host's");
    fs::remove_file(&ptmx).expect("it can be removed");
    symlink(fixture.canary().join("hello"), &ptmx).expect("a link");
    check("a link to a file of the host's");
    fs::remove_file(&ptmx).expect("it can be removed");
    mkfifo(&ptmx, Mode::from_bits_truncate(0o666)).expect("a pipe");
    check("a pipe");
    fs::remove_file(&ptmx).expect("it can be removed");
    if is_root() {
        mknod(&ptmx, SFlag::S_IFCHR, Mode::from_bits_truncate(0o666), makedev(5, 2)).expect("a device node");
        check("the host's device");
    }
}
