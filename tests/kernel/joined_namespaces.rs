//! Containers that join existing namespaces: by a bundle's `linux.namespaces[].path`, by a path and by a descriptor.
//!
//! The namespaces belong to another container. It runs a shell, and its network namespace contains an abstract Unix
//! socket that the test created: a process that can list the socket is in that namespace.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{self, Child, ChildStdout, Command};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use minicontainer::core::options::Profile;
use minicontainer::core::plan::{Namespace, Step};
use minicontainer::store::Image;
use minicontainer::{Diagnostic as _, Error, Hooks, MIB, Running, Sandbox, StartError, Stdio, Verdict};
use nix::sched::{CloneFlags, setns};
use nix::sys::stat::Mode;
use nix::unistd::{chown, mkfifo};
use serde_json::{Value, json};

use crate::fixture::{Fixture, is_root};
use crate::sandboxes::{busybox, run, shell, text};

/// The container whose namespaces are joined.
struct Other {
    running: Running,
    answers: BufReader<File>,
    /// Keeps the socket open.
    _socket: UnixListener,
}

impl Other {
    fn start(sandbox: Sandbox) -> Other {
        let sandbox = sandbox.hostname("other").stdin(Stdio::Piped).stdout(Stdio::Piped);
        let mut running = sandbox.spawn().expect("the other container starts");
        let answers = BufReader::new(running.stdout.take().expect("a pipe"));
        let network = File::open(format!("/proc/{}/ns/net", running.first_process_id())).expect("its network");
        let _socket = listener_in(network);
        Other { running, answers, _socket }
    }

    /// The path of its namespace with this name.
    fn namespace(&self, name: &str) -> PathBuf {
        format!("/proc/{}/ns/{name}", self.running.first_process_id()).into()
    }

    /// The id of its root on the host.
    fn first_id(&self) -> u32 {
        let map = fs::read_to_string(format!("/proc/{}/uid_map", self.running.first_process_id())).expect("a map");
        map.split_whitespace().nth(1).and_then(|first| first.parse().ok()).expect("a map")
    }

    /// The answer of its shell to a command, in one line.
    fn ask(&mut self, command: &str) -> String {
        let mut line = String::new();
        writeln!(self.running.stdin.as_mut().expect("a pipe"), "{command}").expect("it reads");
        self.answers.read_line(&mut line).expect("it answers");
        line.trim_end().to_owned()
    }
}

/// A socket in another network namespace. An ordinary user's thread cannot enter it, because it cannot enter the user
/// namespace that owns it. Then the socket is in the host's namespace, and no test looks for it.
fn listener_in(network: File) -> UnixListener {
    let make = move || {
        if is_root() {
            setns(network, CloneFlags::CLONE_NEWNET).expect("it is joined");
        }
        let name = SocketAddr::from_abstract_name("other-container").expect("a name");
        UnixListener::bind_addr(&name).expect("a socket")
    };
    thread::spawn(make).join().expect("the thread ends well")
}

/// Prints what distinguishes the namespaces: the socket, the hostname, the processes, the inode of a namespace.
const LOOK: &str = "grep -c other-container /proc/net/unix; hostname; cat /proc/[0-9]*/comm | grep -c '^sleep$'; \
                    readlink /proc/self/ns/ipc";

fn other_shell(image: &Image) -> Sandbox {
    shell(image, "sleep 1000 & while read -r line; do eval \"$line\"; done")
}

