//! The flags that strengthen or weaken a container's isolation: Docker's, and a few of our own.
//!
//! Core defines what each flag means (`minicontainer_core::options`); this module only parses them. It accesses the
//! host only to look up the number of a device in `/dev`.

use std::fs;

use clap::{Args, ValueEnum};
use minicontainer::{
    core::{
        RunOptions,
        options::{ByteSize, CapabilityChanges, Device, NewPrivileges, Profile, SeccompChoice, Users},
    },
    host,
};
use oci_spec::runtime::LinuxSeccomp;
use serde_json::Value;

use super::options::{ISOLATION, LIMITS, parse_all, parse_one};
use crate::error::{Context, Failure};

/// The flags that strengthen or weaken a container's isolation.
#[derive(Debug, Args)]
#[command(next_help_heading = ISOLATION)]
pub struct SecurityArguments {
    /// Security profile: untrusted adds a user namespace even for root, no network, and a limit on every resource,
    /// for programs that you do not trust
    #[arg(long, value_name = "PROFILE", default_value = "default")]
    profile: ProfileArgument,

    /// Give exactly what Docker gives: more capabilities, more system calls, fewer masked paths
    #[arg(long, value_name = "ENGINE")]
    compat: Option<CompatArgument>,

    /// Map root inside to an unprivileged host user (auto), or to root on the host (host)
    #[arg(long, value_name = "USERS", default_value = "host")]
    userns: UsersArgument,

    /// Disable nearly all isolation: all capabilities, all system calls, no masked paths
    #[arg(long)]
    privileged: bool,

    /// Add a capability, such as NET_ADMIN, or ALL [default: CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID,
    /// SETUID, SETPCAP, NET_BIND_SERVICE, SYS_CHROOT, SETFCAP]
    #[arg(long, value_name = "CAPABILITY", value_delimiter = ',')]
    cap_add: Vec<String>,

    /// Drop a capability, or ALL
    #[arg(long, value_name = "CAPABILITY", value_delimiter = ',')]
    cap_drop: Vec<String>,

    /// no-new-privileges[=true|false] [default: true], seccomp=unconfined, seccomp=FILE (rules as in config.json's
    /// linux.seccomp), systempaths=unconfined
    #[arg(long, value_name = "OPTION")]
    security_opt: Vec<String>,

    /// Add a device of the host, such as /dev/fuse
    #[arg(long, value_name = "PATH[:CONTAINER_PATH[:PERMISSIONS]]")]
    device: Vec<String>,

    /// Resource limit for every process, such as nofile=1024:2048 [default: core=0, the others as for this command]
    #[arg(long, value_name = "NAME=SOFT[:HARD]", help_heading = LIMITS)]
    ulimit: Vec<String>,

    /// Size limit of /dev/shm [default: 64m]
    #[arg(long, value_name = "SIZE", help_heading = LIMITS)]
    shm_size: Option<String>,

    /// Shift a clock (monotonic or boottime) forward or (-) back, such as boottime=24h
    #[arg(long, value_name = "CLOCK=[-]TIME")]
    time_offset: Vec<String>,

    /// Set a namespaced kernel parameter, such as net.ipv4.ip_forward=1
    #[arg(long, value_name = "NAME=VALUE")]
    sysctl: Vec<String>,
}

/// The values of `--profile`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProfileArgument {
    Default,
    Untrusted,
}

impl ProfileArgument {
    /// The profile, if no other flag chooses one.
    pub fn profile(self) -> Profile {
        match self {
            ProfileArgument::Default => Profile::Default,
            ProfileArgument::Untrusted => Profile::Untrusted,
        }
    }
}

/// The values of `--compat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CompatArgument {
    Docker,
}

/// The values of `--userns`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum UsersArgument {
    Auto,
    Host,
}

impl SecurityArguments {
    /// Applies these flags to the options.
    pub fn applied_to(&self, mut options: RunOptions) -> Result<RunOptions, Failure> {
        options.profile = match (self.profile, self.compat) {
            (ProfileArgument::Untrusted, Some(CompatArgument::Docker)) => {
                let reason = "conflicting options: --profile=untrusted and --compat=docker: the first is stricter \
                              than Docker, the second is the same as Docker";
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
        options.devices = parse_all("--device", &self.device, |text| Device::parse(text, host::device_number))?;
        options.ulimits = parse_all("--ulimit", &self.ulimit, str::parse)?;
        options.shm_size = parse_one("--shm-size", &self.shm_size, ByteSize::parse_limit)?.flatten();
        options.time_offsets = parse_all("--time-offset", &self.time_offset, str::parse)?;
        options.sysctls = parse_all("--sysctl", &self.sysctl, str::parse)?;
        for option in &self.security_opt {
            apply(option, &mut options)?;
        }
        Ok(options)
    }
}

/// Parses one `--security-opt`. Docker separates name and value by `=`, or in old versions by `:`.
fn apply(option: &str, options: &mut RunOptions) -> Result<(), Failure> {
    let (name, value) = option.split_once(['=', ':']).unwrap_or((option, ""));
    match (name, value) {
        ("no-new-privileges", "" | "true") => options.new_privileges = Some(NewPrivileges::Denied),
        ("no-new-privileges", "false") => options.new_privileges = Some(NewPrivileges::Allowed),
        ("seccomp", "unconfined") => options.seccomp = SeccompChoice::Unconfined,
        ("seccomp", file) if !file.is_empty() => options.seccomp = SeccompChoice::Profile(read_profile(file)?),
        ("systempaths", "unconfined") => options.system_paths_open = true,
        // Profiles of these modules are never loaded, so there is nothing to disable.
        ("apparmor", "unconfined") | ("label", "disable") => {}
        ("apparmor" | "label", _) => {
            let message = format!(
                "invalid argument for --security-opt: {option:?}: profiles of AppArmor and SELinux are not supported"
            );
            return Err(Failure::new(message).hint("leave it out; all other isolation stays in place"));
        }
        _ => {
            let message = format!("invalid argument for --security-opt: unknown option {option:?}");
            let hint =
                "use no-new-privileges[=true|false], seccomp=unconfined, seccomp=FILE or systempaths=unconfined";
            return Err(Failure::new(message).hint(hint));
        }
    }
    Ok(())
}

/// Reads a filter's rules. In Docker's own files a rule may depend on capabilities, architecture or kernel. Ignoring
/// such a condition would allow more than intended, so it is an error.
fn read_profile(file: &str) -> Result<Box<LinuxSeccomp>, Failure> {
    let text = fs::read(file).with_context(|| format!("invalid argument for --security-opt: cannot read {file}"))?;
    let no_rules =
        || format!("invalid argument for --security-opt: {file} has no rules as in linux.seccomp of config.json");
    let document: Value = serde_json::from_slice(&text).with_context(no_rules)?;
    let conditional = |rule: &Value| {
        let given = |name| rule.get(name).and_then(Value::as_object).is_some_and(|condition| !condition.is_empty());
        given("includes") || given("excludes")
    };
    if document["syscalls"].as_array().is_some_and(|rules| rules.iter().any(conditional)) {
        let message =
            format!("invalid argument for --security-opt: {file} has a rule with a condition (includes, excludes)");
        return Err(
            Failure::new(message).hint("write it without conditions, or use --compat=docker for Docker's list")
        );
    }
    serde_json::from_value(document).with_context(no_rules)
}
