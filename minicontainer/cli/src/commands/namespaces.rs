//! Docker's flags that choose the namespaces of a container: its own, or the host's.
//!
//! `--pid host` means the same as `--without pid`, and so on. A namespace of another container cannot be joined.

use clap::Args;
use minicontainer::core::options::Isolation;

use super::options::ISOLATION;
use crate::error::Failure;

/// The flags that choose namespaces.
#[derive(Debug, Args)]
#[command(next_help_heading = ISOLATION)]
pub struct NamespaceArguments {
    /// PID namespace: host is the host's, as with --without pid [default: its own]
    #[arg(long, value_name = "NAMESPACE")]
    pid: Option<String>,

    /// IPC namespace: private, or host as with --without ipc [default: private]
    #[arg(long, value_name = "NAMESPACE")]
    ipc: Option<String>,

    /// UTS namespace: host is the host's, as with --without uts [default: its own]
    #[arg(long, value_name = "NAMESPACE")]
    uts: Option<String>,

    /// Cgroup namespace: private, or host as with --without cgroup [default: private]
    #[arg(long, value_name = "NAMESPACE")]
    cgroupns: Option<String>,
}

impl NamespaceArguments {
    /// The namespaces that the container shares with the host.
    pub fn without(&self) -> Result<Vec<Isolation>, Failure> {
        let flags: [(&str, &Option<String>, Isolation, &[&str]); 4] = [
            ("--pid", &self.pid, Isolation::Pid, &[]),
            // A shareable namespace is private until another container joins it, which is not possible here.
            ("--ipc", &self.ipc, Isolation::Ipc, &["private", "shareable"]),
            ("--uts", &self.uts, Isolation::Uts, &[]),
            ("--cgroupns", &self.cgroupns, Isolation::Cgroup, &["private"]),
        ];
        let mut without = Vec::new();
        for (flag, value, isolation, own) in flags {
            match value.as_deref() {
                None | Some("") => {}
                Some("host") => without.push(isolation),
                Some(value) if own.contains(&value) => {}
                Some(value) => return Err(refused(flag, value, own)),
            }
        }
        Ok(without)
    }
}

fn refused(flag: &str, value: &str, own: &[&str]) -> Failure {
    if value.starts_with("container:") {
        let message = format!("{flag} {value}: the namespace of another container cannot be joined yet");
        return Failure::new(message).hint(format!("leave it out, or use {flag} host for the host's namespace"));
    }
    let accepted = [own, &["host"]].concat().join(" or ");
    Failure::new(format!("invalid argument for {flag}: {value:?}: must be {accepted}"))
        .hint("leave it out: the container then has its own namespace")
}