/// A bundle in a directory that every user may enter. The given kinds of namespaces have a path.
fn bundle(fixture: &Fixture, name: &str, script: &str, paths: &[(&str, &Path)]) -> PathBuf {
    let directory = fixture.directory().join(name);
    let mut command = fixture.command();
    command.arg("spec").arg("--bundle").arg(&directory).args(["busybox", "sh", "-c", script]);
    assert!(command.output().expect("the command starts").status.success());
    edit(&directory, |config| {
        config.as_object_mut().expect("an object").remove("hostname");
        let namespaces = config["linux"]["namespaces"].as_array_mut().expect("a list");
        namespaces.retain(|one| paths.iter().all(|(kind, _)| one["type"] != json!(kind)));
        namespaces.extend(paths.iter().map(|(kind, path)| json!({ "type": kind, "path": path })));
        // A joined network is not changed, and groups that could be set in a new namespace may not exist in a joined
        // one.
        if paths.iter().any(|(kind, _)| ["network", "user"].contains(kind)) {
            config["linux"].as_object_mut().expect("an object").remove("sysctl");
        }
        if paths.iter().any(|(kind, _)| *kind == "user") {
            // Groups cannot be set in a namespace in which setgroups(2) is denied.
            config["process"]["user"].as_object_mut().expect("an object").remove("additionalGids");
            for mount in config["mounts"].as_array_mut().expect("a list") {
                let options = mount["options"].as_array_mut();
                options.into_iter().for_each(|all| all.retain(|one| one != "gid=5"));
            }
        }
    });
    directory
}

fn edit(bundle: &Path, change: impl FnOnce(&mut Value)) {
    let path = bundle.join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).expect("the document")).expect("JSON");
    change(&mut config);
    fs::write(&path, config.to_string()).expect("the document");
}

/// Makes a user the owner of a bundle with all its files.
fn give(bundle: &Path, user: u32) {
    let given = Command::new("chown").arg("-R").arg(format!("{user}:{user}")).arg(bundle).status();
    assert!(given.expect("chown starts").success());
}

fn sandbox(bundle: &Path) -> Sandbox {
    Sandbox::from_bundle(bundle).expect("a bundle")
}

/// The control is the same bundle without paths, which sees nothing of the other container.
#[test]
fn bundle_joins_the_namespaces_of_another_container() {
    let Some(fixture) = Fixture::root() else { return };
    let image = busybox(&fixture);
    let other = Other::start(other_shell(&image));
    let [net, ipc, uts, pid, cgroup] = ["net", "ipc", "uts", "pid", "cgroup"].map(|name| other.namespace(name));
    let paths: [(&str, &Path); 5] =
        [("network", &net), ("ipc", &ipc), ("uts", &uts), ("pid", &pid), ("cgroup", &cgroup)];
    let joined = text(&sandbox(&bundle(&fixture, "joined", LOOK, &paths)));
    let expected = format!("1\nother\n1\n{}", fs::read_link(&ipc).expect("a link").display());
    assert_eq!(joined, expected);

    let alone = run(&sandbox(&bundle(&fixture, "alone", LOOK, &[]))).stdout;
    let alone = String::from_utf8_lossy(&alone);
    let lines: Vec<&str> = alone.lines().collect();
    assert_eq!((lines[0], lines[2]), ("0", "0"), "{alone}");
    assert!(lines[1] != "other" && !expected.ends_with(lines[3]), "{alone}");
}

/// Each is joined alone, so that none depends on another. A hostname set in a joined namespace also applies to the
/// other container.
#[test]
fn each_kind_of_namespace_can_be_joined_alone() {
    let Some(fixture) = Fixture::root() else { return };
    let image = busybox(&fixture);
    let mut other = Other::start(other_shell(&image).time_offset("boottime=24h"));
    for (kind, name) in [("network", "net"), ("ipc", "ipc"), ("uts", "uts"), ("pid", "pid"), ("time", "time")] {
        let path = other.namespace(name);
        let look = format!("readlink /proc/self/ns/{name}");
        let seen = text(&sandbox(&bundle(&fixture, kind, &look, &[(kind, &path)])));
        assert_eq!(seen, fs::read_link(&path).expect("a link").display().to_string(), "{kind}");
    }
    let renames = bundle(&fixture, "renames", "hostname", &[("uts", &other.namespace("uts"))]);
    edit(&renames, |config| config["hostname"] = json!("renamed"));
    assert_eq!(text(&sandbox(&renames)), "renamed");
    assert_eq!(other.ask("hostname"), "renamed");
}

