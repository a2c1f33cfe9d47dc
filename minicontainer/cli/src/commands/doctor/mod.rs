//! `doctor`: checks by trying what this machine can do, and says how to fix what it cannot.

mod findings;
mod text;

use std::{env, fs, process::ExitCode};

use clap::{Args, ValueEnum};
use minicontainer::{
    MIB, Sandbox, Stdio, Store,
    core::{
        explain::{Language, Message},
        plan::{Host, Identity, SubordinateIds},
    },
    host,
    rootfs::Driver,
    store::Image,
};
use minicontainer_engine::delegation::enter_leaf;
use minicontainer_images::{SeedError, list as list_images, seed_busybox};
use nix::{sys::utsname::uname, unistd::Uid};
use serde::{Serialize, Serializer};

use crate::{error::Failure, flags::with_flags, format::choice::Choice, language, messages::message, output};
use findings::Observations;
use text::text;

/// Check what this machine can do and how to fix what it cannot
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer doctor
  minicontainer doctor --lang pt
  minicontainer doctor --format '{{.verdict}} {{.name}}'

Fields for --format: .name .verdict (works, missing, broken) .detail .fix

Ends with 0 if `minicontainer run` works, else with 1.")]
pub struct DoctorArguments {
    /// Output format: text, json, or a template for each finding
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: String,

    /// Language of the text: en or pt [default: the locale's]
    #[arg(long, value_name = "LANGUAGE", value_parser = language::parse)]
    lang: Option<Language>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DoctorFormat {
    Text,
    Json,
}

/// One result. As JSON and in templates it is in English.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding {
    name: &'static str,
    verdict: Verdict,
    /// What was observed, or what failed.
    detail: Message,
    fix: Option<Fix>,
}

/// How to fix it.
#[derive(Debug)]
enum Fix {
    Message(Message),
    /// The hint of an error.
    Hint(String),
}

impl Fix {
    fn text(&self, language: Language) -> String {
        match self {
            Fix::Message(message) => with_flags(&message.text(language)).into_owned(),
            Fix::Hint(hint) => hint.clone(),
        }
    }
}

/// In English: documents are for programs.
impl Serialize for Fix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.text(Language::English))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    Works,
    /// It does not work, but `run` works without it.
    Missing,
    /// It does not work, so `run` does not work either.
    Broken,
}

impl Finding {
    fn works(name: &'static str, detail: Message) -> Finding {
        Finding { name, verdict: Verdict::Works, detail, fix: None }
    }

    fn lacks(name: &'static str, detail: Message, fix: Message) -> Finding {
        Finding { name, verdict: Verdict::Missing, detail, fix: Some(Fix::Message(fix)) }
    }

    fn fails(name: &'static str, verdict: Verdict, failure: &Failure) -> Finding {
        let fix = failure.fix().map(|hint| Fix::Hint(hint.to_owned()));
        Finding { name, verdict, detail: message("doctor-failed", []).because(failure.message()), fix }
    }
}

