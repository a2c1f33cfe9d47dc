//! Recognizes the errors of programs that need a network.
//!
//! A `RUN` has no network by default, and the programs that try to use one fail with many messages that do not
//! mention a container: "Temporary failure resolving 'deb.debian.org'". A build that ends like this gets a hint. The
//! texts are those of the C libraries, which most programs print, and of programs with their own.

/// Parts of messages, with the programs that print them.
const MESSAGES: [&str; 16] = [
    // glibc and musl: strerror(3) of ENETUNREACH, gai_strerror(3) of EAI_AGAIN and EAI_NONAME
    "Network is unreachable",
    "Network unreachable",
    "Temporary failure in name resolution",
    "Name or service not known",
    "Name does not resolve",
    // apt, apk
    "Temporary failure resolving",
    "temporary error (try again later)",
    // curl and git, wget, busybox wget and ping
    "Could not resolve host",
    "unable to resolve host address",
    "bad address '",
    // Rust, Go, Node, Java
    "failed to lookup address information",
    "dial tcp: lookup",
    "no such host",
    "EAI_AGAIN",
    "ENETUNREACH",
    "UnknownHostException",
];

/// Whether a line of output is about a network that cannot be reached.
pub(super) fn is_network_error(line: &[u8]) -> bool {
    let contains = |part: &[u8]| line.windows(part.len()).any(|window| window == part);
    MESSAGES.iter().any(|message| contains(message.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expect: bool) {
        assert_eq!(is_network_error(line.as_bytes()), expect, "{line}");
    }

    /// The lines are what the programs print in a container without a network.
    #[test]
    fn messages_of_common_programs_are_recognized() {
        check("E: Failed to fetch x  Temporary failure resolving 'deb.debian.org'", true);
        check("curl: (6) Could not resolve host: example.com", true);
        check("wget: bad address 'example.com'", true);
        check("ping: sendto: Network unreachable", true);
        check("connect: Network is unreachable", true);
        check("WARNING: fetching https://example.com/APKINDEX.tar.gz: temporary error (try again later)", true);
        check("[Errno -3] Temporary failure in name resolution", true);
        check("npm error code EAI_AGAIN", true);
        check("dial tcp: lookup proxy.example.com on 192.0.2.1:53: connection refused", true);
        check("cat: /etc/nothing: No such file or directory", false);
        check("bad address", false);
        check("", false);
    }
}
