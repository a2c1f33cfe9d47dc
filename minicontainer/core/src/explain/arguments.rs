//! The arguments of a step's message.

use super::{Argument, Language, message};
use crate::plan::{CAPABILITIES, DeviceAccess, DeviceRule, IdMapping, MountAttribute, Step, SwapLimit};

/// The arguments of the step's message.
#[expect(clippy::too_many_lines, reason = "a table with one entry for each step")]
pub(super) fn arguments(step: &Step, language: Language) -> Vec<(&'static str, Argument<'_>)> {
    match step {
        Step::CreateCgroup { name, controllers } => {
            vec![("name", name.into()), ("controllers", listed(controllers, language).into())]
        }
        Step::LimitMemory { bytes, swap } => {
            let (kind, most) = match swap {
                SwapLimit::None | SwapLimit::AtMost(0) => ("none", 0),
                SwapLimit::AtMost(most) => ("some", *most),
                SwapLimit::Unlimited => ("unlimited", 0),
            };
            vec![
                ("size", size(*bytes, language).into()),
                ("swap", kind.into()),
                ("most", size(most, language).into()),
            ]
        }
        Step::LimitCpu { quota, period } => vec![
            ("percent", decimal(*quota as f64 * 100.0 / *period as f64, language).into()),
            ("quota", (*quota).into()),
            ("period", (*period).into()),
        ],
        Step::LimitTogether { pids } => vec![("max", (*pids).into())],
        Step::LimitPids { max } => vec![("max", (*max).into())],
        Step::LimitCpuset { cpus } => vec![("cpus", cpus.into())],
        Step::LimitDevices { rules } => {
            let allowed = rules.iter().filter(|rule| rule.access == DeviceAccess::Allow).map(DeviceRule::to_string);
            vec![("allowed", listed(&allowed.collect::<Vec<_>>(), language).into())]
        }
        Step::MakeUserNamespace { uids, gids } => {
            vec![("users", mappings(uids).into()), ("groups", mappings(gids).into())]
        }
        Step::JoinNamespace { namespace, path } => {
            vec![("namespace", namespace.name().into()), ("path", path.into())]
        }
        Step::Clone { namespaces, into_cgroup } => vec![
            ("count", namespaces.len().into()),
            ("namespaces", namespaces.iter().map(|namespace| namespace.name()).collect::<Vec<_>>().join(", ").into()),
            ("group", if *into_cgroup { "inside" } else { "outside" }.into()),
        ],
        Step::MapIds { uids, gids, deny_setgroups, helped } => vec![
            ("users", mappings(uids).into()),
            ("groups", mappings(gids).into()),
            ("setgroups", if *deny_setgroups { "denied" } else { "allowed" }.into()),
            ("writer", if *helped { "helpers" } else { "engine" }.into()),
        ],
        Step::JoinCgroup { controllers } | Step::MoveIntoCgroup { controllers } => {
            vec![("controllers", listed(controllers, language).into())]
        }
        Step::UnshareTime { offsets } => {
            let words: Vec<String> = offsets.iter().map(ToString::to_string).collect();
            vec![("count", offsets.len().into()), ("offsets", words.join(", ").into())]
        }
        Step::SetHostname { name } => vec![("name", name.into())],
        Step::LimitWritableLayer { bytes, inodes, .. } => {
            vec![("size", size(*bytes, language).into()), ("inodes", (*inodes).into())]
        }
        Step::MountOverlay { lowers, volatile, idmapped, .. } => vec![
            ("count", lowers.len().into()),
            ("durability", if *volatile { "volatile" } else { "synced" }.into()),
            ("owners", if *idmapped { "shifted" } else { "kept" }.into()),
        ],
        Step::SetSysctl { name, value } => vec![("name", name.into()), ("value", value.into())],
        Step::BindRoot { source } => vec![("source", source.into())],
        Step::Mount { fstype, destination, attributes, .. } => vec![
            ("fstype", fstype.into()),
            ("destination", destination.into()),
            ("attributes", restrictions(attributes).into()),
        ],
        Step::BindMount { source, destination, attributes, owners, .. } => vec![
            ("owners", if owners.is_some() { "shown" } else { "same" }.into()),
            ("access", if attributes.contains(&MountAttribute::ReadOnly) { "ro" } else { "rw" }.into()),
            ("source", source.into()),
            ("destination", destination.into()),
            ("attributes", restrictions(attributes).into()),
        ],
        Step::MakeDevice { path, major, minor, .. } => {
            vec![("path", path.into()), ("major", (*major).into()), ("minor", (*minor).into())]
        }
        Step::Symlink { target, path } => vec![("target", target.into()), ("path", path.into())],
        Step::Remount { destination, attributes } => {
            vec![("destination", destination.into()), ("attributes", restrictions(attributes).into())]
        }
        Step::BindDevice { path, .. }
        | Step::MaskPath { path }
        | Step::ReadonlyPath { path }
        | Step::Chroot { path }
        | Step::EnterWorkdir { path } => vec![("path", path.into())],
        _ => process_arguments(step),
    }
}