#[test]
fn wrong_namespace_file_is_refused() {
    let Some(fixture) = Fixture::root() else { return };
    let image = busybox(&fixture);
    let other = Other::start(other_shell(&image));
    let directory = fixture.directory();
    mkfifo(&directory.join("fifo"), Mode::S_IRWXU).expect("a FIFO");
    std::os::unix::fs::symlink(other.namespace("uts"), directory.join("link")).expect("a link");
    let bundle = bundle(&fixture, "bundle", "true", &[]);
    let join_ipc = |path: &Path| {
        edit(&bundle, |config| {
            let namespaces = config["linux"]["namespaces"].as_array_mut().expect("a list");
            namespaces.retain(|one| one["type"] != json!("ipc"));
            namespaces.push(json!({ "type": "ipc", "path": path }));
        });
    };
    let refused = |path: &Path| {
        join_ipc(path);
        let error = sandbox(&bundle).spawn().map(drop).expect_err("it is refused");
        assert!(error.hint().is_some() || matches!(error, Error::Plan(_)), "{error}");
        error
    };
    let other_kind = refused(&other.namespace("uts"));
    assert!(matches!(other_kind, Error::Start(StartError::OtherNamespace { found: "uts", .. })), "{other_kind}");
    let by_link = refused(&directory.join("link"));
    assert!(matches!(by_link, Error::Start(StartError::OtherNamespace { found: "uts", .. })), "{by_link}");
    for no_namespace in [directory.join("fifo"), bundle.join("config.json"), "/dev/null".into(), "/proc".into()] {
        let error = refused(&no_namespace);
        assert!(matches!(error, Error::Start(StartError::NotNamespace { .. })), "{error}");
    }
    let missing = refused(Path::new("/no/such/namespace"));
    assert!(matches!(missing, Error::Start(StartError::OpenNamespace { .. })), "{missing}");
    let relative = refused(Path::new("proc/self/ns/ipc"));
    assert!(matches!(relative, Error::Plan(_)) && relative.to_string().contains("must be absolute"), "{relative}");
    // The control: the right one is joined.
    join_ipc(&other.namespace("ipc"));
    assert_eq!(run(&sandbox(&bundle)).report.verdict, Verdict::Exited(0));
}

/// A bundle that joins the host's namespace must not apply its settings there.
#[test]
fn host_namespace_is_joined_but_not_changed() {
    let Some(fixture) = Fixture::root() else { return };
    busybox(&fixture);
    let own = Path::new("/proc/self/ns/uts");
    let bundle = bundle(&fixture, "bundle", "hostname", &[("uts", own)]);
    let name = nix::unistd::gethostname().expect("a name");
    assert_eq!(text(&sandbox(&bundle)), name.to_string_lossy());
    edit(&bundle, |config| config["hostname"] = json!("renamed"));
    let error = sandbox(&bundle).spawn().map(drop).expect_err("the host would be renamed");
    assert!(matches!(error, Error::Start(StartError::OwnNamespace { .. })), "{error}");
    assert_eq!(nix::unistd::gethostname().expect("a name"), name);
}

/// For every user: an ordinary user also joins the user namespace, which owns the others.
#[test]
fn sandbox_joins_by_path_and_by_descriptor() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let other = Other::start(other_shell(&image));
    let look = "readlink /proc/self/ns/net; readlink /proc/self/ns/pid; cat /proc/[0-9]*/comm | grep -c '^sleep$'";
    let with_user = |sandbox: Sandbox| match is_root() {
        true => sandbox,
        false => sandbox.join(Namespace::User, other.namespace("user")),
    };
    let expected = ["net", "pid"].map(|name| fs::read_link(other.namespace(name)).expect("a link"));
    let expected = format!("{}\n{}\n1", expected[0].display(), expected[1].display());
    let by_path = with_user(shell(&image, look))
        .join(Namespace::Net, other.namespace("net"))
        .join(Namespace::Pid, other.namespace("pid"));
    assert_eq!(text(&by_path), expected);

    let held = ["net", "pid"].map(|name| Arc::new(File::open(other.namespace(name)).expect("a namespace")));
    let [net, pid] = held;
    let by_descriptor = with_user(shell(&image, look)).join_open(Namespace::Net, net, "/the/network").join_open(
        Namespace::Pid,
        pid,
        "/it",
    );
    assert_eq!(text(&by_descriptor), expected);
    // Without the user namespace that owns them, an ordinary user gets an error; root does not need it.
    let alone = shell(&image, "true").join(Namespace::Net, other.namespace("net")).output();
    assert_eq!(alone.is_ok(), is_root());
}

