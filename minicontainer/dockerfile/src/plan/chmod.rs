//! `--chmod`: permissions as chmod(1) takes them, `755` or `u=rwX,go=rX`.
//!
//! BuildKit follows FreeBSD's setmode(3) for symbolic permissions, and so does this module. A change is a sequence of
//! steps that add and remove bits. `X` depends on whether the file was executable before the change. Without a class
//! of users (`+w`), the usual umask of 022 applies.
//!
//! ```
//! use minicontainer_dockerfile::plan::Chmod;
//!
//! let chmod: Chmod = "u=rwX,go=rX".parse()?;
//! assert_eq!((chmod.apply(0o600, false), chmod.apply(0o700, true)), (0o644, 0o755));
//! assert_eq!("4750".parse::<Chmod>()?.apply(0o644, false), 0o4750);
//! assert_eq!("go=u-w".parse::<Chmod>()?.apply(0o750, false), 0o755);
//! # Ok::<(), minicontainer_dockerfile::plan::ChmodError>(())
//! ```

use std::{fmt, str::FromStr};

use serde::Serialize;

/// New permissions, or a change of the old ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct Chmod {
    text: String,
    steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Set(u32),
    Add(u32),
    Remove(u32),
    /// For `X`: only if the file is a directory, or any user may execute it.
    AddIfExecutable(u32),
    RemoveIfExecutable(u32),
    /// Copies the permissions of one class to others, as `g=u`: how far the bits of that class are shifted to the
    /// left, and which bits may change.
    Copy {
        operator: char,
        shift: u32,
        who: u32,
    },
}

/// The text is not a valid mode.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("permissions are octal, such as 755, or symbolic, such as u=rwX,go=rX")]
pub struct ChmodError;

minicontainer_core::plain_diagnostic!(ChmodError: InvalidInput);

/// All bits except the sticky bit, which only `t` changes.
const STANDARD: u32 = 0o6777;
const STICKY: u32 = 0o1000;
const EXECUTE: u32 = 0o111;
/// The bits that can be set without a class, as in `+w`: all except those of the umask.
const UNMASKED: u32 = 0o7755;

impl Chmod {
    /// The new permissions of a file that has these permissions.
    pub fn apply(&self, mode: u32, is_directory: bool) -> u32 {
        let runnable = is_directory || mode & EXECUTE != 0;
        self.steps.iter().fold(mode & 0o7777, |mode, step| match *step {
            Step::Set(mode) => mode,
            Step::Add(bits) => mode | bits,
            Step::Remove(bits) => mode & !bits,
            Step::AddIfExecutable(bits) if runnable => mode | bits,
            Step::RemoveIfExecutable(bits) if runnable => mode & !bits,
            Step::AddIfExecutable(_) | Step::RemoveIfExecutable(_) => mode,
            Step::Copy { operator, shift, who } => {
                let copied = (((mode >> shift) & 0o7) * EXECUTE) & who;
                match operator {
                    '+' => mode | copied,
                    '-' => mode & !copied,
                    _ => (mode & !(who & 0o777)) | copied,
                }
            }
        })
    }
}

impl FromStr for Chmod {
    type Err = ChmodError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut steps = Vec::new();
        if text.starts_with(|first: char| first.is_ascii_digit()) {
            let is_octal = text.chars().all(|digit| digit.is_digit(8));
            let mode = u32::from_str_radix(text, 8).ok().filter(|mode| is_octal && *mode <= 0o7777);
            steps.push(Step::Set(mode.ok_or(ChmodError)?));
        } else {
            text.split(',').try_for_each(|clause| read_clause(clause, &mut steps)).ok_or(ChmodError)?;
        }
        Ok(Chmod { text: text.to_owned(), steps })
    }
}

/// `[ugoa]*` and then, once or more, `[-+=][rwxXst]*` or `[-+=][ugo]`.
fn read_clause(clause: &str, steps: &mut Vec<Step>) -> Option<()> {
    let at = clause.find(['+', '-', '='])?;
    let class = |bits, class| match class {
        'u' => Some(bits | 0o4700),
        'g' => Some(bits | 0o2070),
        'o' => Some(bits | 0o0007),
        'a' => Some(bits | STANDARD),
        _ => None,
    };
    let classes = clause[..at].chars().try_fold(0, class)?;
    let mut rest = &clause[at..];
    while let Some(operator) = rest.chars().next() {
        let end = rest[1..].find(['+', '-', '=']).map_or(rest.len(), |end| end + 1);
        read_change(operator, &rest[1..end], classes, steps)?;
        rest = &rest[end..];
    }
    Some(())
}

/// Reads one operator with its permissions.
fn read_change(operator: char, permissions: &str, classes: u32, steps: &mut Vec<Step>) -> Option<()> {
    // The class of others has no set-id bit and no sticky bit.
    let only_others = classes == 0o0007;
    let may_set = if classes == 0 { UNMASKED } else { classes | if only_others { 0 } else { STICKY } };
    if let Some(shift) = ["o", "g", "u"].iter().position(|class| *class == permissions) {
        let who = if classes == 0 { UNMASKED } else { classes };
        steps.push(Step::Copy { operator, shift: 3 * shift as u32, who });
        return Some(());
    }
    let (mut bits, mut executable) = (0, 0);
    for permission in permissions.chars() {
        match permission {
            'r' => bits |= 0o444,
            'w' => bits |= 0o222,
            'x' => bits |= EXECUTE,
            'X' => executable = EXECUTE,
            's' if only_others => {}
            's' => bits |= 0o6000,
            't' => bits |= STICKY,
            _ => return None,
        }
    }
    let (bits, executable) = (bits & may_set, executable & may_set);
    if operator == '-' {
        steps.extend([Step::Remove(bits), Step::RemoveIfExecutable(executable)]);
        return Some(());
    }
    if operator == '=' {
        steps.push(Step::Remove(if classes == 0 { STANDARD } else { classes } | bits & STICKY));
    }
    steps.extend([Step::Add(bits), Step::AddIfExecutable(executable)]);
    Some(())
}

impl fmt::Display for Chmod {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl From<Chmod> for String {
    fn from(chmod: Chmod) -> String {
        chmod.text
    }
}
