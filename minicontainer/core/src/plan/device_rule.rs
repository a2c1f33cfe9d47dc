//! One device rule, for cgroups of either version.
//!
//! ```
//! use minicontainer_core::plan::{DeviceAccess, DeviceRule};
//!
//! let terminals =
//!     DeviceRule { access: DeviceAccess::Allow, kind: 'c', major: Some(136), minor: None, permissions: "rw".into() };
//! assert_eq!(terminals.to_string(), "c 136:* rw");
//! ```

use serde::Serialize;

/// Whether a rule allows or denies a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceAccess {
    /// The rule's kinds of access are allowed.
    Allow,
    /// The rule's kinds of access are denied.
    Deny,
}

/// A rule of a container's device cgroup, see "Device Controller" in the kernel's cgroup documentation and "Allowed
/// Device list" in the runtime specification's config-linux.md. A later rule overrides an earlier one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceRule {
    /// Whether it allows or denies.
    pub access: DeviceAccess,
    /// `c` for character devices, `b` for block devices, `a` for all.
    pub kind: char,
    /// The driver's number; `None` matches all.
    pub major: Option<u32>,
    /// The device's number; `None` matches all.
    pub minor: Option<u32>,
    /// The kinds of access: some of `r` (read), `w` (write), `m` (mknod).
    pub permissions: String,
}

/// In the syntax of the `devices.allow` file of cgroup version 1.
impl std::fmt::Display for DeviceRule {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let number = |number: Option<u32>| number.map_or("*".to_owned(), |number| number.to_string());
        write!(formatter, "{} {}:{} {}", self.kind, number(self.major), number(self.minor), self.permissions)
    }
}
