//! Attacks made by the probe (`tests/probe`), each with a positive control.
//!
//! A refusal proves that a protection works only if the same attack succeeds without the protection. So each attack
//! is made twice: in a default container, and in a *naive* one, which has its own namespaces and root but all
//! capabilities, no filter and no masks. An [`Attack`] specifies the outcome there: it succeeds, or the kernel itself
//! returns another answer than the protection, or this kernel does not support it and the attack is not live.
//!
//! Starting a container takes longer than an attack, so all attacks of a test share one of each kind.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use minicontainer::core::options::Isolation;

use crate::fixture::Fixture;

/// The protections that a naive container leaves out.
const PROTECTIONS: [&str; 4] = ["seccomp", "capabilities", "no-new-privileges", "masked-paths"];

/// An attack as arguments of the probe, separated by commas; the answers that are right in the default container; and
/// the outcome in a naive container of root and of an ordinary user.
pub type Attack = (&'static str, &'static [&'static str], Naive, Naive);

/// Missing permission.
pub const EPERM: &[&str] = &["refused EPERM"];

/// As by a kernel without the call.
pub const ENOSYS: &[&str] = &["refused ENOSYS"];

/// Whether the running kernel is of this version or newer: some attacks are not live on older ones.
pub fn kernel_at_least(major: u32, minor: u32) -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("a kernel");
    let mut numbers = release.split(|sign: char| !sign.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (major, minor)
}

/// The outcome of an attack in a naive container.
#[derive(Clone, Copy, Debug)]
pub enum Naive {
    /// It succeeds.
    Through,
    /// The kernel refuses it with another answer than the protection, because it examined the request.
    Otherwise,
    /// It succeeds if the kernel supports it.
    IfKnown,
    /// It cannot be tried: this user is not permitted to do it anywhere.
    NotLive,
}

/// The answers to a batch of attacks.
pub type Answers = BTreeMap<String, String>;

/// The protections that a naive container leaves out, in the format of `--without`.
pub fn without_protections() -> String {
    let known = PROTECTIONS.iter().filter(|name| name.parse::<Isolation>().is_ok());
    known.copied().collect::<Vec<_>>().join(",")
}

/// A fixture with the image `busybox` in its store and the probe beside it.
pub struct Ground<'a> {
    fixture: &'a Fixture,
    probe: PathBuf,
}

impl Ground<'_> {
    pub fn new(fixture: &Fixture) -> Ground<'_> {
        let seeded = fixture.command().args(["image", "seed"]).output().expect("the command starts");
        assert!(seeded.status.success(), "{}", String::from_utf8_lossy(&seeded.stderr));
        Ground { fixture, probe: probe_for(fixture) }
    }

    /// The probe's program on the host.
    pub fn probe(&self) -> &Path {
        &self.probe
    }

    /// `minicontainer run --rm FLAGS busybox COMMAND` with the probe at `/probe`.
    pub fn run(&self, flags: &[&str], command: &[&str]) -> Command {
        let mut run = self.fixture.command();
        let probe = format!("{}:/probe:ro", self.probe.display());
        run.args(["run", "--rm", "-v", &probe]).args(flags).arg("busybox").args(command);
        run
    }

    /// The output of the probe, or of another program, in a container.
    #[track_caller]
    pub fn text(&self, flags: &[&str], command: &[&str]) -> String {
        text(&self.run(flags, command).output().expect("the command starts"))
    }

    /// Makes all these attacks in one container.
    #[track_caller]
    pub fn answers<'words>(&self, flags: &[&str], attacks: impl IntoIterator<Item = &'words str>) -> Answers {
        let command: Vec<&str> = ["/probe", "batch"].into_iter().chain(attacks).collect();
        let text = self.text(flags, &command);
        text.lines()
            .filter_map(|line| line.split_once(": "))
            .map(|(words, answer)| (words.into(), answer.into()))
            .collect()
    }

    /// One attack in a container without mounts of its own, whose root is only set by chroot(2). Nothing can be
    /// mounted there, so the probe is passed on stdin.
    #[track_caller]
    pub fn answer_in_jail(&self, attack: &str) -> String {
        let script = format!("cat >/tmp/probe && chmod +x /tmp/probe && /tmp/probe batch {attack}");
        let mut run = self.fixture.command();
        run.args(["run", "--rm", "-i", "--without", &format!("mount,{}", without_protections())]);
        run.args(["busybox", "sh", "-c", &script]).stdin(fs::File::open(&self.probe).expect("the probe"));
        let line = text(&run.output().expect("the command starts"));
        line.rsplit_once(": ").map_or(line.clone(), |(_, answer)| answer.to_owned())
    }

    /// Makes all these attacks in a default container and in a naive one, and reports all wrong outcomes.
    #[track_caller]
    pub fn check(&self, attacks: &[Attack]) {
        self.check_between(&[], &["--without", &without_protections()], attacks);
    }

    /// The same in containers with these flags.
    #[track_caller]
    pub fn check_between(&self, protected: &[&str], naive: &[&str], attacks: &[Attack]) {
        let words = || attacks.iter().map(|(words, ..)| *words);
        let (protected, naive) = (self.answers(protected, words()), self.answers(naive, words()));
        let faults: Vec<String> = attacks
            .iter()
            .filter_map(|(words, refused, root, user)| {
                let expect = if self.fixture.is_of_root() { *root } else { *user };
                fault(words, refused, expect, [&protected, &naive])
            })
            .collect();
        assert!(faults.is_empty(), "attacks:\n  {}", faults.join("\n  "));
    }
}

