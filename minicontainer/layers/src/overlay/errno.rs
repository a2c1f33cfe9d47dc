//! Why a call fails, see errno(3).

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! errors {
    ($($name:ident = $number:literal $text:literal;)*) => {
        /// The errors of calls on an overlay. `Display` prints the text of strerror(3).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Errno {
            $(#[doc = $text] $name,)*
        }

        impl Errno {
            /// Its number on Linux.
            pub fn number(self) -> i32 {
                match self { $(Errno::$name => $number,)* }
            }

            /// The error with this number; `None` if it is not in the list.
            pub fn from_number(number: i32) -> Option<Errno> {
                match number { $($number => Some(Errno::$name),)* _ => None }
            }

            fn text(self) -> &'static str {
                match self { $(Errno::$name => $text,)* }
            }
        }
    };
}

errors! {
    EPERM = 1 "Operation not permitted";
    ENOENT = 2 "No such file or directory";
    ENXIO = 6 "No such device or address";
    EBADF = 9 "Bad file descriptor";
    EBUSY = 16 "Device or resource busy";
    EEXIST = 17 "File exists";
    EXDEV = 18 "Invalid cross-device link";
    ENOTDIR = 20 "Not a directory";
    EISDIR = 21 "Is a directory";
    EINVAL = 22 "Invalid argument";
    ESPIPE = 29 "Illegal seek";
    ENAMETOOLONG = 36 "File name too long";
    ENOTEMPTY = 39 "Directory not empty";
    ELOOP = 40 "Too many levels of symbolic links";
    ENODATA = 61 "No data available";
    ESTALE = 116 "Stale file handle";
}

impl fmt::Display for Errno {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text())
    }
}

impl std::error::Error for Errno {}
