//! The flags that say how strictly a container is held: Docker's, and a few of our own.
//!
//! Core knows what each means (`minicontainer_core::options`); here they are only read. The one thing looked at is
//! the host's `/dev`, to learn which device a path is.

use std::{
    fs,
    os::unix::fs::{FileTypeExt, MetadataExt},
};

use clap::{Args, ValueEnum};
use minicontainer::core::{
    RunOptions,
    options::{CapabilityChanges, Device, DeviceNumber, NewPrivileges, Profile, SeccompChoice, Users},
};
use nix::sys::stat::{major, minor};
use oci_spec::runtime::LinuxSeccomp;
use serde_json::Value;

use super::options::{parse_all, parse_one};
use crate::error::{Context, Failure};

/// How strictly a container is held.
#[derive(Debug, Args)]
pub struct SecurityArguments {
    /// Hold it more strictly: untrusted, for programs that nobody has read, gives even root a user namespace of its
    /// own, no network, and a bound on everything
    #[arg(long, value_name = "PROFILE", default_value = "default", hide_default_value = true)]
    profile: ProfileArgument,

    /// Give it exactly what Docker gives: more powers, more system calls, fewer hidden files
    #[arg(long, value_name = "ENGINE")]
    compat: Option<CompatArgument>,

    /// Make root inside nobody outside (auto), or the same as outside (host)
    #[arg(long, value_name = "USERS", default_value = "host", hide_default_value = true)]
    userns: UsersArgument,

    /// Lower nearly every wall: all capabilities, all system calls, nothing hidden
    #[arg(long)]
    privileged: bool,

    /// Give root inside one more capability, such as NET_ADMIN, or ALL
    #[arg(long, value_name = "CAPABILITY", value_delimiter = ',')]
    cap_add: Vec<String>,

    /// Take a capability from root inside, or ALL
    #[arg(long, value_name = "CAPABILITY", value_delimiter = ',')]
    cap_drop: Vec<String>,

    /// no-new-privileges[=true|false], seccomp=unconfined, seccomp=FILE (rules as in config.json's linux.seccomp),
    /// systempaths=unconfined
    #[arg(long, value_name = "OPTION")]
    security_opt: Vec<String>,

    /// Let it use a device of the host's, such as /dev/fuse
    #[arg(long, value_name = "PATH[:INSIDE[:rwm]]")]
    device: Vec<String>,

    /// Bound every process in it, such as nofile=1024:2048
    #[arg(long, value_name = "NAME=SOFT[:HARD]")]
    ulimit: Vec<String>,

    /// How much /dev/shm may hold [default: 64m]
    #[arg(long, value_name = "SIZE")]
    shm_size: Option<String>,

    /// Move a clock of its own: monotonic or boottime, forward or (-) back, such as boottime=24h
    #[arg(long, value_name = "CLOCK=[-]TIME")]
    time_offset: Vec<String>,

    /// Set a variable of the kernel's that belongs to it alone, such as net.ipv4.ip_forward=1
    #[arg(long, value_name = "NAME=VALUE")]
    sysctl: Vec<String>,
}

/// How strictly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProfileArgument {
    Default,
    Untrusted,
}

impl ProfileArgument {
    /// What is meant by it, where nothing else chooses.
    pub fn profile(self) -> Profile {
        match self {
            ProfileArgument::Default => Profile::Default,
            ProfileArgument::Untrusted => Profile::Untrusted,
        }
    }
}

/// Whose habits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CompatArgument {
    Docker,
}

/// Who root inside is outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum UsersArgument {
    Auto,
    Host,
}

