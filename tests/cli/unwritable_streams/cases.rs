//! Commands, and their exit codes if every stream is writable.

/// A command, the commands that must run before it each time, and its exit code if every stream is writable.
pub struct Case {
    pub words: &'static [&'static str],
    pub before: &'static [&'static [&'static str]],
    pub code: i32,
}

const fn case(words: &'static [&'static str], code: i32) -> Case {
    Case { words, before: &[], code }
}

const fn after(before: &'static [&'static [&'static str]], words: &'static [&'static str], code: i32) -> Case {
    Case { words, before, code }
}

const KEEP: &[&str] = &["run", "--name", "kept", "busybox", "touch", "/made"];
const REMOVE: &[&str] = &["rm", "-f", "kept"];
const TAG: &[&str] = &["tag", "busybox", "localhost:1/gone:1"];
const TAG_ONE: &[&str] = &["tag", "busybox", "one:1"];

/// Every command at least once, and every way in which `run` ends.
#[rustfmt::skip]
pub const CASES: &[Case] = &[
    case(&[], 2), case(&["--help"], 0), case(&["--version"], 0), case(&["no-such-command"], 2), case(&["ps", "--no-such-flag"], 2),
    case(&["run", "--help"], 0), case(&["run"], 125), case(&["run", "--no-such-flag", "busybox"], 125),
    case(&["run", "--rm", "busybox", "true"], 0), case(&["run", "--rm", "busybox", "sh", "-c", "exit 3"], 3),
    case(&["run", "--rm", "busybox", "/missing"], 127), case(&["run", "--rm", "busybox", "/etc"], 126),
    case(&["run", "--rm", "--pull=never", "missing"], 125), case(&["run", "--rm", "--memory", "1k", "busybox", "true"], 125),
    case(&["run", "--rm", "--without", "pid", "busybox", "sh", "-c", "exit 4"], 4),
    case(&["run", "--rm", "--timeout", "0.1s", "busybox", "sleep", "30"], 137),
    case(&["run", "--rm", "--output-limit", "1", "busybox", "echo", "hello"], 137),
    case(&["run", "--rm", "--trace", "busybox", "sh", "-c", "exit 5"], 5),
    case(&["run", "--explain", "busybox", "true"], 0), case(&["run", "--rm", "-it", "busybox", "true"], 1),
    case(&["run", "--rm", "--report", "/no/such/file", "busybox", "true"], 125),
    case(&["container", "run", "--rm", "busybox", "sh", "-c", "exit 6"], 6),
    case(&["ps"], 0), case(&["ps", "--format", "{{.Nothing"], 1), case(&["container", "ls", "-a"], 0),
    after(&[KEEP], &["rm", "kept"], 0), case(&["rm", "missing"], 1), after(&[KEEP], &["container", "rm", "kept"], 0),
    case(&["inspect", "busybox"], 0), case(&["inspect", "missing"], 1),
    after(&[REMOVE, KEEP], &["container", "inspect", "kept"], 0),
    case(&["judge", "homework"], 1), case(&["judge", "missing"], 125),
    after(&[REMOVE, KEEP], &["diff", "kept"], 0), after(&[REMOVE, KEEP], &["container", "diff", "kept"], 0),
    case(&["explain", "busybox", "true"], 0), case(&["explain", "missing"], 125), case(&["spec", "--bundle", "bundle", "busybox", "true"], 0),
    case(&["images"], 0), case(&["image", "ls", "-q"], 0), case(&["image", "inspect", "busybox"], 0),
    after(&[TAG], &["rmi", "localhost:1/gone:1"], 0), after(&[TAG], &["image", "rm", "localhost:1/gone:1"], 0), case(&["rmi", "missing"], 1),
    case(&["pull", "localhost:1/nothing"], 1), case(&["image", "pull", "localhost:1/nothing"], 1),
    after(&[TAG], &["push", "localhost:1/gone:1"], 1), after(&[TAG], &["image", "push", "localhost:1/gone:1"], 1),
    case(&["login", "localhost:1"], 1), case(&["logout", "localhost:1"], 0), case(&["search", "busybox"], 1),
    case(&["load", "-i", "saved.tar"], 0), case(&["load", "-i", "missing.tar"], 1), case(&["image", "load", "-i", "saved.tar"], 0),
    case(&["save", "busybox"], 0), case(&["image", "save", "busybox"], 0), case(&["save", "-o", "other.tar", "busybox"], 0), case(&["save", "missing"], 1),
    case(&["import", "files.tar"], 0), case(&["image", "import", "missing.tar"], 1),
    after(&[REMOVE, KEEP], &["export", "kept"], 0), after(&[REMOVE, KEEP], &["container", "export", "kept"], 0),
    after(&[REMOVE, KEEP], &["commit", "kept"], 0), after(&[REMOVE, KEEP], &["container", "commit", "kept"], 0),
    case(&["build", "context"], 0), case(&["build", "-q", "context"], 0), case(&["build", "--no-cache", "wrong"], 1),
    case(&["image", "build", "--progress=plain", "context"], 0), case(&["builder", "build", "failing"], 1),
    case(&["builder", "du"], 0), case(&["builder", "prune", "-f"], 0),
    after(&[TAG_ONE], &["tag", "one:1", "two:1"], 0), after(&[TAG_ONE], &["image", "tag", "one:1", "two:1"], 0), case(&["tag", "missing", "two:1"], 1),
    case(&["history", "busybox"], 0), case(&["image", "history", "busybox"], 0),
    case(&["image", "seed"], 0), case(&["image", "prune", "-f"], 0), case(&["image", "verify", "busybox"], 0),
    case(&["image", "check-layer", "missing"], 1),
    case(&["system", "check"], 0), case(&["system", "df"], 0), case(&["system", "df", "-v"], 0), case(&["system", "prune", "-f"], 0),
    case(&["demo"], 0), case(&["doctor"], 0), case(&["version"], 0), case(&["completions", "bash"], 0), case(&["completions", "no-shell"], 2),
];
