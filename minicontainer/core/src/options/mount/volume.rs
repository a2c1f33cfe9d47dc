//! The argument of `-v`: `SOURCE:TARGET[:OPTION,…]`.
//!
//! Docker's options are of five kinds, and each kind may be given once. Those that have no meaning here are accepted
//! if leaving them out changes nothing:
//!
//! | Options | Here |
//! |---|---|
//! | `ro` `rw` | as in Docker |
//! | `z` `Z` | nothing: no SELinux label is set on a container, so none is needed on a file |
//! | `cached` `delegated` `consistent` | nothing, as in Docker on Linux |
//! | `private` `rprivate` | what every mount here is: later mounts of the host do not appear |
//! | `shared` `rshared` `slave` `rslave` | refused, because later mounts would be expected to appear |
//! | `nocopy` | refused, as in Docker: it concerns volumes only |
//!
//! The rules are those of moby's `volume/mounts/linux_parser.go`.

use super::{Access, MountError, MountSpec, parse_source, parse_target, unknown};

/// The kinds of options.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Access,
    Label,
    Consistency,
    Propagation,
}

pub(super) fn parse(text: &str, current_directory: &str) -> Result<MountSpec, MountError> {
    let parts: Vec<&str> = text.split(':').collect();
    let (source, target, options) = match parts[..] {
        [""] | ["", ..] => return Err(MountError::Syntax { given: text.to_owned() }),
        [_] => return Err(MountError::Volume { given: text.to_owned() }),
        [source, target] => (source, target, ""),
        [source, target, options] => (source, target, options),
        _ => return Err(MountError::Syntax { given: text.to_owned() }),
    };
    let access = parse_options(text, options)?;
    let target = parse_target(text, target)?;
    Ok(MountSpec::Bind { source: parse_source(text, source, current_directory)?, target, access, owner: None })
}

fn parse_options(text: &str, options: &str) -> Result<Access, MountError> {
    let (mut access, mut given) = (Access::ReadWrite, Vec::new());
    for option in options.split(',').filter(|_| !options.is_empty()) {
        let kind = match option {
            "ro" | "rw" => Kind::Access,
            "z" | "Z" => Kind::Label,
            "cached" | "delegated" | "consistent" => Kind::Consistency,
            _ if propagation(text, option)? => Kind::Propagation,
            "nocopy" => {
                let reason = "it concerns volumes only, and this is a directory of the host";
                return Err(MountError::Unsupported { given: text.to_owned(), option: option.to_owned(), reason });
            }
            _ => {
                let known = "ro, rw, z, Z, cached, delegated, consistent, private, rprivate";
                return Err(unknown(text, option, known));
            }
        };
        if given.contains(&kind) {
            return Err(MountError::Twice { given: text.to_owned(), option: option.to_owned() });
        }
        given.push(kind);
        if option == "ro" {
            access = Access::ReadOnly;
        }
    }
    Ok(access)
}

/// Whether the word is a mount propagation, see mount_namespaces(7). Only private ones are possible.
pub(super) fn propagation(given: &str, word: &str) -> Result<bool, MountError> {
    match word {
        "private" | "rprivate" => Ok(true),
        "shared" | "rshared" | "slave" | "rslave" => Err(MountError::Unsupported {
            given: given.to_owned(),
            option: word.to_owned(),
            reason: "mounts in a container are always private, so later mounts of the host do not appear in it",
        }),
        _ => Ok(false),
    }
}