/// After the other container has exited, its network remains while it is held open, but its PID namespace cannot be
/// used.
#[test]
fn network_namespace_outlives_its_container_unlike_pids() {
    let Some(fixture) = Fixture::root() else { return };
    let image = busybox(&fixture);
    let other = Other::start(other_shell(&image));
    let [net, pid] = ["net", "pid"].map(|name| Arc::new(File::open(other.namespace(name)).expect("a namespace")));
    let paths = ["net", "pid"].map(|name| other.namespace(name));
    let Other { running, answers, _socket } = other;
    drop((running, answers));
    let look = "grep -c other-container /proc/net/unix";
    assert_eq!(text(&shell(&image, look).join_open(Namespace::Net, net, &paths[0])), "1");
    let error = shell(&image, "true").join_open(Namespace::Pid, pid, &paths[1]).output().expect_err("it has ended");
    assert!(
        matches!(error, Error::Start(StartError::Clone { source: minicontainer::Errno(libc::ENOMEM), .. })),
        "{error}"
    );
    assert!(error.hint().is_some_and(|hint| hint.contains("first process has exited")));
}

/// All processes of this container in a joined PID namespace end with it, and no others.
#[test]
fn exit_of_joined_container_does_not_affect_the_other() {
    let Some(fixture) = Fixture::root() else { return };
    let image = busybox(&fixture);
    let mut other = Other::start(other_shell(&image));
    let sandbox = shell(&image, "sleep 2000 & setsid sleep 2000 & echo started; sleep 2000").stdout(Stdio::Piped);
    let mut joined = sandbox.join(Namespace::Pid, other.namespace("pid")).spawn().expect("it starts");
    let mut line = String::new();
    BufReader::new(joined.stdout.take().expect("a pipe")).read_line(&mut line).expect("it writes");
    joined.kill().expect("it can be killed");
    assert_eq!(joined.wait().expect("its end").verdict, Verdict::Signalled(9));
    drop(joined);
    assert_eq!(other.ask("cat /proc/[0-9]*/comm | grep -c '^sleep$'"), "1");
}

/// The bundle's files belong to the ids of the joined namespace. The engine moves its process into the control group,
/// because root of that namespace has no permission to do so.
#[test]
fn bundle_joins_a_user_namespace() {
    let Some(fixture) = Fixture::root() else { return };
    let image = busybox(&fixture);
    let other = Other::start(other_shell(&image).profile(Profile::Untrusted));
    let first = other.first_id();
    let look = "id -u; cat /proc/self/uid_map | tr -s ' '; touch /made; cat /proc/self/cgroup | grep -v ':/$'; true";
    let bundle = bundle(&fixture, "bundle", look, &[("user", &other.namespace("user"))]);
    give(&bundle, first);
    edit(&bundle, |config| config["linux"]["resources"]["memory"] = json!({ "limit": 64 * MIB }));
    let sandbox = sandbox(&bundle);
    assert!(sandbox.plan().expect("a plan").steps.iter().any(|step| matches!(step, Step::MoveIntoCgroup { .. })));
    let output = run(&sandbox);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.report.verdict, Verdict::Exited(0), "{stdout} {}", String::from_utf8_lossy(&output.stderr));
    assert!(stdout.starts_with(&format!("0\n 0 {first} ")), "{stdout}");
    assert_eq!(output.report.limits.memory, Some(64 * MIB));
    assert!(output.report.peak_memory.is_some_and(|peak| peak > 0), "{:?}", output.report);
    let made = fs::metadata(bundle.join("rootfs/made")).expect("the file");
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&made), first, "root inside is an ordinary user outside");
    chown(&bundle, Some(0.into()), Some(0.into())).expect("root's again");
}

