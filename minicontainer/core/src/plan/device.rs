//! The part of a plan that decides which devices can be used, wherever their nodes come from.
//!
//! A *device node* is a file that refers to a driver, by its kind (character or block) and two numbers. A process
//! that can open the node can use the device, and a node can come from anywhere: mknod(2), an image, a volume. So a
//! cgroup can limit which devices its processes may read, write, or create nodes for, in addition to the file's
//! permissions. The runtime specification lists such rules in `linux.resources.devices` ("Allowed Device list" in
//! config-linux.md). They are applied in order, so of all rules that match, the last one applies.
//!
//! An ordinary user cannot set such rules and needs none. In a user namespace mknod(2) creates no device nodes, and
//! nodes on file systems mounted there cannot be opened.

use oci_spec::runtime::{Capability, LinuxDeviceCgroup, LinuxDeviceType, Spec};

use super::DeviceAccess::{Allow, Deny};
use super::{DeviceAccess, DeviceRule, PlanError};

/// The character devices that every container may use: those of the runtime specification's "Default Devices", and
/// the terminals of its own devpts. A missing minor number matches all.
const ALWAYS_ALLOWED: [(u32, Option<u32>); 9] = [
    (1, Some(3)), // null
    (1, Some(5)), // zero
    (1, Some(7)), // full
    (1, Some(8)), // random
    (1, Some(9)), // urandom
    (5, Some(0)), // tty
    (5, Some(1)), // console
    (5, Some(2)), // ptmx
    (136, None),  // pts/*
];

/// The rules that allow the default devices. Docker and runc allow `/dev/net/tun` as well; here it is denied, because
/// a process that opens it can create network interfaces. If nodes may be created, all may, because these rules
/// decide which of them can be opened.
pub fn default_device_rules(may_make_nodes: bool) -> Vec<DeviceRule> {
    let rule = |kind, major, minor, permissions: &str| DeviceRule {
        access: Allow,
        kind,
        major,
        minor,
        permissions: permissions.to_owned(),
    };
    let any_node = ['c', 'b'].map(|kind| rule(kind, None, None, "m"));
    let always = ALWAYS_ALLOWED.map(|(major, minor)| rule('c', Some(major), minor, "rwm"));
    any_node.into_iter().filter(|_| may_make_nodes).chain(always).collect()
}

/// The rule for all devices, with which a list begins.
pub fn every_device(access: DeviceAccess) -> DeviceRule {
    DeviceRule { access, kind: 'a', major: None, minor: None, permissions: "rwm".to_owned() }
}

/// The runtime config's rules and the default ones; none if all devices are allowed. Only the first rule is for all
/// devices.
pub(super) fn rules(spec: &Spec) -> Result<Vec<DeviceRule>, PlanError> {
    let resources = spec.linux().as_ref().and_then(|linux| linux.resources().as_ref());
    let listed = resources.and_then(|resources| resources.devices().as_deref()).unwrap_or_default();
    if listed.is_empty() {
        return Ok(Vec::new());
    }
    let mut rules = vec![every_device(Deny)];
    for line in listed {
        for rule in parsed(line)? {
            if rule.kind == 'a' {
                // It overrides all earlier rules.
                rules.clear();
            }
            rules.push(rule);
        }
    }
    if rules == [every_device(Allow)] {
        return Ok(Vec::new());
    }
    let capabilities = spec.process().as_ref().and_then(|process| process.capabilities().as_ref());
    let bounding = capabilities.and_then(|sets| sets.bounding().as_ref());
    // The container's first process creates the runtime config's nodes, and these rules apply to it as well.
    let makes_nodes = spec
        .linux()
        .as_ref()
        .is_some_and(|linux| linux.devices().as_ref().is_some_and(|devices| !devices.is_empty()));
    let always = default_device_rules(makes_nodes || bounding.is_some_and(|set| set.contains(&Capability::Mknod)));
    rules.retain(|rule| !always.contains(rule));
    rules.extend(always);
    Ok(rules)
}

/// Parses a rule of the runtime config. A rule for both kinds that does not match all devices becomes one rule for
/// each kind.
fn parsed(line: &LinuxDeviceCgroup) -> Result<Vec<DeviceRule>, PlanError> {
    let unsupported = || PlanError::Unsupported { field: "linux.resources.devices", value: line.to_string() };
    let number = |number: Option<i64>| match number {
        None | Some(-1) => Ok(None),
        Some(number) => u32::try_from(number).map(Some).map_err(|_| unsupported()),
    };
    let (major, minor) = (number(line.major())?, number(line.minor())?);
    let access = if line.allow() { Allow } else { Deny };
    let given = line.access().as_deref().unwrap_or_default();
    let permissions: String = "rwm".chars().filter(|sign| given.contains(*sign)).collect();
    if permissions.is_empty() || !given.chars().all(|sign| "rwm".contains(sign)) {
        return Err(unsupported());
    }
    let kinds = match line.typ().unwrap_or_default() {
        LinuxDeviceType::A if major.is_none() && minor.is_none() && permissions == "rwm" => vec!['a'],
        LinuxDeviceType::A => vec!['c', 'b'],
        LinuxDeviceType::B => vec!['b'],
        LinuxDeviceType::C | LinuxDeviceType::U => vec!['c'],
        LinuxDeviceType::P => return Err(unsupported()),
    };
    Ok(kinds
        .into_iter()
        .map(|kind| DeviceRule { access, kind, major, minor, permissions: permissions.clone() })
        .collect())
}

