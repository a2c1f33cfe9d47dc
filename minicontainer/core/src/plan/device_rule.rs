//! One rule for devices, as the control group of either version has it carried out.
//!
//! ```
//! use minicontainer_core::plan::{DeviceAccess, DeviceRule};
//!
//! let terminals =
//!     DeviceRule { access: DeviceAccess::Allow, kind: 'c', major: Some(136), minor: None, uses: "rw".into() };
//! assert_eq!(terminals.to_string(), "c 136:* rw");
//! ```

use serde::Serialize;

/// Whether a rule lets a device be used, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceAccess {
    /// It may be used in the ways that the rule names.
    Allow,
    /// It may not.
    Deny,
}

/// A rule of a container's device control group, see "Device Controller" in the kernel's cgroup documentation and
/// "Allowed Device list" in the runtime specification's config-linux.md. A later rule overrules an earlier one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceRule {
    /// Whether it allows or denies.
    pub access: DeviceAccess,
    /// `c` for character devices, `b` for block devices, `a` for all.
    pub kind: char,
    /// The driver's number; any when there is none.
    pub major: Option<u32>,
    /// The device's number; any when there is none.
    pub minor: Option<u32>,
    /// Which uses are meant: some of `r` (read), `w` (write), `m` (make a node).
    pub uses: String,
}

/// As the `devices.allow` file of cgroup version 1 takes it.
impl std::fmt::Display for DeviceRule {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let number = |number: Option<u32>| number.map_or("*".to_owned(), |number| number.to_string());
        write!(formatter, "{} {}:{} {}", self.kind, number(self.major), number(self.minor), self.uses)
    }
}