/// Runs `doctor`.
pub fn execute(arguments: &DoctorArguments) -> Result<ExitCode, Failure> {
    let format = Choice::parse(&arguments.format)?;
    let language = arguments.lang.unwrap_or_else(language::of_environment);
    let host = host::probe();
    let seen = see();
    let user_namespace = host::try_user_namespace();
    let mut findings = vec![
        identity(&host),
        kernel(),
        findings::user_namespaces(&user_namespace, &host, &seen),
        findings::subordinate_ids(&host),
    ];
    findings.extend(findings::counts(&user_namespace, &host));
    findings.extend(findings::own_cgroup(&host, enter_leaf().err().map(|error| error.to_string())));
    findings.extend(findings::limits(&host));
    findings.extend(findings::kernel_features(&seen));
    match Store::open_default() {
        Ok(store) => {
            super::warn_of_closed(&store);
            let place = store.root().display().to_string();
            findings.push(Finding::works("store", message("doctor-store", [("place", place.into())])));
            findings.push(images(&store));
            findings.extend(runs(&store, &host));
        }
        Err(error) => findings.push(Finding::fails("store", Verdict::Broken, &error.into())),
    }
    let runs = findings.iter().all(|finding| finding.verdict != Verdict::Broken);
    match format {
        Choice::Own(DoctorFormat::Json) => {
            output::print_json(&serde_json::json!({"runs": runs, "findings": findings}))?;
        }
        Choice::Own(DoctorFormat::Text) => output::print(&text(&findings, runs, language))?,
        Choice::Template(format) => output::print(&format.render_each(&findings)?)?,
    }
    Ok(if runs { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn identity(host: &Host) -> Finding {
    let name = user_name(&fs::read_to_string("/etc/passwd").unwrap_or_default(), Uid::effective().as_raw());
    let detail = match (host.identity, name) {
        (Identity::Root, _) => message("doctor-identity-root", []),
        (Identity::User { uid: 0, .. }, _) => message("doctor-identity-no-capabilities", []),
        (Identity::User { uid, .. }, None) => message("doctor-identity-user", [("uid", uid.to_string().into())]),
        (Identity::User { uid, .. }, Some(name)) => {
            message("doctor-identity-user-named", [("uid", uid.to_string().into()), ("name", name.into())])
        }
    };
    Finding::works("identity", detail)
}

/// The user's name, from `/etc/passwd` only. getpwuid(3) would load name service modules of the host into this
/// statically linked program, which crashes if they were built for another C library.
fn user_name(passwd: &str, uid: u32) -> Option<String> {
    let user = |line: &str| {
        let fields: Vec<&str> = line.split(':').collect();
        (fields.get(2)?.parse() == Ok(uid)).then(|| fields[0].to_owned())
    };
    passwd.lines().find_map(user)
}

fn kernel() -> Finding {
    let release = uname().map_or_else(|_| "unknown".to_owned(), |name| name.release().to_string_lossy().into_owned());
    let mut numbers = release.split(|sign: char| !sign.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
    let version: (u32, u32) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let about = |key| message(key, [("release", release.as_str().into())]);
    if version >= (5, 12) {
        return Finding::works("kernel", about("doctor-kernel"));
    }
    let fix = message("doctor-kernel-fix", []);
    Finding { verdict: Verdict::Broken, ..Finding::lacks("kernel", about("doctor-kernel-old"), fix) }
}

/// Reads the kernel's settings.
fn see() -> Observations {
    let read = |path: &str| fs::read_to_string(path).ok();
    Observations {
        program: env::current_exe().map_or_else(|_| "minicontainer".to_owned(), |path| path.display().to_string()),
        apparmor_restricts: read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
        userns_clone: read("/proc/sys/kernel/unprivileged_userns_clone"),
        max_user_namespaces: read("/proc/sys/user/max_user_namespaces"),
        filesystems: read("/proc/filesystems").unwrap_or_default(),
        seccomp_actions: read("/proc/sys/kernel/seccomp/actions_avail"),
    }
}

fn images(store: &Store) -> Finding {
    let images = match list_images(store) {
        Ok(images) => images,
        Err(error) => return Finding::fails("images", Verdict::Broken, &error.into()),
    };
    let damaged = images.iter().filter(|image| image.is_err()).count();
    let counted = |key, count: usize| message(key, [("count", count.into())]);
    match (images.len(), damaged) {
        (0, _) => Finding::lacks("images", message("doctor-images-none", []), message("doctor-images-seed", [])),
        (count, 0) => Finding::works("images", counted("doctor-images", count)),
        (_, damaged) => {
            Finding::lacks("images", counted("doctor-images-damaged", damaged), message("doctor-images-remove", []))
        }
    }
}

/// Runs real containers: with each driver, and with limits. The image is seeded in a store inside the store, so the
/// trial uses the same file system and leaves nothing behind.
fn runs(store: &Store, host: &Host) -> Vec<Finding> {
    // The trial store is in a staging directory, so a later command sweeps it if this one is killed.
    let staging = match store.stage() {
        Ok(staging) => staging,
        Err(error) => return vec![Finding::fails("run", Verdict::Broken, &error.into())],
    };
    let trial = Store::open(staging.unused_path()).map_err(SeedError::Store);
    let tried = trial.and_then(|trial| seed_busybox(&trial)).map(|seeded| {
        let mut findings = vec![
            run("run", Verdict::Broken, &seeded.image, |sandbox| sandbox),
            run("overlay driver", Verdict::Missing, &seeded.image, |sandbox| {
                // An overlay without extended attributes cannot delete a directory of a layer and create it again.
                sandbox
                    .driver(Driver::Overlay)
                    .command("sh")
                    .args(["-c", "rm -r /home && mkdir /home && rmdir /home"])
            }),
            run("copy driver", Verdict::Missing, &seeded.image, |sandbox| sandbox.driver(Driver::Copy)),
            run("own network", Verdict::Missing, &seeded.image, |sandbox| {
                sandbox.command("cat").arg("/sys/class/net/lo/flags")
            }),
        ];
        if matches!(host.subordinate, SubordinateIds::Allocated { .. }) {
            findings.push(run("other users", Verdict::Missing, &seeded.image, |sandbox| sandbox.user("1000:1000")));
        }
        let limits: [(_, &dyn Fn(Sandbox) -> Sandbox); 3] = [
            ("memory", &|sandbox| sandbox.memory(64 * MIB)),
            ("cpu", &|sandbox| sandbox.cpus(0.5)),
            ("pids", &|sandbox| sandbox.pids(32)),
        ];
        let mut limits = limits.into_iter().filter(|(name, _)| host.cgroups.can_limit(name)).peekable();
        if limits.peek().is_some() {
            let ask = |sandbox| limits.fold(sandbox, |sandbox, (_, limit)| limit(sandbox));
            findings.push(run("limits", Verdict::Missing, &seeded.image, ask));
        }
        findings
    });
    let findings = tried.unwrap_or_else(|error| vec![Finding::fails("run", Verdict::Broken, &error.into())]);
    match staging.remove() {
        Ok(()) => findings,
        Err(error) => {
            findings.into_iter().chain([Finding::fails("clean up", Verdict::Missing, &error.into())]).collect()
        }
    }
}

fn run(name: &'static str, otherwise: Verdict, image: &Image, ask: impl FnOnce(Sandbox) -> Sandbox) -> Finding {
    let sandbox = ask(Sandbox::from_image(image).command("true").stdout(Stdio::Null));
    match sandbox.status() {
        Ok(report) if report.verdict == minicontainer::Verdict::Exited(0) => {
            let milliseconds = format!("{:.1}", report.wall_time.as_secs_f64() * 1e3);
            Finding::works(name, message("doctor-ran", [("milliseconds", milliseconds.into())]))
        }
        Ok(report) => {
            let detail = message("doctor-ended", [("verdict", format!("{:?}", report.verdict).into())]);
            Finding { name, verdict: otherwise, detail, fix: None }
        }
        Err(error) => Finding::fails(name, otherwise, &error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_name_is_read_from_passwd() {
        let passwd = "root:x:0:0::/root:/bin/sh\n+::::::\nada:x:1000:1000::/:/bin/sh\n";
        assert_eq!(user_name(passwd, 1000).as_deref(), Some("ada"));
        assert_eq!(user_name(passwd, 54321), None);
    }
}