/// The arguments of the steps that change the process itself.
fn process_arguments(step: &Step) -> Vec<(&'static str, Argument<'_>)> {
    match step {
        Step::SetUmask { mask } => vec![("mask", format!("{mask:04o}").into())],
        Step::SetRlimit { resource, soft, hard } => {
            vec![("resource", resource.into()), ("soft", bound(*soft).into()), ("hard", bound(*hard).into())]
        }
        Step::DropBoundingSet { keep } => {
            vec![("count", keep.len().into()), ("powers", capability_set_kind(keep).into())]
        }
        Step::SetUser { uid, gid, .. } => vec![("uid", (*uid).into()), ("gid", (*gid).into())],
        Step::SetCapabilities { permitted, .. } => {
            vec![("count", permitted.len().into()), ("powers", capability_set_kind(permitted).into())]
        }
        Step::InstallSeccomp { allowed, examined, refused, .. } => {
            vec![("allowed", (*allowed).into()), ("examined", (*examined).into()), ("refused", (*refused).into())]
        }
        Step::Execute { args, init, .. } => vec![
            ("program", args.first().map_or("", String::as_str).into()),
            ("init", if *init { "init" } else { "none" }.into()),
        ],
        _ => vec![],
    }
}

/// Restrictions in mount(8)'s syntax, or `none`, by which a message selects its variant.
fn restrictions(attributes: &[MountAttribute]) -> String {
    if attributes.is_empty() {
        return "none".to_owned();
    }
    attributes.iter().map(|attribute| attribute.name()).collect::<Vec<_>>().join(", ")
}

/// Whether a set has no, all or some capabilities, by which a message selects its variant.
fn capability_set_kind(set: &[String]) -> &'static str {
    match set.len() {
        0 => "none",
        count if count == CAPABILITIES.len() => "all",
        _ => "some",
    }
}

/// Id mappings as `inside → outside`.
fn mappings(lines: &[IdMapping]) -> String {
    let range = |first: u32, count: u32| match count {
        0 | 1 => first.to_string(),
        _ => format!("{first}–{}", u64::from(first) + u64::from(count) - 1),
    };
    let line = |line: &IdMapping| format!("{} → {}", range(line.inside, line.count), range(line.outside, line.count));
    lines.iter().map(line).collect::<Vec<_>>().join(", ")
}

/// A list of names, or the language's word for none.
fn listed(names: &[String], language: Language) -> String {
    if names.is_empty() { message(language, "label-nothing", &[]) } else { names.join(", ") }
}

/// A resource limit; the largest number means unlimited, see getrlimit(2).
fn bound(value: u64) -> String {
    if value == u64::MAX { "∞".to_owned() } else { value.to_string() }
}

/// A size in the largest binary unit that shows it with at most two decimals.
fn size(bytes: u64, language: Language) -> String {
    let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match units.into_iter().find(|(_, unit)| bytes >= *unit && (bytes * 100).is_multiple_of(*unit)) {
        Some((name, unit)) => format!("{} {name}", decimal(bytes as f64 / unit as f64, language)),
        None => format!("{bytes} B"),
    }
}

/// A number with at most two decimals and the language's decimal mark.
fn decimal(value: f64, language: Language) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    match language {
        Language::English => text.to_owned(),
        Language::Portuguese => text.replace('.', ","),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_size(bytes: u64, english: &str, portuguese: &str) {
        assert_eq!(size(bytes, Language::English), english);
        assert_eq!(size(bytes, Language::Portuguese), portuguese);
    }

    #[test]
    fn sizes_use_the_largest_exact_unit() {
        check_size(32 << 20, "32 MiB", "32 MiB");
        check_size(3 << 29, "1.5 GiB", "1,5 GiB");
        check_size(100, "100 B", "100 B");
        check_size((1 << 20) + 1, "1048577 B", "1048577 B");
    }

    #[test]
    fn cpu_fractions_keep_up_to_two_decimals() {
        assert_eq!(decimal(50.0, Language::English), "50");
        assert_eq!(decimal(0.5, Language::Portuguese), "0,5");
        assert_eq!(decimal(100.0, Language::English), "100");
    }
}