impl SecurityArguments {
    /// The options with what was asked for here.
    pub fn applied_to(&self, mut options: RunOptions) -> Result<RunOptions, Failure> {
        options.profile = match (self.profile, self.compat) {
            (ProfileArgument::Untrusted, Some(CompatArgument::Docker)) => {
                let reason = "--profile=untrusted and --compat=docker contradict each other: the one is stricter than \
                              Docker, the other is Docker's own";
                return Err(Failure::new(reason).hint("leave one of them out"));
            }
            (ProfileArgument::Default, Some(CompatArgument::Docker)) => Profile::Docker,
            (profile, None) => profile.profile(),
        };
        options.users = if self.userns == UsersArgument::Auto { Users::Own } else { Users::Same };
        options.privileged = self.privileged;
        options.capabilities = CapabilityChanges {
            add: parse_all("--cap-add", &self.cap_add, str::parse)?,
            drop: parse_all("--cap-drop", &self.cap_drop, str::parse)?,
        };
        options.devices = parse_all("--device", &self.device, |text| Device::parse(text, device_number))?;
        options.ulimits = parse_all("--ulimit", &self.ulimit, str::parse)?;
        options.shm_size = parse_one("--shm-size", &self.shm_size, str::parse)?;
        options.time_offsets = parse_all("--time-offset", &self.time_offset, str::parse)?;
        options.sysctls = parse_all("--sysctl", &self.sysctl, str::parse)?;
        for option in &self.security_opt {
            apply(option, &mut options)?;
        }
        Ok(options)
    }
}

/// One `--security-opt`, whose name and value Docker parts by `=` or, of old, by `:`.
fn apply(option: &str, options: &mut RunOptions) -> Result<(), Failure> {
    let (name, value) = option.split_once(['=', ':']).unwrap_or((option, ""));
    match (name, value) {
        ("no-new-privileges", "" | "true") => options.new_privileges = Some(NewPrivileges::Denied),
        ("no-new-privileges", "false") => options.new_privileges = Some(NewPrivileges::Allowed),
        ("seccomp", "unconfined") => options.seccomp = SeccompChoice::Unconfined,
        ("seccomp", file) if !file.is_empty() => options.seccomp = SeccompChoice::Profile(read_profile(file)?),
        ("systempaths", "unconfined") => options.system_paths_open = true,
        // There is no such module's profile here that could confine anything.
        ("apparmor", "unconfined") | ("label", "disable") => {}
        ("apparmor" | "label", _) => {
            let message = format!("--security-opt {option}: profiles of AppArmor and SELinux are not loaded here");
            return Err(Failure::new(message).hint("leave it out; the container is held by the other walls"));
        }
        _ => {
            let message = format!("--security-opt: unknown option {option:?}");
            let hint =
                "it is no-new-privileges[=true|false], seccomp=unconfined, seccomp=FILE or systempaths=unconfined";
            return Err(Failure::new(message).hint(hint));
        }
    }
    Ok(())
}

/// Reads a filter's rules. Docker's own files may make a rule depend on capabilities, architecture or kernel; to pass
/// over such a condition would be to allow more than was meant.
fn read_profile(file: &str) -> Result<Box<LinuxSeccomp>, Failure> {
    let text = fs::read(file).with_context(|| format!("--security-opt seccomp={file}: cannot read the file"))?;
    let no_rules = || format!("--security-opt seccomp={file}: no rules as in config.json's linux.seccomp");
    let document: Value = serde_json::from_slice(&text).with_context(no_rules)?;
    let conditional = |rule: &Value| {
        let given = |name| rule.get(name).and_then(Value::as_object).is_some_and(|condition| !condition.is_empty());
        given("includes") || given("excludes")
    };
    if document["syscalls"].as_array().is_some_and(|rules| rules.iter().any(conditional)) {
        let message = format!("--security-opt seccomp={file}: a rule has a condition (includes, excludes)");
        return Err(Failure::new(message).hint("write out what it comes to; --compat=docker is Docker's own list"));
    }
    serde_json::from_value(document).with_context(no_rules)
}

/// Which device lies at a path of the host's.
fn device_number(path: &str) -> Option<DeviceNumber> {
    let metadata = fs::metadata(path).ok()?;
    let kind = match metadata.file_type() {
        kind if kind.is_char_device() => 'c',
        kind if kind.is_block_device() => 'b',
        _ => return None,
    };
    let number = |number: u64| u32::try_from(number).ok();
    Some(DeviceNumber { kind, major: number(major(metadata.rdev()))?, minor: number(minor(metadata.rdev()))? })
}
