//! The system calls that the seccomp filter has refused, for `--trace-denied`.

use minicontainer::core::{Report, explain::Language, seccomp};
use nix::errno::Errno;

use crate::messages::{label, message};

/// One line for each call: its name, how often it was refused, the error, and the flag that would allow it.
pub(super) fn denied_calls(report: &Report, language: Language) -> String {
    if report.denied_calls.is_empty() {
        return label("denied-none", language) + "\n";
    }
    let mut text = label("denied-heading", language) + "\n";
    for call in &report.denied_calls {
        let errno = Errno::from_raw(call.errno.cast_signed());
        let allowed = seccomp::capability_for(&call.name)
            .map(|name| format!("  {}", message("denied-allowed", [("capability", name.into())]).text(language)));
        text += &format!("  {:<24}{:>8} x  {errno:?}{}\n", call.name, call.count, allowed.unwrap_or_default());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use minicontainer::core::{Verdict, report::DeniedCall};

    #[test]
    fn refused_calls_are_listed_with_error_and_flag() {
        let call = |name: &str, errno, count| DeniedCall::new(name, errno, count);
        let mut report: Report = serde_json::from_value(serde_json::json!({
            "verdict": Verdict::Exited(0), "cpu_time": {"secs": 0, "nanos": 0}, "wall_time": {"secs": 0, "nanos": 0},
            "max_rss": 0, "peak_memory": null, "oom_kills": 0, "limits": {},
        }))
        .expect("a report");
        assert_eq!(denied_calls(&report, Language::English), "the seccomp filter has refused no system call\n");
        report.denied_calls = vec![call("keyctl", 38, 1), call("unshare", 1, 12)];
        assert_eq!(
            denied_calls(&report, Language::English),
            "system calls that the seccomp filter has refused:\n\
             \x20 keyctl                         1 x  ENOSYS\n\
             \x20 unshare                       12 x  EPERM  --cap-add SYS_ADMIN allows it\n"
        );
    }
}