/// The first rule, if any, that cgroup version 1 cannot express. Version 1 stores one rule for all devices and a list
/// of exceptions. An exception can only be removed exactly as it was added, so there are no exceptions to exceptions.
pub(super) fn unsupported_by_version1(rules: &[DeviceRule]) -> Option<&DeviceRule> {
    let (general, others) = rules.split_first()?;
    let meets = |one: Option<u32>, other: Option<u32>| one.is_none() || other.is_none() || one == other;
    let numbers = |rule: &DeviceRule| (rule.kind, rule.major, rule.minor);
    others.iter().enumerate().find_map(|(index, rule)| {
        let partly_overruled = others[..index].iter().any(|earlier| {
            earlier.access != rule.access
                && earlier.kind == rule.kind
                && meets(earlier.major, rule.major)
                && meets(earlier.minor, rule.minor)
                && numbers(earlier) != numbers(rule)
        });
        (rule.access == general.access && partly_overruled).then_some(rule)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(devices: &str) -> Spec {
        let text = format!(
            r#"{{"ociVersion":"1.0.2","process":{{"cwd":"/","user":{{"uid":0,"gid":0}},
                "capabilities":{{"bounding":["CAP_MKNOD"]}}}},"linux":{{"resources":{{"devices":[{devices}]}}}}}}"#
        );
        serde_json::from_str(&text).expect("a runtime config")
    }

    /// Checks the rules, without the default ones.
    #[track_caller]
    fn check(devices: &str, expected: &str) {
        let text = match rules(&spec(devices)) {
            Ok(rules) => {
                let always = default_device_rules(true);
                let sign = |rule: &DeviceRule| if rule.access == Allow { '+' } else { '-' };
                let own = rules.iter().filter(|rule| !always.contains(rule));
                own.map(|rule| format!("{}{rule}", sign(rule))).collect::<Vec<_>>().join(", ")
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(text, expected);
    }

    #[test]
    fn last_wildcard_rule_starts_the_list() {
        check("", "");
        check(r#"{"allow":true,"access":"rwm"}"#, "");
        check(r#"{"allow":false,"access":"rwm"}"#, "-a *:* rwm");
        check(r#"{"allow":true,"type":"c","major":10,"minor":229,"access":"wr"}"#, "-a *:* rwm, +c 10:229 rw");
        check(
            r#"{"allow":true,"type":"c","major":9,"access":"r"},{"allow":false,"access":"mrw"},
               {"allow":true,"type":"a","major":7,"minor":-1,"access":"r"}"#,
            "-a *:* rwm, +c 7:* r, +b 7:* r",
        );
    }

    #[test]
    fn unsupported_device_rules_are_rejected() {
        let refused = |value: &str| {
            format!(
                "linux.resources.devices \"{value}\" is not supported; take it out of the runtime config, or run the \
                 bundle with runc or crun"
            )
        };
        check(r#"{"allow":true,"type":"c","major":1,"access":"x"}"#, &refused("c 1:* x"));
        check(r#"{"allow":true,"type":"c","major":-7,"access":"r"}"#, &refused("c -7:* r"));
        check(r#"{"allow":true,"type":"p","access":"r"}"#, &refused("p *:* r"));
        check(r#"{"allow":true,"type":"c"}"#, &refused("c *:* "));
    }

    #[test]
    fn default_devices_are_allowed_last() {
        let rules =
            rules(&spec(r#"{"allow":false,"access":"rwm"},{"allow":false,"type":"c","major":1,"access":"r"}"#));
        assert!(rules.expect("rules").ends_with(&default_device_rules(true)));
    }

    #[test]
    fn cgroup_v1_cannot_express_nested_exceptions() {
        let rule = |access, major, minor| DeviceRule { access, kind: 'c', major, minor, permissions: "rwm".into() };
        let general = every_device(Deny);
        let wide = rule(Allow, Some(10), None);
        let narrow = rule(Deny, Some(10), Some(229));
        assert_eq!(unsupported_by_version1(&[general.clone(), wide.clone(), narrow.clone()]), Some(&narrow));
        assert_eq!(unsupported_by_version1(&[general.clone(), narrow, wide.clone()]), None);
        assert_eq!(
            unsupported_by_version1(&[general, wide, rule(Deny, Some(10), None), rule(Deny, Some(9), None)]),
            None
        );
    }
}
