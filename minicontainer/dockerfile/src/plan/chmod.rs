//! `--chmod`: permissions as chmod(1) takes them, `755` or `u=rwX,go=rX`.
//!
//! ```
//! use minicontainer_dockerfile::plan::Chmod;
//!
//! let chmod: Chmod = "u=rwX,go=rX".parse()?;
//! assert_eq!((chmod.apply(0o600, false), chmod.apply(0o700, true)), (0o644, 0o755));
//! assert_eq!("4750".parse::<Chmod>()?.apply(0o644, false), 0o4750);
//! # Ok::<(), minicontainer_dockerfile::plan::ChmodError>(())
//! ```

use std::{fmt, str::FromStr};

use serde::Serialize;

/// New permissions, or a change of the old ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct Chmod {
    text: String,
    changes: Vec<Change>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Change {
    Set(u32),
    /// A change of the permissions in `who`; `what` is a combination of `r`, `w`, `x`, `X`, `s` and `t`.
    Symbolic {
        who: u32,
        operator: char,
        what: String,
    },
}

/// The text is not a valid mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("permissions are octal, such as 755, or symbolic, such as u=rwX,go=rX")]
pub struct ChmodError;

impl Chmod {
    /// The new permissions of a file that has these permissions.
    pub fn apply(&self, mode: u32, is_directory: bool) -> u32 {
        self.changes.iter().fold(mode & 0o7777, |mode, change| match change {
            Change::Set(mode) => *mode,
            Change::Symbolic { who, operator, what } => {
                let runnable = is_directory || mode & 0o111 != 0;
                let bits = what.chars().fold(0, |bits, what| bits | bits_of(what, runnable)) & who;
                match operator {
                    '+' => mode | bits,
                    '-' => mode & !bits,
                    _ => (mode & !(who & 0o777)) | bits,
                }
            }
        })
    }
}

fn bits_of(what: char, runnable: bool) -> u32 {
    match what {
        'r' => 0o444,
        'w' => 0o222,
        'x' => 0o111,
        'X' if runnable => 0o111,
        's' => 0o6000,
        't' => 0o1000,
        _ => 0,
    }
}

impl FromStr for Chmod {
    type Err = ChmodError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_octal = !text.is_empty() && text.chars().all(|digit| digit.is_digit(8));
        let changes = match is_octal {
            true => {
                let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o7777);
                vec![Change::Set(mode.ok_or(ChmodError)?)]
            }
            false => text.split(',').map(change).collect::<Option<_>>().ok_or(ChmodError)?,
        };
        Ok(Chmod { text: text.to_owned(), changes })
    }
}

/// `[ugoa]*[-+=][rwxXst]*`
fn change(text: &str) -> Option<Change> {
    let at = text.find(['+', '-', '='])?;
    let who = text[..at].chars().try_fold(0, |bits, who| match who {
        'u' => Some(bits | 0o4700),
        'g' => Some(bits | 0o2070),
        'o' => Some(bits | 0o1007),
        'a' => Some(bits | 0o7777),
        _ => None,
    })?;
    let what = &text[at + 1..];
    let known = what.chars().all(|one| matches!(one, 'r' | 'w' | 'x' | 'X' | 's' | 't'));
    let who = if at == 0 { 0o7777 } else { who };
    known.then(|| Change::Symbolic { who, operator: char::from(text.as_bytes()[at]), what: what.to_owned() })
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
