//! `doctor`: checks by trying what this machine can do, and says how to fix what it cannot.

mod findings;

use std::{env, fs, process::ExitCode};

use clap::{Args, ValueEnum};
use minicontainer::{
    MIB, Sandbox, Stdio, Store,
    core::plan::{Host, Identity, SubordinateIds},
    host,
    rootfs::Driver,
    store::Image,
};
use minicontainer_engine::delegation::enter_leaf;
use minicontainer_images::{SeedError, list as list_images, seed_busybox};
use nix::{sys::utsname::uname, unistd::Uid};
use serde::Serialize;

use crate::{error::Failure, format::choice::Choice, output};
use findings::Seen;

/// Check what this machine can do and how to fix what it cannot
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer doctor
  minicontainer doctor --format '{{.verdict}} {{.name}}'

Fields for --format: .name .verdict (works, missing, broken) .detail .fix

Ends with 0 if `minicontainer run` works, else with 1.")]
pub struct DoctorArguments {
    /// Output format: text, json, or a template for each finding
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DoctorFormat {
    Text,
    Json,
}

/// One result.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding {
    name: &'static str,
    verdict: Verdict,
    /// What was observed, or what failed.
    detail: String,
    fix: Option<String>,
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
    fn works(name: &'static str, detail: impl Into<String>) -> Finding {
        Finding { name, verdict: Verdict::Works, detail: detail.into(), fix: None }
    }

    fn fails(name: &'static str, verdict: Verdict, failure: &Failure) -> Finding {
        Finding { name, verdict, detail: failure.message(), fix: failure.fix().map(str::to_owned) }
    }
}

/// Runs `doctor`.
pub fn execute(arguments: &DoctorArguments) -> Result<ExitCode, Failure> {
    let format = Choice::parse(&arguments.format)?;
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
            findings.push(Finding::works("store", format!("{} is writable", store.root().display())));
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
        Choice::Own(DoctorFormat::Text) => output::print(&text(&findings, runs))?,
        Choice::Template(format) => output::print(&format.render_each(&findings)?)?,
    }
    Ok(if runs { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn text(findings: &[Finding], runs: bool) -> String {
    let mut text = String::new();
    for Finding { name, verdict, detail, fix } in findings {
        let sign = match verdict {
            Verdict::Works => "works",
            Verdict::Missing => "lacks",
            Verdict::Broken => "FAILS",
        };
        text += &format!("{sign}  {name:<16} {detail}\n");
        if let Some(fix) = fix {
            text += &format!("{:23} to fix it: {fix}\n", "");
        }
    }
    text +=
        if runs { "\n`minicontainer run` works here.\n" } else { "\n`minicontainer run` does not work here yet.\n" };
    match next_step(findings) {
        Some((what, fix)) => text + &format!("Next step, for {what}: {fix}\n"),
        None => text,
    }
}

/// What to fix first: what `run` needs, else the limits, which is what an ordinary user lacks most often.
fn next_step(findings: &[Finding]) -> Option<(&'static str, &str)> {
    let broken = findings.iter().find(|finding| finding.verdict == Verdict::Broken);
    let is_limit = |finding: &&Finding| finding.verdict == Verdict::Missing && finding.name.ends_with(" limit");
    let (what, finding) = match broken {
        Some(finding) => ("containers", finding),
        None => ("limits", findings.iter().find(is_limit)?),
    };
    Some((what, finding.fix.as_deref()?))
}

fn identity(host: &Host) -> Finding {
    let name = user_name(&fs::read_to_string("/etc/passwd").unwrap_or_default(), Uid::effective().as_raw());
    let name = name.map_or_else(String::new, |name| format!(" ({name})"));
    Finding::works(
        "identity",
        match host.identity {
            Identity::Root => "root, with all capabilities".to_owned(),
            Identity::User { uid: 0, .. } => {
                "root without capabilities, as inside a container: treated like an ordinary user".to_owned()
            }
            Identity::User { uid, .. } => format!("an ordinary user, uid {uid}{name}"),
        },
    )
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
    if version >= (5, 12) {
        return Finding::works("kernel", format!("Linux {release}"));
    }
    Finding {
        name: "kernel",
        verdict: Verdict::Broken,
        detail: format!("Linux {release} is older than 5.12, which added mount_setattr(2)"),
        fix: Some("use a newer kernel, such as that of Debian 12, Ubuntu 22.04 or Fedora 35".to_owned()),
    }
}

/// Reads the kernel's settings.
fn see() -> Seen {
    let read = |path: &str| fs::read_to_string(path).ok();
    Seen {
        program: env::current_exe().map_or_else(|_| "minicontainer".to_owned(), |path| path.display().to_string()),
        apparmor_restricts: read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
        userns_clone: read("/proc/sys/kernel/unprivileged_userns_clone"),
        max_user_namespaces: read("/proc/sys/user/max_user_namespaces"),
        filesystems: read("/proc/filesystems").unwrap_or_default(),
        seccomp_actions: read("/proc/sys/kernel/seccomp/actions_avail"),
    }
}

fn images(store: &Store) -> Finding {
    match list_images(store) {
        Ok(images) if images.is_empty() => Finding {
            name: "images",
            verdict: Verdict::Missing,
            detail: "the store has no images".to_owned(),
            fix: Some("`minicontainer image seed` creates busybox without a network".to_owned()),
        },
        Ok(images) if images.iter().any(Result::is_err) => Finding {
            name: "images",
            verdict: Verdict::Missing,
            detail: format!("{} in the store are damaged", images.iter().filter(|image| image.is_err()).count()),
            fix: Some("`minicontainer images` lists them, `minicontainer rmi IMAGE` removes one".to_owned()),
        },
        Ok(images) => Finding::works("images", format!("{} in the store", images.len())),
        Err(error) => Finding::fails("images", Verdict::Broken, &error.into()),
    }
}

/// Runs real containers: with each driver, and with limits. The image is seeded in a store inside the store, so the
/// trial uses the same file system and leaves nothing behind.
fn runs(store: &Store, host: &Host) -> Vec<Finding> {
    let place = store.trial_directory();
    let tried = Store::open(&place).map_err(SeedError::Store).and_then(|trial| seed_busybox(&trial)).map(|seeded| {
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
    match minicontainer::rootfs::remove(&place) {
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
            Finding::works(name, format!("a container ran for {:.1} ms", report.wall_time.as_secs_f64() * 1e3))
        }
        Ok(report) => {
            let failure = Failure::new(format!("a test container ended with {:?}", report.verdict));
            Finding::fails(name, otherwise, &failure)
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