/// Why an attack's answers in the protected and in the naive container are wrong; `None` if they are right.
fn fault(words: &str, refused: &[&str], expect: Naive, answers: [&Answers; 2]) -> Option<String> {
    let [Some(protected), Some(naive)] = answers.map(|answers| answers.get(words)) else {
        return Some(format!("{words}: no answer"));
    };
    let unknown = ["refused ENOSYS", "refused EAFNOSUPPORT", "refused ENOENT"].contains(&naive.as_str())
        || naive.starts_with("not-live");
    let live = match expect {
        Naive::Through => naive == "done",
        Naive::Otherwise => naive != protected,
        Naive::IfKnown => naive == "done" || unknown,
        Naive::NotLive => naive != "done",
    };
    if !refused.contains(&protected.as_str()) {
        return Some(format!("{words}: {protected}, where {refused:?} was right ({naive} in a naive container)"));
    }
    (!live).then(|| format!("{words}: {protected}, but {naive} in a naive container, where {expect:?} was expected"))
}

/// The output of a command, which must have succeeded.
#[track_caller]
pub fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// A copy of the probe in the fixture's directory, where every user may execute it.
fn probe_for(fixture: &Fixture) -> PathBuf {
    let copy = fixture.directory().join("probe");
    fs::copy(built_probe(), &copy).expect("the probe can be copied");
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).expect("the mode is set");
    copy
}

/// The built probe. A caller that starts this program without Cargo has built the probe already, and passes its path.
fn built_probe() -> &'static Path {
    static PROBE: OnceLock<PathBuf> = OnceLock::new();
    PROBE.get_or_init(|| match env::var_os("MINICONTAINER_TEST_PROBE") {
        Some(probe) => probe.into(),
        None => built_example("probe"),
    })
}

/// The examples that tests run.
const EXAMPLES: [&str; 6] = ["probe", "hello", "limits", "stdin", "parallel", "grader"];

/// A built example. Cargo builds examples only for a `cargo test` of everything, so they are requested here.
pub fn built_example(name: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let release = if cfg!(debug_assertions) { None } else { Some("--release") };
        let mut cargo = Command::new(cargo);
        // Cargo has set these for this package. Some build scripts, such as ring's, run again whenever they change,
        // and then the engine and this program would be built again while its tests run.
        for variable in env::vars_os().map(|(name, _)| name) {
            let name = variable.to_string_lossy();
            if name.starts_with("CARGO_MANIFEST_") || name.starts_with("CARGO_PKG_") || name == "OUT_DIR" {
                cargo.env_remove(&variable);
            }
        }
        let engine = Path::new(env!("CARGO_BIN_EXE_minicontainer"));
        let built_at = || fs::metadata(engine).and_then(|metadata| metadata.modified()).expect("the engine's file");
        let before = built_at();
        let built = cargo
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(["build", "--quiet", "--workspace"])
            .args(EXAMPLES.iter().flat_map(|name| ["--example", name]))
            .args(release)
            .output()
            .expect("cargo starts");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        assert_eq!(built_at(), before, "the engine was built again");
    });
    Path::new(env!("CARGO_BIN_EXE_minicontainer")).with_file_name("examples").join(name)
}
