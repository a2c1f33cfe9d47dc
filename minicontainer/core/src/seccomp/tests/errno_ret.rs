//! Compares the table in the documentation of [`errno_ret`](super::super::errno_ret) with what the compiled filter
//! returns.

use std::collections::BTreeMap;

use super::*;
use crate::seccomp::{errno_ret::ENOSYS_CALLS, system_calls::Permission};

/// The rows for whole calls, without those for some arguments: each name with the error.
fn documented() -> BTreeMap<&'static str, u32> {
    let rows = include_str!("../errno_ret.rs").lines().filter_map(|line| line.strip_prefix("//! | `"));
    let rows = rows.filter(|row| !row.starts_with("socket") && !row.starts_with("ioctl"));
    let rows = rows.map(|row| row.split(" | "));
    rows.flat_map(|mut columns| {
        let names = columns.next().unwrap_or_default().split(['`', ',', ' ']).filter(|name| !name.is_empty());
        let errno = match columns.next() {
            Some("ENOSYS") => ENOSYS,
            other => panic!("the table has the error {other:?}"),
        };
        names.map(move |name| (name, errno)).collect::<Vec<_>>()
    })
    .collect()
}

#[test]
fn refused_calls_return_the_documented_errors() {
    let documented = documented();
    let mut enosys = documented.keys().copied().filter(|name| *name != "clone3").collect::<Vec<_>>();
    enosys.sort_unstable();
    assert_eq!(enosys, ENOSYS_CALLS);
    let conditional = ["clone", "ioctl", "personality", "socket", "socketpair"];
    let withheld = TABLE.iter().filter(|row| row.3 == Permission::Withheld).map(|row| row.0);
    for name in withheld.filter(|name| *name != "chroot" && !conditional.contains(name)) {
        check(&ours(false), name, &[], documented.get(name).copied().unwrap_or(EPERM));
        // Docker's own profile has one error for all calls but clone3.
        let dockers = if name == "clone3" { ENOSYS } else { EPERM };
        check(&ours(true), name, &[], dockers);
    }
}

/// libaudit continues only with these errors, see `audit_help_open` of shadow-utils.
#[test]
fn audit_socket_is_refused_as_by_a_kernel_without_audit() {
    check(&ours(false), "socket", &[16, 3 | 0x8_0000, 9], EPROTONOSUPPORT);
    check(&ours(false), "socket", &[16, 3, 0], ALLOW);
    for family in [3, 4, 8, 9, 11, 15, 17, 21, 29, 31, 38, 40, 44, 45, 46, 1000] {
        check(&ours(false), "socket", &[family, 3, 0], EAFNOSUPPORT);
    }
}