/// A shell with every capability in a user namespace that owns its PID namespace, created by unshare(1).
struct Powerful {
    unshare: Child,
    answers: BufReader<ChildStdout>,
}

impl Powerful {
    fn start() -> Powerful {
        let script = "while read -r line; do eval \"$line\"; done";
        let flags = ["-U", "-r", "-p", "-f", "--mount-proc"];
        let mut unshare = Command::new("unshare");
        unshare.args(flags).args(["sh", "-c", script]).stdin(process::Stdio::piped()).stdout(process::Stdio::piped());
        let mut unshare = unshare.spawn().expect("unshare starts");
        let answers = BufReader::new(unshare.stdout.take().expect("a pipe"));
        Powerful { unshare, answers }
    }

    fn ask(&mut self, command: &str) -> String {
        let mut line = String::new();
        writeln!(self.unshare.stdin.as_mut().expect("a pipe"), "{command}").expect("it reads");
        self.answers.read_line(&mut line).expect("it answers");
        line.trim_end().to_owned()
    }

    /// The shell's id on the host.
    fn shell(&self) -> String {
        let unshare = self.unshare.id();
        let children = fs::read_to_string(format!("/proc/{unshare}/task/{unshare}/children")).expect("the children");
        children.trim().to_owned()
    }
}

impl Drop for Powerful {
    fn drop(&mut self) {
        // The shell exits at the end of its input, and unshare(1) with the shell.
        drop(self.unshare.stdin.take());
        let ended = self.unshare.wait();
        assert!(ended.is_ok() || thread::panicking());
    }
}

/// CVE-2016-9962: until it executes the program, the new process is a copy of the engine. Root of the joined
/// namespaces, with every capability in them, must not be able to read it. The control is a process that enters
/// without protection: nsenter(1).
#[test]
fn new_process_in_joined_namespaces_cannot_be_inspected() {
    let Some(fixture) = Fixture::root() else { return };
    busybox(&fixture);
    let mut other = Powerful::start();
    assert_eq!(other.ask("echo ready"), "ready");
    let pid = other.shell();
    // The first process that is neither the shell nor its child, and whether its memory can be opened.
    let look = "n=; for p in /proc/[0-9]*; do q=${p#/proc/}; [ $q = 1 ] || grep -q '^PPid:.1$' $p/status || n=$q; done; \
                if (exec 3<>/proc/$n/mem) 2>/dev/null; then echo open; else echo closed; fi";
    let mut careless =
        Command::new("nsenter").args(["-t", &pid, "-U", "-p", "sleep", "1000"]).spawn().expect("nsenter");
    while other.ask("cat /proc/[0-9]*/comm | grep -c '^sleep$'") != "1" {
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(other.ask(look), "open", "the control: what enters without care can be inspected");
    // nsenter(1) waits for its child, and exits with it.
    assert_eq!(other.ask("kill -9 $n; echo killed"), "killed");
    careless.wait().expect("its end");

    let [user, pids] = ["user", "pid"].map(|name| PathBuf::from(format!("/proc/{pid}/ns/{name}")));
    let bundle = bundle(&fixture, "bundle", "true", &[("user", &user), ("pid", &pids)]);
    let launch = sandbox(&bundle).launch().expect("a launch");
    let mut answers = Vec::new();
    let hooks = Hooks::none().and("look from inside", |_| {
        answers = vec![other.ask(look), other.ask("[ -n \"$n\" ] && [ -d /proc/$n ] && echo seen")];
        Ok::<(), std::io::Error>(())
    });
    let report = launch.start(hooks).expect("it starts").wait().expect("its end");
    assert_eq!((answers, report.verdict), (["closed", "seen"].map(str::to_owned).to_vec(), Verdict::Exited(0)));
}
