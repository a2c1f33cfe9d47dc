//! The flags behind the settings that the library's messages name.
//!
//! A library does not know the flags of this command, so its messages name a setting as its own users do:
//! `` `Sandbox::workdir` ``. What this command and the browser demo print names the flag instead.
//! `tests/api/texts.rs` checks that every setting in a message of the libraries has a row here.

use std::borrow::Cow;

/// The settings, each in backticks as in the messages, and the flags. A row may include words around a setting that
/// read differently on the command line; such rows come first.
const FLAGS: [(&str, &str); 33] = [
    ("`Sandbox::workdir` (for example, /)", "-w (for example, -w /)"),
    ("`Sandbox::user` (for example, 1000:1000)", "-u (for example, -u 1000:1000)"),
    ("name one with `Sandbox::command`", "add one after the image's name"),
    ("(`Sandbox::bind`, `Sandbox::tmpfs`)", "(-v, --mount, --tmpfs)"),
    (", with `Sandbox::bind`", " (for example, -v \"$(pwd)/data:/data\")"),
    ("Delegate=yes PROGRAM`", "Delegate=yes minicontainer run ...`"),
    ("as `platform`", "with --platform"),
    ("in `Request::secrets`", "with --secret id=ID,src=FILE"),
    ("`Sandbox::bind_open`", "-v"),
    ("`Sandbox::command`", "PROGRAM"),
    ("`Sandbox::cpus`", "--cpus"),
    ("`Sandbox::driver(Driver::Copy)`", "--driver copy"),
    ("`Sandbox::driver(Driver::Overlay)`", "--driver overlay"),
    ("`Sandbox::hostname`", "--hostname"),
    ("`Sandbox::memory`", "--memory"),
    ("`Sandbox::memory_swap`", "--memory-swap"),
    ("`Sandbox::profile(Profile::Untrusted)`", "--profile=untrusted"),
    ("`Sandbox::read_only`", "--read-only"),
    ("`Sandbox::sysctl`", "--sysctl"),
    ("`Sandbox::terminal`", "-t, --tty"),
    ("`Sandbox::time_offset`", "--time-offset"),
    ("`Sandbox::volatile`", "--rm"),
    ("`Sandbox::wall_time`", "--timeout"),
    ("`Sandbox::without(Isolation::Mount)`", "--without mount"),
    ("`Sandbox::without(Isolation::User)`", "--without user"),
    ("`Sandbox::without(Isolation::Uts)`", "--without uts"),
    ("`CreateRequest::name`", "--name"),
    ("`MountSpec::from_fields`", "--mount"),
    ("`MountSpec::from_volume`", "-v"),
    ("`Network::Host`", "--network host"),
    ("`RunOptions::privileged`", "--privileged"),
    ("`Transport::PlainHttp`", "--insecure"),
    ("`Users::Own`", "--userns auto"),
];

/// A message of a library, with flags in place of settings.
pub fn with_flags(message: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(message);
    for (setting, flag) in FLAGS {
        if text.contains(setting) {
            text = Cow::Owned(text.replace(setting, flag));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_flags_instead_of_settings() {
        for (message, expect) in [
            ("nothing to replace", "nothing to replace"),
            (
                "must be absolute; choose one with `Sandbox::workdir` (for example, /)",
                "must be absolute; choose one with -w (for example, -w /)",
            ),
            (
                "conflicting options: `Sandbox::hostname` and `Sandbox::without(Isolation::Uts)`",
                "conflicting options: --hostname and --without uts",
            ),
            ("`Sandbox::memory_swap` requires `Sandbox::memory`", "--memory-swap requires --memory"),
            ("`Users::Own` and `Sandbox::sysctl` net.x", "--userns auto and --sysctl net.x"),
        ] {
            assert_eq!(with_flags(message), expect);
        }
    }

    #[test]
    fn no_row_hides_a_later_one() {
        for (place, (setting, _)) in FLAGS.iter().enumerate() {
            let earlier = FLAGS[..place].iter().find(|(earlier, _)| setting.contains(earlier));
            assert_eq!(earlier, None, "{setting}");
        }
    }
}
