//! Attacks through sockets: families that few programs need and that had many flaws, and sockets of the host.

use nix::errno::Errno;

use crate::calls::{call, call_32};
use crate::denied::number;
use crate::outcome::{Outcome, not_live};

/// The arguments of socketcall(2): below 4 GiB, because this program is linked at a fixed address.
static mut SOCKET_ARGUMENTS: [u32; 3] = [0; 3];

/// The attacks of this module.
pub fn attack(name: &str, arguments: &[String]) -> Option<Outcome> {
    let numbers: Option<Vec<usize>> = arguments.iter().map(|word| number(word)).collect();
    Some(match (name, numbers.as_deref()) {
        ("socket", Some([family])) => any_type(*family),
        ("socket", Some([family, kind])) => socket(*family, *kind, 0).into(),
        ("socket", Some([family, kind, protocol])) => socket(*family, *kind, *protocol).into(),
        ("socketpair", Some([family])) => socketpair(*family).into(),
        ("socketcall-32", Some([family])) => socketcall(*family).into(),
        ("abstract-socket", _) => match arguments.first() {
            Some(name) => abstract_socket(name).into(),
            None => not_live("no name given"),
        },
        _ => return None,
    })
}

fn socket(family: usize, kind: usize, protocol: usize) -> Result<usize, Errno> {
    call(libc::SYS_socket, &[family, kind, protocol])
}

/// A socket of any type that the family has. If all are refused, the result is the first error other than
/// EAFNOSUPPORT.
fn any_type(family: usize) -> Outcome {
    let kinds = [libc::SOCK_STREAM, libc::SOCK_DGRAM, libc::SOCK_SEQPACKET, libc::SOCK_RAW, libc::SOCK_RDM];
    let mut refusal = Errno::EAFNOSUPPORT;
    for kind in kinds {
        match socket(family, kind as usize, 0) {
            Ok(_) => return Outcome::Done,
            Err(errno) if refusal == Errno::EAFNOSUPPORT => refusal = errno,
            Err(_) => {}
        }
    }
    Outcome::Refused(refusal)
}

fn socketpair(family: usize) -> Result<usize, Errno> {
    let mut pair = [0i32; 2];
    call(libc::SYS_socketpair, &[family, libc::SOCK_STREAM as usize, 0, &raw mut pair as usize])
}

/// The call by which 32-bit programs create sockets: a filter sees only a pointer, not the family.
fn socketcall(family: usize) -> Result<usize, Errno> {
    let arguments = &raw mut SOCKET_ARGUMENTS;
    // SAFETY: this program has one thread, so nothing else writes there.
    unsafe { arguments.write([family as u32, libc::SOCK_DGRAM as u32, 0]) };
    if arguments as usize > u32::MAX as usize {
        return Err(Errno::EFAULT);
    }
    // SYS_SOCKET is 1.
    call_32(102, &[1, arguments as usize])
}

/// Connects to a socket whose name is not in the file system, see unix(7).
fn abstract_socket(name: &str) -> Result<usize, Errno> {
    let socket = socket(libc::AF_UNIX as usize, libc::SOCK_STREAM as usize, 0)?;
    let mut address = vec![libc::AF_UNIX as u8, 0, 0];
    address.extend_from_slice(name.as_bytes());
    call(libc::SYS_connect, &[socket, address.as_ptr() as usize, address.len()])
}
