//! Attacks on a terminal, see ioctl_tty(2): they push characters as if the user had typed them, or take over the
//! machine's console. Each is tried on the three standard streams and on `/dev/tty`.
//!
//! `probe owner COMMAND…` is the victim: it makes its stdin the controlling terminal of a new session, as a login
//! does, runs the command there, and prints how many characters were typed at the end.

use std::process::Command;

use nix::errno::Errno;

use crate::calls::{call, open};
use crate::outcome::Outcome;

/// A bit in the upper half of the request, which the kernel ignores but a careless filter compares.
const HIGH_BIT: usize = 1 << 32;

/// The attacks of this module.
pub fn attack(name: &str, _: &[String]) -> Option<Outcome> {
    let typed = b"\n".as_ptr() as usize;
    // TIOCL_GETSHIFTSTATE, a harmless TIOCLINUX request. Another one pastes the selection.
    let request = [6u8];
    let request = request.as_ptr() as usize;
    Some(match name {
        "terminal-push" => anywhere(libc::TIOCSTI as usize, typed),
        "terminal-push-high" => anywhere(libc::TIOCSTI as usize | HIGH_BIT, typed),
        "terminal-linux" => anywhere(libc::TIOCLINUX as usize, request),
        "terminal-linux-high" => anywhere(libc::TIOCLINUX as usize | HIGH_BIT, request),
        "terminal-console" => anywhere(libc::TIOCCONS as usize, 0),
        _ => return None,
    })
}

/// Makes the request on every possible terminal. A refusal for another reason than "not a terminal" is reported.
fn anywhere(request: usize, argument: usize) -> Outcome {
    let opened = open("/dev/tty", libc::O_RDWR | libc::O_NOCTTY).ok();
    let mut refusal = Errno::ENOTTY;
    for descriptor in [0, 1, 2].into_iter().chain(opened) {
        match call(libc::SYS_ioctl, &[descriptor as usize, request, argument]) {
            Ok(_) => return Outcome::Done,
            Err(errno @ (Errno::EPERM | Errno::EIO)) => refusal = errno,
            Err(_) => {}
        }
    }
    Outcome::Refused(refusal)
}

/// Owns the terminal on stdin while a command runs, and prints what was typed meanwhile.
pub fn owner(command: &[String]) -> Result<String, Errno> {
    let [program, arguments @ ..] = command else { return Err(Errno::EINVAL) };
    call(libc::SYS_setsid, &[])?;
    call(libc::SYS_ioctl, &[0, libc::TIOCSCTTY as usize, 0])?;
    let ended = Command::new(program).args(arguments).status();
    // SAFETY: termios is plain numbers, for which all zero is a value.
    let mut settings: libc::termios = unsafe { std::mem::zeroed() };
    call(libc::SYS_ioctl, &[0, libc::TCGETS as usize, &raw mut settings as usize])?;
    // Single characters, because otherwise only complete lines would be counted.
    settings.c_lflag &= !libc::ICANON;
    call(libc::SYS_ioctl, &[0, libc::TCSETS as usize, &raw const settings as usize])?;
    let mut count = 0i32;
    call(libc::SYS_ioctl, &[0, libc::FIONREAD as usize, &raw mut count as usize])?;
    let ended = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
    Ok(format!("typed: {count}\nended: {ended}"))
}
